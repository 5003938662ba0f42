//! The world as the engine knows it; one owner (the driver's loop), one mutation at a time.

use crate::account::Account;
use crate::calendar::Calendar;
use crate::decision::{Action, Decision, Trigger};
use crate::horizon;
use crate::lane::Lane;
use crate::observation::Observation;
use crate::rules::{Policy, Rules};
use crate::units::{AccountId, LaneId, Now, Utc};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Accounts, lanes, calendar and rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Every account, in any order (decisions do not depend on it).
    pub accounts: Vec<Account>,
    /// Every lane.
    pub lanes: Vec<Lane>,
    /// Working hours.
    pub calendar: Calendar,
    /// The rules in force.
    pub rules: Rules,
    /// What the planner has learned; used by policy `horizon` only.
    #[serde(default)]
    pub horizon: horizon::State,
}

/// How an attempted swap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The credential is in place; the lane has a new generation.
    Committed {
        /// The account now active.
        to: AccountId,
        /// A person asked, so automatic swaps rest for a while.
        by_person: bool,
    },
    /// Nothing changed.
    Failed,
    /// The lane had changed underneath; nothing was tried.
    Stale,
}

/// When an account's usage should next be read from the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollPlan {
    /// Which account.
    pub account: AccountId,
    /// Not before.
    pub due: Utc,
}

impl World {
    /// Takes in one fact.
    pub fn observe(&mut self, observation: &Observation, now: Now) {
        self.horizon.observe(&self.accounts, observation, now);
    }

    /// Decides for one lane. Changes only the lane's gates.
    pub fn decide(&mut self, lane: LaneId, now: Now) -> Decision {
        if self.rules.policy == Policy::Horizon {
            return horizon::decide(self, lane, now);
        }
        let found = self.lanes.iter().find(|candidate| candidate.id == lane);
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

    /// Folds the outcome of an attempt back in.
    pub fn settle(&mut self, lane: LaneId, settlement: Settlement, now: Now) {
        let Some(lane) = self.lanes.iter_mut().find(|candidate| candidate.id == lane) else {
            return;
        };
        if let Settlement::Committed { to, .. } = settlement {
            lane.active = Some(to);
            lane.generation.0 += 1;
            lane.gates.last_attempt = Some(now.wall);
            lane.gates.last_committed = Some(now.wall);
        }
    }

    /// When each account should next be read, soonest first.
    #[must_use]
    pub fn polls(&self, now: Now) -> Vec<PollPlan> {
        if self.rules.policy == Policy::Horizon {
            return horizon::polls(self, now);
        }
        Vec::new()
    }
}
