//! Lanes and runs behind their trait: the ledger on a connection of its own, so that a lane's lock keeps no
//! other write waiting.

use super::turns::{self, Records};
use crate::lanes::{self, NoPlace, Wish};
use crate::paths::Paths;
use crate::ports::{Depth, Look, RunReply, Runs, ToolFailure, ToolNumbers};
use sluice_core::ports::Oddity;
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{AccountId, Generation, LaneId, Provider, Source, Usage, Utc};
use sluice_ledger::{
    Admission, Cap, Closed, Error, ExecutionRow, FailureReport, Kernel, LaneRow, Ledger,
    NewExecution, Origin, Pass, ProcessId, Processes as _, Style, Used, Verdict,
};
use sluice_protocol::{
    Acquire, Answer, CeilingWindow, Ceilings, ClosedRun, Code, Failure, Grant, Outcome,
    ReportOutcome, Request, refused,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long another hand in the same lane is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// One report of an execution nobody knows moves a lane in this time; more are only remembered.
const UNVERIFIED_S: i64 = 3_600;
/// Notices older than this are in the log, and are not told any more.
const NOTICE_S: i64 = 600;
/// Characters of an id, a label or a key that others chose.
const TEXT_MAX: usize = 200;

/// The thread of runs: one thread's own hold on the ledger.
pub(super) struct LedgerRuns {
    paths: Paths,
    /// Where the tools of the machine's own seats keep their process records.
    records: Vec<Records>,
    kernel: Option<Kernel>,
    ledger: Option<Ledger>,
    /// Rows that the last sweep could not judge.
    unjudged: BTreeSet<String>,
    /// Lanes that an unverified report has moved, and when.
    moved: BTreeMap<LaneId, Utc>,
}

impl LedgerRuns {
    pub(super) fn new(paths: Paths, records: Vec<Records>) -> Self {
        Self {
            paths,
            records,
            kernel: Kernel::here(),
            ledger: None,
            unjudged: BTreeSet::new(),
            moved: BTreeMap::new(),
        }
    }

    /// The open ledger; opened anew after an error that is not about the request.
    fn ledger(&mut self) -> Result<&mut Ledger, Error> {
        if self.ledger.is_none() {
            self.ledger = Some(Ledger::attach(&self.paths.database())?);
        }
        self.ledger.as_mut().ok_or(Error::Busy)
    }

    fn carry_out(&mut self, request: &Request, now: Utc) -> Result<RunReply, Error> {
        let answer = match request {
            Request::Acquire(wish) => self.acquire(wish, now)?,
            Request::Started { execution, child_pid, child_start } => {
                let child = ProcessId { pid: *child_pid, start: *child_start };
                self.started(execution, child)?
            }
            Request::Finished { execution, exit_code, reason } => {
                let reason = reason.as_deref().unwrap_or("ended");
                let closed = self.ledger()?.finish(execution, now, *exit_code, reason)?;
                Answer::Ended { already: closed == Closed::Already }
            }
            Request::Failure(failure) => return self.failure(failure, now),
            Request::LeaveWalled { lane, .. } => self.leave_walled(*lane, now)?,
            Request::PointLane { lane, to, expected_generation } => {
                self.point(*lane, *to, *expected_generation, now)?
            }
            Request::BindLane { provider, name, folder } => {
                self.bind(*provider, name, folder.as_deref())?
            }
            Request::SetLaneAutomatic { lane, automatic } => {
                self.ledger()?.set_lane_automatic(*lane, *automatic)?;
                Answer::Done
            }
            Request::SetCap { provider, account, ceilings } => {
                self.ledger()?.set_cap(*provider, *account, &cap(*ceilings))?;
                Answer::Done
            }
            Request::Reconcile { apply } => self.reconcile(*apply, now)?,
            Request::Release { execution } => {
                if self.ledger()?.release(execution, now)? {
                    Answer::Done
                } else {
                    refused(
                        Code::UnknownRun,
                        "There is no open run of that id; nothing was changed.",
                    )
                }
            }
            _ => Answer::Done,
        };
        Ok(RunReply::Answered(answer))
    }

    fn acquire(&mut self, asked: &Acquire, now: Utc) -> Result<Answer, Error> {
        let Acquire { execution, provider, lane, account, label, folder, program, .. } = asked;
        let texts = [execution, lane, label, program];
        if texts.into_iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return Ok(refused(Code::Invalid, "A name is too long; nothing was recorded."));
        }
        let machine = self.kernel.as_ref().map(|kernel| kernel.machine().clone());
        let Some(machine) = machine.filter(|machine| machine.boot == asked.boot_id) else {
            let text = "That process is not of this machine's present boot; nothing was recorded.";
            return Ok(refused(Code::Invalid, text));
        };
        let paths = self.paths.clone();
        let wish = Wish {
            lane: lane.as_deref(),
            account: *account,
            folder: folder.as_deref().map(std::path::Path::new),
        };
        let place = match lanes::place(self.ledger()?, &paths, *provider, wish, now) {
            Ok(place) => place,
            Err(NoPlace::Ledger(error)) => return Err(error),
            Err(other) => return Ok(refused(Code::NoSeat, other.to_string())),
        };
        let id = execution.clone().unwrap_or_else(|| made_id(now, asked.pid));
        let new = NewExecution {
            id: id.clone(),
            provider: *provider,
            account: place.account,
            lane: place.lane.as_ref().map(|row| row.lane.id),
            origin: Origin::Wrapper,
            conversation: None,
            label: label.clone(),
            folder: folder.clone(),
            program: program.clone().unwrap_or_else(|| provider.spec().program.to_owned()),
            shadowed: Vec::new(),
            machine,
            wrapper: Some(ProcessId { pid: asked.pid, start: asked.pid_start }),
            child: None,
            at: now,
        };
        let mut admitted = self.ledger()?.admit(&new)?;
        if matches!(&admitted, Admission::Refused(refusal) if refusal.window == CeilingWindow::InFlight)
        {
            self.sweep(Depth::Sweep, now)?;
            admitted = self.ledger()?.admit(&new)?;
        }
        let paths = place.environment.into_iter();
        let environment = paths
            .map(|(name, path)| (name.to_owned(), path.to_string_lossy().into_owned()))
            .collect();
        Ok(Answer::Grant(grant(admitted, id, environment)))
    }

    fn started(&mut self, execution: &str, child: ProcessId) -> Result<Answer, Error> {
        let ledger = self.ledger()?;
        match ledger.started(execution, child) {
            // Told after its end: the end is what counts.
            Err(Error::NotFound(_)) if ledger.execution(execution)?.is_some() => Ok(Answer::Done),
            Ok(()) => Ok(Answer::Done),
            Err(error) => Err(error),
        }
    }

    fn failure(&mut self, failure: &Failure, now: Utc) -> Result<RunReply, Error> {
        let Failure { execution, lane, account, generation, failed_at_ms, .. } = failure;
        let row = match execution {
            Some(id) => self.ledger()?.execution(id)?,
            None => None,
        };
        // What is recorded of a run says more than what its reporter says.
        let (account, generation, moving) = match &row {
            None => (*account, *generation, false),
            Some(row) => match self.ledger()?.used_at(row, Utc::from_millis(*failed_at_ms))? {
                Used::Known { account, generation } => (Some(account), Some(generation), false),
                Used::Moving { before, generation } => (before, Some(generation), true),
                Used::Nobody => (None, None, false),
            },
        };
        let Some(account) = account else {
            return Ok(answered(Outcome::of(ReportOutcome::Unattributed)));
        };
        let Some(provider) = self.ledger()?.account(account)?.map(|row| row.provider) else {
            return Ok(RunReply::Answered(refused(
                Code::UnknownAccount,
                "There is no such account.",
            )));
        };
        let lane = match (&row, lane) {
            (Some(row), _) => row.execution.lane.map(|id| self.ledger()?.lane(id)).transpose()?,
            (None, Some(name)) => Some(self.ledger()?.lane_named(provider, name)?),
            (None, None) => Some(Some(self.ledger()?.default_lane(provider)?)),
        };
        let report = report_of(failure, row.as_ref(), account, generation);
        let Some(lane) = lane.flatten().filter(|_| !report.shadowed) else {
            self.ledger()?.record_failure(&report, now)?;
            let said = if report.shadowed {
                ReportOutcome::Unattributed
            } else {
                ReportOutcome::CoolingOnly
            };
            return Ok(answered(Outcome::of(said)));
        };
        let report = FailureReport { lane: Some(lane.lane.id), ..report };
        if moving {
            self.ledger()?.record_moving(&report, now)?;
            return self.gone_on(&lane, now);
        }
        self.act_on(&report, &lane, row.is_some(), now)
    }

    /// The lane has moved on; whether the account it has now is worth another try.
    fn gone_on(&mut self, lane: &LaneRow, now: Utc) -> Result<RunReply, Error> {
        let walled = match lane.lane.active {
            Some(id) => self
                .ledger()?
                .skip(id)?
                .is_some_and(|skip| skip.out(now, lane.lane.model.as_deref()).is_some()),
            None => true,
        };
        let verdict = Verdict::Stale {
            current: lane.lane.active,
            generation: lane.lane.generation,
            retry_advised: !walled,
        };
        Ok(answered(of_verdict(&verdict, Some(lane))))
    }

    /// A report of an execution that is known may move its lane; one that anybody could have made up
    /// may do so once.
    fn act_on(
        &mut self,
        report: &FailureReport,
        lane: &LaneRow,
        verified: bool,
        now: Utc,
    ) -> Result<RunReply, Error> {
        let live = lane.lane.generation;
        let current = lane.lane.active == Some(report.account)
            && report.generation.is_none_or(|generation| generation == live);
        let before = self.moved.get(&lane.lane.id).copied();
        if !verified && current {
            if before.is_some_and(|at| now < at.plus_seconds(UNVERIFIED_S)) {
                self.ledger()?.record_failure(report, now)?;
                return Ok(answered(Outcome::of(ReportOutcome::CoolingOnly)));
            }
            self.moved.insert(lane.lane.id, now);
            tracing::info!(source = report.source, "a report of an unknown run may move a lane");
        }
        if lane.name == lanes::DEFAULT {
            self.ledger()?.record_failure(report, now)?;
            let generation = match report.generation {
                Some(generation) => generation,
                // Nobody said which: this soon after a swap it may have been the one before.
                None if !lane.settled(report.failed_at) => return self.gone_on(lane, now),
                None => live,
            };
            return Ok(RunReply::Live(told(report, generation)));
        }
        let paths = self.paths.clone();
        let verdict =
            self.ledger()?.report_failure(report, Style::Pointer, now, WAIT, &mut |field| {
                lanes::with_seat(&paths, field)
            })?;
        let found = self.ledger()?.lane(lane.lane.id)?;
        Ok(answered(of_verdict(&verdict, found.as_ref())))
    }

    fn leave_walled(&mut self, lane: LaneId, now: Utc) -> Result<Answer, Error> {
        let paths = self.paths.clone();
        let ledger = self.ledger()?;
        let left = ledger.leave_walled(lane, Style::Pointer, now, WAIT, &mut |field| {
            lanes::with_seat(&paths, field)
        })?;
        let found = ledger.lane(lane)?;
        Ok(Answer::Reported(match left {
            Some(verdict) => of_verdict(&verdict, found.as_ref()),
            None => Outcome::of(ReportOutcome::Ignored),
        }))
    }

    fn point(
        &mut self,
        lane: LaneId,
        to: Option<AccountId>,
        expected: Option<Generation>,
        now: Utc,
    ) -> Result<Answer, Error> {
        let paths = self.paths.clone();
        let ledger = self.ledger()?;
        let found = ledger.lane(lane)?.ok_or(Error::NotFound("lane"))?;
        let provider = found.lane.provider;
        let to = match to {
            Some(to) => to,
            None => {
                match ledger.best_for(lane, now, &mut |field| lanes::with_seat(&paths, field))? {
                    Some(to) => to,
                    None => {
                        return Ok(refused(Code::NoAlternative, "No other account has room now."));
                    }
                }
            }
        };
        let known = ledger.account(to)?.filter(|row| row.provider == provider);
        let Some(account) = known.filter(|row| row.removed_at.is_none()) else {
            return Ok(refused(Code::UnknownAccount, "There is no such account for this lane."));
        };
        if !lanes::ready(&paths, provider, to) {
            let text = format!(
                "{} has no seat of its own yet; `sluice lane seat {}` makes one. Nothing was changed.",
                account.label, account.label
            );
            return Ok(refused(Code::NoSeat, text));
        }
        let expected = expected.unwrap_or(found.lane.generation);
        let verdict = ledger.point_lane(lane, to, expected, now, WAIT)?;
        let after = ledger.lane(lane)?;
        Ok(Answer::Reported(of_verdict(&verdict, after.as_ref())))
    }

    fn bind(
        &mut self,
        provider: Provider,
        name: &str,
        folder: Option<&str>,
    ) -> Result<Answer, Error> {
        let name = match lanes::clean_name(name) {
            Ok(name) if name != lanes::DEFAULT => name,
            Ok(_) => {
                let text = "The machine's own seat serves every folder without a lane of its own.";
                return Ok(refused(Code::Invalid, text));
            }
            Err(text) => return Ok(refused(Code::Invalid, format!("{text}; nothing was changed"))),
        };
        if folder.is_some_and(|folder| !std::path::Path::new(folder).is_absolute()) {
            return Ok(refused(Code::Invalid, "The folder must be an absolute path."));
        }
        self.ledger()?.bind_lane(provider, &name, folder)?;
        Ok(Answer::Done)
    }

    /// Lends the process table beside the ledger; `None` where there is none.
    fn with_kernel<T>(
        &mut self,
        look: impl FnOnce(&mut Ledger, &Kernel) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some(kernel) = self.kernel.take() else { return Ok(None) };
        let seen = self.ledger().and_then(|ledger| look(ledger, &kernel));
        self.kernel = Some(kernel);
        seen.map(Some)
    }

    /// Closes rows of dead processes.
    fn sweep(&mut self, depth: Depth, now: Utc) -> Result<Pass, Error> {
        let swept = self.with_kernel(|ledger, kernel| {
            if depth == Depth::First {
                Ok(ledger.reconcile_at_start(kernel, now))
            } else {
                ledger.reconcile(kernel, now, true)
            }
        })?;
        let Some(pass) = swept else { return Ok(Pass::default()) };
        self.unjudged = pass.unjudged.iter().cloned().collect();
        Ok(pass)
    }

    fn reconcile(&mut self, apply: bool, now: Utc) -> Result<Answer, Error> {
        let pass = if apply {
            self.sweep(Depth::Sweep, now)?
        } else {
            self.with_kernel(|ledger, kernel| ledger.reconcile(kernel, now, false))?
                .unwrap_or_default()
        };
        Ok(reconciled(pass))
    }

    fn clear(&mut self, depth: Depth, now: Utc) -> Result<(), Error> {
        let closed = match depth {
            Depth::Glance => 0,
            Depth::Sweep | Depth::First => self.sweep(depth, now)?.actions.len(),
        };
        if closed > 0 {
            tracing::info!(closed, "runs of dead processes closed");
        }
        Ok(())
    }

    fn see(&mut self, depth: Depth, now: Utc) -> Result<Look, Error> {
        // What a tool said of its own end is better than what the sweep would say.
        let replayed = self.ledger()?.replay(now)?;
        if replayed.odd > 0 {
            tracing::warn!(files = replayed.odd, "events in the spool were not understood");
        }
        self.clear(depth, now)?;
        let (paths, unjudged) = (self.paths.clone(), self.unjudged.clone());
        let (kernel, records) = (self.kernel.take(), self.records.clone());
        let seen = self.ledger().and_then(|ledger| {
            let mut look = Look { walls: ledger.walls()?, ..Look::default() };
            let accounts = ledger.accounts()?;
            look.lanes = turns::lanes(ledger.lanes()?, &accounts, &paths);
            let open = ledger.open_executions()?;
            look.mid_turn = turns::mid_turn(&open, &look.lanes, kernel.as_ref(), &records);
            look.runs =
                open.into_iter().map(|row| turns::run(row, &look.lanes, &unjudged)).collect();
            look.caps = turns::caps(ledger.caps()?);
            let told = replayed.observations.into_iter().filter_map(|seen| match seen.fact {
                Fact::Usage(usage) => numbers(ledger, (seen.account, seen.source), usage),
                _ => None,
            });
            look.numbers = told.collect();
            let odd = |(path, odd)| Oddity { path, odd };
            let odd =
                |(provider, told): (_, Vec<_>)| (provider, told.into_iter().map(odd).collect());
            look.odd = replayed.oddities.into_iter().map(odd).collect();
            for row in ledger.untold_notices(now.plus_seconds(-NOTICE_S))? {
                if row.made_beside() && ledger.claim_notice(row.id, now)? {
                    look.notices.push(row.notice);
                }
            }
            Ok(look)
        });
        self.kernel = kernel;
        seen
    }
}

impl Runs for LedgerRuns {
    fn answer(&mut self, request: &Request, now: Utc) -> RunReply {
        self.carry_out(request, now).unwrap_or_else(|error| {
            if !matches!(error, Error::Busy | Error::NotFound(_) | Error::Refused(_)) {
                self.ledger = None;
            }
            let code = super::code(&error);
            RunReply::Answered(refused(code, format!("The database: {error}.")))
        })
    }

    fn look(&mut self, depth: Depth, now: Utc) -> Look {
        self.see(depth, now).unwrap_or_else(|error| {
            tracing::warn!(%error, "tools at work were not looked at");
            self.ledger = None;
            Look::default()
        })
    }
}

fn numbers(
    ledger: &Ledger,
    (account, source): (AccountId, Source),
    usage: Usage,
) -> Option<(Provider, ToolNumbers)> {
    let row = ledger.account(account).ok().flatten().filter(|row| row.removed_at.is_none())?;
    Some((
        row.provider,
        ToolNumbers { account: row.key, source, usage, resets: None, odd: Vec::new() },
    ))
}

fn made_id(now: Utc, pid: u32) -> String {
    format!("{:012x}-{pid:x}-{:016x}", now.millis(), fastrand::u64(..))
}

const fn cap(ceilings: Ceilings) -> Cap {
    Cap { concurrent: ceilings.concurrent, per_hour: ceilings.per_hour, per_day: ceilings.per_day }
}

fn grant(admitted: Admission, id: String, environment: BTreeMap<String, String>) -> Grant {
    match admitted {
        Admission::Admitted { account, generation } => Grant {
            allowed: true,
            execution: Some(id),
            account,
            generation,
            environment,
            ..Grant::default()
        },
        Admission::Refused(refusal) => Grant {
            reason: Some(refusal.reason),
            window: Some(refusal.window),
            limit: Some(refusal.limit),
            current: Some(refusal.current),
            retry_after_ms: refusal.retry_after_s.map(|seconds| seconds.saturating_mul(1_000)),
            ..Grant::default()
        },
    }
}

fn report_of(
    failure: &Failure,
    row: Option<&ExecutionRow>,
    account: AccountId,
    generation: Option<Generation>,
) -> FailureReport {
    let failed_at = Utc::from_millis(failure.failed_at_ms);
    let minute = failed_at.0 / 60_000_000;
    let bucket = || {
        let generation = generation.unwrap_or_default().0;
        format!("{}:{generation}:{}:{minute}", account.0, failure.kind.name())
    };
    FailureReport {
        dedupe: failure.dedupe_key.clone().unwrap_or_else(bucket),
        execution: row.map(|row| row.execution.id.clone()),
        lane: None,
        account,
        generation,
        kind: failure.kind,
        window: failure.window.as_deref().map(WindowKind::named),
        source: failure.source.chars().take(TEXT_MAX).collect(),
        failed_at,
        resets_at: failure.reset_at_ms.map(Utc::from_millis),
        softer: failure.softer,
        shadowed: row.is_some_and(|row| !row.execution.shadowed.is_empty()),
        late: false,
    }
}

fn told(report: &FailureReport, generation: Generation) -> ToolFailure {
    ToolFailure {
        account: report.account,
        generation,
        kind: report.kind,
        window: report.window.clone(),
        failed_at: report.failed_at,
        resets_at: report.resets_at,
        softer: report.softer,
    }
}

fn answered(outcome: Outcome) -> RunReply {
    RunReply::Answered(Answer::Reported(outcome))
}

fn of_verdict(verdict: &Verdict, lane: Option<&LaneRow>) -> Outcome {
    let word = |word: ReportOutcome| Outcome {
        current: lane.and_then(|row| row.lane.active),
        generation: lane.map(|row| row.lane.generation).unwrap_or_default(),
        ..Outcome::of(word)
    };
    match verdict {
        Verdict::Swapped { from, to, .. } => Outcome {
            from: *from,
            to: Some(*to),
            retry_advised: true,
            ..word(ReportOutcome::Switched)
        },
        Verdict::Ordered { from, to, .. } => {
            Outcome { from: Some(*from), to: Some(*to), ..word(ReportOutcome::Ordered) }
        }
        Verdict::Stale { retry_advised, .. } => {
            Outcome { retry_advised: *retry_advised, ..word(ReportOutcome::Stale) }
        }
        Verdict::UnderWay { .. } => word(ReportOutcome::UnderWay),
        Verdict::NoAlternative { earliest } => {
            Outcome { earliest_ms: earliest.map(Utc::millis), ..word(ReportOutcome::NoAlternative) }
        }
        Verdict::Disabled => word(ReportOutcome::Disabled),
        Verdict::Unattributed => word(ReportOutcome::Unattributed),
        Verdict::Late => word(ReportOutcome::Ignored),
    }
}

fn reconciled(pass: Pass) -> Answer {
    let actions = pass.actions.into_iter().map(|found| ClosedRun {
        execution_id: found.execution_id,
        provider: found.provider,
        account: found.account,
        started_at_ms: found.started_at.millis(),
        rule: found.rule.to_owned(),
        reason: found.reason,
        action: found.action,
        error: found.error,
    });
    Answer::Reconciled {
        actions: actions.collect(),
        unknown: u32::try_from(pass.unknown).unwrap_or(u32::MAX),
        locked: pass.locked,
    }
}
