//! The journal: an intent before a credential is touched, a settlement after.

use crate::codec;
use crate::error::{Error, Result};
use crate::lanes;
use crate::open::Ledger;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_engine::{
    AccountId, AskedBy, Gates, Generation, Lane, LaneId, Provider, Trigger, Usage, Utc,
};
use sluice_protocol::SwapStatus;

/// A row of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SwapId(pub i64);

/// An intent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSwap {
    /// The instant of the intent.
    pub at: Utc,
    /// Which lane.
    pub lane: LaneId,
    /// The generation the order was given under.
    pub generation: Generation,
    /// Whose seat.
    pub provider: Provider,
    /// The account that leaves; `None` when the seat was empty.
    pub from: Option<AccountId>,
    /// The account that comes.
    pub to: AccountId,
    /// Who wanted it.
    pub asked_by: AskedBy,
    /// The branch.
    pub trigger: Trigger,
    /// Why, in a sentence.
    pub reason: String,
    /// The decision behind it, by its row; `None` when there is none, or when it could not be
    /// recorded: then the reason says so.
    pub decision: Option<i64>,
    /// Windows of the account that leaves.
    pub usage_from: Option<Usage>,
    /// Windows of the account that comes.
    pub usage_to: Option<Usage>,
    /// What recovery needs to know (hashes, vintages); opaque here.
    pub intent: Value,
}

/// One step of a swap that was reached.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// The step, opaque here.
    pub step: Value,
    /// The instant it was reached.
    pub at: Utc,
}

/// A row of the journal as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct SwapRow {
    /// Its row.
    pub id: SwapId,
    /// What was wanted.
    pub swap: NewSwap,
    /// Where it stands.
    pub status: SwapStatus,
    /// When it was settled.
    pub settled_at: Option<Utc>,
    /// How long the account that left had been active, whole seconds.
    pub residency_seconds: Option<i64>,
    /// What failed.
    pub error: Option<String>,
    /// Steps reached, in order. Filled for pending rows and single reads only.
    pub steps: Vec<StepRow>,
}

/// A commit: the compare-and-set of a lane together with the settlement of its intent.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit<'a> {
    /// The intent.
    pub swap: SwapId,
    /// The lane's gates as whoever ordered the swap knew them. `None` where nobody is left who did:
    /// then those of the lane's row, and their clocks start when the intent was written.
    pub gates: Option<&'a Gates>,
    /// A person asked: it is left alone for so many seconds.
    pub protect_s: Option<i64>,
    /// The instant of the settlement.
    pub at: Utc,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// The lane points at the new account.
    Committed {
        /// The lane as it is now, with its new generation and its gates.
        lane: Box<Lane>,
        /// How long the account that left had been active, whole seconds.
        residency_seconds: Option<i64>,
    },
    /// The lane had moved on; the intent is settled as failed and the lane untouched.
    Stale {
        /// The account now active.
        active: Option<AccountId>,
        /// The lane's generation.
        generation: Generation,
    },
}

fn read(row: &Row<'_>) -> rusqlite::Result<SwapRow> {
    Ok(SwapRow {
        id: SwapId(row.get("id")?),
        swap: NewSwap {
            at: codec::utc(row, "at")?,
            lane: codec::lane(row, "lane")?,
            generation: codec::generation(row, "generation")?,
            provider: codec::provider(row, "provider")?,
            from: codec::account_opt(row, "from_account")?,
            to: codec::account(row, "to_account")?,
            asked_by: codec::from_json(row, "asked_by")?,
            trigger: codec::word(row, "trigger")?,
            reason: row.get("reason")?,
            decision: row.get("decision")?,
            usage_from: codec::from_json_opt(row, "usage_from")?,
            usage_to: codec::from_json_opt(row, "usage_to")?,
            intent: codec::from_json(row, "intent")?,
        },
        status: codec::word(row, "status")?,
        settled_at: codec::utc_opt(row, "settled_at")?,
        residency_seconds: row.get("residency_seconds")?,
        error: row.get("error")?,
        steps: Vec::new(),
    })
}

fn steps(connection: &Connection, id: SwapId) -> Result<Vec<StepRow>> {
    let mut statement =
        connection.prepare_cached("SELECT step, at FROM swap_steps WHERE swap = ?1 ORDER BY n")?;
    let rows = statement
        .query_map([id.0], |row| {
            Ok(StepRow { step: codec::from_json(row, "step")?, at: codec::utc(row, "at")? })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(crate) fn insert(connection: &Connection, new: &NewSwap) -> Result<SwapId> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO swaps (at, lane, generation, provider, from_account, to_account, asked_by,
                 trigger, reason, decision, intent, usage_from, usage_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            new.at.0,
            new.lane.0,
            codec::stored(new.generation),
            new.provider.name(),
            new.from.map(|id| id.0),
            new.to.0,
            codec::json(&new.asked_by),
            new.trigger.name(),
            new.reason,
            new.decision,
            codec::json(&new.intent),
            new.usage_from.as_ref().map(codec::json),
            new.usage_to.as_ref().map(codec::json),
        ]);
    match inserted {
        Ok(_) => Ok(SwapId(connection.last_insert_rowid())),
        Err(error) if is_unique(&error) => Err(Error::SwapPending),
        Err(error) => Err(error.into()),
    }
}

fn is_unique(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// The compare-and-set and the settlement, inside the caller's transaction.
pub(crate) fn settle_in(tx: &Connection, commit: &Commit<'_>) -> Result<Settled> {
    let swap = tx
        .prepare_cached("SELECT * FROM swaps WHERE id = ?1")?
        .query_row([commit.swap.0], read)
        .optional()?
        .ok_or(Error::NotFound("swap"))?;
    if swap.status != SwapStatus::Pending {
        return Err(Error::Refused("that swap is already settled".into()));
    }
    let lane = lanes::find(tx, swap.swap.lane)?.ok_or(Error::NotFound("lane"))?;
    let (active, generation) = (lane.lane.active, lane.lane.generation);
    if generation != swap.swap.generation || active != swap.swap.from {
        fail_in(tx, commit.swap, commit.at, "the lane had moved on")?;
        return Ok(Settled::Stale { active, generation });
    }
    let residency = lane.since.map(|since| commit.at.0.saturating_sub(since.0).max(0) / 1_000_000);
    let mut moved = Box::new(lane.lane);
    let mut began = swap.swap.at;
    if let Some(gates) = commit.gates {
        (moved.gates, began) = (gates.clone(), commit.at);
    }
    moved.gates.settled(began, commit.protect_s);
    moved.active = Some(swap.swap.to);
    moved.generation = Generation(generation.0 + 1);
    tx.prepare_cached(
        "UPDATE lanes SET active = ?2, generation = ?3, since = ?4, gates = ?5 WHERE id = ?1",
    )?
    .execute(params![
        swap.swap.lane.0,
        swap.swap.to.0,
        codec::stored(moved.generation),
        commit.at.0,
        codec::json(&moved.gates),
    ])?;
    tx.prepare_cached(
        "UPDATE swaps SET status = 'committed', settled_at = ?2, residency_seconds = ?3
         WHERE id = ?1",
    )?
    .execute(params![commit.swap.0, commit.at.0, residency])?;
    Ok(Settled::Committed { lane: moved, residency_seconds: residency })
}

fn fail_in(tx: &Connection, swap: SwapId, at: Utc, error: &str) -> Result<()> {
    let changed = tx
        .prepare_cached(
            "UPDATE swaps SET status = 'failed', settled_at = ?2, error = ?3
             WHERE id = ?1 AND status = 'pending'",
        )?
        .execute(params![swap.0, at.0, error])?;
    if changed == 1 { Ok(()) } else { Err(Error::Refused("that swap is already settled".into())) }
}

impl Ledger {
    /// Journals an intent, durably, before anything outside is touched. Refused with
    /// [`Error::SwapPending`] while the lane has an open one.
    pub fn begin_swap(&mut self, new: &NewSwap) -> Result<SwapId> {
        insert(&self.durable, new)
    }

    /// Records a reached step. It outlives us; a power loss may take the newest steps, but neither the
    /// intent nor its settlement.
    pub fn swap_step(&mut self, id: SwapId, step: &Value, at: Utc) -> Result<()> {
        self.history
            .prepare_cached(
                "INSERT INTO swap_steps (swap, n, step, at)
                 SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3 FROM swap_steps WHERE swap = ?1",
            )?
            .execute(params![id.0, codec::json(step), at.0])?;
        Ok(())
    }

    /// Settles an intent as committed and moves the lane's pointer, if the lane still has the
    /// account and generation the intent was written for; both in one transaction, durably.
    pub fn settle(&mut self, commit: &Commit<'_>) -> Result<Settled> {
        let tx = self.begin()?;
        let settled = settle_in(&tx, commit)?;
        tx.commit()?;
        self.keep();
        Ok(settled)
    }

    /// Settles an intent as failed; the lane stays.
    pub fn fail_swap(&mut self, swap: SwapId, at: Utc, error: &str) -> Result<()> {
        fail_in(&self.durable, swap, at, error)
    }

    /// Open intents with their steps, oldest first: what a start has to finish or undo before
    /// anything else.
    pub fn pending_swaps(&self) -> Result<Vec<SwapRow>> {
        let mut statement = self
            .durable
            .prepare_cached("SELECT * FROM swaps WHERE status = 'pending' ORDER BY id")?;
        let mut rows: Vec<SwapRow> =
            statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        for row in &mut rows {
            row.steps = steps(&self.durable, row.id)?;
        }
        Ok(rows)
    }

    /// One swap with its steps.
    pub fn swap(&self, id: SwapId) -> Result<Option<SwapRow>> {
        let mut statement = self.history.prepare_cached("SELECT * FROM swaps WHERE id = ?1")?;
        let Some(mut row) = statement.query_row([id.0], read).optional()? else {
            return Ok(None);
        };
        row.steps = steps(&self.history, id)?;
        Ok(Some(row))
    }

    /// Swaps, newest first.
    pub fn swaps(&self, limit: u32, before: Option<SwapId>) -> Result<Vec<SwapRow>> {
        let mut statement = self
            .history
            .prepare_cached("SELECT * FROM swaps WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?;
        let rows = statement
            .query_map(params![before.map_or(i64::MAX, |id| id.0), limit], read)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
