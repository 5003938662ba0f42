// One store: the last view, and the actions under way.

import { createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Backend } from "./backend";
import type { AccountId, AccountView, Answer, Askable, Shown, View } from "./bindings";

export interface Toast {
  id: number;
  good: boolean;
  text: string;
  /** What can still be done about it. */
  action?: ToastAction | undefined;
}

export interface ToastAction {
  words: string;
  act: () => Promise<unknown>;
}

/** Shows a message for a while. */
export type Tell = (good: boolean, text: string, action?: ToastAction) => void;

export interface Store {
  backend: Backend;
  view: View;
  nowMs: number;
  version: string;
  /** Asks, tells a refusal, and returns the answer. */
  ask: (request: Askable, done?: string | ((answer: Answer) => string)) => Promise<Answer>;
  toast: Tell;
}

const Context = createContext<Store | null>(null);
export const StoreProvider = Context.Provider;

export function useStore(): Store {
  const store = useContext(Context);
  if (store === null) throw new Error("no store above this component");
  return store;
}

/** The clock on the screen moves this often; nothing else is scheduled in the page. */
const TICK_MS = 10_000;
const TOAST_MS = 10_000;

interface Held {
  shown: Shown;
  /** The driver's clock minus the page's, at the moment the view came. */
  skewMs: number;
}

/** The last view and the driver's clock, which moves on between views. */
export function useShown(backend: Backend): { shown: Shown | null; nowMs: number } {
  const [held, setHeld] = useState<Held | null>(null);
  const [, tick] = useState(0);
  useEffect(() => {
    const take = (shown: Shown) => setHeld({ shown, skewMs: shown.now_ms - Date.now() });
    const stop = backend.onView(take);
    void backend.view().then(take);
    const timer = setInterval(() => tick((count) => count + 1), TICK_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [backend]);
  return { shown: held?.shown ?? null, nowMs: Date.now() + (held?.skewMs ?? 0) };
}

/** Messages that go by themselves, newest last. */
export function useToasts(): [Toast[], Tell, (id: number) => void] {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(1);
  const drop = useCallback(
    (id: number) => setToasts((all) => all.filter((one) => one.id !== id)),
    [],
  );
  const add: Tell = useCallback((good, text, action) => {
    const id = next.current++;
    setToasts((all) => [...all.slice(-2), { id, good, text, action }]);
    setTimeout(() => drop(id), TOAST_MS);
  }, []);
  return [toasts, add, drop];
}

/** No button stays locked for longer, whatever its action waits for. */
export const FLAG_MS = 240_000;

/** Runs one action at a time, and shows while one is under way, for four minutes at the longest. */
export function oneAtATime(
  show: (busy: boolean) => void,
): (action: () => Promise<unknown>) => void {
  let running: object | null = null;
  return (action) => {
    if (running !== null) return;
    const turn = {};
    running = turn;
    show(true);
    const free = () => {
      clearTimeout(late);
      // One that ends after its time must not free the next.
      if (running !== turn) return;
      running = null;
      show(false);
    };
    const late = setTimeout(free, FLAG_MS);
    void action().finally(free);
  };
}

/** A flag that is on while an action runs, and what runs one. */
export function useBusy(): [boolean, (action: () => Promise<unknown>) => void] {
  const [busy, setBusy] = useState(false);
  return [busy, useMemo(() => oneAtATime(setBusy), [])];
}

export interface Rows<T> {
  /** The last rows that were read; `null` before the first. */
  rows: T | null;
  /** Why the last reading failed. */
  trouble: string | null;
}

/** Rows that are read when the page is shown and again when `key` changes. */
export function useRows<T>(
  request: Askable,
  pick: (answer: Answer) => T | null,
  key: unknown,
): Rows<T> {
  const { backend } = useStore();
  const [held, setHeld] = useState<Rows<T>>({ rows: null, trouble: null });
  useEffect(() => {
    let wanted = true;
    void backend.call(request).then((answer) => {
      if (!wanted) return;
      const trouble = answer.answer === "refused" ? answer.text : null;
      setHeld((before) => ({ rows: pick(answer) ?? before.rows, trouble }));
    });
    return () => {
      wanted = false;
    };
  }, [key]);
  return held;
}

export const accountOf = (view: View, id: AccountId | null): AccountView | undefined =>
  view.accounts.find((account) => account.id === id);

export const nameOf = (view: View, id: AccountId | null): string =>
  id === null ? "no account" : (accountOf(view, id)?.label ?? `account ${id}`);
