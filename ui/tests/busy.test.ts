import assert from "node:assert/strict";
import test from "node:test";
import { FLAG_MS, oneAtATime } from "../src/store";

/** What waits for a promise that has ended goes on before this returns. */
async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

const never = () => new Promise<void>(() => {});

test("an action under way is not begun twice, and its end frees the button", async () => {
  const shown: boolean[] = [];
  const run = oneAtATime((busy) => shown.push(busy));
  let begun = 0;
  let end = () => {};
  const action = () => {
    begun += 1;
    return new Promise<void>((resolve) => (end = resolve));
  };
  run(action);
  run(action);
  assert.equal(begun, 1);
  end();
  await settle();
  assert.deepEqual(shown, [true, false]);
  run(action);
  assert.equal(begun, 2);
  end();
});

test("nothing locks a button for more than four minutes, and a late end frees no other action", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const shown: boolean[] = [];
  const run = oneAtATime((busy) => shown.push(busy));
  let end = () => {};
  run(() => new Promise<void>((resolve) => (end = resolve)));
  context.mock.timers.tick(FLAG_MS - 1);
  assert.deepEqual(shown, [true]);
  context.mock.timers.tick(1);
  assert.deepEqual(shown, [true, false]);
  run(never);
  end();
  await settle();
  assert.deepEqual(shown, [true, false, true], "the second action goes on");
});
