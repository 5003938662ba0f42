import assert from "node:assert/strict";
import test from "node:test";
import { web } from "../src/backend.web";
import type { DecisionView, SwapView } from "../src/bindings";
import { after, anchor, behind, missing } from "../src/lead";

async function rows(): Promise<{ decisions: DecisionView[]; swaps: SwapView[] }> {
  const backend = web("afternoon");
  const only = { trigger: null, action: null, account: null };
  const decided = await backend.call({ verb: "decisions", limit: 600, before: null, only });
  const swapped = await backend.call({ verb: "swaps", limit: 100 });
  return {
    decisions: decided.answer === "decisions" ? decided.rows : [],
    swaps: swapped.answer === "swaps" ? swapped.rows : [],
  };
}

test("a swap leads to its decision and the decision back to it", async () => {
  const { decisions, swaps } = await rows();
  const decided = swaps.filter((swap) => behind(swap) !== null);
  assert.equal(decided.length, 1);
  const decision = decisions.find((row) => row.id === behind(decided[0]!)?.id);
  assert.deepEqual(after(decision!), { table: "swap", id: decided[0]!.id });
  assert.equal(anchor(behind(decided[0]!)!), `decision-${decision!.id}`);
});

test("what a person asked for leads nowhere", async () => {
  const { swaps } = await rows();
  const asked = swaps.filter((swap) => swap.asked_by === "person");
  assert.deepEqual(asked.map(behind), [null]);
});

test("a decision that the list lacks is read by itself", async () => {
  const { decisions } = await rows();
  assert.equal(missing({ table: "decision", id: 12 }, decisions), null);
  assert.equal(missing({ table: "decision", id: 3 }, decisions), 3);
  assert.equal(missing({ table: "swap", id: 3 }, decisions), null);
  assert.equal(missing(null, decisions), null);
});
