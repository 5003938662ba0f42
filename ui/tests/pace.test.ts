import assert from "node:assert/strict";
import test from "node:test";
import type { WindowView } from "../src/bindings";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../src/format";
import { elapsed, pace } from "../src/pace";

const NOW = Date.UTC(2026, 10, 24, 12);

/** A week of which so much is used and so many hours are left. */
function week(used: number | null, hoursLeft: number | null): WindowView {
  const resets_at_ms = hoursLeft === null ? null : NOW + hoursLeft * HOUR_MS;
  return { used, resets_at_ms, emptied_at_ms: null, read_at_ms: null, span_ms: 7 * DAY_MS };
}

test("unknown, emptied and nothing used are three things", () => {
  assert.equal(pace(week(null, 48), NOW), "unknown");
  assert.equal(pace(week(64, -1), NOW), "emptied");
  assert.equal(pace(week(0, null), NOW), "calm");
});

test("what runs out before its reset is early, and near in its last half hour", () => {
  const fullIn = (minutes: number) => ({ fullAtMs: NOW + minutes * MINUTE_MS });
  assert.equal(pace(week(64, 48), NOW, fullIn(90)), "early");
  assert.equal(pace(week(64, 48), NOW, fullIn(20)), "near");
  assert.equal(pace(week(64, 1), NOW, fullIn(90)), "calm", "the reset comes first");
  assert.equal(pace(week(100, 48), NOW), "full");
});

test("a week that is nearly used up is calm on its last day, and early before", () => {
  assert.equal(pace(week(94, 12), NOW), "calm");
  assert.equal(pace(week(94, 72), NOW), "early");
});

test("part of it is lost where enough is foreseen, not where it runs out", () => {
  assert.equal(pace(week(41, 19), NOW, { lost: 31 }), "lost");
  assert.equal(pace(week(41, 19), NOW, { lost: 6 }), "calm");
  assert.equal(pace(week(41, 19), NOW, { lost: 31, fullAtMs: NOW + HOUR_MS }), "early");
});

test("the mark stands where the time is, and nowhere past the reset", () => {
  assert.equal(elapsed(week(10, 84), NOW), 50);
  assert.equal(elapsed(week(10, null), NOW), null);
  assert.equal(elapsed(week(10, -1), NOW), null);
});
