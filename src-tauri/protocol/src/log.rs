//! The log of decisions, and a swap under way, as front ends see them.

use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Provider, Trigger};

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
    /// `stay`, `swap` or `advise`.
    pub action: String,
    /// The branch.
    pub trigger: Trigger,
    /// Who was active.
    pub active: Option<AccountId>,
    /// Who was chosen or would have been.
    pub target: Option<AccountId>,
    /// The decision in a sentence.
    pub sentence: String,
    /// The candidates as the engine saw them.
    pub candidates: Vec<sluice_engine::Candidate>,
}

/// Which decisions are wanted; what is `None` restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(default)]
pub struct DecisionFilter {
    /// Of this branch.
    pub trigger: Option<Trigger>,
    /// `stay`, `swap` or `advise`.
    pub action: Option<String>,
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
