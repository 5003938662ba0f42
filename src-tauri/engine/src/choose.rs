//! Filters: why an account cannot be chosen. The first reason that holds is the one that is shown.

use crate::account::Account;
use crate::decision::Refusal;
use crate::gates::{self, Shares};
use crate::limits::{FULL_PERCENT, TIERED_SCRAP_PERCENT};
use crate::memory::Memory;
use crate::rules::Rules;
use crate::standing::{Inputs, Standing, single_stranding};
use crate::target::{self, Course, LANDING_LIMIT, RESET_LOOKAHEAD_MIN};
use crate::tier;
use crate::units::{Percent, Utc};
use crate::usage::Usage;
use crate::window::{Window, WindowKind};

/// A T0 account this far behind may be chosen although less than one window's burn is left.
const LAST_SLICE: f64 = 1.0;
/// Landing stays this far below the line of departure.
const LANDING_MARGIN: f64 = 10.0;
/// A second-best refuge still has this much.
const LAST_ROOM: f64 = 3.0;

/// A refuge with room to work in.
pub const REFUGE_ROOMY: u8 = 0;
/// A refuge with little room.
pub const REFUGE_TIGHT: u8 = 1;
/// A refuge of which nothing is known.
pub const REFUGE_UNKNOWN: u8 = 2;
/// A refuge that bills money under the ceiling.
pub const REFUGE_PAID: u8 = 3;

/// One account's standing.
#[must_use]
pub fn standing(
    slot: usize,
    account: &Account,
    memory: Option<&Memory>,
    inputs: &Inputs<'_>,
    burn_per_window: f64,
) -> Standing {
    let (rules, now, usage) = (inputs.rules, inputs.now, &account.usage);
    let reset = usage.long().resets_at;
    let tier = tier::damped(reset, now, memory.and_then(|memory| memory.tier));
    let used = counted(&WindowKind::SevenDay, usage, memory, rules, now);
    let short_used = counted(&WindowKind::FiveHour, usage, memory, rules, now);
    let course = Course { reset, span_s: usage.span_s(&WindowKind::SevenDay) };
    let target = target::target(tier, course, now, inputs.calendar);
    let stale = rules.distrust_after_jump
        && inputs
            .distrust_before
            .is_some_and(|since| usage.observed_at.is_none_or(|observed| observed <= since));
    let room = 100.0 - used.unwrap_or(0.0);
    let hours = reset.map_or(f64::MAX, |reset| tier::hours_to(reset, now));
    let mut standing = Standing {
        slot,
        id: account.id,
        provider: account.provider,
        position: account.position,
        tier,
        short: Window {
            used: short_used.and_then(Percent::new),
            // Past resets are in the share already; they say nothing of a later reading.
            resets_at: usage
                .short()
                .resets_at
                .filter(|reset| !rules.refetch_past_reset || *reset > now),
        },
        used,
        reset,
        target,
        deficit: target.zip(used).map(|(target, used)| target - used),
        stranding: if rules.joint_stranding {
            None
        } else {
            single_stranding(used, course, now, inputs.calendar)
        },
        loss_rate: if hours > 0.0 { room / hours } else { 0.0 },
        critical: account.plan.critical().max(rules.critical),
        refusal: Refusal::Eligible,
        refuge: None,
        stale,
        occupied: false,
    };
    standing.refusal = refusal(account, &standing, rules, now, burn_per_window);
    standing.refuge = refuge(account, &standing, rules, now);
    standing
}

/// The share of a window that counts now: full while a refusal stands, and (where the rules say so)
/// empty once its reset has passed since the value was read.
fn counted(
    kind: &WindowKind,
    usage: &Usage,
    memory: Option<&Memory>,
    rules: &Rules,
    now: Utc,
) -> Option<f64> {
    if rules.react_to_refusals && memory.is_some_and(|memory| memory.refuses(kind, now)) {
        return Some(FULL_PERCENT);
    }
    let used = if rules.refetch_past_reset {
        usage.shown(kind, now).used
    } else {
        usage.window(kind).used
    };
    used.map(Percent::get)
}

/// The 5-hour and the weekly share that count now, percent.
#[must_use]
pub fn shares(standing: &Standing) -> Shares {
    Shares { short: standing.short_used(), week: standing.used }
}

/// The first filter by pace that rejects the account, in the recorded order.
fn refusal(
    account: &Account,
    standing: &Standing,
    rules: &Rules,
    now: Utc,
    burn_per_window: f64,
) -> Refusal {
    let refused = gates::refused(account, shares(standing), rules, now);
    if refused != Refusal::Eligible {
        return refused;
    }
    if standing.tier == tier::EXCLUDED {
        cov_mark::hit!(no_reset);
        return Refusal::NoReset;
    }
    let Some(deficit) = standing.deficit else {
        cov_mark::hit!(usage_unknown);
        return Refusal::UsageUnknown;
    };
    if deficit <= 0.0 {
        cov_mark::hit!(not_behind);
        return Refusal::NotBehind;
    }
    let last_slice = standing.tier == 0 && deficit >= LAST_SLICE;
    if !target::has_weekly_headroom(standing.used, burn_per_window) && !last_slice {
        cov_mark::hit!(no_weekly_headroom);
        return Refusal::NoWeeklyHeadroom;
    }
    let (limit, lookahead) = landing(standing, rules);
    if !target::has_short_headroom(&standing.short, now, limit, lookahead) {
        cov_mark::hit!(no_short_headroom);
        return Refusal::NoShortHeadroom;
    }
    if standing.stale {
        cov_mark::hit!(stale);
        return Refusal::Stale;
    }
    Refusal::Eligible
}

/// Landing limit of the 5-hour window and the look-ahead to its reset, percent and minutes.
fn landing(standing: &Standing, rules: &Rules) -> (f64, f64) {
    if rules.land_on_room_only {
        (standing.critical - LANDING_MARGIN, 0.0)
    } else {
        (LANDING_LIMIT, RESET_LOOKAHEAD_MIN)
    }
}

/// How good a refuge the account is for a lane that must leave its own.
fn refuge(account: &Account, standing: &Standing, rules: &Rules, now: Utc) -> Option<u8> {
    let shares = shares(standing);
    if !rules.rescue || gates::refused(account, shares, rules, now) != Refusal::Eligible {
        return None;
    }
    if gates::paid(&account.usage, shares, rules) {
        return Some(REFUGE_PAID);
    }
    // A window that is not open has no number and all its room.
    let short = standing.short_used().unwrap_or(0.0);
    let lacks_week = account.usage.lacks(&WindowKind::SevenDay);
    // A week that the plan does not have limits nothing; one that nobody spoke of may.
    let Some(used) = standing.used.or(lacks_week.then_some(0.0)) else {
        return (short <= FULL_PERCENT - LAST_ROOM).then_some(REFUGE_UNKNOWN);
    };
    let (limit, lookahead) = landing(standing, rules);
    if used <= FULL_PERCENT - TIERED_SCRAP_PERCENT
        && target::has_short_headroom(&standing.short, now, limit, lookahead)
    {
        Some(REFUGE_ROOMY)
    } else if used < FULL_PERCENT && short <= FULL_PERCENT - LAST_ROOM {
        Some(REFUGE_TIGHT)
    } else {
        None
    }
}
