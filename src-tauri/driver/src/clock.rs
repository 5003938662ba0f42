//! The only clock that decisions depend on.
//!
//! Both clocks are read together; the monotonic one counts while the machine sleeps. The demo and
//! the tests run on a scaled wall clock: `wall = origin + (real − origin) × speed`, the same in
//! every process that is given the same [`DEMO_VARIABLE`]. Waits shrink by the same factor, the
//! deadlines of real input and output do not.

use rustix::time::{ClockId, clock_gettime};
use sluice_core::Jump;
use sluice_engine::{Mono, Now, Utc};
use std::time::Duration;

/// `<origin_epoch_ms>:<speed>`: sets the scaled clock.
pub const DEMO_VARIABLE: &str = "SLUICE_DEMO_CLOCK";
/// The longest single wait: a suspended machine or a set clock is noticed within this time.
pub const SLICE: Duration = Duration::from_secs(60);
/// A wall clock that runs this much (ms) ahead of or behind the monotonic one was set.
const JUMP_MS: i64 = 1_000;

/// Reads time; cheap to clone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    scale: Option<Scale>,
    /// For tests: the runtime's own time, which they may pause.
    runtime: Option<(i64, Since)>,
}

/// An instant of the runtime's clock, to measure from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Since(tokio::time::Instant);

impl Since {
    pub(crate) fn now() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Milliseconds since then.
    pub(crate) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    origin_ms: i64,
    speed: f64,
}

/// One reading: both clocks, and the one that stands still while the machine sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What the core is given.
    pub now: Now,
    awake_ms: i64,
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub const fn real() -> Self {
        Self { scale: None, runtime: None }
    }

    /// The clock of the runtime this is called on, beginning at `origin_ms` (milliseconds since the
    /// epoch): for tests that pause it.
    #[doc(hidden)]
    #[must_use]
    pub fn of_runtime(origin_ms: i64) -> Self {
        Self { scale: None, runtime: Some((origin_ms, Since::now())) }
    }

    /// A clock that runs `speed` times as fast since `origin_ms` (milliseconds since the epoch).
    #[must_use]
    pub fn scaled(origin_ms: i64, speed: f64) -> Option<Self> {
        let speed_is_sane = speed.is_finite() && (0.001..=1_000_000.0).contains(&speed);
        let scale = Some(Scale { origin_ms, speed });
        speed_is_sane.then_some(Self { scale, runtime: None })
    }

    /// What [`DEMO_VARIABLE`] says, else the machine's clocks.
    ///
    /// # Errors
    /// The text that was not understood.
    pub fn from_env() -> Result<Self, String> {
        let Some(text) = std::env::var_os(DEMO_VARIABLE) else { return Ok(Self::real()) };
        let text = text.to_string_lossy().into_owned();
        Self::parse(&text).ok_or(text)
    }

    fn parse(text: &str) -> Option<Self> {
        let (origin, speed) = text.split_once(':')?;
        Self::scaled(origin.trim().parse().ok()?, speed.trim().parse().ok()?)
    }

    /// Both clocks now.
    #[must_use]
    pub fn now(&self) -> Now {
        self.read().now
    }

    /// Both clocks and the one that stops in sleep.
    #[must_use]
    pub fn read(&self) -> Reading {
        if let Some((origin_ms, since)) = self.runtime {
            let awake_ms = i64::try_from(since.elapsed_ms()).unwrap_or(i64::MAX);
            let wall = Utc::from_millis(origin_ms.saturating_add(awake_ms));
            return Reading { now: Now { wall, mono: Mono(awake_ms) }, awake_ms };
        }
        let wall_us = micros(ClockId::Realtime);
        let boot_ms = micros(ClockId::Boottime).div_euclid(1_000);
        let awake_ms = micros(ClockId::Monotonic).div_euclid(1_000);
        let now = match self.scale {
            None => Now { wall: Utc(wall_us), mono: Mono(boot_ms) },
            Some(Scale { origin_ms, speed }) => {
                let origin_us = origin_ms.saturating_mul(1_000);
                let passed = (wall_us.saturating_sub(origin_us)) as f64 * speed;
                Now {
                    wall: Utc(origin_us.saturating_add(passed as i64)),
                    mono: Mono((boot_ms as f64 * speed) as i64),
                }
            }
        };
        Reading { now, awake_ms }
    }

    /// The real time until `due`, never negative, never longer than [`SLICE`].
    #[must_use]
    pub fn wait_until(&self, due: Utc) -> Duration {
        let micros = due.0.saturating_sub(self.now().wall.0).max(0) as f64;
        let real = micros / self.scale.map_or(1.0, |scale| scale.speed);
        Duration::from_micros(real.min(SLICE.as_micros() as f64) as u64)
    }

    /// How time passed unevenly between two readings, if it did.
    #[must_use]
    pub fn jump(&self, before: Reading, after: Reading) -> Option<Jump> {
        let speed = self.scale.map_or(1.0, |scale| scale.speed);
        let wall = after.now.wall.millis().saturating_sub(before.now.wall.millis());
        let mono = after.now.mono - before.now.mono;
        let slept = mono.saturating_sub(((after.awake_ms - before.awake_ms) as f64 * speed) as i64);
        // Two clocks are never read at the same instant; at high speed that shows.
        let tolerance = JUMP_MS.max((50.0 * speed) as i64);
        let set = wall.saturating_sub(mono);
        if set < -tolerance {
            Some(Jump::SetBack { by_ms: set.saturating_neg() })
        } else if set > tolerance || slept > tolerance {
            let (set_ms, slept_ms) = (set.max(0), slept.max(0));
            Some(Jump::Woke { missed_ms: set_ms.saturating_add(slept_ms), set_ms })
        } else {
            None
        }
    }
}

/// Milliseconds of a clock that only moves forward and stands still in sleep: for deadlines and
/// heartbeats inside this process.
#[must_use]
pub fn awake_ms() -> i64 {
    micros(ClockId::Monotonic).div_euclid(1_000)
}

fn micros(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall_ms: i64, mono: i64, awake_ms: i64) -> Reading {
        Reading { now: Now { wall: Utc::from_millis(wall_ms), mono: Mono(mono) }, awake_ms }
    }

    #[test]
    fn even_time_is_no_jump() {
        let clock = Clock::real();
        for step in [0, 1, 999, 60_000] {
            let after = reading(1_000_000 + step, 500 + step, 500 + step);
            assert_eq!(clock.jump(reading(1_000_000, 500, 500), after), None, "{step}");
        }
    }

    #[test]
    fn sleep_setting_forward_and_setting_back_are_told_apart() {
        let clock = Clock::real();
        let before = reading(1_000_000, 500, 500);
        let jump = |wall: i64, mono: i64, awake: i64| {
            clock.jump(before, reading(1_000_000 + wall, 500 + mono, 500 + awake))
        };
        assert_eq!(jump(90_000, 90_000, 30_000), Some(Jump::Woke { missed_ms: 60_000, set_ms: 0 }));
        assert_eq!(
            jump(90_000, 30_000, 30_000),
            Some(Jump::Woke { missed_ms: 60_000, set_ms: 60_000 })
        );
        assert_eq!(jump(-10_000, 30_000, 30_000), Some(Jump::SetBack { by_ms: 40_000 }));
        let year = 31_536_000_000;
        assert_eq!(
            jump(10 * year, 0, 0),
            Some(Jump::Woke { missed_ms: 10 * year, set_ms: 10 * year })
        );
        assert_eq!(jump(-year, 0, 0), Some(Jump::SetBack { by_ms: year }));
    }

    #[test]
    fn waits_shrink_with_the_scale_and_end_within_a_slice() {
        let origin = Clock::real().now().wall.millis();
        let fast = Clock::scaled(origin, 600.0).unwrap();
        // A busy machine lets time pass between the two looks at the clock; hardly each time.
        let waits = (0..50).map(|_| fast.wait_until(fast.now().wall.plus_seconds(300)));
        let wait = waits.max().unwrap_or_default();
        assert!(
            wait <= Duration::from_millis(500) && wait > Duration::from_millis(300),
            "{wait:?}"
        );
        assert_eq!(fast.wait_until(fast.now().wall.plus_seconds(-5)), Duration::ZERO);
        let real = Clock::real();
        assert_eq!(real.wait_until(Utc(i64::MAX)), SLICE);
    }

    #[test]
    fn nonsense_in_the_environment_is_refused() {
        for text in ["", "1", "1:", ":2", "1:nan", "1:-3", "1:0", "x:2", "1:1e300"] {
            assert_eq!(Clock::parse(text), None, "{text}");
        }
        assert!(Clock::parse("1700000000000:600").is_some());
    }
}
