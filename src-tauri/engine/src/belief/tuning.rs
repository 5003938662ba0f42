//! The planner's constants in one place, so that one run can be measured against another.

use serde::{Deserialize, Serialize};

/// Constants of policy `horizon`. Times are minutes, shares are fractions unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// Share of the pool's median 5-hour window a hot swap costs (prompt cache rebuilt).
    pub swap_share: f64,
    /// Pause of a hot swap.
    pub swap_pause: f64,
    /// A lane is hot this long after its last use.
    pub cache_ttl: f64,
    /// An account with fewer minutes of burn than this is used up before a reading tells.
    pub rushed: f64,
    /// Minutes of work that a refusal costs.
    pub recovery: f64,
    /// Growth this recent means the lane is working.
    pub busy: f64,
    /// Leave this many minutes of burn before the end.
    pub lead: f64,
    /// Plan this often while working.
    pub plan_busy: f64,
    /// Plan this often while idle.
    pub plan_idle: f64,
    /// How long a touch stays before it may return.
    pub touch: f64,
    /// Multiples of the expected demand that are planned for.
    pub multiples: [f64; 3],
    /// Their weights.
    pub multiple_weights: [f64; 3],
    /// Weight of each replayed past.
    pub replay_weight: f64,
    /// A move to a closed window must be worth this many swaps.
    pub gain_closed: f64,
    /// A move to an open one.
    pub gain_open: f64,
    /// A move while idle.
    pub gain_idle: f64,
    /// Below this pressure a hot lane makes no voluntary move.
    pub pressure_gate: f64,
    /// Half-life of pressure, days.
    pub pressure_half_days: f64,
    /// Days planned ahead.
    pub days: f64,
    /// Longest interval between reads of a working lane's account.
    pub poll_busy: f64,
    /// Interval while idle.
    pub poll_idle: f64,
    /// Interval while idle at a time of day that never saw work.
    pub poll_asleep: f64,
    /// Intervals grow by this with each lane that works.
    pub poll_crowd: f64,
    /// Interval of the other accounts.
    pub poll_other: f64,
    /// Interval of a parked account whose provider refuses work, or whose last reading named a reset that
    /// had passed.
    pub poll_unsettled: f64,
    /// A working account is read in this share of its time to exhaustion.
    pub poll_share: f64,
    /// Samples older than this are not swapped to.
    pub stale: f64,
    /// A forced move may use what is worth this many swaps.
    pub scrap: f64,
    /// Memory of the rate estimate, minutes.
    pub rate_tau: f64,
    /// Minutes of burn an account must have to be moved to before it is needed.
    pub ample: f64,
    /// Latest days of the same kind that are replayed as demands.
    pub replays: u32,
    /// Replayed demands are multiplied by this.
    pub replay_multiple: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            swap_share: 0.02,
            swap_pause: 0.3,
            cache_ttl: 60.0,
            rushed: 12.0,
            recovery: 5.0,
            busy: 20.0,
            lead: 1.3,
            plan_busy: 10.0,
            plan_idle: 30.0,
            touch: 15.0,
            multiples: [1.5, 3.0, 6.0],
            multiple_weights: [0.2, 0.2, 0.0],
            replay_weight: 0.1,
            gain_closed: 1.0,
            gain_open: 3.0,
            gain_idle: 3.0,
            pressure_gate: 0.5,
            pressure_half_days: 5.0,
            days: 3.0,
            poll_busy: 5.0,
            poll_idle: 18.0,
            poll_asleep: 45.0,
            poll_crowd: 1.0,
            poll_other: 720.0,
            poll_unsettled: 15.0,
            poll_share: 0.25,
            stale: 1440.0,
            scrap: 1.3,
            rate_tau: 3.0,
            ample: 5.0,
            replays: 6,
            replay_multiple: 2.0,
        }
    }
}
