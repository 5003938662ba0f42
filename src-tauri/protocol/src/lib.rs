//! The interface between the driver and whoever shows it: the shell, the command line, a hook.
//!
//! Plain values, made for the screen. The same documents travel in one process and over the local
//! socket (one JSON document per line). No secret type implements `Serialize`, so none can be in
//! here.

mod asking;
pub mod branch;
mod cause;
mod closed;
mod code;
mod compare;
mod fall;
mod kind;
pub mod label;
pub mod limits;
mod log;
mod mode;
mod need;
mod notice;
pub mod outlook;
pub mod resets;
mod rule_set;
mod runs;
pub mod text;
mod window;
pub mod words;

pub use asking::{CALL_DEADLINE, deadline, only_looks, refused, window_may_ask};
pub use cause::{Cause, Episode, kind_name, window_name};
pub use code::{Code, Remedy};
pub use compare::{Compared, Tally};
pub use fall::FallView;
pub use kind::NoticeKind;
pub use log::{DecisionAction, DecisionFilter, DecisionView, SwapStatus, SwapView, Swapping};
pub use mode::Mode;
pub use need::{Need, NeedsYou};
pub use notice::{Notice, NoticeAction, Refused};
pub use outlook::{
    ForecastView, ForecastsView, RunOutView, SpanView, StrandedView, StretchView, WeekView,
};
pub use resets::{GrantView, ResetCounsel, ResetsView};
pub use rule_set::RuleSet;
pub use runs::{
    Acquire, CapView, CeilingWindow, Ceilings, ClosedRun, Closing, Failure, Grant, GrantRefusal,
    LaneView, Outcome, ReportOutcome, RunView,
};
use serde::{Deserialize, Serialize};
pub use sluice_engine::skip::FailureKind;
pub use sluice_engine::{
    AccountId, Amounts, AskedBy, Block, Decision, Generation, LaneId, Login, Policy, Provider,
    Refusal, Trigger, Utc as Instant, WindowKind,
};
pub use window::{BlockedView, NamedWindow, OtherHistory, WindowView};

/// Everything a front end draws. Instants are milliseconds since the Unix epoch, shares percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct View {
    /// `sluice/view/1`.
    pub schema: String,
    /// Grows by one at each published change.
    pub revision: u64,
    /// When it was made.
    pub at_ms: i64,
    /// The kill switch: nothing is polled and nothing swapped until a person starts it again.
    pub stopped: bool,
    /// First start: the person has not chosen a mode yet.
    pub first_start: bool,
    /// Per provider, in display order; only providers that are present or configured.
    pub providers: Vec<ProviderView>,
    /// Every account in the person's order.
    pub accounts: Vec<AccountView>,
    /// Things only a person can mend, most urgent first.
    pub needs_you: Vec<NeedsYou>,
    /// The swap being carried out now.
    pub swapping: Option<Swapping>,
    /// How far the reading of every account has come, while one is under way.
    pub bulk: Option<BulkView>,
    /// Committed swaps in the last 24 hours.
    pub swaps_last_24h: u32,
    /// The newest decision in words.
    pub last_decision: Option<DecisionView>,
    /// Every lane, the machine's own seats first.
    pub lanes: Vec<LaneView>,
    /// Tools at work, oldest first.
    pub runs: Vec<RunView>,
    /// Ceilings that were set.
    pub caps: Vec<CapView>,
    /// What is planned for the coming week.
    #[serde(default)]
    pub week: WeekView,
}

/// One provider's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ProviderView {
    /// Which.
    pub provider: Provider,
    /// What Sluice may do here.
    pub mode: Mode,
    /// Automatic swaps rest until then.
    pub paused_until_ms: Option<i64>,
    /// The account whose credential is in the seat.
    pub live: Option<AccountId>,
    /// A login sits in the seat that Sluice does not keep yet.
    pub unmanaged_login: bool,
    /// Why nothing is written at the moment (keychain locked, seat unreadable …), for people.
    pub observe_only: Option<String>,
    /// When the live account's usage is read next.
    pub next_poll_at_ms: Option<i64>,
    /// The swap that is advised now.
    pub advice: Option<Advice>,
    /// The account whose swap waits for the end of a turn.
    pub after_turn: Option<AccountId>,
    /// When the live account is full at the present pace; `None` when nothing moves.
    #[serde(default)]
    pub run_out: Option<RunOutView>,
}

/// An advised swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Advice {
    /// The account to make live.
    pub to: AccountId,
    /// Why, in a sentence.
    pub reason: String,
    /// The decision behind it.
    pub decision: i64,
    /// What to silence so that it is not told again for a while.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"), ts(type = "string"))]
    pub cause: Cause,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct AccountView {
    /// Opaque id.
    pub id: AccountId,
    /// Whose subscription.
    pub provider: Provider,
    /// The name the person gave, or one made of what the tool says.
    pub label: String,
    /// Mail address, for the accounts page only; never logged or notified.
    pub email: Option<String>,
    /// Organisation's name.
    pub organization: Option<String>,
    /// Plan in words (`Max 20x`).
    pub plan: Option<String>,
    /// Its credential is in the seat now.
    pub live: bool,
    /// Switched on.
    pub enabled: bool,
    /// May be chosen by automatic swaps.
    pub automatic: bool,
    /// State of the login.
    pub login: Login,
    /// When the login itself ends, however often it is refreshed.
    pub login_ends_at_ms: Option<i64>,
    /// How the login does.
    pub login_health: LoginHealth,
    /// Its windows, those of the account as a whole first; one that the provider says it has not got is
    /// not among them.
    pub windows: Vec<NamedWindow>,
    /// The provider itself refuses work of it.
    #[serde(default)]
    pub blocked: Option<BlockedView>,
    /// When the numbers were true.
    pub observed_at_ms: Option<i64>,
    /// The usage request is under way.
    pub refreshing: bool,
    /// Tier in the last decision: 0–3, 4 = excluded.
    pub tier: Option<u8>,
    /// Target of the weekly window, percent.
    pub target: Option<f64>,
    /// Percent that will expire unused at the weekly reset.
    pub stranding: Option<f64>,
    /// Why it was not chosen in the last decision.
    pub refusal: Option<Refusal>,
    /// The last thing that went wrong with it, for people.
    pub problem: Option<String>,
    /// A tool was refused work on it: it is not chosen before then, unless it is seen to serve.
    pub rests_until_ms: Option<i64>,
    /// What is expected to be left of its windows at their resets.
    #[serde(default)]
    pub forecasts: ForecastsView,
    /// Its limit resets; `None`: nobody said, which is not none.
    #[serde(default)]
    pub resets: Option<ResetsView>,
    /// The provider does not tell Sluice of limit resets; a person can.
    #[serde(default)]
    pub resets_withheld: bool,
    /// Its windows that emptied before their reset within the last day, oldest first.
    #[serde(default)]
    pub fell: Vec<FallView>,
}

/// Age, deadlines and proof of a login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct LoginHealth {
    /// When this sign-in was first seen here: its age counts from then.
    pub since_ms: Option<i64>,
    /// When the present access token ends; it is renewed before.
    pub access_ends_at_ms: Option<i64>,
    /// When the provider took the login last.
    pub proven_at_ms: Option<i64>,
    /// The login ends within so many days: 7, 3 or 1; `None` while that is further away or unknown.
    pub warn_days: Option<u8>,
    /// Another place on this machine holds the same login, so that either spends the other's tokens.
    pub also_in: Option<String>,
}

/// What is known of one login after it was renewed or checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct LoginView {
    /// Whose.
    pub account: AccountId,
    /// Its state.
    pub login: Login,
    /// When the login itself ends.
    pub ends_at_ms: Option<i64>,
    /// How it does.
    pub health: LoginHealth,
}

/// How far a reading of every account has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct BulkView {
    /// When it began.
    pub begun_at_ms: i64,
    /// Accounts in all.
    pub total: u32,
    /// Read anew.
    pub read: u32,
    /// Left as they are: asked about too lately or too often.
    pub throttled: u32,
    /// Could not be read.
    pub failed: u32,
}

/// What a front end may ask. Every request is idempotent or carries ids that must exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// The current view.
    Status,
    /// One view now and one after each change, until the connection ends.
    Watch,
    /// Keeps the login that the tool has made in its seat.
    Add {
        /// Whose tool.
        provider: Provider,
        /// A name for it.
        #[cfg_attr(feature = "schema", schemars(length(max = "limits::LABEL_CHARS_MAX")))]
        label: Option<String>,
    },
    /// Forgets an account and its kept credentials. Refused while it is live.
    Remove {
        /// Which.
        account: AccountId,
    },
    /// Renames.
    Rename {
        /// Which.
        account: AccountId,
        /// 1–50 characters.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = "limits::LABEL_CHARS_MAX")))]
        label: String,
    },
    /// Puts the accounts in this order; every id exactly once.
    Reorder {
        /// The order.
        #[cfg_attr(
            feature = "schema",
            schemars(length(max = "sluice_engine::limits::ACCOUNTS_MAX"))
        )]
        accounts: Vec<AccountId>,
    },
    /// Switches an account on or off.
    SetEnabled {
        /// Which.
        account: AccountId,
        /// On.
        enabled: bool,
    },
    /// Lets automatic swaps choose it or not.
    SetAutomatic {
        /// Which.
        account: AccountId,
        /// May be chosen.
        automatic: bool,
    },
    /// Says how many limit resets an account has, and until when: for what no provider tells.
    SetResets {
        /// Which.
        account: AccountId,
        /// How many are left; absent: what is known is void.
        #[cfg_attr(feature = "schema", schemars(range(max = "limits::RESETS_MAX")))]
        count: Option<u32>,
        /// They are lost then.
        until_ms: Option<i64>,
    },
    /// Makes an account live now, by the person's wish.
    Swap {
        /// Which.
        to: AccountId,
    },
    /// Asks for a place for a tool that is about to be started.
    Acquire(Acquire),
    /// The tool runs.
    Started {
        /// Which.
        execution: String,
        /// Its process.
        child_pid: u32,
        /// Its start time, in the kernel's ticks since boot.
        child_start: u64,
    },
    /// The tool ended. Told twice, it is told once.
    Finished {
        /// Which.
        execution: String,
        /// Its exit code.
        exit_code: Option<i32>,
        /// Why.
        reason: Option<String>,
    },
    /// A tool reported that its account refuses work: remembered at once, acted on only for the
    /// generation it was launched under.
    Failure(Failure),
    /// A tool is about to be started in a lane: leaves its account first, when a failure still stands
    /// against it. Nothing is recorded against anybody.
    LeaveWalled {
        /// Which lane.
        lane: LaneId,
        /// Its generation, as the asker read it.
        generation: Generation,
    },
    /// Makes an account active in a lane, if the lane still has that generation.
    #[serde(alias = "switch")]
    PointLane {
        /// Which lane.
        lane: LaneId,
        /// The account; the one with the most room when absent.
        to: Option<AccountId>,
        /// Refused when the lane has moved on since.
        expected_generation: Option<Generation>,
    },
    /// Binds a lane to a project folder (made when there is none of that name), or unbinds it.
    BindLane {
        /// Whose tool.
        provider: Provider,
        /// Its name.
        name: String,
        /// An absolute path; absent unbinds.
        folder: Option<String>,
    },
    /// Lets failures move a lane or not.
    SetLaneAutomatic {
        /// Which.
        lane: LaneId,
        /// May be moved.
        automatic: bool,
    },
    /// Sets ceilings; three times nothing removes them.
    SetCap {
        /// Whose tools.
        provider: Provider,
        /// The account; the whole provider when absent.
        account: Option<AccountId>,
        /// The numbers.
        ceilings: Ceilings,
    },
    /// Looks for recorded tools whose process is certainly gone.
    Reconcile {
        /// Close them.
        apply: bool,
    },
    /// Lets go of a recorded tool that cannot be judged, because the person says so.
    Release {
        /// Which.
        #[cfg_attr(feature = "schema", schemars(length(max = "limits::EXECUTION_BYTES_MAX")))]
        execution: String,
    },
    /// Something was recorded beside the driver: look now instead of within a minute.
    LookAtRuns,
    /// Rests automatic swaps.
    Pause {
        /// Whose; all when absent.
        provider: Option<Provider>,
        /// Until then.
        until_ms: i64,
    },
    /// Ends a pause.
    Resume {
        /// Whose; all when absent.
        provider: Option<Provider>,
    },
    /// Chooses what Sluice may do.
    SetMode {
        /// Whose.
        provider: Provider,
        /// What.
        mode: Mode,
    },
    /// The kill switch.
    Stop,
    /// Undoes the kill switch.
    Start,
    /// Reads every account's usage as soon as the budget allows.
    Refresh {
        /// Only this one.
        account: Option<AccountId>,
    },
    /// Renews a parked login by a real exchange and waits, at most 45 s (`REFRESH_TIMEOUT`).
    Renew {
        /// Which.
        account: AccountId,
    },
    /// Reads an account's usage and waits for it, at most 60 s (`REFRESH_TIMEOUT`).
    ReadUsage {
        /// Which.
        account: AccountId,
    },
    /// Asks the provider whether it takes a login and waits, at most 60 s (`VALIDATE_TIMEOUT`).
    Validate {
        /// Which.
        account: AccountId,
    },
    /// Reads every account's usage and waits, at most 300 s; one at a time (`REFRESH_IN_PROGRESS`).
    ReadAll,
    /// Restarts Codex's background process, which ends its open sessions, to take the live login.
    RestartTool {
        /// Whose.
        provider: Provider,
    },
    /// Decisions, newest first.
    Decisions {
        /// At most this many (1–1000).
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = "limits::ROWS_MAX")))]
        limit: u32,
        /// Only older than this row.
        before: Option<i64>,
        /// Only such.
        #[serde(default)]
        only: DecisionFilter,
    },
    /// Swaps, newest first.
    Swaps {
        /// At most this many (1–1000).
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = "limits::ROWS_MAX")))]
        limit: u32,
    },
    /// Usage samples of one account for a chart, oldest first.
    History {
        /// Which.
        account: AccountId,
        /// From then.
        since_ms: i64,
    },
    /// What was left of each weekly window that has ended, newest first.
    Stranded {
        /// From then.
        since_ms: i64,
    },
    /// What a policy would have made of the recorded weeks; takes some seconds.
    Replay {
        /// From then.
        since_ms: i64,
        /// Which.
        policy: RuleSet,
    },
    /// Numbers for a collector, as OpenMetrics text.
    Metrics {
        /// With mail addresses.
        show_mail: bool,
    },
    /// Every setting.
    Settings,
    /// Changes one setting.
    Set {
        /// Its name.
        #[cfg_attr(feature = "schema", schemars(length(max = "limits::KEY_BYTES_MAX")))]
        key: String,
        /// Its new value.
        #[cfg_attr(feature = "schema", ts(type = "unknown"))]
        value: serde_json::Value,
    },
    /// Silences one cause of notices for a while.
    Snooze {
        /// The notice's cause.
        #[cfg_attr(
            feature = "schema",
            schemars(with = "String", length(max = "limits::CAUSE_BYTES_MAX"))
        )]
        #[cfg_attr(feature = "schema", ts(type = "string"))]
        cause: Cause,
        /// Until then.
        until_ms: i64,
    },
    /// Ends the driver that holds the data directory (daemon only).
    Quit,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Done, nothing to say.
    Done,
    /// The view.
    View(Box<View>),
    /// The account that was added or already kept.
    Account {
        /// Which.
        account: AccountId,
    },
    /// The swap that was carried out.
    Swapped(SwapView),
    /// A login that was renewed or checked.
    Login(LoginView),
    /// A reading of every account that has ended.
    Bulk(BulkView),
    /// Decisions.
    Decisions {
        /// Newest first.
        rows: Vec<DecisionView>,
    },
    /// Swaps.
    Swaps {
        /// Newest first.
        rows: Vec<SwapView>,
    },
    /// Samples `[at_ms, five_hour, seven_day]`.
    History {
        /// Oldest first.
        rows: Vec<(i64, Option<f64>, Option<f64>)>,
        /// Windows that emptied before their reset, newest first.
        #[serde(default)]
        fell: Vec<FallView>,
        /// Its other windows.
        #[serde(default)]
        others: Vec<OtherHistory>,
    },
    /// Weekly windows that have ended.
    Stranded {
        /// Newest first.
        rows: Vec<StrandedView>,
    },
    /// What was done and what a policy would have done.
    Compared(Compared),
    /// Numbers for a collector.
    Metrics {
        /// OpenMetrics, `# EOF` last.
        text: String,
    },
    /// Settings by name.
    Settings {
        /// Values.
        #[cfg_attr(feature = "schema", ts(type = "Record<string, unknown>"))]
        values: std::collections::BTreeMap<String, serde_json::Value>,
        /// Those that do nothing under the chosen policy.
        idle: Vec<String>,
    },
    /// What was made of a report.
    Reported(Outcome),
    /// A place, or why there is none.
    Grant(Grant),
    /// The end was taken.
    Ended {
        /// It was known before.
        already: bool,
    },
    /// What a look for dead tools found.
    Reconciled {
        /// Oldest first.
        actions: Vec<ClosedRun>,
        /// Rows about which nothing could be said; kept.
        unknown: u32,
        /// Somebody else was at it; nothing was looked at.
        locked: bool,
    },
    /// Nothing was changed.
    Refused(Refused),
}
