import assert from "node:assert/strict";
import test from "node:test";
import { percent } from "../src/format";
import shares from "./shares.json";

test("the page tells a share as the tray and the command line do, on one line", () => {
  for (const { share, text } of shares) {
    assert.equal(percent(share), text.replace(" ", "\u00a0"));
  }
  assert.equal(shares.length > 0, true);
});
