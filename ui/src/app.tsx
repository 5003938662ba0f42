// The frame: what needs the person on top, the pages beside it.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Ahead } from "./ahead";
import type { Backend } from "./backend";
import { Banners } from "./banners";
import { ended } from "./bulk";
import { Decisions } from "./decisions";
import { FirstStart } from "./first";
import { HOUR_MS } from "./format";
import { History } from "./history";
import { Keys } from "./keys";
import type { Lead } from "./lead";
import { Now } from "./now";
import { Runs } from "./runs";
import { Settings } from "./settings";
import { Side } from "./side";
import { type Store, StoreProvider, type Toast, useShown, useStore, useToasts } from "./store";
import { barred, useSwitch } from "./switching";

type Page = "now" | "runs" | "ahead" | "decisions" | "history" | "settings";

const PAGES: { page: Page; words: string; icon: string }[] = [
  { page: "now", words: "Now", icon: "M3 13V6h3v7zM10 13V3h3v10z" },
  { page: "runs", words: "At work", icon: "M3 4l4 4-4 4M8 12h5" },
  { page: "ahead", words: "Outlook", icon: "M2 13h12M4 10l3-3 2 2 5-6" },
  { page: "decisions", words: "Decisions", icon: "M3 4h10M3 8h10M3 12h6" },
  { page: "history", words: "History", icon: "M2 12l4-5 3 3 5-7" },
  {
    page: "settings",
    words: "Settings",
    icon: "M2 5h7M13 5h1M2 11h1M7 11h7M11 3v4M5 9v4",
  },
];

export function App({ backend }: { backend: Backend }) {
  const { shown, nowMs } = useShown(backend);
  const [toasts, toast, drop] = useToasts();
  const ask = useMemo(
    (): Store["ask"] => async (request, done) => {
      const answer = await backend.call(request);
      if (answer.answer === "refused") toast(false, answer.text);
      else if (done !== undefined) toast(true, typeof done === "string" ? done : done(answer));
      return answer;
    },
    [backend],
  );
  if (shown === null) return <Waiting words="Starting…" />;
  if (shown.trouble !== null) return <Trouble text={shown.trouble} />;
  if (shown.view.revision === 0 && shown.view.schema === "") return <Waiting words="Starting…" />;
  const store: Store = { backend, view: shown.view, nowMs, version: shown.version, ask, toast };
  return (
    <StoreProvider value={store}>
      <Frame />
      <Toasts toasts={toasts} drop={drop} />
    </StoreProvider>
  );
}

/** What nobody works on is read seldom; a person who looks wants to know how it stands. */
const OLD_MS = HOUR_MS / 2;

/** Asks once, when the window opens, for what was not read for long. */
function useFreshNumbers() {
  const { backend, view, nowMs } = useStore();
  useEffect(() => {
    if (view.stopped) return;
    for (const { id, enabled, observed_at_ms } of view.accounts) {
      const old = nowMs - (observed_at_ms ?? 0) > OLD_MS;
      if (enabled && old) void backend.call({ verb: "refresh", account: id });
    }
  }, []);
}

function Frame() {
  const { view } = useStore();
  useFreshNumbers();
  const [page, setPage] = useState<Page>("now");
  const [lead, setLead] = useState<Lead | null>(null);
  const main = useRef<HTMLElement>(null);
  useArrival(page, main.current);
  const go = (to: Page, led: Lead | null = null) => {
    setLead(led);
    setPage(to);
  };
  if (view.first_start) return <FirstStart />;
  const content: Record<Page, ComponentChildren> = {
    now: <Now why={(led) => go("decisions", led)} />,
    runs: <Runs />,
    ahead: <Ahead />,
    decisions: <Decisions first={lead} />,
    history: <History />,
    settings: <Settings />,
  };
  return (
    <div class="frame">
      <nav aria-label="Pages">
        {PAGES.map((entry) => (
          <button
            type="button"
            aria-current={entry.page === page ? "page" : undefined}
            onClick={() => go(entry.page)}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d={entry.icon} />
            </svg>
            {entry.words}
          </button>
        ))}
        <Side />
      </nav>
      <main ref={main}>
        <Banners advice={page !== "now"} />
        {content[page]}
      </main>
      <Shortcuts go={go} />
    </div>
  );
}

/** Another page begins at its top, and is told to who does not see it. */
function useArrival(page: Page, main: HTMLElement | null) {
  const first = useRef(true);
  useEffect(() => {
    const words = PAGES.find((entry) => entry.page === page)?.words ?? "";
    document.title = `${words} · Sluice`;
    if (first.current) {
      first.current = false;
      return;
    }
    main?.scrollTo(0, 0);
    const heading = main?.querySelector<HTMLElement>("h1");
    if (heading == null) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }, [page]);
}

function Shortcuts({ go }: { go: (page: Page) => void }) {
  const { backend, view, ask, toast } = useStore();
  const change = useSwitch();
  const account = (number: number) => {
    const found = view.accounts[number - 1];
    if (found === undefined) return;
    const why = barred(view, found);
    if (why === null) void change(found.id);
    else toast(false, why);
  };
  const refresh = () => {
    if (view.stopped || view.bulk !== null || view.accounts.length === 0) return;
    void ask({ verb: "read_all" }, (answer) =>
      answer.answer === "bulk" ? ended(answer) : "Read.",
    );
  };
  const page = (number: number) => {
    const found = PAGES[number - 1];
    if (found !== undefined) go(found.page);
  };
  return <Keys page={page} account={account} refresh={refresh} close={() => backend.close()} />;
}

function Toasts({ toasts, drop }: { toasts: Toast[]; drop: (id: number) => void }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} class={`toast ${toast.good ? "good" : "bad"}`}>
          <span>{toast.text}</span>
          {toast.action && (
            <button
              type="button"
              class="toast-act"
              onClick={() => {
                drop(toast.id);
                void toast.action?.act();
              }}
            >
              {toast.action.words}
            </button>
          )}
          <button
            type="button"
            class="toast-close"
            aria-label="Dismiss"
            onClick={() => drop(toast.id)}
          >
            ×
          </button>
        </div>
      ))}
    </div>
  );
}

function Waiting({ words }: { words: string }) {
  return (
    <main class="centre" aria-busy="true">
      <p class="muted">{words}</p>
    </main>
  );
}

function Trouble({ text }: { text: string }) {
  return (
    <main class="centre">
      <section class="empty" role="alert">
        <h1>Sluice cannot run</h1>
        <p>{text}</p>
        <p class="muted">
          Nothing was changed. Mend the cause, quit Sluice in the tray and start it again.
        </p>
      </section>
    </main>
  );
}
