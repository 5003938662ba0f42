//! A circuit breaker per account: after three refused logins in a row it opens, and lets one probe through
//! at a time until something succeeds. Otherwise every run would try a login that is known to be refused.

use crate::units::Utc;
use serde::{Deserialize, Serialize};

/// Refusals in a row that open it.
pub const THRESHOLD: u32 = 3;
/// First pause; each further failed probe doubles it.
pub const PAUSE_SECONDS: i64 = 30;
/// Longest pause.
pub const PAUSE_MAX_SECONDS: i64 = 300;
/// A probe that has not answered by then no longer keeps the next one out.
pub const PROBE_SECONDS: i64 = 10;

/// Memory of one account's refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// Refusals in a row.
    pub failures: u32,
    /// Closed to everything until then.
    pub open_until: Option<Utc>,
    /// A probe is under way until then at the latest.
    pub probe_until: Option<Utc>,
}

/// What the breaker says to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Closed: go on.
    Pass,
    /// Half open, and this start is the probe.
    Probe,
    /// Open, or another probe is under way.
    Wait {
        /// Until then.
        until: Utc,
    },
}

impl Breaker {
    /// Asks for a start; a granted probe is remembered.
    pub fn admit(&mut self, now: Utc) -> Admit {
        let Some(open_until) = self.open_until else { return Admit::Pass };
        if now < open_until {
            return Admit::Wait { until: open_until };
        }
        if let Some(until) = self.probe_until.filter(|until| now < *until) {
            return Admit::Wait { until };
        }
        self.probe_until = Some(now.plus_seconds(PROBE_SECONDS));
        Admit::Probe
    }

    /// Until when nothing may start, without asking for a start; `None` when one would be granted.
    #[must_use]
    pub fn closed_until(&self, now: Utc) -> Option<Utc> {
        let open = self.open_until?;
        let probing = self.probe_until.filter(|until| now < *until);
        if now < open { Some(open) } else { probing }
    }

    /// A login was refused.
    pub fn failed(&mut self, now: Utc) {
        self.failures = self.failures.saturating_add(1);
        self.probe_until = None;
        if self.failures >= THRESHOLD {
            let doublings = (self.failures - THRESHOLD).min(8);
            let pause = (PAUSE_SECONDS << doublings).min(PAUSE_MAX_SECONDS);
            self.open_until = Some(now.plus_seconds(pause));
        }
    }

    /// Something succeeded: everything is forgotten.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Utc = Utc::from_seconds(1_790_000_000);

    #[test]
    fn pauses_double_from_thirty_seconds_to_five_minutes() {
        let mut breaker = Breaker::default();
        for _ in 1..THRESHOLD {
            breaker.failed(T0);
            assert_eq!(breaker.admit(T0), Admit::Pass);
        }
        let mut now = T0;
        for pause in [30, 60, 120, 240, 300, 300, 300] {
            breaker.failed(now);
            let until = now.plus_seconds(pause);
            assert_eq!(breaker.admit(until.plus_seconds(-1)), Admit::Wait { until });
            assert_eq!(breaker.admit(until), Admit::Probe);
            now = until;
        }
    }

    #[test]
    fn one_probe_at_a_time() {
        let mut breaker = Breaker::default();
        (0..THRESHOLD).for_each(|_| breaker.failed(T0));
        let half_open = T0.plus_seconds(PAUSE_SECONDS);
        assert_eq!(breaker.closed_until(half_open), None);
        assert_eq!(breaker.admit(half_open), Admit::Probe);
        let until = half_open.plus_seconds(PROBE_SECONDS);
        assert_eq!(breaker.admit(half_open.plus_seconds(1)), Admit::Wait { until });
        assert_eq!(breaker.closed_until(half_open.plus_seconds(1)), Some(until));
        assert_eq!(breaker.admit(until), Admit::Probe, "a lost probe does not block for ever");
        breaker.succeeded();
        assert_eq!(breaker.admit(until), Admit::Pass);
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let mut breaker = Breaker { failures: u32::MAX - 1, ..Breaker::default() };
        breaker.failed(T0);
        breaker.failed(T0);
        assert_eq!(breaker.open_until, Some(T0.plus_seconds(PAUSE_MAX_SECONDS)));
    }
}
