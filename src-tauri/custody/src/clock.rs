//! The only clock of this crate: deadlines of locks, the age of files, the instant a vintage was stored. No
//! decision about accounts depends on it.

use sluice_engine::Utc;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `SLUICE_DEMO_CLOCK=<origin epoch ms>:<speed>` runs the wall clock of demo and tests faster, by
/// the driver's mapping: expiries are compared with instants of the same clock.
static SCALE: LazyLock<Option<(i64, f64)>> = LazyLock::new(|| {
    let text = std::env::var("SLUICE_DEMO_CLOCK").ok()?;
    let (origin, speed) = text.split_once(':')?;
    let speed =
        speed.trim().parse().ok().filter(|speed: &f64| speed.is_finite() && *speed > 0.0)?;
    Some((origin.trim().parse::<i64>().ok()?.saturating_mul(1_000), speed))
});

/// The wall clock by which logins end; the machine's but in demo and tests.
pub(crate) fn login_now() -> Utc {
    let Utc(real) = now();
    match *SCALE {
        None => Utc(real),
        Some((origin, speed)) => {
            let passed = real.saturating_sub(origin) as f64 * speed;
            Utc(origin.saturating_add(passed as i64))
        }
    }
}

/// The machine's wall clock, which files are stamped by.
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

    /// Time since the start by the clock that logins live by: the machine's but in demo and tests,
    /// where the driver measures its own windows by the same.
    pub(crate) fn elapsed_by_logins(self) -> Duration {
        self.elapsed().mul_f64(SCALE.map_or(1.0, |(_, speed)| speed))
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
