//! Notices on their way to the person: an outbox that survives a restart. A notice is stored before it is
//! shown, and claimed by whoever shows it.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::{Connection, params};
use serde_json::Value;
use sluice_engine::Utc;
use sluice_protocol::{Cause, Notice, NoticeKind};

/// A notice in the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Row id.
    pub id: i64,
    /// When it was put there.
    pub at: Utc,
    /// The notice.
    pub notice: Notice,
    /// When it was told.
    pub told_at: Option<Utc>,
}

impl OutboxRow {
    /// Made in the transaction of what it tells of, by whoever moved a lane, and not by the loop.
    #[must_use]
    pub fn made_beside(&self) -> bool {
        self.notice.cause.made_beside()
    }
}

pub(crate) fn put_in(connection: &Connection, new: &Notice, at: Utc) -> Result<i64> {
    let (cause, kind) = (new.cause.to_string(), new.kind.name());
    connection
        .prepare_cached("INSERT INTO outbox (at, cause, kind, notice) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![at.0, cause, kind, codec::json(new)])?;
    Ok(connection.last_insert_rowid())
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxRow> {
    let stored: Value = codec::from_json(row, "notice")?;
    let notice = match serde_json::from_value(stored) {
        Ok(notice) => notice,
        Err(_) => Notice::unreadable(codec::parsed(row, "cause")?, codec::parsed(row, "kind")?),
    };
    Ok(OutboxRow {
        id: row.get("id")?,
        at: codec::utc(row, "at")?,
        notice,
        told_at: codec::utc_opt(row, "told_at")?,
    })
}

impl Ledger {
    /// Puts a notice into the outbox.
    pub fn put_notice(&mut self, new: &Notice, at: Utc) -> Result<i64> {
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
    pub fn told_notices(&self, since: Utc) -> Result<Vec<(Cause, NoticeKind, Utc)>> {
        let mut statement = self.history.prepare_cached(
            "SELECT cause, kind, told_at FROM outbox WHERE at >= ?1 AND told_at IS NOT NULL
             ORDER BY at, id LIMIT 2000",
        )?;
        let rows = statement
            .query_map([since.0], |row| {
                let told_at = codec::utc(row, "told_at")?;
                Ok((codec::parsed(row, "cause")?, codec::parsed(row, "kind")?, told_at))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
