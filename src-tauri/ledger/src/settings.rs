//! Settings: one JSON value per name.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use rusqlite::{OptionalExtension, params};
use serde_json::Value;
use std::collections::BTreeMap;

impl Ledger {
    /// Every setting that was ever set.
    pub fn settings(&self) -> Result<BTreeMap<String, Value>> {
        let mut statement = self.history.prepare_cached("SELECT key, value FROM settings")?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, codec::from_json(row, "value")?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// One setting; `None` when it was never set.
    pub fn setting(&self, key: &str) -> Result<Option<Value>> {
        let mut statement =
            self.history.prepare_cached("SELECT value FROM settings WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| codec::from_json(row, "value")).optional()?)
    }

    /// Sets a value, durably.
    pub fn set_setting(&mut self, key: &str, value: &Value) -> Result<()> {
        self.durable.execute(
            "INSERT INTO settings (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![key, codec::json(value)],
        )?;
        self.keep();
        Ok(())
    }
}
