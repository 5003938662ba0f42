//! One event of the tool: which account and lane it belongs to, and what is recorded of it.

use crate::run::{kind_of, new_id, now, shadowed_names, window_of};
use sluice_driver::Paths;
use sluice_driver::lanes::{self, SeatInUse, with_seat};
use sluice_driver::socket::{self, Client};
use sluice_driver::spoken;
use sluice_engine::observation::Fact;
use sluice_engine::{
    AccountId, Generation, LaneId, Observation, Provider, Source, Usage, Utc, same_reset,
};
use sluice_ledger::spool::{self, Spooled};
use sluice_ledger::{
    EXECUTION_VARIABLE, ExecutionRow, FailureReport, Field, Kernel, Ledger, NewExecution, Origin,
    ProcessId, Processes as _, Shown, Style, Used, Verdict,
};
use sluice_protocol::Request;
use sluice_providers::claude::signals::{parse_hook, parse_status_line};
use sluice_providers::json::Oddities;
use std::time::Duration;

/// How long another process's write lock is waited for.
const PATIENCE: Duration = Duration::from_millis(60);
/// What is left of the budget for telling the driver.
const TELLING: Duration = Duration::from_millis(120);
/// Shells between the tool and its hook.
const SHELLS_MAX: usize = 6;

/// One event with what the tool told about it.
pub(super) struct Heard {
    paths: Paths,
    conversation: Option<String>,
    folder: Option<String>,
    reason: Option<String>,
    /// The tool named the class of its error; what it shows the person refines that only.
    classed: bool,
}

/// Where a conversation runs.
struct Whose {
    /// Its row, whatever seat it was written down for.
    row: Option<ExecutionRow>,
    seat: SeatInUse,
}

impl Whose {
    /// The row, as long as it is of the seat that the tool really uses.
    fn fitting(&self) -> Option<&ExecutionRow> {
        self.row.as_ref().filter(|row| match (&self.seat, row.execution.account) {
            (SeatInUse::Foreign(_), _) => false,
            (_, None) => true,
            (SeatInUse::Default, Some(_)) => row.follows,
            (SeatInUse::Own(own), Some(account)) => *own == account,
        })
    }

    /// The account that answered at `at`, and the lane it is one of.
    fn used(&self, ledger: &mut Ledger, at: Utc) -> Option<(Used, Option<LaneId>)> {
        match (&self.seat, self.fitting()) {
            (SeatInUse::Foreign(_), _) => None,
            (_, Some(row)) => Some((ledger.used_at(row, at).ok()?, row.execution.lane)),
            (SeatInUse::Own(account), None) => {
                let (account, generation) = (*account, Generation::default());
                Some((Used::Known { account, generation }, None))
            }
            (SeatInUse::Default, None) => {
                let lane = ledger.default_lane(Provider::HOOKED).ok()?.lane.id;
                Some((ledger.used_in_seat(lane, at).ok()?, Some(lane)))
            }
        }
    }
}

impl Heard {
    pub(super) fn new(paths: Paths, document: &[u8]) -> Self {
        let document = Oddities::default().document(document).unwrap_or_default();
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        Self {
            paths,
            conversation: text("session_id"),
            folder: text("cwd"),
            reason: text("reason"),
            classed: document["error"].is_string(),
        }
    }

    fn ledger(&self) -> Option<Ledger> {
        Ledger::attach(&self.paths.database())
            .and_then(|ledger| ledger.set_patience(PATIENCE).map(|()| ledger))
            .inspect_err(|error| tracing::debug!(%error, "the hook goes without the ledger"))
            .ok()
    }

    /// The row of this conversation: the one of the living `sluice run` around us, else the hook's
    /// own. The second value says which.
    fn row(&self, ledger: &Ledger) -> (Option<ExecutionRow>, bool) {
        if let Some(row) = inherited(ledger) {
            return (Some(row), true);
        }
        let known = self.conversation.as_deref();
        (known.and_then(|known| ledger.execution_of(known).ok().flatten()), false)
    }

    fn whose(&self, ledger: &Ledger) -> Option<Whose> {
        let seat = lanes::seat_in_use(ledger, &self.paths, Provider::HOOKED).ok()?;
        Some(Whose { row: self.row(ledger).0, seat })
    }

    pub(super) fn began(&self) {
        let Some(mut ledger) = self.ledger() else { return };
        let Some(conversation) = self.conversation.as_deref() else { return };
        let tool = tool_process();
        let (row, around) = self.row(&ledger);
        if let Some(row) = row.as_ref().filter(|_| around) {
            let id = &row.execution.id;
            let known = ledger.set_conversation(id, conversation).is_ok();
            let unknown_child = known && row.execution.child.is_none();
            if let Some(tool) = tool.filter(|_| unknown_child) {
                let _ended_already = ledger.started(id, tool);
            }
            return;
        }
        if row.is_some_and(|row| row.execution.child == tool) {
            return;
        }
        let Some(whose) = self.whose(&ledger) else { return };
        self.write_down(&mut ledger, &whose.seat, tool);
    }

    /// Writes a conversation down that runs in a seat of ours; one in another seat is nobody's.
    fn write_down(
        &self,
        ledger: &mut Ledger,
        seat: &SeatInUse,
        tool: Option<ProcessId>,
    ) -> Option<String> {
        let (account, lane) = match seat {
            SeatInUse::Foreign(_) => return None,
            SeatInUse::Own(account) => (Some(*account), None),
            SeatInUse::Default => {
                let lane = ledger.default_lane(Provider::HOOKED).ok()?.lane;
                (lane.active, Some(lane.id))
            }
        };
        let new = NewExecution {
            id: new_id(),
            provider: Provider::HOOKED,
            account,
            lane,
            origin: Origin::Hook,
            conversation: self.conversation.clone(),
            label: None,
            folder: self.folder.clone(),
            program: Provider::HOOKED.spec().program.to_owned(),
            shadowed: shadowed_names(Provider::HOOKED),
            machine: Kernel::here()?.machine().clone(),
            wrapper: None,
            child: tool,
            at: now(),
        };
        // Started already: the ceilings are counted but cannot refuse it any more.
        match ledger.admit_running(&new) {
            Ok(_generation) => Some(new.id),
            Err(error) => {
                tracing::debug!(%error, "the conversation was not recorded");
                None
            }
        }
    }

    /// A turn began or ended: what waits for its end goes on at once.
    pub(super) fn turn(&self, began_at: Option<Utc>) {
        let Some(mut ledger) = self.ledger() else { return };
        let Some(row) = self.row(&ledger).0 else { return };
        // An interrupted turn ends without a word, so a turn may begin while one is noted.
        if row.turn_at.is_none() && began_at.is_none() {
            return;
        }
        match ledger.set_turn(&row.execution.id, began_at) {
            Ok(_open) if began_at.is_none() => socket::nudge(&self.paths),
            Ok(_open) => {}
            Err(error) => tracing::debug!(%error, "the turn was not recorded"),
        }
    }

    pub(super) fn failed(&self, document: &[u8]) {
        let Some(mut ledger) = self.ledger() else { return };
        let signal = parse_hook(document);
        let class = signal.class.filter(|_| self.classed);
        let Some(kind) = class.and_then(kind_of) else {
            // Overload, server errors and the like say nothing of the account.
            return self.note(&mut ledger, class.map_or("unknown", |class| class.name()));
        };
        let at = now();
        let Some(whose) = self.whose(&ledger) else { return };
        let (account, generation, lane, moving) = match whose.used(&mut ledger, at) {
            Some((Used::Known { account, generation }, lane)) => (account, generation, lane, false),
            Some((Used::Moving { before: Some(account), generation }, lane)) => {
                (account, generation, lane, true)
            }
            // Whose login refused is not known: it is held against nobody.
            _ => return self.note(&mut ledger, class.map_or("unknown", |class| class.name())),
        };
        let row = whose.fitting();
        let shadowed = row.is_some_and(|row| !row.execution.shadowed.is_empty())
            || !shadowed_names(Provider::HOOKED).is_empty();
        let minute = at.0 / 60_000_000;
        let conversation = self.conversation.as_deref().unwrap_or("hook");
        let report = FailureReport {
            dedupe: format!("{conversation}:{}:{minute}", account.0),
            execution: row.map(|row| row.execution.id.clone()),
            lane,
            account,
            generation: Some(generation),
            kind,
            window: class.and_then(window_of),
            source: "hook".to_owned(),
            failed_at: at,
            resets_at: signal
                .resets_at
                .or_else(|| spoken::instant(&signal.spoken?, spoken::local_zone(), at)),
            softer: signal.softer,
            shadowed,
            late: false,
        };
        if moving {
            let noted = ledger.record_moving(&report, at);
            tracing::debug!(?noted, "a failure at the time of a swap");
            return;
        }
        self.report(&mut ledger, &report);
    }

    fn note(&self, ledger: &mut Ledger, class: &str) {
        let content = serde_json::json!({ "class": class, "conversation": self.conversation });
        let _noted = ledger.record_activity(now(), "tool_failure", &content);
    }

    fn report(&self, ledger: &mut Ledger, report: &FailureReport) {
        // Left in the spool first and taken back when it was recorded: whatever ends us in between,
        // the failure is known. Twice is once, by its key.
        let (spool, name) = (spool::directory(&self.paths.database()), new_id());
        let left = spool::write(&spool, &name, &Spooled::Failure(report.clone()));
        let lane = report.lane.and_then(|lane| ledger.lane(lane).ok().flatten());
        let pointer = lane.as_ref().is_some_and(|lane| lane.name != lanes::DEFAULT);
        let told = if pointer {
            let wait = Duration::from_millis(50);
            let paths = &self.paths;
            let choose = &mut |field: &Field| with_seat(paths, field);
            let told = ledger.report_failure(report, Style::Pointer, now(), wait, choose);
            socket::nudge(paths);
            told.map(|verdict| !matches!(verdict, Verdict::Unattributed))
        } else {
            ledger.record_failure(report, now())
        };
        let tell = match told {
            Ok(fresh) => fresh && !pointer && lane.is_some() && !report.shadowed,
            Err(error) => {
                tracing::debug!(%error, spooled = left.is_ok(), "the failure was not recorded");
                return;
            }
        };
        if left.is_ok() {
            spool::take_back(&spool, &name);
        }
        if tell {
            self.tell_driver(report);
        }
    }

    fn tell_driver(&self, report: &FailureReport) {
        let request = Request::Failure(crate::failure::remembered(report));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        // Nobody listens when Sluice is not running; the ledger remembers.
        let told = runtime.block_on(async {
            tokio::time::timeout(TELLING, async {
                Client::attach(&self.paths, false).await?.call(&request).await;
                Some(())
            })
            .await
        });
        tracing::debug!(told = told.is_ok(), "the driver was told");
    }

    pub(super) fn ended(&self) {
        // The conversation goes on under the same process.
        if matches!(self.reason.as_deref(), Some("clear" | "resume")) {
            return;
        }
        let Some(mut ledger) = self.ledger() else { return };
        let row = self.row(&ledger).0;
        let Some(row) = row.filter(|row| row.execution.origin == Origin::Hook) else { return };
        let id = row.execution.id;
        if let Err(error) = ledger.finish(&id, now(), None, "the conversation ended") {
            let reason = "the conversation ended".to_owned();
            let event = Spooled::Finished { execution: id, at: now(), exit_code: None, reason };
            let left = spool::write(&spool::directory(&self.paths.database()), &new_id(), &event);
            tracing::debug!(%error, spooled = left.is_ok(), "the end was not recorded");
        }
    }

    pub(super) fn numbers(&self, document: &[u8]) {
        let mut usage = parse_status_line(document).usage;
        if usage.short().used.is_none() && usage.long().used.is_none() {
            return;
        }
        let Some(mut ledger) = self.ledger() else { return };
        if !shadowed_names(Provider::HOOKED).is_empty() {
            return;
        }
        let Some(account) = self.answered(&mut ledger, &usage) else { return };
        usage.observed_at = Some(now());
        let (at, source) = (now(), Source::StatusLine);
        let event =
            Spooled::Observed(Observation { account, at, source, fact: Fact::Usage(usage) });
        // One file per account: the status line is drawn often, and only the newest counts.
        let name = format!("status-line-{}", account.0);
        let left = spool::write(&spool::directory(&self.paths.database()), &name, &event);
        tracing::debug!(spooled = left.is_ok(), "numbers of the status line");
    }

    /// The account whose answer these numbers came with. `None`: they were shown before and say
    /// nothing new, or it is not known whose they are.
    fn answered(&self, ledger: &mut Ledger, usage: &Usage) -> Option<AccountId> {
        let whose = self.whose(ledger)?;
        let (account, generation, since) = match &whose.seat {
            SeatInUse::Foreign(_) => return None,
            SeatInUse::Own(account) => (*account, None, None),
            SeatInUse::Default => {
                let lane = ledger.default_lane(Provider::HOOKED).ok()?;
                (lane.lane.active?, Some(lane.lane.generation), lane.since)
            }
        };
        let (id, certain) = match whose.fitting() {
            Some(row) => {
                if row.shown.as_ref().is_some_and(|shown| shown.usage == *usage) {
                    return None;
                }
                let certain = generation.is_none_or(|now| is_answer_of(row, usage, now));
                (Some(row.execution.id.clone()), certain)
            }
            // It began before anybody wrote it down, perhaps before the account went live.
            None => {
                let tool = tool_process();
                let certain =
                    since.is_none_or(|since| tool.is_some_and(|tool| began_after(tool, since)));
                let known = self.conversation.is_some() && whose.row.is_none();
                (known.then(|| self.write_down(ledger, &whose.seat, tool)).flatten(), certain)
            }
        };
        if let Some(id) = id {
            let generation = generation.filter(|_| certain);
            let shown = Shown { usage: usage.clone(), generation };
            if let Err(error) = ledger.set_shown(&id, &shown) {
                tracing::debug!(%error, "what the status line shows was not recorded");
                return None;
            }
        }
        certain.then_some(account)
    }
}

/// Whether numbers that were not shown before came with an answer of the account of generation `now`:
/// a turn began since it went live, or they count towards other resets than those before. A request
/// that was under way at the swap is answered for the account that was left.
fn is_answer_of(row: &ExecutionRow, usage: &Usage, now: Generation) -> bool {
    let began = row.turn_used.map_or(row.generation, |(_, generation)| generation);
    let Some(before) = &row.shown else { return began == now };
    // Providers' clocks wander between answers; that is no other reset.
    let other = |before: Option<Utc>, after: Option<Utc>| {
        before.zip(after).is_some_and(|(before, after)| !same_reset(before, after))
    };
    before.generation == Some(now)
        || began == now
        || other(before.usage.short().resets_at, usage.short().resets_at)
        || other(before.usage.long().resets_at, usage.long().resets_at)
}

/// The run of `sluice run` around this process, while it lives.
fn inherited(ledger: &Ledger) -> Option<ExecutionRow> {
    let id = std::env::var(EXECUTION_VARIABLE).ok()?;
    ledger.inherited(&id, &Kernel::here()?, std::process::id()).ok().flatten()
}

/// Whether a process certainly began later than that: its age is told in whole seconds, rounded down.
fn began_after(process: ProcessId, at: Utc) -> bool {
    let Some(age_s) = Kernel::age_s(process) else { return false };
    now().plus_seconds(-age_s - 1) > at
}

/// The tool's process: the first above us that is no shell.
fn tool_process() -> Option<ProcessId> {
    let mut pid = std::os::unix::process::parent_id();
    for _ in 0..SHELLS_MAX {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if !matches!(name.trim(), "sh" | "bash" | "dash" | "zsh" | "fish" | "ksh" | "busybox") {
            return Kernel::identify(pid);
        }
        pid = Kernel::parent(pid)?;
    }
    None
}
