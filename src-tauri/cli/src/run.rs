//! `sluice run -- claude …`: admits, starts the tool in the same terminal, records it, reports what
//! it says against its account, and ends with the tool's own exit code.
//!
//! A ledger that cannot be used never stops a person's tool: it then runs untracked, with one line
//! on standard error. `--strict` refuses instead.

mod launch;
mod observe;
mod report;

use crate::args::Tool;
use crate::{Exit, render};
use launch::Launch;
pub use launch::{find as find_account, shadowed as shadowed_names};
pub use observe::kind as kind_of;
use observe::{Evidence, Held};
use sluice_driver::Paths;
use sluice_driver::clock::Clock;
use sluice_driver::parts::engine::Utc;
use sluice_driver::parts::ledger::{
    Admission, EXECUTION_VARIABLE, Error, Kernel, Ledger, NewExecution, Origin, ProcessId,
    Processes as _, Refusal,
};
use sluice_driver::socket;
use std::ffi::OsString;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::IsTerminal as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often a waiting start looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long the rest of standard output is read after the tool's end.
const DRAIN: Duration = Duration::from_secs(2);
/// The tool is started at most this often for one `sluice run`.
const ATTEMPTS: u32 = 2;

/// What can be typed after `run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Run in this lane; it is made when there is none of that name.
    #[arg(long, conflicts_with = "account")]
    lane: Option<String>,
    /// Run on this account, by name or number, whatever is live.
    #[arg(long)]
    account: Option<String>,
    /// A name for this run.
    #[arg(long)]
    label: Option<String>,
    /// Whose tool it is, where the program's name does not say.
    #[arg(long, value_enum)]
    provider: Option<Tool>,
    /// Wait at most so many seconds for a free place instead of giving up.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600")]
    wait: Option<u64>,
    /// Do not run at all when the run cannot be recorded.
    #[arg(long)]
    strict: bool,
    /// The tool and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

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
    let nested = std::env::var_os(EXECUTION_VARIABLE).is_some();
    let prepared = if nested { Ok(None) } else { prepare(paths, args).await };
    let run = match prepared {
        Ok(run) => run,
        Err(Stop::Refused(text)) => {
            render::complain(&text);
            return Exit::Later.into();
        }
        Err(Stop::Usage(text)) => {
            render::complain(&text);
            return Exit::Usage.into();
        }
        Err(Stop::Untracked(why)) if args.strict => {
            render::complain(&format!("not started, because it cannot be recorded: {why}"));
            return Exit::Failed.into();
        }
        Err(Stop::Untracked(why)) => {
            render::complain(&format!("this run is not recorded: {why}"));
            None
        }
    };
    match run {
        // Inside another `sluice run`, or beside a ledger that cannot be used.
        None => bare(&args.command).await,
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
    let mut launch = Launch::resolve(&mut ledger, paths, args)?;
    if report::leave_walled(&mut ledger, paths, &launch).await {
        launch = Launch::resolve(&mut ledger, paths, args)?;
    }
    let kernel = Kernel::here()
        .ok_or_else(|| Stop::Untracked("the system does not show its processes".into()))?;
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
    Ok(Some(Run { paths, args, id, launch, ledger: Some(ledger) }))
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
            Admission::Refused(refusal) if refusal.window == "in_flight" && !cleared => {
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

/// Signals that are handed on to the tool. The terminal sends its own to the whole group, so
/// interrupt and quit are only survived.
struct Signals {
    survived: [Signal; 2],
    handed_on: [(Signal, rustix::process::Signal); 4],
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use rustix::process::Signal as To;
        Ok(Self {
            survived: [signal(SignalKind::interrupt())?, signal(SignalKind::quit())?],
            handed_on: [
                (signal(SignalKind::terminate())?, To::TERM),
                (signal(SignalKind::hangup())?, To::HUP),
                (signal(SignalKind::user_defined1())?, To::USR1),
                (signal(SignalKind::user_defined2())?, To::USR2),
            ],
        })
    }

    /// Waits for the next one and, where it is to be handed on, does so.
    async fn next(&mut self, child: Option<u32>) {
        let [interrupt, quit] = &mut self.survived;
        let [terminate, hangup, first, second] = &mut self.handed_on;
        let which = tokio::select! {
            _ = interrupt.recv() => return,
            _ = quit.recv() => return,
            _ = terminate.0.recv() => terminate.1,
            _ = hangup.0.recv() => hangup.1,
            _ = first.0.recv() => first.1,
            _ = second.0.recv() => second.1,
        };
        let pid = child.and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have ended in this moment; its exit tells.
            let _ended = rustix::process::kill_process(pid, which);
        }
    }
}

/// The tool alone, its exit code passed through.
async fn bare(command: &[OsString]) -> ExitCode {
    let mut command = tool(command);
    match (Signals::new(), command.spawn()) {
        (Ok(mut signals), Ok(mut child)) => match wait(&mut child, &mut signals, None).await {
            Ok((status, _)) => code(status),
            Err(error) => gone(&error),
        },
        (Err(error), _) | (_, Err(error)) => gone(&error),
    }
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

fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}

/// Waits for the end, handing signals on and standard output through.
async fn wait(
    child: &mut Child,
    signals: &mut Signals,
    mut held: Option<Held>,
) -> std::io::Result<(ExitStatus, Option<Held>)> {
    let pid = child.id();
    let mut stdout = child.stdout.take();
    let mut chunk = vec![0; 16 * 1024];
    let status = loop {
        let reading = async {
            match &mut stdout {
                Some(stdout) => stdout.read(&mut chunk).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            read = reading => match read {
                Ok(0) | Err(_) => stdout = None,
                Ok(count) => if let Some(held) = &mut held { held.feed(&chunk[..count]) },
            },
            status = child.wait() => break status?,
            () = signals.next(pid) => {}
        }
    };
    // What is still in the pipe belongs to the run; what a daemon left behind writes later does not.
    if let (Some(mut stdout), Some(held)) = (stdout, &mut held) {
        let draining = async {
            while let Ok(count @ 1..) = stdout.read(&mut chunk).await {
                held.feed(&chunk[..count]);
            }
        };
        let _left_behind = tokio::time::timeout(DRAIN, draining).await;
    }
    Ok((status, held))
}

impl Run<'_> {
    async fn carry_out(mut self) -> ExitCode {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return self.end_unstarted(&error),
        };
        let observed =
            observe::wanted(self.launch.provider, &self.launch.program, &self.args.command);
        for attempt in 1..=ATTEMPTS {
            let mut command = tool(&self.args.command);
            command.env(EXECUTION_VARIABLE, &self.id).envs(self.launch.place.environment.clone());
            if observed {
                command.stdout(Stdio::piped());
            }
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return self.end_unstarted(&error),
            };
            if let Some(process) = child.id().and_then(Kernel::identify) {
                self.started(process, observed);
            }
            let held = observed.then(|| Held::new(self.launch.provider));
            let (status, held) = match wait(&mut child, &mut signals, held).await {
                Ok(ended) => ended,
                Err(error) => return self.end_unstarted(&error),
            };
            let evidence = held.map(|held| held.end(status.success()));
            let again = match &evidence {
                Some(evidence) if evidence.failure.is_some() => {
                    self.failed(evidence, attempt).await
                }
                _ => false,
            };
            if again {
                continue;
            }
            if let Some(evidence) = evidence {
                evidence.show();
            }
            return self.end(status);
        }
        Exit::Failed.into()
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

    /// Reports the failure with the account and generation of the launch. `true` when the tool may
    /// be started again: nothing was produced, nobody is typing, and another account has the lane.
    async fn failed(&mut self, evidence: &Evidence, attempt: u32) -> bool {
        let Some(ledger) = &mut self.ledger else { return false };
        let told = report::failure(ledger, self.paths, &self.launch, &self.id, evidence).await;
        let Some(moved) = told else { return false };
        render::complain(&moved.text);
        let again = moved.retry && !evidence.produced && attempt < ATTEMPTS;
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
        code(status)
    }

    fn finish(&mut self, exit_code: Option<i32>, reason: &str) {
        let Some(ledger) = &mut self.ledger else { return };
        if let Err(error) = ledger.finish(&self.id, now(), exit_code, reason) {
            report::spool_end(self.paths, &self.id, now(), exit_code, reason, &error);
        }
        socket::nudge(self.paths);
    }
}
