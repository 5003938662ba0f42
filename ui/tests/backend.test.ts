import assert from "node:assert/strict";
import test from "node:test";
import { bounded } from "../src/backend";
import { web } from "../src/backend.web";
import type { Answer, Askable, Shown } from "../src/bindings";

const bounds: [Askable, number][] = [
  [{ verb: "stop" }, 60_000],
  [{ verb: "read_usage", account: 1 }, 65_000],
  [{ verb: "validate", account: 1 }, 65_000],
  [{ verb: "read_all" }, 305_000],
];

for (const [request, millis] of bounds) {
  test(`the page waits ${millis / 1_000} s for ${request.verb} and then says that it does not know`, async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    let answer: Answer | null = null;
    void bounded(request, new Promise<Answer>(() => {})).then((late) => (answer = late));
    context.mock.timers.tick(millis - 1);
    await Promise.resolve();
    assert.equal(answer, null);
    context.mock.timers.tick(1);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    assert.equal((answer as { code?: string } | null)?.code, "timeout");
  });
}

test("while every account is read the view says how far that is, and at the end how it went", async () => {
  const backend = web("afternoon");
  const seen: (number | null)[] = [];
  const stop = backend.onView((shown: Shown) => {
    const bulk = shown.view.bulk;
    seen.push(bulk === null ? null : bulk.read + bulk.failed);
  });
  const answer = await backend.call({ verb: "read_all" });
  stop();
  assert.deepEqual(seen, [0, 1, 2, 3, null]);
  assert.equal(answer.answer, "bulk");
  assert.deepEqual(
    [(answer as { read: number }).read, (answer as { failed: number }).failed],
    [3, 1],
  );
});
