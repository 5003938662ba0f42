import assert from "node:assert/strict";
import test from "node:test";
import type { AccountView } from "../src/bindings";
import { DAYS_MS, midnights, piece, resetOf, rowWords, within } from "../src/days";
import { clock, DAY_MS, HOUR_MS } from "../src/format";

const NOW = Date.UTC(2026, 10, 24, 12);
const span = (fromH: number, untilH: number) => ({
  from_ms: NOW + fromH * HOUR_MS,
  until_ms: NOW + untilH * HOUR_MS,
});

function account(hoursLeft: number, p50: number): AccountView {
  const window = { used: 10, resets_at_ms: NOW + hoursLeft * HOUR_MS };
  const windows = [{ kind: "seven_day", window, amounts: null }];
  return { windows, forecasts: { seven_day: { p50 } } } as unknown as AccountView;
}

test("a span is cut to the line of seven days", () => {
  assert.deepEqual(piece(span(-24, 84), NOW), { left: 0, width: 50 });
  assert.deepEqual(piece(span(84, 400), NOW), { left: 50, width: 50 });
  assert.equal(piece(span(-24, -1), NOW), null);
  assert.equal(piece(span(200, 210), NOW), null);
});

test("there are seven midnights, a day apart", () => {
  const found = midnights(NOW);
  assert.equal(found.length, 7);
  assert.equal(
    found.every(({ atMs }) => new Date(atMs).getHours() === 0),
    true,
  );
  assert.equal(
    found.every(({ atMs }) => atMs > NOW && atMs < NOW + DAYS_MS),
    true,
  );
});

test("it is spent where the stretch and working hours meet", () => {
  assert.deepEqual(within(span(0, 30), [span(-3, 6), span(20, 32), span(44, 50)]), [
    span(0, 6),
    span(20, 30),
  ]);
});

test("a reset that has passed or lies behind the line is no mark", () => {
  assert.equal(resetOf(account(24, 0), NOW), NOW + DAY_MS);
  assert.equal(resetOf(account(-1, 0), NOW), null);
  assert.equal(resetOf(account(200, 0), NOW), null);
});

test("a row says aloud when it is live, when it resets and what is lost", () => {
  const mine = [
    { account: 1, ...span(0, 9) },
    { account: 1, ...span(20, 168) },
  ];
  const at = (hours: number) => clock(NOW + hours * HOUR_MS, NOW);
  assert.equal(
    rowWords(account(24, 31), mine, NOW),
    `live now until ${at(9)}, live from ${at(20)}; resets ${at(24)}; about 31\u00a0% expires unused`,
  );
  assert.equal(
    rowWords(account(24, 3), [], NOW),
    `not planned; resets ${at(24)}; about 3\u00a0% left`,
  );
});
