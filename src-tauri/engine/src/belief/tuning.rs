//! The planner's constants in one place, so that one run can be measured against another.

use serde::{Deserialize, Serialize};

/// Constants of policy `horizon`. Shares are fractions. A stored world keeps the short names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// Share of the pool's median 5-hour window a hot swap costs (prompt cache rebuilt).
    pub swap_share: f64,
    /// Pause of a hot swap.
    #[serde(rename = "swap_pause")]
    pub swap_pause_min: f64,
    /// A lane is hot this long after its last use.
    #[serde(rename = "cache_ttl")]
    pub cache_ttl_min: f64,
    /// An account with fewer minutes of burn than this is used up before a reading tells.
    #[serde(rename = "rushed")]
    pub rushed_min: f64,
    /// Minutes of work that a refusal costs.
    #[serde(rename = "recovery")]
    pub recovery_min: f64,
    /// Growth this recent means the lane is working.
    #[serde(rename = "busy")]
    pub busy_min: f64,
    /// Leave this many minutes of burn before the end.
    #[serde(rename = "lead")]
    pub lead_min: f64,
    /// Plan this often while working.
    #[serde(rename = "plan_busy")]
    pub plan_busy_min: f64,
    /// Plan this often while idle.
    #[serde(rename = "plan_idle")]
    pub plan_idle_min: f64,
    /// How long a touch stays before it may return.
    #[serde(rename = "touch")]
    pub touch_min: f64,
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
    #[serde(rename = "days")]
    pub ahead_days: f64,
    /// Longest interval between reads of a working lane's account.
    #[serde(rename = "poll_busy")]
    pub poll_busy_min: f64,
    /// Interval while idle.
    #[serde(rename = "poll_idle")]
    pub poll_idle_min: f64,
    /// Interval while idle at a time of day that never saw work.
    #[serde(rename = "poll_asleep")]
    pub poll_asleep_min: f64,
    /// Intervals grow by this with each lane that works.
    pub poll_crowd: f64,
    /// Interval of the other accounts.
    #[serde(rename = "poll_other")]
    pub poll_other_min: f64,
    /// Interval of a parked account whose last reading named a reset that had passed.
    #[serde(rename = "poll_unsettled")]
    pub poll_unsettled_min: f64,
    /// A working account is read in this share of its time to exhaustion.
    pub poll_share: f64,
    /// Samples older than this are not swapped to.
    #[serde(rename = "stale")]
    pub stale_min: f64,
    /// A forced move may use what is worth this many swaps.
    pub scrap: f64,
    /// Memory of the rate estimate, minutes.
    #[serde(rename = "rate_tau")]
    pub rate_tau_min: f64,
    /// Minutes of burn an account must have to be moved to before it is needed.
    #[serde(rename = "ample")]
    pub ample_min: f64,
    /// Latest days of the same kind that are replayed as demands.
    pub replays: u32,
    /// Replayed demands are multiplied by this.
    pub replay_multiple: f64,
    /// Worth of a unit that is left of the weeks at the end of the days planned ahead: between moves that
    /// serve the same, what would expire goes first.
    pub left_share: f64,
    /// With each other lane a voluntary move must gain so many times as much more: the others plan, too, and
    /// what they will do is not known.
    pub gain_crowd: f64,
    /// Interval of a parked account whose provider refuses work: it says when that ends, and is asked in case
    /// it ends early.
    pub poll_blocked_min: f64,
    /// Longest interval between reads of a working lane's account of which more than an hour's work is left.
    pub poll_calm_min: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            swap_share: 0.02,
            swap_pause_min: 0.3,
            cache_ttl_min: 60.0,
            rushed_min: 12.0,
            recovery_min: 5.0,
            busy_min: 20.0,
            lead_min: 1.3,
            plan_busy_min: 10.0,
            plan_idle_min: 15.0,
            touch_min: 15.0,
            multiples: [1.5, 3.0, 6.0],
            multiple_weights: [0.2, 0.2, 0.0],
            replay_weight: 0.1,
            gain_closed: 1.0,
            gain_open: 3.0,
            gain_idle: 1.0,
            pressure_gate: 0.5,
            pressure_half_days: 5.0,
            ahead_days: 3.0,
            poll_busy_min: 5.0,
            poll_idle_min: 8.0,
            poll_asleep_min: 30.0,
            poll_crowd: 1.0,
            poll_other_min: 720.0,
            poll_unsettled_min: 15.0,
            poll_share: 0.25,
            stale_min: 1440.0,
            scrap: 1.3,
            rate_tau_min: 3.0,
            ample_min: 5.0,
            replays: 6,
            replay_multiple: 2.0,
            left_share: 0.1,
            gain_crowd: 1.0,
            poll_blocked_min: 60.0,
            poll_calm_min: 6.0,
        }
    }
}
