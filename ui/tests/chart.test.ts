// The picture of an account's past: what it reaches over, and which lines it has.

import assert from "node:assert/strict";
import test from "node:test";
import { scales, told } from "../src/chart";

test("a single reading is drawn in the span that was asked for", () => {
  const { x, y } = scales([100, 200]);
  const range = x?.range as unknown as () => number[];
  assert.deepEqual(range(), [100, 200]);
  assert.deepEqual(y?.range, [0, 100]);
});

test("a window that was never told of has no line", () => {
  assert.deepEqual(told([[1, null, 4]]), { short: false, week: true });
  assert.deepEqual(
    told([
      [1, null, 4],
      [2, 0, null],
    ]),
    { short: true, week: true },
  );
});
