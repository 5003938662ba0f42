//! What the loop is put together from: everything outside it, behind ports.

use crate::ports::{Custody, Ledger, Providers, Runs};
use crate::worker::Hands;
use std::path::PathBuf;
use std::sync::Arc;

/// Makes the thread for lanes and tools at work.
pub type MakesRuns = Arc<dyn Fn() -> Box<dyn Runs> + Send + Sync>;

/// The parts outside.
#[derive(Clone)]
pub struct Parts {
    /// The holder of credentials.
    pub custody: Arc<dyn Custody>,
    /// The providers.
    pub providers: Arc<dyn Providers>,
    /// Makes another hold on the same database for a loop that starts anew.
    pub ledger: Arc<dyn Fn() -> Box<dyn Ledger> + Send + Sync>,
    /// What carries out the calls of the parts that block.
    pub hands: Hands,
    /// Makes the thread of runs for lanes and tools at work; `None` where there are none.
    pub runs: Option<MakesRuns>,
    /// Where numbers for a collector are kept if they are wished; `None` where nowhere.
    pub metrics: Option<PathBuf>,
}
