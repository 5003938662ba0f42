// The made-up rows of the pages *Decisions*, *Outlook* and *History*, for the backend without Tauri.

import type { DecisionView, StrandedView, SwapView } from "./bindings";
import { DAY_MS, HOUR_MS } from "./format";

export function decisions(now: number): DecisionView[] {
  const row = (id: number, minutes: number, rest: Partial<DecisionView>): DecisionView => ({
    id,
    at_ms: now - minutes * 60_000,
    provider: "claude",
    action: "stay",
    trigger: "tick",
    active: 1,
    target: null,
    sentence: "Work stays live: no rule fired.",
    swap: null,
    candidates: [
      {
        account: 1,
        tier: 1,
        target: 82,
        deficit: 4.1,
        stranding: 0,
        value: null,
        refusal: "active",
      },
      {
        account: 2,
        tier: 0,
        target: 97,
        deficit: 56,
        stranding: 23.4,
        value: null,
        refusal: "none",
      },
      {
        account: 3,
        tier: 3,
        target: 40,
        deficit: -15,
        stranding: 0,
        value: null,
        refusal: "needs_sign_in",
      },
      {
        account: 4,
        tier: 2,
        target: 60,
        deficit: 25,
        stranding: 0,
        value: null,
        refusal: "not_automatic",
      },
    ],
    ...rest,
  });
  return [
    row(19, 2, {
      action: "advise",
      trigger: "higher_tier_emerged",
      target: 2,
      sentence: "Personal resets in 19 h and is 56 % behind its target; Work can wait.",
    }),
    row(18, 7, {
      trigger: "emergence_pending",
      sentence: "Work stays live: Personal became more urgent one look ago.",
    }),
    ...[12, 17, 22, 27].map((minutes, index) => row(17 - index, minutes, {})),
    row(12, 64, {
      action: "swap",
      trigger: "forced_critical",
      active: 4,
      target: 1,
      sentence: "Spare's 5-hour window is 92 % full; Work has the most room.",
      swap: 5,
    }),
  ];
}

export function swaps(now: number): SwapView[] {
  return [
    {
      id: 5,
      at_ms: now - 64 * 60_000,
      provider: "claude",
      from: 4,
      to: 1,
      asked_by: "driver",
      decision: 12,
      trigger: "forced_critical",
      reason: "Spare's 5-hour window was 92 % full.",
      status: "committed",
      residency_seconds: 11_040,
      error: null,
    },
    {
      id: 4,
      at_ms: now - 300 * 60_000,
      provider: "claude",
      from: 1,
      to: 4,
      asked_by: "person",
      decision: null,
      trigger: "manual",
      reason: "You asked.",
      status: "failed",
      residency_seconds: 512,
      error: "The login file changed while it was swapped; the newer login was kept.",
    },
  ];
}

export function stranded(now: number): StrandedView[] {
  const week = (
    account: number,
    days: number,
    unused: number,
    p50: number | null,
  ): StrandedView => ({
    account,
    resets_at_ms: now - days * DAY_MS,
    unused,
    p50,
    p90: p50 === null ? null : p50 + 12,
  });
  return [week(1, 5.8, 0, 2), week(2, 6.2, 27, 31), week(4, 9, 64, null)];
}

export function samples(now: number, since: number): [number, number | null, number | null][] {
  const rows: [number, number | null, number | null][] = [];
  for (let at = since; at < now; at += 10 * 60_000) {
    const five = ((at / HOUR_MS) % 5) * 17;
    const seven = ((at / DAY_MS) % 7) * 13;
    const hole = (at / HOUR_MS) % 24 < 6;
    rows.push([at, hole ? null : Math.min(100, five), hole ? null : seven]);
  }
  return rows;
}
