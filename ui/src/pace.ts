// What a bar's colour means: whether a window runs out before its reset, or part of it will be lost.

import { DRAWN_FULL_PERCENT, type WindowView } from "./bindings";
import { MINUTE_MS } from "./format";
import { shown } from "./window";

/** Less than this is left of every window and is no loss to speak of, percent. */
export const LOST_MIN = 10;
/** This near to its end a window is nearly gone. */
const NEAR_MS = 30 * MINUTE_MS;
/** Used ahead of the time that has passed by more than this is ahead, percent. */
const AHEAD = 5;
const FULL = 99.5;

/**
 * `early`: runs out before its reset; `near`: within half an hour; `full`: has; `lost`: part of it will
 * expire unused; `calm`: neither; `emptied`: its reset has passed and it was not read since.
 */
export type Pace = "unknown" | "emptied" | "calm" | "lost" | "early" | "near" | "full";

export interface Reckoned {
  /** When it is full at the present pace. */
  fullAtMs?: number | null;
  /** What is expected to be left at its reset, percent. */
  lost?: number | null;
}

/** The share of the window's time that has passed, percent; `null` without a reset. */
export function elapsed({ resets_at_ms: resets, span_ms: span }: WindowView, nowMs: number) {
  if (resets === null || span === 0 || resets <= nowMs) return null;
  return Math.min(1, Math.max(0, 1 - (resets - nowMs) / span)) * 100;
}

export function pace(window: WindowView, nowMs: number, reckoned: Reckoned = {}): Pace {
  const { used, emptiedAtMs } = shown(window, nowMs);
  if (used === null) return "unknown";
  if (emptiedAtMs !== null) return "emptied";
  if (used >= FULL) return "full";
  const { fullAtMs = null, lost = null } = reckoned;
  const resets = window.resets_at_ms;
  if (fullAtMs !== null && (resets === null || fullAtMs < resets)) {
    return fullAtMs - nowMs < NEAR_MS ? "near" : "early";
  }
  // A week that is nearly used up on its last day is right.
  const passed = elapsed(window, nowMs);
  if (used >= DRAWN_FULL_PERCENT && passed !== null && used > passed + AHEAD) return "early";
  return lost !== null && lost >= LOST_MIN ? "lost" : "calm";
}

export const paceWords: Record<Pace, string> = {
  unknown: "not known",
  emptied: "reset, not read since",
  calm: "on pace",
  lost: "part of it will expire unused",
  early: "runs out before its reset",
  near: "runs out within half an hour",
  full: "used up until its reset",
};
