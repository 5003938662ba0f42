//! Notices on their way to the person: an outbox that survives a restart. A notice is stored before it is
//! shown, and claimed by whoever shows it.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::{Connection, params};
use serde_json::Value;
use sluice_engine::Utc;

/// A notice to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNotice {
    /// What it is about; used to tell the same thing once.
    pub cause: String,
    /// Kind, for the person's switches.
    pub kind: String,
    /// The whole notice as the front ends take it.
    pub notice: Value,
}

/// A notice in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Row id.
    pub id: i64,
    /// When it was put there.
    pub at: Utc,
    /// The notice.
    pub notice: NewNotice,
    /// When it was told.
    pub told_at: Option<Utc>,
}

impl OutboxRow {
    /// Made in the transaction of what it tells of, by whoever moved a lane, and not by the loop.
    #[must_use]
    pub fn made_beside(&self) -> bool {
        ["swap:", "no_alternative:"].iter().any(|begin| self.notice.cause.starts_with(begin))
    }
}

pub(crate) fn put_in(connection: &Connection, new: &NewNotice, at: Utc) -> Result<i64> {
    connection
        .prepare_cached("INSERT INTO outbox (at, cause, kind, notice) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![at.0, new.cause, new.kind, codec::json(&new.notice)])?;
    Ok(connection.last_insert_rowid())
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        id: row.get("id")?,
        at: codec::utc(row, "at")?,
        notice: NewNotice {
            cause: row.get("cause")?,
            kind: row.get("kind")?,
            notice: codec::from_json(row, "notice")?,
        },
        told_at: codec::utc_opt(row, "told_at")?,
    })
}

impl Ledger {
    /// Puts a notice into the outbox.
    pub fn put_notice(&mut self, new: &NewNotice, at: Utc) -> Result<i64> {
        put_in(&self.durable, new, at)
    }

    /// Notices not yet told and not older than `not_before`, oldest first.
    pub fn untold_notices(&self, not_before: Utc) -> Result<Vec<OutboxRow>> {
        let mut statement = self.history.prepare_cached(
            "SELECT * FROM outbox WHERE told_at IS NULL AND at >= ?1 ORDER BY at, id LIMIT 100",
        )?;
        let rows = statement.query_map([not_before.0], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// Claims a notice for telling; `false` when somebody else has told it already.
    pub fn claim_notice(&mut self, id: i64, at: Utc) -> Result<bool> {
        let changed = self.durable.execute(
            "UPDATE outbox SET told_at = ?2 WHERE id = ?1 AND told_at IS NULL",
            params![id, at.0],
        )?;
        Ok(changed == 1)
    }

    /// Cause, kind and instant of every notice told since then, oldest first.
    pub fn told_notices(&self, since: Utc) -> Result<Vec<(String, String, Utc)>> {
        let mut statement = self.history.prepare_cached(
            "SELECT cause, kind, told_at FROM outbox WHERE at >= ?1 AND told_at IS NOT NULL
             ORDER BY at, id LIMIT 2000",
        )?;
        let rows = statement
            .query_map([since.0], |row| {
                Ok((row.get("cause")?, row.get("kind")?, codec::utc(row, "told_at")?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
