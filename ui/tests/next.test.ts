import assert from "node:assert/strict";
import test from "node:test";
import type { AccountView, DecisionView, ProviderView, View } from "../src/bindings";
import { clock, DAY_MS, HOUR_MS, MINUTE_MS } from "../src/format";
import { next } from "../src/next";

const NOW = Date.UTC(2026, 10, 24, 12);

function account(id: number, label: string, p50: number): AccountView {
  const resets_at_ms = NOW + DAY_MS;
  const seven_day = { p50, p90: p50, low: 0, high: p50, resets_at_ms };
  const known = { id, label, provider: "claude", forecasts: { five_hour: null, seven_day } };
  return known as unknown as AccountView;
}

function told(state: Partial<ProviderView>, rest: Partial<View> = {}) {
  const provider = {
    provider: "claude",
    mode: "auto",
    paused_until_ms: null,
    live: 1,
    advice: null,
    after_turn: null,
    run_out: null,
    ...state,
  } as ProviderView;
  const view = {
    stopped: false,
    swapping: null,
    last_decision: null,
    accounts: [account(1, "Work", 3), account(2, "Personal", 31)],
    week: { stretches: [], work: [] },
    ...rest,
  } as unknown as View;
  return next(view, provider, NOW);
}

const stretch = (account: number, fromH: number, untilH: number) => ({
  account,
  from_ms: NOW + fromH * HOUR_MS,
  until_ms: NOW + untilH * HOUR_MS,
});
const plan = { week: { stretches: [stretch(1, 0, 9), stretch(2, 9, 30)], work: [] } };
const soon = { run_out: { window: "five_hour" as const, at_ms: NOW + 25 * MINUTE_MS } };

test("advice comes now, with its reason and its decision", () => {
  const advice = { to: 2, reason: "It resets first.", decision: 19, cause: "advice:claude:2" };
  const said = told({ advice, ...soon });
  assert.deepEqual(said, {
    title: "Personal, now",
    cause: "It resets first.",
    to: 2,
    decision: 19,
  });
});

test("a window that is full soon names the planned account and what it would lose", () => {
  const said = told(soon, plan);
  assert.equal(said.title, `Personal, about ${clock(NOW + 25 * MINUTE_MS, NOW)}`);
  assert.match(said.cause, /^Work’s 5-hour window is full in 25 min at this pace\. About 31.%/u);
  assert.equal(said.to, 2);
});

test("without a plan only the hour is told", () => {
  const said = told(soon);
  assert.equal(said.title, `Full about ${clock(NOW + 25 * MINUTE_MS, NOW)}`);
  assert.equal(said.to, null);
});

test("what is planned for later has its hour and its cause", () => {
  const said = told({}, plan);
  assert.equal(said.title, `Personal, about ${clock(NOW + 9 * HOUR_MS, NOW)}`);
  assert.match(said.cause, /^Work is expected to have no room left by then\./u);
});

test("where nothing speaks for a change, the last decision says why", () => {
  const last = { provider: "claude", action: "stay", sentence: "Work stays.", id: 7 };
  const said = told({}, { last_decision: last as unknown as DecisionView });
  assert.deepEqual(said, { title: "Work stays", cause: "Work stays.", to: null, decision: 7 });
  assert.equal(told({}).cause, "No reason to switch.");
});

test("off, stopped, paused, under way and waiting each say so", () => {
  assert.equal(told({ mode: "off" }, plan).title, "Nothing planned");
  assert.equal(told({}, { ...plan, stopped: true }).title, "Nothing while stopped");
  const swapping = { provider: "claude" as const, from: 1, to: 2 };
  assert.equal(told({}, { swapping }).title, "Personal, now");
  assert.equal(told({ after_turn: 2 }).title, "Personal, after this turn");
  const paused = told({ paused_until_ms: NOW + HOUR_MS, ...soon }, plan);
  assert.equal(paused.title, `Nothing before ${clock(NOW + HOUR_MS, NOW)}`);
  assert.match(paused.cause, /^Switching is paused\. Work’s 5-hour/u);
});
