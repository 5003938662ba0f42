//! What the loop writes down and looks up, as values: the core knows no database.

use crate::ports::{Identity, KeptAccount};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{
    AccountId, Decision, Gates, Generation, Lane, LaneId, Observation, Provider, Utc,
};
use sluice_protocol::{Cause, DecisionAction, Mode, RuleSet};

/// One thing to write down.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A new account; the answer is its row.
    NewAccount {
        /// Whose tool.
        provider: Provider,
        /// Whose login.
        identity: Identity,
        /// Its name.
        label: String,
        /// Place in the list.
        position: i64,
        /// The instant it was added.
        at: Utc,
    },
    /// The changeable columns of an account.
    Account(Box<KeptAccount>),
    /// An account is gone; its history stays.
    Removed {
        /// The account that goes.
        account: AccountId,
        /// The instant it goes.
        at: Utc,
    },
    /// The person's order of all accounts.
    Reordered(Vec<AccountId>),
    /// A fact.
    Observation(Box<Observation>),
    /// A decision; the answer is its row.
    Decision {
        /// As the engine made it.
        decision: Box<Decision>,
        /// Whose seat.
        provider: Provider,
        /// What was made of it.
        action: DecisionAction,
        /// In words.
        sentence: String,
        /// Under which mode.
        mode: Mode,
        /// The world it was made in, as JSON; what `replay` starts from. `None` where no look of the
        /// engine's is behind it.
        world: Option<String>,
    },
    /// Reads that failed in a row.
    Failures {
        /// The account that was read.
        account: AccountId,
        /// How many.
        failures: u32,
    },
    /// A request to a usage endpoint, before it goes out; the answer is its row.
    Request {
        /// The account that is read.
        account: AccountId,
        /// To whom.
        provider: Provider,
        /// For limit resets, at the endpoint of their own.
        resets: bool,
        /// The instant it is sent.
        at: Utc,
    },
    /// A provider is about to be asked for an account's limit resets.
    ResetsAsked {
        /// The account.
        account: AccountId,
        /// The instant it is asked.
        at: Utc,
    },
    /// How it ended.
    RequestEnded {
        /// Its row.
        row: i64,
        /// HTTP status, when there was one.
        status: Option<u16>,
    },
    /// A token exchange that has ended.
    Token {
        /// Whose login.
        account: AccountId,
        /// Of whom.
        provider: Provider,
        /// When it went out.
        at: Utc,
        /// HTTP status, when there was one.
        status: Option<u16>,
    },
    /// An account's plan was asked for.
    PlanAsked {
        /// Whose plan.
        account: AccountId,
        /// Of whom.
        provider: Provider,
        /// When it went out.
        at: Utc,
        /// HTTP status, when there was one.
        status: Option<u16>,
    },
    /// What is known of the shape of a provider's answers.
    Answers {
        /// Whose answers.
        provider: Provider,
        /// What is known.
        answers: Box<crate::answers::Answers>,
    },
    /// A lane's gates, unless it has another generation by now.
    Gates {
        /// Which lane.
        lane: LaneId,
        /// The generation they belong to.
        generation: Generation,
        /// The gates.
        gates: Box<Gates>,
    },
    /// A lane whose seat was found with another account; the answer is the generation in force.
    Found {
        /// The lane with its gates.
        lane: Box<Lane>,
        /// The instant of the change.
        at: Utc,
    },
    /// What the engine remembers of each account.
    Memory(Box<BTreeMap<AccountId, sluice_engine::memory::Memory>>),
    /// What watches for windows that empty early.
    Watches(Box<BTreeMap<AccountId, sluice_engine::fall::Watch>>),
    /// What the forecasts have learned.
    Forecast(Box<sluice_engine::forecast::Book>),
    /// What was left of a weekly window that has ended.
    Stranded(sluice_engine::forecast::Ended),
    /// A window that emptied before its reset.
    Fall {
        /// Whose.
        account: AccountId,
        /// What was seen of it.
        fall: Box<sluice_engine::Fall>,
    },
    /// A notice that is about to be shown; the answer is its row.
    Notice {
        /// The notice.
        notice: Box<sluice_protocol::Notice>,
        /// When it was made.
        at: Utc,
    },
    /// A notice was shown.
    NoticeShown {
        /// Its row.
        row: i64,
        /// The instant it was shown.
        at: Utc,
    },
    /// A setting.
    Setting {
        /// Its name.
        key: String,
        /// Its value.
        value: serde_json::Value,
    },
    /// Lets a batch of old rows go; the answer is 1 while there is more.
    Tidy {
        /// Ages count from here.
        now: Utc,
    },
    /// An account was seen to serve: its last failure no longer speaks against it.
    Served {
        /// The account that served.
        account: AccountId,
        /// The instant it served.
        at: Utc,
    },
    /// The person signed in to an account again.
    SignedIn {
        /// The account with the new sign-in.
        account: AccountId,
        /// The instant of the sign-in.
        at: Utc,
    },
    /// A half-open account is tried.
    Probed {
        /// The account that is probed.
        account: AccountId,
        /// The instant of the probe.
        at: Utc,
    },
    /// A silenced cause.
    Snooze {
        /// The cause.
        cause: Cause,
        /// Until then.
        until: Utc,
    },
}

/// One thing to look up.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Decisions, newest first.
    Decisions {
        /// At most so many.
        limit: u32,
        /// Older than this row.
        before: Option<i64>,
        /// Only such.
        only: sluice_protocol::DecisionFilter,
    },
    /// Swaps, newest first.
    Swaps {
        /// At most so many.
        limit: u32,
    },
    /// Weekly windows that have ended.
    Stranded {
        /// From then.
        since: Utc,
    },
    /// What a policy would have made of the recorded weeks.
    Replay {
        /// From then.
        since: Utc,
        /// Until then.
        until: Utc,
        /// Which.
        policy: RuleSet,
    },
    /// Samples of an account.
    History {
        /// The account to show.
        account: AccountId,
        /// From then.
        since: Utc,
    },
}
