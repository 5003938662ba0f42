// Numbers and instants as the person reads them. Unknown is a dash, never zero.

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** `42%`, or a dash when unknown. */
export const percent = (used: number | null): string =>
  used === null ? "–" : `${Math.round(used)}%`;

/** A span in its two largest units: `4 min`, `2 h 10 min`, `3 d 4 h`. */
export function span(millis: number): string {
  const minutes = Math.ceil(millis / MINUTE_MS);
  if (minutes <= 0) return "now";
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  const rest = minutes % 60;
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return rest > 0 ? `${hours} h ${rest} min` : `${hours} h`;
  return `${rest} min`;
}

/** `3 min ago`, `just now`. */
export function ago(millis: number): string {
  return millis < MINUTE_MS ? "just now" : `${span(millis - MINUTE_MS + 1)} ago`;
}

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const date = new Intl.DateTimeFormat("en-GB", {
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
  return (near ? weekday : date).format(at).replace(",", "");
}

/** The day alone: `Sun 13 Dec`. */
export const day = (atMs: number): string => weekdate.format(new Date(atMs)).replace(",", "");

/** The whole instant, for titles and screen readers. */
export const instant = (atMs: number): string => full.format(new Date(atMs));

/** Seconds as `45 s`, `12 min`, `3 h 5 min`. */
export const seconds = (count: number): string => (count < 60 ? `${count} s` : span(count * 1000));
