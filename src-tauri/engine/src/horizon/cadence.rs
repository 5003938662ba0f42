//! When accounts are read under `horizon`: often where a window may fill soon, seldom where nobody works.

use crate::account::Account;
use crate::belief::LaneBelief;
use crate::belief::Tuning;
use crate::belief::gauge::{Gauge, minutes};
use crate::decision::Refusal;
use crate::gates::{self, Shares};
use crate::policy::Wish;
use crate::provider::Provider;
use crate::units::{Now, Utc};
use crate::world::World;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Minutes after waking in which reads are spread out.
const SETTLING: f64 = 30.0;
/// Minutes of work left above which nothing is near.
const CALM: f64 = 60.0;
/// Work stands still no longer than this beside a window that was emptied early, minutes.
const NEWS: f64 = 15.0;
/// Longest pause after failed reads, minutes.
const RETRY: f64 = 30.0;

/// When each account should next be read.
#[must_use]
pub fn wishes(world: &World, now: Now) -> Vec<Wish> {
    let state = &world.horizon;
    let tuning = &state.tuning;
    let now_min = minutes(now.wall);
    let working = state.lanes.values().filter(|lane| lane.worked(now_min, tuning.busy_min)).count();
    let stretch = (tuning.poll_crowd * working as f64).max(1.0);
    let walled = walled(world, now);
    let wish = |account: &Account| {
        let gauge = state.gauges.get(&account.id);
        let asked = state.asked.get(&account.id).copied();
        let mut interval = parked(account, gauge, tuning, now);
        // The live one was refused itself; what its readings say of that is no news.
        let live = state.lanes.values().any(|lane| lane.active == Some(account.id));
        if let Some(every) = walled.get(&account.provider).filter(|_| !live) {
            interval = interval.min(*every);
        }
        for lane in state.lanes.values().filter(|lane| lane.active == Some(account.id)) {
            interval = interval.min(active(gauge, lane, tuning, now_min, stretch));
        }
        let errors = state.errors.get(&account.id).copied().unwrap_or(0).min(4);
        let mut pause = None;
        if errors > 0 {
            // Nothing was learned when it was asked: again soon, ever later.
            interval = interval.min(RETRY);
            pause = asked.map(|asked| instant(asked + f64::from(1_u32 << errors)));
        }
        Wish {
            account: account.id,
            since: asked.map(instant),
            interval_s: interval * 60.0,
            not_before: pause,
        }
    };
    let mut wishes: Vec<_> =
        world.accounts.iter().filter(|account| account.enabled).map(wish).collect();
    if state.woke_at.is_some_and(|woke| now_min - woke < SETTLING) {
        stagger(world, &mut wishes, now);
    }
    wishes
}

fn instant(minute: f64) -> Utc {
    Utc((minute * 60_000_000.0).round() as i64)
}

/// Minutes between reads of an account no lane is on.
fn parked(account: &Account, gauge: Option<&Gauge>, tuning: &Tuning, now: Now) -> f64 {
    if gauge.is_some_and(|gauge| gauge.doubtful(minutes(now.wall))) {
        return tuning.poll_busy_min;
    }
    if gauge.is_some_and(|gauge| gauge.unsettled) {
        return tuning.poll_unsettled_min;
    }
    if account.usage.blocked(now.wall).is_some() {
        return tuning.poll_blocked_min;
    }
    tuning.poll_other_min
}

/// Providers none of whose accounts can be worked with, and the minutes between reads of each: a
/// window may have been emptied early, and nothing else can end the wait.
fn walled(world: &World, now: Now) -> BTreeMap<Provider, f64> {
    let (state, tuning, now_min) = (&world.horizon, &world.horizon.tuning, minutes(now.wall));
    let mut found = BTreeMap::new();
    for provider in Provider::ALL {
        let mut known = false;
        let choosable = |account: &&Account| {
            account.provider == provider
                && account.enabled
                && account.automatic
                && account.login.is_usable()
        };
        let walled = world.accounts.iter().filter(choosable).all(|account| {
            known = true;
            let (usage, rules) = (&account.usage, &world.rules);
            let barred = gates::barred(usage, Shares::read(usage, now.wall), rules, now.wall);
            let gauge = state.gauges.get(&account.id);
            barred != Refusal::Eligible || gauge.is_some_and(|gauge| gauge.spent(now_min))
        });
        if !walled || !known {
            continue;
        }
        let lanes = world.lanes.iter().filter(|lane| lane.provider == provider);
        let wanted = lanes
            .filter_map(|lane| state.lanes.get(&lane.id))
            .any(|lane| lane.worked(now_min, tuning.cache_ttl_min));
        let every = if wanted {
            // The parked ones share the reads of one: each of them may be the first to have room.
            let parked = world.accounts.iter().filter(choosable).count().saturating_sub(1).max(1);
            (tuning.poll_busy_min * parked as f64).min(NEWS)
        } else {
            tuning.poll_idle_min
        };
        found.insert(provider, every);
    }
    found
}

/// Just awake: overdue reads go out two a minute and provider.
fn stagger(world: &World, wishes: &mut [Wish], now: Now) {
    let lively: BTreeSet<_> = world.lanes.iter().filter_map(|lane| lane.active).collect();
    let mut sent: BTreeMap<Provider, i64> = BTreeMap::new();
    let due = |wish: &Wish| {
        let after = |since: Utc| Utc(since.0.saturating_add((wish.interval_s * 1e6) as i64));
        wish.since.map_or(now.wall, after).max(wish.not_before.unwrap_or(Utc(i64::MIN)))
    };
    wishes.sort_by_key(|wish| (!lively.contains(&wish.account), due(wish), wish.account));
    for wish in wishes.iter_mut().filter(|wish| due(wish) <= now.wall) {
        let Some(account) = world.account(wish.account) else { continue };
        let count = sent.entry(account.provider).or_default();
        wish.not_before = Some(now.wall.plus_seconds(*count / 2 * 60));
        *count += 1;
    }
}

/// Minutes between reads of an account a lane is on.
fn active(
    gauge: Option<&Gauge>,
    lane: &LaneBelief,
    tuning: &Tuning,
    now: f64,
    stretch: f64,
) -> f64 {
    let Some(gauge) = gauge else { return tuning.poll_idle_min };
    if gauge.unsettled {
        return tuning.poll_busy_min;
    }
    let full = gauge.full_until - now;
    if full > 0.0 {
        return full.min(tuning.poll_other_min);
    }
    if !lane.worked(now, tuning.busy_min) {
        let likely = lane.history.likely(now);
        return stretch * if likely { tuning.poll_idle_min } else { tuning.poll_asleep_min };
    }
    let left = gauge.left(now) / lane.rate.max(1e-9);
    let longest = if left > CALM { tuning.poll_calm_min } else { tuning.poll_busy_min };
    let every = (left * tuning.poll_share).clamp(1.0, longest * stretch);
    if now - lane.since < 3.0 { every.min(2.0) } else { every }
}
