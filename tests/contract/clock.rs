//! The fake provider's clock.
//!
//! The same mapping as the driver's (`driver/src/clock.rs`), from the same variable, so that resets
//! sent by the one fall where the other expects them:
//! `wall = origin + (real − origin) × speed`, with `SLUICE_DEMO_CLOCK=<origin epoch ms>:<speed>`.

use sluice_engine::Utc;
use std::sync::atomic::{AtomicI64, Ordering};
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
    /// It shows what somebody set it to, and does not run.
    hand: Option<Hand>,
}

/// Sets a clock that does not run by itself: for tests whose own time is paused.
#[derive(Clone, Copy, Debug)]
pub struct Hand(&'static AtomicI64);

impl Hand {
    /// At `now`.
    #[must_use]
    pub fn at(now: Utc) -> Self {
        Self(Box::leak(Box::new(AtomicI64::new(now.0))))
    }

    /// Moves on to `now`.
    pub fn set(self, now: Utc) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl PartialEq for Hand {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl FakeClock {
    /// Real time.
    #[must_use]
    pub const fn real() -> Self {
        Self { origin_ms: 0, speed: 1.0, hand: None }
    }

    /// A clock that agrees with the real one now and runs `speed` times as fast from here.
    #[must_use]
    pub fn starting_now(speed: f64) -> Self {
        Self { origin_ms: real_micros() / 1_000, speed, hand: None }
    }

    /// A clock that `hand` sets.
    #[must_use]
    pub const fn by_hand(hand: Hand) -> Self {
        Self { origin_ms: 0, speed: 1.0, hand: Some(hand) }
    }

    /// What [`DEMO_VARIABLE`] says, else real time.
    #[must_use]
    pub fn from_env() -> Self {
        let text = std::env::var(DEMO_VARIABLE).unwrap_or_default();
        let parts = text.split_once(':');
        let read = parts.and_then(|(origin, speed)| {
            let (origin_ms, speed) = (origin.parse().ok()?, speed.parse().ok()?);
            Some(Self { origin_ms, speed, hand: None })
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
        if let Some(Hand(now)) = self.hand {
            return Utc(now.load(Ordering::SeqCst));
        }
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
