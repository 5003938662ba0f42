//! Limit resets: what a provider grants an account so that its owner can empty a window before its
//! time. They are capacity that expires. Sluice counts them and plans with them, and never spends one.

use crate::grant::{GRANTS_MAX, Grant, LEFT_MAX, Said};
use crate::observation::Source;
use crate::provider::{Provider, ResetSource};
use crate::units::Utc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A provider that tells resets with its usage is asked for them so often, seconds: the question is
/// limited harder than the one for usage.
const ASK_S: f64 = DAY_S;
/// One that did not tell us is asked again after this, seconds.
const ASK_AFTER_SILENCE_S: f64 = 7.0 * DAY_S;
/// One that has an endpoint for them is asked so often, seconds, and only while it says that there are
/// any.
const ASK_APART_S: f64 = 8.0 * 3_600.0;
const DAY_S: f64 = 86_400.0;

/// What somebody said of an account's resets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The grants; none: there are none.
    pub grants: Vec<Grant>,
    /// Who said it.
    pub by: Source,
    /// When it was true.
    pub read_at: Utc,
}

/// What is known of an account's resets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resets {
    /// The last word; `None`: nobody said, which is not zero.
    pub told: Option<Told>,
    /// The provider answered last that it does not tell us.
    pub withheld: bool,
    /// When the provider was last asked for them.
    pub asked_at: Option<Utc>,
}

impl Resets {
    /// Takes in what `by` said at `at`. The last word counts.
    pub fn take(&mut self, said: &Said, by: Source, at: Utc) {
        let grants = match said {
            Said::Grants(grants) => grants.clone(),
            Said::Count(count) => self.recounted(*count, at),
            Said::Withheld => {
                self.withheld = true;
                return;
            }
            Said::Nothing => {
                self.told = None;
                return;
            }
        };
        let mut grants: Vec<_> = grants.into_iter().filter(|grant| grant.is_sane(at)).collect();
        grants.truncate(GRANTS_MAX);
        self.told = Some(Told { grants, by, read_at: at });
        if by != Source::Person {
            self.withheld = false;
        }
    }

    /// What is known of the grants, with `count` resets in all: of fewer those that end first are gone,
    /// of more nothing is known but their number.
    fn recounted(&self, count: u32, now: Utc) -> Vec<Grant> {
        let mut grants: Vec<Grant> = self.in_hand(now).into_iter().cloned().collect();
        let mut gone = self.left(now).unwrap_or(0).saturating_sub(count);
        for grant in &mut grants {
            let fewer = gone.min(grant.left);
            grant.left = grant.left.saturating_sub(fewer);
            gone = gone.saturating_sub(fewer);
        }
        grants.retain(|grant| grant.left > 0);
        let known = total(grants.iter());
        let left = count.min(LEFT_MAX).saturating_sub(known);
        if left > 0 {
            grants.push(Grant { left, ..Grant::default() });
        }
        grants
    }

    /// The grants of which something is left at `now`, the first to end first.
    #[must_use]
    pub fn in_hand(&self, now: Utc) -> Vec<&Grant> {
        let told = self.told.iter().flat_map(|told| &told.grants);
        let mut grants: Vec<_> = told.filter(|grant| grant.stands(now)).collect();
        grants.sort_by_key(|grant| grant.ends_at.unwrap_or(Utc(i64::MAX)));
        grants
    }

    /// How many are left at `now`; `None`: nobody said.
    #[must_use]
    pub fn left(&self, now: Utc) -> Option<u32> {
        self.told.as_ref()?;
        Some(total(self.in_hand(now).into_iter()))
    }

    /// When the first of them is lost.
    #[must_use]
    pub fn first_end(&self, now: Utc) -> Option<Utc> {
        self.in_hand(now).first().and_then(|grant| grant.ends_at)
    }

    /// One can be spent at `now`, as far as anybody said.
    #[must_use]
    pub fn usable(&self, now: Utc) -> bool {
        self.in_hand(now).iter().any(|grant| grant.usable(now))
    }

    /// Some are left of which nobody said when they end.
    fn lacks_ends(&self, now: Utc) -> bool {
        self.in_hand(now).iter().any(|grant| grant.ends_at.is_none())
    }

    /// Whether the provider may be asked for resets at `now`, by what it answered before and when it
    /// was asked last.
    #[must_use]
    pub fn may_ask(&self, provider: Provider, now: Utc) -> bool {
        let passed =
            |seconds: f64| self.asked_at.is_none_or(|at| now.seconds_since(at).abs() >= seconds);
        match provider.spec().resets.source {
            ResetSource::WithUsage if self.withheld => passed(ASK_AFTER_SILENCE_S),
            ResetSource::WithUsage => passed(ASK_S),
            // The number comes with each reading; the rest is worth a request where there are any.
            ResetSource::Apart => self.lacks_ends(now) && passed(ASK_APART_S),
        }
    }

    /// The wall clock jumped by `seconds`; nothing was read after `now`.
    pub(crate) fn shift(&mut self, seconds: i64, now: Utc) {
        let moved = |at: Utc| at.plus_seconds(seconds).min(now);
        self.asked_at = self.asked_at.map(moved);
        if let Some(told) = &mut self.told {
            told.read_at = moved(told.read_at);
        }
    }
}

fn total<'g>(grants: impl Iterator<Item = &'g Grant>) -> u32 {
    grants.fold(0, |sum, grant| sum.saturating_add(grant.left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const NOW: Utc = Utc::from_seconds(1_795_262_400);

    fn grant(left: u32, days: i64) -> Grant {
        let ends_at = Some(NOW.plus_seconds(days * 86_400));
        Grant { id: "g".into(), left, ends_at, ..Grant::default() }
    }

    fn told(said: &Said) -> Resets {
        let mut resets = Resets::default();
        resets.take(said, Source::Endpoint, NOW);
        resets
    }

    #[test]
    fn nothing_said_is_not_zero() {
        assert_eq!(Resets::default().left(NOW), None);
        assert_eq!(told(&Said::Grants(Vec::new())).left(NOW), Some(0));
        let mut resets = told(&Said::Grants(vec![grant(2, 9)]));
        resets.take(&Said::Withheld, Source::Endpoint, NOW);
        assert_eq!((resets.left(NOW), resets.withheld), (Some(2), true), "what was known stays");
        resets.take(&Said::Grants(vec![grant(3, 9)]), Source::Person, NOW);
        assert_eq!((resets.left(NOW), resets.withheld), (Some(3), true), "a person is no provider");
        resets.take(&Said::Nothing, Source::Person, NOW);
        assert_eq!(resets.left(NOW), None);
    }

    #[test]
    fn what_ended_is_not_in_hand_and_the_first_end_counts() {
        let resets = told(&Said::Grants(vec![grant(1, 9), grant(2, 3)]));
        assert_eq!(resets.left(NOW), Some(3));
        assert_eq!(resets.first_end(NOW), Some(NOW.plus_seconds(3 * 86_400)));
        let later = NOW.plus_seconds(4 * 86_400);
        assert_eq!((resets.left(later), resets.first_end(later)), (Some(1), grant(1, 9).ends_at));
    }

    #[test]
    fn grants_that_cannot_be_are_dropped() {
        let inverted = Grant { starts_at: Some(NOW.plus_seconds(10 * 86_400)), ..grant(1, 9) };
        let absurd = [grant(1, 401), inverted, grant(LEFT_MAX + 1, 9)];
        assert_eq!(told(&Said::Grants(absurd.to_vec())).left(NOW), Some(0));
        let many = told(&Said::Grants(vec![grant(1, 9); 1_000]));
        assert_eq!(many.left(NOW), Some(GRANTS_MAX as u32));
    }

    #[test]
    fn a_number_alone_keeps_the_ends_that_are_known() {
        let mut resets = told(&Said::Grants(vec![grant(1, 3), grant(1, 9)]));
        resets.take(&Said::Count(2), Source::Endpoint, NOW);
        assert_eq!(resets.first_end(NOW), grant(1, 3).ends_at);
        resets.take(&Said::Count(1), Source::Endpoint, NOW);
        assert_eq!(resets.first_end(NOW), grant(1, 9).ends_at, "the first to end was spent");
        resets.take(&Said::Count(3), Source::Endpoint, NOW);
        assert_eq!((resets.left(NOW), resets.lacks_ends(NOW)), (Some(3), true));
        resets.take(&Said::Count(0), Source::Endpoint, NOW);
        assert_eq!(resets.left(NOW), Some(0));
    }

    #[test]
    fn a_provider_is_asked_once_a_day_and_less_after_silence() {
        let after = |resets: &Resets, hours: i64| {
            let asked = Resets { asked_at: Some(NOW), ..resets.clone() };
            let now = NOW.plus_seconds(hours * 3_600);
            (asked.may_ask(Provider::Claude, now), asked.may_ask(Provider::Codex, now))
        };
        let unknown = Resets::default();
        assert!(unknown.may_ask(Provider::Claude, NOW));
        assert_eq!(after(&unknown, 23), (false, false));
        assert_eq!(after(&unknown, 24), (true, false), "Codex says a number first");
        let withheld = told(&Said::Withheld);
        assert!(!after(&withheld, 6 * 24).0);
        assert!(after(&withheld, 7 * 24).0);
        let counted = told(&Said::Count(1));
        assert_eq!((after(&counted, 7).1, after(&counted, 8).1), (false, true));
        assert!(!after(&told(&Said::Grants(vec![grant(1, 9)])), 48).1, "its end is known");
    }
}
