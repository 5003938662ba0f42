//! Which rotation of each account's credential is the newest one in the vault. The number alone; the
//! credential never enters the ledger.

use crate::codec;
use crate::error::{Error, Result};
use crate::open::Ledger;
use rusqlite::{OptionalExtension, Row, params};
use sluice_engine::{AccountId, Utc};

/// Vintages remembered per account, the current one included.
const KEPT: i64 = 3;

/// A pointer to one stored credential; never the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VintageRow {
    /// The account with this vintage.
    pub account: AccountId,
    /// Grows with each rotation.
    pub vintage: u64,
    /// Salted hash of the bytes.
    pub fingerprint: String,
    /// When it was stored in the vault and read back.
    pub stored_at: Utc,
}

fn read(row: &Row<'_>) -> rusqlite::Result<VintageRow> {
    let vintage: i64 = row.get("vintage")?;
    Ok(VintageRow {
        account: codec::account(row, "account")?,
        vintage: u64::try_from(vintage)
            .map_err(|_| rusqlite::types::FromSqlError::OutOfRange(vintage))?,
        fingerprint: row.get("fingerprint")?,
        stored_at: codec::utc(row, "stored_at")?,
    })
}

impl Ledger {
    /// The current vintage of an account.
    pub fn current_vintage(&self, account: AccountId) -> Result<Option<VintageRow>> {
        let mut statement = self.history.prepare_cached(
            "SELECT * FROM vintages WHERE account = ?1 ORDER BY vintage DESC LIMIT 1",
        )?;
        Ok(statement.query_row([account.0], read).optional()?)
    }

    /// The vintages still in the vault, newest first, at most three.
    pub fn vintages(&self, account: AccountId) -> Result<Vec<VintageRow>> {
        let mut statement = self
            .history
            .prepare_cached("SELECT * FROM vintages WHERE account = ?1 ORDER BY vintage DESC")?;
        let rows = statement.query_map([account.0], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// Moves the pointer to a newer vintage, durably. The same one again changes nothing; an older
    /// one, or another credential under the same number, is refused: newer always wins.
    pub fn advance_vintage(&mut self, next: &VintageRow) -> Result<()> {
        let number = i64::try_from(next.vintage)
            .map_err(|_| Error::Refused("that vintage number is out of range".into()))?;
        let tx = self.begin()?;
        let newest: Option<(i64, String)> = tx
            .query_row(
                "SELECT vintage, fingerprint FROM vintages WHERE account = ?1
                 ORDER BY vintage DESC LIMIT 1",
                [next.account.0],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        if let Some((current, fingerprint)) = newest {
            if current == number && fingerprint == next.fingerprint {
                return Ok(());
            }
            if current >= number {
                return Err(Error::Refused(format!(
                    "vintage {number} is not newer than the kept vintage {current}"
                )));
            }
        }
        tx.execute(
            "INSERT INTO vintages (account, vintage, fingerprint, stored_at)
             VALUES (?1, ?2, ?3, ?4)",
            params![next.account.0, number, next.fingerprint, next.stored_at.0],
        )?;
        tx.execute(
            "DELETE FROM vintages WHERE account = ?1 AND vintage NOT IN
                 (SELECT vintage FROM vintages WHERE account = ?1 ORDER BY vintage DESC LIMIT ?2)",
            params![next.account.0, KEPT],
        )?;
        tx.commit()?;
        self.keep();
        Ok(())
    }
}
