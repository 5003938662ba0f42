// The state of a login in words: its age, its end, and what depends on it.

import type { AccountView } from "./bindings";
import { age, ago, DAY_MS, day, instant, wait } from "./format";

/** How urgent it is, as the driver warns: seven, three and one day before the end. */
export type Urgency = "calm" | "week" | "few" | "last";

export interface LoginWords {
  urgency: Urgency;
  /** `Login 7 d old`; empty while nothing is known of its age. */
  age: string;
  /** `sign in again by Sun 13 Dec`. */
  end: string;
  /** The whole instants, for who points at it. */
  title: string;
}

const URGENCY: Record<number, Urgency> = { 7: "week", 3: "few", 1: "last" };

/** `7 d` and not `7 d 3 h`: nobody counts the hours of a month. */
const days = (millis: number): string =>
  millis >= DAY_MS ? `${Math.floor(millis / DAY_MS)} d` : age(millis);

function endWords(endsMs: number | null, nowMs: number): string {
  if (endsMs === null) return "its end is not known";
  const left = endsMs - nowMs;
  if (left <= 0) return "it has ended: sign in again";
  if (left < DAY_MS) return `sign in again within ${wait(left)}`;
  return `sign in again by ${day(endsMs)}`;
}

/** `null` where there is no login to speak of. */
export function loginWords(account: AccountView, nowMs: number): LoginWords | null {
  if (account.login === "needs_sign_in" || account.login === "missing") return null;
  const { since_ms: since, proven_at_ms: proven, warn_days: warn } = account.login_health;
  const ends = account.login_ends_at_ms;
  if (since === null && ends === null) return null;
  const ended = ends !== null && ends <= nowMs;
  const titles = [
    since === null ? null : `First seen here: ${instant(since)}`,
    ends === null ? null : `Ends: ${instant(ends)}`,
    proven === null ? null : `Taken by the provider ${ago(nowMs - proven)}`,
  ];
  return {
    urgency: ended ? "last" : ((warn === null ? undefined : URGENCY[warn]) ?? "calm"),
    age: since === null ? "" : `Login ${days(nowMs - since)} old`,
    end: endWords(ends, nowMs),
    title: titles.filter((title) => title !== null).join("\n"),
  };
}
