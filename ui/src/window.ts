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
