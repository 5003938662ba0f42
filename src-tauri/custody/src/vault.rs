//! Vintages per account in the store: written new, read back, compared, then pointed at. A store that lies
//! is found out before the old vintage is given up. The salted fingerprint is made here.

use crate::clock;
use crate::error::CustodyError;
use crate::journal::Pointers;
use crate::keychain::{ItemKey, SecretStore, StoreError};
use crate::login::{AccountKey, Fingerprint, VintageRef};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sluice_engine::{AccountId, Provider, Utc};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Vintages kept per account; the oldest beyond are removed.
pub const VINTAGES_MAX: u64 = 3;
/// Numbers looked at beyond the pointer for an item that a crash left unpointed.
const ORPHANS_MAX: usize = 16;

/// Two ends of a login this close belong to the same sign-in: refreshing does not move the end, but
/// tools compute it anew from the seconds that are left.
pub(crate) const SAME_LOGIN_US: u64 = 10_000_000;
/// Sign-ins whose ends lie further apart are told by them which is the newer; nearer ones by their
/// access tokens. An end is reckoned anew from the seconds that are left: a slow answer, or a clock
/// that was put right in between, moves it.
const SIGN_INS_APART_US: u64 = 600_000_000;

/// The salt of this data directory's fingerprints.
pub(crate) struct Salt(pub(crate) Zeroizing<Vec<u8>>);

impl Salt {
    /// Hashes the parts with their lengths, so that no two lists of parts are alike.
    pub(crate) fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.0.as_slice());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hex = hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            hex.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
            hex
        });
        Fingerprint(hex)
    }
}

impl Salt {
    /// Hashes a refresh token.
    pub(crate) fn lineage(&self, refresh: &[u8]) -> Fingerprint {
        self.fingerprint(&[b"lineage", refresh])
    }
}

/// Nanoseconds below one second that tell this data directory's signs from others'.
pub(crate) fn mark_of(salt: &[u8]) -> u32 {
    let digest = Sha256::digest([salt, b"mark"].concat());
    let number = digest.iter().take(4).fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
    number % 999_999_998 + 1
}

/// One vintage with everything that is needed to place it again.
pub(crate) struct Vintage {
    pub(crate) provider: Provider,
    pub(crate) key: AccountKey,
    /// The account-scoped part of the credential file, as one JSON object.
    pub(crate) credential: Secret,
    /// The identity block of the tool's configuration that belongs to it (Claude), JSON.
    pub(crate) identity: Option<Secret>,
    pub(crate) fingerprint: Fingerprint,
    /// Orders vintages of one account; `None` when the credential does not say.
    pub(crate) access_expires_at: Option<Utc>,
    pub(crate) login_ends_at: Option<Utc>,
    pub(crate) refreshable: bool,
}

/// The stored document. Borrowed throughout, so that no copy of a secret stays on the heap.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    schema: Cow<'a, str>,
    provider: Provider,
    #[serde(borrow)]
    key: Cow<'a, str>,
    fingerprint: Fingerprint,
    access_expires_at: Option<Utc>,
    login_ends_at: Option<Utc>,
    refreshable: bool,
    #[serde(borrow)]
    credential: &'a RawValue,
    #[serde(borrow)]
    identity: Option<&'a RawValue>,
}

const SCHEMA: &str = "sluice/vintage/1";

impl Vintage {
    fn seal(&self) -> Result<Secret, CustodyError> {
        let unusable = |_| CustodyError::KeptUnusable("its JSON is broken");
        let envelope = Envelope {
            schema: Cow::Borrowed(SCHEMA),
            provider: self.provider,
            key: Cow::Borrowed(&self.key.0),
            fingerprint: self.fingerprint.clone(),
            access_expires_at: self.access_expires_at,
            login_ends_at: self.login_ends_at,
            refreshable: self.refreshable,
            credential: serde_json::from_slice(self.credential.expose()).map_err(unusable)?,
            identity: match &self.identity {
                Some(block) => Some(serde_json::from_slice(block.expose()).map_err(unusable)?),
                None => None,
            },
        };
        // Sized beforehand: a vector that grows leaves its earlier halves unwiped.
        let size = self.credential.len() + self.identity.as_ref().map_or(0, Secret::len) + 1_024;
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        serde_json::to_writer(&mut *bytes, &envelope).map_err(unusable)?;
        Ok(Secret::from(bytes))
    }

    fn open(sealed: &Secret) -> Option<Self> {
        let envelope: Envelope<'_> = serde_json::from_slice(sealed.expose()).ok()?;
        (envelope.schema == SCHEMA).then(|| Self {
            provider: envelope.provider,
            key: AccountKey(envelope.key.into_owned()),
            credential: Secret::new(envelope.credential.get().as_bytes().to_vec()),
            identity: envelope.identity.map(|raw| Secret::new(raw.get().as_bytes().to_vec())),
            fingerprint: envelope.fingerprint,
            access_expires_at: envelope.access_expires_at,
            login_ends_at: envelope.login_ends_at,
            refreshable: envelope.refreshable,
        })
    }

    /// Whether these bytes are a sealed login of ours.
    pub(crate) fn is_one(sealed: &Secret) -> bool {
        Self::open(sealed).is_some()
    }

    /// Certainly older than `other`: of an earlier sign-in, or both say when they end and this one
    /// ends first, or it lost the means to be refreshed. Not knowing is not older.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        if self.refreshable != other.refreshable {
            return other.refreshable;
        }
        if let (Some(ends), Some(other_ends)) = (self.login_ends_at, other.login_ends_at)
            && ends.0.abs_diff(other_ends.0) > SIGN_INS_APART_US
        {
            return ends < other_ends;
        }
        matches!((self.access_expires_at, other.access_expires_at), (Some(a), Some(b)) if a < b)
    }
}

/// What became of a credential offered to the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Stored as a new vintage, read back, pointed at.
    New(VintageRef),
    /// It is the current vintage already.
    Known(VintageRef),
    /// Certainly older than the current vintage, which stays.
    Older(VintageRef),
}

impl Sealed {
    /// The account's current vintage after the offer.
    #[must_use]
    pub const fn current(&self) -> &VintageRef {
        match self {
            Self::New(vintage) | Self::Known(vintage) | Self::Older(vintage) => vintage,
        }
    }
}

/// The keychain's items of one namespace, with the ledger's pointers.
pub(crate) struct Vault {
    pub(crate) store: Arc<dyn SecretStore>,
    pub(crate) pointers: Arc<dyn Pointers>,
    pub(crate) namespace: String,
    /// Highest number in use per account; known once the account's items were listed.
    highest: Mutex<BTreeMap<AccountId, u64>>,
}

impl Vault {
    pub(crate) fn new(
        store: Arc<dyn SecretStore>,
        pointers: Arc<dyn Pointers>,
        namespace: String,
    ) -> Self {
        Self { store, pointers, namespace, highest: Mutex::new(BTreeMap::new()) }
    }

    fn item(&self, account: AccountId, vintage: u64) -> ItemKey {
        ItemKey { namespace: self.namespace.clone(), account, vintage }
    }

    fn highest(&self, account: AccountId) -> Option<u64> {
        let known = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&account).copied()
    }

    fn set_highest(&self, account: AccountId, vintage: u64) {
        let mut known = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(account, vintage);
    }

    /// Adopts what a crash left behind: an item stored and never pointed at. Once per account.
    fn settle_account(&self, account: AccountId) -> Result<u64, CustodyError> {
        if let Some(highest) = self.highest(account) {
            return Ok(highest);
        }
        let pointed = self.pointers.current(account)?;
        let numbers = self.store.vintages(&self.namespace, account)?;
        let from = pointed.as_ref().map_or(0, |current| current.vintage);
        let mut newest = match &pointed {
            Some(current) => self.open_item(account, current.vintage)?,
            None => None,
        };
        for number in numbers.iter().copied().filter(|n| *n > from).take(ORPHANS_MAX) {
            let Some(orphan) = self.open_item(account, number)? else { continue };
            let foreign = newest.as_ref().is_some_and(|kept| kept.key != orphan.key);
            if foreign || newest.as_ref().is_some_and(|kept| orphan.is_older_than(kept)) {
                continue;
            }
            let adopted = VintageRef {
                vintage: number,
                fingerprint: orphan.fingerprint.clone(),
                stored_at: clock::now(),
            };
            self.pointers.advance(account, &adopted)?;
            newest = Some(orphan);
        }
        let highest = numbers.last().copied().unwrap_or(0).max(from);
        self.set_highest(account, highest);
        Ok(highest)
    }

    fn open_item(&self, account: AccountId, number: u64) -> Result<Option<Vintage>, CustodyError> {
        Ok(self.store.get(&self.item(account, number))?.as_ref().and_then(Vintage::open))
    }

    /// The account's newest proven vintage.
    pub(crate) fn load(&self, account: AccountId) -> Result<(VintageRef, Vintage), CustodyError> {
        self.settle_account(account)?;
        let current = self.pointers.current(account)?.ok_or(CustodyError::NotKept(account))?;
        let sealed = self.store.get(&self.item(account, current.vintage))?;
        let sealed = sealed.ok_or(CustodyError::NotKept(account))?;
        let vintage = Vintage::open(&sealed)
            .ok_or(CustodyError::KeptUnusable("its keychain item is not ours"))?;
        Ok((current, vintage))
    }

    /// The account's pointer, after adopting what a crash left behind.
    pub(crate) fn current(&self, account: AccountId) -> Result<Option<VintageRef>, CustodyError> {
        self.settle_account(account)?;
        Ok(self.pointers.current(account)?)
    }

    /// Whether one of the kept vintages is this credential.
    pub(crate) fn holds(
        &self,
        account: AccountId,
        wanted: &Fingerprint,
    ) -> Result<bool, CustodyError> {
        if self.current(account)?.is_some_and(|current| current.fingerprint == *wanted) {
            return Ok(true);
        }
        for number in self.store.vintages(&self.namespace, account)? {
            if self.open_item(account, number)?.is_some_and(|kept| kept.fingerprint == *wanted) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The newest vintage that the store still gives back, whatever the pointer says.
    pub(crate) fn newest_readable(
        &self,
        account: AccountId,
    ) -> Result<Option<Vintage>, CustodyError> {
        for number in self.store.vintages(&self.namespace, account)?.into_iter().rev() {
            if let Some(kept) = self.open_item(account, number)? {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    /// As [`Self::offer`], believing the store and not the pointer: what it has lost since is
    /// stored anew.
    pub(crate) fn offer_again(
        &self,
        account: AccountId,
        parked: &Vintage,
    ) -> Result<Sealed, CustodyError> {
        self.settle_account(account)?;
        if let Some(current) = self.pointers.current(account)?
            && current.fingerprint == parked.fingerprint
        {
            let back = self.open_item(account, current.vintage)?;
            if back.is_some_and(|kept| kept.fingerprint == parked.fingerprint) {
                return Ok(Sealed::Known(current));
            }
            tracing::warn!(
                account = account.0,
                "the keychain has lost a login; it is stored again"
            );
            return self.store_new(account, parked);
        }
        self.offer(account, parked)
    }

    /// Stores a credential as a new vintage unless it is known or certainly older.
    ///
    /// New item, read back, compared, pointer moved, then the oldest beyond three removed.
    pub(crate) fn offer(&self, account: AccountId, new: &Vintage) -> Result<Sealed, CustodyError> {
        self.take(account, new, false)
    }

    /// Stores what a refresh brought. It replaced what was kept, so it is the newest whatever the
    /// clock made of its expiry: keeping the old one would present a spent token.
    pub(crate) fn offer_successor(
        &self,
        account: AccountId,
        new: &Vintage,
    ) -> Result<Sealed, CustodyError> {
        self.take(account, new, true)
    }

    /// Keeps a login that came for `account` and is another's: in an item of its own that no pointer
    /// names, in place of one from before.
    pub(crate) fn set_apart(&self, account: AccountId, new: &Vintage) -> Result<(), CustodyError> {
        let item = self.item(AccountId(account.0.saturating_neg()), 1);
        Ok(self.store.put(&item, &new.seal()?)?)
    }

    /// Stores the current vintage anew with what has changed beside its tokens.
    pub(crate) fn renew_details(
        &self,
        account: AccountId,
        new: &Vintage,
    ) -> Result<Sealed, CustodyError> {
        self.store_new(account, new)
    }

    fn take(
        &self,
        account: AccountId,
        new: &Vintage,
        successor: bool,
    ) -> Result<Sealed, CustodyError> {
        self.settle_account(account)?;
        if let Some(current) = self.pointers.current(account)? {
            if current.fingerprint == new.fingerprint {
                return Ok(Sealed::Known(current));
            }
            match self.open_item(account, current.vintage)? {
                Some(kept) if kept.key != new.key => {
                    let expected = Some(kept.key);
                    return Err(CustodyError::WrongAccount { expected, found: new.key.clone() });
                }
                Some(kept) if !successor && new.is_older_than(&kept) => {
                    return Ok(Sealed::Older(current));
                }
                Some(_) | None => {}
            }
        }
        self.store_new(account, new)
    }

    fn store_new(&self, account: AccountId, new: &Vintage) -> Result<Sealed, CustodyError> {
        let highest = self.settle_account(account)?;
        let number = highest.saturating_add(1);
        let item = self.item(account, number);
        let sealed = new.seal()?;
        self.store.put(&item, &sealed)?;
        self.set_highest(account, number);
        let back = self.store.get(&item)?.ok_or(StoreError::Mismatch)?;
        if !back.same(&sealed) {
            return Err(StoreError::Mismatch.into());
        }
        let pointed = VintageRef {
            vintage: number,
            fingerprint: new.fingerprint.clone(),
            stored_at: clock::now(),
        };
        self.pointers.advance(account, &pointed)?;
        self.drop_oldest(account, number);
        Ok(Sealed::New(pointed))
    }

    /// An item too many is harmless, so a failure here is only noted.
    fn drop_oldest(&self, account: AccountId, newest: u64) {
        let Some(last_dropped) = newest.checked_sub(VINTAGES_MAX).filter(|n| *n > 0) else {
            return;
        };
        if let Err(error) = self.store.remove(&self.item(account, last_dropped)) {
            tracing::warn!(account = account.0, code = error.code(), "an old vintage stays");
        }
    }

    /// Removes every item of the account.
    pub(crate) fn forget(&self, account: AccountId) -> Result<(), CustodyError> {
        for of in [account, AccountId(account.0.saturating_neg())] {
            for number in self.store.vintages(&self.namespace, of)? {
                self.store.remove(&self.item(of, number))?;
            }
        }
        self.highest.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
        Ok(())
    }
}
