//! Deletes old history, a small batch at a time, so that nobody waits for it.

use crate::error::Result;
use crate::open::Ledger;
use crate::sqlite;
use rusqlite::{Connection, OptionalExtension, params};
use sluice_engine::Utc;

/// How long what is kept. Swaps, accounts and open rows are never let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Every usage sample; after that the last one of each hour and weekly window.
    pub samples_full_days: u32,
    /// Usage samples at all.
    pub samples_days: u32,
    /// Reason and candidates of each decision.
    pub details_days: u32,
    /// Recorded worlds, for replay.
    pub worlds_days: u32,
    /// Decisions to stay for which no rule fired.
    pub ticks_days: u32,
    /// Every other decision.
    pub decisions_days: u32,
    /// Requests and credential writes.
    pub requests_days: u32,
    /// Told notices, activity, finished executions and failures.
    pub told_days: u32,
    /// Bytes in use from which the oldest details and samples go early.
    pub bytes_max: u64,
}

impl Default for Retention {
    /// A year of twelve accounts stays well under 200 MB (`tests/bench/ledger.rs` measures it).
    fn default() -> Self {
        Self {
            samples_full_days: 14,
            samples_days: 400,
            details_days: 7,
            worlds_days: 2,
            ticks_days: 30,
            decisions_days: 400,
            requests_days: 30,
            told_days: 90,
            bytes_max: 180_000_000,
        }
    }
}

/// What one batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows let go.
    pub rows: usize,
    /// There is more to do; call again after the next turn of the loop.
    pub more: bool,
}

/// Table, condition with the cutoff as `?1`, and days.
type Rule = (&'static str, &'static str, fn(&Retention) -> u32);

/// Deletions by age. Each condition starts with an indexed column or the row id.
const RULES: &[Rule] = &[
    (
        "decision_details",
        "decision < (SELECT coalesce((SELECT id FROM decisions WHERE at >= ?1 ORDER BY at LIMIT 1),
             (SELECT max(id) + 1 FROM decisions), 0))",
        |keep| keep.details_days,
    ),
    ("decisions", "at < ?1 AND trigger = 'tick' AND action = 'stay'", |keep| keep.ticks_days),
    ("decisions", "at < ?1", |keep| keep.decisions_days),
    ("samples", "at < ?1", |keep| keep.samples_days),
    ("requests", "at < ?1", |keep| keep.requests_days),
    ("outbox", "at < ?1", |keep| keep.told_days),
    ("activity", "at < ?1", |keep| keep.told_days),
    ("failures", "received_at < ?1", |keep| keep.told_days),
    ("executions", "finished_at < ?1 AND state IN ('finished', 'orphaned')", |keep| keep.told_days),
];

impl Ledger {
    /// Lets go of at most `batch` rows that are past their time, in one short transaction.
    pub fn prune(&mut self, now: Utc, keep: &Retention, batch: usize) -> Result<Pruned> {
        let tx = sqlite::begin(&mut self.history)?;
        let mut left = batch;
        for (table, condition, days) in RULES {
            if left == 0 {
                break;
            }
            left -= delete(&tx, table, condition, cutoff(now, days(keep)), left)?;
        }
        if left > 0 {
            left -= forget_worlds(&tx, cutoff(now, keep.worlds_days), left)?;
        }
        let mut thinning = false;
        if left > 0 {
            let (gone, more) = thin(&tx, cutoff(now, keep.samples_full_days), left)?;
            left = left.saturating_sub(gone);
            thinning = more;
        }
        if left > 0 && bytes_in_use(&tx)? > keep.bytes_max {
            let oldest = "decision <= (SELECT min(decision) + 999 FROM decision_details)";
            let gone = delete(&tx, "decision_details", oldest, 0, left)?;
            left -= gone;
            if gone == 0 {
                left -=
                    delete(&tx, "samples", "id <= (SELECT min(id) + 999 FROM samples)", 0, left)?;
            }
        }
        tx.commit()?;
        Ok(Pruned { rows: batch - left, more: left == 0 || thinning })
    }

    /// Bytes that rows and indices take, without pages that are free again.
    pub fn bytes_in_use(&self) -> Result<u64> {
        bytes_in_use(&self.history)
    }
}

fn cutoff(now: Utc, days: u32) -> i64 {
    now.plus_seconds(-i64::from(days) * 86_400).0
}

fn delete(
    tx: &Connection,
    table: &str,
    condition: &str,
    cutoff: i64,
    limit: usize,
) -> Result<usize> {
    // `decision_details` and `samples` and the rest all have a row id; `executions` has one too.
    let sql = format!(
        "DELETE FROM {table} WHERE rowid IN
             (SELECT rowid FROM {table} WHERE {condition} AND ?1 IS NOT NULL LIMIT ?2)"
    );
    Ok(tx.prepare_cached(&sql)?.execute(params![cutoff, limit as i64])?)
}

/// Recorded worlds go before the rest of the details.
fn forget_worlds(tx: &Connection, cutoff: i64, limit: usize) -> Result<usize> {
    let from = mark(tx, "worlds")?;
    let to: Option<i64> = tx
        .prepare_cached("SELECT id FROM decisions WHERE at < ?1 ORDER BY at DESC LIMIT 1")?
        .query_row([cutoff], |row| row.get(0))
        .optional()?;
    let Some(to) = to.filter(|to| *to > from) else { return Ok(0) };
    let to = to.min(from.saturating_add(limit as i64));
    let gone = tx
        .prepare_cached(
            "UPDATE decision_details SET world = NULL
             WHERE decision > ?1 AND decision <= ?2 AND world IS NOT NULL",
        )?
        .execute(params![from, to])?;
    set_mark(tx, "worlds", to)?;
    Ok(gone)
}

/// Keeps of each account, hour and weekly window the last sample. Returns rows let go and whether
/// samples are left to look at.
fn thin(tx: &Connection, cutoff: i64, limit: usize) -> Result<(usize, bool)> {
    let from = mark(tx, "thinned")?;
    let to: Option<i64> = tx
        .prepare_cached(
            "SELECT max(id) FROM (SELECT id FROM samples WHERE id > ?1 AND at < ?2
             ORDER BY id LIMIT ?3)",
        )?
        .query_row(params![from, cutoff, limit as i64], |row| row.get(0))?;
    let Some(to) = to else { return Ok((0, false)) };
    let gone = tx
        .prepare_cached(
            "DELETE FROM samples WHERE id > ?1 AND id <= ?2 AND at < ?3 AND EXISTS (
                 SELECT 1 FROM samples AS later
                 WHERE later.account = samples.account AND later.at > samples.at
                   AND later.at < (samples.at / 3600000000 + 1) * 3600000000
                   AND later.seven_day_reset IS samples.seven_day_reset)",
        )?
        .execute(params![from, to, cutoff])?;
    set_mark(tx, "thinned", to)?;
    Ok((gone, true))
}

fn mark(tx: &Connection, name: &str) -> Result<i64> {
    let mut statement = tx.prepare_cached("SELECT value FROM marks WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set_mark(tx: &Connection, name: &str, value: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO marks (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute(params![name, value])?;
    Ok(())
}

fn bytes_in_use(connection: &Connection) -> Result<u64> {
    let pragma = |name: &str| -> Result<u64> {
        let value: i64 = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
        Ok(value.unsigned_abs())
    };
    Ok(pragma("page_count")?.saturating_sub(pragma("freelist_count")?) * pragma("page_size")?)
}
