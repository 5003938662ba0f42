//! The only place in this crate that reads a clock.

use sluice_engine::Utc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The wall clock.
pub(crate) fn now() -> Utc {
    #[allow(clippy::disallowed_methods)]
    let wall = SystemTime::now();
    match wall.duration_since(UNIX_EPOCH) {
        Ok(since) => Utc(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        Err(before) => Utc(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
    }
}

/// Measures how long something has been going on.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        #[allow(clippy::disallowed_methods)]
        Self(Instant::now())
    }

    /// Time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Milliseconds since the start.
    pub(crate) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Rests for a step of a bounded wait on something that sends no event (another program's lock
/// directory, a file a tool is writing).
pub(crate) fn rest(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}
