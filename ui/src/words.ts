// The engine's names in plain words.

import type { AskedBy, Login, Mode, Refusal } from "./bindings";

export { needWords as need, triggerWords as trigger } from "./bindings";

export const mode: Record<Mode, { name: string; text: string }> = {
  off: {
    name: "Off",
    text: "Sluice does nothing here: it reads no usage, gives no advice and swaps nothing.",
  },
  advise: {
    name: "Advise",
    text: "Sluice watches and tells you when another account should be live. It swaps only when you click.",
  },
  auto: {
    name: "Automatic",
    text: "Sluice swaps by itself when its rules say so, and tells you after each swap and why.",
  },
};

export const login: Record<Login, string> = {
  valid: "Signed in",
  unverified: "Not verified yet",
  needs_sign_in: "Sign in again",
  missing: "No login kept",
};

export const refusal: Record<Refusal, string> = {
  active: "Live already",
  disabled: "Switched off by you",
  failing: "Its usage could not be read several times in a row",
  needs_sign_in: "Needs a new sign-in",
  no_credential: "No login is kept for it",
  not_automatic: "Excluded from automatic swaps by you",
  no_reset: "Its weekly reset is unknown or past",
  usage_unknown: "Its weekly use is unknown",
  not_behind: "Not behind its target",
  no_weekly_headroom: "Too little is left of its week",
  no_short_headroom: "Its 5-hour window is full",
  skipped: "Failed lately; rests for a while",
  model_exhausted: "The model in use is used up there",
  would_bill: "It would bill money",
  blocked: "Its provider refuses work",
  stale: "What is known of it is too old",
  outranked: "Eligible, another was better",
  none: "The best candidate",
};

export const askedBy: Record<AskedBy, string> = {
  driver: "Sluice",
  person: "You",
  report: "A tool's report",
};

/** The policies that may decide. */
export const policies = [
  { value: "horizon", words: "Horizon: plans over all accounts" },
  { value: "tiered", words: "Tiered: the most urgent week first" },
];

export const tier = (value: number | null): string =>
  value === null ? "–" : value >= 4 ? "excluded" : `T${value}`;

export const tierMeaning: Record<number, string> = {
  0: "less than a day to the weekly reset",
  1: "less than two days to the weekly reset",
  2: "less than four days to the weekly reset",
  3: "four days or more to the weekly reset",
  4: "reset unknown or past",
};

/** What Sluice does and does not do towards the providers. */
export const conduct = [
  "Sluice is unofficial. The accounts must be your own; nothing is shared between people and no login leaves this machine.",
  "It stands in no request's path, disguises nothing and never sends a request that spends quota.",
  "Providers may restrict automation. Read their current terms before you let Sluice swap by itself.",
];
