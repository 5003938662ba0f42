// Where things stand on a line of seven days, and what a row of the week says aloud.

import type { AccountView, SpanView, StretchView } from "./bindings";
import { clock, DAY_MS, percent, weekdayOf } from "./format";
import { LOST_MIN } from "./pace";

export const DAYS_MS = 7 * DAY_MS;
/** What is said of a row: more would not be listened to. */
const SAID_MAX = 4;

/** A piece of the line, percent of its width. */
export interface Piece {
  left: number;
  width: number;
}

/** Where an instant stands, percent; may lie outside. */
export const place = (atMs: number, nowMs: number): number => ((atMs - nowMs) / DAYS_MS) * 100;

/** A span on the line; `null` outside it. */
export function piece({ from_ms, until_ms }: SpanView, nowMs: number): Piece | null {
  const left = Math.max(0, place(from_ms, nowMs));
  const right = Math.min(100, place(until_ms, nowMs));
  return right > left ? { left, width: right - left } : null;
}

/** The midnights on the line, with the day that begins there. */
export function midnights(nowMs: number): { atMs: number; day: string }[] {
  const day = new Date(nowMs);
  const found = [];
  for (;;) {
    day.setHours(24, 0, 0, 0);
    const atMs = day.getTime();
    if (atMs >= nowMs + DAYS_MS) return found;
    found.push({ atMs, day: weekdayOf(atMs) });
  }
}

/** The parts of a stretch that lie in working hours: that is where it is spent. */
export function within(stretch: SpanView, work: SpanView[]): SpanView[] {
  return work
    .map(({ from_ms, until_ms }) => ({
      from_ms: Math.max(from_ms, stretch.from_ms),
      until_ms: Math.min(until_ms, stretch.until_ms),
    }))
    .filter((part) => part.until_ms > part.from_ms);
}

/** When the account's week resets, if that lies on the line. */
export function resetOf(account: AccountView, nowMs: number): number | null {
  const week = account.windows.find((one) => one.kind === "seven_day");
  const at = week?.window.resets_at_ms ?? null;
  return at !== null && at > nowMs && at <= nowMs + DAYS_MS ? at : null;
}

/** `live now until Tue 20:59, live Wed 08:00 to 12:00; resets Wed 01:22; about 31 % expires unused`. */
export function rowWords(account: AccountView, mine: StretchView[], nowMs: number): string {
  const live = mine.slice(0, SAID_MAX).map(({ from_ms, until_ms }) => {
    const until = until_ms >= nowMs + DAYS_MS - DAY_MS / 24 ? null : clock(until_ms, nowMs);
    if (from_ms <= nowMs) return until === null ? "live all week" : `live now until ${until}`;
    const from = clock(from_ms, nowMs);
    return until === null ? `live from ${from}` : `live ${from} to ${until}`;
  });
  const resets = resetOf(account, nowMs);
  const week = account.forecasts.seven_day;
  return [
    live.length === 0 ? "not planned" : live.join(", "),
    resets === null ? null : `resets ${clock(resets, nowMs)}`,
    week === null
      ? null
      : week.p50 >= LOST_MIN
        ? `about ${percent(week.p50)} expires unused`
        : `about ${percent(week.p50)} left`,
  ]
    .filter((part) => part !== null)
    .join("; ");
}
