// A window's bar: how full, how far its time has run, when it empties.

import { DRAWN_FULL_PERCENT, DRAWN_HIGH_PERCENT, type WindowView } from "./bindings";
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
  lengthMs: number;
  nowMs: number;
  target?: number | null;
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

export function Gauge({ name, window, lengthMs, nowMs, target, small }: GaugeProps) {
  const { resets_at_ms: resets } = window;
  const { used, emptiedAtMs } = shown(window, nowMs);
  const about = emptiedAtMs === null ? "" : "≈ ";
  const elapsed =
    resets === null ? null : Math.min(1, Math.max(0, 1 - (resets - nowMs) / lengthMs)) * 100;
  const words = resetWords(window, nowMs);
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
