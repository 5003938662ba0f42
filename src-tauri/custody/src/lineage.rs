//! Which sign-in belongs to which account. It says who owns a credential when the tool's configuration lags
//! behind or names somebody else. No secret in it.

use crate::error::{CustodyError, FileError};
use crate::files::{self, Place, Read};
use crate::journal::{Party, Pointers};
use crate::login::{AccountKey, Fingerprint};
use crate::seats::found::FoundLogin;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use sluice_engine::{AccountId, Utc};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is remembered of one account.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    key: AccountKey,
    /// The end of its sign-in, to the microsecond: no two sign-ins share it.
    login_ends_at: Option<Utc>,
    /// The credential whose exchange the provider refused for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Fingerprint>,
    /// Refresh tokens that have a kept successor, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Fingerprint>,
}

/// Spent refresh tokens that are remembered of one account: what a late writer may still hold.
const SPENT_MAX: usize = 32;

/// A refresh moves the end of a sign-in by less than this, microseconds: the rounding of the seconds
/// left and the way of the answer. Nobody signs in to two accounts within it.
const END_MOVES_US_MAX: u64 = 3_000_000;

type Accounts = BTreeMap<i64, Known>;

/// The memory, kept in one file of our directory.
pub(crate) struct Lineages {
    dir: PathBuf,
    accounts: Mutex<Accounts>,
}

const FILE: &str = "lineages";

impl Lineages {
    /// Reads the memory. One that cannot be read is begun anew: it only ever adds caution.
    pub(crate) fn open(dir: &Path) -> Self {
        let read = match Place::locate(&dir.join(FILE)) {
            Ok(place) => place.read(&place.name),
            Err(_) => Read::Absent,
        };
        let accounts = match read {
            Read::Bytes(bytes) => serde_json::from_slice(bytes.expose()).unwrap_or_default(),
            Read::Absent | Read::Unreadable(_) => Accounts::default(),
        };
        Self { dir: dir.to_path_buf(), accounts: Mutex::new(accounts) }
    }

    fn known(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of an account, if it was ever kept.
    pub(crate) fn key(&self, account: AccountId) -> Option<AccountKey> {
        self.known().get(&account.0).map(|known| known.key.clone())
    }

    /// The accounts kept under a key.
    pub(crate) fn accounts_of(&self, key: &AccountKey) -> Vec<AccountId> {
        let known = self.known();
        let found = known.iter().filter(|(_, known)| known.key == *key);
        found.map(|(id, _)| AccountId(*id)).collect()
    }

    /// Remembers an account's sign-in; written only when it is a new one.
    pub(crate) fn learn(
        &self,
        account: AccountId,
        key: &AccountKey,
        login_ends_at: Option<Utc>,
    ) -> Result<(), CustodyError> {
        let mut accounts = self.known();
        let before = accounts.get(&account.0).cloned();
        let (refused, spent) = before.map(|known| (known.refused, known.spent)).unwrap_or_default();
        let new = Known { key: key.clone(), login_ends_at, refused, spent };
        if accounts.get(&account.0) == Some(&new) {
            return Ok(());
        }
        accounts.insert(account.0, new);
        self.write(&accounts)
    }

    /// The provider refused to exchange this credential for good.
    pub(crate) fn refused(
        &self,
        account: AccountId,
        credential: &Fingerprint,
    ) -> Result<(), CustodyError> {
        let mut accounts = self.known();
        if let Some(known) = accounts.get_mut(&account.0) {
            known.refused = Some(credential.clone());
            return self.write(&accounts);
        }
        Ok(())
    }

    /// Whether this very credential was refused before.
    pub(crate) fn is_refused(&self, account: AccountId, credential: &Fingerprint) -> bool {
        let known = self.known();
        known.get(&account.0).is_some_and(|known| known.refused.as_ref() == Some(credential))
    }

    /// This refresh token has a kept successor.
    pub(crate) fn spent(
        &self,
        account: AccountId,
        token: &Fingerprint,
    ) -> Result<(), CustodyError> {
        let mut accounts = self.known();
        let Some(known) = accounts.get_mut(&account.0) else { return Ok(()) };
        if known.spent.contains(token) {
            return Ok(());
        }
        if known.spent.len() >= SPENT_MAX {
            known.spent.remove(0);
        }
        known.spent.push(token.clone());
        self.write(&accounts)
    }

    /// Whether this refresh token is known to have a kept successor.
    pub(crate) fn is_spent(&self, account: AccountId, token: &Fingerprint) -> bool {
        self.known().get(&account.0).is_some_and(|known| known.spent.contains(token))
    }

    /// Forgets an account.
    pub(crate) fn forget(&self, account: AccountId) -> Result<(), CustodyError> {
        let mut accounts = self.known();
        match accounts.remove(&account.0) {
            Some(_) => self.write(&accounts),
            None => Ok(()),
        }
    }

    fn write(&self, accounts: &Accounts) -> Result<(), CustodyError> {
        let unusable = || FileError {
            what: "remembering",
            path: self.dir.join(FILE),
            source: std::io::ErrorKind::InvalidData.into(),
        };
        let bytes = serde_json::to_vec(accounts).map_err(|_| unusable())?;
        let place = Place::locate(&self.dir.join(FILE)).map_err(|_| unusable())?;
        let draft = OsString::from(format!("{FILE}.draft"));
        place.remove(&draft)?;
        place.create(&draft, &Secret::new(bytes))?;
        Ok(files::Place::replace(&place, &draft, &place.name)?)
    }

    /// As [`Self::owner`], where the tool's configuration names `named`. Each refresh reckons the end
    /// of a sign-in anew from whole seconds left, so that it moves by a moment. An end that is near
    /// one other account's alone, and far from that of the account that is named, is that other's.
    pub(crate) fn owner_beside(
        &self,
        login: &FoundLogin,
        named: &AccountKey,
        pointers: &dyn Pointers,
    ) -> Result<Option<Party>, CustodyError> {
        if let Some(owner) = self.owner(login, pointers)? {
            return Ok(Some(owner));
        }
        let Some(ends) = login.login_ends_at else { return Ok(None) };
        let accounts = self.known().clone();
        let is_near = |known: &Known| {
            known.login_ends_at.is_some_and(|at| at.0.abs_diff(ends.0) <= END_MOVES_US_MAX)
        };
        // Somebody new, or a named account of whose sign-in nothing is known: the name holds.
        let known_elsewhere = |known: &Known| known.key == *named && known.login_ends_at.is_some();
        if !accounts.values().any(known_elsewhere) {
            return Ok(None);
        }
        let mut near = accounts.iter().filter(|(_, known)| is_near(known));
        let found = near.next().filter(|_| near.next().is_none());
        let other = found.filter(|(_, known)| known.key != *named);
        Ok(other.map(|(id, known)| Party { account: AccountId(*id), key: known.key.clone() }))
    }

    /// The account a credential certainly belongs to, whatever the configuration says: its pointer
    /// names this very credential, or it alone has a sign-in with this end.
    pub(crate) fn owner(
        &self,
        login: &FoundLogin,
        pointers: &dyn Pointers,
    ) -> Result<Option<Party>, CustodyError> {
        let accounts = self.known().clone();
        let party =
            |id: i64, known: &Known| Party { account: AccountId(id), key: known.key.clone() };
        for (id, known) in &accounts {
            let current = pointers.current(AccountId(*id))?;
            if current.is_some_and(|current| current.fingerprint == login.fingerprint) {
                return Ok(Some(party(*id, known)));
            }
        }
        let Some(ends) = login.login_ends_at else { return Ok(None) };
        let mut same = accounts.iter().filter(|(_, known)| known.login_ends_at == Some(ends));
        let first = same.next();
        Ok(first.filter(|_| same.next().is_none()).map(|(id, known)| party(*id, known)))
    }
}
