//! Runs: one row per tool process, admitted under ceilings, closed once. Counting and taking are one
//! transaction, so that two processes never take the last place.

use crate::codec;
use crate::error::{Error, Result};
use crate::open::Ledger;
use crate::processes::{Machine, ProcessId};
use crate::sqlite;
use crate::{failures, lanes};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sluice_engine::breaker::Admit;
use sluice_engine::{AccountId, Generation, LaneId, Provider, Usage, Utc};
use sluice_protocol::limits::{CEILING_LEAST, CEILING_MOST};
use sluice_protocol::{CeilingWindow, GrantRefusal};

/// Who wrote the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `sluice run`.
    Wrapper,
    /// A hook of the tool.
    Hook,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Admitted; the tool's process is not known yet.
    Starting,
    /// The tool's process is known.
    Running,
    /// Its end was reported.
    Finished,
    /// Its process is gone and nobody reported an end.
    Orphaned,
}

/// An execution to be admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct NewExecution {
    /// Unique id, made by whoever starts it.
    pub id: String,
    /// Whose tool.
    pub provider: Provider,
    /// The account; `None` with a lane means the lane's active one, `None` without is untracked.
    pub account: Option<AccountId>,
    /// The lane it runs in.
    pub lane: Option<LaneId>,
    /// Who writes the row.
    pub origin: Origin,
    /// The tool's own id of the conversation.
    pub conversation: Option<String>,
    /// A name the person gave.
    pub label: Option<String>,
    /// Working directory.
    pub folder: Option<String>,
    /// The program.
    pub program: String,
    /// Names of environment variables that outrank the chosen account.
    pub shadowed: Vec<String>,
    /// Where it runs.
    pub machine: Machine,
    /// The process of `sluice run`.
    pub wrapper: Option<ProcessId>,
    /// The tool's process, when it runs already.
    pub child: Option<ProcessId>,
    /// The instant of its start.
    pub at: Utc,
}

/// The numbers a conversation's status line showed last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The numbers.
    pub usage: Usage,
    /// The generation of the lane whose account answered with them; `None` when that is not known.
    pub generation: Option<Generation>,
}

/// An execution as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRow {
    /// What was admitted; the account is the one it was launched on.
    pub execution: NewExecution,
    /// The lane's generation at launch.
    pub generation: Generation,
    /// Where it stands.
    pub state: State,
    /// How often the tool was started for it.
    pub attempts: u32,
    /// When it ended.
    pub finished_at: Option<Utc>,
    /// The tool's exit code.
    pub exit_code: Option<i32>,
    /// Why it ended, in a word or a sentence.
    pub end_reason: Option<String>,
    /// When the turn began that the tool is in the middle of.
    pub turn_at: Option<Utc>,
    /// It uses whichever account its lane has, not the one it was launched on.
    pub follows: bool,
    /// The account and generation it used when its last turn began.
    pub turn_used: Option<(Option<AccountId>, Generation)>,
    /// What its status line showed last.
    pub shown: Option<Shown>,
}

/// Ceilings of a provider, or of one account; `None` is no ceiling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cap {
    /// At work at the same time.
    pub concurrent: Option<u32>,
    /// Started in a rolling hour.
    pub per_hour: Option<u32>,
    /// Started in rolling 24 hours.
    pub per_day: Option<u32>,
}

/// Why an execution was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Always `false`: the shape is the same as that of a grant.
    pub allowed: bool,
    /// Why not.
    pub reason: GrantRefusal,
    /// Which count is full.
    pub window: CeilingWindow,
    /// The ceiling.
    pub limit: u32,
    /// Where the count stands.
    pub current: u32,
    /// Worth trying again after so many seconds; `None` when an end is waited for.
    pub retry_after_s: Option<u64>,
}

/// The answer to [`Ledger::admit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The row stands as `starting`.
    Admitted {
        /// The account to launch on.
        account: Option<AccountId>,
        /// The lane's generation now.
        generation: Generation,
    },
    /// No row was written.
    Refused(Refusal),
}

/// What a report of an end met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The row was open and is finished now.
    Finished,
    /// The row had been given up; the end is taken as a correction, once.
    Corrected,
    /// It was known already.
    Already,
}

const OPEN: &str = "state IN ('starting', 'running')";
/// The account an open run uses: that of its lane where it follows it.
pub(crate) const USES: &str =
    "CASE follows WHEN 1 THEN (SELECT active FROM lanes WHERE lanes.id = lane) ELSE account END";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
    let process = |pid: &str, start: &str| -> rusqlite::Result<Option<ProcessId>> {
        let (pid, start): (Option<u32>, Option<i64>) = (row.get(pid)?, row.get(start)?);
        Ok(pid.zip(start).map(|(pid, start)| ProcessId { pid, start: start.cast_unsigned() }))
    };
    let namespace: Option<i64> = row.get("namespace")?;
    Ok(ExecutionRow {
        execution: NewExecution {
            id: row.get("id")?,
            provider: codec::provider(row, "provider")?,
            account: codec::account_opt(row, "account")?,
            lane: row.get::<_, Option<i64>>("lane")?.map(LaneId),
            origin: codec::word(row, "source")?,
            conversation: row.get("conversation")?,
            label: row.get("label")?,
            folder: row.get("folder")?,
            program: row.get("program")?,
            shadowed: codec::from_json_opt(row, "shadowed")?.unwrap_or_default(),
            machine: Machine {
                host: row.get("host")?,
                boot: row.get("boot")?,
                namespace: namespace.map(i64::cast_unsigned),
            },
            wrapper: process("wrapper_pid", "wrapper_start")?,
            child: process("child_pid", "child_start")?,
            at: codec::utc(row, "started_at")?,
        },
        generation: codec::generation(row, "generation")?,
        state: codec::word(row, "state")?,
        attempts: row.get("attempts")?,
        finished_at: codec::utc_opt(row, "finished_at")?,
        exit_code: row.get("exit_code")?,
        end_reason: row.get("end_reason")?,
        turn_at: codec::utc_opt(row, "turn_at")?,
        follows: row.get("follows")?,
        turn_used: match row.get::<_, Option<i64>>("turn_generation")? {
            Some(_) => Some((
                codec::account_opt(row, "turn_account")?,
                codec::generation(row, "turn_generation")?,
            )),
            None => None,
        },
        shown: codec::from_json_opt(row, "shown")?,
    })
}

/// Every open row, oldest first.
pub(crate) fn open_rows(connection: &Connection) -> Result<Vec<ExecutionRow>> {
    let sql = format!("SELECT * FROM executions WHERE {OPEN} ORDER BY started_at, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// Looks at one set of ceilings.
fn refuse(
    tx: &Connection,
    provider: Provider,
    account: Option<AccountId>,
    now: Utc,
) -> Result<Option<Refusal>> {
    let cap: Option<Cap> = tx
        .prepare_cached(
            "SELECT concurrent, per_hour, per_day FROM caps WHERE provider = ?1 AND account = ?2",
        )?
        .query_row(params![provider.name(), account.map_or(0, |id| id.0)], |row| {
            Ok(Cap { concurrent: row.get(0)?, per_hour: row.get(1)?, per_day: row.get(2)? })
        })
        .optional()?;
    let Some(cap) = cap else { return Ok(None) };
    let (crowded, spent) = match account {
        None => (GrantRefusal::ProviderConcurrency, GrantRefusal::ProviderBudget),
        Some(_) => (GrantRefusal::AccountConcurrency, GrantRefusal::AccountBudget),
    };
    let id = account.map(|id| id.0);
    if let Some(limit) = cap.concurrent {
        let sql = format!(
            "SELECT count(*) FROM executions
             WHERE provider = ?1 AND (?2 IS NULL OR ({USES}) = ?2) AND {OPEN}"
        );
        let current: u32 =
            tx.prepare_cached(&sql)?.query_row(params![provider.name(), id], |row| row.get(0))?;
        if current >= limit {
            let refusal = Refusal {
                allowed: false,
                reason: crowded,
                window: CeilingWindow::InFlight,
                limit,
                current,
                retry_after_s: None,
            };
            return Ok(Some(refusal));
        }
    }
    for (limit, window, seconds) in
        [(cap.per_hour, CeilingWindow::Hour, 3_600_i64), (cap.per_day, CeilingWindow::Day, 86_400)]
    {
        let Some(limit) = limit else { continue };
        let (current, oldest): (u32, Option<i64>) = tx
            .prepare_cached(
                "SELECT count(*), min(started_at) FROM executions
                 WHERE provider = ?1 AND (?2 IS NULL OR account = ?2) AND started_at > ?3",
            )?
            .query_row(params![provider.name(), id, now.plus_seconds(-seconds).0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if current >= limit {
            let wait = oldest.map(|oldest| {
                let left = seconds * 1_000_000 - now.0.saturating_sub(oldest);
                u64::try_from(left / 1_000_000 + 1).unwrap_or(1)
            });
            let refusal = Refusal {
                allowed: false,
                reason: spent,
                window,
                limit,
                current,
                retry_after_s: wait,
            };
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

fn find(connection: &Connection, id: &str) -> Result<Option<ExecutionRow>> {
    let mut statement = connection.prepare_cached("SELECT * FROM executions WHERE id = ?1")?;
    Ok(statement.query_row([id], read).optional()?)
}

fn insert(
    tx: &Connection,
    new: &NewExecution,
    account: Option<AccountId>,
    generation: Generation,
) -> Result<()> {
    let state = if new.child.is_some() { "running" } else { "starting" };
    let shadowed = (!new.shadowed.is_empty()).then(|| codec::json(&new.shadowed));
    let own_seat = match new.lane {
        Some(lane) => lanes::find(tx, lane)?.is_some_and(|row| row.name == lanes::DEFAULT_LANE),
        None => false,
    };
    let follows =
        own_seat && new.provider.spec().running_sessions_follow && new.shadowed.is_empty();
    tx.prepare_cached(
        "INSERT INTO executions (id, provider, account, lane, generation, source, conversation,
             label, folder, program, shadowed, state, host, boot, namespace, wrapper_pid,
             wrapper_start, child_pid, child_start, started_at, follows)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?19, ?20, ?21)",
    )?
    .execute(params![
        new.id,
        new.provider.name(),
        account.map(|id| id.0),
        new.lane.map(|id| id.0),
        codec::stored(generation),
        codec::name(&new.origin),
        new.conversation,
        new.label,
        new.folder,
        new.program,
        shadowed,
        state,
        new.machine.host,
        new.machine.boot,
        new.machine.namespace.map(u64::cast_signed),
        new.wrapper.map(|process| process.pid),
        new.wrapper.map(|process| process.start.cast_signed()),
        new.child.map(|process| process.pid),
        new.child.map(|process| process.start.cast_signed()),
        new.at.0,
        follows,
    ])?;
    Ok(())
}

impl Ledger {
    /// Checks every ceiling and writes the row, in one transaction: what was counted is still true
    /// when the row stands. The lane is read inside, so the row says which account it was. Asked
    /// twice with the same id by the same process, the place that was given is given again.
    ///
    /// # Errors
    /// [`Error::Refused`] when the id belongs to another or to an ended execution.
    pub fn admit(&mut self, new: &NewExecution) -> Result<Admission> {
        let tx = sqlite::begin(&mut self.history)?;
        if let Some(known) = find(&tx, &new.id)? {
            let same = known.execution.wrapper == new.wrapper
                && matches!(known.state, State::Starting | State::Running);
            return if same {
                let (account, generation) = (known.execution.account, known.generation);
                Ok(Admission::Admitted { account, generation })
            } else {
                Err(Error::Refused("the id of the execution was used before".into()))
            };
        }
        let (account, generation) = match new.lane {
            None => (new.account, Generation(0)),
            Some(lane) => {
                let found = lanes::find(&tx, lane)?.ok_or(Error::NotFound("lane"))?.lane;
                (new.account.or(found.active), found.generation)
            }
        };
        // A shadowed run is on none of our accounts; it still takes a place of the provider.
        let account = if new.shadowed.is_empty() { account } else { None };
        if let Some(refusal) = refuse(&tx, new.provider, None, new.at)? {
            return Ok(Admission::Refused(refusal));
        }
        if let Some(id) = account {
            if let Some(refusal) = refuse(&tx, new.provider, Some(id), new.at)? {
                return Ok(Admission::Refused(refusal));
            }
            if let Admit::Wait { until } = failures::ask_breaker(&tx, id, new.at)? {
                let refusal = Refusal {
                    allowed: false,
                    reason: GrantRefusal::BreakerOpen,
                    window: CeilingWindow::Breaker,
                    limit: sluice_engine::breaker::THRESHOLD,
                    current: failures::breaker(&tx, id)?.failures,
                    retry_after_s: Some(until.seconds_since(new.at).max(0.0) as u64 + 1),
                };
                return Ok(Admission::Refused(refusal));
            }
        }
        insert(&tx, new, account, generation)?;
        tx.commit()?;
        Ok(Admission::Admitted { account, generation })
    }

    /// Writes the row of a tool that runs already, past every ceiling: it cannot be refused any
    /// more, and it counts.
    pub fn admit_running(&mut self, new: &NewExecution) -> Result<Generation> {
        let tx = sqlite::begin(&mut self.history)?;
        let generation = match new.lane {
            None => Generation(0),
            Some(lane) => lanes::find(&tx, lane)?.ok_or(Error::NotFound("lane"))?.lane.generation,
        };
        let account = if new.shadowed.is_empty() { new.account } else { None };
        insert(&tx, new, account, generation)?;
        tx.commit()?;
        Ok(generation)
    }

    /// The tool's process is known.
    pub fn started(&mut self, id: &str, child: ProcessId) -> Result<()> {
        let sql = format!(
            "UPDATE executions SET state = 'running', child_pid = ?2, child_start = ?3
             WHERE id = ?1 AND {OPEN}"
        );
        let changed = self.history.prepare_cached(&sql)?.execute(params![
            id,
            child.pid,
            child.start.cast_signed()
        ])?;
        if changed == 1 { Ok(()) } else { Err(Error::NotFound("open execution")) }
    }

    /// The tool is started again for the same execution, after the lane moved.
    pub fn started_again(
        &mut self,
        id: &str,
        account: Option<AccountId>,
        generation: Generation,
    ) -> Result<()> {
        let sql = format!(
            "UPDATE executions SET state = 'starting', child_pid = NULL, child_start = NULL,
                 account = ?2, generation = ?3, turn_account = NULL, turn_generation = NULL,
                 attempts = attempts + 1 WHERE id = ?1 AND {OPEN}"
        );
        let changed = self.history.prepare_cached(&sql)?.execute(params![
            id,
            account.map(|id| id.0),
            codec::stored(generation)
        ])?;
        if changed == 1 { Ok(()) } else { Err(Error::NotFound("open execution")) }
    }

    /// The tool began a turn (`Some`) or ended it; `false` when the row is not open. A turn that begins
    /// uses the account its lane has then, where the run follows its lane.
    pub fn set_turn(&mut self, id: &str, began_at: Option<Utc>) -> Result<bool> {
        let tx = sqlite::begin(&mut self.history)?;
        let sql = format!("UPDATE executions SET turn_at = ?2 WHERE id = ?1 AND {OPEN}");
        let changed = tx.prepare_cached(&sql)?.execute(params![id, began_at.map(|at| at.0)])?;
        if began_at.is_some() {
            tx.prepare_cached(
                "UPDATE executions SET (turn_account, turn_generation) =
                     (SELECT active, generation FROM lanes WHERE lanes.id = executions.lane)
                 WHERE id = ?1 AND follows = 1",
            )?
            .execute([id])?;
        }
        tx.commit()?;
        Ok(changed == 1)
    }

    /// The tool's own id of the conversation, learnt from a hook.
    pub fn set_conversation(&mut self, id: &str, conversation: &str) -> Result<()> {
        self.history
            .prepare_cached("UPDATE executions SET conversation = ?2 WHERE id = ?1")?
            .execute(params![id, conversation])?;
        Ok(())
    }

    /// The tool ended. Idempotent; an end reported after the row was given up corrects it once.
    pub fn finish(
        &mut self,
        id: &str,
        at: Utc,
        exit_code: Option<i32>,
        reason: &str,
    ) -> Result<Closed> {
        let tx = sqlite::begin(&mut self.history)?;
        let state: Option<String> = tx
            .prepare_cached("SELECT state FROM executions WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let closed = match state.as_deref() {
            None => return Err(Error::NotFound("execution")),
            Some("finished") => return Ok(Closed::Already),
            Some("orphaned") => Closed::Corrected,
            Some(_) => Closed::Finished,
        };
        tx.prepare_cached(
            "UPDATE executions SET state = 'finished', finished_at = ?2, exit_code = ?3,
                 end_reason = ?4 WHERE id = ?1",
        )?
        .execute(params![id, at.0, exit_code, reason])?;
        tx.commit()?;
        Ok(closed)
    }

    /// Gives up an open row because the person says so; `false` when it was not open.
    pub fn release(&mut self, id: &str, at: Utc) -> Result<bool> {
        let sql = format!(
            "UPDATE executions SET state = 'orphaned', finished_at = ?2,
                 end_reason = 'released by the person' WHERE id = ?1 AND {OPEN}"
        );
        Ok(self.history.prepare_cached(&sql)?.execute(params![id, at.0])? == 1)
    }

    /// What is at work now, oldest first.
    pub fn open_executions(&self) -> Result<Vec<ExecutionRow>> {
        open_rows(&self.history)
    }

    /// One execution.
    pub fn execution(&self, id: &str) -> Result<Option<ExecutionRow>> {
        find(&self.history, id)
    }

    /// The open execution of a conversation of the tool.
    pub fn execution_of(&self, conversation: &str) -> Result<Option<ExecutionRow>> {
        let sql = format!(
            "SELECT * FROM executions WHERE conversation = ?1 AND {OPEN}
             ORDER BY started_at DESC LIMIT 1"
        );
        let mut statement = self.history.prepare_cached(&sql)?;
        Ok(statement.query_row([conversation], read).optional()?)
    }

    /// Sets the ceilings of a provider (`None`) or of one account.
    pub fn set_cap(
        &mut self,
        provider: Provider,
        account: Option<AccountId>,
        cap: &Cap,
    ) -> Result<()> {
        let mut set = [cap.concurrent, cap.per_hour, cap.per_day].into_iter().flatten();
        if set.any(|ceiling| !(CEILING_LEAST..=CEILING_MOST).contains(&ceiling)) {
            let text = format!("a ceiling is a number from {CEILING_LEAST} to {CEILING_MOST}");
            return Err(Error::Refused(text));
        }
        self.durable.execute(
            "INSERT INTO caps (provider, account, concurrent, per_hour, per_day)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (provider, account) DO UPDATE SET concurrent = excluded.concurrent,
                 per_hour = excluded.per_hour, per_day = excluded.per_day",
            params![
                provider.name(),
                account.map_or(0, |id| id.0),
                cap.concurrent,
                cap.per_hour,
                cap.per_day
            ],
        )?;
        Ok(())
    }

    /// Every ceiling: provider, account (`None` is the whole provider) and the numbers.
    pub fn caps(&self) -> Result<Vec<(Provider, Option<AccountId>, Cap)>> {
        let mut statement =
            self.history.prepare_cached("SELECT * FROM caps ORDER BY provider, account")?;
        let rows = statement
            .query_map([], |row| {
                let account: i64 = row.get("account")?;
                let cap = Cap {
                    concurrent: row.get("concurrent")?,
                    per_hour: row.get("per_hour")?,
                    per_day: row.get("per_day")?,
                };
                let account = (account != 0).then_some(AccountId(account));
                Ok((codec::provider(row, "provider")?, account, cap))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}
