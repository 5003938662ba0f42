// The frame: what needs the person on top, the pages beside it.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Accounts } from "./accounts";
import { Ahead } from "./ahead";
import type { Backend } from "./backend";
import { Banners } from "./banners";
import { Decisions } from "./decisions";
import { FirstStart } from "./first";
import { HOUR_MS } from "./format";
import { History } from "./history";
import { Button } from "./parts";
import { Runs } from "./runs";
import { Settings } from "./settings";
import { type Store, StoreProvider, type Toast, useShown, useStore, useToasts } from "./store";

type Page = "accounts" | "runs" | "ahead" | "decisions" | "history" | "settings";

const PAGES: { page: Page; words: string; icon: string }[] = [
  { page: "accounts", words: "Accounts", icon: "M3 13V6h3v7zM10 13V3h3v10z" },
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
  const store: Store = { backend, view: shown.view, nowMs, version: shown.version, ask };
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
  const [page, setPage] = useState<Page>("accounts");
  if (view.first_start) return <FirstStart />;
  const content: Record<Page, ComponentChildren> = {
    accounts: <Accounts />,
    runs: <Runs />,
    ahead: <Ahead />,
    decisions: <Decisions />,
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
            onClick={() => setPage(entry.page)}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d={entry.icon} />
            </svg>
            {entry.words}
          </button>
        ))}
        <Gate />
      </nav>
      <main>
        <Banners />
        {content[page]}
      </main>
    </div>
  );
}

/** The kill switch, always in sight. */
function Gate() {
  const { view, ask } = useStore();
  return (
    <div class="gate">
      <p>
        <span class={`dot ${view.stopped ? "stopped" : "running"}`} />
        {view.stopped ? "Stopped" : "Running"}
      </p>
      {view.stopped ? (
        <Button kind="primary" act={() => ask({ verb: "start" }, "Running again.")}>
          Start again
        </Button>
      ) : (
        <Button
          act={() => ask({ verb: "stop" }, "Everything is stopped until you start it again.")}
        >
          Stop everything
        </Button>
      )}
    </div>
  );
}

function Toasts({ toasts, drop }: { toasts: Toast[]; drop: (id: number) => void }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} class={`toast ${toast.good ? "good" : "bad"}`}>
          <span>{toast.text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => drop(toast.id)}>
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
