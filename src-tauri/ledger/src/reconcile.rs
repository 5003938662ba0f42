//! Closes rows of processes that are certainly gone. One definition of *orphan* for every pass:
//! dead only on proof, unknown is kept, young rows have a grace.

use crate::codec;
use crate::error::Result;
use crate::locks;
use crate::open::Ledger;
use crate::processes::{Machine, Probe, ProcessId, Processes};
use crate::sqlite;
use rusqlite::{Connection, params};
use serde::Serialize;
use sluice_engine::{AccountId, Provider, Utc};
use sluice_protocol::Closing;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// The name of the rule in every output.
pub const RULE: &str = "ORPHANED_IN_FLIGHT_CLEAR";
/// A row younger than this is left alone.
const GRACE_SECONDS: i64 = 15;
/// The same while the tool's own process was never heard of.
const GRACE_CHILDLESS_SECONDS: i64 = 60;
/// How long the pass at start tries to be alone.
const ALONE: Duration = Duration::from_secs(2);
/// Rows closed in one transaction: short enough that nobody waits, long enough to be quick.
const BATCH: usize = 500;

/// One orphan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReconcileAction {
    /// Which execution.
    pub execution_id: String,
    /// Whose tool.
    pub provider: Provider,
    /// The account it was launched on.
    pub account: Option<AccountId>,
    /// When it began.
    pub started_at: Utc,
    /// Always [`RULE`].
    pub rule: &'static str,
    /// The proof.
    pub reason: String,
    /// What was done.
    pub action: Closing,
    /// What failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The outcome of a pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pass {
    /// Orphans, oldest first.
    pub actions: Vec<ReconcileAction>,
    /// Rows about which nothing could be said; kept.
    pub unknown: usize,
    /// Somebody else was at it; nothing was looked at.
    pub locked: bool,
    /// Those of the unknown rows that time alone will not make known.
    #[serde(skip)]
    pub unjudged: Vec<String>,
}

enum Verdict {
    Alive,
    Unknown,
    /// Too young to say; the next pass will.
    Young,
    Dead(String),
}

/// Rows from which the process table is read once instead of row by row.
const MANY: usize = 64;

/// What a verdict needs of an open row.
struct OpenRow {
    row: i64,
    id: String,
    provider: Provider,
    account: Option<AccountId>,
    at: Utc,
    machine: Machine,
    wrapper: Option<ProcessId>,
    child: Option<ProcessId>,
}

/// By position and not by name: a pass may read ten thousand of them.
fn open_rows(connection: &Connection) -> Result<Vec<OpenRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT rowid, id, provider, account, started_at, host, boot, namespace, wrapper_pid,
             wrapper_start, child_pid, child_start
         FROM executions WHERE state IN ('starting', 'running') ORDER BY started_at, id",
    )?;
    let rows = statement.query_map([], |row| {
        let process = |pid: usize| -> rusqlite::Result<Option<ProcessId>> {
            let (pid, start): (Option<u32>, Option<i64>) = (row.get(pid)?, row.get(pid + 1)?);
            Ok(pid.zip(start).map(|(pid, start)| ProcessId { pid, start: start.cast_unsigned() }))
        };
        Ok(OpenRow {
            row: row.get(0)?,
            id: row.get(1)?,
            provider: codec::provider(row, "provider")?,
            account: row.get::<_, Option<i64>>(3)?.map(AccountId),
            at: Utc(row.get(4)?),
            machine: Machine {
                host: row.get(5)?,
                boot: row.get(6)?,
                namespace: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
            },
            wrapper: process(8)?,
            child: process(10)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Asks about each process once per pass, and about the environments only when it must.
struct Looker<'a> {
    processes: &'a dyn Processes,
    seen: HashMap<ProcessId, Probe>,
    /// Read after the rows, so that a process of any row is in it if it lives.
    living: Option<BTreeSet<u32>>,
    carried: OnceCell<Option<BTreeSet<String>>>,
}

impl Looker<'_> {
    fn probe(&mut self, process: ProcessId) -> Probe {
        if self.living.as_ref().is_some_and(|living| !living.contains(&process.pid)) {
            return Probe::Gone;
        }
        *self.seen.entry(process).or_insert_with(|| self.processes.probe(process))
    }

    /// The one definition of an orphan; the order of the questions is part of it.
    fn verdict(&mut self, row: &OpenRow, now: Utc) -> Verdict {
        let (then, here) = (&row.machine, self.processes.machine());
        if then.host != here.host {
            return Verdict::Unknown;
        }
        if then.boot != here.boot {
            return Verdict::Dead("the machine was started anew since".into());
        }
        if then.namespace != here.namespace {
            return Verdict::Unknown;
        }
        let known = [row.child, row.wrapper];
        let probes: Vec<Probe> =
            known.into_iter().flatten().map(|process| self.probe(process)).collect();
        if probes.contains(&Probe::Alive) {
            return Verdict::Alive;
        }
        if probes.contains(&Probe::Unknown) || probes.is_empty() {
            return Verdict::Unknown;
        }
        let grace = match row.child {
            Some(_) => GRACE_SECONDS,
            None => GRACE_CHILDLESS_SECONDS,
        };
        if now < row.at.plus_seconds(grace) {
            return Verdict::Young;
        }
        if row.child.is_none() {
            // The wrapper may have died between starting the tool and writing its process down.
            let carried = self.carried.get_or_init(|| self.processes.carried());
            match carried {
                Some(ids) if ids.contains(&row.id) => return Verdict::Alive,
                Some(_) => {}
                None => return Verdict::Unknown,
            }
        }
        Verdict::Dead(proof(row))
    }
}

fn proof(row: &OpenRow) -> String {
    match (row.child, row.wrapper) {
        (Some(child), _) => format!("process {} is gone or is another one now", child.pid),
        (None, wrapper) => format!(
            "the starting process {} is gone and no tool carries its id",
            wrapper.map_or(0, |wrapper| wrapper.pid)
        ),
    }
}

fn close(tx: &Connection, row: &OpenRow, reason: &str, now: Utc) -> Result<bool> {
    // Still open and still the same process: an end reported meanwhile wins.
    let changed = tx
        .prepare_cached(
            "UPDATE executions SET state = 'orphaned', finished_at = ?2, end_reason = ?3
             WHERE rowid = ?1 AND state IN ('starting', 'running') AND child_pid IS ?4
               AND child_start IS ?5",
        )?
        .execute(params![
            row.row,
            now.0,
            reason,
            row.child.map(|child| child.pid),
            row.child.map(|child| child.start.cast_signed()),
        ])?;
    Ok(changed == 1)
}

impl Ledger {
    /// Looks at every open row and, with `apply`, closes those whose process is certainly gone.
    /// A row that cannot be closed does not stop the pass.
    pub fn reconcile(&mut self, processes: &dyn Processes, now: Utc, apply: bool) -> Result<Pass> {
        let rows = open_rows(&self.history)?;
        let living = if rows.len() > MANY { processes.living() } else { None };
        let mut looker =
            Looker { processes, seen: HashMap::new(), living, carried: OnceCell::new() };
        let mut pass = Pass::default();
        let mut dead = Vec::new();
        for row in rows {
            match looker.verdict(&row, now) {
                Verdict::Alive => {}
                Verdict::Young => pass.unknown += 1,
                Verdict::Unknown => {
                    pass.unknown += 1;
                    pass.unjudged.push(row.id);
                }
                Verdict::Dead(reason) => dead.push((row, reason)),
            }
        }
        for batch in dead.chunks(BATCH) {
            self.close_batch(batch, now, apply, &mut pass.actions);
        }
        Ok(pass)
    }

    fn close_batch(
        &mut self,
        batch: &[(OpenRow, String)],
        now: Utc,
        apply: bool,
        actions: &mut Vec<ReconcileAction>,
    ) {
        let mut taken: Vec<Option<ReconcileAction>> = Vec::with_capacity(batch.len());
        let ended = if apply { self.apply_batch(batch, now, &mut taken) } else { Ok(()) };
        for (index, (row, reason)) in batch.iter().enumerate() {
            let outcome = match (&ended, apply) {
                (Err(error), _) => {
                    Some(action(row, reason, Closing::Error, Some(error.to_string())))
                }
                (Ok(()), true) => taken.get_mut(index).and_then(Option::take),
                (Ok(()), false) => Some(action(row, reason, Closing::WouldApply, None)),
            };
            actions.extend(outcome);
        }
    }

    fn apply_batch(
        &mut self,
        batch: &[(OpenRow, String)],
        now: Utc,
        taken: &mut Vec<Option<ReconcileAction>>,
    ) -> Result<()> {
        let tx = sqlite::begin(&mut self.history)?;
        for (row, reason) in batch {
            taken.push(match close(&tx, row, reason, now) {
                Ok(true) => Some(action(row, reason, Closing::Applied, None)),
                // Its end was reported meanwhile: no orphan after all.
                Ok(false) => None,
                Err(error) => Some(action(row, reason, Closing::Error, Some(error.to_string()))),
            });
        }
        tx.commit()?;
        Ok(())
    }

    /// The pass at start: alone or not at all, and never a reason not to start.
    pub fn reconcile_at_start(&mut self, processes: &dyn Processes, now: Utc) -> Pass {
        let busy = || Pass { locked: true, ..Pass::default() };
        let Ok(file) = locks::open(self.path(), "reconcile") else { return busy() };
        if locks::exclusive(&file, self.path(), ALONE).is_err() {
            return busy();
        }
        match self.reconcile(processes, now, true) {
            Ok(pass) => pass,
            Err(error) => {
                tracing::warn!(%error, "in-flight rows were not looked at");
                Pass::default()
            }
        }
    }
}

fn action(row: &OpenRow, reason: &str, action: Closing, error: Option<String>) -> ReconcileAction {
    ReconcileAction {
        execution_id: row.id.clone(),
        provider: row.provider,
        account: row.account,
        started_at: row.at,
        rule: RULE,
        reason: reason.to_owned(),
        action,
        error,
    }
}
