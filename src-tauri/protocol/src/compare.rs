//! What was done beside what a policy would have done, as rows to show.

use serde::{Deserialize, Serialize};

/// What one way of choosing came to, in units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Tally {
    /// Work that was served.
    pub served: f64,
    /// Capacity unused at weekly resets.
    pub stranded: f64,
    /// Work that was refused.
    pub interrupted: f64,
    /// Minutes of work refused.
    pub interrupted_min: f64,
    /// Swaps.
    pub swaps: f64,
}

/// What was done beside what a policy would have done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Compared {
    /// The policy's name.
    pub policy: String,
    /// From when.
    pub since_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// The recorded swaps made again.
    pub recorded: Tally,
    /// The policy instead.
    pub instead: Tally,
}

impl Tally {
    /// Adds up what two ways came to.
    pub fn add(&mut self, other: &Self) {
        self.served += other.served;
        self.stranded += other.stranded;
        self.interrupted += other.interrupted;
        self.interrupted_min += other.interrupted_min;
        self.swaps += other.swaps;
    }
}
