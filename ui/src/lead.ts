// From a swap to the decision behind it, and from a decision to its swap.

import type { DecisionView, SwapView } from "./bindings";

/** One row of the page's two tables. */
export interface Lead {
  table: "decision" | "swap";
  id: number;
}

/** What the row is called on the page. */
export const anchor = (lead: Lead): string => `${lead.table}-${lead.id}`;

/** The decision behind a swap, if one is known. */
export const behind = (swap: SwapView): Lead | null =>
  swap.decision === null ? null : { table: "decision", id: swap.decision };

/** The swap that followed from a decision. */
export const after = (decision: DecisionView): Lead | null =>
  decision.swap === null ? null : { table: "swap", id: decision.swap };

/** A decision that is led to and is not among the shown: it is read by itself. */
export const missing = (lead: Lead | null, shown: DecisionView[]): number | null =>
  lead?.table === "decision" && shown.every((row) => row.id !== lead.id) ? lead.id : null;
