//! Rules: what the policies may differ in, each difference a named switch.

use serde::{Deserialize, Serialize};

/// Which policy decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The rule set by tiers.
    #[default]
    Tiered,
    /// The joint plan over accounts, windows and calendar.
    Horizon,
}

/// The rule set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Which policy decides.
    pub policy: Policy,
}

impl Rules {
    /// The recorded behaviour, gaps included.
    #[must_use]
    pub fn seed() -> Self {
        Self { policy: Policy::Tiered }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { policy: Policy::Tiered }
    }
}
