// Numbers and instants as the person reads them. Unknown is a dash, never zero.

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

// Shares are told as by the tray and the command line (`tests/shares.json`), on one line.

/** `42 %`, or a dash when unknown. */
export const percent = (used: number | null): string =>
  used === null ? "–" : `${Math.round(used)}\u00a0%`;

// A wait is told to the next minute, so that nobody comes back too early; an age to the last one. The
// tray and the command line tell them the same way: `tests/spans.json` holds what they say.
function units(minutes: number): string {
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  const rest = minutes % 60;
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return rest > 0 ? `${hours} h ${rest} min` : `${hours} h`;
  return `${rest} min`;
}

/** A wait in its two largest units: `4 min`, `2 h 10 min`, `3 d 4 h`. */
export const wait = (millis: number): string => units(Math.max(1, Math.ceil(millis / MINUTE_MS)));

/** The same of a time that has passed. */
export const age = (millis: number): string => units(Math.max(1, Math.floor(millis / MINUTE_MS)));

/** `3 min ago`, `just now`. */
export const ago = (millis: number): string =>
  millis < MINUTE_MS ? "just now" : `${age(millis)} ago`;

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const dayName = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const dayMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const datetime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const weekdate = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
});
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

/** `14:05` today, `Tue 14:05` within a week, else `24 Nov 14:05`. */
export function clock(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const now = new Date(nowMs);
  if (at.toDateString() === now.toDateString()) return time.format(at);
  const near = Math.abs(atMs - nowMs) < 6.5 * DAY_MS;
  return (near ? weekday : datetime).format(at).replace(",", "");
}

/** Shorter, for a column: `01:22` within half a day, `Wed` within a week, else `24 Nov`. */
export function shortClock(atMs: number, nowMs: number): string {
  const away = Math.abs(atMs - nowMs);
  const at = new Date(atMs);
  if (away < 12 * HOUR_MS) return time.format(at);
  return (away < 6.5 * DAY_MS ? dayName : dayMonth).format(at);
}

/** `Wed`. */
export const weekdayOf = (atMs: number): string => dayName.format(new Date(atMs));

/** The day alone: `Sun 13 Dec`. */
export const day = (atMs: number): string => weekdate.format(new Date(atMs)).replace(",", "");

/** `22 Oct`. */
export const date = (atMs: number): string => dayMonth.format(new Date(atMs));

/** The whole instant, for titles and screen readers. */
export const instant = (atMs: number): string => full.format(new Date(atMs));

/** So many seconds that have passed: `45 s`, `12 min`, `3 h 5 min`. */
export const seconds = (count: number): string => (count < 60 ? `${count} s` : age(count * 1000));

/** Six in the morning of the next day, as in the tray's menu. */
export function tomorrow(nowMs: number): number {
  const day = new Date(nowMs + DAY_MS);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate(), 6).getTime();
}
