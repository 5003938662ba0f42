import assert from "node:assert/strict";
import test from "node:test";
import type { WindowView } from "../src/bindings";
import { shown } from "../src/window";

const full: WindowView = {
  used: 100,
  resets_at_ms: 1_000,
  emptied_at_ms: null,
  read_at_ms: 500,
  span_ms: 18_000_000,
};

test("a window past its reset is empty and not read since", () => {
  assert.deepEqual(shown(full, 999), { used: 100, emptiedAtMs: null });
  assert.deepEqual(shown(full, 1_000), { used: 0, emptiedAtMs: 1_000 });
});

test("a reading made after the reset counts, and unknown stays unknown", () => {
  assert.deepEqual(shown({ ...full, read_at_ms: 1_001 }, 2_000), { used: 100, emptiedAtMs: null });
  assert.deepEqual(shown({ ...full, used: null }, 2_000), { used: null, emptiedAtMs: 1_000 });
});
