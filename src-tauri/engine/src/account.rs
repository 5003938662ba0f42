//! Accounts: one subscription of one person with one provider.

use crate::provider::Provider;
use crate::units::AccountId;
use crate::usage::Usage;
use alloc::format;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What was bought; gives the sizes of the windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `pro`, `max`, `team`, … as the provider names it.
    pub subscription: Option<String>,
    /// `default_claude_max_20x`, … as the provider names it.
    pub rate_limit_tier: Option<String>,
    /// Nominal size relative to the smallest plan (1, 5, 20) where known.
    pub weight: Option<f64>,
}

/// Whether the account's login can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// The last use succeeded.
    Valid,
    /// Not tried yet, or being tried.
    #[default]
    Unverified,
    /// Refused; a person must sign in again.
    NeedsSignIn,
    /// No credential is kept for it.
    Missing,
}

impl Login {
    /// Nothing is known against it: the account can be used.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Valid | Self::Unverified)
    }
}

/// One subscription as the engine sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Opaque id.
    pub id: AccountId,
    /// Whose subscription.
    pub provider: Provider,
    /// What was bought.
    pub plan: Plan,
    /// Switched on by the person.
    pub enabled: bool,
    /// May be chosen by automatic swaps.
    pub automatic: bool,
    /// State of the login.
    pub login: Login,
    /// Usage reads that failed in a row (transport and server errors).
    pub failures: u32,
    /// The windows.
    pub usage: Usage,
    /// The person's order in the list, smallest first.
    pub position: i64,
}

/// Critical line of the 5-hour window by plan: (multiple from, percent), the largest first.
const CRITICAL_BY_MULTIPLE: [(u64, f64); 2] = [(20, 95.0), (5, 90.0)];
/// The same for a `max` plan of unknown size, and for everything else.
const CRITICAL_MAX: f64 = 90.0;
const CRITICAL_OTHER: f64 = 80.0;

impl Plan {
    /// Nominal size relative to the smallest plan; an unknown one is as the smallest.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.weight.filter(|weight| *weight > 0.0).unwrap_or(1.0)
    }

    /// The multiple in the tier's name (`…_20x` is 20), if there is one.
    #[must_use]
    pub fn multiple(&self) -> Option<u64> {
        let tier = self.rate_limit_tier.as_deref()?.as_bytes();
        let mut digits: Option<u64> = None;
        for byte in tier {
            digits = match byte {
                b'0'..=b'9' => {
                    let shifted = digits.unwrap_or(0).saturating_mul(10);
                    Some(shifted.saturating_add(u64::from(byte - b'0')))
                }
                b'x' | b'X' if digits.is_some() => return digits,
                _ => None,
            };
        }
        None
    }

    /// At which use the 5-hour window is critical, percent: a larger plan's last percents last
    /// longer.
    #[must_use]
    pub fn critical(&self) -> f64 {
        if let Some(multiple) = self.multiple() {
            let known = CRITICAL_BY_MULTIPLE.iter().find(|(from, _)| multiple >= *from);
            if let Some((_, critical)) = known {
                return *critical;
            }
        }
        let max = |name: &String| name.eq_ignore_ascii_case("max");
        if self.subscription.as_ref().is_some_and(max) { CRITICAL_MAX } else { CRITICAL_OTHER }
    }

    /// The plan in the recorded reasons: ` (tier 20x)`, or nothing.
    #[must_use]
    pub fn tag(&self) -> String {
        self.multiple().map_or_else(String::new, |multiple| format!(" (tier {multiple}x)"))
    }
}
