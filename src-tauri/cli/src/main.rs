//! The `sluice` command: everything the tray can, without a desktop.

mod ahead;
mod args;
mod ask;
mod daemon;
mod doctor;
mod explain;
mod failure;
mod generate;
mod hook;
mod hooks;
mod lane;
mod line;
mod names;
mod odd;
mod outcome;
mod past;
mod render;
mod resets;
mod run;
mod runs;
mod show;
mod simulate;
mod vault;

use args::{Cli, Command};
use clap::Parser as _;
use std::process::ExitCode;

/// Exit codes of every command (`run` ends with its child's own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Failed = 1,
    /// Asked in a way that cannot be understood.
    Usage = 2,
    /// Refused for now; the same may succeed later.
    Later = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A data directory that is not ours alone. A hook says nothing: its tool would show it to the person
/// at each turn.
fn refused_home(command: &Command, error: &sluice_driver::lock::LockError) -> Exit {
    if matches!(command, Command::Hook(_) | Command::Statusline { .. }) {
        return Exit::Done;
    }
    render::complain(&error.to_string());
    Exit::Failed
}

fn main() -> ExitCode {
    let Cli { json, command } = Cli::parse();
    let command = command.unwrap_or(Command::Status);
    // Neither needs a home.
    match &command {
        Command::Completions { shell } => return generate::completions(*shell).into(),
        Command::Manual { directory } => return generate::manual(directory).into(),
        _ => {}
    }
    let known = sluice_driver::Paths::from_env();
    let driving = matches!(command, Command::Daemon);
    // What a person at a terminal wants to see, or what is worth keeping of a loop.
    let usual = if driving { "info" } else { "error" };
    let file = known.as_ref().filter(|_| driving).map(|paths| (paths, "daemon"));
    // Before anything in it is opened, a log included.
    let trusted = known.as_ref().map_or(Ok(()), sluice_driver::lock::check_home);
    let _log = sluice_driver::logs::begin(usual, file.filter(|_| trusted.is_ok()));
    if let Err(error) = trusted {
        return refused_home(&command, &error).into();
    }
    let Some(paths) = known else {
        render::complain(
            "no home directory is known; set SLUICE_HOME to a directory for Sluice's data",
        );
        return Exit::Failed.into();
    };
    match &command {
        Command::Hook(args) => {
            hook::run(&paths, args);
            return Exit::Done.into();
        }
        Command::Hooks(command) => return hooks::run(*command, json).into(),
        Command::Lane(command) => return lane::run(&paths, command, json).into(),
        Command::Reconcile { apply, release } => {
            return runs::reconcile(&paths, *apply, release.as_deref(), json).into();
        }
        Command::Vault { to } => return vault::run(&paths, to.as_ref(), json).into(),
        Command::Replay { from, days, policy } => {
            return past::replay(&paths, from.as_deref(), *days, *policy, json).into();
        }
        Command::Export { shape: true, .. } => return past::shape(&paths).into(),
        Command::Export { days, format, .. } => {
            return past::export(&paths, *days, *format).into();
        }
        Command::Simulate { scenarios, policy, out } => {
            return simulate::run(scenarios, policy, out.as_deref()).into();
        }
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            render::complain(&format!("the system gave no runtime: {error}"));
            return Exit::Failed.into();
        }
    };
    match command {
        Command::Daemon => runtime.block_on(daemon::run(&paths)).into(),
        Command::Statusline { then } => runtime.block_on(line::status_line(&paths, then)).into(),
        Command::Feed => runtime.block_on(line::feed(&paths)).into(),
        Command::Run(args) => runtime.block_on(run::run(&paths, &args)),
        command => runtime.block_on(ask::run(&paths, command, json)).into(),
    }
}
