//! What `sluice doctor` looks at beside the loop: the vault, the tools' locks, the database, the request
//! budget. Nothing is changed, nothing is sent, and every look ends.

use crate::adapters;
use crate::paths::Paths;
use crate::vault;
pub use sluice_core::answers::{Answers, OddSeen, UNKNOWN_WINDOW};
use sluice_custody::{Bounded, CustodyError, KEYCHAIN_MS_MAX, SecretStore as _};
pub use sluice_custody::{Exposed, Health, Holding, TakenLock, VaultKey};
use sluice_engine::limits::usage_requests_left;
use sluice_engine::{AccountId, Provider, Utc};
use sluice_ledger::Ledger;
pub use sluice_ledger::{Checkup, Retention, SCHEMA_VERSION};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where the logins are kept and whether that place answers; waits at most three seconds.
///
/// # Errors
/// The choice of the vault, or its key, is not understood.
pub fn vault(paths: &Paths) -> Result<(Option<VaultKey>, Health), String> {
    let chosen = vault::chosen(paths).map_err(|trouble| trouble.text)?;
    let store = vault::store(paths, false).map_err(|trouble| trouble.text)?;
    let bounded = Bounded::new(store, Duration::from_millis(KEYCHAIN_MS_MAX));
    let health = bounded.map_or(Health::Absent, |store| store.health());
    Ok((chosen, health))
}

/// What the store of logins gives back for each account that the index names; nothing is changed.
///
/// # Errors
/// The store or the database does not answer, which says nothing about the logins.
pub fn kept(paths: &Paths) -> Result<BTreeMap<AccountId, Holding>, String> {
    let ledger = Ledger::attach(&paths.database()).map_err(|error| error.to_string())?;
    let rows = ledger.accounts().map_err(|error| error.to_string())?;
    let store = vault::store(paths, false).map_err(|trouble| trouble.text)?;
    let store = Bounded::new(store, Duration::from_millis(KEYCHAIN_MS_MAX))
        .map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    for row in rows {
        let pointed = ledger.current_vintage(row.id).map_err(|error| error.to_string())?;
        let Some(pointed) = pointed else { continue };
        let held = adapters::look_up(&store, row.id, pointed.vintage);
        found.insert(row.id, held.map_err(|error| error.to_string())?);
    }
    Ok(found)
}

/// What of the tools' seats other users may look into.
#[must_use]
pub fn exposed() -> Vec<Exposed> {
    adapters::seats().map(|seats| sluice_custody::exposed(&seats)).unwrap_or_default()
}

/// The tools' locks that are taken now.
#[must_use]
pub fn locks() -> Vec<TakenLock> {
    adapters::seats().map(|seats| sluice_custody::taken_locks(&seats)).unwrap_or_default()
}

/// Providers whose tool's configuration names another account than the login in its seat belongs to.
/// Looks by itself: nothing is asked of the keychain.
///
/// # Errors
/// The database or a seat cannot be read.
pub fn misnamed(paths: &Paths) -> Result<Vec<Provider>, String> {
    let ledger = Ledger::attach(&paths.database()).map_err(|error| error.to_string())?;
    let custody = adapters::looking(paths, ledger).map_err(|trouble| trouble.text)?;
    let mut found = Vec::new();
    for provider in Provider::ALL {
        match custody.is_misnamed(provider) {
            Ok(true) => found.push(provider),
            Ok(false) | Err(CustodyError::SeatAbsent { .. } | CustodyError::NoSeat { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(found)
}

/// What is known of the shape of each provider's answers.
///
/// # Errors
/// The database cannot be read.
pub fn answers(paths: &Paths) -> Result<BTreeMap<Provider, Answers>, String> {
    let ledger = Ledger::attach(&paths.database()).map_err(|error| error.to_string())?;
    let rows = ledger.settings().map_err(|error| error.to_string())?;
    let of = |provider: Provider| {
        let key = format!("{}{}", adapters::ANSWERS, provider.name());
        let value = rows.iter().find(|(name, _)| **name == key)?.1.clone();
        Some((provider, serde_json::from_value(value).ok()?))
    };
    Ok(Provider::ALL.into_iter().filter_map(of).collect())
}

/// How the database does.
///
/// # Errors
/// It cannot be opened.
pub fn database(paths: &Paths) -> Result<Checkup, String> {
    let ledger = Ledger::attach(&paths.database()).map_err(|error| error.to_string())?;
    ledger.checkup().map_err(|error| error.to_string())
}

/// Requests for usage that each account's hour still allows.
///
/// # Errors
/// The database cannot be read.
pub fn budgets(paths: &Paths, now: Utc) -> Result<BTreeMap<AccountId, u32>, String> {
    let read = || -> sluice_ledger::Result<BTreeMap<AccountId, u32>> {
        let ledger = Ledger::attach(&paths.database())?;
        let mut left = BTreeMap::new();
        for row in ledger.accounts()? {
            let spent = ledger.usage_requests(row.id, now.plus_seconds(-3_600))?.len();
            left.insert(row.id, usage_requests_left(spent));
        }
        Ok(left)
    };
    read().map_err(|error| error.to_string())
}
