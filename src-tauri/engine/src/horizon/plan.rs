//! The decision: leave when forced, move when the plan is worth it, else stay.

use super::belief::{LaneBelief, State};
use super::demand::{self, BIN};
use super::gauge::{Gauge, minutes};
use super::rollout::{Base, LANES, Opening, Pool, Prices, Rollout, Seat, Slot, Step};
use super::tuning::Tuning;
use crate::account::{Account, Login};
use crate::decision::{Action, Candidate, Decision, Refusal, Trigger};
use crate::units::{AccountId, LaneId, Now};
use crate::world::World;
use alloc::{string::String, vec, vec::Vec};

/// Why the lane must leave.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Force {
    Refused,
    Unusable,
    Short,
    Long,
}

/// Everything one decision looks at.
struct Scene<'a> {
    now: f64,
    lane: LaneId,
    belief: &'a LaneBelief,
    tuning: &'a Tuning,
    pool: Pool,
    ids: Vec<AccountId>,
    /// Slot of the active account.
    here: usize,
    /// Held by another lane.
    held: Vec<bool>,
    eligible: Vec<bool>,
    forced: Option<Force>,
    swap_units: f64,
}

/// Decides for one lane.
#[must_use]
pub fn decide(world: &mut World, lane: LaneId, now: Now) -> Decision {
    let at = minutes(now.wall);
    world.horizon.advance(&world.lanes, at);
    let mut decision = blank(world, lane, now);
    let Some(scene) = Scene::new(world, lane, at) else { return decision };
    let mut answer = Answer::default();
    if scene.rested(world) {
        answer = scene.answer(&world.horizon);
    }
    let forced = scene.forced;
    let ids = scene.ids.clone();
    for (slot, value) in answer.values.iter().enumerate() {
        decision.candidates.push(Candidate {
            account: ids[slot],
            tier: 0,
            target: None,
            deficit: None,
            stranding: None,
            value: value.map(|value| value * 100.0),
            refusal: Refusal::None,
        });
    }
    if let Some(to) = answer.to {
        decision.action = Action::Swap { to: ids[to] };
        decision.best = Some(ids[to]);
        decision.trigger = match forced {
            Some(Force::Refused | Force::Short) => Trigger::ForcedCritical,
            Some(Force::Long) => Trigger::TierDrained,
            Some(Force::Unusable) => Trigger::FailureReported,
            None => Trigger::PlanImproved,
        };
    }
    if let Some(dry) = answer.dry
        && dry
    {
        let state = &mut world.horizon;
        if state.last_dry.is_none_or(|last| at - last >= 90.0) {
            let half = state.tuning.pressure_half_days * 1440.0;
            state.pressure = decayed(state.pressure, at - state.last_dry.unwrap_or(at), half) + 1.0;
            state.last_dry = Some(at);
        }
    }
    if let Some(belief) = world.horizon.lanes.get_mut(&lane) {
        belief.woke = false;
        if let Some(next) = answer.next_plan {
            belief.next_plan = next;
        }
    }
    decision
}

/// `value` after `age` with this half-life; by whole and linear parts, so that no power is needed.
fn decayed(value: f64, age: f64, half: f64) -> f64 {
    let mut left = age;
    let mut value = value;
    while left >= half && value > 1e-6 {
        value *= 0.5;
        left -= half;
    }
    value * (1.0 - 0.5 * (left / half).clamp(0.0, 1.0))
}

fn blank(world: &World, lane: LaneId, now: Now) -> Decision {
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

#[derive(Default)]
struct Answer {
    to: Option<usize>,
    values: Vec<Option<f64>>,
    next_plan: Option<f64>,
    dry: Option<bool>,
}

fn usable(account: &Account) -> bool {
    account.enabled
        && account.automatic
        && matches!(account.login, Login::Valid | Login::Unverified)
}

fn slot(gauge: &Gauge, now: f64, week_unknown: f64) -> Slot {
    Slot {
        short_left: gauge.short_left(),
        short_cap: gauge.weight,
        short_ends: gauge.short_ends.unwrap_or(f64::NEG_INFINITY),
        long_left: gauge.long_left(),
        long_cap: gauge.weight * gauge.ratio(),
        long_ends: gauge.long_ends.unwrap_or(now + week_unknown),
        blocked_until: gauge.full_until.max(gauge.dead_until),
    }
}

impl<'a> Scene<'a> {
    fn new(world: &'a World, lane: LaneId, now: f64) -> Option<Self> {
        let state = &world.horizon;
        let found = world.lanes.iter().find(|candidate| candidate.id == lane)?;
        let active = found.active?;
        let belief = state.lanes.get(&lane)?;
        let mut accounts: Vec<_> =
            world.accounts.iter().filter(|account| account.provider == found.provider).collect();
        accounts.sort_by_key(|account| account.id);
        let (mut slots, mut ids, mut held, mut eligible) = (vec![], vec![], vec![], vec![]);
        let mut weights: Vec<f64> = Vec::new();
        for account in accounts {
            let Some(gauge) = state.gauges.get(&account.id) else { continue };
            weights.push(gauge.weight);
            let seen = gauge.seen_at.is_some_and(|seen| now - seen <= state.tuning.stale);
            ids.push(account.id);
            slots.push(slot(gauge, now, 10_080.0));
            held.push(world.lanes.iter().any(|l| l.id != lane && l.active == Some(account.id)));
            eligible.push(seen && usable(account));
        }
        let here = ids.iter().position(|id| *id == active)?;
        for (slot, ok) in slots.iter_mut().zip(&eligible) {
            if !ok {
                slot.blocked_until = f64::INFINITY;
            }
        }
        if slots[here].blocked_until == f64::INFINITY {
            slots[here].blocked_until = 0.0;
        }
        weights.sort_by(f64::total_cmp);
        let swap_units = state.tuning.swap_share * weights[weights.len() / 2];
        let prices = Prices {
            swap_units,
            swap_pause: state.tuning.swap_pause,
            cache_ttl: state.tuning.cache_ttl,
            touch: state.tuning.touch,
        };
        let seats = Self::seats(world, lane, &ids, here);
        let pool = Pool { now, slots, seats, prices };
        let gauge = state.gauges.get(&active)?;
        let mut scene = Self {
            now,
            lane,
            belief,
            tuning: &state.tuning,
            pool,
            ids,
            here,
            held,
            eligible,
            forced: None,
            swap_units,
        };
        scene.forced = scene.force(state, gauge, world);
        Some(scene)
    }

    /// This lane first, then the others that are on known accounts.
    fn seats(world: &World, lane: LaneId, ids: &[AccountId], here: usize) -> Vec<Seat> {
        let state = &world.horizon;
        let seat = |id: LaneId, slot: usize| {
            let belief = state.lanes.get(&id);
            Seat {
                slot,
                since: belief.map_or(0.0, |belief| belief.since),
                last_use: belief.and_then(|belief| belief.last_use).unwrap_or(f64::NEG_INFINITY),
            }
        };
        let mut seats = vec![seat(lane, here)];
        for other in world.lanes.iter().filter(|other| other.id != lane) {
            let at = other.active.and_then(|active| ids.iter().position(|id| *id == active));
            if let Some(at) = at.filter(|_| seats.len() < LANES) {
                seats.push(seat(other.id, at));
            }
        }
        seats
    }

    fn busy(&self) -> bool {
        self.belief.worked(self.now, self.tuning.busy)
    }

    fn hot(&self) -> bool {
        self.belief.worked(self.now, self.tuning.cache_ttl)
    }

    fn force(&self, state: &State, gauge: &Gauge, world: &World) -> Option<Force> {
        let account = world.accounts.iter().find(|account| account.id == self.ids[self.here])?;
        if !usable(account) || self.now < gauge.dead_until {
            return Some(Force::Unusable);
        }
        if self.now < gauge.full_until {
            return Some(Force::Refused);
        }
        if !self.busy() {
            return None;
        }
        let rate = self.belief.rate;
        let age = gauge.seen_at.map_or(10.0, |seen| (self.now - seen).clamp(0.0, 10.0));
        let percent = 100.0 * rate / gauge.weight;
        let spread = 0.5 * (0.5 + state.noise + 0.15 * age * percent) * gauge.weight / 100.0;
        if gauge.short_left() < self.tuning.lead * rate + spread {
            return Some(Force::Short);
        }
        if gauge.long_left() < self.tuning.lead * rate + 0.5 * spread {
            return Some(Force::Long);
        }
        None
    }

    /// The gates every policy obeys.
    fn rested(&self, world: &World) -> bool {
        let Some(lane) = world.lanes.iter().find(|lane| lane.id == self.lane) else { return false };
        let gates = &lane.gates;
        if gates.paused_until.is_some_and(|until| minutes(until) > self.now) {
            return false;
        }
        let attempted = gates.last_attempt.map(minutes);
        let cool = attempted.is_none_or(|at| self.now - at >= self.tuning.cooldown);
        let refused = matches!(self.forced, Some(Force::Refused | Force::Unusable));
        cool || refused
    }

    fn answer(&self, state: &State) -> Answer {
        let planned = self.now >= self.belief.next_plan;
        if self.forced.is_none() && !planned && !self.belief.woke {
            return Answer::default();
        }
        let every = if self.busy() { self.tuning.plan_busy } else { self.tuning.plan_idle };
        let mut answer = Answer { next_plan: Some(self.now + every), ..Answer::default() };
        if self.forced.is_none() && !self.free_to_move(state) {
            return answer;
        }
        let targets = self.targets();
        if targets.is_empty() {
            if self.forced.is_some() {
                answer.dry = Some(self.busy());
                answer.next_plan = Some(self.now + 2.0);
                answer.to = self.wait();
            }
            return answer;
        }
        self.weigh(state, &targets, &mut answer);
        answer
    }

    fn free_to_move(&self, state: &State) -> bool {
        if self.now - self.belief.since < self.tuning.residency {
            return false;
        }
        let age = self.now - state.last_dry.unwrap_or(self.now);
        let pressure =
            decayed(state.pressure, age, self.tuning.pressure_half_days * 1440.0);
        !self.hot() || pressure >= self.tuning.pressure_gate
    }

    /// Accounts worth going to.
    fn targets(&self) -> Vec<usize> {
        let rate = self.belief.rate;
        let usable = |index: &usize| {
            let slot = &self.pool.slots[*index];
            let room = if self.now < slot.blocked_until {
                0.0
            } else {
                slot.short_left.min(slot.long_left)
            };
            *index != self.here
                && self.eligible[*index]
                && room > (2.0 * rate).min(0.25 * slot.short_cap)
                && room > 0.015 * slot.short_cap
        };
        let all: Vec<_> = (0..self.ids.len()).filter(usable).collect();
        let free: Vec<_> = all.iter().copied().filter(|&index| !self.held[index]).collect();
        if free.is_empty() && self.forced.is_some() { all } else { free }
    }

    /// Nobody can work: stands where work comes back first.
    fn wait(&self) -> Option<usize> {
        let recovers = |index: usize| {
            let slot = &self.pool.slots[index];
            let mut at = self.now.max(slot.blocked_until);
            if slot.short_left <= 0.02 * slot.short_cap {
                at = at.max(slot.short_ends);
            }
            if slot.long_left <= 0.02 * slot.short_cap {
                at = at.max(slot.long_ends);
            }
            at
        };
        let here = recovers(self.here);
        let best = (0..self.ids.len())
            .filter(|&index| index != self.here && self.eligible[index] && !self.held[index])
            .map(|index| (recovers(index), index))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        (best.0 + 1.0 < here).then_some(best.1)
    }

    fn traces(&self, state: &State) -> Vec<(f64, Vec<Step>)> {
        let bins = (self.tuning.days * 96.0) as i64;
        let first = demand::bin(self.now);
        let load: f64 = self.pool.slots.iter().map(|slot| slot.long_cap).sum();
        let prior = 0.35 * load / demand::WEEK as f64 / self.pool.seats.len() as f64;
        let mut beliefs = vec![self.belief];
        beliefs.extend(
            state.lanes.iter().filter(|(id, _)| **id != self.lane).map(|(_, b)| b).take(LANES - 1),
        );
        let lanes: Vec<_> = beliefs
            .iter()
            .take(self.pool.seats.len())
            .map(|belief| {
                let mut means = belief.history.expect(first, bins, prior);
                let level = belief.history.level(first);
                let mut weight = 1.0;
                for mean in &mut means {
                    *mean *= 1.0 + (level - 1.0) * weight;
                    weight *= 0.951;
                }
                let weekly = belief.history.replay(first, 7, &means);
                let days = if matches!((first.div_euclid(96) + 3).rem_euclid(7), 0) { 3 } else { 1 };
                let daily = belief.history.replay(first, days, &means);
                (means, weekly, daily)
            })
            .collect();
        let mut traces = Vec::new();
        for (multiple, weight) in self.tuning.multiples.iter().zip(self.tuning.multiple_weights) {
            if weight <= 0.0 { continue; }
            let need = |lane: usize, bin: usize| lanes[lane].0[bin] * multiple;
            traces.push((weight, self.steps(bins as usize, first, lanes.len(), &need)));
        }
        if self.tuning.replay_weight > 0.0 {
        let weekly = |lane: usize, bin: usize| lanes[lane].1[bin];
        traces.push((self.tuning.replay_weight, self.steps(bins as usize, first, lanes.len(), &weekly)));
        let daily = |lane: usize, bin: usize| lanes[lane].2[bin];
        traces.push((self.tuning.replay_weight, self.steps(bins as usize, first, lanes.len(), &daily)));
        }
        traces
    }

    /// Quarter hours for a day, then hours; spans without demand are left out.
    fn steps(
        &self,
        bins: usize,
        first: i64,
        lanes: usize,
        need: &dyn Fn(usize, usize) -> f64,
    ) -> Vec<Step> {
        let mut steps = Vec::with_capacity(bins / 2);
        let mut bin = 0;
        while bin < bins {
            let width = if bin < 96 { 1 } else { 4.min(bins - bin) };
            let start = (first + bin as i64) as f64 * BIN;
            let mut step = Step { start, len: BIN * width as f64, need: [0.0; LANES] };
            for lane in 0..lanes {
                for part in 0..width {
                    step.need[lane] += need(lane, bin + part);
                }
            }
            if bin == 0 {
                let left = start + BIN - self.now;
                let share = left / BIN;
                for need in &mut step.need {
                    *need *= share;
                }
                if self.busy() {
                    step.need[0] = step.need[0].max(self.belief.rate * left);
                }
                step.start = self.now;
                step.len = left;
            }
            if step.len > 0.01 && step.need.iter().any(|need| *need > 1e-9) {
                steps.push(step);
            }
            bin += width;
        }
        steps
    }

    fn weigh(&self, state: &State, targets: &[usize], answer: &mut Answer) {
        let traces = self.traces(state);
        let bases = [
            Base { open_first: false, spread: false },
            Base { open_first: true, spread: false },
            Base { open_first: false, spread: true },
        ];
        let bases = if self.tuning.x[0] > 0.5 { &bases[..] } else { &bases[..2] };
        let mut rollout = Rollout::new(&self.pool);
        let mut value = |opening: Opening| {
            let mut total = 0.0;
            for (weight, steps) in &traces {
                let mut best = f64::NEG_INFINITY;
                for base in bases {
                    let outcome = rollout.run(opening, *base, steps);
                    best = best.max(outcome.served - self.swap_units * outcome.hot_swaps);
                }
                total += weight * best;
            }
            total
        };
        let unit = self.swap_units + self.belief.rate;
        let stay = value(Opening { lane: 0, to: None, back_after: None });
        answer.values = vec![None; self.ids.len()];
        let mut best: Option<(f64, usize)> = None;
        for &to in targets {
            let slot = &self.pool.slots[to];
            let tie = 1e-6 * (slot.long_ends - self.now) * self.swap_units / 10_080.0;
            let go = value(Opening { lane: 0, to: Some(to), back_after: None }) - tie;
            let closed = slot.short_ends <= self.now;
            let mut gain = go - stay;
            if closed && self.forced.is_none() && self.hot() {
                let back = Some(self.tuning.touch);
                let touch = value(Opening { lane: 0, to: Some(to), back_after: back }) - tie;
                gain = gain.max(touch - stay);
            }
            answer.values[to] = Some(gain);
            let hurdle = match (self.forced, self.hot(), closed) {
                (Some(_), ..) => f64::NEG_INFINITY,
                (None, false, _) => self.tuning.gain_idle,
                (None, true, true) => self.tuning.gain_closed,
                (None, true, false) => self.tuning.gain_open,
            };
            let enough = self.forced.is_some()
                || slot.short_left.min(slot.long_left) >= if closed { 6.0 } else { 20.0 } * self.belief.rate;
            if gain > hurdle * unit && enough && best.is_none_or(|(known, _)| gain > known) {
                best = Some((gain, to));
            }
        }
        answer.to = best.map(|(_, to)| to);
    }
}
