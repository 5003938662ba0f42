//! When a limit reset is worth most: what it would empty now, against the best later moment before it is
//! lost. Advice only; Sluice spends none.

use crate::forecast::{Kind, Outlook};
use crate::grant::Grant;
use crate::resets::Resets;
use crate::units::{AccountId, Percent, Utc};
use crate::usage::Usage;
use crate::window::{WindowKind, WindowState};
use serde::{Deserialize, Serialize};

/// Less than this is not worth a reset, percent of the window.
const WORTH: f64 = 10.0;
/// A later moment must free so much more to be worth the wait, percent: forecasts err.
const WORTH_WAITING: f64 = 5.0;
/// Nothing is expected of a pace that was watched for less, seconds.
const PACE_S: f64 = 900.0;

/// What to do with a reset.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counsel {
    /// Use it before [`Self::at`]; else keep it until then.
    pub now: bool,
    /// Before then its use is gone, or then it is worth most.
    pub at: Utc,
    /// What it would empty: now, or then; percent of the window.
    pub freed: f64,
    /// Which window: the one of the account that lasts longest.
    pub window: Kind,
}

/// One window as the counsel sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outset {
    /// Used now, percent.
    used: f64,
    /// When it empties by itself; `None`: it has not begun.
    resets_at: Option<Utc>,
    /// Expected to be used by then, percent; `None`: nothing is foreseen.
    expected: Option<f64>,
    /// How long such a window lasts, seconds.
    span_s: f64,
}

/// What to do with the reset of this account that ends first, where one is in hand.
#[must_use]
pub fn counsel(
    (account, usage): (AccountId, &Usage),
    resets: &Resets,
    outlooks: &[Outlook],
    now: Utc,
) -> Option<Counsel> {
    let grant = resets.in_hand(now).into_iter().find(|grant| !grant.paused)?;
    let (window, kind) = freed_window(grant, usage)?;
    let shown = usage.shown(&kind, now);
    let course = Outset {
        used: shown.used.map(Percent::get)?,
        resets_at: usage.window(&kind).resets_at.filter(|at| *at > now),
        expected: outlooks
            .iter()
            .find(|said| said.account == account && said.window == window)
            .map(|said| 100.0 - said.p50),
        span_s: usage.span_s(&kind),
    };
    let from = grant.starts_at.filter(|start| *start > now);
    let (now_best, at, freed) = best(&course, from, grant.ends_at, now)?;
    Some(Counsel { now: now_best, at, freed, window })
}

/// The longest of the account's own windows that the grant empties.
fn freed_window(grant: &Grant, usage: &Usage) -> Option<(Kind, WindowKind)> {
    let mut own = Kind::ALL.into_iter().rev().map(|window| (window, WindowKind::from(window)));
    let there =
        |kind: &WindowKind| matches!(usage.state(kind), WindowState::Open | WindowState::Closed);
    own.find(|(_, kind)| grant.empties(kind) && there(kind))
}

/// Whether now is the best moment, until when that holds or when it comes, and what is freed.
fn best(
    course: &Outset,
    from: Option<Utc>,
    ends_at: Option<Utc>,
    now: Utc,
) -> Option<(bool, Utc, f64)> {
    let end = ends_at.or(course.resets_at)?;
    let later = moments(course, end, now)
        .into_iter()
        .flatten()
        .filter(|(at, _)| from.is_none_or(|from| from <= *at))
        .fold(None, |best: Option<(Utc, f64)>, found| match best {
            // Of two that free as much the earlier one counts.
            Some(known) if found.1 < known.1 + WORTH_WAITING => Some(known),
            _ => Some(found),
        });
    let freed_now = if from.is_some() { 0.0 } else { course.used };
    let until = course.resets_at.map_or(end, |reset| reset.min(end));
    match later {
        Some((at, freed)) if freed >= freed_now + WORTH_WAITING && freed >= WORTH => {
            Some((false, at, freed))
        }
        _ if freed_now >= WORTH => Some((true, until, freed_now)),
        _ => None,
    }
}

/// Later moments with what would be freed then: the end of this window, and of the next one, each as far
/// as the grant lasts.
fn moments(course: &Outset, end: Utc, now: Utc) -> [Option<(Utc, f64)>; 2] {
    let Some((reset, expected)) = course.resets_at.zip(course.expected) else {
        return [None, None];
    };
    let left_s = reset.seconds_since(now);
    let pace = (expected - course.used).max(0.0) / left_s.max(PACE_S);
    let first = reset.min(end);
    let within = course.used + pace * first.seconds_since(now);
    let mut found = [Some((first, within.min(100.0))), None];
    if end > reset && course.span_s > 0.0 {
        let run_s = end.seconds_since(reset).min(course.span_s);
        let next = (pace * run_s).min(100.0);
        found[1] = Some((reset.plus_seconds(run_s as i64), next));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Said;
    use crate::observation::Source;
    use crate::window::Window;
    use alloc::vec;

    const NOW: Utc = Utc::from_seconds(1_795_262_400);
    const A: AccountId = AccountId(1);

    fn day(days: f64) -> Utc {
        NOW.plus_seconds((days * 86_400.0) as i64)
    }

    /// The counsel on a week that is used so far, resets in so many days and is expected to be used so
    /// far by then, with a grant that ends in so many days.
    fn week(used: f64, reset: f64, expected: Option<f64>, ends: f64) -> Option<(bool, f64, f64)> {
        let grant = Grant { left: 1, ends_at: Some(day(ends)), ..Grant::default() };
        let window = Window { used: Percent::new(used), resets_at: Some(day(reset)) };
        told(&Usage::default().with(WindowKind::SevenDay, window), grant, expected)
    }

    fn told(usage: &Usage, grant: Grant, expected: Option<f64>) -> Option<(bool, f64, f64)> {
        let mut usage = usage.clone();
        usage.observed_at = Some(NOW);
        let mut resets = Resets::default();
        resets.take(&Said::Grants(vec![grant]), Source::Endpoint, NOW);
        let outlooks: vec::Vec<Outlook> = Kind::ALL
            .into_iter()
            .filter_map(|window| {
                let p50 = 100.0 - expected?;
                let kind = WindowKind::from(window);
                let resets_at = usage.window(&kind).resets_at?;
                let [p90, likely, low, high] = [p50; 4];
                Some(Outlook { account: A, window, resets_at, p50, p90, likely, low, high })
            })
            .collect();
        let found = counsel((A, &usage), &resets, &outlooks, NOW)?;
        let days = found.at.seconds_since(NOW) / 86_400.0;
        Some((found.now, (days * 10.0).round() / 10.0, found.freed.round()))
    }

    #[test]
    fn a_window_that_fills_later_keeps_the_reset_for_its_end() {
        assert_eq!(week(20.0, 3.0, Some(80.0), 3.5), Some((false, 3.0, 80.0)));
        assert_eq!(week(20.0, 3.0, Some(80.0), 2.0), Some((false, 2.0, 60.0)), "it ends before");
    }

    #[test]
    fn a_full_window_uses_it_before_its_own_reset() {
        assert_eq!(week(97.0, 2.0, Some(100.0), 3.0), Some((true, 2.0, 97.0)));
        assert_eq!(week(61.0, 4.0, Some(63.0), 1.0), Some((true, 1.0, 61.0)), "before it is lost");
    }

    #[test]
    fn the_next_window_may_be_worth_more() {
        // 10 % in two days are 35 % in a week: less than what is used now.
        assert_eq!(week(60.0, 2.0, Some(70.0), 20.0), Some((false, 2.0, 70.0)));
        // 40 % in two days fill the next week before the grant ends.
        assert_eq!(week(20.0, 2.0, Some(60.0), 20.0), Some((false, 9.0, 100.0)));
    }

    #[test]
    fn what_frees_next_to_nothing_is_no_counsel() {
        assert_eq!(week(3.0, 3.0, Some(6.0), 2.0), None);
        assert_eq!(week(3.0, 3.0, None, 2.0), None);
        assert_eq!(week(61.0, 3.0, None, 2.0), Some((true, 2.0, 61.0)), "without a forecast, now");
        let gone = Grant { left: 1, ends_at: Some(day(-1.0)), ..Grant::default() };
        assert_eq!(told(&Usage::default(), gone, None), None);
    }

    #[test]
    fn a_grant_that_has_not_begun_waits_and_a_short_window_is_named() {
        let short = Window { used: Percent::new(95.0), resets_at: Some(day(0.1)) };
        let usage = Usage::default().with(WindowKind::FiveHour, short);
        let frees = vec![WindowKind::FiveHour];
        let grant = Grant { left: 1, ends_at: Some(day(5.0)), frees, ..Grant::default() };
        assert_eq!(told(&usage, grant.clone(), Some(96.0)), Some((true, 0.1, 95.0)));
        let later = Grant { starts_at: Some(day(1.0)), ..grant.clone() };
        assert_eq!(told(&usage, later, Some(96.0)), None, "this window is over by then");
        let paused = Grant { paused: true, ..grant };
        assert_eq!(told(&usage, paused, Some(96.0)), None);
    }
}
