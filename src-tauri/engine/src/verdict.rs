//! The provider's own refusal of an account, apart from how full its windows are: a provider may refuse
//! work for reasons that no window shows.

use crate::units::Utc;
use serde::{Deserialize, Serialize};

/// Why a provider refuses work of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A limit of the plan is reached; which one need not be among the windows that are told.
    Limit,
    /// A window that is neither the 5-hour one nor the week is used up.
    OtherWindow,
    /// Credits are used up, or a ceiling of money is reached.
    Spending,
    /// Work is not allowed, without a reason.
    NotAllowed,
    /// The account or its organisation is switched off for this use.
    Disabled,
}

impl Block {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Limit, Self::OtherWindow, Self::Spending, Self::NotAllowed, Self::Disabled];

    /// The stable snake-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::OtherWindow => "other_window",
            Self::Spending => "spending",
            Self::NotAllowed => "not_allowed",
            Self::Disabled => "disabled",
        }
    }

    /// The reason as a clause about the account, without a full stop.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Limit => "the provider says that its limit is reached",
            Self::OtherWindow => "the provider says that a further window of it is used up",
            Self::Spending => {
                "the provider says that its credits or its spending limit are used up"
            }
            Self::NotAllowed => "the provider says that it allows no work",
            Self::Disabled => "the provider has switched the account or its organisation off",
        }
    }
}

/// The provider's own word on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Work is allowed.
    Allowed,
    /// Work is refused.
    Refused {
        /// Why.
        why: Block,
        /// Until when, where the provider says so; `None` lasts until it says otherwise.
        until: Option<Utc>,
    },
}

impl Verdict {
    /// The verdict as it counts when it was said at `said_at`: an end that lay in the past by then is no
    /// end, for what is said later counts more than the clock.
    #[must_use]
    pub fn said(self, said_at: Utc) -> Self {
        match self {
            Self::Refused { why, until } => {
                Self::Refused { why, until: until.filter(|until| *until > said_at) }
            }
            Self::Allowed => self,
        }
    }

    /// Why the account refuses work at `now`.
    #[must_use]
    pub fn stands(self, now: Utc) -> Option<Block> {
        match self {
            Self::Refused { why, until } => until.is_none_or(|until| until > now).then_some(why),
            Self::Allowed => None,
        }
    }

    /// When the refusal ends; `None` is unknown, or nothing is refused.
    #[must_use]
    pub const fn ends(self) -> Option<Utc> {
        match self {
            Self::Refused { until, .. } => until,
            Self::Allowed => None,
        }
    }
}
