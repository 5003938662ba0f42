//! The record of activity: every request sent and every credential written.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::params;
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Utc};

/// What kind of activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A usage reading; the kind that has a budget.
    Usage,
    /// A token exchange.
    Token,
    /// An identity reading.
    Identity,
    /// A credential written to a seat or to the vault; nothing was sent.
    CredentialWrite,
}

/// An activity to be recorded. Redacted by construction: no header, no body, no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest<'a> {
    /// When it began.
    pub at: Utc,
    /// What kind of request it is.
    pub kind: RequestKind,
    /// For whom.
    pub account: Option<AccountId>,
    /// Host, or `seat` / `vault` for a write.
    pub host: &'a str,
    /// Path without query, or the kind of seat.
    pub path: &'a str,
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// Requests left in the account's hour after this one.
    pub budget_left: Option<u32>,
    /// A word on what happened (`timeout`, `captured` …), never provider text.
    pub note: Option<&'a str>,
}

/// An activity as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestRow {
    /// When it began.
    pub at: Utc,
    /// What kind of request it was.
    pub kind: RequestKind,
    /// For whom.
    pub account: Option<AccountId>,
    /// Host, `seat` or `vault`.
    pub host: String,
    /// Path without query.
    pub path: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// Requests left in the hour.
    pub budget_left: Option<u32>,
    /// A word on what happened.
    pub note: Option<String>,
}

impl Ledger {
    /// Records an activity. Record a usage reading before it is sent, so that a crash cannot make
    /// the hour's budget look larger than it is.
    pub fn record_request(&mut self, new: &NewRequest<'_>) -> Result<i64> {
        self.history
            .prepare_cached(
                "INSERT INTO requests (at, kind, account, host, path, status, budget_left, note)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                new.at.0,
                codec::name(&new.kind),
                new.account.map(|id| id.0),
                new.host,
                new.path,
                new.status,
                new.budget_left,
                new.note,
            ])?;
        Ok(self.history.last_insert_rowid())
    }

    /// Fills in how a recorded request ended.
    pub fn request_ended(&mut self, id: i64, status: Option<u16>) -> Result<()> {
        self.history
            .prepare_cached("UPDATE requests SET status = ?2 WHERE id = ?1")?
            .execute(params![id, status])?;
        Ok(())
    }

    /// When usage was asked for this account since then, oldest first: enough to rebuild the
    /// rolling hour after a restart.
    pub fn usage_requests(&self, account: AccountId, since: Utc) -> Result<Vec<Utc>> {
        let mut statement = self.history.prepare_cached(
            "SELECT at FROM requests WHERE account = ?1 AND kind = 'usage' AND at >= ?2
             ORDER BY at",
        )?;
        let rows = statement
            .query_map(params![account.0, since.0], |row| codec::utc(row, "at"))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// Activities in `since..until`, newest first.
    pub fn requests(&self, since: Utc, until: Utc, limit: u32) -> Result<Vec<RequestRow>> {
        let mut statement = self.history.prepare_cached(
            "SELECT * FROM requests WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, id DESC LIMIT ?3",
        )?;
        let rows = statement
            .query_map(params![since.0, until.0, limit], |row| {
                Ok(RequestRow {
                    at: codec::utc(row, "at")?,
                    kind: codec::word(row, "kind")?,
                    account: codec::account_opt(row, "account")?,
                    host: row.get("host")?,
                    path: row.get("path")?,
                    status: row.get("status")?,
                    budget_left: row.get("budget_left")?,
                    note: row.get("note")?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
