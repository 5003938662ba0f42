// A window as it counts now. The driver says what emptied when it made the view; the page's clock
// goes on until the next one.

import type { WindowView } from "./bindings";

export interface Shown {
  /** Used share in percent; `null` is unknown. */
  used: number | null;
  /** It emptied then and was not read since. */
  emptiedAtMs: number | null;
}

/** The same rule as the driver's `WindowView::at`. */
export function shown(window: WindowView, nowMs: number): Shown {
  const { used, resets_at_ms: reset, read_at_ms: read } = window;
  const passed = reset !== null && reset <= nowMs && (read === null || read < reset);
  const emptiedAtMs = window.emptied_at_ms ?? (passed ? reset : null);
  return { used: emptiedAtMs !== null && used !== null ? 0 : used, emptiedAtMs };
}

/** The two windows that an account as a whole lives by: on a bar, and in a sentence. */
const OWN: Record<string, [string, string]> = {
  five_hour: ["5-hour", "5-hour window"],
  seven_day: ["Weekly", "week"],
};

/** One of the two windows that an account as a whole lives by. */
export const isOwn = (kind: string): boolean => kind in OWN;

/** A window as people call it: one of an unknown kind, and money, by the provider's name. */
export function windowName(kind: string): string {
  const plain = kind.replace(/^(?:other|money):/u, "");
  return OWN[kind]?.[0] ?? (plain === kind ? kind : plain.replaceAll("_", " "));
}

/** The same in a sentence, after an article. */
export const windowWords = (kind: string): string =>
  OWN[kind]?.[1] ?? `window of ${windowName(kind)}`;
