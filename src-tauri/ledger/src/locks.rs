//! Kernel locks beside the database. They die with their holder, so none needs a lease.

use crate::error::{Error, Result};
use crate::sqlite::beside;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// The lock file `<database>.<what>`, made for its owner only.
pub(crate) fn open(database: &Path, what: &str) -> Result<File> {
    let path = beside(database, &format!(".{what}"));
    sluice_ground::open_lock(&path).map_err(|error| Error::io(&path, error))
}

/// Takes a lock for oneself, waiting at most `wait`.
pub(crate) fn exclusive(file: &File, database: &Path, wait: Duration) -> Result<()> {
    sluice_ground::exclusive(file, wait).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => Error::Busy,
        _ => Error::io(database, error),
    })
}

/// Takes a lock together with others who share it; never waits.
pub(crate) fn shared(file: &File, database: &Path) -> Result<()> {
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy),
        Err(TryLockError::Error(error)) => Err(Error::io(database, error)),
    }
}
