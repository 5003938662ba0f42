//! The rule set's cases that decide, one test each. A test's name begins with the case's number. `as_` and `um_`
//! run under `Rules::seed()`, the recorded rule set; `new_` under both rule sets.
//!
//! Numbers that are missing here belong to cases that do not decide: UM-001 to UM-003 (how a setting is
//! read: the core's `settings`), UM-005 and UM-093 to UM-098 (requests that spend quota, which Sluice never
//! sends), UM-044 (a decision that is only advised: the core, and `e2e modes`), UM-079 (how often a
//! notice is told: the core's notices), UM-084 to UM-092 and UM-099 to UM-100 (loops, their watchdogs
//! and the token that is sent).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod a1_rates;
mod a2_formulas;
mod a3_choosing;
mod a4_leaving;
mod audit;
mod b1_ticks;
mod b2_gates;
mod b3_polling;
mod edges;
mod falls;
mod fixture;
mod life;
mod lives;
mod marks;
mod new;
mod outside;
mod planned;
mod properties;
mod recorded;
mod refuge;
mod switches;
mod verdict;
mod windows;
mod words;
