//! Logins we keep that lie in another place of this machine, too: whoever renews first spends the
//! other's single-use token, and the provider ends both.

use crate::Custody;
use crate::error::CustodyError;
use crate::files::{Place, Read};
use crate::seats::found::{Found, examine};
use crate::vault::Fingerprint;
use sluice_engine::{AccountId, Provider};
use std::path::PathBuf;

/// A login that we keep and somebody else does, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Whose.
    pub account: AccountId,
    /// The other place's credential file, or `None`: another account that is kept here.
    pub place: Option<PathBuf>,
}

impl Custody {
    /// Compares what is kept of `accounts` with the credential files at `places`, by the salted hash
    /// of the refresh token. The configured seats themselves are no other place. Nothing is written.
    ///
    /// # Errors
    /// The keychain fails.
    pub fn twins(
        &self,
        accounts: &[AccountId],
        places: &[(Provider, PathBuf)],
    ) -> Result<Vec<Twin>, CustodyError> {
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
        let mut twins = Vec::new();
        for (index, (account, lineage)) in kept.iter().enumerate() {
            if kept.iter().enumerate().any(|(other, (_, same))| other != index && same == lineage) {
                twins.push(Twin { account: *account, place: None });
            }
        }
        for (provider, path) in places {
            let Some(lineage) = self.lineage_at(*provider, path) else { continue };
            let same = kept.iter().filter(|(_, found)| *found == lineage);
            twins.extend(
                same.map(|(account, _)| Twin { account: *account, place: Some(path.clone()) }),
            );
        }
        Ok(twins)
    }

    /// The lineage in a file that is not one of our seats; one look, whatever it holds.
    fn lineage_at(&self, provider: Provider, path: &std::path::Path) -> Option<Fingerprint> {
        let place = Place::locate(path).ok()?;
        if self.locate(provider).is_ok_and(|seat| seat.is_same(&place)) {
            return None;
        }
        let Read::Bytes(bytes) = place.read(&place.name) else { return None };
        match examine(provider, &bytes, &self.salt) {
            Found::Login(login) => login.lineage,
            Found::Stub | Found::Unreadable(_) => None,
        }
    }
}
