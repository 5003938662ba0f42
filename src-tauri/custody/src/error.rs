//! What can go wrong, in words for people: what happened, what was kept, what to do next.

use crate::keychain::StoreError;
use crate::login::AccountKey;
use crate::refused::{Barred, ForeignLogin, Unreadable};
use sluice_engine::{AccountId, Provider};
use std::path::PathBuf;
use thiserror::Error;

/// A record of ours (journal row, pointer) that could not be written or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It could not be written or read.
    #[error("our own record could not be kept: {0}")]
    Failed(String),
    /// What it rests on has changed meanwhile; nothing was written.
    #[error("our own record was not made: {0}")]
    Stale(&'static str),
}

/// A file operation that failed; names the operation and the place, never the content.
#[derive(Debug, Error)]
#[error("{what} {} failed: {source}", path.display())]
pub struct FileError {
    /// What was tried, as a verb.
    pub what: &'static str,
    /// The file concerned.
    pub path: PathBuf,
    /// The system's answer.
    pub source: std::io::Error,
}

/// Why a request to custody was not carried out. The seat is unchanged unless the text says so.
#[derive(Debug, Error)]
pub enum CustodyError {
    /// No seat is configured for this provider.
    #[error("no place is known where {} keeps its login", provider.name())]
    NoSeat {
        /// Whose seat.
        provider: Provider,
    },
    /// The seat's file does not exist.
    #[error("nobody is signed in: {} does not exist; sign in with the tool first", path.display())]
    SeatAbsent {
        /// The credential file.
        path: PathBuf,
    },
    /// The seat holds a file without a usable login.
    #[error("the tool is signed out; what Sluice keeps was not touched; sign in with the tool")]
    SeatStub,
    /// The seat cannot be understood, so it is left alone.
    #[error("{} {why}; it was left as it is. {}", path.display(), why.helps())]
    SeatUnreadable {
        /// The file that was not understood.
        path: PathBuf,
        /// In which way.
        why: Unreadable,
    },
    /// The seat holds a login that is not kept here: never read as empty, never replaced.
    #[error("{} {what}; it was left as it is. {}", path.display(), what.helps(*provider))]
    Foreign {
        /// Whose seat.
        provider: Provider,
        /// The file that holds it.
        path: PathBuf,
        /// Of which kind.
        what: ForeignLogin,
    },
    /// The tool's configuration says that a login in its file is not used.
    #[error("{why}; nothing was changed. {}", why.helps())]
    Barred {
        /// What it says.
        why: Barred,
    },
    /// The tool's configuration lets only other accounts in: with this one it signs itself out.
    #[error(
        "{} lets only accounts of another workspace or organisation in; nothing was changed; swap \
         to one of those, or change that setting",
        config.display()
    )]
    NotAdmitted {
        /// The configuration that says so.
        config: PathBuf,
    },
    /// The seat holds another login than expected.
    #[error(
        "the tool is signed in to another account than expected; nothing was changed; add that \
         account first, or sign in to the expected one"
    )]
    WrongAccount {
        /// The account that should be in the seat; `None` for an empty seat.
        expected: Option<AccountKey>,
        /// The account that is.
        found: AccountKey,
    },
    /// The login in the seat changed a moment ago and its owner is not settled yet.
    #[error("the tool is signing in at this moment; nothing was changed; it is tried again soon")]
    Unsettled,
    /// No credential of this account is kept.
    #[error("no login of this account is kept; sign in with the tool and add it again")]
    NotKept(AccountId),
    /// What is kept for the account cannot be used.
    #[error("the login kept for this account cannot be used ({0}); sign in with the tool again")]
    KeptUnusable(&'static str),
    /// The account is live in a seat, so its tool alone may refresh it.
    #[error("the account is in use by its tool, which refreshes the login itself")]
    InUse(AccountId),
    /// Another swap, refresh or capture holds the lock; `waited_ms` is how long we waited.
    #[error("{what} is busy (waited {waited_ms} ms); nothing was changed; it is tried again later")]
    LockTimeout {
        /// Which lock.
        what: String,
        /// Milliseconds waited.
        waited_ms: u64,
    },
    /// A bound of a step was passed before anything was changed.
    #[error("{0} took too long; nothing was changed; it is tried again later")]
    TooSlow(&'static str),
    /// Codex lives and its login is due, so it may be asking for a new one at this moment.
    #[error(
        "Codex{} may be renewing this login at this moment, and would lose it to a swap; nothing \
         was changed; if it lasts, use Codex once or end it",
        process.map_or_else(String::new, |pid| format!(" (process {pid})"))
    )]
    ToolRenews {
        /// Its process, where the system shows that.
        process: Option<u32>,
    },
    /// The seat was written by somebody else again and again while we looked.
    #[error("the login file does not come to rest; nothing was changed; it is tried again later")]
    Restless,
    /// A foreign writer replaced what we had just placed.
    #[error("another program wrote the login file right after the swap; nothing of it was lost")]
    Clobbered,
    /// A swap was written over again and again.
    #[error(
        "{program} keeps writing the earlier login back; nothing of it was lost; the seat is only \
         watched for a quarter of an hour, end that program to go on"
    )]
    ForeignWriter {
        /// The program, as far as it can be told.
        program: String,
    },
    /// A file of the encrypted vault, or its key, cannot be used.
    #[error("{} {why}; the logins in the vault are kept; mend it and start again", path.display())]
    Vault {
        /// The file.
        path: PathBuf,
        /// In which way.
        why: String,
    },
    /// The keychain refused or did not answer.
    #[error(transparent)]
    Keychain(#[from] StoreError),
    /// A file operation failed.
    #[error("{0}; the login is kept")]
    File(#[from] FileError),
    /// Our own record failed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl CustodyError {
    /// A stable code for logs and the ledger.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSeat { .. } => "no_seat",
            Self::SeatAbsent { .. } => "seat_absent",
            Self::SeatStub => "seat_stub",
            Self::SeatUnreadable { .. } => "seat_unreadable",
            Self::Foreign { .. } => "foreign_login",
            Self::Barred { .. } => "barred",
            Self::NotAdmitted { .. } => "not_admitted",
            Self::WrongAccount { .. } => "wrong_account",
            Self::Unsettled => "unsettled",
            Self::NotKept(_) => "not_kept",
            Self::KeptUnusable(_) => "kept_unusable",
            Self::InUse(_) => "in_use",
            Self::LockTimeout { .. } => "lock_timeout",
            Self::TooSlow(_) => "too_slow",
            Self::ToolRenews { .. } => "tool_renews",
            Self::Restless => "restless",
            Self::Clobbered => "clobbered",
            Self::ForeignWriter { .. } => "foreign_writer",
            Self::Vault { .. } => "vault",
            Self::Keychain(error) => error.code(),
            Self::File(_) => "file",
            Self::Record(_) => "record",
        }
    }
}
