//! `sluice hook <event>`: what Claude Code calls at the start, the failure and the end of a
//! conversation, and for its status line. Says nothing, ends with 0, within 200 ms; what cannot be
//! recorded in time is left in the spool.

use crate::run::{kind_of, new_id, now, shadowed_names};
use crate::{hooks, render};
use clap::ValueEnum as _;
use sluice_driver::Paths;
use sluice_driver::api::{Failure, Request};
use sluice_driver::lanes::{self, with_seat};
use sluice_driver::parts::engine::observation::Fact;
use sluice_driver::parts::engine::{AccountId, Observation, Provider, Source, Utc};
use sluice_driver::parts::ledger::spool::{self, Spooled};
use sluice_driver::parts::ledger::{
    EXECUTION_VARIABLE, ExecutionRow, FailureReport, Field, Kernel, LaneRow, Ledger, NewExecution,
    Origin, ProcessId, Processes as _, Style, Verdict,
};
use sluice_driver::parts::providers::claude::signals::{parse_hook, parse_status_line};
use sluice_driver::socket::{self, Client};
use sluice_driver::spoken;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The tool waits for us; everything ends within this.
const BUDGET: Duration = Duration::from_millis(200);
/// How long another process's write lock is waited for.
const PATIENCE: Duration = Duration::from_millis(60);
/// What is left of it for telling the driver.
const TELLING: Duration = Duration::from_millis(120);
/// The tool's documents are a few kilobytes.
const DOCUMENT_MAX: u64 = 256 * 1024;
/// Shells between the tool and its hook.
const SHELLS_MAX: usize = 6;

/// What can be typed after `hook`.
#[derive(Debug, clap::Args)]
pub struct HookArgs {
    /// Which event.
    #[arg(value_enum)]
    event: Event,
    /// The person's own status line command, which gets the same document and may print.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    then: Vec<OsString>,
}

/// The events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Event {
    /// A conversation began or was resumed.
    SessionStart,
    /// The person asked for something: a turn begins.
    UserPromptSubmit,
    /// A turn ended as it should.
    Stop,
    /// A turn ended with an error of the provider.
    StopFailure,
    /// A conversation ended.
    SessionEnd,
    /// The status line is drawn.
    StatusLine,
}

/// Carries out a hook. Whatever happens, the tool sees success.
pub fn run(paths: &Paths, args: &HookArgs) {
    if std::env::var_os(hooks::TRIAL_VARIABLE).is_some() {
        let word = args.event.to_possible_value();
        return render::say(&hooks::answer(word.as_ref().map_or("", |word| word.get_name())));
    }
    let mut document = Vec::new();
    let read = std::io::stdin().lock().take(DOCUMENT_MAX).read_to_end(&mut document);
    if args.event == Event::StatusLine {
        chain(&args.then, &document);
    }
    if read.is_err() {
        return;
    }
    let (done, ended) = std::sync::mpsc::channel();
    let (paths, event) = (paths.clone(), args.event);
    // On a thread, so that a hanging disk costs the tool its budget and not more.
    std::thread::spawn(move || {
        let heard = Heard::new(paths, &document);
        match event {
            Event::SessionStart => heard.began(),
            Event::UserPromptSubmit => heard.turn(Some(now())),
            Event::Stop => heard.turn(None),
            Event::StopFailure => {
                heard.turn(None);
                heard.failed(&document);
            }
            Event::SessionEnd => heard.ended(),
            Event::StatusLine => heard.numbers(&document),
        }
        let _nobody_waits = done.send(());
    });
    let _late = ended.recv_timeout(BUDGET);
}

/// Gives the person's own status line the same document; its output is the only one there is.
fn chain(then: &[OsString], document: &[u8]) {
    let Some((program, words)) = then.split_first() else { return };
    let child = Command::new(program).args(words).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return };
    if let Some(mut stdin) = child.stdin.take() {
        let _closed = stdin.write_all(document);
    }
    let _status = child.wait();
}

/// One event with what the tool told about it.
struct Heard {
    paths: Paths,
    conversation: Option<String>,
    folder: Option<String>,
    reason: Option<String>,
}

impl Heard {
    fn new(paths: Paths, document: &[u8]) -> Self {
        let document: serde_json::Value = serde_json::from_slice(document).unwrap_or_default();
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        Self {
            paths,
            conversation: text("session_id"),
            folder: text("cwd"),
            reason: text("reason"),
        }
    }

    fn ledger(&self) -> Option<Ledger> {
        Ledger::attach(&self.paths.database())
            .and_then(|ledger| ledger.set_patience(PATIENCE).map(|()| ledger))
            .inspect_err(|error| tracing::debug!(%error, "the hook goes without the ledger"))
            .ok()
    }

    /// The row of this conversation: the one of `sluice run` around us, else the hook's own.
    fn row(&self, ledger: &Ledger) -> Option<ExecutionRow> {
        if let Ok(id) = std::env::var(EXECUTION_VARIABLE) {
            return ledger.execution(&id).ok().flatten();
        }
        ledger.execution_of(self.conversation.as_deref()?).ok().flatten()
    }

    /// The account of the seat the tool uses: a seat of its own, or the machine default.
    fn account(ledger: &mut Ledger, paths: &Paths) -> Option<(Option<AccountId>, LaneRow)> {
        let lane = ledger.default_lane(Provider::Claude).ok()?;
        let own = sluice_driver::whereabouts::tool_home(Provider::Claude);
        let own = own.and_then(|seat| {
            let rows = ledger.accounts().ok()?;
            let ids = rows.iter().map(|row| row.id);
            ids.into_iter().find(|id| lanes::seat(paths, Provider::Claude, *id) == seat)
        });
        Some((own.or(lane.lane.active), lane))
    }

    fn began(&self) {
        let Some(mut ledger) = self.ledger() else { return };
        let Some(conversation) = self.conversation.as_deref() else { return };
        let tool = tool_process();
        if let Ok(id) = std::env::var(EXECUTION_VARIABLE) {
            let known = ledger.set_conversation(&id, conversation).is_ok();
            let unknown_child =
                self.row(&ledger).is_some_and(|row| known && row.execution.child.is_none());
            if let Some(tool) = tool.filter(|_| unknown_child) {
                let _ended_already = ledger.started(&id, tool);
            }
            return;
        }
        if self.row(&ledger).is_some_and(|row| row.execution.child == tool) {
            return;
        }
        let Some((account, lane)) = Self::account(&mut ledger, &self.paths) else { return };
        let Some(kernel) = Kernel::here() else { return };
        let in_default = account == lane.lane.active;
        let new = NewExecution {
            id: new_id(),
            provider: Provider::Claude,
            account,
            lane: in_default.then_some(lane.lane.id),
            origin: Origin::Hook,
            conversation: Some(conversation.to_owned()),
            label: None,
            folder: self.folder.clone(),
            program: "claude".to_owned(),
            shadowed: shadowed_names(Provider::Claude),
            machine: kernel.machine().clone(),
            wrapper: None,
            child: tool,
            at: now(),
        };
        // Started already: the ceilings are counted but cannot refuse it any more.
        if let Err(error) = ledger.admit_running(&new) {
            tracing::debug!(%error, "the conversation was not recorded");
        }
    }

    /// A turn began or ended: what waits for its end goes on at once.
    fn turn(&self, began_at: Option<Utc>) {
        let Some(mut ledger) = self.ledger() else { return };
        let Some(row) = self.row(&ledger) else { return };
        if row.turn_at.is_some() == began_at.is_some() {
            return;
        }
        match ledger.set_turn(&row.execution.id, began_at) {
            Ok(_open) if began_at.is_none() => socket::nudge(&self.paths),
            Ok(_open) => {}
            Err(error) => tracing::debug!(%error, "the turn was not recorded"),
        }
    }

    fn failed(&self, document: &[u8]) {
        let signal = parse_hook(document);
        let kind = signal.class.and_then(kind_of);
        let mut ledger = self.ledger();
        let Some(kind) = kind else {
            // Overload, server errors and the like say nothing of the account.
            if let Some(ledger) = &mut ledger {
                let name = signal.class.map_or("unknown", |class| class.name());
                let content =
                    serde_json::json!({ "class": name, "conversation": self.conversation });
                let _noted = ledger.record_activity(now(), "tool_failure", &content);
            }
            return;
        };
        let Some(ledger) = &mut ledger else { return };
        let row = self.row(ledger);
        let known = row.as_ref().and_then(|row| {
            row.execution.account.map(|id| (id, row.execution.lane, row.generation))
        });
        let shadowed = row.as_ref().is_some_and(|row| !row.execution.shadowed.is_empty())
            || !shadowed_names(Provider::Claude).is_empty();
        let Some((account, lane, generation)) = known.or_else(|| {
            let (account, lane) = Self::account(ledger, &self.paths)?;
            Some((account?, Some(lane.lane.id), lane.lane.generation))
        }) else {
            return;
        };
        let minute = now().0 / 60_000_000;
        let report = FailureReport {
            dedupe: format!("{}:{minute}", self.conversation.as_deref().unwrap_or("hook")),
            execution: row.map(|row| row.execution.id),
            lane,
            account,
            generation: Some(generation),
            kind,
            model: None,
            source: "hook".to_owned(),
            failed_at: now(),
            resets_at: signal
                .resets_at
                .or_else(|| spoken::instant(&signal.spoken?, spoken::local_zone(), now())),
            shadowed,
            late: false,
        };
        self.report(ledger, &report);
    }

    fn report(&self, ledger: &mut Ledger, report: &FailureReport) {
        // Left in the spool first and taken back when it was recorded: whatever ends us in between,
        // the failure is known. Twice is once, by its key.
        let (spool, name) = (spool::directory(&self.paths.database()), new_id());
        let left = spool::write(&spool, &name, &Spooled::Failure(report.clone()));
        let lane = report.lane.and_then(|lane| ledger.lane(lane).ok().flatten());
        let pointer = lane.is_some_and(|lane| lane.name != lanes::DEFAULT);
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
            Ok(fresh) => fresh && !pointer && !report.shadowed,
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
        let request = Request::Failure(Failure::remembered(report, report.model.clone()));
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

    fn ended(&self) {
        // The conversation goes on under the same process.
        if matches!(self.reason.as_deref(), Some("clear" | "resume")) {
            return;
        }
        let Some(mut ledger) = self.ledger() else { return };
        let Some(row) = self.row(&ledger).filter(|row| row.execution.origin == Origin::Hook) else {
            return;
        };
        let id = row.execution.id;
        if let Err(error) = ledger.finish(&id, now(), None, "the conversation ended") {
            let reason = "the conversation ended".to_owned();
            let event = Spooled::Finished { execution: id, at: now(), exit_code: None, reason };
            let left = spool::write(&spool::directory(&self.paths.database()), &new_id(), &event);
            tracing::debug!(%error, spooled = left.is_ok(), "the end was not recorded");
        }
    }

    fn numbers(&self, document: &[u8]) {
        let mut usage = parse_status_line(document);
        if usage.five_hour.used.is_none() && usage.seven_day.used.is_none() {
            return;
        }
        usage.observed_at = Some(now());
        let Some(mut ledger) = self.ledger() else { return };
        let account = self
            .row(&ledger)
            .and_then(|row| row.execution.account)
            .or_else(|| Self::account(&mut ledger, &self.paths)?.0);
        let Some(account) = account.filter(|_| shadowed_names(Provider::Claude).is_empty()) else {
            return;
        };
        let (at, source) = (now(), Source::StatusLine);
        let event =
            Spooled::Observed(Observation { account, at, source, fact: Fact::Usage(usage) });
        // One file per account: the status line is drawn often, and only the newest counts.
        let name = format!("status-line-{}", account.0);
        let left = spool::write(&spool::directory(&self.paths.database()), &name, &event);
        tracing::debug!(spooled = left.is_ok(), "numbers of the status line");
    }
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
