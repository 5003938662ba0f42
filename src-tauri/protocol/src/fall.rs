//! Windows that emptied before their reset, as shown.

use super::{Instant, words};
use serde::{Deserialize, Serialize};
use sluice_engine::{Fall, FallCause, WindowKind};

/// A window that emptied before its reset. Shares are percent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct FallView {
    /// When the lower share was read.
    pub at_ms: i64,
    /// Which window.
    pub kind: WindowKind,
    /// Its share before.
    pub before: f64,
    /// Its share after.
    pub after: f64,
    /// When it would have emptied by itself.
    pub due_ms: i64,
    /// What it was.
    pub cause: FallCause,
}

impl From<&Fall> for FallView {
    fn from(fall: &Fall) -> Self {
        Self {
            at_ms: fall.at.millis(),
            kind: fall.kind.clone(),
            before: fall.before,
            after: fall.after,
            due_ms: fall.due.millis(),
            cause: fall.cause,
        }
    }
}

impl FallView {
    /// `From 61 % to 0 %, 3 d 4 h before its reset.`
    #[must_use]
    pub fn words(&self) -> String {
        let early =
            words::span(Instant::from_millis(self.at_ms), Instant::from_millis(self.due_ms));
        let (before, after) = (words::percent(self.before), words::percent(self.after));
        format!("From {before} to {after}, {early} before its reset.")
    }

    /// Why a window fell, as a sentence.
    #[must_use]
    pub const fn because(cause: FallCause) -> &'static str {
        match cause {
            FallCause::LimitReset => "A limit reset was spent.",
            FallCause::Promotion => "Other accounts of the provider fell with it: a promotion.",
            FallCause::Correction => "The provider corrected what it had counted.",
            FallCause::Plan => "Its plan changed.",
            FallCause::Unsaid => {
                "The provider does not say why: a limit reset that was spent, or a promotion."
            }
        }
    }
}
