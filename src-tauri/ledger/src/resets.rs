//! Limit resets: what was told of each account, and when its provider was asked.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::{OptionalExtension, params};
use sluice_engine::grant::Said;
use sluice_engine::{AccountId, Resets, Source, Utc};
use std::collections::BTreeMap;

impl Ledger {
    /// What is known of every account's limit resets.
    pub fn resets(&self) -> Result<BTreeMap<AccountId, Resets>> {
        let mut statement =
            self.history.prepare_cached("SELECT account, resets FROM limit_resets")?;
        let rows = statement
            .query_map([], |row| {
                Ok((codec::account(row, "account")?, codec::from_json(row, "resets")?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// Takes in what `by` said at `at`.
    pub fn record_resets(
        &mut self,
        account: AccountId,
        said: &Said,
        by: Source,
        at: Utc,
    ) -> Result<()> {
        self.change_resets(account, |known| known.take(said, by, at))
    }

    /// The provider is asked for them at `at`: written before the request goes out, so that a restart
    /// asks no earlier.
    pub fn record_resets_asked(&mut self, account: AccountId, at: Utc) -> Result<()> {
        self.change_resets(account, |known| known.asked_at = Some(at))
    }

    fn change_resets(
        &mut self,
        account: AccountId,
        change: impl FnOnce(&mut Resets),
    ) -> Result<()> {
        let found: Option<Resets> = self
            .history
            .prepare_cached("SELECT resets FROM limit_resets WHERE account = ?1")?
            .query_row([account.0], |row| codec::from_json(row, "resets"))
            .optional()?;
        let mut known = found.unwrap_or_default();
        change(&mut known);
        self.history
            .prepare_cached(
                "INSERT INTO limit_resets (account, resets) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET resets = excluded.resets",
            )?
            .execute(params![account.0, codec::json(&known)])?;
        Ok(())
    }
}
