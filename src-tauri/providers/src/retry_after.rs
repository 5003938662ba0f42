//! `Retry-After`: seconds, a date, or nonsense. It always ends in a bounded wait.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sluice_engine::Utc;

/// Longest wait a header can impose: providers send up to an hour, and a margin.
const CAP_S: u64 = 75 * 60;
/// Seconds a provider asked us to stay away, within 0 … 75 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RetryAfter(u64);

impl RetryAfter {
    /// Reads a header value. A date counts from `now`; a past one is zero; what is neither a number
    /// nor a date was not said.
    #[must_use]
    pub fn parse(value: &[u8], now: Utc) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        if text.is_empty() {
            return None;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit is still a number, and a long one.
            return Some(Self(text.parse::<u64>().unwrap_or(u64::MAX).min(CAP_S)));
        }
        if let Ok(seconds) = text.parse::<f64>() {
            return seconds.is_finite().then(|| Self::from_seconds(seconds));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        let until = Utc::from_seconds(until.timestamp());
        Some(Self::from_seconds(until.seconds_since(now)))
    }

    /// From seconds, fractions rounded up, clamped to the bounds.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        // The cast takes what is negative or not a number to zero.
        Self(seconds.ceil().min(CAP_S as f64) as u64)
    }

    /// The seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Utc = Utc::from_seconds(1_795_262_400);

    fn seconds(text: &str) -> Option<u64> {
        RetryAfter::parse(text.as_bytes(), NOON).map(RetryAfter::seconds)
    }

    #[test]
    fn every_spelling_ends_in_a_bounded_wait() {
        assert_eq!(seconds("3187"), Some(3187));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("1.5"), Some(2));
        assert_eq!(seconds("Sat, 21 Nov 2026 12:20:00 GMT"), Some(1200));
        assert_eq!(seconds("Sat, 21 Nov 2026 11:20:00 GMT"), Some(0), "past");
        assert_eq!(seconds("-5"), Some(0));
        assert_eq!(seconds("99999999999999999999999999"), Some(CAP_S));
        assert_eq!(seconds("1e300"), Some(CAP_S));
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), Some(CAP_S));
        for unsaid in ["", "soon", "NaN", "inf", "Sat, 99 Nov 2026", "\u{feff}"] {
            assert_eq!(seconds(unsaid), None, "{unsaid}");
        }
        assert_eq!(RetryAfter::parse(&[0xff, 0xfe], NOON), None);
    }
}
