//! Usage windows: what is used of each and when it empties. Unknown is `None`, never zero.

use crate::units::{Percent, Utc};
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
    /// When the numbers were true; `None` before the first observation.
    pub observed_at: Option<Utc>,
}
