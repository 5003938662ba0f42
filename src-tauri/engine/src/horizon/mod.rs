//! Policy `horizon`: one plan over all accounts, their windows and the expected work.

mod cadence;
mod foresee;
mod plan;
mod rollout;
mod scene;

pub use cadence::polls;
pub use plan::decide;
