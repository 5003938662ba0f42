//! The event log a run prints: swaps, reads and what it claims to have served.

use super::physics::Totals;
use serde::Serialize;

/// A `quota-sim-log/1` document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Log {
    /// Always `quota-sim-log/1`.
    pub format: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// The policy's name.
    pub policy: String,
    /// Minute, agent, account; sorted.
    pub swaps: Vec<(i64, String, String)>,
    /// Minute, account; sorted.
    pub polls: Vec<(i64, String)>,
    /// The run's own sums.
    pub claimed: Claims,
}

/// The sums a scorer recomputes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Claims {
    /// Units of demand served.
    pub served: f64,
    /// Units that were unused at weekly resets.
    pub stranded: f64,
    /// Minutes of demand not served, weighted by the share lost.
    pub interrupted_min: f64,
    /// Swaps that changed an active account.
    pub swaps: u64,
    /// Of these, with a warm cache.
    pub hot_swaps: u64,
    /// Reads of usage.
    pub polls: u64,
    /// Refusals met by agents.
    pub limit_hits: u64,
}

impl Log {
    pub(super) fn new(scenario: &str, policy: &str) -> Self {
        Self {
            format: "quota-sim-log/1",
            scenario: scenario.to_owned(),
            policy: policy.to_owned(),
            swaps: Vec::new(),
            polls: Vec::new(),
            claimed: Claims::default(),
        }
    }

    pub(super) fn swap(&mut self, minute: i64, agent: &str, account: &str) {
        self.swaps.push((minute, agent.to_owned(), account.to_owned()));
    }

    pub(super) fn poll(&mut self, minute: i64, account: &str) {
        self.polls.push((minute, account.to_owned()));
    }

    pub(super) fn close(&mut self, totals: Totals) {
        self.claimed = Claims {
            served: totals.served,
            stranded: totals.stranded,
            interrupted_min: totals.interrupted_min,
            swaps: totals.swaps,
            hot_swaps: totals.hot_swaps,
            polls: self.polls.len() as u64,
            limit_hits: totals.limit_hits,
        };
    }
}
