//! What a lane is expected to need: a history of quarter hours and what follows from it.

use alloc::{vec, vec::Vec};
use serde::{Deserialize, Serialize};

/// Length of a bin, minutes.
pub(super) const BIN: f64 = 15.0;
/// Bins of a day.
pub(super) const DAY: i64 = 96;
/// Bins of a week.
pub(super) const WEEK: i64 = 7 * DAY;
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
pub(super) fn bin(minute: f64) -> i64 {
    let whole = (minute / BIN) as i64;
    if (whole as f64) * BIN > minute { whole - 1 } else { whole }
}

fn slot(bin: i64) -> usize {
    bin.rem_euclid(KEPT) as usize
}

impl History {
    /// Makes room up to the bin of `minute`; what passes unseen counts as no work.
    pub(super) fn advance(&mut self, minute: f64) {
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
    pub(super) fn add(&mut self, units: f64, from: f64, to: f64) {
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
    pub(super) fn censor(&mut self, minute: f64) {
        let index = bin(minute);
        if self.first.is_some() && index < self.end && index >= self.end - KEPT {
            self.bins[slot(index)] = -1.0;
        }
    }

    /// Units of a past bin; `None` when unknown.
    pub(super) fn at(&self, index: i64) -> Option<f64> {
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
    pub(super) fn expect(&self, now: i64, count: i64, prior: f64) -> Vec<f64> {
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
    pub(super) fn likely(&self, minute: f64) -> bool {
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
    pub(super) fn level(&self, now: i64) -> f64 {
        let (mut seen, mut meant) = (0.0, 0.0);
        for index in now - 12..now {
            let (sum, weight) = self.mean(index, now - 12);
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
    pub(super) fn replay(&self, now: i64, nth: i64, means: &[f64]) -> Vec<f64> {
        let mut values = Vec::with_capacity(means.len());
        let (mut day, mut shift) = (i64::MIN, 0);
        for (offset, mean) in means.iter().enumerate() {
            let index = now + offset as i64;
            let this = index.div_euclid(DAY);
            if this != day {
                day = this;
                shift = same_kind(index, now, nth);
            }
            let value = if shift > 0 { self.at(index - shift * DAY) } else { None };
            values.push(value.unwrap_or(*mean));
        }
        values
    }
}

/// How many days before the day of `index` its `nth` latest past day of the same kind lies; only
/// days that had ended a day before `now` count, so that a whole day is always there.
fn same_kind(index: i64, now: i64, nth: i64) -> i64 {
    let class = weekend(index);
    let mut found = -1;
    for days in 1..=28 {
        let past = index - days * DAY;
        if past.div_euclid(DAY) < now.div_euclid(DAY) && weekend(past) == class {
            found += 1;
            if found == nth {
                return days;
            }
        }
    }
    0
}

/// Saturday or Sunday, in UTC (1970-01-01 was a Thursday).
fn weekend(index: i64) -> bool {
    (index.div_euclid(DAY) + 3).rem_euclid(7) >= 5
}
