//! The state of the database, for `sluice doctor`. Changes nothing.

use crate::error::{Error, Result};
use crate::open::Ledger;
use crate::sqlite::within;
use rusqlite::ErrorCode;
use sluice_engine::Utc;
use std::time::Duration;

/// The longest look for damage.
const LOOKING: Duration = Duration::from_secs(5);

/// What a look at the database found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// Bytes of the file and its log.
    pub bytes_on_disk: u64,
    /// Bytes that rows and indices take.
    pub bytes_in_use: u64,
    /// What is damaged, in SQLite's words.
    pub damage: Option<String>,
    /// The look reached its end; a database that is too large for it is checked in part.
    pub whole: bool,
    /// Decisions kept.
    pub decisions: u64,
    /// The oldest of them.
    pub oldest_decision: Option<Utc>,
}

impl Ledger {
    /// Looks for damage, at most five seconds long, and measures.
    pub fn checkup(&self) -> Result<Checkup> {
        let looked = within(&self.history, LOOKING, || {
            self.history.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        });
        let (damage, whole) = match looked {
            Ok(verdict) => ((verdict != "ok").then_some(verdict), true),
            // Ran out of time, which says nothing against the file.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                (None, false)
            }
            Err(error) => match Error::from(error) {
                Error::Damaged(why) => (Some(why), true),
                unread => return Err(unread),
            },
        };
        let (decisions, oldest): (i64, Option<i64>) = self.history.query_row(
            "SELECT (SELECT count(*) FROM decisions),
                    (SELECT at FROM decisions ORDER BY at LIMIT 1)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let size = |suffix: &str| {
            let mut path = self.path().as_os_str().to_owned();
            path.push(suffix);
            std::fs::metadata(path).map_or(0, |found| found.len())
        };
        Ok(Checkup {
            bytes_on_disk: size("") + size("-wal"),
            bytes_in_use: self.bytes_in_use()?,
            damage,
            whole,
            decisions: decisions.unsigned_abs(),
            oldest_decision: oldest.map(Utc),
        })
    }
}
