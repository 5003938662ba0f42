//! Whether the store still returns what it was given, and who else may read a seat: an index says neither.

use crate::error::CustodyError;
use crate::files::Place;
use crate::keychain::{ItemKey, SecretStore, StoreError};
use crate::seats::Seats;
use crate::vault::Vintage;
use crate::{Custody, live};
use rustix::fs::Mode;
use sluice_engine::{AccountId, Provider, Utc};
use std::path::{Path, PathBuf};

/// A kept login, as the store gives it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptLogin {
    /// When its access token ends.
    pub access_expires_at: Option<Utc>,
    /// When the login itself ends.
    pub login_ends_at: Option<Utc>,
    /// Its access token can be sent; one that cannot is kept and never placed.
    pub is_sendable: bool,
}

impl Custody {
    pub(crate) fn kept_login(&self, account: AccountId) -> Result<KeptLogin, CustodyError> {
        // What waits in memory for its keychain is not gone.
        self.flush_unsealed()?;
        let (_, kept) = self.vault.load(account)?;
        Ok(KeptLogin {
            access_expires_at: kept.access_expires_at,
            login_ends_at: kept.login_ends_at,
            is_sendable: live::is_sendable(&kept, &self.salt),
        })
    }
}

/// What a store has under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// The login.
    Held,
    /// Nothing, though the index names it.
    Gone,
    /// Something that is not a login of ours.
    Odd,
}

/// Reads one item back without opening custody; nothing is changed.
///
/// # Errors
/// The store does not answer or is locked: that says nothing about the item.
pub fn look_up(
    store: &dyn SecretStore,
    namespace: &str,
    account: AccountId,
    vintage: u64,
) -> Result<Holding, StoreError> {
    let key = ItemKey { namespace: namespace.to_owned(), account, vintage };
    Ok(match store.get(&key)? {
        None => Holding::Gone,
        Some(sealed) if Vintage::is_one(&sealed) => Holding::Held,
        Some(_) => Holding::Odd,
    })
}

/// A file or directory of a seat that other users may look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// Whose seat.
    pub provider: Provider,
    /// The file or directory that others may read.
    pub path: PathBuf,
    /// It is the directory; else the file with the login.
    pub is_directory: bool,
    /// What the group and everybody else may do, as the last two octal digits of a mode.
    pub others: u32,
}

/// What of the seats others may look into. A directory counts only where others get so far at all.
#[must_use]
pub fn exposed(seats: &Seats) -> Vec<Exposed> {
    let mut found = Vec::new();
    for provider in Provider::ALL {
        let place = seats.credential_path(provider).and_then(|path| Place::locate(&path).ok());
        let Some(place) = place else { continue };
        let (dir, file) = place.open_to_others(&place.name);
        let readable = Mode::RGRP | Mode::ROTH;
        if file.intersects(readable | Mode::WGRP | Mode::WOTH) {
            let path = place.path(&place.name);
            found.push(Exposed { provider, path, is_directory: false, others: file.bits() });
        }
        if dir.intersects(readable) && is_reached(&place.dir_path) {
            let path = place.dir_path.clone();
            found.push(Exposed { provider, path, is_directory: true, others: dir.bits() });
        }
    }
    found
}

/// Whether others may pass through every directory above this one.
fn is_reached(dir: &Path) -> bool {
    dir.ancestors().skip(1).all(|above| {
        let stat =
            rustix::fs::stat(if above.as_os_str().is_empty() { Path::new(".") } else { above });
        stat.is_ok_and(|stat| Mode::from_raw_mode(stat.st_mode).intersects(Mode::XGRP | Mode::XOTH))
    })
}
