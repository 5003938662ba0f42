//! Facts from outside, each with its time and source: a decision can name what it rests on.

use crate::account::{Login, Plan};
use crate::grant::Said;
use crate::units::{AccountId, Now, Utc};
use crate::usage::Usage;
use crate::verdict::Verdict;
use crate::window::WindowKind;
use serde::{Deserialize, Serialize};

/// A sender's clock may run ahead by so much, seconds. What is later was read before the clock was
/// set back.
const AHEAD_S: f64 = 60.0;

/// Where a fact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider's usage endpoint.
    Endpoint,
    /// The tool's own cached answer.
    ToolCache,
    /// The tool's status line.
    StatusLine,
    /// A session log of the tool.
    SessionLog,
    /// A hook of the tool, or `sluice run`.
    Hook,
    /// The person.
    Person,
}

/// What one answer says: windows, and limit resets where it speaks of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The windows.
    pub usage: Usage,
    /// The limit resets.
    pub resets: Option<Said>,
}

impl From<Usage> for Reading {
    fn from(usage: Usage) -> Self {
        Self { usage, resets: None }
    }
}

/// A fact about one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Which account.
    pub account: AccountId,
    /// When it was true.
    pub at: Utc,
    /// From where.
    pub source: Source,
    /// What was observed.
    pub fact: Fact,
}

impl Observation {
    /// A reading that claims to be from the future: nobody knows how old it is.
    #[must_use]
    pub fn undatable(&self, now: Now) -> bool {
        self.at.seconds_since(now.wall) > AHEAD_S
    }
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Numbers. A field that is `None` was not said and leaves the known value alone, unless the
    /// provider said so explicitly; the adapter has already resolved that.
    Usage(Usage),
    /// The provider said that a window is not open: what was known of it is void.
    Closed {
        /// Which.
        window: WindowKind,
    },
    /// The provider refused, or allowed, the account as a whole without telling numbers.
    Verdict(Verdict),
    /// The read failed for a reason that says nothing of the account (network, 5xx).
    Unreachable,
    /// The endpoint asked us to slow down.
    Throttled {
        /// Seconds it asked for, when it said.
        retry_after_s: Option<u64>,
    },
    /// A real request was refused because a window is full.
    LimitHit {
        /// When it resets, when known.
        resets_at: Option<Utc>,
        /// Which.
        window: WindowKind,
    },
    /// The state of the login changed.
    Login(Login),
    /// The plan became known.
    Plan(Plan),
    /// Limit resets.
    Resets(Said),
}
