import assert from "node:assert/strict";
import test from "node:test";
import { ago, wait } from "../src/format";
import spans from "./spans.json";

test("the page tells a span as the tray and the command line do", () => {
  for (const told of spans) {
    const here = { millis: told.millis, wait: wait(told.millis), ago: ago(told.millis) };
    assert.deepEqual(here, told);
  }
  assert.equal(spans.length > 0, true);
});
