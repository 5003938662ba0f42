//! What the driver asks of the world: an observation goes in, a decision or a plan of readings comes
//! out. The policy is picked here and nowhere else.

use crate::decide::Tiered;
use crate::decision::Decision;
use crate::horizon::Horizon;
use crate::observation::{Fact, Observation};
use crate::policy::{Strategy, Stretch};
use crate::rules::Policy;
use crate::survey::Survey;
use crate::units::{AccountId, LaneId, Now, Percent, Utc};
use crate::world::{PollPlan, World};
use crate::{gating, observe, schedule, tier};
use alloc::vec::Vec;

impl World {
    /// Takes in one fact.
    pub fn observe(&mut self, observation: &Observation, now: Now) {
        observe::fold(self, observation, now);
        self.mind_falls(observation, now);
        // What the plan believes follows what the account has: its size, and which windows.
        self.horizon.observe(&self.accounts, observation, now);
    }

    /// What was learned of a window before it fell early says nothing of what it is now.
    fn mind_falls(&mut self, observation: &Observation, now: Now) {
        if !matches!(observation.fact, Fact::Usage(_)) {
            return;
        }
        let (account, at) = (observation.account, observation.at.min(now.wall));
        let falls = self.fell_at(account, at);
        if !falls.is_empty() {
            self.fell_together(account, at);
            self.horizon.fell(account, &falls);
        }
    }

    /// Decides for one lane. Changes only the lane's gates, the accounts' memory and what the policy
    /// has learned.
    pub fn decide(&mut self, lane: LaneId, now: Now) -> Decision {
        let found = self.lanes.iter().position(|candidate| candidate.id == lane);
        let Some(index) = found else { return gating::nothing(lane, now.wall) };
        self.look_at_burn(index, now.wall);
        let survey = self.survey(now.wall);
        let decision = self.decide_on(&survey, index, now);
        if !self.lanes[index].gates.resting(now.wall) {
            self.remember_tiers(&survey);
        }
        decision
    }

    /// Decides for every lane, looking at the accounts once.
    pub fn decide_all(&mut self, now: Now) -> Vec<Decision> {
        for index in 0..self.lanes.len() {
            self.look_at_burn(index, now.wall);
        }
        let survey = self.survey(now.wall);
        let lanes = 0..self.lanes.len();
        let decisions = lanes.map(|index| self.decide_on(&survey, index, now)).collect();
        self.remember_tiers(&survey);
        decisions
    }

    fn decide_on(&mut self, survey: &Survey, index: usize, now: Now) -> Decision {
        self.lanes[index].gates.heal(now.wall);
        let proposal = strategy(self.rules.policy).decide(self, survey, index, now);
        let mut lane = self.lanes[index].clone();
        let decision = gating::gated(self, survey, &mut lane, proposal);
        self.lanes[index].gates = lane.gates;
        decision
    }

    /// Recorded bookkeeping: one look at the active account's windows per decision.
    fn look_at_burn(&mut self, index: usize, now: Utc) {
        let gates = &self.lanes[index].gates;
        if self.rules.measure_observations || gates.resting(now) {
            return;
        }
        let Some(active) = self.lanes[index].active else { return };
        let Some(account) = self.account(active) else { return };
        let short = account.usage.short().used.map(Percent::get);
        let week = account.usage.long().used.map(Percent::get);
        if let Some(short) = short {
            let memory = self.memory.entry(active).or_default();
            memory.burn.look(Some(short), Some(week.unwrap_or(0.0)), now);
        }
    }

    fn remember_tiers(&mut self, survey: &Survey) {
        let known = self.memory.len() == survey.standings.len()
            && self.memory.keys().eq(survey.by_id().map(|standing| &standing.id));
        if !known {
            self.memory.retain(|id, _| survey.find(*id).is_some());
            for standing in &survey.standings {
                self.memory.entry(standing.id).or_default();
            }
        }
        for (memory, standing) in self.memory.values_mut().zip(survey.by_id()) {
            memory.tier = (standing.tier < tier::EXCLUDED).then_some(standing.tier);
        }
    }

    /// Who the policy means to have live over the coming week, as it stands after the lane's last
    /// decision, which was to go to `to` or to stay. Looks only, and costs less than a decision.
    #[must_use]
    pub fn course(&self, lane: LaneId, to: Option<AccountId>, now: Utc) -> Vec<Stretch> {
        strategy(self.rules.policy).course(self, lane, to, now)
    }

    /// When each account should next be read, soonest first. The budget of requests is kept in it:
    /// a due time is never before the rolling hour allows one.
    #[must_use]
    pub fn polls(&self, now: Now) -> Vec<PollPlan> {
        let wishes = strategy(self.rules.policy).polls(self, now);
        schedule::plans(self, &wishes, now.wall)
    }
}

/// The policy that answers.
fn strategy(policy: Policy) -> &'static dyn Strategy {
    match policy {
        Policy::Tiered => &Tiered,
        Policy::Horizon => &Horizon,
    }
}
