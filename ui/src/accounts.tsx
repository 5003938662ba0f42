// The accounts, a line each: what each has left, what it will lose, and what can be done with it.

import { useState } from "preact/hooks";
import { AddAccount } from "./add";
import { type AccountView, type Answer, LABEL_CHARS_MAX, PROVIDERS } from "./bindings";
import { ended, progress, settled, underWay } from "./bulk";
import { ago, clock, percent } from "./format";
import { Gauge, ShortGauge } from "./gauge";
import { loginWords } from "./login";
import { LOST_MIN, type Reckoned } from "./pace";
import { Button, Confirm, Copy, Dialog, MenuButton, type MenuEntry } from "./parts";
import { ResetLine, SetResets } from "./resets";
import { useStore } from "./store";
import { barred, signedOut, useSwitch } from "./switching";
import { isOwn, windowName } from "./window";

const TOOLS = Object.values(PROVIDERS)
  .map((one) => one.tool)
  .join(" and ");
/** A window of a model or of money is worth a word in the line from here on, percent. */
const NOTABLE = 70;

/** What a line asks. */
type Question = "rename" | "resets" | "remove" | "sign_in";

export function Accounts() {
  const { view } = useStore();
  const [adding, setAdding] = useState(false);
  const several = new Set(view.accounts.map((account) => account.provider)).size > 1;
  const shorts = view.accounts.some((account) => windowOf(account, "five_hour") !== undefined);
  return (
    <>
      {adding && <AddAccount close={() => setAdding(false)} />}
      <section class="card accounts" aria-labelledby="accounts">
        <header class="page-head">
          <h2 id="accounts">Accounts</h2>
          <div class="actions">
            <RefreshAll />
            <Button act={() => setAdding(true)}>Add account</Button>
          </div>
        </header>
        {view.accounts.length === 0 ? (
          !adding && <Empty add={() => setAdding(true)} />
        ) : (
          <>
            <div class={`line heads ${shorts ? "" : "week-only"}`} aria-hidden="true">
              <span />
              <span>Account</span>
              {shorts && <span>5-hour</span>}
              <span>Week</span>
              <span>At reset</span>
              <span />
            </div>
            <ul class="lines" aria-label="Accounts">
              {view.accounts.map((account, index) => (
                <Line
                  key={account.id}
                  account={account}
                  index={index}
                  several={several}
                  shorts={shorts}
                />
              ))}
            </ul>
          </>
        )}
      </section>
    </>
  );
}

export const windowOf = (account: AccountView, kind: string) =>
  account.windows.find((one) => one.kind === kind);

/** What is expected of an account's window. */
export function useReckoned(account: AccountView): (kind: string) => Reckoned {
  const { view } = useStore();
  const runs = view.providers.find((state) => state.live === account.id)?.run_out ?? null;
  return (kind) => ({
    fullAtMs: runs?.window === kind ? runs.at_ms : null,
    lost: kind === "seven_day" ? (account.forecasts.seven_day?.p50 ?? null) : null,
  });
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
      <h3>No account yet</h3>
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

interface LineProps {
  account: AccountView;
  index: number;
  several: boolean;
  shorts: boolean;
}

function Line({ account, index, several, shorts }: LineProps) {
  const { nowMs } = useStore();
  const [asking, setAsking] = useState<Question | null>(null);
  const [open, setOpen] = useState(false);
  const reckoned = useReckoned(account);
  const entries = useEntries(account, index, setAsking);
  const close = () => setAsking(null);
  const bar = (kind: string) => {
    const found = windowOf(account, kind);
    if (found === undefined) return <span class="muted none">none</span>;
    const name = windowName(kind);
    return <ShortGauge name={name} window={found.window} nowMs={nowMs} reckoned={reckoned(kind)} />;
  };
  return (
    <li class={account.enabled ? "" : "off"}>
      <div class={`line ${account.live ? "live" : ""} ${shorts ? "" : "week-only"}`}>
        <Dot live={account.live} />
        <div class="line-name">
          <h3 title={account.email ?? undefined}>{account.label}</h3>
          <Disclose label={account.label} open={open} change={setOpen} />
          {several && <span class="muted">{PROVIDERS[account.provider].tool}</span>}
          {!account.enabled && <span class="chip off">Off</span>}
          {account.enabled && !account.automatic && (
            <span class="chip" title="Sluice never switches to it by itself">
              Manual
            </span>
          )}
        </div>
        {/* The bars of the live account are read aloud above. */}
        {shorts && <div aria-hidden={account.live}>{bar("five_hour")}</div>}
        <div aria-hidden={account.live}>{bar("seven_day")}</div>
        <AtReset account={account} nowMs={nowMs} />
        <div class="line-acts">
          <Act account={account} index={index} signIn={() => setAsking("sign_in")} />
          <MenuButton label={`More for ${account.label}`} entries={entries} />
        </div>
      </div>
      {open && <Details account={account} nowMs={nowMs} />}
      <Notes account={account} nowMs={nowMs} open={open} />
      {asking === "rename" && <Rename account={account} close={close} />}
      {asking === "resets" && <SetResets account={account} close={close} />}
      {asking === "sign_in" && <SignIn account={account} close={close} />}
      {asking === "remove" && <Remove account={account} close={close} />}
    </li>
  );
}

function Dot({ live }: { live: boolean }) {
  return (
    <svg class="line-dot" viewBox="0 0 12 12" aria-hidden="true">
      <circle cx="6" cy="6" r="4.5" class={live ? "on" : ""} />
    </svg>
  );
}

interface DiscloseProps {
  label: string;
  open: boolean;
  change: (open: boolean) => void;
}

function Disclose({ label, open, change }: DiscloseProps) {
  return (
    <button
      type="button"
      class="disclose"
      aria-expanded={open}
      aria-label={`Details of ${label}`}
      onClick={() => change(!open)}
    >
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={open ? "M2.5 4.5L6 8l3.5-3.5" : "M4.5 2.5L8 6l-3.5 3.5"} />
      </svg>
    </button>
  );
}

/** What will be left of the week, or lost with it. */
function AtReset({ account, nowMs }: { account: AccountView; nowMs: number }) {
  if (signedOut(account)) return <span class="at-reset bad">signed out</span>;
  const week = account.forecasts.seven_day;
  if (week === null || week.resets_at_ms <= nowMs) {
    return (
      <span class="at-reset muted" title="Too little is known to say.">
        –
      </span>
    );
  }
  const title = `Between ${percent(week.low)} and ${percent(week.high)} in nine of ten cases, ${clock(week.resets_at_ms, nowMs)}`;
  return week.p50 >= LOST_MIN ? (
    <span class="at-reset lost" title={title}>
      {percent(week.p50)} lost
    </span>
  ) : (
    <span class="at-reset" title={title}>
      {percent(week.p50)} left
    </span>
  );
}

function Act({
  account,
  index,
  signIn,
}: {
  account: AccountView;
  index: number;
  signIn: () => void;
}) {
  const { view } = useStore();
  const change = useSwitch();
  if (account.live) return <span class="chip live">Live</span>;
  if (signedOut(account)) {
    return (
      <Button act={signIn} label={`Sign in to ${account.label}…`}>
        Sign in…
      </Button>
    );
  }
  const why = barred(view, account);
  const advised = view.providers.some((state) => state.advice?.to === account.id);
  const key = index < 9 ? ` (${index + 1})` : "";
  return (
    <Button
      {...(advised ? { kind: "primary" as const } : {})}
      disabled={why !== null}
      title={why ?? `Switch to ${account.label}${key}`}
      label={`Switch to ${account.label}`}
      act={() => change(account.id)}
    >
      {view.swapping?.to === account.id ? "Switching…" : "Switch"}
    </Button>
  );
}

/** Every window of an account, as a bar. */
export function Gauges({ account, nowMs }: { account: AccountView; nowMs: number }) {
  const reckoned = useReckoned(account);
  return (
    <div class="gauges">
      {account.windows.map(({ kind, window, amounts }) => (
        <Gauge
          key={kind}
          name={windowName(kind)}
          money={amounts}
          window={window}
          nowMs={nowMs}
          reckoned={reckoned(kind)}
          target={kind === "seven_day" ? account.target : null}
          small={!isOwn(kind)}
        />
      ))}
    </div>
  );
}

/** Everything that is known of the account. */
function Details({ account, nowMs }: { account: AccountView; nowMs: number }) {
  const plan = account.plan === null ? "" : `${account.plan} · `;
  return (
    <div class="details">
      <p class="card-sub">
        {plan}
        {subtitle(account, nowMs)}
      </p>
      <Gauges account={account} nowMs={nowMs} />
      <LoginLine account={account} nowMs={nowMs} />
    </div>
  );
}

/** What must not be hidden, most urgent first. */
function Notes({ account, nowMs, open }: { account: AccountView; nowMs: number; open: boolean }) {
  const login = loginWords(account, nowMs);
  // The live account's are drawn above.
  const full = account.windows.filter(
    ({ kind, window }) => !account.live && !isOwn(kind) && (window.used ?? 0) >= NOTABLE,
  );
  return (
    <div class="notes">
      <Remarks account={account} />
      {!open && login !== null && login.urgency !== "calm" && (
        <LoginLine account={account} nowMs={nowMs} />
      )}
      {!open && full.length > 0 && (
        <p class="muted">
          {full
            .map(({ kind, window }) => `${windowName(kind)}: ${percent(window.used)}`)
            .join(" · ")}
        </p>
      )}
      <ResetLine account={account} nowMs={nowMs} />
    </div>
  );
}

export function subtitle(account: AccountView, nowMs: number): string {
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
export function LoginLine({ account, nowMs }: { account: AccountView; nowMs: number }) {
  const words = loginWords(account, nowMs);
  if (words === null) return null;
  return (
    <p class="login" title={words.title}>
      <span>{words.age === "" ? "Login" : words.age}</span>
      <span class={`login-end ${words.urgency}`}>{words.end}</span>
    </p>
  );
}

/** What stands in the way of the account. */
function Remarks({ account }: { account: AccountView }) {
  const { view } = useStore();
  // What the banner above says with what helps is not said again here.
  const told = view.needs_you.some((need) => need.account === account.id);
  const { problem } = account;
  const also = account.login_health.also_in;
  const lines = [
    problem !== null && !told ? problem : null,
    also === null
      ? null
      : `The same login is also in ${also}: each side spends the other's tokens. Sign one of them out.`,
  ].filter((line) => line !== null);
  if (lines.length === 0) return null;
  return (
    <ul class="remarks">
      {lines.map((line) => (
        <li class="warn">{line}</li>
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

/** How to sign in again, with the command to copy. */
function SignIn({ account, close }: { account: AccountView; close: () => void }) {
  const command = PROVIDERS[account.provider].sign_in;
  const { problem } = account;
  return (
    <Dialog title={`Sign in to ${account.label}`} onClose={close}>
      <p>
        {account.login === "missing" ? "No login is kept." : "Its login was refused."}{" "}
        {problem ?? ""}
      </p>
      <ol class="steps">
        <li>
          In a terminal, run <code>{command}</code>{" "}
          <Copy text={command} label={`Copy ${command}`} />
        </li>
        <li>
          Sign in as {account.email ?? account.label}. Do not sign out first: that would end the
          login of the account that is live now.
        </li>
        <li>Come back and choose “Add account”.</li>
      </ol>
      <div class="actions end">
        <Button kind="primary" act={close}>
          Close
        </Button>
      </div>
    </Dialog>
  );
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
