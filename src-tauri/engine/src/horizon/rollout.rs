//! A cheap simulation of the next days under a simple rule: what a plan is worth is what it serves there.

use crate::belief::slot::Slot;
use alloc::vec;
use alloc::vec::Vec;

/// Lanes simulated together.
pub(super) const LANES: usize = 4;

/// A span of equal demand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub start: f64,
    pub len: f64,
    pub need: [f64; LANES],
}

/// Where a lane stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub slot: usize,
    pub since: f64,
    pub last_use: f64,
}

/// The rule rollouts continue with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Base {
    /// Prefer open windows that end first over the earliest weekly reset.
    pub open_first: bool,
}

/// The first move of a rollout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub lane: usize,
    pub to: Option<usize>,
    /// Return after this many minutes.
    pub back_after: Option<f64>,
}

/// Prices of a rollout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    pub swap_units: f64,
    pub swap_pause: f64,
    pub cache_ttl: f64,
    /// Worth of a unit that is left at the end.
    pub left_share: f64,
}

/// The starting point of rollouts.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub now: f64,
    pub slots: Vec<Slot>,
    pub seats: Vec<Seat>,
    pub prices: Prices,
}

/// What a rollout came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// Units served.
    pub served: f64,
    /// Units not served.
    pub lost: f64,
    pub hot_swaps: f64,
    /// Units left of the weeks at the end.
    pub left: f64,
}

impl Outcome {
    /// Units that count: what is served and what stays, less what the swaps cost.
    pub(super) fn worth(&self, prices: Prices) -> f64 {
        self.served + prices.left_share * self.left - prices.swap_units * self.hot_swaps
    }
}

/// The deciding lane comes to an account then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub slot: usize,
    pub at: f64,
}

pub(super) struct Rollout<'a> {
    pool: &'a Pool,
    slots: Vec<Slot>,
    seats: Vec<Seat>,
    back: Option<(usize, usize, f64)>,
    outcome: Outcome,
    /// The deciding lane's turns, where somebody wants to know them.
    turns: Option<Vec<Turn>>,
}

impl<'a> Rollout<'a> {
    pub(super) fn new(pool: &'a Pool) -> Self {
        Self {
            pool,
            slots: pool.slots.clone(),
            seats: pool.seats.clone(),
            back: None,
            outcome: Outcome::default(),
            turns: None,
        }
    }

    /// The same as [`Rollout::run`], and who was live when.
    pub(super) fn told(
        &mut self,
        opening: Opening,
        base: Base,
        steps: &[Step],
    ) -> (Outcome, Vec<Turn>) {
        self.turns = Some(vec![Turn { slot: self.pool.seats[0].slot, at: self.pool.now }]);
        let outcome = self.run(opening, base, steps);
        (outcome, self.turns.take().unwrap_or_default())
    }

    /// Plays `steps` from the pool's state.
    pub(super) fn run(&mut self, opening: Opening, base: Base, steps: &[Step]) -> Outcome {
        self.slots.copy_from_slice(&self.pool.slots);
        self.seats.copy_from_slice(&self.pool.seats);
        self.outcome = Outcome::default();
        self.back = None;
        let now = self.pool.now;
        if let Some(to) = opening.to {
            let from = self.seats[opening.lane].slot;
            self.swap(opening.lane, to, now);
            self.back = opening.back_after.map(|after| (opening.lane, from, now + after));
        }
        let lanes = self.seats.len();
        for step in steps {
            for slot in &mut self.slots {
                slot.refresh(step.start);
            }
            for lane in 0..lanes {
                let need = step.need[lane];
                if need > 0.0 {
                    self.serve(lane, need, step, base);
                }
            }
        }
        self.outcome.left = self.slots.iter().map(|slot| slot.long_left.max(0.0)).sum();
        self.outcome
    }

    fn swap(&mut self, lane: usize, to: usize, t: f64) -> f64 {
        let seat = &mut self.seats[lane];
        let hot = t - seat.last_use <= self.pool.prices.cache_ttl;
        seat.slot = to;
        seat.since = t;
        if let Some(turns) = self.turns.as_mut().filter(|_| lane == 0) {
            turns.push(Turn { slot: to, at: t });
        }
        if !hot {
            return 0.0;
        }
        self.outcome.hot_swaps += 1.0;
        let slot = &mut self.slots[to];
        let cost = self.pool.prices.swap_units.min(0.1 * slot.short_cap).min(slot.room(t));
        if cost > 0.0 {
            slot.begin(t);
            slot.short_left -= cost;
            slot.long_left -= cost;
        }
        self.pool.prices.swap_pause
    }

    fn serve(&mut self, lane: usize, need: f64, step: &Step, base: Base) {
        let rate = need / step.len;
        let end = step.start + step.len;
        let mut t = step.start;
        self.give_back(lane, t);
        while t < end - 1e-6 {
            let at = self.seats[lane].slot;
            let slot = &mut self.slots[at];
            slot.refresh(t);
            let room = slot.room(t);
            if room > 1e-6 * slot.short_cap {
                let take = room.min(rate * (end - t));
                slot.begin(t);
                slot.short_left -= take;
                slot.long_left -= take;
                self.outcome.served += take;
                t += take / rate;
                self.seats[lane].last_use = t;
                if t >= end - 1e-6 {
                    return;
                }
            }
            t = self.next(lane, t, end, rate, base);
        }
    }

    /// Returns from a touch.
    fn give_back(&mut self, lane: usize, t: f64) {
        if let Some((owner, from, at)) = self.back
            && owner == lane
            && t >= at
        {
            self.back = None;
            if self.slots[from].usable(t) && self.free(lane, from) {
                self.swap(lane, from, t);
            }
        }
    }

    fn free(&self, lane: usize, slot: usize) -> bool {
        !self.seats.iter().enumerate().any(|(other, seat)| other != lane && seat.slot == slot)
    }

    /// The active account is used up: moves on, or waits; answers the time that is then.
    fn next(&mut self, lane: usize, t: f64, end: f64, rate: f64, base: Base) -> f64 {
        let mut best: Option<(f64, usize)> = None;
        let mut wake = f64::INFINITY;
        for index in 0..self.slots.len() {
            self.slots[index].refresh(t);
            let slot = self.slots[index];
            if !slot.usable(t) {
                wake = wake.min(slot.recovers(t));
                continue;
            }
            let shared = if self.free(lane, index) { 0.0 } else { 1e12 };
            let key = shared
                + match (base.open_first, slot.open(t)) {
                    (false, _) => slot.long_ends,
                    (true, true) => slot.short_ends - 1e9,
                    (true, false) => slot.long_ends,
                };
            if best.is_none_or(|(known, _)| key < known) {
                best = Some((key, index));
            }
        }
        match best {
            Some((_, to)) if to != self.seats[lane].slot => t + self.swap(lane, to, t),
            _ => {
                let until = wake.max(t + 1.0).min(end);
                self.outcome.lost += rate * (until - t);
                until
            }
        }
    }
}
