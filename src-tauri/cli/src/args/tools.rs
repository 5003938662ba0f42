//! The options of commands that start a tool, or that a tool starts.

use super::{OnOff, Tool};
use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand, ValueEnum};
use sluice_protocol::limits::{CEILING_LEAST, CEILING_MOST};
use std::ffi::OsString;
use std::path::PathBuf;

/// A ceiling that may be set.
fn ceiling() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(CEILING_LEAST)..=i64::from(CEILING_MOST))
}

/// What can be typed after `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run in this lane; it is made when there is none of that name.
    #[arg(long, conflicts_with = "account")]
    pub lane: Option<String>,
    /// Run on this account, by name, number or mail, whatever is live.
    #[arg(long)]
    pub account: Option<String>,
    /// A name for this run.
    #[arg(long)]
    pub label: Option<String>,
    /// Whose tool it is, where the program's name does not say.
    #[arg(long, value_enum)]
    pub provider: Option<Tool>,
    /// Wait at most so many seconds for a free place instead of giving up.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600")]
    pub wait: Option<u64>,
    /// Do not run at all when the run cannot be recorded.
    #[arg(long)]
    pub strict: bool,
    /// The tool and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub command: Vec<OsString>,
}

/// What can be typed after `lane`.
#[derive(Clone, Debug, Subcommand)]
pub enum LaneCommand {
    /// Every lane with its folder and account, and what is at work there.
    List,
    /// Binds a lane to a folder: `sluice run` in it or below it uses this lane.
    Bind {
        /// Its name; it is made when there is none.
        name: String,
        /// The folder; this one when left out.
        folder: Option<PathBuf>,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Undoes `bind`; the lane stays.
    Unbind {
        /// Its name.
        name: String,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Makes an account active in a lane; tools that run keep what they were started on.
    Use {
        /// The lane's name.
        name: String,
        /// The account, by name, number or mail.
        account: String,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Lets failures move a lane (`on`), or leaves it to you (`off`).
    Automatic {
        /// The lane's name.
        name: String,
        /// `on` or `off`.
        #[arg(value_enum)]
        state: OnOff,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Sets how many tools may run, of a provider or on one account; what is left out has no ceiling.
    Cap {
        /// Only this account, by name, number or mail.
        #[arg(long)]
        account: Option<String>,
        /// At the same time.
        #[arg(long, value_parser = ceiling())]
        concurrent: Option<u32>,
        /// Started in a rolling hour.
        #[arg(long, value_parser = ceiling())]
        per_hour: Option<u32>,
        /// Started in rolling 24 hours.
        #[arg(long, value_parser = ceiling())]
        per_day: Option<u32>,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Gives an account a seat of its own: starts the official tool's own sign-in in a fresh directory.
    Seat {
        /// The account, by name, number or mail.
        account: String,
        /// Links the tool's projects, settings and the like, so that they are the same in every seat.
        #[arg(long)]
        share: bool,
        /// The official tool, where it is not on the search path.
        #[arg(long, value_name = "PATH")]
        program: Option<OsString>,
    },
}

/// What can be typed after `hook`.
#[derive(Debug, Args)]
pub struct HookArgs {
    /// Which event.
    #[arg(value_enum)]
    pub event: HookEvent,
    /// The person's own status line command, which gets the same document and may print.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub then: Vec<OsString>,
}

/// What Claude Code calls a hook for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HookEvent {
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

/// What can be typed after `hooks`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum HooksCommand {
    /// Adds Sluice's hooks to Claude Code's settings; yours stay as they are.
    Install {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Takes Sluice's hooks out again.
    Remove,
    /// Says whether they are there and work.
    Status,
}
