//! Windows that emptied before their reset.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::params;
use sluice_engine::{AccountId, Fall, Utc, WindowKind};

impl Ledger {
    /// Keeps a fall; the same one again may have another cause by now.
    pub fn record_fall(&mut self, account: AccountId, fall: &Fall) -> Result<()> {
        self.history
            .prepare_cached(
                "INSERT INTO falls (account, at, kind, before, after, due, cause)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (account, at, kind) DO UPDATE SET cause = excluded.cause",
            )?
            .execute(params![
                account.0,
                fall.at.0,
                fall.kind.name(),
                fall.before,
                fall.after,
                fall.due.0,
                fall.cause.name(),
            ])?;
        Ok(())
    }

    /// Falls of an account since then, newest first, at most a thousand.
    pub fn falls(&self, account: AccountId, since: Utc) -> Result<Vec<Fall>> {
        let mut statement = self.history.prepare_cached(
            "SELECT * FROM falls WHERE account = ?1 AND at >= ?2
             ORDER BY at DESC, kind LIMIT 1000",
        )?;
        let rows = statement
            .query_map([account.0, since.0], |row| {
                let kind: String = row.get("kind")?;
                Ok(Fall {
                    kind: WindowKind::named(&kind),
                    before: row.get("before")?,
                    after: row.get("after")?,
                    at: codec::utc(row, "at")?,
                    due: codec::utc(row, "due")?,
                    cause: codec::word(row, "cause")?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
