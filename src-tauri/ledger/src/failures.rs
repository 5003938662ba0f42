//! What tools reported against accounts, and who may therefore not be chosen for a while. In the ledger,
//! because the loop, `sluice run` and the hooks must agree.

use crate::codec;
use crate::error::Result;
use crate::open::Ledger;
use crate::sqlite;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sluice_engine::WindowKind;
use sluice_engine::breaker::{Admit, Breaker};
use sluice_engine::skip::{FailureKind, Skip, Softer, Wall};
use sluice_engine::{AccountId, Generation, LaneId, Login, Utc};
use std::collections::BTreeMap;

/// A failure of an account, as a tool reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureReport {
    /// Two reports with the same key are one failure (execution and turn, or account, generation,
    /// kind and minute).
    pub dedupe: String,
    /// The execution it happened in.
    pub execution: Option<String>,
    /// The lane it was launched in; `None` when it ran beside every lane.
    pub lane: Option<LaneId>,
    /// The account it was launched on.
    pub account: AccountId,
    /// The lane's generation at launch; `None` when nobody knows.
    pub generation: Option<Generation>,
    /// What kind.
    pub kind: FailureKind,
    /// The window that is full; `None` when nobody said which.
    #[serde(default)]
    pub window: Option<WindowKind>,
    /// Who says so: `wrapper`, `hook`, `transcript`.
    pub source: String,
    /// When it happened.
    pub failed_at: Utc,
    /// When the full window empties.
    pub resets_at: Option<Utc>,
    /// How the session may go on all the same.
    #[serde(default)]
    pub softer: Option<Softer>,
    /// A variable outranked the account: it is not the account that failed.
    pub shadowed: bool,
    /// Told long after the fact from the spool: remembered, never acted on.
    pub late: bool,
}

impl FailureReport {
    /// The one model whose window is full; `None` is the whole account.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.window.as_ref().and_then(WindowKind::model)
    }
}

/// Remembers a failure before anything is decided. `false` when it was known already.
pub(crate) fn record(tx: &Connection, report: &FailureReport, now: Utc) -> Result<bool> {
    let fresh =
        tx.prepare_cached(
            "INSERT INTO failures (dedupe, execution, account, lane, generation, kind, model,
                 source, failed_at, received_at, resets_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (dedupe) DO NOTHING",
        )?
        .execute(params![
            report.dedupe,
            report.execution,
            report.account.0,
            report.lane.map(|lane| lane.0),
            report.generation.map(codec::stored),
            report.kind.name(),
            report.model(),
            report.source,
            report.failed_at.0,
            now.0,
            report.resets_at.map(|at| at.0),
        ])? == 1;
    if !fresh || report.shadowed {
        return Ok(fresh);
    }
    let new = Skip {
        kind: report.kind,
        model: report.model().map(str::to_owned),
        // A clock ahead of ours must not keep an account out for longer.
        failed_at: report.failed_at.min(now),
        resets_at: report.resets_at,
        served_at: None,
        softer: report.softer,
    };
    let folded = match skip(tx, report.account)? {
        Some(known) => known.and(new),
        None => new,
    };
    store(tx, report.account, &folded)?;
    if report.kind == FailureKind::Auth && folded.served_at.is_none_or(|at| at < report.failed_at) {
        let mut breaker = breaker(tx, report.account)?;
        breaker.failed(now);
        store_breaker(tx, report.account, &breaker)?;
        tx.prepare_cached("UPDATE accounts SET login = ?2 WHERE id = ?1")?
            .execute(params![report.account.0, codec::json(&Login::NeedsSignIn)])?;
    }
    Ok(true)
}

pub(crate) fn skip(connection: &Connection, account: AccountId) -> Result<Option<Skip>> {
    let mut statement = connection.prepare_cached("SELECT * FROM skips WHERE account = ?1")?;
    Ok(statement.query_row([account.0], read_skip).optional()?)
}

fn read_skip(row: &rusqlite::Row<'_>) -> rusqlite::Result<Skip> {
    Ok(Skip {
        kind: codec::word(row, "kind")?,
        model: row.get("model")?,
        failed_at: codec::utc(row, "failed_at")?,
        resets_at: codec::utc_opt(row, "resets_at")?,
        served_at: codec::utc_opt(row, "served_at")?,
        softer: codec::word_opt(row, "softer")?,
    })
}

/// Evidence is only ever replaced by younger evidence.
fn note_served(tx: &Connection, account: AccountId, at: Utc) -> Result<()> {
    if let Some(mut known) = skip(tx, account)?
        && known.served_at.is_none_or(|served| served < at)
    {
        known.served_at = Some(at);
        store(tx, account, &known)?;
    }
    Ok(())
}

fn store(tx: &Connection, account: AccountId, skip: &Skip) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO skips (account, kind, model, failed_at, resets_at, served_at, softer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (account) DO UPDATE SET kind = excluded.kind, model = excluded.model,
             failed_at = excluded.failed_at, resets_at = excluded.resets_at,
             served_at = excluded.served_at, softer = excluded.softer",
    )?
    .execute(params![
        account.0,
        skip.kind.name(),
        skip.model,
        skip.failed_at.0,
        skip.resets_at.map(|at| at.0),
        skip.served_at.map(|at| at.0),
        skip.softer.map(Softer::name),
    ])?;
    Ok(())
}

pub(crate) fn breaker(connection: &Connection, account: AccountId) -> Result<Breaker> {
    let mut statement =
        connection.prepare_cached("SELECT state FROM breakers WHERE account = ?1")?;
    let found = statement.query_row([account.0], |row| codec::from_json(row, "state"));
    Ok(found.optional()?.unwrap_or_default())
}

fn store_breaker(tx: &Connection, account: AccountId, breaker: &Breaker) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO breakers (account, state) VALUES (?1, ?2)
         ON CONFLICT (account) DO UPDATE SET state = excluded.state",
    )?
    .execute(params![account.0, codec::json(breaker)])?;
    Ok(())
}

/// Asks for a start on this account; a granted probe is remembered with the transaction.
pub(crate) fn ask_breaker(tx: &Connection, account: AccountId, now: Utc) -> Result<Admit> {
    let mut state = breaker(tx, account)?;
    let answer = state.admit(now);
    if answer == Admit::Probe {
        store_breaker(tx, account, &state)?;
    }
    Ok(answer)
}

impl Ledger {
    /// Remembers a failure without moving any lane; `false` when it was known already.
    pub fn record_failure(&mut self, report: &FailureReport, now: Utc) -> Result<bool> {
        let tx = sqlite::begin(&mut self.history)?;
        let fresh = record(&tx, report, now)?;
        tx.commit()?;
        Ok(fresh)
    }

    /// Why an account may not be chosen, as last reported.
    pub fn skip(&self, account: AccountId) -> Result<Option<Skip>> {
        skip(&self.history, account)
    }

    /// What stands between each account and being chosen; accounts without a failure are left out.
    pub fn walls(&self) -> Result<BTreeMap<AccountId, Wall>> {
        let mut walls: BTreeMap<AccountId, Wall> = BTreeMap::new();
        let mut statement = self.history.prepare_cached("SELECT * FROM skips")?;
        let skips = statement
            .query_map([], |row| Ok((codec::account(row, "account")?, read_skip(row)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for (account, skip) in skips {
            walls.entry(account).or_default().skip = Some(skip);
        }
        let mut statement = self.history.prepare_cached("SELECT * FROM breakers")?;
        let breakers = statement
            .query_map([], |row| {
                Ok((codec::account(row, "account")?, codec::from_json(row, "state")?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for (account, breaker) in breakers {
            walls.entry(account).or_default().breaker = breaker;
        }
        Ok(walls)
    }

    /// The person signed in again: the account may be tried. Only something that is served closes
    /// its breaker.
    pub fn record_signed_in(&mut self, account: AccountId, at: Utc) -> Result<()> {
        let tx = sqlite::begin(&mut self.history)?;
        note_served(&tx, account, at)?;
        tx.commit()?;
        Ok(())
    }

    /// A start on this account is about to be tried; a half-open breaker takes it for its probe.
    pub fn record_probe(&mut self, account: AccountId, at: Utc) -> Result<()> {
        let tx = sqlite::begin(&mut self.history)?;
        ask_breaker(&tx, account, at)?;
        tx.commit()?;
        Ok(())
    }

    /// Positive evidence: a request was served. Readmits the account as far as the evidence is
    /// younger than its failure.
    pub fn record_served(&mut self, account: AccountId, at: Utc) -> Result<()> {
        let tx = sqlite::begin(&mut self.history)?;
        note_served(&tx, account, at)?;
        let mut state = breaker(&tx, account)?;
        if state != Breaker::default() {
            state.succeeded();
            store_breaker(&tx, account, &state)?;
        }
        tx.commit()?;
        Ok(())
    }
}
