//! Policy `horizon`: one plan over all accounts, their windows and the expected work.

mod belief;
mod cadence;
mod demand;
mod foresee;
mod gauge;
mod index;
mod plan;
mod rollout;
mod scene;
mod tuning;

pub use belief::{LaneBelief, State};
pub use cadence::polls;
pub use demand::History;
pub use gauge::{Anchor, Bucket, Gauge};
pub use plan::decide;
pub use tuning::Tuning;
