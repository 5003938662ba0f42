//! Windows that empty before their reset: the provider gives quota back, or a person spends a limit
//! reset. A share that falls is compared with what the same source said before, since two sources are
//! of different age; rounding and noise are no fall.

use crate::limits::MODEL_WINDOWS_MAX;
use crate::units::{Percent, Utc};
use crate::usage::{Metered, Usage};
use crate::window::WindowKind;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A share that falls by less is rounding and noise, percent.
const LEAST: f64 = 6.0;
/// A fall this near the reset is the reset: clocks differ, seconds.
const NEAR_S: f64 = 900.0;
/// What is told of a window besides the endpoint may be stale: a low share counts once it was told for
/// so long, seconds.
const SURE_S: f64 = 600.0;
/// Or with a reset that lies this much later, seconds: no stale word knows that one.
const LATER_S: f64 = 3_600.0;
/// Falls of one window this close together are one, seconds: sources and servers follow one after the
/// other.
const SAME_S: f64 = 10_800.0;
/// Accounts of a provider that fall within this time fell together, seconds: parked ones are read
/// some hours apart.
pub const TOGETHER_S: f64 = 43_200.0;
/// A limit reset, or another plan, and a fall within this time belong together, seconds.
const BELONGS_S: f64 = 21_600.0;
/// A fall by less that leaves this much used is a correction, percent.
const CORRECTION: (f64, f64) = (20.0, 5.0);
/// Falls remembered per account.
const FALLS_MAX: usize = 8;

/// What made a window fall early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FallCause {
    /// The person spent a limit reset.
    LimitReset,
    /// Several accounts of the provider fell together.
    Promotion,
    /// The provider counted anew: a small fall that leaves some used.
    Correction,
    /// The plan changed, and its size with it.
    Plan,
    /// Nobody said why.
    #[serde(other)]
    Unsaid,
}

impl FallCause {
    /// The stable snake-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LimitReset => "limit_reset",
            Self::Promotion => "promotion",
            Self::Correction => "correction",
            Self::Plan => "plan",
            Self::Unsaid => "unsaid",
        }
    }
}

/// A window that fell before its reset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fall {
    /// Which window.
    pub kind: WindowKind,
    /// Its share before, percent.
    pub before: f64,
    /// Its share after, percent.
    pub after: f64,
    /// When the lower share was true.
    pub at: Utc,
    /// When the window would have emptied by itself.
    pub due: Utc,
    /// What it was.
    pub cause: FallCause,
}

/// What one source said last of a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    kind: WindowKind,
    /// By the provider's endpoint; else by the tool.
    whole: bool,
    used: f64,
    reset: Utc,
    /// Since when a lower share is told that is not believed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    low: Option<Utc>,
}

/// Watches the windows of one account for falls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    said: Vec<Said>,
    falls: Vec<Fall>,
    /// When a limit reset was last seen to be gone.
    spent_at: Option<Utc>,
    /// When the plan was last seen to change.
    replanned_at: Option<Utc>,
}

impl Watch {
    /// The last falls, oldest first.
    #[must_use]
    pub fn falls(&self) -> &[Fall] {
        &self.falls
    }

    /// Takes in a reading that was true at `at`; `whole`: the endpoint's. Says which windows fell.
    pub(crate) fn read(&mut self, usage: &Usage, at: Utc, whole: bool) -> Vec<WindowKind> {
        let fallen = usage.windows().filter(|metered| self.read_window(metered, at, whole));
        let fallen: Vec<WindowKind> = fallen.map(|metered| metered.kind.clone()).collect();
        if whole {
            // One that goes and comes again is not the one that was there before.
            self.said.retain(|said| !said.whole || usage.lists(&said.kind));
        }
        fallen
    }

    fn read_window(&mut self, metered: &Metered, at: Utc, whole: bool) -> bool {
        let Some(used) = metered.window.used.map(Percent::get) else { return false };
        let kind = &metered.kind;
        let reset = metered.window.resets_at;
        let place = self.said.iter().position(|said| said.whole == whole && said.kind == *kind);
        let Some(place) = place else {
            self.note(kind, whole, used, reset);
            return false;
        };
        let last = &mut self.said[place];
        let (before, due) = (last.used, last.reset);
        let fell = due.seconds_since(at) > NEAR_S && before - used > LEAST;
        if fell && !whole {
            let later = reset.is_some_and(|reset| reset.seconds_since(due) > LATER_S);
            let since = *last.low.get_or_insert(at);
            if !later && at.seconds_since(since) < SURE_S {
                return false;
            }
        }
        match reset.or((used > 0.0 && !fell).then_some(due)) {
            Some(reset) => {
                (last.used, last.reset, last.low) = (used, reset, None);
            }
            None => {
                self.said.remove(place);
            }
        }
        fell && self.keep(kind, (before, used), at, due)
    }

    fn note(&mut self, kind: &WindowKind, whole: bool, used: f64, reset: Option<Utc>) {
        let Some(reset) = reset else { return };
        if self.said.len() < 2 * (MODEL_WINDOWS_MAX + WindowKind::ACCOUNT_WIDE.len()) {
            self.said.push(Said { kind: kind.clone(), whole, used, reset, low: None });
        }
    }

    /// Keeps a fall, unless it is one that is known by another source.
    fn keep(&mut self, kind: &WindowKind, (before, after): (f64, f64), at: Utc, due: Utc) -> bool {
        let known = |fall: &Fall| fall.kind == *kind && at.seconds_since(fall.at) < SAME_S;
        if self.falls.iter().any(known) {
            return false;
        }
        let belongs = |to: Option<Utc>| to.is_some_and(|to| near(to, at));
        let cause = if belongs(self.spent_at) {
            FallCause::LimitReset
        } else if belongs(self.replanned_at) {
            FallCause::Plan
        } else if before - after < CORRECTION.0 && after > CORRECTION.1 {
            FallCause::Correction
        } else {
            FallCause::Unsaid
        };
        if self.falls.len() >= FALLS_MAX {
            self.falls.remove(0);
        }
        self.falls.push(Fall { kind: kind.clone(), before, after, at, due, cause });
        true
    }

    /// A limit reset was seen to be gone at `at`: a fall about then was it.
    pub(crate) fn spent(&mut self, at: Utc) {
        self.spent_at = Some(at);
        for fall in self.falls.iter_mut().filter(|fall| near(fall.at, at)) {
            fall.cause = FallCause::LimitReset;
        }
    }

    /// The plan was seen to change at `at`.
    pub(crate) fn replanned(&mut self, at: Utc) {
        self.replanned_at = Some(at);
        for fall in self.falls.iter_mut().filter(|fall| near(fall.at, at)) {
            if fall.cause != FallCause::LimitReset {
                fall.cause = FallCause::Plan;
            }
        }
    }

    /// The wall clock jumped by `seconds`: what was noted keeps its age.
    pub(crate) fn shift(&mut self, seconds: i64, now: Utc) {
        let moved = |at: Utc| at.plus_seconds(seconds).min(now);
        for fall in &mut self.falls {
            fall.at = moved(fall.at);
        }
        for said in &mut self.said {
            said.low = said.low.map(moved);
        }
        self.spent_at = self.spent_at.map(moved);
        self.replanned_at = self.replanned_at.map(moved);
    }

    /// A fall that nobody gave a reason for, or the promotion it is known to be, about `at`.
    pub(crate) fn may_be_promotion(&mut self, at: Utc) -> impl Iterator<Item = &mut Fall> {
        self.falls.iter_mut().filter(move |fall| {
            let apart = fall.at.seconds_since(at);
            (-TOGETHER_S..=TOGETHER_S).contains(&apart)
                && matches!(fall.cause, FallCause::Unsaid | FallCause::Promotion)
        })
    }
}

fn near(one: Utc, other: Utc) -> bool {
    (-BELONGS_S..=BELONGS_S).contains(&one.seconds_since(other))
}
