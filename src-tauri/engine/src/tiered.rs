//! Policy `tiered`: the departure rule that fires for a lane.

use crate::account::Account;
use crate::burn::Burn;
use crate::choose;
use crate::gates;
use crate::limits::FULL_PERCENT;
use crate::rule::Rule;
use crate::rules::Rules;
use crate::standing::Standing;
use crate::target::{self, RESET_LOOKAHEAD_MIN};
use crate::tier;
use crate::units::Utc;
use crate::window::WindowKind;

/// Preemption: the candidate must stand to lose at least so much, percent.
const PREEMPTION_LEAST: f64 = 5.0;
/// Preemption: and so many times as fast as the active account.
const PREEMPTION_FACTOR: f64 = 1.5;
/// Leaving before full: how long a swap and the look before it may take, minutes.
const REACTION_MIN: f64 = 3.0;
/// Leaving before full: the least margin, percent (one step of what providers report).
const FULL_MARGIN: f64 = 1.0;
/// And the largest: a wild measurement must not give away a good part of a week.
pub(crate) const FULL_MARGIN_MOST: f64 = 3.0;

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    /// The active account.
    pub account: &'a Account,
    /// Its standing.
    pub active: &'a Standing,
    /// The best candidate by pace.
    pub best: Option<&'a Standing>,
    /// The active account's burn record.
    pub burn: Burn,
    /// The model the lane needs.
    pub model: Option<&'a str>,
    /// The rules in force.
    pub rules: &'a Rules,
    /// The instant.
    pub now: Utc,
}

/// The first departure rule that fires.
#[must_use]
pub fn departure(seat: &Seat<'_>) -> Option<Rule> {
    let voluntary = || higher_tier(seat).or_else(|| preemption(seat));
    let forced = || drained(seat).or_else(|| short_critical(seat)).or_else(|| projection(seat));
    refused(seat).or_else(|| {
        if seat.rules.forced_first {
            forced().or_else(voluntary)
        } else {
            voluntary().or_else(forced)
        }
    })
}

/// The account refuses work now, or would bill for it.
fn refused(seat: &Seat<'_>) -> Option<Rule> {
    let rules = seat.rules;
    let shares = choose::shares(seat.active);
    let must = gates::must_leave(seat.account, shares, rules, seat.now);
    if must.is_some() || !rules.react_to_refusals {
        return must;
    }
    if gates::paid(&seat.account.usage, shares, rules) {
        return None;
    }
    let full = |used: Option<f64>| used.is_some_and(|used| used >= FULL_PERCENT);
    let window = if full(seat.active.used) {
        WindowKind::SevenDay
    } else if full(seat.active.short_used()) {
        WindowKind::FiveHour
    } else {
        let full = |model: &&str| model_full(seat.account, model, seat.now, rules);
        WindowKind::named(seat.model.filter(full)?)
    };
    Some(Rule::Refused { window })
}

/// The model's weekly window of this account is used up at `now`.
#[must_use]
pub fn model_full(account: &Account, model: &str, now: Utc, rules: &Rules) -> bool {
    rules.model_windows
        && account.usage.models().any(|(name, window)| {
            let used = || account.usage.shown(&window.kind, now).used;
            same_model(name, model) && used().is_some_and(|used| used.get() >= FULL_PERCENT)
        })
}

/// Providers write `Fable`, tools `claude-fable-5`: one contains the other.
fn same_model(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
    !left.is_empty() && !right.is_empty() && (left.contains(&right) || right.contains(&left))
}

fn higher_tier(seat: &Seat<'_>) -> Option<Rule> {
    let best = seat.best?;
    let emerged = best.tier < tier::EXCLUDED && best.tier < seat.active.tier;
    if !emerged || seat.rules.value_before_tier && !worth_more(seat, best) {
        return None;
    }
    Some(Rule::HigherTier { best: best.tier, active: seat.active.tier })
}

/// The candidate stands to lose clearly more per hour than the active account.
fn worth_more(seat: &Seat<'_>, best: &Standing) -> bool {
    if seat.active.tier == tier::EXCLUDED {
        return true;
    }
    best.loss_rate >= PREEMPTION_FACTOR * seat.active.loss_rate
        && 100.0 - best.used.unwrap_or(0.0) >= PREEMPTION_LEAST
}

fn preemption(seat: &Seat<'_>) -> Option<Rule> {
    let best = seat.best?;
    let same = best.tier == seat.active.tier && best.tier < tier::EXCLUDED;
    if !same || best.tier > 0 && !seat.rules.preempt_within_tier {
        return None;
    }
    let (soon, late) = (best.hours(seat.now)?, seat.active.hours(seat.now)?);
    if soon <= 0.0 || soon >= late {
        return None;
    }
    let losing = 100.0 - best.used.unwrap_or(0.0);
    let kept = 100.0 - seat.active.used.unwrap_or(0.0);
    let faster = losing / soon >= PREEMPTION_FACTOR * (kept / late);
    (losing >= PREEMPTION_LEAST && faster).then_some(Rule::Preemption {
        tier: best.tier,
        best: (losing, soon),
        active: (kept, late),
    })
}

fn drained(seat: &Seat<'_>) -> Option<Rule> {
    let (active, rules) = (seat.active, seat.rules);
    let used = active.used?;
    if target::drained(active.tier, active.used, active.target) {
        return Some(Rule::Drained { used, target: active.target? });
    }
    let brim = if rules.leave_before_full {
        let burned = seat.burn.seven_day * REACTION_MIN;
        FULL_PERCENT - burned.clamp(FULL_MARGIN, FULL_MARGIN_MOST)
    } else {
        FULL_PERCENT
    };
    let guarded = rules.leave_full_week || rules.leave_before_full && active.tier <= 1;
    (guarded && used >= brim).then_some(Rule::Drained { used, target: brim })
}

/// The 5-hour rules are muted: the active account's window resets soon (and, where the rules say
/// so, lasts until then at the measured rate).
fn muted(seat: &Seat<'_>) -> bool {
    let reset = seat.active.short.resets_at;
    if !target::resets_within(reset, seat.now, RESET_LOOKAHEAD_MIN) {
        return false;
    }
    if !seat.rules.mute_while_it_lasts {
        return true;
    }
    let minutes = reset.map_or(0.0, |reset| reset.seconds_since(seat.now) / 60.0);
    let used = seat.active.short_used().unwrap_or(0.0);
    used + seat.burn.five_hour * minutes < FULL_PERCENT - FULL_MARGIN
}

fn short_critical(seat: &Seat<'_>) -> Option<Rule> {
    let used = seat.active.short_used()?;
    let mut critical = seat.active.critical;
    if seat.rules.leave_before_full {
        // What would be full before a swap is done is critical, whatever its line.
        let brim = FULL_PERCENT - seat.burn.five_hour * REACTION_MIN;
        critical = critical.min(brim.max(seat.rules.warning));
    }
    (used >= critical && !muted(seat)).then_some(Rule::ShortCritical { used, critical })
}

fn projection(seat: &Seat<'_>) -> Option<Rule> {
    let used = seat.active.short_used()?;
    let rate = seat.burn.five_hour;
    if used < seat.rules.warning || rate <= 0.0 || muted(seat) {
        return None;
    }
    let minutes = (2.0 * (seat.rules.check_interval_s / 60.0)).max(1.0);
    let reached = (seat.active.critical - used).max(0.0) / rate <= minutes;
    reached.then_some(Rule::Projection { used, projected: used + rate * minutes, minutes })
}
