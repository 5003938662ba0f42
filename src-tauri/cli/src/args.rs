//! The command line: every command and option, with its help text.

mod tools;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use sluice_protocol::{DecisionAction, Mode, Provider, RuleSet, Trigger};
use std::path::PathBuf;
pub use tools::{HookArgs, HookEvent, HooksCommand, LaneCommand, RunArgs};

/// Watches the quota of several AI coding subscriptions, keeps the right one live, and says why.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do; without one: what `status` does.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What is live, how full it is, and what Sluice is about to do.
    Status,
    /// What will be left of each window at its reset, and what was left of the last weeks.
    Forecast,
    /// Every account that is kept.
    Accounts,
    /// Keeps the login that the official tool is signed in with now.
    Add {
        /// A name for it.
        label: Option<String>,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Forgets an account and its kept login; its history stays.
    Remove {
        /// Its name or number.
        account: String,
    },
    /// Gives an account another name.
    Rename {
        /// Its name or number.
        account: String,
        /// The new name.
        label: String,
    },
    /// Puts the accounts in this order.
    Reorder {
        /// Every account once, by name, number or mail.
        #[arg(required = true)]
        accounts: Vec<String>,
    },
    /// Switches an account on.
    Enable {
        /// Its name or number.
        account: String,
    },
    /// Switches an account off: it is neither read nor chosen.
    Disable {
        /// Its name or number.
        account: String,
    },
    /// Lets automatic swaps choose an account (`on`), or leaves it to you (`off`).
    Automatic {
        /// Its name or number.
        account: String,
        /// `on` or `off`.
        #[arg(value_enum)]
        state: OnOff,
    },
    /// Limit resets in hand: shows them, or takes them down where no provider tells. Sluice spends none.
    Resets {
        /// Its name or number; left out, every account is shown.
        account: Option<String>,
        /// So many are left.
        #[arg(long, value_name = "N", requires = "account", value_parser = clap::value_parser!(u32).range(0..=i64::from(sluice_protocol::limits::RESETS_MAX)))]
        count: Option<u32>,
        /// They are lost then: a day (`2026-12-22`), an instant, or in so long (`12d`, `36h`).
        #[arg(long, value_name = "WHEN", requires = "count")]
        until: Option<String>,
        /// Forgets what is known of them.
        #[arg(long, requires = "account", conflicts_with = "count")]
        forget: bool,
    },
    /// Makes an account live now.
    #[command(visible_aliases = ["switch", "use"])]
    Swap {
        /// Its name or number.
        account: String,
    },
    /// Rests automatic swaps for a while.
    Pause {
        /// Minutes.
        #[arg(default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=44_640))]
        minutes: u32,
        /// Only this provider.
        #[arg(long, value_enum)]
        provider: Option<Tool>,
    },
    /// Ends a pause.
    Resume {
        /// Only this provider.
        #[arg(long, value_enum)]
        provider: Option<Tool>,
    },
    /// Stops everything: no reading, no swapping, also after a restart.
    Stop,
    /// Undoes `stop`.
    Start,
    /// What Sluice may do: off, advise (you click) or auto.
    Mode {
        /// The mode; left out, it is shown.
        #[arg(value_enum)]
        mode: Option<Level>,
        /// Whose tool.
        #[arg(long, value_enum, default_value_t = Tool::USUAL)]
        provider: Tool,
    },
    /// Reads usage as soon as the request budget allows.
    Refresh {
        /// Only this account, by name, number or mail.
        account: Option<String>,
        /// Waits for the numbers: at most a minute for one account, five for all.
        #[arg(long)]
        wait: bool,
    },
    /// Renews the login of an account that is not live, and waits at most 45 s for it.
    Renew {
        /// Its name or number.
        account: String,
    },
    /// Asks the provider whether it takes an account's login, and waits at most a minute.
    Validate {
        /// Its name or number.
        account: String,
    },
    /// Decisions or swaps, newest last.
    Log {
        /// Swaps instead of decisions.
        #[arg(long)]
        swaps: bool,
        /// At most so many rows.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Only rows of this trigger.
        #[arg(long, value_parser = PossibleValuesParser::new(Trigger::ALL.map(Trigger::name)))]
        trigger: Option<String>,
        /// Only rows of this action.
        #[arg(long, value_parser = PossibleValuesParser::new(DecisionAction::TAKEN.map(DecisionAction::name)))]
        action: Option<String>,
        /// Only rows of this account, by name, number or mail.
        #[arg(long)]
        account: Option<String>,
        /// Keeps printing new rows until interrupted.
        #[arg(short, long)]
        follow: bool,
    },
    /// Why a decision was taken, and why each other account was not chosen.
    Explain {
        /// The decision's number; the newest when left out.
        decision: Option<String>,
    },
    /// Shows or changes settings.
    Settings {
        /// The setting.
        key: Option<String>,
        /// Its new value.
        value: Option<String>,
    },
    /// Where the logins are kept: shows it, or moves them.
    Vault {
        /// The place to move them to; left out, it is shown.
        #[command(subcommand)]
        to: Option<VaultCommand>,
    },
    /// Looks for trouble and says what to do about it. Paste it freely: no secret, no address.
    Doctor {
        /// Accounts with their names and mail addresses instead of their numbers.
        #[arg(long)]
        show_mail: bool,
    },
    /// Numbers for a collector, as OpenMetrics text.
    Metrics {
        /// With mail addresses.
        #[arg(long)]
        show_mail: bool,
    },
    /// Runs a tool on the right account, records it, and moves on when the account refuses work.
    Run(RunArgs),
    /// Lanes: project folders with an account of their own.
    #[command(subcommand)]
    Lane(LaneCommand),
    /// Reports that an account refuses work, for tools that are not started by `sluice run`.
    Report(ReportArgs),
    /// What the tool itself calls; says nothing.
    #[command(hide = true)]
    Hook(HookArgs),
    /// Sluice's hooks in Claude Code's settings.
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// Looks for recorded runs whose process is gone; closes them with `--apply`.
    Reconcile {
        /// Close them.
        #[arg(long)]
        apply: bool,
        /// Close this one, whose process cannot be judged.
        #[arg(long, value_name = "ID")]
        release: Option<String>,
    },
    /// Takes recorded decisions again; with a policy also what it would have made of the recorded
    /// work: units served, stranded and interrupted.
    Replay {
        /// From this day or instant (`2026-11-15`, `2026-11-15T08:00:00Z`) or so long ago (`7d`).
        #[arg(long)]
        from: Option<String>,
        /// From so many days ago.
        #[arg(long, default_value_t = 2, conflicts_with = "from")]
        days: u32,
        /// Under this policy instead of the recorded rules.
        #[arg(long, value_parser = rule_set())]
        policy: Option<RuleSet>,
    },
    /// Prints every request sent and every swap made, without addresses.
    Export {
        /// From so many days ago.
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// In which form.
        #[arg(long, value_enum, default_value_t = Format::Json)]
        format: Format,
        /// The form of the providers' last answers instead, for a report: names of fields and kinds of
        /// value, no value and no id.
        #[arg(long, conflicts_with_all = ["days", "format"])]
        shape: bool,
    },
    /// Runs recorded demand on simulated accounts under a policy.
    Simulate {
        /// `quota-sim/1` or `quota-sim/2` documents.
        #[arg(required = true)]
        scenarios: Vec<PathBuf>,
        /// horizon, tiered, none, react429, threshold or edf.
        #[arg(long, default_value = "horizon")]
        policy: String,
        /// Write here instead of standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// One line about the account of this session, for the tool's status line; after `--` the command of
    /// your own line, which is drawn first.
    Statusline {
        /// The person's own status line command, which gets the same document.
        #[arg(last = true)]
        then: Vec<std::ffi::OsString>,
    },
    /// One JSON line per change, for a panel (Waybar: `"return-type": "json"`, `"escape": true`).
    Feed,
    /// Drives without a desktop until it is ended.
    Daemon,
    /// Prints what a shell needs to complete this command, to be put where that shell looks.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Writes the manual pages of every command into a directory.
    #[command(hide = true)]
    Manual {
        /// Where to.
        directory: PathBuf,
    },
}

/// What can be typed after `report`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArgs {
    /// What it refuses.
    #[arg(value_enum)]
    pub kind: Failing,
    /// The run it happened in.
    #[arg(long, value_name = "ID", required_unless_present = "account")]
    pub execution: Option<String>,
    /// The account, by name, number or mail, when the run is not known.
    #[arg(long)]
    pub account: Option<String>,
    /// The lane; the machine's own when left out.
    #[arg(long)]
    pub lane: Option<String>,
    /// The lane's generation when the tool was started.
    #[arg(long)]
    pub generation: Option<u64>,
    /// The window that is full: `five_hour`, `seven_day` or a model's name.
    #[arg(long)]
    pub window: Option<String>,
    /// When it empties: seconds since the epoch, or as the tool says it (`resets 3:45pm`).
    #[arg(long, value_name = "TIME")]
    pub resets: Option<String>,
    /// Two reports with the same key are one.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// What an account refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Failing {
    /// A usage window is full.
    RateLimit,
    /// The plan does not pay for more.
    Billing,
    /// The login is refused.
    Auth,
}

/// Where logins can be kept.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// In the system's keychain.
    Keychain,
    /// In encrypted files, for a machine without a keychain.
    File(VaultFile),
}

/// What opens the encrypted files.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct VaultFile {
    /// A key in this file, outside Sluice's data; made when it is not there. Sluice starts by itself;
    /// whoever can read this file and the data reads the logins.
    #[arg(long, value_name = "PATH")]
    pub key_file: Option<PathBuf>,
    /// A passphrase, asked for at each start. Nobody who only has the disk reads the logins; nothing
    /// starts by itself.
    #[arg(long)]
    pub passphrase: bool,
}

/// A tool by its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool(pub Provider);

impl Tool {
    /// Where nobody names one.
    const USUAL: Self = Self(Provider::USUAL);

    const ALL: [Self; Provider::ALL.len()] = {
        let mut tools = [Self::USUAL; Provider::ALL.len()];
        let mut at = 0;
        while at < tools.len() {
            tools[at] = Self(Provider::ALL[at]);
            at += 1;
        }
        tools
    };
}

impl ValueEnum for Tool {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(self.0.spec().tool))
    }
}

impl From<Tool> for Provider {
    fn from(tool: Tool) -> Self {
        tool.0
    }
}

/// A mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Nothing.
    Off,
    /// Watches and advises.
    Advise,
    /// Swaps by itself.
    Auto,
}

impl From<Level> for Mode {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::Off,
            Level::Advise => Self::Advise,
            Level::Auto => Self::Auto,
        }
    }
}

/// The rule sets by name, each with its words.
fn rule_set() -> impl TypedValueParser<Value = RuleSet> {
    let known = RuleSet::KNOWN.map(|one| PossibleValue::new(one.name()).help(one.words()));
    PossibleValuesParser::new(known).map(|name| {
        let Ok(read) = name.parse();
        read
    })
}

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON document.
    Json,
    /// Comma-separated rows of the requests.
    Csv,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// On.
    On,
    /// Off.
    Off,
}

impl Command {
    /// The name in `"schema": "sluice/<name>/1"`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Forecast => "forecast",
            Self::Accounts => "accounts",
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Rename { .. } => "rename",
            Self::Reorder { .. } => "reorder",
            Self::Enable { .. } => "enable",
            Self::Disable { .. } => "disable",
            Self::Automatic { .. } => "automatic",
            Self::Resets { .. } => "resets",
            Self::Swap { .. } => "swap",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Mode { .. } => "mode",
            Self::Refresh { .. } => "refresh",
            Self::Renew { .. } => "renew",
            Self::Validate { .. } => "validate",
            Self::Log { .. } => "log",
            Self::Explain { .. } => "explain",
            Self::Settings { .. } => "settings",
            Self::Vault { .. } => "vault",
            Self::Doctor { .. } => "doctor",
            Self::Metrics { .. } => "metrics",
            Self::Run(_) => "run",
            Self::Lane(_) => "lane",
            Self::Report(_) => "report",
            Self::Hook(_) => "hook",
            Self::Hooks(_) => "hooks",
            Self::Reconcile { .. } => "reconcile",
            Self::Replay { .. } => "replay",
            Self::Export { .. } => "export",
            Self::Simulate { .. } => "simulate",
            Self::Statusline { .. } => "statusline",
            Self::Feed => "feed",
            Self::Daemon => "daemon",
            Self::Completions { .. } => "completions",
            Self::Manual { .. } => "manual",
        }
    }
}
