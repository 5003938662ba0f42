//! Which vault holds the logins: the system's keychain, or the encrypted file vault once a person has
//! chosen it.

use crate::paths::Paths;
use crate::ports::PortError;
pub use sluice_custody::VaultKey;
use sluice_custody::{
    CustodyError, FileVault, LockedVault, Opener, OsKeychain, SecretStore, StoreError,
};
use sluice_protocol::Code;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names a private file that holds the vault's passphrase.
pub const PASSPHRASE_VARIABLE: &str = "SLUICE_VAULT_PASSPHRASE_FILE";

/// The file vault's key, if the file vault was chosen.
///
/// # Errors
/// The choice is there but not understood.
pub fn chosen(paths: &Paths) -> Result<Option<VaultKey>, PortError> {
    sluice_custody::vault_choice(paths.home()).map_err(|error| unusable(&error))
}

/// The store that was chosen. One whose passphrase nobody can give now is locked.
pub(crate) fn store(paths: &Paths, may_ask: bool) -> Result<Arc<dyn SecretStore>, PortError> {
    open(paths, chosen(paths)?.as_ref(), may_ask)
}

pub(crate) fn open(
    paths: &Paths,
    choice: Option<&VaultKey>,
    may_ask: bool,
) -> Result<Arc<dyn SecretStore>, PortError> {
    let Some(key) = choice else { return Ok(Arc::new(OsKeychain::new())) };
    let opener = opener(key, |file| Opener::find(file, may_ask))?;
    match FileVault::open(paths.home(), key, &opener) {
        Ok(vault) => Ok(Arc::new(vault)),
        Err(CustodyError::Keychain(StoreError::Locked)) => Ok(Arc::new(LockedVault)),
        Err(error) => Err(unusable(&error)),
    }
}

pub(crate) fn opener(
    key: &VaultKey,
    ask: impl FnOnce(Option<&Path>) -> Result<Opener, CustodyError>,
) -> Result<Opener, PortError> {
    let file = std::env::var_os(PASSPHRASE_VARIABLE).filter(|path| !path.is_empty());
    match key {
        VaultKey::File { .. } => Ok(Opener::KeyFile),
        VaultKey::Passphrase => {
            ask(file.map(PathBuf::from).as_deref()).map_err(|error| unusable(&error))
        }
    }
}

pub(crate) fn unusable(error: &CustodyError) -> PortError {
    PortError::new(Code::Unusable, error.to_string())
}
