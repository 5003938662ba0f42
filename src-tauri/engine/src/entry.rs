//! What the driver asks of the world: an observation goes in, a decision or a plan of readings comes
//! out. The policy is picked here and nowhere else.

use crate::decision::{Action, Decision, Trigger};
use crate::observation::Observation;
use crate::rules::Policy;
use crate::survey::Survey;
use crate::units::{Generation, LaneId, Now, Percent, Utc};
use crate::world::{PollPlan, World};
use crate::{decide, horizon, observe, poll, tier};
use alloc::string::String;
use alloc::vec::Vec;

impl World {
    /// Takes in one fact.
    pub fn observe(&mut self, observation: &Observation, now: Now) {
        self.horizon.observe(&self.accounts, observation, now);
        observe::fold(self, observation, now);
    }

    /// Decides for one lane. Changes only the lane's gates and the accounts' memory.
    pub fn decide(&mut self, lane: LaneId, now: Now) -> Decision {
        if self.rules.policy == Policy::Horizon {
            let mut decision = horizon::decide(self, lane, now);
            let survey = self.survey(now.wall);
            measured(&mut decision, &survey);
            self.remember_tiers(&survey);
            return decision;
        }
        let found = self.lanes.iter().position(|candidate| candidate.id == lane);
        if let Some(index) = found {
            self.look_at_burn(index, now.wall);
        }
        let survey = self.survey(now.wall);
        let Some(index) = found else { return nothing(lane, now.wall) };
        let decision = self.decide_on(&survey, index);
        if !self.lanes[index].gates.off && !self.lanes[index].gates.paused(now.wall) {
            self.remember_tiers(&survey);
        }
        decision
    }

    /// Decides for every lane, looking at the accounts once.
    pub fn decide_all(&mut self, now: Now) -> Vec<Decision> {
        if self.rules.policy == Policy::Horizon {
            let lanes: Vec<LaneId> = self.lanes.iter().map(|lane| lane.id).collect();
            let decide = |lane| horizon::decide(self, lane, now);
            let mut decisions: Vec<Decision> = lanes.into_iter().map(decide).collect();
            let survey = self.survey(now.wall);
            decisions.iter_mut().for_each(|decision| measured(decision, &survey));
            self.remember_tiers(&survey);
            return decisions;
        }
        for index in 0..self.lanes.len() {
            self.look_at_burn(index, now.wall);
        }
        let survey = self.survey(now.wall);
        let decisions = (0..self.lanes.len()).map(|index| self.decide_on(&survey, index)).collect();
        self.remember_tiers(&survey);
        decisions
    }

    fn decide_on(&mut self, survey: &Survey, index: usize) -> Decision {
        self.lanes[index].gates.heal(survey.now);
        let mut lane = self.lanes[index].clone();
        let proposal = decide::tiered(self, survey, &lane);
        let decision = decide::gated(self, survey, &mut lane, proposal);
        self.lanes[index].gates = lane.gates;
        decision
    }

    /// Recorded bookkeeping: one look at the active account's windows per decision.
    fn look_at_burn(&mut self, index: usize, now: Utc) {
        let gates = &self.lanes[index].gates;
        if self.rules.measure_observations || gates.off || gates.paused(now) {
            return;
        }
        let Some(active) = self.lanes[index].active else { return };
        let Some(account) = self.accounts.iter().find(|account| account.id == active) else {
            return;
        };
        let short = account.usage.five_hour.used.map(Percent::get);
        let week = account.usage.seven_day.used.map(Percent::get);
        if let Some(short) = short {
            let memory = self.memory.entry(active).or_default();
            memory.burn.look(short, week.unwrap_or(0.0), now);
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

    /// When each account should next be read, soonest first. The budget of requests is kept in it:
    /// a due time is never before the rolling hour allows one.
    #[must_use]
    pub fn polls(&self, now: Now) -> Vec<PollPlan> {
        let plans = match self.rules.policy {
            Policy::Tiered => poll::plans(self, &self.survey(now.wall)),
            Policy::Horizon => horizon::polls(self, now),
        };
        poll::affordable(self, plans, now.wall)
    }
}

/// The plan weighs accounts by what they are worth; tier, target and stranding are shown all the
/// same.
fn measured(decision: &mut Decision, survey: &Survey) {
    for candidate in &mut decision.candidates {
        if let Some(standing) = survey.find(candidate.account) {
            candidate.tier = standing.tier;
            candidate.target = standing.target;
            candidate.deficit = standing.deficit;
            candidate.stranding = standing.stranding;
        }
    }
}

fn nothing(lane: LaneId, at: Utc) -> Decision {
    Decision {
        at,
        lane,
        generation: Generation::default(),
        active: None,
        action: Action::Stay,
        trigger: Trigger::Tick,
        reason: String::new(),
        best: None,
        candidates: Vec::new(),
    }
}
