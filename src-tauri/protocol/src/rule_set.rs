//! The rule sets that a recorded past can be run under: the policies, which may also decide, and simpler
//! ones that stand only beside them.

use crate::closed::closed;
use sluice_engine::Policy;

closed! {
    /// One way to choose accounts, in the order of the window's list.
    RuleSet {
        /// The joint plan over accounts, windows and calendar.
        Horizon = "horizon",
        /// The rules by tiers.
        Tiered = "tiered",
        /// Leaves at 90 % of five hours or 95 % of the week, to the least used.
        Threshold = "threshold",
        /// The account whose week ends first.
        Edf = "edf",
        /// Moves only when refused.
        React429 = "react429",
        /// Never swaps.
        None = "none",
        /// Of another version.
        Other = "other",
    }
}

impl RuleSet {
    /// Those that this version can run.
    pub const KNOWN: [Self; 6] =
        [Self::Horizon, Self::Tiered, Self::Threshold, Self::Edf, Self::React429, Self::None];

    /// The engine's own policy; `None` where it stands only beside them, for comparison.
    #[must_use]
    pub const fn policy(self) -> Option<Policy> {
        match self {
            Self::Horizon => Some(Policy::Horizon),
            Self::Tiered => Some(Policy::Tiered),
            Self::Threshold | Self::Edf | Self::React429 | Self::None | Self::Other => None,
        }
    }

    /// What people read of it in a list.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Horizon => "Horizon: plans over all accounts",
            Self::Tiered => "Tiered: the most urgent week first",
            Self::Threshold => "Threshold: leaves at 90 % of five hours or 95 % of the week",
            Self::Edf => "Earliest reset first",
            Self::React429 => "Only when refused",
            Self::None => "Never swaps",
            Self::Other => "A policy of another version",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_the_name_under_which_it_is_set() {
        for policy in [Policy::Horizon, Policy::Tiered] {
            let named = RuleSet::KNOWN.iter().find(|one| one.policy() == Some(policy)).unwrap();
            assert_eq!(serde_json::to_value(policy).unwrap(), named.name());
        }
    }
}
