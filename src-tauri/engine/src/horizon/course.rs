//! Who the plan means to have live over the coming week: one rollout of the expected work, written down.

use super::foresee;
use super::plan::BASES;
use super::rollout::{Opening, Rollout, Turn};
use super::scene::Scene;
use crate::belief::Tuning;
use crate::belief::gauge::minutes;
use crate::policy::Stretch;
use crate::units::{AccountId, LaneId, Utc};
use crate::world::World;
use alloc::vec::Vec;

/// Days told ahead: a week, so that each account's reset is among them.
const DAYS: f64 = 7.0;
/// Minutes of a day.
const DAY_MIN: f64 = 24.0 * 60.0;

/// The stretches of the lane's rollout that begins with a move to `to`, as of its last decision. The
/// decision weighs more demands than one; this is the expected one, over which people can look.
pub(super) fn course(world: &World, lane: LaneId, to: Option<AccountId>, now: Utc) -> Vec<Stretch> {
    let at = minutes(now);
    let found = world.lanes.iter().find(|one| one.id == lane);
    let Some(scene) = found.and_then(|lane| Scene::new(world, lane, at)) else { return Vec::new() };
    let expected = Tuning {
        ahead_days: DAYS,
        multiples: [1.0; 3],
        multiple_weights: [1.0, 0.0, 0.0],
        replays: 0,
        ..scene.state.tuning.clone()
    };
    let capacity = scene.pool.slots.iter().map(|slot| slot.long_cap).sum();
    let traces = foresee::traces(&scene.beliefs(), &expected, at, scene.busy(), capacity);
    let to = to.and_then(|to| scene.entries.iter().position(|entry| entry.id == to));
    let opening = Opening { lane: 0, to: to.filter(|to| *to != scene.here), back_after: None };
    let Some(trace) = traces.first() else { return Vec::new() };
    let mut rollout = Rollout::new(&scene.pool);
    let mut best: Option<(f64, Vec<Turn>)> = None;
    for base in BASES {
        let (outcome, turns) = rollout.told(opening, base, &trace.steps);
        let worth = outcome.worth(scene.pool.prices);
        if best.as_ref().is_none_or(|(known, _)| worth > *known) {
            best = Some((worth, turns));
        }
    }
    let turns = best.map(|(_, turns)| turns).unwrap_or_default();
    stretches(&scene, &turns, at)
}

/// From one turn to the next, the last one to the end of the days told; neighbours of one account are one.
fn stretches(scene: &Scene<'_>, turns: &[Turn], now: f64) -> Vec<Stretch> {
    let end = now + DAYS * DAY_MIN;
    let mut told: Vec<Stretch> = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        let until = turns.get(index + 1).map_or(end, |next| next.at).min(end);
        let account = scene.entries[turn.slot].id;
        let (from, until) = (instant(turn.at), instant(until));
        match told.last_mut() {
            Some(last) if last.account == account => last.until = until,
            _ if until > from => told.push(Stretch { account, from, until }),
            _ => {}
        }
    }
    told
}

fn instant(minute: f64) -> Utc {
    Utc((minute * 60_000_000.0).round() as i64)
}
