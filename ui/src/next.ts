// What happens next to a provider's live account, in one sentence, from what the view tells.

import {
  type AccountId,
  type AccountView,
  PROVIDERS,
  type ProviderView,
  type View,
} from "./bindings";
import { clock, HOUR_MS, percent, wait } from "./format";
import { LOST_MIN } from "./pace";
import { accountOf, nameOf } from "./store";
import { windowWords } from "./window";

export interface Next {
  /** Who and when: `Personal, about 20:59`. */
  title: string;
  /** Why. */
  cause: string;
  /** The account to switch to. */
  to: AccountId | null;
  /** The decision behind it. */
  decision: number | null;
}

/** A plan and a pace that say nearly the same say the same. */
const SAME_MS = HOUR_MS;

export function next(view: View, state: ProviderView, nowMs: number): Next {
  const resting = rests(view, state, nowMs);
  if (resting !== null) return resting;
  const { advice } = state;
  if (advice !== null) {
    const { to, reason, decision } = advice;
    return { title: `${nameOf(view, to)}, now`, cause: reason, to, decision };
  }
  return coming(view, state, nowMs);
}

/** Nothing is decided at the moment, or it is being done. */
function rests(view: View, state: ProviderView, nowMs: number): Next | null {
  const { provider, mode, paused_until_ms: paused, after_turn: waits } = state;
  const nothing = (title: string, cause: string): Next => ({
    title,
    cause,
    to: null,
    decision: null,
  });
  const under = view.swapping?.provider === provider ? view.swapping : null;
  if (under !== null) return nothing(`${nameOf(view, under.to)}, now`, "Switching…");
  if (view.stopped) return nothing("Nothing while stopped", "No usage is read, nothing switches.");
  if (waits !== null) {
    const title = `${nameOf(view, waits)}, after this turn`;
    return nothing(title, "A session is in the middle of a turn; the switch waits for its end.");
  }
  if (mode === "off") {
    return nothing("Nothing planned", `Sluice is off for ${PROVIDERS[provider].tool}.`);
  }
  if (paused !== null && paused > nowMs) {
    const until = clock(paused, nowMs);
    const { cause, to } = coming(view, state, nowMs);
    return { ...nothing(`Nothing before ${until}`, `Switching is paused. ${cause}`), to };
  }
  return null;
}

/** The next account of the plan and when it comes. */
export function planned(view: View, state: ProviderView, nowMs: number) {
  const ahead = view.week.stretches.filter(
    ({ account, until_ms }) =>
      until_ms > nowMs && accountOf(view, account)?.provider === state.provider,
  );
  return ahead.find(({ account }) => account !== state.live) ?? null;
}

function coming(view: View, state: ProviderView, nowMs: number): Next {
  const live = accountOf(view, state.live);
  const last = view.last_decision?.provider === state.provider ? view.last_decision : null;
  const decision = last?.id ?? null;
  const plan = planned(view, state, nowMs);
  const pace = state.run_out !== null && state.run_out.at_ms > nowMs ? state.run_out : null;
  const name = live?.label ?? "The live account";
  if (pace !== null && (plan === null || pace.at_ms < plan.from_ms + SAME_MS)) {
    const to = plan?.account ?? other(last?.target ?? null, state);
    const at = clock(pace.at_ms, nowMs);
    const full = `${name}’s ${windowWords(pace.window)} is full in ${wait(pace.at_ms - nowMs)} at this pace.`;
    const title = to === null ? `Full about ${at}` : `${nameOf(view, to)}, about ${at}`;
    return { title, cause: join(full, lossWords(accountOf(view, to), nowMs)), to, decision };
  }
  if (plan !== null) {
    const to = plan.account;
    const from = Math.max(plan.from_ms, nowMs);
    const title = `${nameOf(view, to)}, about ${clock(from, nowMs)}`;
    const cause = `${name} is expected to have no room left by then.`;
    return { title, cause: join(cause, lossWords(accountOf(view, to), nowMs)), to, decision };
  }
  const cause = last?.action === "stay" ? last.sentence : "No reason to switch.";
  return { title: `${name} stays`, cause, to: null, decision };
}

const other = (to: AccountId | null, state: ProviderView) => (to === state.live ? null : to);

const join = (...parts: (string | null)[]) => parts.filter((part) => part !== null).join(" ");

/** What the account's week will lose; `null` where it is not worth a word. */
export function lossWords(account: AccountView | undefined, nowMs: number): string | null {
  const week = account?.forecasts.seven_day;
  if (account === undefined || week == null || week.p50 < LOST_MIN || week.resets_at_ms <= nowMs) {
    return null;
  }
  const at = clock(week.resets_at_ms, nowMs);
  return `About ${percent(week.p50)} of ${account.label}’s week expires unused ${at}.`;
}
