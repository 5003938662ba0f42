//! What a window's numbers mean at an instant: a share from before a reset is no share of the new window.

use crate::json::{Odd, Oddity};
use sluice_engine::limits::FULL_PERCENT;
use sluice_engine::{Usage, Utc, Window, WindowKind, span};

/// A window that moved on by less than this is the same window: providers jitter by two seconds.
const ROLLOVER_MIN_S: f64 = 60.0;

/// How far a window is at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is known of it.
    Unknown,
    /// It exists and its span has not begun.
    NotStarted,
    /// Its span runs.
    Running,
    /// Its end has passed since the reading: the number says nothing any more.
    Elapsed,
}

/// How far `window` is at `now`.
#[must_use]
pub fn phase_at(window: &Window, now: Utc) -> Phase {
    match (window.used, window.resets_at) {
        (_, Some(end)) if end <= now => Phase::Elapsed,
        (None, None) => Phase::Unknown,
        (Some(used), None) if used.get() == 0.0 => Phase::NotStarted,
        _ => Phase::Running,
    }
}

/// `window` with a number whose span has ended taken as unknown: never "limited until the past".
#[must_use]
pub fn settled(window: &Window, now: Utc) -> Window {
    match phase_at(window, now) {
        Phase::Elapsed => Window::default(),
        _ => *window,
    }
}

/// An answer may be this late for an end that it names, seconds.
const PASSED_MAX_S: f64 = 3_600.0;

/// Ends that cannot be, in an answer of `at`: one further ahead than any window runs is unknown, and both
/// kinds are told.
pub fn mind_ends(usage: &mut Usage, at: Utc, oddities: &mut Vec<Oddity>) {
    let kinds: Vec<WindowKind> = usage.windows().map(|metered| metered.kind.clone()).collect();
    for kind in kinds {
        let window = usage.of_kind(&kind);
        let Some(left) = window.resets_at.map(|end| end.seconds_since(at)) else { continue };
        let far = left > span::MOST_S;
        if far {
            window.resets_at = None;
        }
        if far || left < -PASSED_MAX_S {
            let path = format!("{}.resets_at", kind.label());
            oddities.push(Oddity { path: crate::json::clean(&path), odd: Odd::OutOfRange });
        }
    }
}

/// Whether `window` is used up at `now`; `None` when that is unknown.
#[must_use]
pub fn exhausted(window: &Window, now: Utc) -> Option<bool> {
    settled(window, now).used.map(|used| used.get() >= FULL_PERCENT)
}

/// Whether the account as a whole is out at `now`. A full window of one model is not.
#[must_use]
pub fn account_limited(usage: &Usage, now: Utc) -> bool {
    [usage.short(), usage.long()].iter().any(|window| exhausted(window, now) == Some(true))
}

/// Whether `later` is another span than `earlier`, not the same with a jittered end.
#[must_use]
pub fn rolled_over(earlier: &Window, later: &Window) -> bool {
    match (earlier.resets_at, later.resets_at) {
        (Some(before), Some(after)) => after.seconds_since(before) >= ROLLOVER_MIN_S,
        _ => false,
    }
}
