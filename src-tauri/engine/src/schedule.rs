//! When accounts are read, whatever the policy wishes: jitter, the longest interval of a live account,
//! the shortest of any, the server's wish and the budget of requests.

use crate::account::{Account, Login};
use crate::memory::PACE_S;
use crate::policy::Wish;
use crate::poll::FLOOR_S;
use crate::units::{AccountId, Utc};
use crate::world::{PollPlan, World};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The plan for every account that can be read, soonest first.
#[must_use]
pub fn plans(world: &World, wishes: &[Wish], now: Utc) -> Vec<PollPlan> {
    let live: BTreeSet<AccountId> = world.lanes.iter().filter_map(|lane| lane.active).collect();
    let readable = world.accounts.iter().filter(|account| readable(account));
    let readable: BTreeMap<AccountId, &Account> =
        readable.map(|account| (account.id, account)).collect();
    let mut plans: Vec<_> = wishes
        .iter()
        .filter_map(|wish| {
            let account = readable.get(&wish.account)?;
            let live = live.contains(&account.id) && account.login.is_usable();
            Some(PollPlan { account: account.id, due: due(world, wish, live, now) })
        })
        .collect();
    plans.sort_by_key(|plan| (plan.due, plan.account));
    plans
}

/// Whether there is anything to read an account with.
fn readable(account: &Account) -> bool {
    account.enabled && account.login != Login::Missing
}

fn due(world: &World, wish: &Wish, live: bool, now: Utc) -> Utc {
    let memory = world.memory.get(&wish.account);
    let jitter = memory.map_or(0.0, |memory| memory.jitter);
    let mut interval_s = wish.interval_s * (1.0 + jitter);
    if let Some(longest_s) = world.rules.read_within_s.filter(|_| live) {
        // The jitter shortens it only, since it must not be exceeded, and no further than the budget
        // of the hour lasts: what is spent early is missed late.
        let jittered = longest_s * (1.0 - jitter.abs());
        interval_s = interval_s.min(jittered.max(PACE_S.min(longest_s)));
    }
    let after = |since: Utc, seconds: f64| Utc(since.0.saturating_add((seconds * 1e6) as i64));
    let mut due = wish.since.map_or(now, |since| after(since, interval_s));
    due = wish.not_before.map_or(due, |pause| due.max(pause));
    let Some(memory) = memory else { return due };
    if let Some(last) = memory.last_request().filter(|last| *last <= now) {
        due = due.max(after(last, FLOOR_S));
    }
    let allowed = memory.lasting_from(now, &world.rules).max(memory.not_before.unwrap_or(now));
    if allowed > now { due.max(allowed) } else { due }
}
