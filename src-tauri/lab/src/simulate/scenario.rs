//! The scenario file: what is true, what it costs and what can be seen of it.

use super::SimulateError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One recorded world. Minutes count from Monday 00:00; units are abstract work.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// Always `quota-sim/1`.
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

/// One account; only `id`, `plan`, `weight` and the reached `available_from` are public.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountSpec {
    /// Its name in the log.
    pub id: String,
    /// Plan name.
    #[serde(default)]
    pub plan: String,
    /// Nominal size (1, 5, 20).
    pub weight: f64,
    /// Capacity of the 5-hour window, units.
    pub c5: f64,
    /// Capacity of the weekly window, units.
    pub c7: f64,
    /// First weekly reset, then every 10,080 minutes.
    pub weekly_reset_at: i64,
    /// Weekly use at minute 0.
    #[serde(default)]
    pub used7_0: f64,
    /// 5-hour use at minute 0.
    #[serde(default)]
    pub used5_0: f64,
    /// Opening minute of a window open at minute 0, may be negative.
    #[serde(default)]
    pub window5_open_at: Option<i64>,
    /// Weekly buckets of single models.
    #[serde(default)]
    pub models: Option<BTreeMap<String, ModelSpec>>,
    /// The account exists from this minute.
    #[serde(default)]
    pub available_from: i64,
    /// The login is dead in these half-open spans.
    #[serde(default)]
    pub invalid: Vec<(i64, i64)>,
}

/// A weekly bucket of one model.
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
    /// Reads a scenario from JSON.
    ///
    /// # Errors
    /// [`SimulateError::Scenario`] with the parser's words.
    pub fn parse(bytes: &[u8]) -> Result<Self, SimulateError> {
        let scenario: Self = serde_json::from_slice(bytes)
            .map_err(|error| SimulateError::Scenario(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Refuses what cannot be run.
    ///
    /// # Errors
    /// [`SimulateError::Scenario`] naming the first thing that is wrong.
    pub fn check(&self) -> Result<(), SimulateError> {
        let wrong = |what: String| Err(SimulateError::Scenario(what));
        if self.format != "quota-sim/1" {
            return wrong(format!("format is \"{}\"", self.format));
        }
        if self.accounts.is_empty() || self.observe.resolution_pct <= 0.0 {
            return wrong("no accounts, or a resolution of zero".to_owned());
        }
        for agent in &self.agents {
            if self.index(&agent.initial_account).is_none() {
                return wrong(format!("agent {} starts on an unknown account", agent.id));
            }
        }
        Ok(())
    }

    /// Position of the account called `id`.
    #[must_use]
    pub fn index(&self, id: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.id == id)
    }
}
