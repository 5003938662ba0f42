// Small parts that several screens share.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useBusy } from "./store";

interface ButtonProps {
  children: ComponentChildren;
  act: () => unknown;
  kind?: "primary" | "danger" | "quiet";
  disabled?: boolean | undefined;
  label?: string | undefined;
  /** Where it cannot be used: why. */
  title?: string | undefined;
}

/** A button that cannot be pressed twice while its action runs. */
export function Button({ children, act, kind, disabled, label, title }: ButtonProps) {
  const [busy, run] = useBusy();
  return (
    <button
      type="button"
      class={`button ${kind ?? ""}`}
      disabled={disabled || busy}
      aria-busy={busy}
      aria-label={label}
      title={title}
      onClick={() => run(async () => act())}
    >
      {children}
    </button>
  );
}

export interface MenuEntry {
  words: string;
  act: () => unknown;
  danger?: boolean;
  disabled?: boolean;
}

/** A button with a menu: arrows move, Escape closes, focus returns. */
export function MenuButton({
  label,
  entries,
  children,
}: {
  label: string;
  entries: MenuEntry[];
  /** What the button shows instead of three dots. */
  children?: ComponentChildren;
}) {
  const [open, setOpen] = useState(false);
  const [above, setAbove] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const items = () => [
    ...(root.current?.querySelectorAll<HTMLButtonElement>("[role=menuitem]:enabled") ?? []),
  ];
  const close = (back: boolean) => {
    setOpen(false);
    if (back) root.current?.querySelector<HTMLButtonElement>("button")?.focus();
  };
  useEffect(() => {
    if (!open) return;
    setAbove(!fitsBelow(root.current));
    items()[0]?.focus({ preventScroll: true });
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const keys = (event: KeyboardEvent) => {
    if (!open) return;
    if (event.key === "Escape") close(true);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    all[(at + step + all.length) % all.length]?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its buttons take the keys; they only pass through here
    <div
      class="menu"
      ref={root}
      onKeyDown={keys}
      onFocusOut={(event) => {
        if (!root.current?.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
    >
      <button
        type="button"
        class={`button ${children === undefined ? "quiet icon" : ""}`}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        aria-label={label}
        onClick={() => setOpen(!open)}
      >
        {children ?? (
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="3" cy="8" r="1.4" />
            <circle cx="8" cy="8" r="1.4" />
            <circle cx="13" cy="8" r="1.4" />
          </svg>
        )}
      </button>
      {open && (
        <div class={`menu-list ${above ? "above" : ""}`} role="menu" id={id} aria-label={label}>
          {entries.map((entry) => (
            <button
              type="button"
              role="menuitem"
              class={entry.danger ? "danger" : ""}
              disabled={entry.disabled}
              onClick={() => {
                close(true);
                void entry.act();
              }}
            >
              {entry.words}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Whether the menu that has just opened ends inside the window. */
function fitsBelow(root: HTMLElement | null): boolean {
  const list = root?.querySelector(".menu-list")?.getBoundingClientRect();
  const button = root?.getBoundingClientRect();
  if (list === undefined || button === undefined) return true;
  return button.bottom + list.height + 8 <= innerHeight || button.top < list.height + 8;
}

/** Puts a text into the clipboard. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const act = async () => {
    setCopied(await copy(text));
  };
  return (
    <Button act={act} label={label}>
      {copied ? "Copied" : "Copy"}
    </Button>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A webview may keep that for secure origins; a selection can be copied all the same.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}

interface DialogProps {
  title: string;
  children: ComponentChildren;
  onClose: () => void;
}

/** A modal question; Escape and the browser's own focus trap come with the element. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ComponentChildren;
  /** What the dangerous button says. */
  words: string;
  act: () => Promise<unknown>;
  close: () => void;
}

/** A question before something is taken away; staying is the first choice. */
export function Confirm({ title, children, words, act, close }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={close}>
      <p>{children}</p>
      <div class="actions end">
        <Button act={close}>Keep it</Button>
        <Button kind="danger" act={() => act().then(close)}>
          {words}
        </Button>
      </div>
    </Dialog>
  );
}

/** A message across the page that stays until its cause is gone. */
export function Banner({
  kind,
  title,
  children,
  actions,
}: {
  kind: "info" | "warn" | "bad";
  title: string;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}) {
  return (
    <section class={`banner ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <div class="banner-text">
        <strong>{title}</strong>
        {children && <div>{children}</div>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </section>
  );
}

interface SwitchProps {
  on: boolean;
  label: string;
  hint?: string | undefined;
  change: (on: boolean) => Promise<unknown>;
}

/** On or off; shows the old state until the change is confirmed. */
export function Switch({ on, label, hint, change }: SwitchProps) {
  const [busy, run] = useBusy();
  return (
    <label class="switch-row">
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
      <input
        type="checkbox"
        // biome-ignore lint/a11y/useAriaPropsForRole: a checkbox says itself whether it is checked
        role="switch"
        checked={on}
        disabled={busy}
        onChange={(event) => {
          const wanted = event.currentTarget.checked;
          event.currentTarget.checked = on;
          run(() => change(wanted));
        }}
      />
    </label>
  );
}

/** One of a few, side by side. */
export function Segments<T extends string>({
  label,
  value,
  options,
  change,
}: {
  label: string;
  value: T;
  options: { value: T; words: string }[];
  change: (value: T) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          type="button"
          aria-pressed={option.value === value}
          onClick={() => change(option.value)}
        >
          {option.words}
        </button>
      ))}
    </div>
  );
}

/** Stands where rows will be. */
export function Reading({ trouble }: { trouble: string | null }) {
  return trouble === null ? (
    <p class="muted" role="status">
      Reading…
    </p>
  ) : (
    <p class="bad" role="alert">
      {trouble}
    </p>
  );
}
