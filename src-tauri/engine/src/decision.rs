//! What the engine answers: the action, the branch that was taken, and why each candidate lost.

use crate::units::{AccountId, Generation, LaneId, Utc};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What to do about the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    Stay,
    /// Make another account active. In mode `advise` the driver offers it instead of doing it.
    Swap {
        /// Which.
        to: AccountId,
    },
}

/// Who wanted a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AskedBy {
    /// The driver, by itself. Rows of earlier versions say `engine`.
    #[serde(alias = "engine")]
    Driver,
    /// A person.
    Person,
    /// A tool reported that the account refuses work. Rows of earlier versions say `failure`.
    #[serde(alias = "failure")]
    Report,
}

impl AskedBy {
    /// The stable lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Person => "person",
            Self::Report => "report",
        }
    }
}

/// The branch that was taken; set by the branch, never parsed from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// Stay: no rule fired.
    Tick,
    /// Stay: a more urgent candidate has not persisted long enough.
    EmergencePending,
    /// Stay: the residency minimum is not over.
    ResidencyBlocked,
    /// Stay: the cooldown is not over.
    CooldownBlocked,
    /// Stay: a rule fired, nobody is eligible.
    NoTarget,
    /// Stay: backoff is running, or the attempt failed.
    SwapAborted,
    /// Swap: a candidate of a more urgent tier.
    HigherTierEmerged,
    /// Swap: a candidate of the same tier loses more per hour.
    IntraTierPreempted,
    /// Swap: the active account reached its target.
    TierDrained,
    /// Swap: the 5-hour window is critical, or full.
    ForcedCritical,
    /// Swap: the 5-hour window will be critical before the next look.
    BurnRate,
    /// Swap: a tool reported that the account refuses work.
    FailureReported,
    /// Swap: a person asked.
    Manual,
    /// Swap: the joint plan is worth more than staying (policy `horizon`).
    PlanImproved,
    /// A branch of another version, read back; none of this one takes it.
    #[serde(other)]
    Other,
}

impl Trigger {
    /// Every branch that this version takes.
    pub const ALL: [Self; 14] = [
        Self::Tick,
        Self::EmergencePending,
        Self::ResidencyBlocked,
        Self::CooldownBlocked,
        Self::NoTarget,
        Self::SwapAborted,
        Self::HigherTierEmerged,
        Self::IntraTierPreempted,
        Self::TierDrained,
        Self::ForcedCritical,
        Self::BurnRate,
        Self::FailureReported,
        Self::Manual,
        Self::PlanImproved,
    ];

    /// Whether the lane stays where it is.
    #[must_use]
    pub const fn stays(self) -> bool {
        matches!(
            self,
            Self::Tick
                | Self::EmergencePending
                | Self::ResidencyBlocked
                | Self::CooldownBlocked
                | Self::NoTarget
                | Self::SwapAborted
        )
    }

    /// The stable snake-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::EmergencePending => "emergence_pending",
            Self::ResidencyBlocked => "residency_blocked",
            Self::CooldownBlocked => "cooldown_blocked",
            Self::NoTarget => "no_target",
            Self::SwapAborted => "swap_aborted",
            Self::HigherTierEmerged => "higher_tier_emerged",
            Self::IntraTierPreempted => "intra_tier_preempted",
            Self::TierDrained => "tier_drained",
            Self::ForcedCritical => "forced_critical",
            Self::BurnRate => "burn_rate",
            Self::FailureReported => "failure_reported",
            Self::Manual => "manual",
            Self::PlanImproved => "plan_improved",
            Self::Other => "other",
        }
    }
}

/// Why a candidate was not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is the active one.
    Active,
    /// Switched off by the person.
    Disabled,
    /// Its usage could not be read several times in a row.
    Failing,
    /// Its login was refused.
    NeedsSignIn,
    /// No credential is kept for it.
    NoCredential,
    /// Excluded from automatic swaps.
    NotAutomatic,
    /// Its weekly reset is unknown or past.
    NoReset,
    /// Its weekly use is unknown.
    UsageUnknown,
    /// It is not behind its target.
    NotBehind,
    /// Too little of the weekly window is left.
    NoWeeklyHeadroom,
    /// Its 5-hour window is full.
    NoShortHeadroom,
    /// Failed lately.
    Skipped,
    /// The model this lane needs is used up there.
    ModelExhausted,
    /// It would bill money.
    WouldBill,
    /// The provider itself says that it refuses work.
    Blocked,
    /// What is known of it is too old.
    Stale,
    /// Eligible, and another was better.
    Outranked,
    /// Eligible, and it was chosen or is the best.
    #[serde(rename = "none")]
    Eligible,
}

impl Refusal {
    /// Every one.
    pub const ALL: [Self; 18] = [
        Self::Active,
        Self::Disabled,
        Self::Failing,
        Self::NeedsSignIn,
        Self::NoCredential,
        Self::NotAutomatic,
        Self::NoReset,
        Self::UsageUnknown,
        Self::NotBehind,
        Self::NoWeeklyHeadroom,
        Self::NoShortHeadroom,
        Self::Skipped,
        Self::ModelExhausted,
        Self::WouldBill,
        Self::Blocked,
        Self::Stale,
        Self::Outranked,
        Self::Eligible,
    ];
}

/// One account as it stood in the decision, all numbers against the damped tier really used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Candidate {
    /// Which.
    pub account: AccountId,
    /// Damped tier 0–3, 4 = excluded.
    pub tier: u8,
    /// Target utilisation, percent.
    pub target: Option<f64>,
    /// Target minus weekly use, percent.
    pub deficit: Option<f64>,
    /// Percent that will expire unused.
    pub stranding: Option<f64>,
    /// What choosing it is worth over staying, in percent of a pro plan's 5-hour window (`horizon`).
    pub value: Option<f64>,
    /// Why it lost.
    pub refusal: Refusal,
}

/// The engine's answer for one lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Utc,
    /// Which lane.
    pub lane: LaneId,
    /// Of which generation.
    pub generation: Generation,
    /// Who was active.
    pub active: Option<AccountId>,
    /// What to do.
    pub action: Action,
    /// The branch.
    pub trigger: Trigger,
    /// The rule that fired, in words (the recorded strings with `Rules::seed()`); empty when none.
    pub reason: String,
    /// The best candidate, chosen or not.
    pub best: Option<AccountId>,
    /// Every account considered.
    pub candidates: Vec<Candidate>,
}
