//! The schema and its versions. A published migration is never edited; a change is a new file.

use crate::error::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};

/// One file per version; the n-th brings the database to version n.
pub(crate) const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001.sql")];

/// The version this build writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The version of the file.
pub(crate) fn version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings the file to `target`, one transaction per version. Refuses a newer file untouched.
pub(crate) fn migrate(connection: &mut Connection, target: i64) -> Result<()> {
    let found = version(connection)?;
    if found > SCHEMA_VERSION {
        return Err(Error::Newer { found, known: SCHEMA_VERSION });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate() {
        let reached = index as i64 + 1;
        if reached <= found || reached > target {
            continue;
        }
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster while this one waited for the lock.
        if version(&tx)? < reached {
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", reached)?;
        }
        tx.commit()?;
    }
    Ok(())
}
