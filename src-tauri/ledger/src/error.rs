//! What can go wrong with the database, in classes that a caller can act on.

use std::path::PathBuf;

/// A result of the ledger.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the ledger could not do what was asked. Nothing was changed in each case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process kept the write lock for longer than the busy timeout.
    #[error("another process is using the database; nothing was changed, try again in a moment")]
    Busy,
    /// No room on the disk.
    #[error("the disk is full; nothing was changed, free some space and try again")]
    DiskFull,
    /// The file was written by a newer Sluice.
    #[error(
        "this data directory belongs to a newer Sluice (format {found}, this one knows up to \
         {known}); nothing was changed, please update Sluice"
    )]
    Newer {
        /// Format found in the file.
        found: i64,
        /// Highest format known here.
        known: i64,
    },
    /// The file is damaged.
    #[error("the database is damaged ({0}); it was left as it is")]
    Damaged(String),
    /// The file is damaged and cannot be put aside because another process still has it open.
    #[error("the database is damaged ({why}) and another process still has it open; quit that one")]
    DamagedInUse {
        /// What was found.
        why: String,
    },
    /// There is no such row.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The lane already has an open swap.
    #[error("a swap of this lane is already under way")]
    SwapPending,
    /// The request does not fit what is stored.
    #[error("{0}")]
    Refused(String),
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// Of which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Anything else the database reports.
    #[error("the database refused: {0}")]
    Database(String),
}

impl Error {
    /// The file's content is the trouble, not the moment.
    #[must_use]
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::DamagedInUse { .. })
    }

    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        if let rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) = &error
        {
            return Self::Damaged(error.to_string());
        }
        match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy,
            Some(Code::DiskFull) => Self::DiskFull,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}
