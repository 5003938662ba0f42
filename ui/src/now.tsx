// Page *Now*: who is live and for how long, what comes next, the week ahead, and every account.

import { Accounts, Gauges, LoginLine, subtitle, useReckoned } from "./accounts";
import { type AccountView, PROVIDERS, type ProviderView } from "./bindings";
import { HOUR_MS, wait } from "./format";
import type { Lead } from "./lead";
import { next } from "./next";
import { pace } from "./pace";
import { Button } from "./parts";
import { accountOf, nameOf, useStore } from "./store";
import { barred, signedOut, useSwitch } from "./switching";
import { Week } from "./week";
import { windowWords } from "./window";

const SNOOZE_MS = HOUR_MS;

export function Now({ why }: { why: (lead: Lead | null) => void }) {
  const { view } = useStore();
  const several = view.providers.length > 1;
  return (
    <>
      <h1 class="hidden">Now</h1>
      {view.accounts.length > 0 &&
        view.providers.map((state) => (
          <Hero key={state.provider} state={state} several={several} why={why} />
        ))}
      {view.accounts.length > 0 && <Week />}
      <Accounts />
    </>
  );
}

interface HeroProps {
  state: ProviderView;
  several: boolean;
  why: (lead: Lead | null) => void;
}

/** The live account of a provider beside what comes next. */
function Hero({ state, several, why }: HeroProps) {
  const { view } = useStore();
  const live = accountOf(view, state.live);
  const tool = PROVIDERS[state.provider].tool;
  return (
    <section class={`card hero ${live === undefined ? "" : "live"}`} aria-label={tool}>
      {live === undefined ? (
        <Nobody state={state} />
      ) : (
        <Live account={live} tool={several ? tool : null} />
      )}
      {live !== undefined && <NextUp state={state} why={why} />}
    </section>
  );
}

function Live({ account, tool }: { account: AccountView; tool: string | null }) {
  const { nowMs } = useStore();
  return (
    <div class="hero-live">
      <div class="card-title">
        <h2>{account.label}</h2>
        <span class="chip live">Live</span>
        {tool !== null && <span class="chip">{tool}</span>}
        {account.plan && <span class="chip">{account.plan}</span>}
        {account.login === "needs_sign_in" && <span class="chip off">Signed out</span>}
        <Lasts account={account} />
      </div>
      <p class="card-sub">{subtitle(account, nowMs)}</p>
      <Gauges account={account} nowMs={nowMs} />
      <LoginLine account={account} nowMs={nowMs} />
    </div>
  );
}

/** How long it lasts, where it does not last to its reset. */
function Lasts({ account }: { account: AccountView }) {
  const { view, nowMs } = useStore();
  const reckoned = useReckoned(account);
  const runs = view.providers.find((state) => state.live === account.id)?.run_out ?? null;
  const found = account.windows.find((one) => one.kind === runs?.window);
  if (runs === null || found === undefined || runs.at_ms <= nowMs) return null;
  const how = pace(found.window, nowMs, reckoned(found.kind));
  if (how !== "early" && how !== "near") return null;
  return (
    <span class={`lasts ${how}`} title={`Its ${windowWords(found.kind)}, at the present pace`}>
      Full in {wait(runs.at_ms - nowMs)}
    </span>
  );
}

/** What comes next, when and why. */
function NextUp({ state, why }: { state: ProviderView; why: (lead: Lead | null) => void }) {
  const { view, nowMs, ask } = useStore();
  const change = useSwitch();
  const { title, cause, to, decision } = next(view, state, nowMs);
  const target = accountOf(view, to);
  const bar = target === undefined ? null : barred(view, target);
  const { advice } = state;
  const snooze = () =>
    advice !== null &&
    ask({ verb: "snooze", cause: advice.cause, until_ms: Math.floor(nowMs + SNOOZE_MS) });
  return (
    <div class="hero-next">
      <p class="muted">Next</p>
      <p class="next-title">{title}</p>
      <p class="next-cause">{cause}</p>
      <div class="actions">
        {target !== undefined && !target.live && (
          <Button
            kind="primary"
            disabled={bar !== null}
            title={bar ?? `Switch to ${target.label}`}
            act={() => change(target.id)}
          >
            Switch now
          </Button>
        )}
        <Button act={() => why(decision === null ? null : { table: "decision", id: decision })}>
          Why?
        </Button>
        {advice !== null && (
          <Button kind="quiet" act={snooze}>
            Snooze 1 h
          </Button>
        )}
      </div>
    </div>
  );
}

/** Nobody is live: what to do about it. */
function Nobody({ state }: { state: ProviderView }) {
  const { view, ask } = useStore();
  const change = useSwitch();
  const { tool, sign_in: command } = PROVIDERS[state.provider];
  const own = view.accounts.filter(({ provider }) => provider === state.provider);
  const best = own.find((account) => account.enabled && !signedOut(account));
  const keep = () => ask({ verb: "add", provider: state.provider, label: null }, "Account saved.");
  return (
    <div class="hero-live">
      <div class="card-title">
        <h2>No account is live in {tool}</h2>
      </div>
      <p class="next-cause">
        {state.unmanaged_login
          ? "It is signed in to an account that Sluice does not keep yet. Save it to include it in switching."
          : best !== undefined
            ? `Switch to one of your accounts, or sign in with ${command}.`
            : `Sign in with ${command}, then choose “Add account” below.`}
      </p>
      <div class="actions">
        {state.unmanaged_login ? (
          <Button kind="primary" act={keep}>
            Save account
          </Button>
        ) : (
          best !== undefined && (
            <Button
              kind="primary"
              disabled={barred(view, best) !== null}
              title={barred(view, best) ?? undefined}
              act={() => change(best.id)}
            >
              Switch to {nameOf(view, best.id)}
            </Button>
          )
        )}
      </div>
    </div>
  );
}
