//! What one decision looks at: the lane, the accounts it could take, and whether it must leave.

use super::rollout::{LANES, Pool, Prices, Seat};
use crate::belief::gauge::{Gauge, minutes};
use crate::belief::index::Entry;
use crate::belief::slot::Slot;
use crate::belief::{LaneBelief, State};
use crate::decision::Refusal;
use crate::lane::Lane;
use crate::rule::{Force, Rule};
use crate::units::LaneId;
use crate::world::World;
use alloc::vec;
use alloc::vec::Vec;

/// One decision's surroundings. Slots and entries run in parallel; `here` is the active one.
pub(super) struct Scene<'a> {
    pub now: f64,
    pub state: &'a State,
    pub lane: &'a Lane,
    pub belief: &'a LaneBelief,
    pub others: Vec<LaneId>,
    pub pool: Pool,
    pub entries: Vec<&'a Entry>,
    pub here: usize,
    /// Why the lane must leave.
    pub forced: Option<Rule>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(world: &'a World, lane: &'a Lane, now: f64) -> Option<Self> {
        let state = &world.horizon;
        let index = &state.index;
        let belief = state.lanes.get(&lane.id)?;
        let active = index.find(lane.active?)?;
        let mut others: Vec<(LaneId, usize)> = Vec::new();
        if world.lanes.len() <= LANES {
            let rest = world.lanes.iter().filter(|other| other.id != lane.id);
            others = rest
                .filter(|other| other.provider == lane.provider)
                .filter_map(|other| Some((other.id, index.find(other.active?)?)))
                .collect();
            others.sort_unstable();
        }
        let seated: Vec<usize> = others.iter().map(|(_, at)| *at).collect();
        let close = index.close(lane.provider, active, &seated);
        let entries: Vec<&Entry> = close.iter().map(|&at| &index.entries[at]).collect();
        let here = close.iter().position(|&at| at == active)?;
        let mut slots: Vec<Slot> = entries
            .iter()
            .map(|entry| {
                let mut slot = entry.slot;
                if !entry.recovers() {
                    slot.blocked_until = f64::INFINITY;
                }
                slot
            })
            .collect();
        slots[here].blocked_until = entries[here].slot.blocked_until;
        let mut seats = vec![seat(state, lane.id, here)];
        for (id, at) in &others {
            if let Some(slot) = close.iter().position(|place| place == at) {
                seats.push(seat(state, *id, slot));
            }
        }
        let tuning = &state.tuning;
        let prices = Prices {
            swap_units: tuning.swap_share * index.median,
            swap_pause: tuning.swap_pause_min,
            cache_ttl: tuning.cache_ttl_min,
            left_share: tuning.left_share,
        };
        let pool = Pool { now, slots, seats, prices };
        let others = others.into_iter().map(|(id, _)| id).collect();
        let mut scene =
            Self { now, state, lane, belief, others, pool, entries, here, forced: None };
        scene.forced = scene.force(state.gauges.get(&lane.active?));
        if scene.forced == Some(Rule::Forced(Force::Paid)) && scene.targets().is_empty() {
            // Paid use is the last resort, and goes on.
            scene.forced = None;
        }
        Some(scene)
    }

    /// What is believed of the lanes of a rollout, the deciding one first.
    pub(super) fn beliefs(&self) -> Vec<&'a LaneBelief> {
        let mut beliefs = Vec::with_capacity(LANES);
        beliefs.push(self.belief);
        beliefs.extend(self.others.iter().filter_map(|id| self.state.lanes.get(id)));
        beliefs.truncate(self.pool.seats.len());
        beliefs
    }

    /// Work was seen lately.
    pub(super) fn busy(&self) -> bool {
        self.belief.worked(self.now, self.state.tuning.busy_min)
    }

    /// The prompt cache is warm: moving costs.
    pub(super) fn hot(&self) -> bool {
        self.belief.worked(self.now, self.state.tuning.cache_ttl_min)
    }

    /// Whether another lane is on the account.
    pub(super) fn held(&self, at: usize) -> bool {
        self.state.index.held(self.entries[at].id, self.lane.active)
    }

    /// Units usable now.
    pub(super) fn room(&self, at: usize) -> f64 {
        self.pool.slots[at].room(self.now)
    }

    /// Room below which a move of one's own accord is not worth its while.
    pub(super) fn ample(&self, at: usize) -> f64 {
        let cap = self.pool.slots[at].short_cap;
        (self.state.tuning.ample_min * self.belief.rate).min(0.25 * cap).max(0.015 * cap)
    }

    fn force(&self, gauge: Option<&Gauge>) -> Option<Rule> {
        let entry = self.entries[self.here];
        let dead = gauge.is_some_and(|gauge| self.now < gauge.dead_until);
        if dead || entry.refusal == Refusal::Disabled {
            return Some(Rule::Forced(Force::Unusable));
        }
        if let Some(rule) = &entry.must_leave {
            return Some(rule.clone());
        }
        let paid = entry.paid.then_some(Force::Paid);
        gauge.and_then(|gauge| self.shortage(gauge, paid)).or(paid).map(Rule::Forced)
    }

    /// What is short on the active account by what is believed of it.
    fn shortage(&self, gauge: &Gauge, paid: Option<Force>) -> Option<Force> {
        if self.now < gauge.full_until {
            return Some(Force::Refused);
        }
        if paid.is_some() {
            return paid;
        }
        if gauge.long_full(self.now) {
            return Some(Force::LongFull);
        }
        if gauge.short_full(self.now) {
            return Some(Force::ShortFull);
        }
        if !self.busy() {
            // Free while idle, and the next session begins where there is room.
            let dry = gauge.left(self.now) < 0.006 * gauge.weight;
            let week = gauge.long_left() < gauge.short_left();
            return dry.then_some(if week { Force::Long } else { Force::Short });
        }
        let rate = self.belief.rate;
        let age = gauge.seen_at.map_or(10.0, |seen| (self.now - seen).clamp(0.0, 10.0));
        let percent = 100.0 * rate / gauge.weight;
        let doubt = 0.5 * (0.5 + self.state.noise + 0.15 * age * percent) * gauge.weight / 100.0;
        let lead = self.state.tuning.lead_min * rate;
        if gauge.short_left() < lead + doubt {
            return Some(Force::Short);
        }
        (gauge.long_left() < lead + 0.5 * doubt).then_some(Force::Long)
    }

    /// Work already stands still.
    fn stuck(&self) -> bool {
        self.forced.as_ref().is_some_and(Rule::refusal)
    }

    /// How dry the pool ran lately.
    pub(super) fn pressure(&self) -> f64 {
        self.state.pressure_at(self.now)
    }

    /// Accounts to weigh: usable, with room enough for what the lane is about. A lane that must
    /// leave and finds none takes the last readings' word against its own reckoning; one that
    /// stands still takes what is not worth a swap before it waits, and at last what costs money
    /// where the person allows that.
    pub(super) fn targets(&self) -> Vec<usize> {
        let worth = |at| self.floor(at);
        let mut found = self.with_room(|at| self.room(at), worth);
        if !found.is_empty() || self.forced.is_none() {
            return found;
        }
        found = self.with_room(|at| self.entries[at].read_left, worth);
        if found.is_empty() && self.stuck() {
            found = self.with_room(|at| self.room(at), |at| 0.015 * self.pool.slots[at].short_cap);
        }
        let ended = match &self.forced {
            Some(Rule::Forced(force)) => force.stuck() || force.full(),
            Some(rule) => rule.refusal(),
            None => false,
        };
        if found.is_empty() && ended {
            found = self.unheld(|at| self.entries[*at].paid && self.allowed(*at));
        }
        found
    }

    fn with_room(&self, room: impl Fn(usize) -> f64, floor: impl Fn(usize) -> f64) -> Vec<usize> {
        self.unheld(|at| self.open_to(*at) && room(*at) > floor(*at))
    }

    /// Those that are good and on which no other lane is; a lane that must leave shares.
    fn unheld(&self, good: impl Fn(&usize) -> bool) -> Vec<usize> {
        let all: Vec<_> = (0..self.entries.len()).filter(good).collect();
        let free: Vec<_> = all.iter().copied().filter(|&at| !self.held(at)).collect();
        if free.is_empty() && self.forced.is_some() { all } else { free }
    }

    /// Room below which a move there is not worth its price.
    fn floor(&self, at: usize) -> f64 {
        let scrap = self.state.tuning.scrap * self.pool.prices.swap_units;
        let most = 0.25 * self.pool.slots[at].short_cap;
        match (self.stuck(), self.hot()) {
            (true, true) => scrap.min(most),
            (true, false) => (0.2 * scrap).min(most),
            (false, _) => self.ample(at),
        }
    }

    /// Whether the lane may go there for its room.
    fn open_to(&self, at: usize) -> bool {
        !self.entries[at].paid && !self.entries[at].read_full && self.allowed(at)
    }

    /// Whether the lane may go there at all.
    fn allowed(&self, at: usize) -> bool {
        let entry = self.entries[at];
        let woken = self.state.woke_at;
        let fresh = woken.is_none_or(|woke| entry.seen_at > Some(woke));
        let skipped = self.lane.gates.skips.get(&entry.id);
        let gauge = self.state.gauges.get(&entry.id);
        at != self.here
            && entry.refusal == Refusal::Eligible
            && gauge.is_none_or(|gauge| gauge.dead_until <= self.now)
            && (fresh || self.forced.is_some())
            && skipped.is_none_or(|until| minutes(*until) <= self.now)
    }
}

fn seat(state: &State, id: LaneId, slot: usize) -> Seat {
    let belief = state.lanes.get(&id);
    Seat {
        slot,
        since: belief.map_or(0.0, |belief| belief.since),
        last_use: belief.and_then(|belief| belief.last_use).unwrap_or(f64::NEG_INFINITY),
    }
}
