//! One driver per data directory, by a kernel lock that dies with its holder: two loops would swap against
//! each other.

use crate::paths::Paths;
use sluice_ground::Standing;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// Held as long as the driver lives.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another driver has it.
    #[error("another Sluice drives this data directory ({holder})")]
    Taken {
        /// What the holder wrote about itself; for people only.
        holder: String,
    },
    /// The directory or the file cannot be used.
    #[error("the data directory {path} cannot be used: {source}; nothing was changed")]
    Unusable {
        /// The path concerned.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Makes a directory that only its owner may enter, or makes sure that an existing one is.
///
/// # Errors
/// It is another user's, or others may write to it, or it cannot be made; nothing in it was touched.
pub fn private_dir(path: &Path) -> std::io::Result<()> {
    note(path, sluice_ground::private_dir(path)?);
    Ok(())
}

/// Makes sure that a data directory, if it is there, is the person's alone. Call it before anything in
/// it is opened.
///
/// # Errors
/// [`LockError::Unusable`]: it is another user's, or others may write to it; nothing was touched.
pub fn check_home(paths: &Paths) -> Result<(), LockError> {
    match sluice_ground::check_dir(paths.home()) {
        Ok(found) => note(paths.home(), found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(LockError::Unusable { path: paths.home().display().to_string(), source });
        }
    }
    Ok(())
}

fn note(path: &Path, found: Standing) {
    if found == Standing::Tightened {
        let path = path.display();
        tracing::warn!(%path, "others could look into this directory; it is private now (mode 700)");
    }
}

/// Takes the lock of a data directory or says who holds it.
///
/// # Errors
/// [`LockError::Taken`] when another driver lives, [`LockError::Unusable`] when the file system
/// refuses.
pub fn take(paths: &Paths, role: &str) -> Result<Held, LockError> {
    let unusable =
        |path: &Path, source| LockError::Unusable { path: path.display().to_string(), source };
    private_dir(paths.home()).map_err(|error| unusable(paths.home(), error))?;
    let path = paths.lock();
    let mut file = sluice_ground::open_lock(&path).map_err(|error| unusable(&path, error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(LockError::Taken { holder: holder(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(&path, error)),
    }
    // The text only informs people; the kernel's lock is the truth.
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{role}, process {}", std::process::id()));
    if let Err(error) = written {
        tracing::warn!(%error, "the holder's name could not be written into the lock file");
    }
    Ok(Held { _file: file })
}

/// Whether somebody drives this data directory now, and who.
#[must_use]
pub fn driven_by(paths: &Paths) -> Option<String> {
    let mut file = sluice_ground::open_own_file(&paths.lock()).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(200).read_to_string(&mut text);
    let text = text.trim();
    if read.is_err() || text.is_empty() {
        "its name is unknown".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_driver_learns_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::at(dir.path().join("data"));
        assert_eq!(driven_by(&paths), None);
        let held = take(&paths, "sluice daemon").unwrap();
        let text = take(&paths, "sluice tray").unwrap_err().to_string();
        assert!(text.contains("sluice daemon") && text.contains(&std::process::id().to_string()));
        assert!(driven_by(&paths).unwrap().contains("sluice daemon"));
        drop(held);
        assert_eq!(driven_by(&paths), None);
        take(&paths, "sluice tray").unwrap();
    }

    #[test]
    fn the_data_directory_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::at(dir.path().join("data"));
        let _held = take(&paths, "test").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(paths.home()), 0o700);
        assert_eq!(mode(&paths.lock()), 0o600);
    }

    #[test]
    fn a_file_in_place_of_the_directory_is_named_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::write(&path, b"mine").unwrap();
        let error = take(&Paths::at(&path), "test").unwrap_err();
        assert!(error.to_string().contains("data"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    }
}
