//! Moves every kept login to another vault, while no driver runs.

use crate::adapters::{self, custody::keychain_code};
use crate::paths::Paths;
use crate::ports::PortError;
use crate::run::claim;
use crate::vault::{chosen, open, opener, unusable};
use sluice_custody::{FileVault, Health, Opener, OsKeychain, SecretStore, StoreError, VaultKey};
use sluice_protocol::Code;
use std::sync::Arc;

/// Moves every kept login into the file vault (`Some`) or back into the keychain (`None`), and makes
/// that the place from then on. Each item is read back and compared before the choice is written, and
/// the old ones go after it. Returns how many were moved.
///
/// # Errors
/// A driver runs, or either store fails; the earlier choice stands then and keeps everything.
pub fn move_to(paths: &Paths, target: Option<&VaultKey>) -> Result<usize, PortError> {
    let _held = claim(paths, "sluice vault")
        .map_err(|error| PortError::new(Code::Busy, format!("{error}; quit it first.")))?;
    let before = chosen(paths)?;
    if before.as_ref() == target {
        return Ok(0);
    }
    if before.is_some() && target.is_some() {
        let text = "The file vault is in use with another key; move back to the keychain first.";
        return Err(PortError::new(Code::Invalid, text));
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
        return Err(PortError::new(Code::KeychainAbsent, text));
    }
    let failed = |error: StoreError| PortError::new(keychain_code(&error), format!("{error}."));
    let moved = sluice_custody::copy_items(&*from, &*to, &namespace, &accounts).map_err(failed)?;
    sluice_custody::choose_vault(paths.home(), target).map_err(|error| unusable(&error))?;
    if let Err(error) = sluice_custody::remove_items(&*from, &namespace, &accounts) {
        tracing::warn!(code = error.code(), "copies stay where the logins were before");
    }
    adapters::note_move(paths, &accounts);
    Ok(moved)
}
