//! Working hours as UTC spans, expanded by the driver: the engine knows no time zone.

use crate::units::Utc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

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
