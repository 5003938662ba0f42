//! Working hours as UTC spans, expanded by the driver: the engine knows no time zone.

use crate::units::Utc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Hours of one short window.
const SHORT_WINDOW_H: f64 = 5.0;

/// The person's working hours around now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Sorted, disjoint spans `[from, to)` in which work happens, from yesterday to 15 days ahead.
    pub spans: Vec<(Utc, Utc)>,
    /// Local midnights as UTC instants over the same range, sorted.
    pub midnights: Vec<Utc>,
    /// Working hours of an ordinary week (seed: 7 × 17).
    pub weekly_hours: f64,
}

impl Calendar {
    /// Working hours in `[from, to)`; 0 when `to` is not later.
    #[must_use]
    pub fn working_hours(&self, from: Utc, to: Utc) -> f64 {
        let first = self.spans.partition_point(|span| span.1 <= from);
        let mut micros = 0_i64;
        for &(start, end) in &self.spans[first..] {
            if start >= to {
                break;
            }
            let overlap = end.min(to).0.saturating_sub(start.max(from).0);
            micros = micros.saturating_add(overlap.max(0));
        }
        micros as f64 / 1_000_000.0 / 3600.0
    }

    /// The last local midnight at or before `at`, when the range covers it.
    #[must_use]
    pub fn midnight_before(&self, at: Utc) -> Option<Utc> {
        let next = self.midnights.partition_point(|midnight| *midnight <= at);
        next.checked_sub(1).map(|index| self.midnights[index])
    }

    /// Percent of a weekly window that one short window burns when a week's work uses it up exactly;
    /// 0 without working hours.
    #[must_use]
    pub fn burn_per_window(&self) -> f64 {
        let windows = self.weekly_hours / SHORT_WINDOW_H;
        if windows > 0.0 { 100.0 / windows } else { 0.0 }
    }

    /// Percent of a weekly window that the working hours in `[from, to)` can burn.
    #[must_use]
    pub fn achievable(&self, from: Utc, to: Utc) -> f64 {
        self.working_hours(from, to) / SHORT_WINDOW_H * self.burn_per_window()
    }
}
