//! The file, its companions and connections to it, opened in one way by every part of the ledger.

use crate::error::{Error, Result};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for another process's write lock. Under the 1 s the loop can spare.
pub(crate) const BUSY: Duration = Duration::from_millis(900);
/// Pages in the log before a commit folds it back into the file itself (64 MB): the driver's own
/// thread does it long before.
const CHECKPOINT_PAGES: i64 = 16_000;

/// A file beside the database: its name with this ending.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A connection with our settings, its durability still to be chosen.
pub(crate) fn raw(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.set_prepared_statement_cache_capacity(64);
    // Folding the log back costs a wait for the disk.
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// How much of the last moments a power loss may take: `FULL` nothing, `NORMAL` some.
pub(crate) fn durability(connection: &Connection, level: &str) -> Result<()> {
    Ok(connection.pragma_update(None, "synchronous", level)?)
}

/// A transaction that has the write lock from its start, so that what it reads is what it changes.
pub(crate) fn begin(connection: &mut Connection) -> Result<Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Runs `work` and interrupts its statement when the time is over.
pub(crate) fn within<T>(connection: &Connection, limit: Duration, work: impl FnOnce() -> T) -> T {
    let interrupt = connection.get_interrupt_handle();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if ended.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Runs a checking pragma; anything but `ok` is damage.
pub(crate) fn check_one(connection: &Connection, pragma: &str) -> Result<()> {
    let verdict: String = connection.query_row(pragma, [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Error::Damaged(verdict)) }
}
