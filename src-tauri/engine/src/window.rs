//! Usage windows: what is used of each and when it empties. Unknown is `None`, never zero.

use crate::limits::MODEL_WINDOWS_MAX;
use crate::units::{Percent, Utc};
use crate::verdict::{Block, Verdict};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Seconds by which two resets may differ and still be the same one.
const SAME_RESET_S: f64 = 1_200.0;
/// Weekly over 5-hour capacity is assumed to be 10, as if this much had been seen of it, percent.
const SEEN: (f64, f64) = (150.0, 15.0);
/// And lies within these bounds.
const RATIO: (f64, f64) = (3.0, 30.0);

/// One metered span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Used share; `None` when the provider did not say.
    pub used: Option<Percent>,
    /// When the window empties; `None` when it has not started or is unknown.
    pub resets_at: Option<Utc>,
}

/// A window as it counts at an instant: what every surface shows of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Used share; 0 once its reset has passed without a newer reading, `None` is unknown.
    pub used: Option<Percent>,
    /// When it emptied, if it was not read since.
    pub emptied_at: Option<Utc>,
}

impl Window {
    /// When the window emptied, if that was after it was read at `read_at` and before `now`. A reading
    /// that is newer than the reset it names counts as it stands.
    #[must_use]
    pub fn emptied(&self, read_at: Option<Utc>, now: Utc) -> Option<Utc> {
        self.resets_at.filter(|reset| *reset <= now && read_at.is_none_or(|read| read < *reset))
    }

    /// The window as it counts at `now`, having been read at `read_at`.
    #[must_use]
    pub fn shown(&self, read_at: Option<Utc>, now: Utc) -> Shown {
        match self.emptied(read_at, now) {
            Some(at) => {
                let empty = self.used.and_then(|_| Percent::new(0.0));
                Shown { used: empty, emptied_at: Some(at) }
            }
            None => Shown { used: self.used, emptied_at: None },
        }
    }

    /// A share that was said replaces the window; only the endpoint's silence about a reset means
    /// that there is none. What was not said stays.
    fn take(&mut self, seen: &Self, says_all: bool) {
        if seen.used.is_some() {
            self.used = seen.used;
            if says_all || seen.resets_at.is_some() {
                self.resets_at = seen.resets_at;
            }
        } else if seen.resets_at.is_some() {
            self.resets_at = seen.resets_at;
        }
    }
}

/// Whether two readings name one reset: providers' clocks wander between answers.
#[must_use]
pub fn same_reset(one: Utc, other: Utc) -> bool {
    let apart = one.seconds_since(other);
    apart < SAME_RESET_S && apart > -SAME_RESET_S
}

/// Weekly over 5-hour capacity, from how far the 5-hour window (`short`) and the week moved over
/// the same work, percent of each.
#[must_use]
pub fn capacity_ratio(short: f64, week: f64) -> f64 {
    ((SEEN.0 + short) / (SEEN.1 + week)).clamp(RATIO.0, RATIO.1)
}

/// A weekly window of one model (or product) inside an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelWindow {
    /// The provider's name of the model, as sent.
    pub model: String,
    /// The window.
    pub window: Window,
    /// The provider says this window is the one that binds now.
    pub binding: bool,
}

/// Paid extra usage of an account, in the currency's minor unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Credits {
    /// Billing past the limits is switched on.
    pub enabled: bool,
    /// Spent this period.
    pub used_minor: Option<f64>,
    /// Ceiling; `None` is unlimited or unknown.
    pub limit_minor: Option<f64>,
    /// ISO 4217 code where the provider sends one.
    pub currency: Option<String>,
}

/// What is known of an account's windows, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The 5-hour window.
    pub five_hour: Window,
    /// The account-wide weekly window.
    pub seven_day: Window,
    /// Weekly windows of single models.
    pub models: Vec<ModelWindow>,
    /// Paid extra usage.
    pub credits: Option<Credits>,
    /// What the provider itself says; `None` when it said neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// When the numbers were true; `None` before the first observation.
    pub observed_at: Option<Utc>,
}

impl Usage {
    /// Why the provider refuses work of the account at `now`.
    #[must_use]
    pub fn blocked(&self, now: Utc) -> Option<Block> {
        self.verdict?.stands(now)
    }

    /// When that ends; `None` is unknown, or nothing is refused.
    #[must_use]
    pub fn blocked_until(&self) -> Option<Utc> {
        self.verdict?.ends()
    }

    /// It was read, and no window of the account as a whole was told: all work is paid by the piece,
    /// where paying is on.
    #[must_use]
    pub fn windowless(&self) -> bool {
        let absent = |window: &Window| *window == Window::default();
        self.observed_at.is_some() && absent(&self.five_hour) && absent(&self.seven_day)
    }

    /// It tells of paid use that is on, and of no window.
    fn bills_alone(&self) -> bool {
        let none = self.five_hour == Window::default() && self.seven_day == Window::default();
        none && self.credits.as_ref().is_some_and(|credits| credits.enabled)
    }

    /// Takes in a newer reading that was true at `at`. `says_all`: what it leaves out is not there
    /// (the provider's endpoint); else what it leaves out has not changed.
    pub fn take(&mut self, seen: &Self, at: Utc, says_all: bool) {
        self.observed_at = Some(at);
        if says_all && seen.bills_alone() {
            // The windows are gone, and what they last said would hide that all use is paid.
            (self.five_hour, self.seven_day) = (Window::default(), Window::default());
        }
        self.five_hour.take(&seen.five_hour, says_all);
        self.seven_day.take(&seen.seven_day, says_all);
        for model in seen.models.iter().take(MODEL_WINDOWS_MAX) {
            self.take_model(model, says_all);
        }
        if seen.credits.is_some() {
            self.credits.clone_from(&seen.credits);
        }
        if says_all || seen.verdict.is_some() {
            self.verdict = seen.verdict.map(|verdict| verdict.said(at));
        }
    }

    /// Takes in a reading of one model's window.
    pub fn take_model(&mut self, seen: &ModelWindow, says_all: bool) {
        if let Some(model) = self.models.iter_mut().find(|model| model.model == seen.model) {
            model.window.take(&seen.window, says_all);
            model.binding = seen.binding;
        } else if self.models.len() < MODEL_WINDOWS_MAX {
            self.models.push(seen.clone());
        }
    }
}
