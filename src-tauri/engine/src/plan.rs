//! Plans by the names that the providers give them, after the table in their specs.

use crate::account::Plan;
use crate::provider::{KnownPlan, Provider};
use alloc::borrow::ToOwned as _;
use alloc::string::String;

/// What stands before a plan's name in some answers.
const PREFIX: &str = "claude_";

impl Plan {
    /// The plan behind the names that a provider's answers use: `claude_max` or `max`, and
    /// `default_claude_max_20x`. What the tier says of its size counts more than the name.
    #[must_use]
    pub fn told(provider: Provider, subscription: Option<&str>, tier: Option<String>) -> Self {
        let subscription = subscription.map(|name| name.strip_prefix(PREFIX).unwrap_or(name));
        let mut plan = Self {
            subscription: subscription.map(str::to_owned),
            rate_limit_tier: tier,
            weight: None,
        };
        plan.weight = plan.last_multiple().or_else(|| plan.known(provider)?.size.map(f64::from));
        plan
    }

    /// The 20 of `default_claude_max_20x`: a size stands last in the tier's name.
    fn last_multiple(&self) -> Option<f64> {
        let digits = self.rate_limit_tier.as_deref()?.rsplit('_').next()?.strip_suffix('x')?;
        digits.parse::<u16>().ok().filter(|size| *size > 0).map(f64::from)
    }

    fn known(&self, provider: Provider) -> Option<&'static KnownPlan> {
        let id = self.subscription.as_deref()?;
        provider.spec().plans.iter().find(|known| known.id.eq_ignore_ascii_case(id))
    }

    /// As the provider calls it before people: `Max 20x`, `Ultra`, `Pro (More)`; a plan that is not
    /// known by the name it came with. `None` where none was told.
    #[must_use]
    pub fn name(&self, provider: Provider) -> Option<String> {
        let name = match self.known(provider) {
            Some(known) => known.name,
            None => self.subscription.as_deref()?,
        };
        let multiple = self.last_multiple();
        Some(multiple.map_or_else(|| name.to_owned(), |size| alloc::format!("{name} {size:.0}x")))
    }

    /// The provider sells it without a 5-hour window.
    #[must_use]
    pub fn lacks_short(&self, provider: Provider) -> bool {
        self.known(provider).is_some_and(|known| known.lacks_short)
    }

    /// The other one is the same plan under another name: a former tier lives on under a new one.
    #[must_use]
    pub fn is_renamed(&self, other: &Self, provider: Provider) -> bool {
        let (one, two) = (self.former(provider), other.former(provider));
        // Where neither had a former name, another tier is another size.
        let names = (one.or(self.subscription.as_deref()), two.or(other.subscription.as_deref()));
        (one.is_some() || two.is_some()) && names.0 == names.1
    }

    /// What the plan is called today, where its tier is that of a former name.
    fn former(&self, provider: Provider) -> Option<&'static str> {
        let told = self.subscription.as_deref()?;
        let found = provider.spec().plans.iter().find(|known| {
            known.former.is_some_and(|(id, size)| id == told && self.multiple() == Some(size))
        });
        found.map(|known| known.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: Provider = Provider::Claude;
    const CODEX: Provider = Provider::Codex;

    fn claude(name: &str, tier: Option<&str>) -> Plan {
        Plan::told(CLAUDE, Some(name), tier.map(str::to_owned))
    }

    #[test]
    fn plans_have_the_names_and_sizes_of_today() {
        for (provider, told, tier, name, size) in [
            (CLAUDE, "claude_pro", None, "Pro", Some(1.0)),
            (CLAUDE, "claude_max", Some("default_claude_max_5x"), "Max 5x", Some(5.0)),
            (CLAUDE, "max", Some("default_claude_max_20x"), "Max 20x", Some(20.0)),
            (CLAUDE, "max", Some("default_claude_max"), "Max", Some(5.0)),
            (CLAUDE, "claude_ultra", Some("default_claude_ultra"), "Ultra", Some(10.0)),
            (CLAUDE, "claude_team", None, "Team", None),
            (CLAUDE, "claude_enterprise", None, "Enterprise", None),
            (CODEX, "plus", None, "Plus", None),
            (CODEX, "prolite", None, "Pro", None),
            (CODEX, "promax", None, "Pro (Max)", None),
            (CODEX, "business", None, "Business", None),
            (CODEX, "of_tomorrow", None, "of_tomorrow", None),
        ] {
            let plan = Plan::told(provider, Some(told), tier.map(str::to_owned));
            assert_eq!(plan.name(provider).as_deref(), Some(name));
            assert_eq!(plan.weight, size, "{told}");
        }
        assert_eq!(Plan::default().name(CLAUDE), None);
        assert!(claude("ultra", None).lacks_short(CLAUDE));
        assert!(!claude("max", None).lacks_short(CLAUDE));
    }

    #[test]
    fn a_former_tier_lives_on_under_a_new_name() {
        let twenty = claude("max", Some("default_claude_max_20x"));
        let five = claude("max", Some("default_claude_max_5x"));
        let renamed = |one: &Plan, other: &Plan| one.is_renamed(other, CLAUDE);
        assert!(renamed(&twenty, &claude("ultra", Some("default_claude_ultra"))));
        assert!(renamed(&five, &claude("max", None)));
        assert!(!renamed(&twenty, &five));
        assert!(!renamed(&five, &claude("pro", None)));
        let seat = |tier: &str| claude("team", Some(tier));
        assert!(!renamed(&seat("default_claude_max_5x"), &seat("default_claude_max_20x")));
        assert!(!renamed(&Plan::default(), &Plan::default()));
    }
}
