//! Looks after what a swap left parked beside the seat: a tool may still write into it for seconds. It is
//! read again, folded, and destroyed once that is safe.

use crate::error::CustodyError;
use crate::files::Place;
use crate::seats::codex::key_without_person;
use crate::seats::found::{Found, FoundLogin};
use crate::seats::look::Stable;
use crate::swap::PARKED;
use crate::{Custody, Sealed};
use sluice_engine::{AccountId, Provider, Utc};
use std::ffi::OsStr;

/// A parked file lives at least this long, and as long after its credential was stored: a tool that
/// held the old file open may still write it, and the keychain may not be done with its own file.
const PARKED_MS_MIN: i64 = 30_000;

impl Custody {
    /// As [`Custody::settle_parked`], under a seat lease the caller holds. Returns what is still parked.
    pub(crate) fn settle_parked_leased(
        &self,
        provider: Provider,
        now: Utc,
    ) -> Result<usize, CustodyError> {
        let place = self.locate_file(provider)?;
        let prefix = format!("{}{PARKED}", place.name.to_string_lossy());
        let mut left = 0;
        for name in place.names(&prefix)? {
            match self.settle_parked_file(&place, &name, &prefix, provider, now) {
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

    /// Removes what lies parked of an account that the person has removed. A tool that held the file
    /// open may have written something else into it, which stays.
    pub(crate) fn remove_parked(&self, account: AccountId) {
        for provider in Provider::ALL {
            let Ok(place) = self.locate_file(provider) else { continue };
            let prefix = format!("{}{PARKED}{}-", place.name.to_string_lossy(), account.0);
            for name in place.names(&prefix).unwrap_or_default() {
                let own = match self.stable(&place, &name, provider, false) {
                    Stable::Found(_, Found::Login(login)) => {
                        matches!(self.is_anothers(account, &login), Ok(false))
                    }
                    Stable::Found(_, Found::Stub) | Stable::Absent => true,
                    Stable::Found(_, Found::Foreign(_) | Found::Unreadable(_))
                    | Stable::Unreadable(_)
                    | Stable::Restless => false,
                };
                if !own {
                    tracing::warn!("a parked file stays: it holds something else");
                } else if let Err(error) = place.remove(&name) {
                    tracing::warn!(%error, "a parked file of a removed account stays");
                }
            }
        }
    }

    /// Certainly another account's login: by its own word, or by what is remembered of its sign-in.
    pub(crate) fn is_anothers(
        &self,
        account: AccountId,
        login: &FoundLogin,
    ) -> Result<bool, CustodyError> {
        let (named, key) = (login.identity.as_ref(), self.lineages.key(account));
        if let Some((named, key)) = named.zip(key)
            && named.key != key
            && key_without_person(&named.key).as_ref() != Some(&key)
        {
            return Ok(true);
        }
        let owner = self.lineages.owner(login, self.vault.pointers.as_ref())?;
        Ok(owner.is_some_and(|owner| owner.account != account))
    }

    fn settle_parked_file(
        &self,
        place: &Place,
        name: &OsStr,
        prefix: &str,
        provider: Provider,
        now: Utc,
    ) -> Result<bool, CustodyError> {
        // Parked by an earlier version, or written by a tool that held it open.
        place.close_to_others(name)?;
        let name_text = name.to_string_lossy();
        let owner = name_text.strip_prefix(prefix).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|id| id.parse::<i64>().ok()) else { return Ok(false) };
        let safe = match owner {
            0 => self.is_nobodys(place, name, provider, now)?,
            id => self.is_kept_for_good(place, name, provider, AccountId(id), now)?,
        };
        let aged =
            place.changed_ms(name).is_some_and(|since| now.millis() - since >= PARKED_MS_MIN);
        if safe && aged {
            place.remove(name)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What lies parked without an owner came out of a seat in which nobody was signed in: it goes when
    /// it is an empty shape, or a login that is kept. Anything else stays.
    fn is_nobodys(
        &self,
        place: &Place,
        name: &OsStr,
        provider: Provider,
        now: Utc,
    ) -> Result<bool, CustodyError> {
        match self.stable(place, name, provider, false) {
            Stable::Found(_, Found::Stub) | Stable::Absent => Ok(true),
            Stable::Found(_, Found::Login(login)) => {
                match self.lineages.owner(&login, self.vault.pointers.as_ref())? {
                    Some(owner) => self.is_kept_for_good(place, name, provider, owner.account, now),
                    None => Ok(false),
                }
            }
            Stable::Found(_, Found::Foreign(_) | Found::Unreadable(_))
            | Stable::Unreadable(_)
            | Stable::Restless => Ok(false),
        }
    }

    /// Whether the vault gives back what lies parked, or a newer vintage of the account, read anew
    /// at least half a minute after it was stored. What the vault has lost is stored again.
    ///
    /// A keychain may answer a read from memory and crash before its own file is written: the read
    /// right after the write proves less than one half a minute later.
    fn is_kept_for_good(
        &self,
        place: &Place,
        name: &OsStr,
        provider: Provider,
        account: AccountId,
        now: Utc,
    ) -> Result<bool, CustodyError> {
        let login = match self.stable(place, name, provider, false) {
            Stable::Found(_, Found::Login(login)) => login,
            Stable::Found(_, Found::Stub) | Stable::Absent => return Ok(true),
            Stable::Found(_, Found::Foreign(_) | Found::Unreadable(_))
            | Stable::Unreadable(_)
            | Stable::Restless => return Ok(false),
        };
        if self.is_anothers(account, &login)? {
            return Ok(false);
        }
        if let Some(kept) = self.vault.current(account)?.filter(|_| self.is_spent(account, &login))
        {
            return Ok(now.millis() - kept.stored_at.millis() >= PARKED_MS_MIN);
        }
        let (key, block) = match self.vault.newest_readable(account)? {
            Some(kept) => (kept.key, kept.identity),
            None => (self.lineages.key(account).ok_or(CustodyError::NotKept(account))?, None),
        };
        let ends = login.login_ends_at;
        let parked = login.into_vintage(provider, key.clone(), block);
        match self.vault.offer_again(account, &parked)? {
            Sealed::New(_) => {
                self.lineages.learn(account, &key, ends)?;
                Ok(false)
            }
            Sealed::Known(kept) | Sealed::Older(kept) => {
                Ok(now.millis() - kept.stored_at.millis() >= PARKED_MS_MIN)
            }
        }
    }
}
