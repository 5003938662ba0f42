//! What lies parked beside a seat is read again, folded and, once safe, destroyed.

use crate::clock;
use crate::error::CustodyError;
use crate::files::Place;
use crate::journal::Party;
use crate::swap::PARKED;
use crate::{Custody, Sealed};
use sluice_engine::{AccountId, Provider};
use std::ffi::OsStr;

/// A parked file lives at least this long: a tool that held the old file open may still write it.
const PARKED_MS_MIN: i64 = 30_000;

impl Custody {
    /// As [`Custody::tend`], under a seat lease the caller holds. Returns what is still parked.
    pub(crate) fn tend_leased(&self, provider: Provider) -> Result<usize, CustodyError> {
        let place = self.locate(provider)?;
        let prefix = format!("{}{PARKED}", place.name.to_string_lossy());
        let mut left = 0;
        for name in place.names(&prefix)? {
            match self.tend_one(&place, &name, &prefix, provider) {
                Ok(true) => {}
                Ok(false) => left += 1,
                Err(error) => {
                    left += 1;
                    tracing::warn!(code = error.code(), "a parked file stays");
                }
            }
        }
        Ok(left)
    }

    /// Removes what lies parked of an account that the person has removed.
    pub(crate) fn remove_parked(&self, account: AccountId) {
        for provider in Provider::ALL {
            let Ok(place) = self.locate(provider) else { continue };
            let prefix = format!("{}{PARKED}{}-", place.name.to_string_lossy(), account.0);
            for name in place.names(&prefix).unwrap_or_default() {
                if let Err(error) = place.remove(&name) {
                    tracing::warn!(%error, "a parked file of a removed account stays");
                }
            }
        }
    }

    fn tend_one(
        &self,
        place: &Place,
        name: &OsStr,
        prefix: &str,
        provider: Provider,
    ) -> Result<bool, CustodyError> {
        let name_text = name.to_string_lossy();
        let owner = name_text.strip_prefix(prefix).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|id| id.parse::<i64>().ok()) else { return Ok(false) };
        let safe = match owner {
            0 => true,
            id => {
                let account = AccountId(id);
                let (_, kept) = self.vault.load(account)?;
                self.fold(place, name, provider, &Party { account, key: kept.key })?
            }
        };
        let aged = place
            .changed_ms(name)
            .is_some_and(|since| clock::now().millis() - since >= PARKED_MS_MIN);
        if safe && aged {
            place.remove(name)?;
            return Ok(true);
        }
        Ok(false)
    }
}

impl Sealed {
    /// The credential offered is one the vault holds now.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self, Self::New(_) | Self::Known(_))
    }
}
