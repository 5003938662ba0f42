//! The fake provider's clock.
//!
//! The same mapping as the driver's (`driver/src/clock.rs`), from the same variable, so that resets
//! sent by the one fall where the other expects them:
//! `wall = origin + (real − origin) × speed`, with `SLUICE_DEMO_CLOCK=<origin epoch ms>:<speed>`.

use sluice_engine::Utc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable the driver reads.
pub const DEMO_VARIABLE: &str = "SLUICE_DEMO_CLOCK";

/// A wall clock that runs `speed` times as fast since `origin`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FakeClock {
    /// Milliseconds since the epoch at which fake and real time agree.
    pub origin_ms: i64,
    /// Fake seconds per real second.
    pub speed: f64,
}

impl FakeClock {
    /// Real time.
    #[must_use]
    pub const fn real() -> Self {
        Self { origin_ms: 0, speed: 1.0 }
    }

    /// A clock that agrees with the real one now and runs `speed` times as fast from here.
    #[must_use]
    pub fn starting_now(speed: f64) -> Self {
        Self { origin_ms: real_micros() / 1_000, speed }
    }

    /// What [`DEMO_VARIABLE`] says, else real time.
    #[must_use]
    pub fn from_env() -> Self {
        let text = std::env::var(DEMO_VARIABLE).unwrap_or_default();
        let parts = text.split_once(':');
        let read = parts.and_then(|(origin, speed)| {
            Some(Self { origin_ms: origin.parse().ok()?, speed: speed.parse().ok()? })
        });
        read.unwrap_or(Self::real())
    }

    /// The value of [`DEMO_VARIABLE`] that gives another process this clock.
    #[must_use]
    pub fn to_env(&self) -> String {
        format!("{}:{}", self.origin_ms, self.speed)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Utc {
        let origin = self.origin_ms * 1_000;
        let passed = (real_micros() - origin) as f64 * self.speed;
        Utc(origin + passed as i64)
    }

    /// This clock, set forward by `seconds`: nobody waits for them.
    ///
    /// # Panics
    /// When it does not run faster than real time: its only setting is where both agreed.
    #[must_use]
    pub fn set_forward(self, seconds: f64) -> Self {
        assert!(self.speed > 1.0, "a clock of real time cannot be set");
        let earlier_ms = seconds * 1_000.0 / (self.speed - 1.0);
        Self { origin_ms: self.origin_ms - earlier_ms.round() as i64, ..self }
    }
}

fn real_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    since.as_micros() as i64
}
