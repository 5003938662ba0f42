//! Pure decisions: which account should be live, and why.
//!
//! No I/O, no clock, no time zone, no randomness, no async: the crate is `no_std`, so the compiler
//! refuses them. Every input is a value, every output is a value, and the same input gives the same
//! output on every platform.
#![cfg_attr(not(feature = "schema"), no_std)]

extern crate alloc;

pub mod account;
pub mod advise;
pub mod belief;
pub mod breaker;
pub mod burn;
pub mod calendar;
pub mod choose;
pub mod decide;
pub mod decision;
pub mod entry;
pub mod explain;
pub mod fall;
pub mod fallen;
pub mod forecast;
pub mod gates;
pub mod gating;
pub mod grant;
pub mod herd;
pub mod horizon;
pub mod label;
pub mod lane;
pub mod limits;
pub mod lookup;
pub mod memory;
pub mod observation;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod poll;
pub mod provider;
pub mod renew;
pub mod reset_plan;
pub mod resets;
pub mod rule;
pub mod rules;
pub mod schedule;
pub mod skip;
pub mod span;
pub mod standing;
pub mod survey;
pub mod target;
pub mod tier;
pub mod tiered;
pub mod units;
pub mod usage;
pub mod verdict;
pub mod window;
pub mod world;

pub use account::{Account, Login, Plan};
pub use burn::Burn;
pub use calendar::Calendar;
pub use decision::{Action, AskedBy, Candidate, Decision, Refusal, Trigger};
pub use fall::{Fall, FallCause};
pub use lane::{Gates, Lane};
pub use memory::Memory;
pub use observation::{Observation, Source};
pub use policy::{Proposal, Strategy, Stretch, Wish};
pub use provider::Provider;
pub use resets::Resets;
pub use rules::{Policy, Rules};
pub use units::{AccountId, Generation, LaneId, Mono, Now, Percent, Utc};
pub use usage::{Credits, Metered, Usage};
pub use verdict::{Block, Verdict};
pub use window::{Amounts, Shown, Window, WindowKind, WindowState, capacity_ratio, same_reset};
pub use world::{PollPlan, Settlement, World};
