//! The demands that a plan is tried against: multiples of what is expected, and days of the past come
//! again. One expected demand alone would make a plan too sure.

use super::rollout::{LANES, Step};
use crate::belief::LaneBelief;
use crate::belief::Tuning;
use crate::belief::demand::{self, BIN, DAY};
use alloc::vec::Vec;

/// Quarter hours at the start of a plan; what follows is planned in hours.
const FINE: usize = 96;

/// A demand with its weight.
pub(super) struct Trace {
    pub weight: f64,
    pub steps: Vec<Step>,
}

/// What a lane may need: means and pasts, per quarter hour.
struct Outlook {
    means: Vec<f64>,
    pasts: Vec<Vec<f64>>,
}

fn outlook(belief: &LaneBelief, first: i64, bins: i64, prior: f64, tuning: &Tuning) -> Outlook {
    let mut means = belief.history.expect(first, bins, prior);
    let level = belief.history.level(first);
    let mut weight = 1.0;
    for mean in &mut means {
        *mean *= 1.0 + (level - 1.0) * weight;
        weight *= 0.951;
    }
    let pasts = (0..i64::from(tuning.replays))
        .map(|nth| belief.history.replay(first, nth, &means))
        .collect();
    Outlook { means, pasts }
}

/// Demands of the lanes from `now` on, the deciding lane first. `capacity` is the pool's weekly
/// size, the base of the guess where nothing is known yet.
pub(super) fn traces(
    beliefs: &[&LaneBelief],
    tuning: &Tuning,
    now: f64,
    busy: bool,
    capacity: f64,
) -> Vec<Trace> {
    let bins = (tuning.ahead_days * DAY as f64) as i64;
    let first = demand::bin(now);
    let prior = 0.35 * capacity / demand::WEEK as f64 / beliefs.len().max(1) as f64;
    let lanes: Vec<_> =
        beliefs.iter().map(|belief| outlook(belief, first, bins, prior, tuning)).collect();
    let rate = if busy { beliefs[0].rate } else { 0.0 };
    let clock = Clock { now, first, bins: bins as usize, lanes: lanes.len(), rate };
    let mut traces = Vec::new();
    for (multiple, weight) in tuning.multiples.iter().zip(tuning.multiple_weights) {
        if weight > 0.0 {
            let need = |lane: usize, bin: usize| lanes[lane].means[bin] * multiple;
            traces.push(Trace { weight, steps: clock.steps(&need) });
        }
    }
    for past in 0..tuning.replays as usize {
        let need = |lane: usize, bin: usize| lanes[lane].pasts[past][bin] * tuning.replay_multiple;
        traces.push(Trace { weight: tuning.replay_weight, steps: clock.steps(&need) });
    }
    traces
}

struct Clock {
    now: f64,
    first: i64,
    bins: usize,
    lanes: usize,
    rate: f64,
}

impl Clock {
    /// Quarter hours first, then hours; spans without demand are left out.
    fn steps(&self, need: &dyn Fn(usize, usize) -> f64) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.bins / 2);
        let mut bin = 0;
        while bin < self.bins {
            let width = if bin < FINE { 1 } else { 4.min(self.bins - bin) };
            let start = (self.first + bin as i64) as f64 * BIN;
            let mut step = Step { start, len: BIN * width as f64, need: [0.0; LANES] };
            for lane in 0..self.lanes {
                for part in 0..width {
                    step.need[lane] += need(lane, bin + part);
                }
            }
            if bin == 0 {
                self.cut(&mut step);
            }
            if step.len > 0.01 && step.need.iter().any(|need| *need > 1e-9) {
                steps.push(step);
            }
            bin += width;
        }
        steps
    }

    /// The bin that has begun: what is left of it, at least at the present rate.
    fn cut(&self, step: &mut Step) {
        let left = step.start + BIN - self.now;
        for need in &mut step.need {
            *need *= left / BIN;
        }
        step.need[0] = step.need[0].max(self.rate * left);
        step.start = self.now;
        step.len = left;
    }
}
