//! The departure rules: what makes a lane leave its account, each with the numbers that fired it.

use crate::decision::Trigger;
use crate::verdict::Block;
use crate::window::WindowKind;

/// How a departure rule stands towards the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// No rule fired.
    Nothing,
    /// A better candidate emerged: has to persist.
    Emerging,
    /// Anything else: counts at once and ends an emergence.
    Decisive,
}

/// Why a lane must leave by what the plan believes of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Work was refused.
    Refused,
    /// The login does not work, or the account may not be used.
    Unusable,
    /// The last reading said that the 5-hour window is full.
    ShortFull,
    /// The last reading said that the week is used up.
    LongFull,
    /// All further use is paid, and another account has room.
    Paid,
    /// The 5-hour window is about to be full.
    Short,
    /// The week, or a model's week, is about to be full.
    Long,
}

impl Force {
    /// Whether work already stands still.
    #[must_use]
    pub const fn stuck(self) -> bool {
        matches!(self, Self::Refused | Self::Unusable)
    }

    /// Whether nothing is left of the account, as far as was read.
    #[must_use]
    pub const fn full(self) -> bool {
        matches!(self, Self::ShortFull | Self::LongFull)
    }

    const fn trigger(self) -> Trigger {
        match self {
            Self::Refused | Self::Short | Self::ShortFull => Trigger::ForcedCritical,
            Self::Long | Self::LongFull | Self::Paid => Trigger::TierDrained,
            Self::Unusable => Trigger::FailureReported,
        }
    }
}

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
    /// A window refused a request or is full to the brim.
    Refused {
        /// The window that refused work.
        window: WindowKind,
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
        /// What going there is worth, in percent of a Pro plan's 5-hour window.
        gained: f64,
        /// What staying would leave undone, in the same unit.
        undone: f64,
    },
    /// The joint plan has no use for the account any more (policy `horizon`).
    Forced(Force),
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
            Self::Forced(force) => force.trigger(),
        }
    }

    /// How it stands towards the emergence gate.
    #[must_use]
    pub const fn pull(&self) -> Pull {
        match self {
            Self::HigherTier { .. } | Self::Preemption { .. } | Self::Plan { .. } => Pull::Emerging,
            Self::Drained { .. }
            | Self::ShortCritical { .. }
            | Self::Projection { .. }
            | Self::Refused { .. }
            | Self::LoginRefused
            | Self::WouldBill
            | Self::Blocked { .. }
            | Self::Forced(_) => Pull::Decisive,
        }
    }

    /// Voluntary: waits for the residency minimum.
    #[must_use]
    pub const fn waits_for_residency(&self) -> bool {
        match self {
            Self::HigherTier { .. }
            | Self::Preemption { .. }
            | Self::Projection { .. }
            | Self::Plan { .. } => true,
            Self::Drained { .. }
            | Self::ShortCritical { .. }
            | Self::Refused { .. }
            | Self::LoginRefused
            | Self::WouldBill
            | Self::Blocked { .. }
            | Self::Forced(_) => false,
        }
    }

    /// The account refuses work now, or bills for it: leaving it waits for no cooldown.
    #[must_use]
    pub const fn refusal(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::LoginRefused | Self::Blocked { .. } | Self::WouldBill => {
                true
            }
            Self::Forced(force) => force.stuck(),
            Self::HigherTier { .. }
            | Self::Preemption { .. }
            | Self::Drained { .. }
            | Self::ShortCritical { .. }
            | Self::Projection { .. }
            | Self::Plan { .. } => false,
        }
    }

    /// A candidate that must be used up within a day, over an account that lasts for two and more:
    /// need not persist.
    #[must_use]
    pub const fn outruns(&self) -> bool {
        matches!(self, Self::HigherTier { best: 0, active } if *active >= 2)
    }
}
