//! Spans of time and shares as people read them, so that tray, window and command line say the same. The
//! window has code of its own in `ui/src/format.ts`; its tests read what is told here.

use crate::WindowView;
use sluice_engine::Utc;

const MINUTE_MS: i64 = 60_000;

/// A wait of so many milliseconds in its two largest units: `4 min`, `2 h 10 min`, `3 d 4 h`. Begun
/// minutes count, so that nobody comes back too early.
#[must_use]
pub fn wait(millis: i64) -> String {
    units(millis.saturating_add(MINUTE_MS - 1).div_euclid(MINUTE_MS).max(1))
}

/// The time from `now` to `at`, as [`wait`].
#[must_use]
pub fn span(now: Utc, at: Utc) -> String {
    wait(at.0.saturating_sub(now.0).saturating_add(999).div_euclid(1_000))
}

/// How long ago something was: `3 min ago`, `just now`. Begun minutes do not count.
#[must_use]
pub fn ago(millis: i64) -> String {
    match millis.div_euclid(MINUTE_MS) {
        ..=0 => "just now".to_owned(),
        minutes => format!("{} ago", units(minutes)),
    }
}

/// A share of so many percent: `42 %`, or a dash for what is unknown.
#[must_use]
pub fn percent(share: impl Into<Option<f64>>) -> String {
    share.into().map_or_else(|| "–".to_owned(), |share| format!("{} %", share.round() as i64))
}

/// A window's share as it counts now: `42 %`, or `≈ 0 %` where it emptied and was not read since.
#[must_use]
pub fn share(window: WindowView, now_ms: i64) -> String {
    let window = window.at(now_ms);
    let about = if window.emptied_at_ms.is_some() { "≈ " } else { "" };
    format!("{about}{}", percent(window.used))
}

fn units(minutes: i64) -> String {
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(i64, &str, &str); 9] = [
        (-1, "1 min", "just now"),
        (0, "1 min", "just now"),
        (1, "1 min", "just now"),
        (60_000, "1 min", "1 min ago"),
        (60_001, "2 min", "1 min ago"),
        (3_600_000, "1 h", "1 h ago"),
        (7_799_999, "2 h 10 min", "2 h 9 min ago"),
        (86_400_000, "1 d", "1 d ago"),
        (273_600_000, "3 d 4 h", "3 d 4 h ago"),
    ];

    #[test]
    fn a_share_is_told_in_whole_percent_and_unknown_is_a_dash() {
        let told = [(0.0, "0 %"), (0.4, "0 %"), (2.5, "3 %"), (42.0, "42 %"), (99.5, "100 %")];
        for (value, text) in told {
            assert_eq!(percent(value), text);
        }
        assert_eq!(percent(None), "–");
    }

    #[test]
    fn a_window_past_its_reset_is_empty_and_says_so() {
        let window = WindowView {
            used: Some(100.0),
            resets_at_ms: Some(60_000),
            read_at_ms: Some(0),
            ..WindowView::default()
        };
        assert_eq!(share(window, 59_000), "100 %");
        assert_eq!(share(window, 61_000), "≈ 0 %");
        let newer = WindowView { read_at_ms: Some(60_500), ..window };
        assert_eq!(share(newer, 61_000), "100 %", "what was read after the reset counts");
    }

    #[test]
    fn no_wait_is_told_shorter_and_no_age_longer() {
        for (millis, waits, passed) in CASES {
            assert_eq!(wait(millis), waits, "{millis}");
            assert_eq!(ago(millis), passed, "{millis}");
            let (now, at) = (Utc::from_millis(5), Utc::from_millis(5 + millis));
            assert_eq!(span(now, at), waits, "{millis}");
        }
        assert_eq!(span(Utc(0), Utc(60_000_001)), "2 min", "a microsecond over");
    }
}
