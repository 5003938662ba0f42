//! Policy `horizon`: one plan over all accounts, their windows and the expected work.

use crate::account::Account;
use crate::decision::{Action, Decision, Trigger};
use crate::observation::Observation;
use crate::units::{LaneId, Now};
use crate::world::{PollPlan, World};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What the planner has learned of accounts, lanes and demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {}

impl State {
    /// Takes in one fact.
    pub fn observe(&mut self, _accounts: &[Account], _observation: &Observation, _now: Now) {}
}

/// Decides for one lane.
#[must_use]
pub fn decide(world: &mut World, lane: LaneId, now: Now) -> Decision {
    let found = world.lanes.iter().find(|candidate| candidate.id == lane);
    Decision {
        at: now.wall,
        lane,
        generation: found.map(|found| found.generation).unwrap_or_default(),
        active: found.and_then(|found| found.active),
        action: Action::Stay,
        trigger: Trigger::Tick,
        reason: String::new(),
        best: None,
        candidates: Vec::new(),
    }
}

/// When each account should next be read, soonest first.
#[must_use]
pub fn polls(_world: &World, _now: Now) -> Vec<PollPlan> {
    Vec::new()
}
