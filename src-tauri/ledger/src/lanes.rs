//! Lanes as stored: the pointer, its generation, and the clocks of the gates.

use crate::codec;
use crate::error::{Error, Result};
use crate::locks;
use crate::open::Ledger;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sluice_engine::{AccountId, Gates, Generation, Lane, LaneId, Provider, Utc};
use std::fs::File;
use std::time::Duration;

/// A failure without a known generation says nothing this soon after a swap.
pub(crate) const GRACE_SECONDS: i64 = 45;

/// A lane as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneRow {
    /// The engine's part: id, provider, active account, generation, model, gates.
    pub lane: Lane,
    /// `default` for the machine default, otherwise the person's name for it.
    pub name: String,
    /// The project folder it is bound to.
    pub folder: Option<String>,
    /// Since when the active account is active.
    pub since: Option<Utc>,
    /// Automatic swaps may move it.
    pub automatic: bool,
}

impl LaneRow {
    /// Whether something that happened at `at` certainly belongs to the account that is active now: a
    /// request may have been sent a little before its answer came.
    #[must_use]
    pub fn settled(&self, at: Utc) -> bool {
        self.since.is_none_or(|since| at >= since.plus_seconds(GRACE_SECONDS))
    }
}

/// The machine default of each provider.
pub const DEFAULT_LANE: &str = "default";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<LaneRow> {
    Ok(LaneRow {
        lane: Lane {
            id: codec::lane(row, "id")?,
            provider: codec::provider(row, "provider")?,
            active: codec::account_opt(row, "active")?,
            generation: codec::generation(row, "generation")?,
            model: row.get("model")?,
            gates: codec::from_json(row, "gates")?,
        },
        name: row.get("name")?,
        folder: row.get("folder")?,
        since: codec::utc_opt(row, "since")?,
        automatic: row.get("automatic")?,
    })
}

pub(crate) fn find(connection: &Connection, id: LaneId) -> Result<Option<LaneRow>> {
    let mut statement = connection.prepare_cached("SELECT * FROM lanes WHERE id = ?1")?;
    Ok(statement.query_row([id.0], read).optional()?)
}

/// The right to move one lane; let go when dropped.
#[derive(Debug)]
pub struct LaneGuard {
    _file: File,
}

impl Ledger {
    /// Takes the lock of one lane, across threads and processes. Lanes do not wait for each other.
    ///
    /// # Errors
    /// [`Error::Busy`] when another holder does not let go within `wait`.
    pub fn lock_lane(&self, lane: LaneId, wait: Duration) -> Result<LaneGuard> {
        let file = locks::open(self.path(), &format!("lane-{}", lane.0))?;
        locks::exclusive(&file, self.path(), wait)?;
        Ok(LaneGuard { _file: file })
    }

    /// Every lane.
    pub fn lanes(&self) -> Result<Vec<LaneRow>> {
        let mut statement = self.history.prepare_cached("SELECT * FROM lanes ORDER BY id")?;
        let rows = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// One lane.
    pub fn lane(&self, id: LaneId) -> Result<Option<LaneRow>> {
        find(&self.history, id)
    }

    /// The lane of that name.
    pub fn lane_named(&self, provider: Provider, name: &str) -> Result<Option<LaneRow>> {
        let mut statement =
            self.history.prepare_cached("SELECT * FROM lanes WHERE provider = ?1 AND name = ?2")?;
        Ok(statement.query_row(params![provider.name(), name], read).optional()?)
    }

    /// The machine default lane of a provider, made when it is missing.
    pub fn default_lane(&mut self, provider: Provider) -> Result<LaneRow> {
        self.ensure_lane(provider, DEFAULT_LANE, None)
    }

    /// The lane of that name, made when it is missing; its folder is changed when one is given.
    pub fn ensure_lane(
        &mut self,
        provider: Provider,
        name: &str,
        folder: Option<&str>,
    ) -> Result<LaneRow> {
        if let Some(found) = self.lane_named(provider, name)?
            && (folder.is_none() || found.folder.as_deref() == folder)
        {
            return Ok(found);
        }
        self.durable.execute(
            "INSERT INTO lanes (provider, name, folder) VALUES (?1, ?2, ?3)
             ON CONFLICT (provider, name) DO UPDATE SET folder = coalesce(?3, folder)",
            params![provider.name(), name, folder],
        )?;
        self.keep();
        self.lane_named(provider, name)?.ok_or(Error::NotFound("lane"))
    }

    /// Binds a lane to a folder, made when it is missing; `None` unbinds it. A folder has one lane
    /// per provider, so whichever had it before gives it up.
    pub fn bind_lane(
        &mut self,
        provider: Provider,
        name: &str,
        folder: Option<&str>,
    ) -> Result<LaneRow> {
        let tx = self.begin()?;
        tx.execute(
            "UPDATE lanes SET folder = NULL WHERE provider = ?1 AND folder = ?2 AND name <> ?3",
            params![provider.name(), folder, name],
        )?;
        tx.execute(
            "INSERT INTO lanes (provider, name, folder) VALUES (?1, ?2, ?3)
             ON CONFLICT (provider, name) DO UPDATE SET folder = ?3",
            params![provider.name(), name, folder],
        )?;
        tx.commit()?;
        self.keep();
        self.lane_named(provider, name)?.ok_or(Error::NotFound("lane"))
    }

    /// Stores the gates' memory as long as the lane still has that generation; `false` when a swap
    /// was faster and the memory is out of date.
    pub fn save_gates(
        &mut self,
        lane: LaneId,
        generation: Generation,
        gates: &Gates,
    ) -> Result<bool> {
        let changed = self
            .history
            .prepare_cached("UPDATE lanes SET gates = ?3 WHERE id = ?1 AND generation = ?2")?
            .execute(params![lane.0, codec::stored(generation), codec::json(gates)])?;
        Ok(changed == 1)
    }

    /// Records which account the seat was found to hold, without a swap of ours: the person signed
    /// in with the tool. A change is a new generation, because what was launched before it belongs
    /// to the old account. The gates follow in the same transaction where somebody knows them. Returns
    /// the generation now in force.
    pub fn adopt(
        &mut self,
        lane: LaneId,
        active: Option<AccountId>,
        gates: Option<&Gates>,
        at: Utc,
    ) -> Result<Generation> {
        let tx = self.begin()?;
        let found = find(&tx, lane)?.ok_or(Error::NotFound("lane"))?;
        let mut generation = found.lane.generation;
        if found.lane.active != active {
            generation.0 += 1;
            tx.execute(
                "UPDATE lanes SET active = ?2, generation = ?3, since = ?4 WHERE id = ?1",
                params![lane.0, active.map(|id| id.0), codec::stored(generation), at.0],
            )?;
        }
        if let Some(gates) = gates {
            tx.execute(
                "UPDATE lanes SET gates = ?2 WHERE id = ?1",
                params![lane.0, codec::json(gates)],
            )?;
        }
        tx.commit()?;
        self.keep();
        Ok(generation)
    }

    /// Lets automatic swaps move the lane or not.
    pub fn set_lane_automatic(&mut self, lane: LaneId, automatic: bool) -> Result<()> {
        let changed = self
            .durable
            .execute("UPDATE lanes SET automatic = ?2 WHERE id = ?1", params![lane.0, automatic])?;
        self.keep();
        if changed == 1 { Ok(()) } else { Err(Error::NotFound("lane")) }
    }
}
