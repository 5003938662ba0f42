//! Builds the real parts from custody, providers and ledger. Only here do the three meet.

mod asking;
pub(crate) mod custody;
mod ledger;
pub(crate) use ledger::ANSWERS;
mod look;
mod providers;
mod runs;
mod seat;
mod turns;

use crate::clock::{Clock, Since};
use crate::parts::Parts;
use crate::paths::Paths;
use crate::ports::PortError;
use crate::whereabouts::{home, tool_home};
use crate::{lanes, vault};
use sluice_custody::{Config, Custody, Seats, SecretStore};
use sluice_engine::{AccountId, Provider};
use sluice_protocol::Code;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Names another part of the keychain, for demo and tests.
pub const NAMESPACE_VARIABLE: &str = "SLUICE_KEYCHAIN_NAMESPACE";
const NAMESPACE: &str = "sluice";
/// The code of a trouble at the start that passes by itself.
pub(crate) const PASSING: Code = Code::Busy;
/// A look waits this long for a database that another one is just making or bringing up to date.
const LOOK_MS: u64 = 1_000;
/// Between two attempts.
const NAP: Duration = Duration::from_millis(20);

/// One database, used by the loop's thread and by the journal of a running swap.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<sluice_ledger::Ledger>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, sluice_ledger::Ledger> {
        // Each statement is a transaction of its own: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The real parts of a data directory, and what there is to tell about opening them.
pub(crate) fn open(
    paths: &Paths,
    clock: Clock,
    may_ask: bool,
) -> Result<(Parts, Vec<String>), PortError> {
    let opened = sluice_ledger::Ledger::open(&paths.database())
        .map_err(|error| PortError::new(code(&error), error.to_string()))?;
    let notes = opened.notes.iter().map(ToString::to_string).collect();
    let seats = seats()?;
    let mut ledger = opened.ledger;
    note_seats(&mut ledger, &seats);
    let shared = Shared(Arc::new(Mutex::new(ledger)));
    let records = records();
    let config = Config {
        data_dir: paths.home().to_path_buf(),
        namespace: namespace(),
        seats: seats.clone(),
    };
    let store = vault::store(paths, may_ask)?;
    let kept = keeper(config, store, &shared, &home()?, clock)?;
    let for_ledger = shared.clone();
    let endpoints = sluice_providers::Endpoints::from_env()
        .map_err(|error| PortError::new(Code::Unusable, error.to_string()))?;
    let for_runs = paths.clone();
    let parts = Parts {
        custody: Arc::new(kept),
        providers: Arc::new(providers::RealProviders::open(&endpoints, &seats, clock)?),
        ledger: Arc::new(move || {
            Box::new(ledger::SqlLedger::new(for_ledger.clone(), endpoints.clone()))
        }),
        hands: crate::worker::Hands::Threads,
        metrics: Some(paths.metrics()),
        runs: Some(Arc::new(move || {
            Box::new(runs::LedgerRuns::new(for_runs.clone(), records.clone()))
        })),
    };
    Ok((parts, notes))
}

/// What the database's trouble is called outside.
fn code(error: &sluice_ledger::Error) -> Code {
    use sluice_ledger::Error;
    match error {
        // A damaged file is put aside once the other process has let go of it.
        Error::Busy | Error::DamagedInUse { .. } => PASSING,
        Error::DiskFull => Code::DiskFull,
        Error::NotFound(_) => Code::Unknown,
        Error::Refused(_) => Code::Invalid,
        Error::Newer { .. }
        | Error::Damaged(_)
        | Error::SwapPending
        | Error::Io { .. }
        | Error::Database(_) => Code::Disk,
    }
}

/// The parts of a look: nothing is made, repaired, moved or sent. Without a database, or with one
/// that only a driver can mend, nothing is known of accounts, and the notes say why.
pub(crate) fn open_to_look(paths: &Paths, clock: Clock) -> Result<(Parts, Vec<String>), PortError> {
    let (ledger, notes) = attach(paths);
    let shared = ledger.map(|ledger| Shared(Arc::new(Mutex::new(ledger))));
    let seats = seats()?;
    let config = Config {
        data_dir: paths.home().to_path_buf(),
        namespace: namespace(),
        seats: seats.clone(),
    };
    let store = vault::store(paths, false)?;
    let custody = Custody::open(config, store, Arc::new(look::NoPointers))
        .map_err(|error| PortError::new(Code::Unusable, error.to_string()))?;
    let endpoints = sluice_providers::Endpoints::from_env()
        .map_err(|error| PortError::new(Code::Unusable, error.to_string()))?;
    let parts = Parts {
        custody: Arc::new(look::Glance(custody)),
        providers: Arc::new(providers::RealProviders::open(&endpoints, &seats, clock)?),
        ledger: Arc::new(move || match &shared {
            Some(shared) => Box::new(ledger::SqlLedger::new(shared.clone(), endpoints.clone())),
            None => Box::new(look::Blank),
        }),
        hands: crate::worker::Hands::Threads,
        metrics: None,
        runs: None,
    };
    Ok((parts, notes))
}

fn attach(paths: &Paths) -> (Option<sluice_ledger::Ledger>, Vec<String>) {
    let begun = Since::now();
    while paths.database().exists() {
        match sluice_ledger::Ledger::attach(&paths.database()) {
            Ok(ledger) => return (Some(ledger), Vec::new()),
            // Just being made, most likely.
            Err(sluice_ledger::Error::Busy | sluice_ledger::Error::Refused(_))
                if begun.elapsed_ms() < LOOK_MS =>
            {
                std::thread::sleep(NAP);
            }
            Err(error) => {
                let text = format!(
                    "What is kept cannot be read here: {error}. Start the tray (`sluice-app`) or \
                     `sluice daemon`, which mend what can be mended."
                );
                return (None, vec![text]);
            }
        }
    }
    (None, Vec::new())
}

/// Custody with its journal and pointers in the ledger.
fn keeper(
    config: Config,
    store: Arc<dyn SecretStore>,
    ledger: &Shared,
    home: &Path,
    clock: Clock,
) -> Result<custody::RealCustody, PortError> {
    let (seats, paths) = (config.seats.clone(), Paths::at(&config.data_dir));
    let pointers = Arc::new(custody::LedgerPointers(ledger.clone()));
    let kept = Custody::open(config, store, pointers)
        .map_err(|error| PortError::new(Code::Unusable, error.to_string()))?;
    Ok(custody::RealCustody::new(kept, (&seats, home, &paths), ledger.clone(), clock))
}

/// As the driver's own, over any store of secrets: what a swap costs is measured with it.
///
/// # Errors
/// When the data directory is not ours alone.
pub fn custody_over(
    config: Config,
    store: Arc<dyn SecretStore>,
    ledger: sluice_ledger::Ledger,
) -> Result<impl crate::ports::Custody, PortError> {
    let home = config.data_dir.clone();
    keeper(config, store, &Shared(Arc::new(Mutex::new(ledger))), &home, Clock::real())
}

/// Custody that looks at seats and asks no keychain.
pub(crate) fn looking(paths: &Paths, ledger: sluice_ledger::Ledger) -> Result<Custody, PortError> {
    let config =
        Config { data_dir: paths.home().to_path_buf(), namespace: namespace(), seats: seats()? };
    let pointers = custody::LedgerPointers(Shared(Arc::new(Mutex::new(ledger))));
    Custody::open_direct(config, Arc::new(sluice_custody::NoKeychain), Arc::new(pointers))
        .map_err(|error| PortError::new(Code::Unusable, error.to_string()))
}

/// The keychain's namespace and the accounts whose logins may be in it.
pub(crate) fn kept_accounts(paths: &Paths) -> Result<(String, Vec<AccountId>), PortError> {
    let disk = |error: sluice_ledger::Error| PortError::new(Code::Disk, error.to_string());
    let opened = sluice_ledger::Ledger::open(&paths.database()).map_err(disk)?;
    let rows = opened.ledger.accounts().map_err(disk)?;
    Ok((namespace(), rows.into_iter().map(|row| row.id).collect()))
}

/// What the store has of one vintage in this build's part of it.
pub(crate) fn look_up(
    store: &dyn SecretStore,
    account: AccountId,
    vintage: u64,
) -> Result<sluice_custody::Holding, sluice_custody::StoreError> {
    sluice_custody::look_up(store, &namespace(), account, vintage)
}

/// Every kept login was written to another vault.
pub(crate) fn note_move(paths: &Paths, accounts: &[AccountId]) {
    let at = Clock::from_env().unwrap_or(Clock::real()).now().wall;
    match sluice_ledger::Ledger::open(&paths.database()) {
        Ok(opened) => {
            let mut ledger = opened.ledger;
            for account in accounts {
                custody::note_write(&mut ledger, (custody::VAULT, ""), (*account, "moved"), at);
            }
        }
        Err(error) => tracing::warn!(%error, "the move is not in the record of activity"),
    }
}

pub(crate) fn seats() -> Result<Seats, PortError> {
    Ok(Seats::from_env(&home()?, |name| std::env::var_os(name)))
}

/// Hooks and `sluice run` see a tool's environment and not ours.
fn note_seats(ledger: &mut sluice_ledger::Ledger, seats: &Seats) {
    for (provider, seat) in seats.all() {
        if let Err(error) = lanes::note_seat(ledger, provider, &seat.dir) {
            tracing::warn!(%error, "where the seat lies was not noted");
        }
    }
}

/// Where the tools keep records of their running processes.
fn records() -> Vec<turns::Records> {
    let found = |provider| {
        let records = sluice_providers::tool(provider).records?;
        let directory = tool_home(provider)?.join(records.directory);
        Some(turns::Records { provider, directory, read: records.read })
    };
    Provider::ALL.into_iter().filter_map(found).collect()
}

fn namespace() -> String {
    let wished = std::env::var(NAMESPACE_VARIABLE).unwrap_or_default();
    let sane = wished.starts_with(NAMESPACE)
        && wished.len() <= 64
        && wished.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char));
    if sane { wished } else { NAMESPACE.to_owned() }
}
