//! The log of decisions and of swaps, and a swap under way, as front ends see them.

use crate::closed::closed;
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, AskedBy, Provider, Trigger};

closed! {
    /// What was made of the engine's answer.
    DecisionAction {
        /// Nothing was to be done.
        Stay = "stay",
        /// The swap was ordered.
        Swap = "swap",
        /// The swap was offered to the person.
        Advise = "advise",
        /// Of another version.
        Other = "other",
    }
}

impl DecisionAction {
    /// Those that this version takes.
    pub const TAKEN: [Self; 3] = [Self::Stay, Self::Swap, Self::Advise];
}

closed! {
    /// Where a swap stands.
    SwapStatus {
        /// Journalled, not settled.
        Pending = "pending",
        /// The other account is active.
        Committed = "committed",
        /// Nothing changed, or it was undone.
        Failed = "failed",
        /// Of another version.
        Other = "other",
    }
}

/// One decision on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct DecisionView {
    /// Ledger row.
    pub id: i64,
    /// When.
    pub at_ms: i64,
    /// Whose seat.
    pub provider: Provider,
    /// What was made of it.
    pub action: DecisionAction,
    /// The branch.
    pub trigger: Trigger,
    /// Who was active.
    pub active: Option<AccountId>,
    /// Who was chosen or would have been.
    pub target: Option<AccountId>,
    /// The decision in a sentence.
    pub sentence: String,
    /// The swap that followed, by its ledger row, whatever came of it; in the log only.
    pub swap: Option<i64>,
    /// The candidates as the engine saw them.
    pub candidates: Vec<sluice_engine::Candidate>,
}

/// One row of the swap audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct SwapView {
    /// Ledger row.
    pub id: i64,
    /// When it was journalled.
    pub at_ms: i64,
    /// Whose seat.
    pub provider: Provider,
    /// The account that left.
    pub from: Option<AccountId>,
    /// The account that came.
    pub to: AccountId,
    /// Who wanted it.
    pub asked_by: AskedBy,
    /// The decision behind it, by its ledger row; `None` where a person or a tool's report moved it
    /// without one, or where it could not be written down.
    pub decision: Option<i64>,
    /// The branch.
    pub trigger: Trigger,
    /// Why, in a sentence.
    pub reason: String,
    /// Where it stands.
    pub status: SwapStatus,
    /// How long the account that left had been active, whole seconds.
    pub residency_seconds: Option<i64>,
    /// What failed.
    pub error: Option<String>,
}

/// Which decisions are wanted; what is `None` restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(default)]
pub struct DecisionFilter {
    /// Of this branch.
    pub trigger: Option<Trigger>,
    /// With this action.
    pub action: Option<DecisionAction>,
    /// With this account live or chosen.
    pub account: Option<AccountId>,
}

/// A swap under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Swapping {
    /// Whose seat.
    pub provider: Provider,
    /// The account that leaves; `None` when the seat was empty.
    pub from: Option<AccountId>,
    /// The account that comes.
    pub to: AccountId,
}
