//! What is made from the command line itself: completions for shells, and manual pages.

use crate::args::Cli;
use crate::{Exit, render};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::Write as _;
use std::path::Path;

/// Prints the completions of one shell.
pub fn completions(shell: Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut shown(), "sluice", &mut text);
    match std::io::stdout().write_all(&text) {
        Ok(()) => Exit::Done,
        Err(error) => failed(&error),
    }
}

/// The command line without what only tools and packagers call: shells would offer it.
fn shown() -> clap::Command {
    let whole = Cli::command();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
    clap::Command::new("sluice")
        .disable_help_subcommand(true)
        .args(whole.get_arguments())
        .subcommands(shown.cloned())
}

/// Writes a manual page for every command that is shown.
pub fn manual(directory: &Path) -> Exit {
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    match written {
        Ok(()) => Exit::Done,
        Err(error) => failed(&error),
    }
}

fn failed(error: &std::io::Error) -> Exit {
    render::complain(&format!("nothing more could be written: {error}"));
    Exit::Failed
}
