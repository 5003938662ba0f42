//! The departure rules: what makes a lane leave its account, each with the numbers that fired it.

use crate::decision::Trigger;
use crate::gates::Pull;
use crate::verdict::Block;
use alloc::string::String;

/// A rule that fired.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// A candidate of a more urgent tier.
    HigherTier {
        /// Its damped tier.
        best: u8,
        /// The active account's.
        active: u8,
    },
    /// A candidate loses more per hour than the active account.
    Preemption {
        /// The tier both are in (the candidate's where they differ).
        tier: u8,
        /// Percent the candidate would lose, and in how many hours.
        best: (f64, f64),
        /// The same of the active account.
        active: (f64, f64),
    },
    /// The active account reached its target, or would before the next look.
    Drained {
        /// Weekly use, percent.
        used: f64,
        /// The line, percent.
        target: f64,
    },
    /// The 5-hour window is critical.
    ShortCritical {
        /// Use, percent.
        used: f64,
        /// The line, percent.
        critical: f64,
    },
    /// The 5-hour window will be critical soon.
    Projection {
        /// Use, percent.
        used: f64,
        /// Use at the end of the span, percent.
        projected: f64,
        /// The span, minutes.
        minutes: f64,
    },
    /// A window refused a request or is full to the brim: `five_hour`, `seven_day` or a model.
    Refused {
        /// The window that refused work.
        window: String,
    },
    /// The login was refused.
    LoginRefused,
    /// Further use would bill money.
    WouldBill,
    /// The provider itself says that the account refuses work.
    Blocked {
        /// The provider's reason.
        why: Block,
    },
    /// The joint plan is worth more than staying (policy `horizon`).
    Plan {
        /// Why, in words.
        why: String,
        /// Staying interrupts work: no residency, no persistence.
        forced: bool,
    },
}

impl Rule {
    /// The branch it stands for in the decision log.
    #[must_use]
    pub const fn trigger(&self) -> Trigger {
        match self {
            Self::HigherTier { .. } => Trigger::HigherTierEmerged,
            Self::Preemption { .. } => Trigger::IntraTierPreempted,
            Self::Drained { .. } => Trigger::TierDrained,
            Self::ShortCritical { .. } => Trigger::ForcedCritical,
            Self::Projection { .. } => Trigger::BurnRate,
            Self::Refused { .. } | Self::LoginRefused | Self::WouldBill | Self::Blocked { .. } => {
                Trigger::FailureReported
            }
            Self::Plan { .. } => Trigger::PlanImproved,
        }
    }

    /// How it stands towards the emergence gate.
    #[must_use]
    pub const fn pull(&self) -> Pull {
        match self {
            Self::HigherTier { .. }
            | Self::Preemption { .. }
            | Self::Plan { forced: false, .. } => Pull::Emerging,
            Self::Drained { .. }
            | Self::ShortCritical { .. }
            | Self::Projection { .. }
            | Self::Refused { .. }
            | Self::LoginRefused
            | Self::WouldBill
            | Self::Blocked { .. }
            | Self::Plan { forced: true, .. } => Pull::Decisive,
        }
    }

    /// Voluntary: waits for the residency minimum.
    #[must_use]
    pub const fn waits_for_residency(&self) -> bool {
        match self {
            Self::HigherTier { .. } | Self::Preemption { .. } | Self::Projection { .. } => true,
            Self::Plan { forced, .. } => !*forced,
            Self::Drained { .. }
            | Self::ShortCritical { .. }
            | Self::Refused { .. }
            | Self::LoginRefused
            | Self::WouldBill
            | Self::Blocked { .. } => false,
        }
    }

    /// The account refuses work now.
    #[must_use]
    pub const fn refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::LoginRefused | Self::Blocked { .. })
    }
}
