//! Lanes, runs and their ceilings, as front ends and other programs see them.

use crate::closed::closed;
use serde::{Deserialize, Serialize};
use sluice_engine::skip::{FailureKind, Softer};
use sluice_engine::{AccountId, Generation, LaneId, Provider};

/// One lane on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct LaneView {
    /// Opaque id.
    pub id: LaneId,
    /// Whose tool.
    pub provider: Provider,
    /// `default` for the machine's own seat, otherwise the person's name for it.
    pub name: String,
    /// The project folder it is bound to.
    pub folder: Option<String>,
    /// The account that new tools get here.
    pub active: Option<AccountId>,
    /// Grows by one at each swap; a request that names it is refused when it is old.
    pub generation: Generation,
    /// Since when the account is active.
    pub since_ms: Option<i64>,
    /// A failure may move it.
    pub automatic: bool,
    /// Accounts that can be made active here; for a named lane those with a seat of their own.
    pub ready: Vec<AccountId>,
}

/// One tool at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// Whose tool.
    pub provider: Provider,
    /// The account it uses; `None` when a variable outranks every account.
    pub account: Option<AccountId>,
    /// The lane it was started in.
    pub lane: Option<LaneId>,
    /// The person's name for it.
    pub label: Option<String>,
    /// Where it works.
    pub folder: Option<String>,
    /// The program.
    pub program: String,
    /// Its process; unknown between admission and start.
    pub pid: Option<u32>,
    /// When it began.
    pub since_ms: i64,
    /// It cannot be said whether it still runs: only the person can let it go.
    pub unknown: bool,
    /// It is in the middle of a turn.
    pub mid_turn: bool,
    /// Names of the variables that outrank the chosen account.
    pub shadowed: Vec<String>,
}

/// Ceilings of a provider or of one account; what is `None` has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Ceilings {
    /// At work at the same time.
    pub concurrent: Option<u32>,
    /// Started in a rolling hour.
    pub per_hour: Option<u32>,
    /// Started in rolling 24 hours.
    pub per_day: Option<u32>,
}

/// Ceilings on the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct CapView {
    /// Whose tools.
    pub provider: Provider,
    /// The account; `None` is the whole provider.
    pub account: Option<AccountId>,
    /// The numbers.
    pub ceilings: Ceilings,
}

/// A wish for a place. Asked again with the same `execution` by the same process, the answer is the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Acquire {
    /// An id that nobody else uses; made by the driver when absent.
    pub execution: Option<String>,
    /// Whose tool.
    pub provider: Provider,
    /// The lane by name; that of the folder, else the machine's own, when absent.
    pub lane: Option<String>,
    /// This account, whatever the lane has.
    pub account: Option<AccountId>,
    /// A name for the run.
    pub label: Option<String>,
    /// Where it will work.
    pub folder: Option<String>,
    /// The program.
    pub program: Option<String>,
    /// The process that asks and will start the tool.
    pub pid: u32,
    /// Its start time, in the kernel's ticks since boot.
    pub pid_start: u64,
    /// The id of this boot.
    pub boot_id: String,
}

/// A failure as a tool told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Failure {
    /// Which execution; its account and generation are those it used then.
    pub execution: Option<String>,
    /// Without an execution: the lane by name; the machine's own when absent.
    pub lane: Option<String>,
    /// Without an execution: the account it was launched on.
    pub account: Option<AccountId>,
    /// Without an execution: the lane's generation at launch.
    pub generation: Option<Generation>,
    /// What kind.
    pub kind: FailureKind,
    /// The window that is full: `five_hour`, `seven_day` or a model's name; unknown when absent.
    pub window: Option<String>,
    /// When it happened.
    pub failed_at_ms: i64,
    /// When the window empties.
    pub reset_at_ms: Option<i64>,
    /// How the session may go on all the same; absent when it may not.
    #[serde(default)]
    pub softer: Option<Softer>,
    /// Who says so.
    pub source: String,
    /// Two reports with the same key are one failure.
    pub dedupe_key: Option<String>,
}

closed! {
    /// Why a tool may not be started.
    GrantRefusal {
        /// As many of the provider's tools are at work as may be.
        ProviderConcurrency = "provider_concurrency_exceeded",
        /// As many of the provider's tools were started as may be.
        ProviderBudget = "provider_budget_exceeded",
        /// As many tools are at work on the account as may be.
        AccountConcurrency = "account_concurrency_exceeded",
        /// As many tools were started on the account as may be.
        AccountBudget = "account_budget_exceeded",
        /// The account failed several times in a row and rests.
        BreakerOpen = "breaker_open",
        /// Of another version.
        Other = "other",
    }
}

closed! {
    /// Which count has reached its ceiling.
    CeilingWindow {
        /// Tools at work.
        InFlight = "in_flight",
        /// Starts in a rolling hour.
        Hour = "hour",
        /// Starts in rolling 24 hours.
        Day = "day",
        /// Failures in a row.
        Breaker = "breaker",
        /// Of another version.
        Other = "other",
    }
}

/// The answer to `acquire`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Grant {
    /// The tool may be started.
    pub allowed: bool,
    /// The id under which everything else is told.
    pub execution: Option<String>,
    /// The account to start on.
    pub account: Option<AccountId>,
    /// The lane's generation now; goes into every report.
    pub generation: Generation,
    /// Variables that point the tool at the account's own seat: paths only.
    pub environment: std::collections::BTreeMap<String, String>,
    /// Why not.
    pub reason: Option<GrantRefusal>,
    /// Which count is full.
    pub window: Option<CeilingWindow>,
    /// The ceiling.
    pub limit: Option<u32>,
    /// Where the count stands.
    pub current: Option<u32>,
    /// Worth asking again after so many milliseconds.
    pub retry_after_ms: Option<u64>,
}

closed! {
    /// What came of a reported failure.
    ReportOutcome {
        /// The lane has moved on.
        Switched = "switched",
        /// A swap was ordered.
        Ordered = "ordered",
        /// A swap is being carried out already.
        UnderWay = "under_way",
        /// The lane had moved on before.
        Stale = "stale",
        /// A swap is advised; the person decides.
        Advised = "advised",
        /// Automatic swaps rest for a while.
        Resting = "resting",
        /// Nobody else has room.
        NoAlternative = "no_alternative",
        /// Automatic swaps are off.
        Disabled = "disabled",
        /// It is remembered against the account, and moves nothing.
        CoolingOnly = "cooling_only",
        /// It came too late, or nothing speaks against the account.
        Ignored = "ignored",
        /// It cannot be said which account failed.
        Unattributed = "unattributed",
        /// Of another version.
        Other = "other",
    }
}

/// What was made of a reported failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Outcome {
    /// What came of it.
    pub outcome: ReportOutcome,
    /// The account that left.
    pub from: Option<AccountId>,
    /// The account that came.
    pub to: Option<AccountId>,
    /// The account that is active now.
    pub current: Option<AccountId>,
    /// The lane's generation now.
    pub generation: Generation,
    /// Starting the tool again is worth it.
    pub retry_advised: bool,
    /// When the first of the others is expected back.
    pub earliest_ms: Option<i64>,
}

impl Outcome {
    /// This came of it, and nothing more is known.
    #[must_use]
    pub const fn of(outcome: ReportOutcome) -> Self {
        Self {
            outcome,
            from: None,
            to: None,
            current: None,
            generation: Generation(0),
            retry_advised: false,
            earliest_ms: None,
        }
    }
}

closed! {
    /// What was done about a row whose process is gone.
    Closing {
        /// The row is closed.
        Applied = "applied",
        /// It would be closed (dry run).
        WouldApply = "would_apply",
        /// Closing failed; the row stays open.
        Error = "error",
        /// Of another version.
        Other = "other",
    }
}

/// One row that was closed, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ClosedRun {
    /// Which execution.
    pub execution_id: String,
    /// Whose tool.
    pub provider: Provider,
    /// The account it was started on.
    pub account: Option<AccountId>,
    /// When it began.
    pub started_at_ms: i64,
    /// Always `ORPHANED_IN_FLIGHT_CLEAR`.
    pub rule: String,
    /// The proof.
    pub reason: String,
    /// What was done about it.
    pub action: Closing,
    /// What failed.
    pub error: Option<String>,
}
