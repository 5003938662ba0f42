//! The scenario file: what is true, what it costs and what can be seen of it.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Length of a short window that names none, minutes.
pub const SHORT_MIN: i64 = 300;
/// Length of a long window that names none, minutes.
pub const LONG_MIN: i64 = 10_080;

/// One recorded world. Minutes count from Monday 00:00; units are abstract work.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// `quota-sim/1` or `quota-sim/2`.
    pub format: String,
    /// Name, repeated in the log.
    pub name: String,
    /// Group for reporting.
    #[serde(default)]
    pub family: String,
    /// Seed of the observation noise.
    pub seed: u64,
    /// Length in minutes.
    pub horizon_min: i64,
    /// The pool.
    pub accounts: Vec<AccountSpec>,
    /// The machines that draw on it.
    pub agents: Vec<AgentSpec>,
    /// What a swap and a refusal cost.
    pub costs: Costs,
    /// What a policy may see.
    pub observe: Observe,
}

/// One account; only `id`, `plan`, `weight` and the reached `available_from` are public. The short
/// window is the 5-hour one and the long window the weekly one, however long they are.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountSpec {
    /// Its name in the log.
    pub id: String,
    /// Plan name at minute 0.
    #[serde(default)]
    pub plan: String,
    /// Nominal size at minute 0 (1, 5, 20).
    pub weight: f64,
    /// Capacity of the short window at minute 0, units; `None`: there is none.
    #[serde(deserialize_with = "said")]
    pub c5: Option<f64>,
    /// Capacity of the long window at minute 0, units.
    pub c7: f64,
    /// Length of the short window, minutes.
    #[serde(default = "short_min")]
    pub span5: i64,
    /// Length of the long window, minutes.
    #[serde(default = "long_min")]
    pub span7: i64,
    /// First ordinary end of the long window, then every `span7` minutes.
    pub weekly_reset_at: i64,
    /// Use of the long window at minute 0.
    #[serde(default)]
    pub used7_0: f64,
    /// Use of the short window at minute 0.
    #[serde(default)]
    pub used5_0: f64,
    /// Opening minute of a window open at minute 0, may be negative.
    #[serde(default)]
    pub window5_open_at: Option<i64>,
    /// Long windows of single models.
    #[serde(default)]
    pub models: Option<BTreeMap<String, ModelSpec>>,
    /// The account exists from this minute.
    #[serde(default)]
    pub available_from: i64,
    /// The login is dead in these half-open spans.
    #[serde(default)]
    pub invalid: Vec<(i64, i64)>,
    /// From this minute on the short window has this capacity, or is not there.
    #[serde(default)]
    pub short_changes: Vec<(i64, Option<f64>)>,
    /// Changes of plan.
    #[serde(default)]
    pub plan_changes: Vec<PlanChange>,
    /// Windows emptied before their end.
    #[serde(default)]
    pub early_resets: Vec<EarlyReset>,
}

/// A key that may be null but not left out.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)
}

fn short_min() -> i64 {
    SHORT_MIN
}

fn long_min() -> i64 {
    LONG_MIN
}

fn at<T>(list: &[T], minute: i64, of: impl Fn(&T) -> i64) -> Option<&T> {
    list.binary_search_by_key(&minute, of).ok().map(|index| &list[index])
}

impl AccountSpec {
    /// The short capacity that begins in this minute, if one does.
    pub(super) fn short_change(&self, minute: i64) -> Option<Option<f64>> {
        at(&self.short_changes, minute, |change| change.0).map(|change| change.1)
    }

    /// The change of plan in this minute.
    pub(super) fn plan_change(&self, minute: i64) -> Option<&PlanChange> {
        at(&self.plan_changes, minute, |change| change.minute)
    }

    /// The early reset in this minute.
    pub(super) fn early_reset(&self, minute: i64) -> Option<EarlyReset> {
        at(&self.early_resets, minute, |reset| reset.minute).copied()
    }
}

/// An account is of another plan from `minute` on.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "(i64, String, f64, f64)")]
pub struct PlanChange {
    /// First minute of the plan.
    pub minute: i64,
    /// Its name.
    pub plan: String,
    /// Its nominal size.
    pub weight: f64,
    /// The capacity of its long window, units.
    pub c7: f64,
}

impl From<(i64, String, f64, f64)> for PlanChange {
    fn from((minute, plan, weight, c7): (i64, String, f64, f64)) -> Self {
        Self { minute, plan, weight, c7 }
    }
}

/// Windows are emptied before their end, without a word.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "(i64, Emptied, After)")]
pub struct EarlyReset {
    /// When.
    pub minute: i64,
    /// Which.
    pub windows: Emptied,
    /// The long window's span begins anew; otherwise it ends when it would have. Says nothing of the
    /// short window.
    pub restarts: bool,
}

/// Which windows an early reset empties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emptied {
    /// The short one.
    Short,
    /// The long one and those of models.
    Long,
    /// All.
    Both,
}

impl Emptied {
    pub(super) fn short(self) -> bool {
        self != Self::Long
    }

    pub(super) fn long(self) -> bool {
        self != Self::Short
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum After {
    Keep,
    Restart,
}

impl From<(i64, Emptied, After)> for EarlyReset {
    fn from((minute, windows, after): (i64, Emptied, After)) -> Self {
        Self { minute, windows, restarts: matches!(after, After::Restart) }
    }
}

/// A long window of one model.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ModelSpec {
    /// Capacity, units.
    pub c7: f64,
    /// Use at minute 0.
    #[serde(default)]
    pub used_0: f64,
}

/// A machine with one active login.
#[derive(Clone, Debug, Deserialize)]
pub struct AgentSpec {
    /// Its name in the log.
    pub id: String,
    /// Active at minute 0.
    pub initial_account: String,
    /// What it wants to do.
    pub demand: Vec<Span>,
}

/// Demand of `rate` units per minute in `[start, end)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "RawSpan")]
pub struct Span {
    /// First minute.
    pub start: i64,
    /// First minute after.
    pub end: i64,
    /// Units per minute.
    pub rate: f64,
    /// The model it needs.
    pub model: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawSpan {
    Plain(i64, i64, f64),
    Model(i64, i64, f64, Option<String>),
}

impl From<RawSpan> for Span {
    fn from(raw: RawSpan) -> Self {
        let (start, end, rate, model) = match raw {
            RawSpan::Plain(start, end, rate) => (start, end, rate, None),
            RawSpan::Model(start, end, rate, model) => (start, end, rate, model),
        };
        Self { start, end, rate, model }
    }
}

/// What a swap costs.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Costs {
    /// Units a hot swap burns on rebuilding the prompt cache.
    pub swap_units: f64,
    /// Minutes a hot swap pauses the agent.
    pub swap_pause_min: f64,
    /// A swap is hot this long after the agent's last use.
    pub cache_ttl_min: i64,
    /// Minutes an agent stands still after a refusal.
    pub recovery_min: i64,
}

/// Limits of observation.
#[derive(Clone, Debug, Deserialize)]
pub struct Observe {
    /// Reads of one account closer together are refused.
    pub min_poll_interval_min: i64,
    /// Percentages are rounded to this.
    pub resolution_pct: f64,
    /// Half width of the uniform noise.
    #[serde(default)]
    pub noise_pct: f64,
    /// Age of what an answer says.
    #[serde(default)]
    pub publish_delay_min: i64,
    /// Minutes until an answer arrives, beyond one.
    #[serde(default)]
    pub latency_min: i64,
    /// Up to this many minutes more.
    #[serde(default)]
    pub latency_jitter_min: i64,
    /// Share of reads answered 429.
    #[serde(default)]
    pub error_prob: f64,
    /// Whether refusals are reported.
    #[serde(default)]
    pub limit_signal: bool,
    /// Minutes until they are, beyond one.
    #[serde(default)]
    pub limit_signal_delay_min: i64,
    /// Spans in which every read fails, with the kind.
    #[serde(default)]
    pub outages: Vec<(i64, i64, String)>,
}

impl Scenario {
    /// Position of the account called `id`.
    #[must_use]
    pub fn index(&self, id: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.id == id)
    }
}
