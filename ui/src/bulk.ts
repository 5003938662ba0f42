// The reading of every account: how far it is, and how it ended.

import type { BulkView } from "./bindings";

/** The driver ends it by then; a view that says otherwise has stopped. */
export const BULK_MS = 300_000;

/** One that is still under way. */
export const underWay = (bulk: BulkView | null, nowMs: number): BulkView | null =>
  bulk !== null && nowMs - bulk.begun_at_ms < BULK_MS ? bulk : null;

/** Accounts that are done with, however it went. */
export const settled = (bulk: BulkView): number => bulk.read + bulk.throttled + bulk.failed;

/** `Reading 3 of 12…` */
export const progress = (bulk: BulkView): string =>
  `Reading ${Math.min(settled(bulk) + 1, bulk.total)} of ${bulk.total}…`;

/** `3 read, 1 asked too lately, 1 could not be read.` */
export function ended(bulk: BulkView): string {
  const parts = [
    `${bulk.read} read`,
    bulk.throttled > 0 ? `${bulk.throttled} asked too lately` : null,
    bulk.failed > 0 ? `${bulk.failed} could not be read` : null,
  ];
  return `${parts.filter((part) => part !== null).join(", ")}.`;
}
