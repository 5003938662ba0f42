//! What a pool used in each hour of the last four weeks, and what follows for the next days.

use crate::calendar::Calendar;
use crate::units::Utc;
use alloc::{vec, vec::Vec};
use serde::{Deserialize, Serialize};

/// Seconds of an hour.
const HOUR_S: i64 = 3_600;
/// Hours of a day.
const DAY: i64 = 24;
/// Hours of a week.
pub(super) const WEEK: i64 = 7 * DAY;
/// Hours kept.
const KEPT: i64 = 4 * WEEK;
/// What the same hour one, two and three weeks ago counts.
const WEEKS_AGO: [f64; 3] = [1.0, 0.6, 0.4];
/// What the same hour of each of the last nine days counts: of the same kind of day, or not.
const DAYS_AGO: [f64; 2] = [0.3, 0.05];
/// Weight of the guess beside what was seen.
const GUESS_WEIGHT: f64 = 0.25;

/// Use per hour in percent of a week times the nominal size, newest four weeks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hours {
    used: Vec<f32>,
    /// First hour ever seen, hours since the epoch.
    first: Option<i64>,
    /// One past the newest hour.
    end: i64,
}

/// The hour `at` falls into, counted from the epoch.
pub(super) fn hour(at: Utc) -> i64 {
    at.0.div_euclid(HOUR_S * 1_000_000)
}

fn slot(hour: i64) -> usize {
    hour.rem_euclid(KEPT) as usize
}

impl Hours {
    /// Makes room up to the hour of `at`; what passes unseen counts as no work.
    pub(super) fn advance(&mut self, at: Utc) {
        let now = hour(at);
        if self.first.is_none() {
            self.first = Some(now);
            self.end = now;
            self.used = vec![0.0; KEPT as usize];
        }
        self.end = self.end.max(now - KEPT);
        while self.end <= now {
            self.used[slot(self.end)] = 0.0;
            self.end += 1;
        }
    }

    /// Spreads what was used evenly over `[from, to)`.
    pub(super) fn add(&mut self, used: f64, from: Utc, to: Utc) {
        self.advance(to);
        let span = to.seconds_since(from);
        if span <= 0.0 || used <= 0.0 {
            return;
        }
        let oldest = (self.end - KEPT).max(hour(from));
        for hour in oldest..=hour(to) {
            let start = Utc::from_seconds(hour * HOUR_S);
            let (start, stop) = (start.max(from), start.plus_seconds(HOUR_S).min(to));
            let share = stop.seconds_since(start).max(0.0) / span;
            self.used[slot(hour)] += (used * share) as f32;
        }
    }

    fn at(&self, hour: i64) -> Option<f64> {
        let known = self.first.is_some_and(|first| hour >= first);
        (known && hour < self.end && hour >= self.end - KEPT)
            .then(|| f64::from(self.used[slot(hour)]))
    }

    /// What each hour from the one of `from` on is expected to use. `guess` is the mean use of an
    /// hour of the week where nothing is known; the working hours say which hours those are.
    pub(super) fn expect(
        &self,
        from: Utc,
        count: i64,
        guess: f64,
        calendar: &Calendar,
    ) -> Vec<f64> {
        let first = hour(from);
        (first..first + count).map(|hour| self.mean(hour, first, guess, calendar)).collect()
    }

    fn mean(&self, hour: i64, now: i64, guess: f64, calendar: &Calendar) -> f64 {
        let mut sum = GUESS_WEIGHT * guess * worked(hour, calendar);
        let mut weight = GUESS_WEIGHT;
        let mut take = |past: i64, counts: f64| {
            if let Some(used) = self.at(past).filter(|_| past < now) {
                sum += counts * used;
                weight += counts;
            }
        };
        for (weeks, counts) in (1..).zip(WEEKS_AGO) {
            take(hour - weeks * WEEK, counts);
        }
        for days in 1..=9 {
            let past = hour - days * DAY;
            take(past, DAYS_AGO[usize::from(weekend(past) != weekend(hour))]);
        }
        sum / weight
    }
}

/// How much more than a mean hour of the week this hour is worked in; 1 without a calendar.
fn worked(hour: i64, calendar: &Calendar) -> f64 {
    if calendar.weekly_hours <= 0.0 || calendar.spans.is_empty() {
        return 1.0;
    }
    let from = Utc::from_seconds(hour * HOUR_S);
    let share = calendar.working_hours(from, from.plus_seconds(HOUR_S));
    share * WEEK as f64 / calendar.weekly_hours
}

/// Saturday or Sunday, in UTC (1970-01-01 was a Thursday).
fn weekend(hour: i64) -> bool {
    (hour.div_euclid(DAY) + 3).rem_euclid(7) >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Utc {
        Utc::from_seconds(hours * HOUR_S)
    }

    #[test]
    fn what_was_used_is_spread_over_the_hours_it_was_used_in() {
        let mut hours = Hours::default();
        hours.advance(at(100));
        hours.add(6.0, at(100).plus_seconds(1_800), at(102).plus_seconds(1_800));
        let seen: Vec<_> = (99..104).map(|hour| hours.at(hour)).collect();
        assert_eq!(seen, [None, Some(1.5), Some(3.0), Some(1.5), None]);
    }

    #[test]
    fn a_day_that_comes_again_is_expected() {
        let mut hours = Hours::default();
        for day in 0..14 {
            hours.advance(at(day * 24));
            hours.add(8.0, at(day * 24 + 9), at(day * 24 + 17));
        }
        let expected = hours.expect(at(14 * 24), 24, 0.0, &Calendar::default());
        assert!(expected[12] > 0.8 && expected[12] <= 1.0, "{}", expected[12]);
        assert!(expected[3] < 1e-9);
    }

    #[test]
    fn without_a_past_the_guess_follows_the_working_hours() {
        let calendar =
            Calendar { spans: vec![(at(8), at(16))], weekly_hours: 56.0, ..Calendar::default() };
        let expected = Hours::default().expect(at(0), 24, 1.0, &calendar);
        assert_eq!(expected[4], 0.0);
        assert!((expected[10] - 3.0).abs() < 1e-9);
    }
}
