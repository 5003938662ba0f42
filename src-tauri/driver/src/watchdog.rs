//! Watches the loop from a plain thread, so that a wedged runtime is seen by something that is not
//! part of it.

use crate::clock::awake_ms;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// The loop beats at least once per [`crate::clock::SLICE`]; this much later it is suspect.
const SUSPECT_MS: i64 = 75_000;
/// And this much later it is wedged: the process ends loudly, so that its keeper starts it anew.
const WEDGED_MS: i64 = 90_000;
/// How often the thread looks.
const LOOK: Duration = Duration::from_secs(5);

/// The loop's heartbeat; cheap to clone.
#[derive(Clone, Debug)]
pub struct Heart {
    beat: Arc<AtomicI64>,
    stopped: Arc<AtomicBool>,
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

impl Heart {
    /// A heart that has just beaten.
    #[must_use]
    pub fn new() -> Self {
        Self { beat: Arc::new(AtomicI64::new(awake_ms())), stopped: Arc::default() }
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
            late if late >= WEDGED_MS => Pulse::Wedged,
            late if late >= SUSPECT_MS => Pulse::Suspect,
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
                std::thread::park_timeout(LOOK);
                match heart.pulse(awake_ms()) {
                    Pulse::Beating => {}
                    Pulse::Suspect => tracing::warn!("the loop is late"),
                    Pulse::Wedged => {
                        tracing::error!(
                            "the loop is wedged; ending so that it can be started anew"
                        );
                        // The journal makes an abrupt end safe at any instant.
                        std::process::abort();
                    }
                }
            }
        })?;
        Ok(())
    }
}

impl Default for Heart {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_that_stops_is_suspect_and_then_wedged() {
        let heart = Heart::new();
        let now = awake_ms();
        assert_eq!(heart.pulse(now), Pulse::Beating);
        assert_eq!(heart.pulse(now + 60_000), Pulse::Beating);
        assert_eq!(heart.pulse(now + SUSPECT_MS + 10), Pulse::Suspect);
        assert_eq!(heart.pulse(now + WEDGED_MS + 10), Pulse::Wedged);
        heart.beat();
        assert_eq!(heart.pulse(awake_ms()), Pulse::Beating);
    }
}
