//! Units: instants, percentages and ids, each its own type so that none is taken for another.

use core::ops::{Add, Sub};
use serde::{Deserialize, Serialize};

/// A UTC instant in whole microseconds since 1970-01-01T00:00:00Z (the finest a provider sends).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(transparent)]
pub struct Utc(pub i64);

impl Utc {
    /// The instant `seconds` after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// The instant `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch, rounded towards the past.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds from `earlier` to `self`, negative when `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1_000_000.0
    }

    /// The instant `seconds` later (earlier when negative); saturates at the ends of time.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }
}

/// A monotonic instant in milliseconds that also counts while the machine sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mono(pub i64);

impl Add<i64> for Mono {
    type Output = Self;
    /// `self` plus milliseconds.
    fn add(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl Sub for Mono {
    type Output = i64;
    /// Milliseconds between.
    fn sub(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Both clocks, read together by the driver: resets are wall time, gates are monotonic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Wall clock, UTC.
    pub wall: Utc,
    /// Monotonic clock, suspend included.
    pub mono: Mono,
}

/// Above this a share that is told is a mistake, percent.
const TOLD_MAX: f64 = 10_000.0;

/// A share in percent; finite, never NaN. May pass 100 where a provider reports overuse.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(transparent)]
pub struct Percent(f64);

impl Percent {
    /// `None` for NaN and infinities: unknown is never zero.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// A share that somebody told; `None` for what no share can be: below nothing, or a mistake and no
    /// overuse.
    #[must_use]
    pub fn told(value: f64) -> Option<Self> {
        Self::new(value).filter(|_| (0.0..=TOLD_MAX).contains(&value))
    }

    /// The number of percent.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// One subscription of one person with one provider; the ledger's row id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(transparent)]
pub struct AccountId(pub i64);

/// A lane; the ledger's row id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(transparent)]
pub struct LaneId(pub i64);

/// Grows by one at each committed swap of a lane; our fencing number.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(transparent)]
pub struct Generation(pub u64);
