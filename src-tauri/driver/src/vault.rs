//! Which vault holds the logins: the system's keychain, or the encrypted file vault once a person has
//! chosen it. Moving is done while no driver runs.

use crate::adapters;
use crate::paths::Paths;
use crate::ports::Trouble;
pub use sluice_custody::VaultKey;
use sluice_custody::{
    CustodyError, FileVault, Health, LockedVault, Opener, OsKeychain, SecretStore, StoreError,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names a private file that holds the vault's passphrase.
pub const PASSPHRASE_VARIABLE: &str = "SLUICE_VAULT_PASSPHRASE_FILE";

/// The file vault's key, if the file vault was chosen.
///
/// # Errors
/// The choice is there but not understood.
pub fn chosen(paths: &Paths) -> Result<Option<VaultKey>, Trouble> {
    sluice_custody::vault_choice(paths.home()).map_err(|error| unusable(&error))
}

/// The store that was chosen. One whose passphrase nobody can give now is locked.
pub(crate) fn store(paths: &Paths, may_ask: bool) -> Result<Arc<dyn SecretStore>, Trouble> {
    open(paths, chosen(paths)?.as_ref(), may_ask)
}

fn open(
    paths: &Paths,
    choice: Option<&VaultKey>,
    may_ask: bool,
) -> Result<Arc<dyn SecretStore>, Trouble> {
    let Some(key) = choice else { return Ok(Arc::new(OsKeychain::new())) };
    let opener = opener(key, |file| Opener::find(file, may_ask))?;
    match FileVault::open(paths.home(), key, &opener) {
        Ok(vault) => Ok(Arc::new(vault)),
        Err(CustodyError::Keychain(StoreError::Locked)) => Ok(Arc::new(LockedVault)),
        Err(error) => Err(unusable(&error)),
    }
}

fn opener(
    key: &VaultKey,
    ask: impl FnOnce(Option<&Path>) -> Result<Opener, CustodyError>,
) -> Result<Opener, Trouble> {
    let file = std::env::var_os(PASSPHRASE_VARIABLE).filter(|path| !path.is_empty());
    match key {
        VaultKey::File { .. } => Ok(Opener::KeyFile),
        VaultKey::Passphrase => {
            ask(file.map(PathBuf::from).as_deref()).map_err(|error| unusable(&error))
        }
    }
}

/// Moves every kept login into the file vault (`Some`) or back into the keychain (`None`), and makes
/// that the place from then on. Each item is read back and compared before the choice is written, and
/// the old ones go after it. Returns how many were moved.
///
/// # Errors
/// A driver runs, or either store fails; the earlier choice stands then and keeps everything.
pub fn move_to(paths: &Paths, target: Option<&VaultKey>) -> Result<usize, Trouble> {
    let _held = crate::run::claim(paths, "sluice vault")
        .map_err(|error| Trouble::new("busy", format!("{error}; quit it first.")))?;
    let before = chosen(paths)?;
    if before.as_ref() == target {
        return Ok(0);
    }
    if before.is_some() && target.is_some() {
        let text = "The file vault is in use with another key; move back to the keychain first.";
        return Err(Trouble::new("invalid", text));
    }
    let (namespace, accounts) = adapters::kept_accounts(paths)?;
    let from = open(paths, before.as_ref(), true)?;
    let to: Arc<dyn SecretStore> = match target {
        Some(key) => {
            let opener = opener(key, Opener::choose)?;
            let made = FileVault::create(paths.home(), key, &opener);
            Arc::new(made.map_err(|error| unusable(&error))?)
        }
        None => Arc::new(OsKeychain::new()),
    };
    if to.health() != Health::Ok {
        let text = "The place to move to does not answer; nothing was changed.";
        return Err(Trouble::new("keychain_absent", text));
    }
    let failed = |error: StoreError| Trouble::new(error.code(), format!("{error}."));
    let moved = sluice_custody::copy_items(&*from, &*to, &namespace, &accounts).map_err(failed)?;
    sluice_custody::choose_vault(paths.home(), target).map_err(|error| unusable(&error))?;
    if let Err(error) = sluice_custody::remove_items(&*from, &namespace, &accounts) {
        tracing::warn!(code = error.code(), "copies stay where the logins were before");
    }
    adapters::note_move(paths, &accounts);
    Ok(moved)
}

fn unusable(error: &CustodyError) -> Trouble {
    Trouble::new("unusable", error.to_string())
}
