//! Which account a running tool uses. A session of Claude Code in the machine's own seat reads the login
//! again at each request: it started on one account and uses the live one. Everything else (Codex, lanes
//! with a seat per account, a login from the environment) keeps the account it started on.

use crate::codec;
use crate::error::{Error, Result};
use crate::failures::{self, FailureReport};
use crate::inflight::{ExecutionRow, Shown, State};
use crate::lanes;
use crate::open::Ledger;
use crate::processes::{Probe, ProcessId, Processes};
use crate::sqlite;
use rusqlite::params;
use sluice_engine::{AccountId, Generation, LaneId, Utc};

/// Generations of processes looked at above one.
const ANCESTORS_MAX: usize = 64;

/// The account a tool used at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// This one.
    Known {
        /// The account.
        account: AccountId,
        /// The generation of its lane.
        generation: Generation,
    },
    /// The lane moved at about that instant: what failed may have been asked for before or after.
    Moving {
        /// The account it used before; `None` when that is not known.
        before: Option<AccountId>,
        /// The generation it had then.
        generation: Generation,
    },
    /// None of ours.
    Nobody,
}

impl Ledger {
    /// The account a recorded run used for what it was told at `at`.
    ///
    /// # Errors
    /// The database, or a row whose lane is gone.
    pub fn used_at(&self, row: &ExecutionRow, at: Utc) -> Result<Used> {
        let launched = (row.execution.account, row.generation);
        let (before, generation) = row.turn_used.unwrap_or(launched);
        match row.execution.lane.filter(|_| row.follows) {
            Some(lane) => self.follow(lane, Some((before, generation)), at),
            None => Ok(match before {
                Some(account) => Used::Known { account, generation },
                None => Used::Nobody,
            }),
        }
    }

    /// The same for a tool in the machine's own seat that was never written down.
    ///
    /// # Errors
    /// The database, or a lane that is gone.
    pub fn used_in_seat(&self, lane: LaneId, at: Utc) -> Result<Used> {
        self.follow(lane, None, at)
    }

    /// The run whose variable the process `pid` inherited, as long as it lives: its row is open, it is
    /// of this boot, and its own process is alive, above `pid` or in the same session. What a run has
    /// left behind (a terminal multiplexer, a service) still carries the variable and is not in it.
    ///
    /// # Errors
    /// The database.
    pub fn inherited(
        &self,
        id: &str,
        processes: &dyn Processes,
        pid: u32,
    ) -> Result<Option<ExecutionRow>> {
        let Some(row) = self.execution(id)? else { return Ok(None) };
        let open = matches!(row.state, State::Starting | State::Running);
        if !open || row.execution.machine != *processes.machine() {
            return Ok(None);
        }
        let own = [row.execution.child, row.execution.wrapper];
        let alive: Vec<ProcessId> = own
            .into_iter()
            .flatten()
            .filter(|process| processes.probe(*process) == Probe::Alive)
            .collect();
        let session = processes.session_of(pid);
        let beside = |process: &ProcessId| {
            process.pid == pid || session.is_some() && processes.session_of(process.pid) == session
        };
        let mut above = Vec::new();
        let mut at = pid;
        while above.len() < ANCESTORS_MAX
            && let Some(parent) = processes.parent_of(at)
        {
            at = parent.pid;
            above.push(parent);
        }
        let inside = alive.iter().any(|process| above.contains(process) || beside(process));
        Ok(inside.then_some(row))
    }

    fn follow(
        &self,
        lane: LaneId,
        known: Option<(Option<AccountId>, Generation)>,
        at: Utc,
    ) -> Result<Used> {
        let found = lanes::find(&self.history, lane)?.ok_or(Error::NotFound("lane"))?;
        let generation = found.lane.generation;
        if found.settled(at) || known.is_some_and(|(_, known)| known == generation) {
            return Ok(match found.lane.active {
                Some(account) => Used::Known { account, generation },
                None => Used::Nobody,
            });
        }
        let (before, generation) = known.unwrap_or((None, Generation(0)));
        Ok(Used::Moving { before, generation })
    }

    /// Remembers a failure of about the time of a swap. It is held against the account that was left
    /// only where that one is known to refuse work: else it may have been the other one's.
    ///
    /// # Errors
    /// The database.
    pub fn record_moving(&mut self, report: &FailureReport, now: Utc) -> Result<bool> {
        let walled = self.skip(report.account)?.is_some_and(|skip| skip.out(now, None).is_some());
        if !walled {
            return Ok(false);
        }
        let tx = sqlite::begin(&mut self.history)?;
        let fresh = failures::record(&tx, report, now)?;
        tx.commit()?;
        Ok(fresh)
    }

    /// What the conversation's status line shows now.
    ///
    /// # Errors
    /// The database.
    pub fn set_shown(&mut self, id: &str, shown: &Shown) -> Result<()> {
        self.history
            .prepare_cached("UPDATE executions SET shown = ?2 WHERE id = ?1")?
            .execute(params![id, codec::json(shown)])?;
        Ok(())
    }
}
