// A window's bar: how full, how far its time has run, when it empties.

import { type Amounts, DRAWN_FULL_PERCENT, DRAWN_HIGH_PERCENT, type WindowView } from "./bindings";
import { clock, instant, percent, wait } from "./format";
import { shown } from "./window";

export function level(used: number | null): string {
  if (used === null) return "unknown";
  if (used >= DRAWN_FULL_PERCENT) return "full";
  return used >= DRAWN_HIGH_PERCENT ? "high" : "calm";
}

interface GaugeProps {
  name: string;
  window: WindowView;
  nowMs: number;
  target?: number | null;
  /** The money behind the share, where it meters any. */
  money?: Amounts | null;
  small?: boolean;
}

function resetWords(window: WindowView, nowMs: number): string {
  const { emptiedAtMs } = shown(window, nowMs);
  if (emptiedAtMs !== null) return `reset at ${clock(emptiedAtMs, nowMs)}, not read since`;
  if (window.resets_at_ms === null) {
    if (window.used === null) return "unknown";
    return window.used > 0 ? "no reset known" : "begins with its next use";
  }
  if (window.resets_at_ms <= nowMs) return "has reset";
  return `resets in ${wait(window.resets_at_ms - nowMs)}`;
}

/** `10.50 of 25.00 EUR`. */
export function moneyWords(money: Amounts | null | undefined): string | null {
  if (money?.used == null) return null;
  const of = money.limit === null ? "" : ` of ${money.limit.toFixed(2)}`;
  return `${money.used.toFixed(2)}${of}${money.currency === null ? "" : ` ${money.currency}`}`;
}

export function Gauge({ name, window, nowMs, target, money, small }: GaugeProps) {
  const { resets_at_ms: resets, span_ms: span } = window;
  const { used, emptiedAtMs } = shown(window, nowMs);
  const about = emptiedAtMs === null ? "" : "≈ ";
  const elapsed =
    resets === null || span === 0
      ? null
      : Math.min(1, Math.max(0, 1 - (resets - nowMs) / span)) * 100;
  const paid = moneyWords(money);
  const ends = resetWords(window, nowMs);
  // What is paid need not end: only a reset that is told is worth a word beside the sum.
  const words = paid === null ? ends : resets === null ? paid : `${paid}, ${ends}`;
  const said = used === null ? "use unknown" : `${about}${Math.round(used)} percent used`;
  return (
    <div class={`gauge ${small ? "small" : ""}`}>
      <span class="gauge-name">{name}</span>
      <div
        class={`bar ${emptiedAtMs === null ? level(used) : "emptied"}`}
        role="meter"
        aria-label={`${name}: ${said}, ${words}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={used === null ? undefined : Math.min(100, Math.round(used))}
        aria-valuetext={`${said}, ${words}`}
      >
        <span class="fill" style={{ width: `${Math.min(100, Math.max(0, used ?? 0))}%` }} />
        {elapsed !== null && (
          <span
            class="tick"
            style={{ left: `${elapsed}%` }}
            title={`${percent(elapsed)} of the window's time has passed`}
          />
        )}
        {target != null && target < 100 && (
          <span
            class="goal"
            style={{ left: `${Math.max(0, target)}%` }}
            title={`Target: ${percent(target)} used by now`}
          />
        )}
      </div>
      <span class="gauge-used">
        {about}
        {percent(used)}
      </span>
      <span class="gauge-reset" title={resets === null ? undefined : instant(resets)}>
        {words}
        {resets !== null && resets > nowMs && <span class="muted"> · {clock(resets, nowMs)}</span>}
      </span>
    </div>
  );
}
