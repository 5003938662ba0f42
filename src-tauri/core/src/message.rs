//! What goes into the core and what it wants done: the whole of its connection to the world.

use crate::ports::{
    Asks, Beside, Health, Holder, Kept, Look, PortError, ReadError, Recovered, RefreshReport,
    RunReply, SeatReport, SharedLogin, SwapOrder, SwapReport, ToolNumbers,
};
use crate::records::{Query, Record};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::observation::Reading;
use sluice_engine::{AccountId, Calendar, Generation, LaneId, Provider, Utc};
use sluice_protocol::{Answer, Notice, Request, View};

/// Names one waiting asker; the loop maps it to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Time did not pass evenly between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// The machine slept, or the clock was set forward.
    Woke {
        /// So much was missed, in milliseconds.
        missed_ms: i64,
        /// Of these, by how much the clock was set forward; the rest was sleep.
        set_ms: i64,
    },
    /// The clock was set back.
    SetBack {
        /// By so many milliseconds.
        by_ms: i64,
    },
}

/// What can happen to the core.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time passed.
    Tick,
    /// Time passed unevenly.
    Jump(Jump),
    /// A front end asks.
    Call {
        /// Whom to answer.
        call: CallId,
        /// What it asks.
        request: Request,
    },
    /// Something moved in a provider's seat.
    SeatTouched(Provider),
    /// A seat was read.
    SeatRead {
        /// The provider of the seat.
        provider: Provider,
        /// What lies in it.
        report: SeatReport,
    },
    /// A seat was seen in passing, while usage was read.
    SeatSeen {
        /// The provider of the seat.
        provider: Provider,
        /// What lies in it.
        report: SeatReport,
    },
    /// The login of a seat was kept, or not.
    Captured {
        /// Whose seat.
        provider: Provider,
        /// Under which account.
        account: AccountId,
        /// How it went.
        result: Result<Kept, PortError>,
    },
    /// What is known of a kept credential.
    KeptRead {
        /// The account it is kept for.
        account: AccountId,
        /// What the store returned.
        result: Result<Kept, PortError>,
    },
    /// A usage answer came, beside its numbers, which follow.
    Answered {
        /// The account that was read.
        account: AccountId,
        /// What came with the numbers.
        beside: Box<Beside>,
    },
    /// A usage request ended.
    Polled {
        /// The account that was read.
        account: AccountId,
        /// With whose bearer.
        holder: Holder,
        /// How it went.
        result: Result<Reading, PollError>,
    },
    /// The tool wrote numbers down itself.
    ToolNumbers {
        /// Whose tool.
        provider: Provider,
        /// What it wrote.
        numbers: ToolNumbers,
    },
    /// A refresh ended.
    Refreshed {
        /// The account with the refreshed login.
        account: AccountId,
        /// How it went.
        report: RefreshReport,
    },
    /// A swap ended.
    Swapped(SwapReport),
    /// The kept credentials of an account were removed, or not.
    Forgotten {
        /// The account that was removed.
        account: AccountId,
        /// How it went.
        result: Result<(), PortError>,
    },
    /// Something was written down, or not.
    Stored {
        /// What it was for.
        then: AfterStore,
        /// The row.
        result: Result<i64, PortError>,
    },
    /// Tools at work were looked at.
    Looked(Box<Look>),
    /// A request about lanes and tools at work was carried out.
    RunReply {
        /// The caller that waits.
        call: CallId,
        /// What became of it.
        reply: RunReply,
    },
    /// A port has not answered within its deadline; its call is still out.
    Overdue(Port),
    /// A port answers again.
    Answering(Port),
    /// Open swaps were looked at once more.
    Recovered(Result<Vec<Recovered>, PortError>),
    /// The tool's background process was restarted, or not.
    Restarted {
        /// Who asked.
        call: CallId,
        /// How it went.
        result: Result<(), PortError>,
    },
    /// Logins we keep that lie elsewhere, too.
    SharedLogins(Vec<SharedLogin>),
    /// The time of a reminder has come.
    Due(u64),
    /// How the keychain does.
    Health(Health),
    /// Working hours around now.
    Calendar(Calendar),
}

/// The parts outside that may hang, each on a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// Looking into seats.
    Seats,
    /// Fetching bearers and facts of kept credentials.
    Bearers,
    /// Swaps and captures.
    Moves,
    /// Refreshing parked logins.
    Refresh,
    /// The database.
    Ledger,
}

/// Why a poll gave no numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollError {
    /// The provider's side.
    Read(ReadError),
    /// Our side: no bearer.
    Bearer(PortError),
    /// The bound of the whole reading passed first.
    Late,
    /// The seat held another login than the one that was to be measured.
    OtherLogin,
}

/// What follows when something was written down.
#[derive(Clone, Debug, PartialEq)]
pub enum AfterStore {
    /// Nobody waits for it.
    Nothing,
    /// The asker gets this.
    Answer(CallId, Box<Answer>),
    /// It is shown now that it cannot be lost.
    Tell(Box<Notice>, Utc),
    /// Old rows are let go batch by batch.
    Tidied,
    /// A new account gets its id and its credential is kept.
    Enrol(Provider),
    /// An account's new numbers can be read back: whoever waited for them gets an answer.
    Read {
        /// Which account.
        account: AccountId,
        /// The wishes that were open when the numbers came.
        wishes: Vec<u64>,
    },
    /// The ledger took note of who is in a lane's seat: the generation in force is read back, unless
    /// the lane has moved on since this one.
    Found(LaneId, Generation),
    /// A lane's decision has its row: advice names it, and the swap that was decided begins.
    Decided {
        /// Which lane.
        lane: LaneId,
        /// Which of this run's decisions.
        number: u64,
    },
}

/// What is known at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The view of that moment.
    pub view: View,
    /// Requests for usage that each account's hour still allows.
    pub requests_left: BTreeMap<AccountId, u32>,
    /// Mail addresses beside the names.
    pub show_mail: bool,
}

/// What the core wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Look into a seat.
    ReadSeat(Provider),
    /// Keep the login of a seat.
    Capture {
        /// Whose seat.
        provider: Provider,
        /// Under which account.
        account: AccountId,
        /// The key it must have.
        key: String,
    },
    /// Ask what is known of a kept credential.
    ReadKept {
        /// Whose tool.
        provider: Provider,
        /// Which account.
        account: AccountId,
    },
    /// Read usage.
    Poll {
        /// Of whom.
        provider: Provider,
        /// Which account.
        account: AccountId,
        /// With whose bearer.
        holder: Holder,
        /// The key the seat must have, when the bearer is the seat's.
        key: String,
        /// What is asked for beside the windows, and of whom.
        asks: Asks,
    },
    /// Read the numbers the tool wrote down.
    ReadToolNumbers(Provider),
    /// Refresh a parked credential.
    Refresh {
        /// Of whom.
        provider: Provider,
        /// Which account.
        account: AccountId,
        /// Somebody waits for it: a busy account is waited for; otherwise it is left for later.
        patient: bool,
    },
    /// Make another account live in a seat.
    Swap(Box<SwapOrder>),
    /// Remove kept credentials.
    Forget(AccountId),
    /// Write something down.
    Store {
        /// The record to write.
        record: Box<Record>,
        /// What follows.
        then: AfterStore,
    },
    /// Look something up and answer.
    Look {
        /// The question to the ledger.
        query: Query,
        /// For whom.
        call: CallId,
    },
    /// Carry out a request about lanes and tools at work.
    AboutRuns {
        /// The request to carry out.
        request: Box<Request>,
        /// For whom.
        call: CallId,
    },
    /// Look at the tools at work.
    LookAtRuns,
    /// Answer a caller.
    Answer(CallId, Box<Answer>),
    /// Publish a view.
    Publish(Box<View>),
    /// Render numbers for a collector: for an asker, or into the file.
    Metrics {
        /// Who asked; the file when nobody did.
        call: Option<CallId>,
        /// What is known.
        page: Box<Page>,
    },
    /// Take the file with numbers away: it would grow old.
    ForgetMetrics,
    /// Tell the person, as soon as somebody is there to show it.
    Tell {
        /// The notice.
        notice: Box<Notice>,
        /// Its row, if it could be written down.
        row: Option<i64>,
        /// When it was made; too old, it is not shown any more.
        at: Utc,
    },
    /// Settle what is open in the journal. No network.
    Recover,
    /// Restart the tool's background process, which holds the login it was started with.
    RestartTool {
        /// The provider of the tool.
        provider: Provider,
        /// Who asked.
        call: CallId,
    },
    /// Look after what lies beside a seat and whom the tool's configuration names, in a moment and
    /// half a minute later.
    SettleParked(Provider),
    /// Look for logins we keep in other places.
    LookForSharedLogins,
    /// Give [`Input::Due`] back after so long.
    Remind {
        /// What it is called.
        id: u64,
        /// Seconds of real time.
        after_s: u32,
    },
    /// Expand the working hours again.
    ExpandCalendar,
    /// End the driver.
    Quit,
}

impl Effect {
    /// It changes nothing anywhere but in this process.
    pub const fn only_looks(&self) -> bool {
        match self {
            Self::ReadSeat(_)
            | Self::ReadKept { .. }
            | Self::ReadToolNumbers(_)
            | Self::Look { .. }
            | Self::Answer(..)
            | Self::Publish(_)
            | Self::Metrics { call: Some(_), .. }
            | Self::Remind { .. }
            | Self::Quit => true,
            Self::Capture { .. }
            | Self::Poll { .. }
            | Self::Refresh { .. }
            | Self::Swap(_)
            | Self::Forget(_)
            | Self::Store { .. }
            | Self::AboutRuns { .. }
            | Self::LookAtRuns
            | Self::Metrics { call: None, .. }
            | Self::ForgetMetrics
            | Self::Tell { .. }
            | Self::Recover
            | Self::RestartTool { .. }
            | Self::SettleParked(_)
            | Self::LookForSharedLogins
            | Self::ExpandCalendar => false,
        }
    }
}
