//! The world as the engine knows it: one owner (the driver's loop), one mutation at a time.

use crate::account::{Account, Plan};
use crate::belief;
use crate::calendar::Calendar;
use crate::fall::Watch;
use crate::lane::{Gates, Lane};
use crate::memory::Memory;
use crate::resets::Resets;
use crate::rules::Rules;
use crate::standing::Inputs;
use crate::survey::Survey;
use crate::units::{AccountId, LaneId, Now, Utc};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The target of a failed swap is skipped so long, seconds, once it has failed twice in a row.
const SKIP_S: i64 = 600;
/// Old observations are distrusted so long after a wake, seconds; then an endpoint that does not
/// answer must not hold the lane any more. What must be left is left meanwhile.
const DISTRUST_S: f64 = 7200.0;

/// Accounts, lanes, calendar and rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct World {
    /// Every account, in any order (decisions do not depend on it).
    pub accounts: Vec<Account>,
    /// Every lane.
    pub lanes: Vec<Lane>,
    /// Working hours.
    pub calendar: Calendar,
    /// The rules in force.
    pub rules: Rules,
    /// What is remembered of each account; belongs into the ledger beside the lanes' gates.
    pub memory: BTreeMap<AccountId, Memory>,
    /// What watches for windows that empty early. No decision rests on it, so none keeps it; it is
    /// stored beside the memory.
    #[serde(skip)]
    pub watches: BTreeMap<AccountId, Watch>,
    /// The last wake or clock jump.
    pub woken_at: Option<Utc>,
    /// What the planner has learned; used by policy `horizon` only.
    pub horizon: belief::State,
    /// The limit resets of each account, as far as anybody said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resets: BTreeMap<AccountId, Resets>,
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
    /// The lease was held but writing failed; the old credential is in place.
    Unwritten {
        /// The account that should have become active.
        to: AccountId,
    },
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
    /// Every account's standing now.
    #[must_use]
    pub fn survey(&self, now: Utc) -> Survey {
        Survey::new(&Inputs {
            accounts: &self.accounts,
            lanes: &self.lanes,
            memories: &self.memory,
            calendar: &self.calendar,
            rules: &self.rules,
            distrust_before: self.woken_at.filter(|woken| now.seconds_since(*woken) < DISTRUST_S),
            now,
        })
    }

    /// Folds the outcome of an attempt back in.
    pub fn settle(&mut self, lane: LaneId, settlement: Settlement, now: Now) {
        let Some(index) = self.lanes.iter().position(|candidate| candidate.id == lane) else {
            return;
        };
        let rules = self.rules.clone();
        match settlement {
            Settlement::Committed { to, by_person } => {
                self.committed(index, Some(to), by_person, now.wall);
            }
            Settlement::Unwritten { to } if !rules.failed_write_is_failure => {
                self.committed(index, Some(to), false, now.wall);
            }
            Settlement::Failed | Settlement::Unwritten { .. } => {
                failed(&mut self.lanes[index].gates, &rules, now.wall);
            }
            Settlement::Stale => {}
        }
    }

    fn committed(&mut self, index: usize, to: Option<AccountId>, by_person: bool, now: Utc) {
        let protect_s = by_person.then(|| self.protect_s());
        let mut moved = self.lanes[index].clone();
        moved.active = to;
        moved.generation.0 = moved.generation.0.saturating_add(1);
        moved.gates.settled(now, protect_s);
        self.read_back(moved, by_person);
    }

    /// The account's plan is another one now. Unless only its name changed, what was learned of its
    /// windows' sizes says nothing any more.
    pub fn replan(&mut self, id: AccountId, plan: Plan, now: Now) {
        let Some(account) = self.find_account_mut(id) else { return };
        let renamed = account.plan.is_renamed(&plan, account.provider);
        account.plan = plan;
        if !renamed {
            self.watches.entry(id).or_default().replanned(now.wall);
            self.horizon.relearn(id);
        }
    }

    /// How long a person's choice is left alone, seconds.
    #[must_use]
    pub const fn protect_s(&self) -> i64 {
        self.rules.manual_pause_s as i64
    }

    /// Takes over a lane as the ledger has it after a swap: who is active, under which generation, and
    /// the gates. Whether automatic swaps are off is the settings' to say.
    pub fn read_back(&mut self, row: Lane, by_person: bool) {
        let Some(lane) = self.lane_mut(row.id) else { return };
        let (from, to, off) = (lane.active, row.active, lane.gates.off);
        *lane = row;
        lane.gates.off = off;
        if by_person {
            return;
        }
        for id in [from, to].into_iter().flatten() {
            if let Some(memory) = self.memory.get_mut(&id) {
                memory.tier = None;
                memory.burn = crate::burn::Burn::default();
            }
        }
    }

    /// The seat was found with another account than Sluice had put there, by a person or a tool:
    /// their choice is protected like a manual swap.
    pub fn seat_changed(&mut self, lane: LaneId, active: Option<AccountId>, now: Now) {
        let found = self.lanes.iter().position(|candidate| candidate.id == lane);
        if let Some(index) = found.filter(|index| self.lanes[*index].active != active) {
            self.committed(index, active, true, now.wall);
        }
    }

    /// Rests automatic swaps of a lane until then, whatever was set before.
    pub fn pause(&mut self, lane: LaneId, until: Utc) {
        if let Some(gates) = self.gates(lane) {
            gates.paused_until = Some(until);
        }
    }

    /// Ends a lane's pause.
    pub fn resume(&mut self, lane: LaneId) {
        if let Some(gates) = self.gates(lane) {
            gates.paused_until = None;
        }
    }

    fn gates(&mut self, lane: LaneId) -> Option<&mut Gates> {
        self.lane_mut(lane).map(|lane| &mut lane.gates)
    }

    /// The process starts with a world read from the ledger. What the rules let survive stays.
    pub fn restarted(&mut self) {
        for memory in self.memory.values_mut() {
            memory.asked = false;
        }
        if self.rules.clocks_survive {
            return;
        }
        for lane in &mut self.lanes {
            lane.gates = Gates {
                paused_until: lane.gates.paused_until,
                off: lane.gates.off,
                ..Gates::default()
            };
        }
        self.memory.clear();
    }

    /// The machine woke up, or its wall clock jumped by `seconds` against the monotonic one
    /// (negative when set back). Gates keep their length; observations from before are distrusted.
    pub fn woke(&mut self, jumped_seconds: i64, now: Now) {
        for lane in &mut self.lanes {
            lane.gates.shift(jumped_seconds);
        }
        for account in &mut self.accounts {
            // A reading keeps its age: from the future it would keep every later one out.
            account.usage.shift(jumped_seconds, now.wall);
        }
        for memory in self.memory.values_mut() {
            memory.not_before = memory.not_before.map(|at| at.plus_seconds(jumped_seconds));
            for request in &mut memory.requests {
                *request = request.plus_seconds(jumped_seconds);
            }
            for refusal in &mut memory.refusals {
                refusal.at = refusal.at.plus_seconds(jumped_seconds);
            }
        }
        for resets in self.resets.values_mut() {
            resets.shift(jumped_seconds, now.wall);
        }
        self.watches.values_mut().for_each(|watch| watch.shift(jumped_seconds, now.wall));
        self.woken_at = Some(now.wall);
    }

    /// A request for an account's usage goes out now. `jitter` (−0.15 to 0.15, drawn by the driver)
    /// stretches the interval to the next one.
    pub fn requested(&mut self, account: AccountId, now: Now, jitter: f64) {
        let memory = self.memory.entry(account).or_default();
        memory.requested(now.wall);
        memory.asked = true;
        memory.jitter = if jitter.is_finite() { jitter.clamp(-0.15, 0.15) } else { 0.0 };
    }
}

fn failed(gates: &mut Gates, rules: &Rules, now: Utc) {
    gates.failed_attempts = gates.failed_attempts.saturating_add(1);
    gates.last_failure = Some(now);
    // The backoff alone governs after a failure.
    gates.last_attempt = None;
    let skipping = rules.skip_failed_targets && gates.failed_attempts >= 2;
    if let Some(target) = gates.last_target.filter(|_| skipping) {
        gates.skips.insert(target, now.plus_seconds(SKIP_S));
    }
}
