//! `sluice run -- claude …`: admits, starts the tool in the same terminal, records the run, reports
//! failures against its account, and ends with the tool's own exit code.
//!
//! A ledger that cannot be used never stops a person's tool: it then runs untracked, with one line
//! on standard error. `--strict` refuses instead.

mod channels;
mod input;
mod launch;
mod observe;
mod report;
mod signals;

use crate::args::RunArgs;
use crate::{Exit, odd, render};
use channels::{Channels, Watched};
use input::Input;
use launch::Launch;
pub use launch::shadowed as shadowed_names;
use observe::{Evidence, Manner};
pub use observe::{kind as kind_of, window as window_of};
use signals::Signals;
use sluice_driver::Paths;
use sluice_driver::clock::Clock;
use sluice_driver::socket;
use sluice_engine::Utc;
use sluice_ledger::{
    Admission, EXECUTION_VARIABLE, Error, Kernel, Ledger, NewExecution, Origin, ProcessId,
    Processes as _, Refusal,
};
use sluice_protocol::CeilingWindow;
use sluice_providers::claude::signals::Numbers;
use std::ffi::OsString;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::IsTerminal as _;
use std::io::PipeWriter;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How often a waiting start looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long nothing may come after the tool's end until what it left behind is not waited for.
const DRAIN: Duration = Duration::from_secs(2);
/// The tool is started at most this often for one `sluice run`.
const ATTEMPTS: u32 = 2;

/// One run on its way.
struct Run<'a> {
    paths: &'a Paths,
    args: &'a RunArgs,
    id: String,
    launch: Launch,
    ledger: Option<Ledger>,
}

/// Carries out `sluice run` and gives the exit code to end with.
pub async fn run(paths: &Paths, args: &RunArgs) -> ExitCode {
    let run = match prepare(paths, args).await {
        Ok(run) => run,
        Err(Stop::Refused(text)) => {
            render::complain(&text);
            return Exit::Later.into();
        }
        Err(Stop::Usage(text)) => {
            render::complain(&text);
            return Exit::Usage.into();
        }
        Err(Stop::Untracked(why)) if args.strict || args.account.is_some() => {
            render::complain(&format!("not started, because it cannot be recorded: {why}"));
            return Exit::Failed.into();
        }
        Err(Stop::Untracked(why)) => {
            render::complain(&format!("this run is not recorded: {why}"));
            None
        }
    };
    match run {
        // Inside another `sluice run`, or beside a ledger that cannot be used: the tool in our place.
        None => gone(&tool(&args.command).into_std().exec()),
        Some(run) => run.carry_out().await,
    }
}

/// Why a run does not go on as it should.
enum Stop {
    /// A ceiling, for now.
    Refused(String),
    /// Asked for something that does not exist.
    Usage(String),
    /// The ledger cannot be used.
    Untracked(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Untracked(error.to_string())
    }
}

/// The driver's clock; the demo's runs faster than the wall's.
pub fn now() -> Utc {
    Clock::from_env().unwrap_or(Clock::real()).now().wall
}

/// Unique without a random source of our own: time, process, and the standard library's keys.
pub fn new_id() -> String {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{:012x}-{:x}-{random:016x}", now().millis(), std::process::id())
}

async fn prepare<'a>(paths: &'a Paths, args: &'a RunArgs) -> Result<Option<Run<'a>>, Stop> {
    let mut ledger = Ledger::attach(&paths.database())?;
    let kernel = Kernel::here()
        .ok_or_else(|| Stop::Untracked("the system does not show its processes".into()))?;
    if is_nested(&ledger, &kernel, args)? {
        return Ok(None);
    }
    let mut launch = Launch::resolve(&mut ledger, paths, args)?;
    if args.account.is_none() && report::leave_walled(&mut ledger, paths, &launch).await {
        launch = Launch::resolve(&mut ledger, paths, args)?;
    }
    let id = new_id();
    let new = NewExecution {
        id: id.clone(),
        provider: launch.provider,
        account: launch.place.account,
        lane: launch.place.lane.as_ref().map(|row| row.lane.id),
        origin: Origin::Wrapper,
        conversation: None,
        label: args.label.clone(),
        folder: std::env::current_dir().ok().map(|folder| folder.to_string_lossy().into_owned()),
        program: launch.program.clone(),
        shadowed: launch.shadowed.clone(),
        machine: kernel.machine().clone(),
        wrapper: Kernel::identify(std::process::id()),
        child: None,
        at: now(),
    };
    admit(&mut ledger, &kernel, new, args.wait, &mut launch).await?;
    if !launch.shadowed.is_empty() {
        render::complain(&format!(
            "{} outranks the chosen account; nothing this run reports is held against an account",
            launch.shadowed.join(", ")
        ));
    }
    if let Some(elsewhere) = &launch.elsewhere {
        render::complain(&format!(
            "{} points the tool at {}, which Sluice does not know; this run counts for no account",
            launch.provider.spec().home_variable,
            elsewhere.display()
        ));
    }
    Ok(Some(Run { paths, args, id, launch, ledger: Some(ledger) }))
}

/// Inside a run that lives and is recorded already. One that asks for a lane or an account of its own
/// is a run of its own.
fn is_nested(ledger: &Ledger, kernel: &Kernel, args: &RunArgs) -> Result<bool, Error> {
    if args.lane.is_some() || args.account.is_some() {
        return Ok(false);
    }
    let Ok(id) = std::env::var(EXECUTION_VARIABLE) else { return Ok(false) };
    let (_, provider) = launch::tool_of(args);
    let around = ledger.inherited(&id, kernel, std::process::id())?;
    Ok(around.is_some_and(|row| row.execution.provider == provider))
}

/// Takes a place, closing rows of dead processes before it is refused one.
async fn admit(
    ledger: &mut Ledger,
    kernel: &Kernel,
    mut new: NewExecution,
    wait: Option<u64>,
    launch: &mut Launch,
) -> Result<(), Stop> {
    let deadline = wait.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut cleared = false;
    loop {
        new.at = now();
        match ledger.admit(&new)? {
            Admission::Admitted { account, generation } => {
                launch.place.account = account;
                launch.place.generation = generation;
                return Ok(());
            }
            Admission::Refused(refusal)
                if refusal.window == CeilingWindow::InFlight && !cleared =>
            {
                cleared = true;
                ledger.reconcile(kernel, now(), true)?;
            }
            Admission::Refused(refusal) => {
                let left = deadline
                    .map(|deadline| deadline.saturating_duration_since(Instant::now()))
                    .filter(|left| !left.is_zero());
                let Some(left) = left else { return Err(Stop::Refused(refused(&refusal))) };
                let pause = refusal.retry_after_s.map_or(LOOK_AGAIN, Duration::from_secs);
                cleared = false;
                tokio::time::sleep(pause.min(left).min(LOOK_AGAIN)).await;
            }
        }
    }
}

fn refused(refusal: &Refusal) -> String {
    let when = match refusal.retry_after_s {
        Some(seconds) => format!("; a place is free again in about {seconds} s"),
        None => "; it becomes free when one of the running tools ends".to_owned(),
    };
    format!(
        "not started: {} ({} of {}, {}){when}",
        refusal.reason, refusal.current, refusal.limit, refusal.window
    )
}

fn tool(command: &[OsString]) -> Command {
    let mut words = command.iter();
    let mut made = Command::new(words.next().cloned().unwrap_or_default());
    made.args(words);
    made
}

/// As a shell does it: 127 not found, 126 not to be run.
fn gone(error: &std::io::Error) -> ExitCode {
    render::complain(&format!("the tool could not be started: {error}"));
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}

/// Waits for the tool's end and for what it wrote to be passed on, handing signals on meanwhile.
async fn wait(
    child: &mut Child,
    signals: &mut Signals,
    mut watched: Option<&mut Watched>,
    mut tell: impl FnMut(Numbers),
) -> std::io::Result<ExitStatus> {
    let pid = child.id();
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status?,
            _ = signals.next(pid) => {}
            Some(told) = numbers(watched.as_deref_mut()) => tell(told),
        }
    };
    // What is still in the pipe belongs to the run, however slowly it is read; what a daemon left
    // behind writes later does not.
    if let Some(watched) = watched {
        loop {
            tokio::select! {
                () = watched.ended() => break,
                came = signals.next(None) => if came.is_some_and(signals::is_an_end) { break },
                () = tokio::time::sleep(DRAIN) => if watched.is_idle() { break },
            }
        }
        if let Some(told) = watched.last_numbers() {
            tell(told);
        }
    }
    Ok(status)
}

/// The next numbers of a tool that is looked at.
async fn numbers(watched: Option<&mut Watched>) -> Option<Numbers> {
    match watched {
        Some(watched) => watched.numbers().await,
        None => None,
    }
}

/// One attempt that was started.
struct Attempt {
    child: Child,
    watched: Option<Watched>,
}

impl Run<'_> {
    async fn carry_out(mut self) -> ExitCode {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return self.end_unstarted(&error),
        };
        let manner =
            observe::manner(self.launch.provider, &self.launch.program, &self.args.command);
        let input = manner.map(|manner| Input::of_stdin(manner.led));
        for attempt in 1..=ATTEMPTS {
            let Attempt { mut child, mut watched } = match self.start(manner, input.as_ref()) {
                Ok(started) => started,
                Err(error) => return self.end_unstarted(&error),
            };
            let tell = |told: Numbers| {
                odd::leave(self.paths, self.launch.provider, "stream", &told.oddities);
                if let Some(ledger) = &self.ledger {
                    report::numbers(ledger, self.paths, &self.launch, &self.id, told.usage);
                }
            };
            let status = match wait(&mut child, &mut signals, watched.as_mut(), tell).await {
                Ok(status) => status,
                Err(error) => return self.end_unstarted(&error),
            };
            let evidence = watched.as_ref().and_then(|watched| watched.evidence(status.success()));
            if let (Some(input), Some((evidence, _))) = (&input, &evidence) {
                let may = attempt < ATTEMPTS && !evidence.produced && input.is_repeatable();
                if evidence.failure.is_some() && self.failed(evidence, may).await && input.rewind()
                {
                    continue;
                }
            }
            if let (Some(watched), Some((_, kept))) = (&mut watched, &evidence) {
                watched.show(kept);
            }
            return self.end(status);
        }
        Exit::Failed.into()
    }

    /// Starts the tool once.
    fn start(&mut self, manner: Option<Manner>, input: Option<&Input>) -> std::io::Result<Attempt> {
        let mut command = tool(&self.args.command);
        for name in &self.launch.removed {
            command.env_remove(name);
        }
        command.env(EXECUTION_VARIABLE, &self.id).envs(self.launch.place.environment.clone());
        let channels = manner.map(|manner| Channels::attach(&mut command, manner)).transpose()?;
        let mut writer: Option<PipeWriter> = None;
        if let Some(input) = input {
            let (stdin, at) = input.stdio()?;
            command.stdin(stdin);
            writer = at;
        }
        let child = command.spawn()?;
        // The tool's ends of the pipes are the tool's alone.
        drop(command);
        let pid = child.id();
        let watched = channels.map(|channels| channels.watch(pid)).transpose()?;
        if let Some(input) = input {
            input.started(writer);
        }
        if let Some(process) = pid.and_then(Kernel::identify) {
            self.started(process, manner.is_some());
        }
        Ok(Attempt { child, watched })
    }

    /// A tool without a person at it is in the middle of a turn from its start to its end.
    fn started(&mut self, process: ProcessId, one_turn: bool) {
        let Some(ledger) = &mut self.ledger else { return };
        let mut told = ledger.started(&self.id, process);
        if told.is_ok() && one_turn {
            told = ledger.set_turn(&self.id, Some(now())).map(|_open| ());
        }
        if let Err(error) = told {
            tracing::debug!(%error, "the start was not recorded");
        }
        socket::nudge(self.paths);
    }

    /// Reports the failure. `true` when the tool is to be started again: the same call can be made
    /// (`may`), nobody is typing, and another account has the lane.
    async fn failed(&mut self, evidence: &Evidence, may: bool) -> bool {
        let Some(ledger) = &mut self.ledger else { return false };
        let told = report::failure(ledger, self.paths, &self.launch, &self.id, evidence).await;
        let Some(moved) = told else { return false };
        render::complain(&moved.text);
        let again = moved.retry && may;
        if !again || std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            return false;
        }
        match Launch::resolve(ledger, self.paths, self.args) {
            Ok(launch) => {
                let (account, generation) = (launch.place.account, launch.place.generation);
                let again = ledger.started_again(&self.id, account, generation);
                self.launch = launch;
                again.is_ok()
            }
            Err(_) => false,
        }
    }

    fn end_unstarted(mut self, error: &std::io::Error) -> ExitCode {
        self.finish(None, "the tool could not be started");
        gone(error)
    }

    fn end(mut self, status: ExitStatus) -> ExitCode {
        let reason = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown".to_owned(),
        };
        self.finish(status.code(), &reason);
        signals::end_as(status)
    }

    fn finish(&mut self, exit_code: Option<i32>, reason: &str) {
        let Some(ledger) = &mut self.ledger else { return };
        if let Err(error) = ledger.finish(&self.id, now(), exit_code, reason) {
            report::spool_end(self.paths, &self.id, now(), exit_code, reason, &error);
        }
        socket::nudge(self.paths);
    }
}
