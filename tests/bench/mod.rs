//! Measured figures. Each suite gives rows; `cargo xtask bench` prints them all as one JSON line.

pub mod engine;
pub mod keychain;
pub mod lanes;
pub mod ledger;
pub mod promised;
pub mod swap;

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Millions of bytes.
    #[serde(rename = "MB")]
    Megabytes,
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// What was measured, dotted.
    pub name: String,
    /// Of the percentiles and the floor.
    pub unit: Unit,
    /// Median.
    pub p50: f64,
    /// 99th percentile; of a single figure, the figure.
    pub p99: f64,
    /// How often.
    pub n: usize,
    /// The least the same work costs on this machine, or what a law of growth makes of the row
    /// before, where there is such a thing.
    pub floor: Option<f64>,
    /// `p50 / floor`.
    pub ratio: Option<f64>,
}

impl Row {
    /// Percentiles of durations in milliseconds.
    #[must_use]
    pub fn times(name: &str, mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        let at = |share: f64| {
            let index = ((taken.len().saturating_sub(1)) as f64 * share).round() as usize;
            taken.get(index).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
        };
        let (p50, p99) = (at(0.5), at(0.99));
        let unit = Unit::Milliseconds;
        Self { name: name.into(), unit, p50, p99, n: taken.len(), floor: None, ratio: None }
    }

    /// One figure.
    #[must_use]
    pub fn single(name: &str, unit: Unit, value: f64) -> Self {
        Self { name: name.into(), unit, p50: value, p99: value, n: 1, floor: None, ratio: None }
    }

    /// Durations in another unit of time.
    #[must_use]
    pub fn in_unit(mut self, unit: Unit) -> Self {
        let factor = match (self.unit, unit) {
            (Unit::Milliseconds, Unit::Microseconds) => 1e3,
            (Unit::Microseconds, Unit::Milliseconds) => 1e-3,
            (_, _) => 1.0,
        };
        (self.unit, self.p50, self.p99) = (unit, self.p50 * factor, self.p99 * factor);
        self.floor = self.floor.map(|floor| floor * factor);
        self
    }

    /// Adds the floor and the ratio to it.
    #[must_use]
    pub fn over(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self.ratio = (floor > 0.0).then(|| self.p50 / floor);
        self
    }
}

/// How long `work` takes, `n` times.
pub fn timed(n: usize, mut work: impl FnMut(usize)) -> Vec<Duration> {
    (0..n)
        .map(|round| {
            let begun = Instant::now();
            work(round);
            begun.elapsed()
        })
        .collect()
}
