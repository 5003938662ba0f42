//! The database: journal, decisions, history. No secret ever enters it.
//!
//! [`Ledger`] is synchronous and belongs to one thread; the driver gives it one. Several processes
//! may hold the same file (the tray, `sluice run`, a hook): every change is one `BEGIN IMMEDIATE`
//! transaction, so what was checked is still true when it is written. The ledger reads no clock:
//! each instant comes from the caller.

mod accounts;
mod checkup;
mod codec;
mod decisions;
mod error;
mod failures;
mod falls;
mod fold;
mod follow;
mod history;
mod inflight;
mod keep;
mod lanes;
mod locks;
mod moves;
mod notices;
mod open;
mod processes;
mod reconcile;
mod requests;
mod resets;
mod retention;
mod schema;
mod settings;
pub mod spool;
mod sqlite;
mod stranded;
mod swaps;
mod vintages;

pub use accounts::{AccountRow, Added, NewAccount};
pub use checkup::Checkup;
pub use decisions::{DecisionQuery, DecisionRow, NewDecision};
pub use error::{Error, Result};
pub use failures::FailureReport;
pub use follow::Used;
pub use history::{Sample, Standing};
pub use inflight::{
    Admission, Cap, Closed, ExecutionRow, NewExecution, Origin, Refusal, Shown, State,
};
pub use lanes::{DEFAULT_LANE, LaneGuard, LaneRow};
pub use moves::{ActivityRow, Choose, Field, Style, Verdict, by_headroom};
pub use notices::OutboxRow;
pub use open::{Ledger, Note, Opened};
pub use processes::{EXECUTION_VARIABLE, Kernel, Machine, Probe, ProcessId, Processes};
pub use reconcile::{Pass, RULE, ReconcileAction};
pub use requests::{NewRequest, RequestKind, RequestRow};
pub use retention::{Pruned, Retention};
pub use schema::SCHEMA_VERSION;
pub use stranded::StrandedRow;
pub use swaps::{Commit, NewSwap, Settled, StepRow, SwapId, SwapRow};
pub use vintages::VintageRow;
