//! Usage windows: what is used of each and when it empties. Unknown is `None`, never zero.

use crate::units::{Percent, Utc};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// One metered span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Used share; `None` when the provider did not say.
    pub used: Option<Percent>,
    /// When the window empties; `None` when it has not started or is unknown.
    pub resets_at: Option<Utc>,
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
