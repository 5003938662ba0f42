//! Targets per tier, deficit, headroom, drained, stranding. Percent throughout.

use crate::calendar::Calendar;
use crate::units::Utc;
use crate::window::Window;

/// The T1 target never falls below this.
const T1_FLOOR: f64 = 90.0;
/// At most so much of the week is left for its last day.
const T1_BUFFER: f64 = 10.0;
/// T2 runs ahead of the clock by this.
const T2_LEAD: f64 = 5.0;
/// A short window at or above this is full for landing.
pub const LANDING_LIMIT: f64 = 90.0;
/// A reset this near counts as room (candidate) and mutes the short-window rules (active). One
/// constant for both: were the look-ahead longer, an account admitted for its imminent reset would
/// be thrown out on the next tick.
pub const RESET_LOOKAHEAD_MIN: f64 = 30.0;

/// The long window as targets see it: when it ends, and how long it runs, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// Its end.
    pub reset: Option<Utc>,
    /// Its length.
    pub span_s: f64,
}

/// Elapsed share of the long window, 0 to 1; 1 when expired, `None` without a reset.
#[must_use]
pub fn white_bar(Course { reset, span_s }: Course, now: Utc) -> Option<f64> {
    let start = reset?.plus_seconds(-(span_s as i64));
    Some((now.seconds_since(start) / span_s).clamp(0.0, 1.0))
}

/// The utilisation an account of this tier should have reached by now.
#[must_use]
pub fn target(tier: u8, course: Course, now: Utc, calendar: &Calendar) -> Option<f64> {
    match tier {
        0 => Some(100.0),
        1 => Some(course.reset.map_or(T1_FLOOR, |reset| t1_target(reset, calendar))),
        2 => white_bar(course, now).map(|share| (share * 100.0 + T2_LEAD).min(100.0)),
        3 => white_bar(course, now).map(|share| share * 100.0),
        _ => None,
    }
}

/// The T1 target leaves what the expiry day itself can still burn, at most ten percent.
#[must_use]
pub fn t1_target(reset: Utc, calendar: &Calendar) -> f64 {
    let last_day = calendar
        .midnight_before(reset)
        .map_or(T1_BUFFER, |midnight| calendar.achievable(midnight, reset));
    (100.0 - last_day.min(T1_BUFFER)).max(T1_FLOOR)
}

/// Percent of the week that the working hours until the reset can still burn; 0 when expired.
#[must_use]
pub fn achievable(reset: Option<Utc>, now: Utc, calendar: &Calendar) -> Option<f64> {
    reset.map(|reset| calendar.achievable(now, reset))
}

/// Percent that will expire unused: deficit against the undamped target less what is achievable.
#[must_use]
pub fn stranding(deficit: Option<f64>, achievable: Option<f64>) -> Option<f64> {
    Some((deficit? - achievable?).max(0.0))
}

/// At least one short window's burn fits into what is left of the week.
#[must_use]
pub fn has_weekly_headroom(used: Option<f64>, burn_per_window: f64) -> bool {
    100.0 - used.unwrap_or(0.0) >= burn_per_window
}

/// `reset` lies in the future and at most `minutes` away.
#[must_use]
pub fn resets_within(reset: Option<Utc>, now: Utc, minutes: f64) -> bool {
    reset.is_some_and(|reset| {
        let left = reset.seconds_since(now) / 60.0;
        left > 0.0 && left <= minutes
    })
}

/// The short window has room for landing: below the limit, or its value is from before a reset that
/// has passed, or the reset is at most `lookahead_min` away.
#[must_use]
pub fn has_short_headroom(window: &Window, now: Utc, limit: f64, lookahead_min: f64) -> bool {
    if window.used.map_or(0.0, |used| used.get()) < limit {
        return true;
    }
    window
        .resets_at
        .is_some_and(|reset| reset <= now || reset.seconds_since(now) / 60.0 <= lookahead_min)
}

/// A T0 or T1 account at its target. The other tiers' targets are floors: being above them is
/// the wish, so they are never drained in this sense.
#[must_use]
pub fn drained(tier: u8, used: Option<f64>, target: Option<f64>) -> bool {
    matches!((used, target), (Some(used), Some(target)) if tier <= 1 && used >= target)
}
