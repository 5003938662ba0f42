//! Where a run goes: provider, lane, account, and the seat the tool is pointed at.

use super::{RunArgs, Stop};
use crate::args::Tool;
use sluice_driver::Paths;
use sluice_driver::parts::engine::{AccountId, Generation, Provider};
use sluice_driver::parts::ledger::{AccountRow, LaneRow, Ledger};
use std::path::{Path, PathBuf};

/// Variables that outrank the stored login, by provider. Only their names are ever looked at.
const SHADOWING: [(Provider, &[&str]); 2] = [
    (
        Provider::Claude,
        &[
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_API_KEY",
            "CLAUDE_CODE_OAUTH_TOKEN",
        ],
    ),
    (Provider::Codex, &["CODEX_API_KEY", "OPENAI_API_KEY", "CODEX_ACCESS_TOKEN"]),
];

/// A run's destination.
pub struct Launch {
    /// Whose tool.
    pub provider: Provider,
    /// The program's name.
    pub program: String,
    /// The lane; `None` when an account was named.
    pub lane: Option<LaneRow>,
    /// The account.
    pub account: Option<AccountId>,
    /// The lane's generation at launch.
    pub generation: Generation,
    /// The lane has a seat per account: its pointer moves, no credential does.
    pub pointer: bool,
    /// What the tool is told by its environment.
    pub environment: Vec<(&'static str, PathBuf)>,
    /// Names of variables that outrank all this.
    pub shadowed: Vec<String>,
}

/// An account's own seat: a directory the official tool was signed in to by itself.
pub fn seat(paths: &Paths, provider: Provider, account: AccountId) -> PathBuf {
    paths.home().join("seats").join(provider.name()).join(account.0.to_string())
}

const fn store_variable(provider: Provider) -> &'static str {
    match provider {
        Provider::Claude => "CLAUDE_CONFIG_DIR",
        Provider::Codex => "CODEX_HOME",
    }
}

/// Whether an account has a seat of its own that the tool is signed in to.
pub fn ready(paths: &Paths, provider: Provider, account: AccountId) -> bool {
    signed_in(provider, &seat(paths, provider, account))
}

fn signed_in(provider: Provider, seat: &Path) -> bool {
    let file = match provider {
        Provider::Claude => ".credentials.json",
        Provider::Codex => "auth.json",
    };
    seat.join(file).is_file()
}

/// Names of the variables that are set and outrank the stored login.
pub fn shadowed(provider: Provider) -> Vec<String> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    SHADOWING
        .iter()
        .filter(|(whose, _)| *whose == provider)
        .flat_map(|(_, names)| names.iter())
        .filter(|name| is_set(name))
        .map(|name| (*name).to_owned())
        .collect()
}

impl Launch {
    pub(super) fn resolve(
        ledger: &mut Ledger,
        paths: &Paths,
        args: &RunArgs,
    ) -> Result<Self, Stop> {
        let program = args.command.first().cloned().unwrap_or_default();
        let program = Path::new(&program)
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let provider = match args.provider {
            Some(tool) => tool.into(),
            None if program.starts_with("codex") => Tool::Codex.into(),
            None => Tool::Claude.into(),
        };
        let mut launch = Self {
            provider,
            program,
            lane: None,
            account: None,
            generation: Generation(0),
            pointer: false,
            environment: Vec::new(),
            shadowed: shadowed(provider),
        };
        match (&args.account, &args.lane) {
            (Some(wanted), _) => launch.on_account(ledger, paths, wanted)?,
            (None, Some(name)) if name != "default" => launch.in_lane(ledger, paths, name)?,
            (None, _) => match folder_lane(ledger, provider)? {
                Some(name) => launch.in_lane(ledger, paths, &name)?,
                None => launch.take(ledger.default_lane(provider)?),
            },
        }
        Ok(launch)
    }

    fn take(&mut self, lane: LaneRow) {
        self.account = lane.lane.active;
        self.generation = lane.lane.generation;
        self.lane = Some(lane);
    }

    fn on_account(&mut self, ledger: &mut Ledger, paths: &Paths, wanted: &str) -> Result<(), Stop> {
        let rows = ledger.accounts()?;
        let row = find(&rows, wanted).filter(|row| row.provider == self.provider);
        let row = row.ok_or_else(|| {
            Stop::Usage(format!("there is no {} account {wanted}", self.provider.name()))
        })?;
        self.account = Some(row.id);
        let live = ledger.default_lane(self.provider)?;
        if live.lane.active != Some(row.id) {
            self.point(paths, row.id, &row.label)?;
        }
        Ok(())
    }

    fn in_lane(&mut self, ledger: &mut Ledger, paths: &Paths, name: &str) -> Result<(), Stop> {
        let lane = ledger.ensure_lane(self.provider, name, None)?;
        self.pointer = true;
        let active = match lane.lane.active {
            Some(active) => active,
            None => first_ready(ledger, paths, self.provider)?,
        };
        if lane.lane.active.is_none() {
            let (id, now) = (lane.lane.id, super::now());
            let wait = std::time::Duration::from_secs(1);
            ledger.point_lane(id, active, lane.lane.generation, now, wait)?;
        }
        self.take(ledger.ensure_lane(self.provider, name, None)?);
        let label = ledger.account(active)?.map(|row| row.label).unwrap_or_default();
        self.point(paths, self.account.unwrap_or(active), &label)
    }

    /// Points the tool at the account's own seat.
    fn point(&mut self, paths: &Paths, account: AccountId, label: &str) -> Result<(), Stop> {
        let (provider, variable) = (self.provider, store_variable(self.provider));
        let seat = seat(paths, provider, account);
        if !signed_in(provider, &seat) {
            return Err(Stop::Usage(format!(
                "{label} has no seat of its own yet. Sign in to it once with the official tool:\n  \
                 {variable}={} {}",
                seat.display(),
                provider.name()
            )));
        }
        self.environment = vec![(variable, seat)];
        Ok(())
    }
}

fn find<'a>(rows: &'a [AccountRow], wanted: &str) -> Option<&'a AccountRow> {
    let number = wanted.parse::<i64>().ok().map(AccountId);
    rows.iter()
        .find(|row| row.label.eq_ignore_ascii_case(wanted))
        .or_else(|| rows.iter().find(|row| Some(row.id) == number))
}

/// The lane bound to the folder we are in, or to the nearest one above it.
fn folder_lane(ledger: &Ledger, provider: Provider) -> Result<Option<String>, Stop> {
    let Ok(here) = std::env::current_dir() else { return Ok(None) };
    let bound = ledger.lanes()?.into_iter().filter(|row| row.lane.provider == provider);
    Ok(bound
        .filter_map(|row| row.folder.clone().map(|folder| (folder, row.name)))
        .filter(|(folder, _)| here.starts_with(folder))
        .max_by_key(|(folder, _)| folder.len())
        .map(|(_, name)| name))
}

/// The account of the machine default when it has a seat of its own, else the first that has one.
fn first_ready(ledger: &mut Ledger, paths: &Paths, provider: Provider) -> Result<AccountId, Stop> {
    let live = ledger.default_lane(provider)?.lane.active;
    let rows: Vec<AccountRow> =
        ledger.accounts()?.into_iter().filter(|row| row.provider == provider).collect();
    live.filter(|id| ready(paths, provider, *id))
        .or_else(|| rows.iter().map(|row| row.id).find(|id| ready(paths, provider, *id)))
        .or(live)
        .or_else(|| rows.first().map(|row| row.id))
        .ok_or_else(|| {
            Stop::Usage(format!("no {} account is kept yet; add one first", provider.name()))
        })
}
