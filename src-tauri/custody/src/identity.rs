//! `oauthAccount` in Claude Code's configuration: replaced as a whole, every other byte kept, because the
//! tool keeps everything else of the person in the same file.

use crate::clock;
use crate::error::{CustodyError, FileError};
use crate::files;
use crate::lease::{Mark, ToolLocks};
use crate::login::AccountKey;
use crate::refused::Unreadable;
use crate::seats::claude;
use crate::seats::locks::ToolLock;
use crate::seats::look::Configuration;
use crate::secret::Secret;
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// Tries before a configuration that keeps changing is given up.
const TRIES_MAX: usize = 5;
/// Longest wait for the configuration's own lock.
const PATIENCE: Duration = Duration::from_secs(4);

/// What became of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// It names the account already.
    Already,
    /// It was replaced.
    Replaced,
}

/// Makes the configuration name `key` by replacing the block, compare-and-swap under the
/// configuration's own lock.
pub(crate) fn place(
    path: &Path,
    key: &AccountKey,
    block: &Secret,
    mark: Mark,
) -> Result<Placing, CustodyError> {
    let config = Configuration::read(path)?;
    if names(&config, key)? {
        return Ok(Placing::Already);
    }
    let real = config.place.path(&config.place.name);
    // A large one must not be held twice.
    drop(config);
    let mut lock = ToolLocks::take(&[ToolLock::of_config(&real)], mark, PATIENCE)?;
    for _ in 0..TRIES_MAX {
        let config = Configuration::read(path)?;
        if names(&config, key)? {
            return Ok(Placing::Already);
        }
        lock.renew()?;
        if try_once(&config, block)? {
            return Ok(Placing::Replaced);
        }
        clock::rest(20);
    }
    Err(CustodyError::Restless)
}

fn names(config: &Configuration, key: &AccountKey) -> Result<bool, CustodyError> {
    Ok(config.named()?.is_some_and(|named| named.identity.key == *key))
}

/// The name of the new configuration until it has taken its place.
fn draft_name(name: &OsStr) -> OsString {
    let mut draft = name.to_owned();
    draft.push(".sluice-draft");
    draft
}

/// `Ok(false)`: somebody wrote the configuration in between; what they wrote is in place again.
fn try_once(config: &Configuration, block: &Secret) -> Result<bool, CustodyError> {
    let (place, name) = (&config.place, &config.place.name);
    let (base, entries) = config.top_level().unwrap_or(("{}", Vec::new()));
    let unspliced =
        || CustodyError::SeatUnreadable { path: place.path(name), why: Unreadable::NotJson };
    let pieces = claude::with_identity(base, &entries, block).ok_or_else(unspliced)?;
    let new: Vec<&[u8]> = pieces.iter().map(|piece| piece.of(base.as_bytes())).collect();
    let draft = draft_name(name);
    place.remove(&draft)?;
    place.create_of(&draft, &new)?;
    let discarding = |error: FileError| {
        drop(place.remove(&draft));
        CustodyError::from(error)
    };
    let Some(base) = &config.bytes else {
        return match place.rename_new(&draft, name) {
            Ok(()) => place.sync_dir().map(|()| true).map_err(CustodyError::from),
            Err(error) if error.source.kind() == std::io::ErrorKind::AlreadyExists => {
                place.remove(&draft)?;
                Ok(false)
            }
            Err(error) => Err(discarding(error)),
        };
    };
    if let Some(mode) = place.mode(name).filter(|mode| *mode != files::PRIVATE) {
        place.set_mode(&draft, mode).map_err(discarding)?;
    }
    match place.exchange(&draft, name) {
        Ok(()) => {}
        Err(Errno::INVAL | Errno::NOSYS) => {
            place.replace(&draft, name).map_err(discarding)?;
            place.sync_dir()?;
            return Ok(true);
        }
        Err(Errno::NOENT) => return place.remove(&draft).map(|()| false).map_err(Into::into),
        Err(errno) => {
            let path = place.path(name);
            return Err(discarding(FileError { what: "placing", path, source: errno.into() }));
        }
    }
    if !place.holds(&draft, base) {
        let back = place.exchange(&draft, name);
        back.map_err(|errno| FileError {
            what: "putting back",
            path: place.path(name),
            source: errno.into(),
        })?;
        place.remove(&draft)?;
        return Ok(false);
    }
    place.sync_dir()?;
    place.remove(&draft)?;
    Ok(true)
}
