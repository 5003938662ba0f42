//! Policy `horizon`: one plan over all accounts, their windows and the expected work.

mod belief;
mod cadence;
mod demand;
mod gauge;
mod plan;
mod rollout;
mod tuning;

pub use belief::{LaneBelief, State};
pub use cadence::polls;
pub use demand::History;
pub use gauge::{Anchor, Bucket, Gauge};
pub use plan::decide;
pub use tuning::Tuning;
