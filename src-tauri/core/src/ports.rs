//! Plain values that cross between the core and the parts outside. The traits of the parts stand in
//! `driver`, because their calls block or wait.

pub use crate::answers::{Field, Oddity, Told};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::Resets;
use sluice_engine::WindowKind;
use sluice_engine::grant::Said;
use sluice_engine::skip::{FailureKind, Softer, Wall};
use sluice_engine::{
    AccountId, AskedBy, Block, Generation, Lane, LaneId, Login, Plan, Provider, Source, Trigger,
    Usage, Utc,
};
use sluice_protocol::{Answer, CapView, Cause, Code, LaneView, Notice, NoticeKind, RunView};

/// Something a port could not do: what happened, what was kept, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct PortError {
    /// What a front end may branch on.
    pub code: Code,
    /// For people; names no secret and no mail address.
    pub text: String,
}

impl PortError {
    /// A trouble with its code.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// How the keychain does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    #[default]
    Ok,
    /// It asks for its password.
    Locked,
    /// There is none.
    Absent,
    /// It does not answer.
    Hanging,
}

/// Who a login belongs to, as the tool says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The account's key with its provider; never shown.
    pub key: String,
    /// Mail address; for the accounts page only.
    pub email: Option<String>,
    /// The organisation's name, as the tool says it.
    pub organization: Option<String>,
    /// What was bought.
    pub plan: Plan,
}

/// The login found in a seat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeatLogin {
    /// The person and account it belongs to.
    pub identity: Identity,
    /// Which rotation: a salted digest, comparable, worthless to a thief.
    pub fingerprint: String,
    /// When its access token ends.
    pub access_expires_at: Option<Utc>,
    /// When the login itself ends.
    pub login_ends_at: Option<Utc>,
    /// The tool's configuration names another account than the login's.
    pub misnamed: bool,
}

/// What lies in a seat.
#[derive(Clone, Debug, PartialEq)]
pub enum SeatReport {
    /// There is no file.
    Absent,
    /// A logged-out stub.
    Stub,
    /// Something we do not understand, or that the tool does not use; it is never overwritten. In
    /// sentences: what it is and what helps.
    Unreadable(String),
    /// A login of a kind that is not kept (an API key, say): nobody's, and never replaced. In sentences:
    /// what it is and what helps.
    Foreign(String),
    /// A login.
    Login(Box<SeatLogin>),
}

/// Where a bearer is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The live credential of a provider's seat.
    Seat(Provider),
    /// The kept credential of a parked account.
    Account(AccountId),
}

/// What is known of a kept credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// When its access token ends.
    pub access_expires_at: Option<Utc>,
    /// When the login itself ends.
    pub login_ends_at: Option<Utc>,
    /// When this sign-in was first seen here.
    pub login_since: Option<Utc>,
}

/// Another place that holds a login we keep: two writers of one lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedLogin {
    /// The account that is kept here.
    pub account: AccountId,
    /// Where else it lies.
    pub also_in: String,
    /// The tool's own file is a link to that place.
    pub linked: bool,
}

/// How a refresh of a parked credential ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshReport {
    /// The new vintage is kept.
    Kept(Kept),
    /// The new vintage is kept, because the old one is spent, and its token cannot be sent: it proves
    /// nothing and never goes live.
    Unsendable,
    /// The provider refused the login for good.
    NeedsSignIn(String),
    /// It did not work this time; what was kept stays.
    Later {
        /// For people.
        text: String,
        /// What the provider asked us to wait.
        retry_after_s: Option<u64>,
    },
}

/// What became of a renewal whose token no request can carry.
pub const UNSENDABLE: &str =
    "the provider gave it a token that no request can carry, which is kept and never used";

/// A swap to carry out.
#[derive(Clone, Debug, PartialEq)]
pub struct SwapOrder {
    /// Which lane.
    pub lane: LaneId,
    /// Under which generation it was decided.
    pub generation: Generation,
    /// Whose seat.
    pub provider: Provider,
    /// The account expected in the seat and its key; `None` for an empty seat.
    pub from: Option<(AccountId, String)>,
    /// The account to place and its key.
    pub to: (AccountId, String),
    /// The branch.
    pub trigger: Trigger,
    /// Why, in a sentence.
    pub reason: String,
    /// Who wants it.
    pub asked_by: AskedBy,
    /// The decision behind it, by its row; `None` when there is none, or when it could not be
    /// recorded: then the reason says so.
    pub decision: Option<i64>,
    /// The lane's gates as they are, which the settlement moves on.
    pub gates: sluice_engine::Gates,
    /// A person's choice is left alone for so long afterwards, seconds.
    pub protect_s: Option<i64>,
    /// When it was decided.
    pub at: Utc,
}

impl SwapOrder {
    /// A person asked.
    #[must_use]
    pub fn by_person(&self) -> bool {
        self.asked_by == AskedBy::Person
    }
}

/// What the ledger's settlement of a swap says.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The lane as it is now.
    pub lane: Lane,
    /// How long the account that left was active, whole seconds.
    pub residency_seconds: Option<i64>,
}

/// How a swap ended.
#[derive(Clone, Debug, PartialEq)]
pub enum SwapReport {
    /// The credential is in place.
    Committed {
        /// Ledger row.
        row: i64,
        /// Its settlement; `None` when that could not be written, and recovery has to.
        settled: Option<Box<Settled>>,
        /// A background process of the tool goes on with the former account until it is restarted.
        lingering: bool,
        /// What makes the login that was placed have no effect, or another one, in sentences.
        caveats: Vec<String>,
    },
    /// Nothing changed, or everything was put back.
    Failed {
        /// Ledger row, when it got that far.
        row: Option<i64>,
        /// What kept it from happening.
        trouble: PortError,
    },
    /// Something passing stands in the way, most often the tool at its own login; the same order is
    /// given again soon.
    Waits {
        /// What stands in the way.
        trouble: PortError,
    },
    /// The lane or the seat had changed underneath; nothing was tried.
    Stale {
        /// What was found.
        text: String,
    },
    /// It could neither finish nor undo; every file was kept.
    Stuck {
        /// Ledger row.
        row: Option<i64>,
        /// What a person should look at.
        text: String,
    },
}

/// What recovery did about one intent at start.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// Which lane.
    pub lane: LaneId,
    /// The settlement, when the swap turned out to have happened.
    pub committed: Option<Settled>,
    /// A person must look.
    pub stuck: bool,
    /// It is written down; if not, it is tried again in a while and after a sleep.
    pub settled: bool,
    /// For people.
    pub text: String,
}

/// Why usage could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Network, 5xx, nonsense: says nothing about the account.
    Unreachable(String),
    /// The provider throttles (HTTP 429).
    Throttled {
        /// Seconds it asked for.
        retry_after_s: Option<u64>,
    },
    /// 401: this access token is no longer taken.
    TokenRefused,
    /// 403 and the like: a person must look.
    Forbidden(String),
    /// The provider refuses the account as a whole.
    Blocked(Block, String),
}

/// What came with the numbers of an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// The plan, where the provider named it.
    pub plan: Option<Plan>,
    /// What the answer was like.
    pub told: Told,
}

/// What one reading asks for beside the windows, and of whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// Limit resets are asked for, too.
    pub resets: bool,
    /// Its plan is asked for, too, where the usage answer does not name it.
    pub plan: bool,
    /// The tool is asked first, because the person wants it so.
    pub tool: bool,
}

/// Numbers a tool wrote down itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolNumbers {
    /// The key's account part (for Claude: accountUuid), or the whole key.
    pub account: String,
    /// Where it wrote them.
    pub source: Source,
    /// The numbers, with the time they were true.
    pub usage: Usage,
    /// Limit resets, where it speaks of them.
    pub resets: Option<Said>,
    /// What was odd about them.
    pub odd: Vec<Oddity>,
}

impl ToolNumbers {
    /// They are of the account that is kept under `key`.
    #[must_use]
    pub fn are_of(&self, key: &str) -> bool {
        let person = key.split_once('/').map(|(person, _)| person);
        key == self.account || person == Some(&self.account)
    }
}

/// An account as it is kept in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAccount {
    /// What the engine sees.
    pub account: sluice_engine::Account,
    /// Whose login.
    pub identity: Identity,
    /// The person's name for it.
    pub label: String,
    /// What is known of its credential, when the ledger knows.
    pub kept: Option<Kept>,
}

/// Everything the loop starts from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Every account that is kept.
    pub accounts: Vec<KeptAccount>,
    /// Lanes with their gates.
    pub lanes: Vec<Lane>,
    /// What the engine remembers of each account.
    pub memory: BTreeMap<AccountId, sluice_engine::memory::Memory>,
    /// What is known of each account's limit resets.
    pub resets: BTreeMap<AccountId, Resets>,
    /// What watches for windows that empty early.
    pub watches: BTreeMap<AccountId, sluice_engine::fall::Watch>,
    /// Settings by key.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Snoozed causes and until when.
    pub snoozed: BTreeMap<Cause, Utc>,
    /// What failures left standing between accounts and being chosen.
    pub walls: BTreeMap<AccountId, Wall>,
    /// Committed swaps, their instants, of the last 24 hours.
    pub swaps: Vec<Utc>,
    /// What is known of the shape of the providers' answers.
    pub answers: BTreeMap<Provider, crate::answers::Answers>,
    /// What the forecasts have learned.
    pub forecast: sluice_engine::forecast::Book,
    /// Notices that were written down and not shown, with their row, oldest first.
    pub untold: Vec<(i64, Utc, sluice_protocol::Notice)>,
    /// Cause, kind and instant of what was told in the last eight days.
    pub told: Vec<(Cause, NoticeKind, Utc)>,
    /// Things a person should know (an old file was kept aside, …).
    pub notes: Vec<String>,
}

/// How far a look at the tools at work goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What is recorded, and what waits in the spool and the outbox.
    Glance,
    /// Rows of dead processes are closed as well.
    Sweep,
    /// The sweep at the start, which is alone or not at all.
    First,
}

/// What a look at the tools at work found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// What failures left standing between accounts and being chosen.
    pub walls: BTreeMap<AccountId, Wall>,
    /// Every lane.
    pub lanes: Vec<LaneView>,
    /// Tools at work.
    pub runs: Vec<RunView>,
    /// The ceilings that were set.
    pub caps: Vec<CapView>,
    /// Tools in the middle of a turn in the machine's own seat.
    pub mid_turn: BTreeMap<Provider, u32>,
    /// Numbers that tools told.
    pub numbers: Vec<(Provider, ToolNumbers)>,
    /// What was odd about what tools told.
    pub odd: Vec<(Provider, Vec<Oddity>)>,
    /// Notices of swaps that were made beside the driver; each is claimed and told by nobody else.
    pub notices: Vec<Notice>,
}

/// A failure of the account in the machine's own seat, as a tool told it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolFailure {
    /// The account the tool used.
    pub account: AccountId,
    /// The lane's generation then.
    pub generation: Generation,
    /// What kind.
    pub kind: FailureKind,
    /// The window that is full; `None` when nobody said which.
    pub window: Option<WindowKind>,
    /// When it happened.
    pub failed_at: Utc,
    /// When the window empties.
    pub resets_at: Option<Utc>,
    /// How the session may go on all the same.
    pub softer: Option<Softer>,
}

/// What became of a request about lanes and tools at work.
#[derive(Clone, Debug, PartialEq)]
pub enum RunReply {
    /// This is the answer.
    Answered(Answer),
    /// It is remembered, and for the loop to act on.
    Live(ToolFailure),
}

/// The state of a login as a refusal for people.
#[must_use]
pub fn login_text(login: Login) -> Option<&'static str> {
    match login {
        Login::Valid | Login::Unverified => None,
        Login::NeedsSignIn => {
            Some("its login was refused; sign in again with the tool, then add it again")
        }
        Login::Missing => Some("no login is kept for it; sign in with the tool, then add it again"),
    }
}
