// The accounts: what each has left, and what can be done with it.

import { useState } from "preact/hooks";
import { AddAccount } from "./add";
import { type AccountView, type Answer, LABEL_CHARS_MAX, PROVIDERS } from "./bindings";
import { ended, progress, settled, underWay } from "./bulk";
import { ago, clock, DAY_MS, percent, wait } from "./format";
import { Gauge } from "./gauge";
import { loginWords } from "./login";
import { Button, Confirm, Dialog, MenuButton, type MenuEntry } from "./parts";
import { ResetLine, SetResets } from "./resets";
import { useStore } from "./store";
import { isOwn, windowName } from "./window";

const TOOLS = Object.values(PROVIDERS)
  .map((one) => one.tool)
  .join(" and ");
/** The windows of an account as a whole, and their names. */
/** Less than this is lost at every reset and worth no line; nor is what can still be used for days. */
const STRANDING_MIN = 2;
const STRANDING_WITHIN_MS = 2 * DAY_MS;

/** What a card asks. */
type Question = "rename" | "resets" | "remove";

export function Accounts() {
  const { view } = useStore();
  const [adding, setAdding] = useState(false);
  const several = new Set(view.accounts.map((account) => account.provider)).size > 1;
  return (
    <>
      <header class="page-head">
        <h1>Accounts</h1>
        <div class="actions">
          <RefreshAll />
          <Button kind="primary" act={() => setAdding(true)}>
            Add account
          </Button>
        </div>
      </header>
      {view.accounts.length === 0 && !adding && <Empty add={() => setAdding(true)} />}
      {adding && <AddAccount close={() => setAdding(false)} />}
      <ul class="cards" aria-label="Accounts">
        {view.accounts.map((account, index) => (
          <Card key={account.id} account={account} index={index} several={several} />
        ))}
      </ul>
    </>
  );
}

/** Reads every account, and shows how far that is, whoever asked for it. */
function RefreshAll() {
  const { view, nowMs, ask } = useStore();
  const bulk = underWay(view.bulk, nowMs);
  const told = (answer: Answer) => (answer.answer === "bulk" ? ended(answer) : "Read.");
  return (
    <>
      {bulk !== null && (
        <progress max={bulk.total} value={settled(bulk)} aria-label="Accounts read so far" />
      )}
      <Button
        act={() => ask({ verb: "read_all" }, told)}
        disabled={view.stopped || view.accounts.length === 0 || bulk !== null}
      >
        {bulk === null ? "Refresh all" : progress(bulk)}
      </Button>
    </>
  );
}

function Empty({ add }: { add: () => void }) {
  return (
    <section class="empty">
      <h2>No account yet</h2>
      <p>
        Sluice keeps the logins that {TOOLS} make. Sign in with the official tool, then add the
        account here; repeat it for each of your subscriptions.
      </p>
      <Button kind="primary" act={add}>
        Add the first account
      </Button>
    </section>
  );
}

function Card({
  account,
  index,
  several,
}: {
  account: AccountView;
  index: number;
  several: boolean;
}) {
  const { view, nowMs, ask } = useStore();
  const [asking, setAsking] = useState<Question | null>(null);
  const ready = account.enabled && (account.login === "valid" || account.login === "unverified");
  const advised = view.providers.some((state) => state.advice?.to === account.id);
  const coming = view.swapping?.to === account.id;
  return (
    <li class={`card ${account.live ? "live" : ""} ${account.enabled ? "" : "off"}`}>
      <div class="card-head">
        <div class="card-title">
          <h2>{account.label}</h2>
          {account.live && <span class="chip live">Live</span>}
          {several && <span class="chip">{PROVIDERS[account.provider].tool}</span>}
          {account.plan && <span class="chip">{account.plan}</span>}
          {account.login === "needs_sign_in" && <span class="chip off">Signed out</span>}
          {!account.enabled && <span class="chip off">Off</span>}
          {account.enabled && !account.automatic && <span class="chip">Manual only</span>}
        </div>
        <div class="actions">
          {!account.live && (
            <Button
              {...(advised ? { kind: "primary" as const } : {})}
              disabled={!ready || view.stopped || view.swapping !== null}
              label={`Use ${account.label} now`}
              act={() => ask({ verb: "swap", to: account.id }, `${account.label} is live now.`)}
            >
              {coming ? "Swapping…" : "Use now"}
            </Button>
          )}
          <MenuButton
            label={`More for ${account.label}`}
            entries={useEntries(account, index, setAsking)}
          />
        </div>
      </div>
      <p class="card-sub">{subtitle(account, nowMs)}</p>
      <div class="gauges">
        {account.windows.map(({ kind, window, amounts }) => (
          <Gauge
            key={kind}
            name={windowName(kind)}
            money={amounts}
            window={window}
            nowMs={nowMs}
            target={kind === "seven_day" ? account.target : null}
            small={!isOwn(kind)}
          />
        ))}
      </div>
      <ResetLine account={account} nowMs={nowMs} />
      <LoginLine account={account} nowMs={nowMs} />
      <Remarks account={account} nowMs={nowMs} />
      {asking === "rename" && <Rename account={account} close={() => setAsking(null)} />}
      {asking === "resets" && <SetResets account={account} close={() => setAsking(null)} />}
      {asking === "remove" && <Remove account={account} close={() => setAsking(null)} />}
    </li>
  );
}

function subtitle(account: AccountView, nowMs: number): string {
  const { email, organization } = account;
  // A personal organisation is named after its owner and says nothing new.
  const own = email !== null && organization?.startsWith(email);
  const who = [email, own ? null : organization].filter((part) => part !== null).join(" · ");
  const read = account.refreshing
    ? "reading usage…"
    : account.observed_at_ms === null
      ? "usage not read yet"
      : `usage read ${ago(nowMs - account.observed_at_ms)}`;
  return who === "" ? read.charAt(0).toUpperCase() + read.slice(1) : `${who} · ${read}`;
}

/** How old the login is and by when it must be made anew. */
function LoginLine({ account, nowMs }: { account: AccountView; nowMs: number }) {
  const words = loginWords(account, nowMs);
  if (words === null) return null;
  return (
    <p class="login" title={words.title}>
      <span>{words.age === "" ? "Login" : words.age}</span>
      <span class={`login-end ${words.urgency}`}>{words.end}</span>
    </p>
  );
}

/** What is worth saying beyond the bars, most urgent first. */
function Remarks({ account, nowMs }: { account: AccountView; nowMs: number }) {
  const { view } = useStore();
  const lines: { kind: "bad" | "warn"; text: string; title?: string }[] = [];
  // What the banner above says with what helps is not said again here.
  const told = view.needs_you.some((need) => need.account === account.id);
  if (!told && (account.login === "needs_sign_in" || account.login === "missing")) {
    const why = account.login === "missing" ? "No login is kept." : "Its login was refused.";
    const run = PROVIDERS[account.provider].sign_in;
    lines.push({
      kind: "bad",
      text: `${why} Sign in to this account with ${run}, then choose “Add account”.`,
    });
  }
  if (account.problem !== null && !told) lines.push({ kind: "warn", text: account.problem });
  const week = account.forecasts.seven_day;
  if (
    week !== null &&
    week.resets_at_ms - nowMs < STRANDING_WITHIN_MS &&
    week.p50 >= STRANDING_MIN
  ) {
    const text = `About ${percent(week.p50)} of the week will expire unused by ${clock(week.resets_at_ms, nowMs)}.`;
    const title = `Between ${percent(week.low)} and ${percent(week.high)} in nine of ten cases`;
    lines.push({ kind: "warn", text, title });
  }
  const pace = view.providers.find((one) => one.live === account.id)?.run_out ?? null;
  if (account.live && pace !== null && pace.at_ms > nowMs) {
    const window = pace.window === "seven_day" ? "week" : "5-hour window";
    lines.push({
      kind: "warn",
      text: `At this pace the ${window} is full in ${wait(pace.at_ms - nowMs)}.`,
    });
  }
  const also = account.login_health.also_in;
  if (also !== null) {
    const text = `The same login is also in ${also}: each side spends the other's tokens. Sign one of them out.`;
    lines.push({ kind: "warn", text });
  }
  if (lines.length === 0) return null;
  return (
    <ul class="remarks">
      {lines.map((line) => (
        <li class={line.kind} title={line.title}>
          {line.text}
        </li>
      ))}
    </ul>
  );
}

function useEntries(
  account: AccountView,
  index: number,
  open: (question: Question) => void,
): MenuEntry[] {
  const { view, ask } = useStore();
  const move = (by: number) => {
    const ids = view.accounts.map((one) => one.id);
    const moved = ids.splice(index, 1);
    ids.splice(index + by, 0, ...moved);
    return ask({ verb: "reorder", accounts: ids });
  };
  const { id, enabled, automatic } = account;
  return [
    { words: "Rename…", act: () => open("rename") },
    {
      words: "Refresh usage",
      act: () => ask({ verb: "refresh", account: id }),
      disabled: view.stopped || !enabled,
    },
    {
      words: "Check login",
      act: () =>
        ask({ verb: "validate", account: id }, `The provider takes the login of ${account.label}.`),
      disabled: view.stopped || !enabled,
    },
    {
      words: automatic ? "Exclude from automatic swaps" : "Include in automatic swaps",
      act: () => ask({ verb: "set_automatic", account: id, automatic: !automatic }),
    },
    {
      words: enabled ? "Switch off" : "Switch on",
      act: () => ask({ verb: "set_enabled", account: id, enabled: !enabled }),
    },
    { words: "Limit resets…", act: () => open("resets") },
    { words: "Move up", act: () => move(-1), disabled: index === 0 },
    { words: "Move down", act: () => move(1), disabled: index === view.accounts.length - 1 },
    { words: "Remove…", act: () => open("remove"), danger: true, disabled: account.live },
  ];
}

function Rename({ account, close }: { account: AccountView; close: () => void }) {
  const { ask } = useStore();
  const [label, setLabel] = useState(account.label);
  const fits = label.trim().length > 0;
  const save = async () => {
    const answer = await ask({ verb: "rename", account: account.id, label: label.trim() });
    if (answer.answer !== "refused") close();
  };
  return (
    <Dialog title={`Rename ${account.label}`} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (fits) void save();
        }}
      >
        <label class="field">
          Name
          <input
            value={label}
            maxLength={LABEL_CHARS_MAX}
            autofocus
            onInput={(event) => setLabel(event.currentTarget.value)}
          />
        </label>
        <div class="actions end">
          <Button act={close}>Cancel</Button>
          <Button kind="primary" act={save} disabled={!fits}>
            Rename
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Remove({ account, close }: { account: AccountView; close: () => void }) {
  const { ask } = useStore();
  return (
    <Confirm
      title={`Remove ${account.label}?`}
      words="Remove"
      act={() => ask({ verb: "remove", account: account.id }, `${account.label} was removed.`)}
      close={close}
    >
      Sluice forgets the account and deletes its kept login from the keychain. The subscription and
      the provider's side stay as they are. To use it here again, sign in with{" "}
      <code>{PROVIDERS[account.provider].sign_in}</code> and add it again.
    </Confirm>
  );
}
