//! Watches the loop from a plain thread: a runtime that stands still cannot watch itself.

use crate::clock::awake_ms;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// When a heart that does not beat is late and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// It is suspect after so many milliseconds.
    pub suspect_ms: i64,
    /// It is wedged after so many milliseconds: the process starts itself anew.
    pub wedged_ms: i64,
    /// How often the thread looks.
    pub look: Duration,
}

impl Default for Limits {
    /// The loop beats at least once per [`crate::clock::SLICE`].
    fn default() -> Self {
        Self { suspect_ms: 70_000, wedged_ms: 85_000, look: Duration::from_secs(5) }
    }
}

/// Restarts of one day.
const RESTARTS_MAX: u32 = 3;
/// Carries the day and the number of restarts into the fresh process.
const RESTARTS_VARIABLE: &str = "SLUICE_RESTARTS";
/// The loop's heartbeat; cheap to clone.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    beat: Arc<AtomicI64>,
    stopped: Arc<AtomicBool>,
    limits: Limits,
}

/// How a heart does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// It beats.
    Beating,
    /// It is late.
    Suspect,
    /// It has stopped beating.
    Wedged,
}

impl Heartbeat {
    /// A heart that has just beaten.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { beat: Arc::new(AtomicI64::new(awake_ms())), stopped: Arc::default(), limits }
    }

    /// The loop is alive.
    pub fn beat(&self) {
        self.beat.store(awake_ms(), Ordering::Release);
    }

    /// The loop has ended as it should.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// How it does at this moment (milliseconds of [`awake_ms`]).
    #[must_use]
    pub fn pulse(&self, now_ms: i64) -> Pulse {
        match now_ms.saturating_sub(self.beat.load(Ordering::Acquire)) {
            late if late >= self.limits.wedged_ms => Pulse::Wedged,
            late if late >= self.limits.suspect_ms => Pulse::Suspect,
            _ => Pulse::Beating,
        }
    }

    /// Starts the thread that looks.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(&self) -> std::io::Result<()> {
        let heart = self.clone();
        std::thread::Builder::new().name("sluice-watchdog".to_owned()).spawn(move || {
            while !heart.stopped.load(Ordering::Acquire) {
                std::thread::park_timeout(heart.limits.look);
                match heart.pulse(awake_ms()) {
                    Pulse::Beating => {}
                    Pulse::Suspect => tracing::warn!("the loop is late"),
                    Pulse::Wedged => begin_anew(),
                }
            }
        })?;
        Ok(())
    }
}

/// Replaces this process by a fresh one of itself, at most [`RESTARTS_MAX`] times a day; then ends
/// it. The journal makes an abrupt end safe at any instant.
fn begin_anew() -> ! {
    use std::os::unix::process::CommandExt as _;
    let day = crate::clock::Clock::real().now().wall.millis().div_euclid(86_400_000);
    let before = std::env::var(RESTARTS_VARIABLE).ok();
    match (next_restart(before.as_deref(), day), std::env::current_exe()) {
        (Some(count), Ok(program)) => {
            tracing::error!(%count, "the loop is wedged; starting anew");
            let failed = std::process::Command::new(program)
                .args(std::env::args_os().skip(1))
                .env(RESTARTS_VARIABLE, count)
                .exec();
            tracing::error!(%failed, "starting anew failed");
        }
        (None, _) => tracing::error!("the loop was wedged {RESTARTS_MAX} times today; giving up"),
        (Some(_), Err(error)) => {
            tracing::error!(%error, "the loop is wedged and its program is gone")
        }
    }
    std::process::abort();
}

/// The counter for the next restart of this day; `None` when there were enough.
fn next_restart(before: Option<&str>, day: i64) -> Option<String> {
    let counted = before.and_then(|text| {
        let (on, count) = text.split_once(':')?;
        (on.parse::<i64>().ok()? == day).then(|| count.parse::<u32>().ok())?
    });
    let count = counted.unwrap_or(0);
    (count < RESTARTS_MAX).then(|| format!("{day}:{}", count + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_restarts_a_day_and_then_none() {
        let mut counter = None;
        for _ in 0..RESTARTS_MAX {
            counter = Some(next_restart(counter.as_deref(), 20_000).unwrap());
        }
        assert_eq!(next_restart(counter.as_deref(), 20_000), None);
        assert_eq!(next_restart(counter.as_deref(), 20_001).as_deref(), Some("20001:1"));
        assert_eq!(next_restart(Some("nonsense"), 7).as_deref(), Some("7:1"));
    }

    #[test]
    fn a_heart_that_stops_is_suspect_and_then_wedged() {
        let limits = Limits::default();
        assert!(limits.wedged_ms + limits.look.as_millis() as i64 <= 90_000, "within 90 s");
        let heart = Heartbeat::new(limits);
        let now = awake_ms();
        assert_eq!(heart.pulse(now), Pulse::Beating);
        assert_eq!(heart.pulse(now + 60_000), Pulse::Beating);
        assert_eq!(heart.pulse(now + limits.suspect_ms + 10), Pulse::Suspect);
        assert_eq!(heart.pulse(now + limits.wedged_ms + 10), Pulse::Wedged);
        heart.beat();
        assert_eq!(heart.pulse(awake_ms()), Pulse::Beating);
    }
}
