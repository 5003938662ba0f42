//! What was left of each weekly window when it ended: the measure of every policy.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::params;
use sluice_engine::{AccountId, Utc};

/// One weekly window that has ended. Shares are percent of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrandedRow {
    /// The account with the window.
    pub account: AccountId,
    /// When it ended.
    pub resets_at: Utc,
    /// What was left of it.
    pub unused: f64,
    /// What the forecast of a day before held for as likely as not, and for at most likely in nine
    /// of ten cases; `None` when there was none.
    pub foreseen: Option<(f64, f64)>,
}

impl Ledger {
    /// Keeps what was left of a weekly window; the same window again is corrected.
    pub fn record_stranded(&mut self, row: &StrandedRow) -> Result<()> {
        self.history
            .prepare_cached(
                "INSERT INTO stranded (account, resets_at, unused, p50, p90)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (account, resets_at) DO UPDATE
                 SET unused = excluded.unused, p50 = excluded.p50, p90 = excluded.p90",
            )?
            .execute(params![
                row.account.0,
                row.resets_at.0,
                row.unused,
                row.foreseen.map(|said| said.0),
                row.foreseen.map(|said| said.1),
            ])?;
        Ok(())
    }

    /// Weekly windows that ended since then, newest first, at most a thousand.
    pub fn stranded(&self, since: Utc) -> Result<Vec<StrandedRow>> {
        let mut statement = self.history.prepare_cached(
            "SELECT * FROM stranded WHERE resets_at >= ?1 ORDER BY resets_at DESC, account LIMIT 1000",
        )?;
        let rows = statement
            .query_map([since.0], |row| {
                let (p50, p90): (Option<f64>, Option<f64>) = (row.get("p50")?, row.get("p90")?);
                Ok(StrandedRow {
                    account: codec::account(row, "account")?,
                    resets_at: codec::utc(row, "resets_at")?,
                    unused: row.get("unused")?,
                    foreseen: p50.zip(p90),
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
