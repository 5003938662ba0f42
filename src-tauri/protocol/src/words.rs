//! Spans of time as people read them, so that tray, window and command line say the same.

use sluice_engine::Utc;

/// The time from `now` to `at` in words (`2 h 5 min`).
#[must_use]
pub fn span(now: Utc, at: Utc) -> String {
    let minutes = (at.seconds_since(now) / 60.0).max(0.0) as i64;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
