//! When usage is read under `tiered`: urgency, clamps, staleness and backoff. Seconds throughout.

use crate::account::{Account, Login};
use crate::decision::Refusal;
use crate::memory::Memory;
use crate::policy::Wish;
use crate::rules::Rules;
use crate::standing::Standing;
use crate::survey::Survey;
use crate::target::LANDING_LIMIT;
use crate::units::{AccountId, Percent, Utc};
use crate::window::WindowKind;
use crate::world::World;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// How soon the active account's windows may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nothing near.
    Idle,
    /// Past half.
    Normal,
    /// Past the warning, or critical within a quarter of an hour.
    Warning,
    /// Critical, or so within five minutes.
    Critical,
}

/// Intervals by urgency as first recorded: idle, normal, warning, critical.
pub const INTERVALS_RECORDED_S: [f64; 4] = [300.0, 150.0, 90.0, 65.0];
/// The later record's, which a budget of 20 requests per hour can sustain.
pub const INTERVALS_S: [f64; 4] = [300.0, 300.0, 240.0, 180.0];

/// Longest interval while a T0 candidate waits.
const T0_CLAMP_S: f64 = 90.0;
/// And while its full 5-hour window is about to empty.
const T0_RESET_CLAMP_S: f64 = 60.0;
/// A parked account's numbers are read again when this old.
const STALE_S: f64 = 600.0;
/// A refused login is tried again this often.
const REFUSED_LOGIN_S: f64 = 1800.0;
/// No two requests nearer than this, whatever the urgency.
pub(crate) const FLOOR_S: f64 = 60.0;
/// Past half the budget the rest is spread evenly.
const SPREAD_S: f64 = 180.0;
/// Requests of an hour that may follow urgency alone.
const BURST: usize = 10;
/// First pause after an unreachable endpoint; doubles with each failure.
const UNREACHABLE_FIRST_S: f64 = 60.0;
/// Longest such pause.
const UNREACHABLE_CAP_S: f64 = 600.0;
/// First pause after a 429, doubling, and its cap where the server asks for less.
const THROTTLE_FIRST_S: u64 = 180;
const THROTTLE_CAP_S: u64 = 900;
/// The most a `Retry-After` may ask for.
const RETRY_AFTER_CAP_S: u64 = 6 * 3600;

/// Urgency of an active account: shares in percent, rate in percent per minute.
#[must_use]
pub fn urgency(short: Option<f64>, week: Option<f64>, rate: f64, critical: f64) -> Urgency {
    let short = short.unwrap_or(0.0);
    let mut urgency = if short > 85.0 {
        Urgency::Critical
    } else if short > 70.0 {
        Urgency::Warning
    } else if short > 50.0 {
        Urgency::Normal
    } else {
        Urgency::Idle
    };
    if rate > 0.01 {
        let minutes = ((critical - short) / rate).max(0.0);
        if minutes <= 5.0 {
            urgency = Urgency::Critical;
        } else if minutes <= 15.0 {
            urgency = urgency.max(Urgency::Warning);
        }
    }
    if week.is_some_and(|week| week > 80.0) { raised(urgency) } else { urgency }
}

const fn raised(urgency: Urgency) -> Urgency {
    match urgency {
        Urgency::Idle => Urgency::Normal,
        Urgency::Normal => Urgency::Warning,
        Urgency::Warning | Urgency::Critical => Urgency::Critical,
    }
}

/// The interval in seconds, shortened for T0 candidates that wait to be drained; the active account
/// is none.
#[must_use]
pub fn clamped(interval: f64, survey: &Survey, active: Option<AccountId>, rules: &Rules) -> f64 {
    shortest(interval, survey, rules, |standing| Some(standing.id) == active)
}

fn shortest(
    interval: f64,
    survey: &Survey,
    rules: &Rules,
    active: impl Fn(&Standing) -> bool,
) -> f64 {
    let mut shortest = interval;
    for standing in survey.standings.iter().filter(|standing| !active(standing)) {
        if !waits_for_draining(standing) {
            continue;
        }
        shortest = shortest.min(T0_CLAMP_S);
        let full = standing.short_used().is_some_and(|used| used >= LANDING_LIMIT);
        let empties = standing.short.resets_at.is_some_and(|reset| {
            let left = reset.seconds_since(survey.now);
            // The candidate itself has shortened the interval, its reset or not.
            left > 0.0 && left <= if rules.await_reset { INTERVALS_S[0] } else { shortest }
        });
        if full && empties {
            shortest = shortest.min(T0_RESET_CLAMP_S);
        }
    }
    shortest
}

fn waits_for_draining(standing: &Standing) -> bool {
    let open = match standing.refusal {
        Refusal::Eligible
        | Refusal::NoWeeklyHeadroom
        | Refusal::NoShortHeadroom
        | Refusal::Stale => true,
        Refusal::Active
        | Refusal::Disabled
        | Refusal::Failing
        | Refusal::NeedsSignIn
        | Refusal::NoCredential
        | Refusal::NotAutomatic
        | Refusal::NoReset
        | Refusal::UsageUnknown
        | Refusal::NotBehind
        | Refusal::Skipped
        | Refusal::ModelExhausted
        | Refusal::WouldBill
        | Refusal::Blocked
        | Refusal::Outranked => false,
    };
    open && standing.tier == 0 && standing.deficit.is_some_and(|deficit| deficit > 0.0)
}

/// A parked account's numbers say something that is no longer true: a full 5-hour window whose
/// reset has passed, no weekly reset, or one that has passed since.
#[must_use]
pub fn outdated(account: &Account, now: Utc) -> bool {
    let usage = &account.usage;
    let full = usage.short().used.is_some_and(|used| used.get() >= LANDING_LIMIT);
    if full && usage.short().resets_at.is_some_and(|reset| reset <= now) {
        return true;
    }
    match usage.long().resets_at {
        None => true,
        Some(reset) => reset <= now && usage.observed_at.is_none_or(|observed| observed < reset),
    }
}

/// The same by what was seen: a reading that is newer than the reset it names stands, and a seat
/// without windows has none that could pass.
fn overtaken(account: &Account, now: Utc) -> bool {
    let usage = &account.usage;
    let full = usage.short().used.is_some_and(|used| used.get() >= LANDING_LIMIT);
    if full && usage.emptied(&WindowKind::FiveHour, now).is_some() {
        return true;
    }
    if usage.long().resets_at.is_none() {
        return !usage.windowless();
    }
    usage.emptied(&WindowKind::SevenDay, now).is_some()
}

/// Seconds to wait after the `consecutive`th 429 in a row.
#[must_use]
pub fn throttle_pause_s(consecutive: u32, retry_after_s: Option<u64>) -> u64 {
    let doublings = consecutive.saturating_sub(1).min(16);
    let pause = (THROTTLE_FIRST_S << doublings).min(THROTTLE_CAP_S);
    pause.max(retry_after_s.unwrap_or(0).min(RETRY_AFTER_CAP_S))
}

/// When policy `tiered` would like to read each account.
#[must_use]
pub fn wishes(world: &World, survey: &Survey) -> Vec<Wish> {
    let now = survey.now;
    let resting =
        |lane: &&crate::lane::Lane| world.rules.poll_while_resting || !lane.gates.resting(now);
    let lanes: Vec<_> = world.lanes.iter().filter(resting).collect();
    if lanes.is_empty() && !world.lanes.is_empty() {
        return Vec::new();
    }
    let active: BTreeSet<AccountId> = lanes.iter().filter_map(|lane| lane.active).collect();
    // An account that is active in any lane is drained already.
    let clamp = |interval| shortest(interval, survey, &world.rules, |standing| standing.occupied);
    let empty = Memory::default();
    let wish = |account: &Account| {
        let memory = world.memory.get(&account.id).unwrap_or(&empty);
        let live = active.contains(&account.id);
        wish(account, memory, interval(account, memory, live, &clamp, &world.rules, now), now)
    };
    world.accounts.iter().map(wish).collect()
}

fn interval(
    account: &Account,
    memory: &Memory,
    live: bool,
    clamp: &impl Fn(f64) -> f64,
    rules: &Rules,
    now: Utc,
) -> f64 {
    if account.login == Login::NeedsSignIn {
        return REFUSED_LOGIN_S;
    }
    let refused = memory
        .refusals
        .iter()
        .any(|refusal| memory.last_request().is_none_or(|last| last < refusal.at));
    let outdated =
        if rules.refetch_past_reset { overtaken(account, now) } else { outdated(account, now) };
    if refused || outdated || live && short_outdated(account, now) {
        return FLOOR_S;
    }
    if !live {
        return STALE_S;
    }
    let usage = &account.usage;
    let (short, week) = (usage.short().used.map(Percent::get), usage.long().used.map(Percent::get));
    let urgency = urgency(short, week, memory.burn.five_hour, rules.critical);
    let table = if rules.poll_while_resting { INTERVALS_S } else { INTERVALS_RECORDED_S };
    clamp(table[urgency as usize])
}

fn short_outdated(account: &Account, now: Utc) -> bool {
    let usage = &account.usage;
    usage.short().resets_at.is_some_and(|reset| {
        reset <= now && usage.observed_at.is_none_or(|observed| observed < reset)
    })
}

/// The interval counts from the last request or the last numbers, whichever came later.
fn wish(account: &Account, memory: &Memory, interval_s: f64, now: Utc) -> Wish {
    let after = |since: Utc, seconds: f64| since.plus_seconds(seconds as i64);
    // What claims to be from the future is from before the clock was set back: due now.
    let past = |at: Option<Utc>| at.filter(|at| *at <= now);
    let (last, seen) = (past(memory.last_request()), past(account.usage.observed_at));
    let interval_s = if seen.is_none() { interval_s.min(FLOOR_S) } else { interval_s };
    let spread = last.filter(|_| memory.requests_in_hour(now) > BURST);
    let failed = last.filter(|_| account.failures > 0).map(|last| {
        let doublings = (account.failures - 1).min(16);
        let pause = UNREACHABLE_FIRST_S * f64::from(1_u32 << doublings);
        after(last, pause.min(UNREACHABLE_CAP_S))
    });
    Wish {
        account: account.id,
        since: last.max(seen),
        interval_s,
        not_before: spread.map(|last| after(last, SPREAD_S)).max(failed),
    }
}
