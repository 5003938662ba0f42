//! Logins we keep that also lie in another place of this machine. Whoever renews first spends the other's
//! single-use token, and the provider ends both.

use crate::Custody;
use crate::error::CustodyError;
use crate::files::{Place, Read};
use crate::login::Fingerprint;
use crate::seats::caveats::{Caveat, linked};
use crate::seats::examine;
use crate::seats::found::Found;
use sluice_engine::{AccountId, Provider};
use std::path::PathBuf;

/// A login that we keep and somebody else does, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedLogin {
    /// The account that is kept here.
    pub account: AccountId,
    /// The other place's credential file, or `None`: another account that is kept here.
    pub place: Option<PathBuf>,
    /// The tool's own file is a link to that place.
    pub linked: bool,
}

impl Custody {
    /// Compares what is kept of `accounts` with the credential files at `places`, by the salted hash
    /// of the refresh token. The configured seats themselves are no other place. Nothing is written.
    ///
    /// # Errors
    /// The keychain fails.
    pub fn shared_logins(
        &self,
        accounts: &[AccountId],
        places: &[(Provider, PathBuf)],
    ) -> Result<Vec<SharedLogin>, CustodyError> {
        let mut kept: Vec<(AccountId, Fingerprint)> = Vec::new();
        for account in accounts {
            match self.vault.load(*account) {
                Ok((_, vintage)) => {
                    if let Found::Login(login) =
                        examine(vintage.provider, &vintage.credential, &self.salt)
                    {
                        kept.extend(login.lineage.map(|lineage| (*account, lineage)));
                    }
                }
                Err(CustodyError::NotKept(_) | CustodyError::KeptUnusable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut shared_logins = Vec::new();
        for (index, (account, lineage)) in kept.iter().enumerate() {
            if kept.iter().enumerate().any(|(other, (_, same))| other != index && same == lineage) {
                shared_logins.push(SharedLogin { account: *account, place: None, linked: false });
            }
        }
        let elsewhere = places.iter().filter_map(|(provider, path)| {
            Some((path.clone(), self.lineage_at(*provider, path)?, false))
        });
        // A seat that is a link lies in somebody else's store.
        let linked = Provider::ALL.into_iter().filter_map(|provider| {
            let Some(Caveat::Linked { target, .. }) = linked(&self.config.seats, provider) else {
                return None;
            };
            let place = self.locate_file(provider).ok()?;
            Some((target, self.lineage_in(provider, &place)?, true))
        });
        for (path, lineage, linked) in elsewhere.chain(linked) {
            let same = kept.iter().filter(|(_, found)| *found == lineage);
            shared_logins.extend(same.map(|(account, _)| {
                let (account, place) = (*account, Some(path.clone()));
                SharedLogin { account, place, linked }
            }));
        }
        Ok(shared_logins)
    }

    /// The lineage in a file that is not one of our seats; one look, whatever it holds.
    fn lineage_at(&self, provider: Provider, path: &std::path::Path) -> Option<Fingerprint> {
        let place = Place::locate(path).ok()?;
        if self.locate_file(provider).is_ok_and(|seat| seat.is_same(&place)) {
            return None;
        }
        self.lineage_in(provider, &place)
    }

    fn lineage_in(&self, provider: Provider, place: &Place) -> Option<Fingerprint> {
        let Read::Bytes(bytes) = place.read(&place.name) else { return None };
        match examine(provider, &bytes, &self.salt) {
            Found::Login(login) => login.lineage,
            Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => None,
        }
    }
}
