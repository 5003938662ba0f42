//! Measured figures. Each suite gives rows; `cargo xtask bench` prints them all as one JSON line.

pub mod engine;
pub mod lanes;
pub mod ledger;
pub mod swap;

use serde::Serialize;
use std::time::{Duration, Instant};

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured, dotted.
    pub name: String,
    /// `ms`, `MB`, …
    pub unit: &'static str,
    /// Median.
    pub p50: f64,
    /// 99th percentile; of a single figure, the figure.
    pub p99: f64,
    /// How often.
    pub n: usize,
    /// The least the same work costs on this machine, where that can be measured.
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
        Self { name: name.into(), unit: "ms", p50, p99, n: taken.len(), floor: None, ratio: None }
    }

    /// One figure.
    #[must_use]
    pub fn single(name: &str, unit: &'static str, value: f64) -> Self {
        Self { name: name.into(), unit, p50: value, p99: value, n: 1, floor: None, ratio: None }
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
