// A window's bar: how full, how far its time has run, when it empties. Its colour means its pace.

import type { Amounts, WindowView } from "./bindings";
import { clock, instant, percent, shortClock, wait } from "./format";
import { elapsed, type Pace, pace, paceWords, type Reckoned } from "./pace";
import { shown } from "./window";

interface GaugeProps {
  name: string;
  window: WindowView;
  nowMs: number;
  reckoned?: Reckoned | undefined;
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
    return window.used > 0 ? "no reset known" : "not started";
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

/** What a bar says: the share, the way to the reset, and both for a screen reader. */
function said(props: GaugeProps) {
  const { name, window, nowMs, money } = props;
  const { used, emptiedAtMs } = shown(window, nowMs);
  const about = emptiedAtMs === null ? "" : "≈ ";
  const paid = moneyWords(money);
  const ends = resetWords(window, nowMs);
  // What is paid need not end: only a reset that is told is worth a word beside the sum.
  const words = paid === null ? ends : window.resets_at_ms === null ? paid : `${paid}, ${ends}`;
  const share = used === null ? "use unknown" : `${about}${Math.round(used)} percent used`;
  return { used, emptiedAtMs, about, words, share, name };
}

function Bar(props: GaugeProps) {
  const { window, nowMs, reckoned, target } = props;
  const { used, words, share, name } = said(props);
  const how: Pace = pace(window, nowMs, reckoned);
  const passed = elapsed(window, nowMs);
  const lost = how === "lost" ? Math.min(reckoned?.lost ?? 0, 100 - (used ?? 0)) : 0;
  return (
    <div
      class={`bar ${how}`}
      role="meter"
      title={paceTitle(how, passed, reckoned)}
      aria-label={`${name}: ${share}, ${words}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={used === null ? undefined : Math.min(100, Math.round(used))}
      aria-valuetext={`${share}, ${words}, ${paceWords[how]}`}
    >
      <span class="fill" style={{ width: `${Math.min(100, Math.max(0, used ?? 0))}%` }} />
      {lost > 0 && <span class="hatch" style={{ width: `${lost}%` }} />}
      {passed !== null && <span class="tick" style={{ left: `${passed}%` }} />}
      {target != null && target < 100 && (
        <span
          class="goal"
          style={{ left: `${Math.max(0, target)}%` }}
          title={`Target: ${percent(target)} used by now`}
        />
      )}
    </div>
  );
}

function paceTitle(how: Pace, passed: number | null, reckoned: Reckoned | undefined): string {
  const words = paceWords[how];
  const first =
    how === "lost" && reckoned?.lost != null
      ? `About ${percent(reckoned.lost)} will expire unused.`
      : `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
  return passed === null ? first : `${first} The mark: ${percent(passed)} of its time has passed.`;
}

/** A bar with its name, its share and its reset in full. */
export function Gauge(props: GaugeProps) {
  const { window, nowMs, small } = props;
  const { used, about, words, name } = said(props);
  const resets = window.resets_at_ms;
  return (
    <div class={`gauge ${small ? "small" : ""}`}>
      <span class="gauge-name">{name}</span>
      <Bar {...props} />
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

/** The same in a column: a short bar, the share and the day of the reset. */
export function ShortGauge(props: GaugeProps) {
  const { window, nowMs } = props;
  const { used, emptiedAtMs } = shown(window, nowMs);
  const resets = window.resets_at_ms;
  const at = emptiedAtMs ?? resets;
  return (
    <div class="short-gauge">
      <Bar {...props} />
      <span class={used === null ? "muted" : ""} title={at === null ? undefined : instant(at)}>
        {shortWords(used, emptiedAtMs, resets, nowMs)}
      </span>
    </div>
  );
}

/** `64 % · 22:16`, or what stands in its place. */
function shortWords(
  used: number | null,
  emptiedAtMs: number | null,
  resets: number | null,
  nowMs: number,
): string {
  if (used === null) return "unknown";
  if (emptiedAtMs !== null) return `reset ${shortClock(emptiedAtMs, nowMs)}`;
  if (resets === null) return used === 0 ? "not started" : percent(used);
  return `${percent(used)} · ${shortClock(resets, nowMs)}`;
}
