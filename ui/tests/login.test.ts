import assert from "node:assert/strict";
import test from "node:test";
import type { AccountView, BulkView, LoginHealth } from "../src/bindings";
import { BULK_MS, ended, progress, underWay } from "../src/bulk";
import { DAY_MS, HOUR_MS } from "../src/format";
import { loginWords } from "../src/login";

const NOW = Date.UTC(2026, 10, 22, 12);

function account(rest: Partial<AccountView>, health: Partial<LoginHealth> = {}): AccountView {
  const known = {
    since_ms: NOW - 7 * DAY_MS,
    access_ends_at_ms: null,
    proven_at_ms: null,
    warn_days: null,
    also_in: null,
    ...health,
  };
  const one = { login: "valid", login_ends_at_ms: NOW + 21 * DAY_MS, login_health: known, ...rest };
  return one as AccountView;
}

test("a login far from its end says its age and the day of the next sign-in, calmly", () => {
  const words = loginWords(account({}), NOW)!;
  assert.deepEqual(
    [words.urgency, words.age, words.end],
    ["calm", "Login 7 d old", "sign in again by Sun 13 Dec"],
  );
});

test("seven, three and one day before its end a login is marked as the driver warns", () => {
  const marks = [7, 3, 1, null].map((warn) => {
    const ends = NOW + (warn ?? 20) * DAY_MS - HOUR_MS;
    return loginWords(account({ login_ends_at_ms: ends }, { warn_days: warn }), NOW)!.urgency;
  });
  assert.deepEqual(marks, ["week", "few", "last", "calm"]);
});

test("on its last day the hours count, and an ended login says so", () => {
  const last = account({ login_ends_at_ms: NOW + 5 * HOUR_MS }, { warn_days: 1 });
  assert.equal(loginWords(last, NOW)!.end, "sign in again within 5 h");
  // The page's clock goes on between two views.
  const words = loginWords(last, NOW + 6 * HOUR_MS)!;
  assert.deepEqual([words.urgency, words.end], ["last", "it has ended: sign in again"]);
});

test("what is not known is said to be unknown, and no login is no line", () => {
  const words = loginWords(account({ login_ends_at_ms: null }), NOW)!;
  assert.deepEqual([words.urgency, words.end], ["calm", "its end is not known"]);
  assert.equal(loginWords(account({}, { since_ms: null }), NOW)!.age, "");
  const young = account({}, { since_ms: NOW - 61_000 });
  assert.equal(loginWords(young, NOW)!.age, "Login 1 min old", "and not an hour");
  const unknown = account({ login_ends_at_ms: null }, { since_ms: null });
  assert.equal(loginWords(unknown, NOW), null);
  assert.equal(loginWords(account({ login: "needs_sign_in" }), NOW), null);
  assert.equal(loginWords(account({ login: "missing" }), NOW), null);
});

const bulk = (rest: Partial<BulkView>): BulkView => ({
  begun_at_ms: NOW,
  total: 4,
  read: 0,
  throttled: 0,
  failed: 0,
  ...rest,
});

test("the reading of every account shows which one it is at and never more than there are", () => {
  assert.equal(progress(bulk({ read: 1, throttled: 1 })), "Reading 3 of 4…");
  assert.equal(progress(bulk({ read: 4 })), "Reading 4 of 4…");
});

test("its end counts what was read, what was asked too lately and what failed", () => {
  assert.equal(ended(bulk({ read: 4 })), "4 read.");
  const mixed = ended(bulk({ read: 2, throttled: 1, failed: 1 }));
  assert.equal(mixed, "2 read, 1 asked too lately, 1 could not be read.");
});

test("a view that never says its end locks the button for five minutes and no longer", () => {
  const begun = bulk({});
  assert.equal(underWay(begun, NOW + BULK_MS - 1), begun);
  assert.equal(underWay(begun, NOW + BULK_MS), null);
  assert.equal(underWay(null, NOW), null);
});
