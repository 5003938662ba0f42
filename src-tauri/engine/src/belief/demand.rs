//! What a lane is expected to need, from a history of quarter hours: a plan is only as good as the work
//! it expects.

use alloc::{vec, vec::Vec};
use serde::{Deserialize, Serialize};

/// Length of a bin, minutes.
pub(crate) const BIN: f64 = 15.0;
/// Bins of a day.
pub(crate) const DAY: i64 = 96;
/// Bins of a week.
pub(crate) const WEEK: i64 = 7 * DAY;
/// Bins kept.
const KEPT: i64 = 4 * WEEK;

/// Units used per quarter hour, newest four weeks; negative bins are unknown (work was refused).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    bins: Vec<f32>,
    /// First bin ever seen.
    first: Option<i64>,
    /// One past the newest bin.
    end: i64,
}

/// The bin `minute` falls into.
pub(crate) fn bin(minute: f64) -> i64 {
    let whole = (minute / BIN) as i64;
    if (whole as f64) * BIN > minute { whole - 1 } else { whole }
}

fn slot(bin: i64) -> usize {
    bin.rem_euclid(KEPT) as usize
}

impl History {
    /// Makes room up to the bin of `minute`; what passes unseen counts as no work.
    pub(crate) fn advance(&mut self, minute: f64) {
        let now = bin(minute);
        if self.first.is_none() {
            self.first = Some(now);
            self.end = now;
            self.bins = vec![0.0; KEPT as usize];
        }
        self.end = self.end.max(now - KEPT);
        while self.end <= now {
            self.bins[slot(self.end)] = 0.0;
            self.end += 1;
        }
    }

    /// Spreads `units` evenly over `[from, to)`.
    pub(crate) fn add(&mut self, units: f64, from: f64, to: f64) {
        let Some(first) = self.first else { return };
        if units <= 0.0 || to <= from {
            return;
        }
        let mut at = from.max(to - 240.0);
        let rate = units / (to - at);
        while at < to {
            let index = bin(at);
            let until = to.min((index + 1) as f64 * BIN);
            if index >= first && index < self.end && index >= self.end - KEPT {
                let value = &mut self.bins[slot(index)];
                if *value >= 0.0 {
                    *value += (rate * (until - at)) as f32;
                }
            }
            at = until;
        }
    }

    /// Marks the bin of `minute` as unknown: work was refused.
    pub(crate) fn censor(&mut self, minute: f64) {
        let index = bin(minute);
        if self.first.is_some() && index < self.end && index >= self.end - KEPT {
            self.bins[slot(index)] = -1.0;
        }
    }

    /// Units of a past bin; `None` when unknown.
    pub(crate) fn at(&self, index: i64) -> Option<f64> {
        let first = self.first?;
        if index < first || index >= self.end || index < self.end - KEPT {
            return None;
        }
        let value = f64::from(self.bins[slot(index)]);
        (value >= 0.0).then_some(value)
    }

    /// Weighted mean of what is known of a future bin, with the weight.
    fn mean(&self, index: i64, now: i64) -> (f64, f64) {
        let (mut sum, mut weight) = (0.0, 0.0);
        let mut take = |at: i64, share: f64| {
            if at < now
                && let Some(value) = self.at(at)
            {
                sum += share * value;
                weight += share;
            }
        };
        for (weeks, share) in [(1, 1.0), (2, 0.6), (3, 0.4)] {
            take(index - weeks * WEEK, share);
        }
        let class = weekend(index);
        for days in 1..=9 {
            let at = index - days * DAY;
            let share = match (weekend(at) == class, days <= 4) {
                (true, true) => 0.35,
                (true, false) => 0.2,
                (false, _) => 0.05,
            };
            if days != 7 {
                take(at, share);
            }
        }
        (sum, weight)
    }

    /// Expected units of `count` bins from `now` on. `prior` is the guess where nothing is known.
    pub(crate) fn expect(&self, now: i64, count: i64, prior: f64) -> Vec<f64> {
        let raw: Vec<_> = (now - 1..=now + count).map(|index| self.mean(index, now)).collect();
        let mut means = Vec::with_capacity(count as usize);
        let mut peak: f64 = 0.0;
        for three in raw.windows(3) {
            let sum = three[0].0 + 2.0 * three[1].0 + three[2].0;
            let weight = three[0].1 + 2.0 * three[1].1 + three[2].1;
            let mean = (sum / 4.0 + 0.25 * prior) / (weight / 4.0 + 0.25);
            peak = peak.max(mean);
            means.push(mean);
        }
        for mean in &mut means {
            if *mean < 0.08 * peak {
                *mean = 0.0;
            }
        }
        means
    }

    /// Whether work was ever seen around this time of day or week; yes while little is known.
    pub(crate) fn likely(&self, minute: f64) -> bool {
        let now = bin(minute);
        if self.first.is_none_or(|first| now - first < 2 * DAY) {
            return true;
        }
        let days = [1, 2, 3, 4, 5, 6, 7, 14, 21];
        days.iter().any(|days| {
            let at = now - days * DAY;
            (at - 1..=at + 1).any(|at| self.at(at).is_some_and(|units| units > 0.0))
        })
    }

    /// How much more (or less) than expected the last three hours saw.
    pub(crate) fn level(&self, now: i64) -> f64 {
        let (mut seen, mut meant) = (0.0, 0.0);
        for index in now - 12..now {
            let (sum, weight) = self.mean(index, now);
            if let Some(value) = self.at(index)
                && weight > 0.0
            {
                seen += value;
                meant += sum / weight;
            }
        }
        if meant <= 0.0 { 1.0 } else { (seen / meant).clamp(0.4, 2.5) }
    }

    /// One past as if it came again: each day takes the `nth` latest day of its kind; unknown
    /// bins take `means`.
    pub(crate) fn replay(&self, now: i64, nth: i64, means: &[f64]) -> Vec<f64> {
        let mut values = Vec::with_capacity(means.len());
        let (mut day, mut before) = (i64::MIN, None);
        for (offset, mean) in means.iter().enumerate() {
            let index = now + offset as i64;
            let this = index.div_euclid(DAY);
            if this != day {
                day = this;
                before = same_kind(index, now, nth);
            }
            let value = before.and_then(|days| self.at(index - days * DAY));
            values.push(value.unwrap_or(*mean));
        }
        values
    }
}

/// How many days before the day of `index` its `nth` latest past day of the same kind lies; only
/// days that had ended a day before `now` count, so that a whole day is always there.
fn same_kind(index: i64, now: i64, nth: i64) -> Option<i64> {
    let class = weekend(index);
    let mut found = -1;
    for days in 1..=28 {
        let past = index - days * DAY;
        if past.div_euclid(DAY) < now.div_euclid(DAY) && weekend(past) == class {
            found += 1;
            if found == nth {
                return Some(days);
            }
        }
    }
    None
}

/// Saturday or Sunday, in UTC (1970-01-01 was a Thursday).
fn weekend(index: i64) -> bool {
    (index.div_euclid(DAY) + 3).rem_euclid(7) >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 1970-01-05, as a bin.
    const MONDAY: i64 = 4 * DAY;

    /// A history seen from Monday 0:00 until `days` later, with `units` in each bin given.
    fn history(days: i64, work: &[(i64, f64)]) -> History {
        let minute = |bin: i64| bin as f64 * BIN;
        let mut history = History::default();
        history.advance(minute(MONDAY));
        for &(at, units) in work {
            history.advance(minute(at));
            history.add(units, minute(at), minute(at + 1));
        }
        history.advance(minute(MONDAY + days * DAY));
        history
    }

    #[test]
    fn what_was_seen_is_known_from_the_first_quarter_hour_for_four_weeks() {
        let early = history(7, &[(MONDAY, 2.0)]);
        assert_eq!(early.at(MONDAY), Some(2.0));
        assert_eq!(early.at(MONDAY - 1), None, "before it was looked at");
        assert_eq!(early.at(MONDAY + 7 * DAY), Some(0.0), "the one that has begun");
        assert_eq!(early.at(MONDAY + 7 * DAY + 1), None, "to come");
        let late = history(28, &[(MONDAY, 2.0), (MONDAY + 1, 3.0)]);
        assert_eq!((late.at(MONDAY), late.at(MONDAY + 1)), (None, Some(3.0)));
    }

    #[test]
    fn work_spreads_over_the_quarter_hours_it_lasted() {
        let mut history = history(1, &[]);
        let at = (MONDAY + 8) as f64 * BIN;
        history.add(6.0, at + 7.5, at + 2.5 * BIN);
        let bins = [8, 9, 10].map(|bin| history.at(MONDAY + bin).unwrap());
        assert_eq!(bins, [1.5, 3.0, 1.5]);
        history.add(5.0, at, at);
        history.add(0.0, at, at + BIN);
        assert_eq!(history.at(MONDAY + 8), Some(1.5));
    }

    #[test]
    fn a_refused_quarter_hour_is_unknown_not_idle() {
        let mut history = history(1, &[(MONDAY + 9, 4.0)]);
        history.censor((MONDAY + 9) as f64 * BIN + 1.0);
        assert_eq!((history.at(MONDAY + 9), history.at(MONDAY + 10)), (None, Some(0.0)));
    }

    #[test]
    fn twice_the_usual_work_of_the_last_hours_doubles_what_is_expected() {
        let morning = 36..48;
        let usual: Vec<_> = (0..4)
            .flat_map(|day| morning.clone().map(move |bin| (MONDAY + day * DAY + bin, 1.0)))
            .collect();
        let level = |today: f64| {
            let mut work = usual.clone();
            work.extend(morning.clone().map(|bin| (MONDAY + 4 * DAY + bin, today)));
            history(5, &work).level(MONDAY + 4 * DAY + 48)
        };
        assert!((level(1.0) - 1.0).abs() < 1e-6 && (level(2.0) - 2.0).abs() < 1e-6);
        assert!((level(0.0) - 0.4).abs() < 1e-6 && (level(9.0) - 2.5).abs() < 1e-6);
        assert!((history(5, &[]).level(MONDAY + 4 * DAY) - 1.0).abs() < 1e-6, "nothing to compare");
    }

    #[test]
    fn a_replayed_day_is_the_latest_of_its_kind_and_unknown_ones_are_means() {
        let noon = |day: i64| MONDAY + day * DAY + 48;
        // Friday, Saturday, Sunday; it is Monday again.
        let history = history(7, &[(noon(4), 5.0), (noon(5), 7.0), (noon(6), 8.0)]);
        let now = MONDAY + 7 * DAY;
        let means = [0.5; 7 * DAY as usize];
        let again = |nth: i64| history.replay(now, nth, &means);
        assert_eq!(again(0)[48], 5.0, "Monday as the Friday before");
        assert_eq!(again(0)[(5 * DAY + 48) as usize], 8.0, "Saturday as the Sunday before");
        assert_eq!(again(1)[(5 * DAY + 48) as usize], 7.0);
        assert_eq!(again(1)[48], 0.0, "a Thursday without work");
        assert_eq!(again(9)[48], 0.5, "no such day was seen");
        assert_eq!(again(99)[0], 0.5);
    }

    #[test]
    fn hours_that_never_saw_work_are_unlikely_once_two_days_are_known() {
        let likely = |days: i64, bin: i64| {
            let history = history(days, &[(MONDAY + 40, 1.0)]);
            history.likely((MONDAY + days * DAY + bin) as f64 * BIN)
        };
        assert!(likely(1, 80), "too little is known");
        assert!(likely(2, 39) && likely(2, 40) && likely(2, 41));
        assert!(!likely(2, 42) && !likely(2, 38));
        assert!(likely(7, 40) && !likely(8, 40));
    }
}
