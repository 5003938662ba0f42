//! When accounts are read.

use super::belief::LaneBelief;
use super::gauge::{Gauge, minutes};
use super::tuning::Tuning;
use crate::units::{Now, Utc};
use crate::world::{PollPlan, World};
use alloc::vec::Vec;

/// When each account should next be read, soonest first.
#[must_use]
pub fn polls(world: &World, now: Now) -> Vec<PollPlan> {
    let state = &world.horizon;
    let tuning = &state.tuning;
    let now_min = minutes(now.wall);
    let mut plans: Vec<_> = world
        .accounts
        .iter()
        .filter(|account| account.enabled)
        .map(|account| {
            let gauge = state.gauges.get(&account.id);
            let asked = state.asked.get(&account.id).copied();
            let Some(asked) = asked else {
                return PollPlan { account: account.id, due: now.wall };
            };
            let mut interval = tuning.poll_other;
            for lane in state.lanes.values().filter(|lane| lane.active == Some(account.id)) {
                let every = active(gauge, lane, tuning, now_min);
                interval = interval.min(every);
            }
            let errors = state.errors.get(&account.id).copied().unwrap_or(0).min(4);
            if errors > 0 {
                interval = interval.max((1 << errors) as f64).min(15.0f64.max(interval));
            }
            let due = asked + interval;
            PollPlan { account: account.id, due: Utc((due * 60_000_000.0) as i64) }
        })
        .collect();
    plans.sort_by_key(|plan| (plan.due, plan.account));
    plans
}

/// Minutes between reads of an account a lane is on.
fn active(gauge: Option<&Gauge>, lane: &LaneBelief, tuning: &Tuning, now: f64) -> f64 {
    let Some(gauge) = gauge else { return tuning.poll_idle };
    let full = gauge.full_until - now;
    if full > 0.0 {
        return full.min(tuning.poll_other);
    }
    if !lane.worked(now, tuning.busy) {
        return tuning.poll_idle;
    }
    let left = gauge.left(now) / lane.rate.max(1e-9);
    let every = (left * tuning.poll_share).clamp(1.0, tuning.poll_busy);
    if now - lane.since < 3.0 { every.min(2.0) } else { every }
}
