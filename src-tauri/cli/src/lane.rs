//! `sluice lane …`: lanes, their folders, accounts and ceilings, and an account's own seat. Works on the
//! ledger beside a running driver, and tells it to look.

use crate::args::{LaneCommand, OnOff};
use crate::names::{self, find_row};
use crate::render::{instant, table};
use crate::run::now;
use crate::{Exit, render};
use serde_json::{Value, json};
use sluice_driver::{Paths, lanes, socket, whereabouts};
use sluice_engine::limits::CONFIGURATION_BYTES_MAX;
use sluice_engine::{AccountId, Provider};
use sluice_ledger::{AccountRow, Cap, Error, LaneRow, Ledger, Verdict};
use sluice_protocol::label;
use sluice_providers::tool;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long another hand in the same lane is waited for.
const WAIT: Duration = Duration::from_secs(10);
/// Why nothing was done.
enum Stop {
    Ledger(Error),
    /// Asked for something that does not exist or makes no sense.
    Usage(String),
    Failed(String),
    /// Refused for now.
    Later(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Ledger(error)
    }
}

/// Carries out `sluice lane …`.
pub fn run(paths: &Paths, command: &LaneCommand, as_json: bool) -> Exit {
    let done = Ledger::attach(&paths.database())
        .map_err(Stop::from)
        .and_then(|mut ledger| carry_out(&mut ledger, paths, command));
    socket::nudge(paths);
    let (text, exit) = match done {
        Ok((document, text)) => {
            if as_json {
                render::document("lane", document);
            } else {
                render::say(&text);
            }
            return Exit::Done;
        }
        Err(Stop::Ledger(Error::Busy)) => (Error::Busy.to_string(), Exit::Later),
        Err(Stop::Ledger(error)) => (error.to_string(), Exit::Failed),
        Err(Stop::Usage(text)) => (text, Exit::Usage),
        Err(Stop::Failed(text)) => (text, Exit::Failed),
        Err(Stop::Later(text)) => (text, Exit::Later),
    };
    render::complain(&text);
    exit
}

fn carry_out(
    ledger: &mut Ledger,
    paths: &Paths,
    command: &LaneCommand,
) -> Result<(Value, String), Stop> {
    match command {
        LaneCommand::List => list(ledger, paths),
        LaneCommand::Bind { name, folder, provider } => {
            let folder = std::fs::canonicalize(folder.as_deref().unwrap_or(Path::new(".")));
            let folder = folder.map_err(|error| Stop::Usage(format!("the folder: {error}")))?;
            bind(ledger, (*provider).into(), name, Some(&folder))
        }
        LaneCommand::Unbind { name, provider } => {
            named(ledger, (*provider).into(), name)?;
            bind(ledger, (*provider).into(), name, None)
        }
        LaneCommand::Use { name, account, provider } => {
            use_account(ledger, paths, (*provider).into(), name, account)
        }
        LaneCommand::Automatic { name, state, provider } => {
            let lane = named(ledger, (*provider).into(), name)?;
            let automatic = *state == OnOff::On;
            ledger.set_lane_automatic(lane.lane.id, automatic)?;
            let text =
                if automatic { "Failures may move it." } else { "It stays where you put it." };
            Ok((json!({ "lane": name, "automatic": automatic }), text.to_owned()))
        }
        LaneCommand::Cap { account, concurrent, per_hour, per_day, provider } => {
            let cap = Cap { concurrent: *concurrent, per_hour: *per_hour, per_day: *per_day };
            set_cap(ledger, (*provider).into(), account.as_deref(), cap)
        }
        LaneCommand::Seat { account, share, program } => {
            let row = account_row(ledger, account)?;
            seat(paths, &row, *share, program.as_ref())
        }
    }
}

fn account_row(ledger: &Ledger, wanted: &str) -> Result<AccountRow, Stop> {
    let rows = ledger.accounts()?;
    find_row(&rows, wanted).cloned().map_err(Stop::Usage)
}

fn named(ledger: &Ledger, provider: Provider, name: &str) -> Result<LaneRow, Stop> {
    let found = ledger.lane_named(provider, name.trim())?;
    found.ok_or_else(|| Stop::Usage(format!("there is no lane {name}; `sluice lane list`")))
}

fn list(ledger: &Ledger, paths: &Paths) -> Result<(Value, String), Stop> {
    let accounts = ledger.accounts()?;
    let named = |id: Option<AccountId>| {
        let row = accounts.iter().find(|row| Some(row.id) == id);
        row.map_or_else(|| "–".to_owned(), |row| label::told_apart(names::row(row)))
    };
    let open = ledger.open_executions()?;
    let lanes = ledger.lanes()?;
    let mut rows =
        vec![["lane", "tool", "account", "since", "at work", "folder"].map(str::to_owned).to_vec()];
    let mut documents = Vec::new();
    for lane in &lanes {
        let work = open.iter().filter(|row| row.execution.lane == Some(lane.lane.id)).count();
        let default = lane.name == lanes::DEFAULT;
        let provider = lane.lane.provider;
        rows.push(vec![
            lane.name.clone(),
            provider.name().to_owned(),
            named(lane.lane.active),
            lane.since.map_or_else(|| "–".to_owned(), |at| instant(at.millis())),
            work.to_string(),
            lane.folder.clone().unwrap_or_else(|| if default { "*" } else { "–" }.to_owned()),
        ]);
        let seats = accounts.iter().filter(|row| row.provider == provider).map(|row| row.id);
        let ready: Vec<_> = seats.filter(|id| lanes::ready(paths, provider, *id)).collect();
        documents.push(json!({
            "name": lane.name,
            "provider": provider,
            "folder": lane.folder,
            "account": lane.lane.active,
            "generation": lane.lane.generation,
            "since_ms": lane.since.map(|at| at.millis()),
            "automatic": lane.automatic,
            "at_work": work,
            "seats": ready,
        }));
    }
    Ok((json!({ "lanes": documents }), table(&rows)))
}

fn bind(
    ledger: &mut Ledger,
    provider: Provider,
    name: &str,
    folder: Option<&Path>,
) -> Result<(Value, String), Stop> {
    let name = lanes::clean_name(name).map_err(Stop::Usage)?;
    if name == lanes::DEFAULT {
        let text =
            "the default lane is the machine's own seat; it serves every folder without a lane";
        return Err(Stop::Usage(text.to_owned()));
    }
    let folder = folder.map(|folder| folder.to_string_lossy().into_owned());
    let lane = ledger.bind_lane(provider, &name, folder.as_deref())?;
    let text = match &lane.folder {
        Some(folder) => format!("`sluice run` in {folder} uses the lane {name} now."),
        None => format!("The lane {name} is bound to no folder any more."),
    };
    Ok((json!({ "lane": name, "folder": lane.folder }), text))
}

fn use_account(
    ledger: &mut Ledger,
    paths: &Paths,
    provider: Provider,
    name: &str,
    account: &str,
) -> Result<(Value, String), Stop> {
    let lane = named(ledger, provider, name)?;
    if lane.name == lanes::DEFAULT {
        let text = format!("the machine's own seat is swapped by `sluice swap {account}`");
        return Err(Stop::Usage(text));
    }
    let row = account_row(ledger, account)?;
    if row.provider != provider {
        return Err(Stop::Usage(format!("{} is no {} account", row.label, provider.name())));
    }
    if !lanes::ready(paths, provider, row.id) {
        let text = format!(
            "{} has no seat of its own yet; `sluice lane seat {}` makes one",
            row.label, row.label
        );
        return Err(Stop::Usage(text));
    }
    let told = ledger.point_lane(lane.lane.id, row.id, lane.lane.generation, now(), WAIT)?;
    match told {
        Verdict::Swapped { generation, .. } => {
            let text = format!("{} is active in {name}; what runs keeps its account.", row.label);
            Ok((json!({ "lane": name, "account": row.id, "generation": generation }), text))
        }
        Verdict::Stale { current, generation, .. } if current == Some(row.id) => {
            let text = format!("{} is active in {name} already.", row.label);
            Ok((json!({ "lane": name, "account": row.id, "generation": generation }), text))
        }
        _ => {
            Err(Stop::Later("the lane moved on at the same moment; look and try again".to_owned()))
        }
    }
}

fn set_cap(
    ledger: &mut Ledger,
    provider: Provider,
    account: Option<&str>,
    cap: Cap,
) -> Result<(Value, String), Stop> {
    let row = account.map(|wanted| account_row(ledger, wanted)).transpose()?;
    let (provider, id) = match &row {
        Some(row) => (row.provider, Some(row.id)),
        None => (provider, None),
    };
    ledger.set_cap(provider, id, &cap)?;
    let whose = row.map_or_else(|| format!("All {} tools", provider.name()), |row| row.label);
    let part = |number: Option<u32>, what: &str| number.map(|number| format!("{number} {what}"));
    let parts = [
        part(cap.concurrent, "at a time"),
        part(cap.per_hour, "an hour"),
        part(cap.per_day, "a day"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let text = match parts.as_slice() {
        [] => format!("{whose}: no ceiling."),
        parts => format!("{whose}: at most {}.", parts.join(", ")),
    };
    Ok((json!({ "provider": provider, "account": id, "cap": cap }), text))
}

/// Starts the tool's own sign-in in the account's directory and looks who came of it.
fn seat(
    paths: &Paths,
    row: &AccountRow,
    share: bool,
    program: Option<&OsString>,
) -> Result<(Value, String), Stop> {
    let (provider, label) = (row.provider, &row.label);
    let seat = lanes::seat(paths, provider, row.id);
    if !lanes::signed_in(provider, &seat) {
        sluice_ground::private_dir(&seat)
            .map_err(|error| Stop::Failed(format!("{}: {error}", seat.display())))?;
        if share {
            link_shared(provider, &seat)
                .map_err(|error| Stop::Failed(format!("the links: {error}")))?;
        }
        sign_in(provider, &seat, program)?;
    }
    if !lanes::signed_in(provider, &seat) {
        let text = "nobody signed in; the directory is kept, and the same command tries again";
        return Err(Stop::Failed(text.to_owned()));
    }
    match whose(provider, &seat) {
        Some(key) if key != row.key => {
            let kept = put_aside(&seat)?;
            Err(Stop::Failed(format!(
                "that was another account's sign-in, not {label}'s. It is kept in {}; sign in as {label}",
                kept.display()
            )))
        }
        found => {
            let sure = if found.is_some() { "" } else { " Whose login it is could not be read." };
            let text = format!("{label} has its own seat in {}.{sure}", seat.display());
            Ok((json!({ "account": row.id, "seat": seat, "verified": found.is_some() }), text))
        }
    }
}

fn sign_in(provider: Provider, seat: &Path, program: Option<&OsString>) -> Result<(), Stop> {
    let spec = provider.spec();
    let usual = OsString::from(spec.program);
    let mut command = Command::new(program.unwrap_or(&usual));
    command.args(spec.sign_in).env(spec.home_variable, seat);
    // They outrank a stored login, so the tool would say that it is signed in already.
    for name in whereabouts::outranking_variables(provider) {
        command.env_remove(name);
    }
    let status = command
        .status()
        .map_err(|error| Stop::Failed(format!("{} could not be started: {error}", spec.program)))?;
    if status.success() {
        Ok(())
    } else {
        let text = format!("{} ended its sign-in with {status}; nothing was changed", spec.program);
        Err(Stop::Failed(text))
    }
}

/// The key of the account that is signed in there, as the tool's own configuration says.
fn whose(provider: Provider, seat: &Path) -> Option<String> {
    let read = tool(provider).read_config?;
    let config = lanes::config(provider, seat)?;
    let bytes = sluice_ground::read_regular(&config, CONFIGURATION_BYTES_MAX as u64).ok()?;
    read(&bytes)?.identity?.key()
}

/// A seat of somebody else must never be taken for this account's.
fn put_aside(seat: &Path) -> Result<PathBuf, Stop> {
    let free = (1..1_000).map(|n| seat.with_extension(format!("other-{n}")));
    let kept = free.into_iter().find(|path| !path.exists()).unwrap_or_else(|| seat.to_path_buf());
    std::fs::rename(seat, &kept)
        .map_err(|error| Stop::Failed(format!("{}: {error}", seat.display())))?;
    Ok(kept)
}

fn link_shared(provider: Provider, seat: &Path) -> std::io::Result<()> {
    let Some(from) = whereabouts::tool_home(provider) else { return Ok(()) };
    for name in lanes::shared(provider) {
        let (there, here) = (from.join(name), seat.join(name));
        if there.exists() && !here.exists() {
            std::os::unix::fs::symlink(there, here)?;
        }
    }
    Ok(())
}
