//! Checkpoints the write-ahead log into the file, on a thread and a connection of its own, so that no commit
//! ever waits for it.

use crate::error::Result;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Commits between two foldings.
const EVERY: u32 = 400;

/// Asks for a folding now and then; the thread ends with it.
#[derive(Debug)]
pub(crate) struct Fold {
    ask: Option<SyncSender<()>>,
    commits: u32,
}

impl Fold {
    /// Nobody folds here: a short visit leaves the log to the driver.
    pub(crate) const fn none() -> Self {
        Self { ask: None, commits: 0 }
    }

    /// Starts the thread; without one the commits fold themselves once the log is very long.
    pub(crate) fn start(path: &Path) -> Self {
        let (ask, asked) = sync_channel(1);
        let path = path.to_path_buf();
        let thread = std::thread::Builder::new().name("sluice-fold".to_owned());
        let started = thread.spawn(move || fold_when_asked(&path, &asked));
        Self { ask: started.is_ok().then_some(ask), commits: 0 }
    }

    /// Something was committed.
    pub(crate) fn committed(&mut self) {
        self.commits += 1;
        if self.commits >= EVERY {
            self.commits = 0;
            // One that waits already is enough.
            let _full = self.ask.as_ref().map(|ask| ask.try_send(()));
        }
    }
}

fn fold_when_asked(path: &Path, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        if let Err(error) = fold(path) {
            tracing::debug!(%error, "the log was not folded back");
        }
    }
}

/// Moves what no reader needs any more from the log into the file; waits for nobody.
fn fold(path: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_reaches_the_file_without_the_writer() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("sluice.db");
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        writer.execute_batch("CREATE TABLE t (x)").unwrap();
        let mut fold = Fold::start(&path);
        let before = std::fs::metadata(&path).unwrap().len();
        for number in 0..EVERY {
            writer.execute("INSERT INTO t VALUES (zeroblob(?1))", [1_000 + number]).unwrap();
            fold.committed();
        }
        let grown = (0..6_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::fs::metadata(&path).unwrap().len() > before
        });
        assert!(grown);
        assert!(Fold::none().ask.is_none());
    }
}
