// The engine's names in plain words.

import type { AskedBy, Login } from "./bindings";

export { needWords as need, refusalWords as refusal, triggerWords as trigger } from "./bindings";

export const login: Record<Login, string> = {
  valid: "Signed in",
  unverified: "Not verified yet",
  needs_sign_in: "Sign in again",
  missing: "No login kept",
};

export const askedBy: Record<AskedBy, string> = {
  driver: "Sluice",
  person: "You",
  report: "A tool's report",
};

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
