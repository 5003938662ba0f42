//! Urgency by time to the weekly reset, damped at the edges so that a reset time that wanders by seconds flips
//! no decision.

use crate::units::Utc;

/// The tier of an account whose weekly reset is unknown or past.
pub const EXCLUDED: u8 = 4;
/// Upper edges of T0, T1 and T2, hours to the reset; T3 is open.
const EDGES_H: [f64; 3] = [24.0, 48.0, 96.0];
/// Dead band at an edge, minutes.
const DAMPING_MIN: f64 = 5.0;

/// Hours from `now` to `reset`, negative when past.
#[must_use]
pub fn hours_to(reset: Utc, now: Utc) -> f64 {
    // In this order: boundary cases of the recorded behaviour depend on the last bit.
    reset.seconds_since(now) / 3600.0
}

/// The tier without memory. An exact edge belongs to the less urgent side.
#[must_use]
pub fn instant(reset: Option<Utc>, now: Utc) -> u8 {
    let Some(hours) = reset.map(|reset| hours_to(reset, now)) else { return EXCLUDED };
    if hours <= 0.0 {
        EXCLUDED
    } else if hours < EDGES_H[0] {
        0
    } else if hours < EDGES_H[1] {
        1
    } else if hours < EDGES_H[2] {
        2
    } else {
        3
    }
}

/// The tier with the memory of the last one: a step over an edge counts once it is five minutes
/// deep; a jump of several tiers towards less urgent is a real reset and counts at once.
#[must_use]
pub fn damped(reset: Option<Utc>, now: Utc, previous: Option<u8>) -> u8 {
    let current = instant(reset, now);
    let (Some(reset), Some(previous)) = (reset, previous) else { return current };
    if current == EXCLUDED || previous >= EXCLUDED || current == previous {
        return current;
    }
    let hours = hours_to(reset, now);
    let held = if current < previous {
        (EDGES_H[usize::from(current)] - hours) * 60.0 < DAMPING_MIN
    } else {
        current == previous + 1 && (hours - EDGES_H[usize::from(previous)]) * 60.0 <= DAMPING_MIN
    };
    if held { previous } else { current }
}

/// The tier's name in the recorded reasons.
#[must_use]
pub const fn name(tier: u8) -> &'static str {
    match tier {
        0 => "T0 (<24h)",
        1 => "T1 (24-48h)",
        2 => "T2 (48h-4d)",
        3 => "T3 (4-7d)",
        _ => "T?",
    }
}
