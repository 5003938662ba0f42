//! The live login: looking at it, capturing it, using its access token.

use crate::clock;
use crate::error::CustodyError;
use crate::files::{Nowhere, Place};
use crate::journal::Party;
use crate::login::{AccountKey, Fingerprint, Identity};
use crate::refused::Unreadable;
use crate::seats::codex::key_without_person;
use crate::seats::found::{Found, FoundLogin, same_login};
use crate::seats::look::{self, Configuration, Named, Stable, login_in};
use crate::seats::{examine, login_names_account, tool};
use crate::secret::Secret;
use crate::vault::{Sealed, Vintage};
use crate::{Captured, Custody, Holder};
use http::HeaderValue;
use sluice_engine::{AccountId, Provider};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// A login that differs from the kept one as only a new sign-in does must have been in the seat
/// this long: signing in writes the credential first and the identity a moment later.
pub(crate) const SETTLED_MS_MIN: i64 = 2_000;
/// Why a token is kept and never placed.
pub(crate) const UNSENDABLE: &str = "its access token has characters that no request can carry";

impl Custody {
    pub(crate) fn lease_dir(&self) -> PathBuf {
        self.config.data_dir.join("lease")
    }

    pub(crate) fn credential_path(&self, provider: Provider) -> Result<PathBuf, CustodyError> {
        self.config.seats.credential_path(provider).ok_or(CustodyError::NoSeat { provider })
    }

    /// The seat, unless its tool does not use a login that lies there.
    pub(crate) fn locate(&self, provider: Provider) -> Result<Place, CustodyError> {
        match self.config.seats.barred(provider) {
            Some(why) => Err(CustodyError::Barred { why }),
            None => self.locate_file(provider),
        }
    }

    /// The place of the credential file, whether or not its tool uses it.
    pub(crate) fn locate_file(&self, provider: Provider) -> Result<Place, CustodyError> {
        let path = self.credential_path(provider)?;
        Place::locate(&path).map_err(|nowhere| match nowhere {
            Nowhere::Absent => CustodyError::SeatAbsent { path },
            Nowhere::Unreadable(why) => CustodyError::SeatUnreadable { path, why },
        })
    }

    pub(crate) fn stable(
        &self,
        place: &Place,
        name: &OsStr,
        provider: Provider,
        expected: bool,
    ) -> Stable {
        look::stable(place, name, provider, &self.salt, expected)
    }

    /// Whose login it is: as the tool's own files say, unless we know better.
    ///
    /// A tool that writes its old credential back after a swap leaves a configuration that names
    /// the other account; what we remember of the sign-in then decides.
    pub(crate) fn named(
        &self,
        provider: Provider,
        login: &FoundLogin,
    ) -> Result<Option<Named>, CustodyError> {
        let known = self.lineages.owner(login, self.vault.pointers.as_ref())?;
        if known.is_none() {
            self.check_whole(provider, login)?;
        }
        let named = match (self.named_by_tool(provider, login)?, known.as_ref()) {
            (Some(named), _) => named,
            // Kept under its key when nobody asked for the person.
            (None, Some(owner)) if login_names_account(provider) => {
                return Ok(Some(Named::only(owner.key.clone())));
            }
            (None, _) if login_names_account(provider) => {
                let path = self.credential_path(provider)?;
                return Err(CustodyError::SeatUnreadable { path, why: Unreadable::NoPerson });
            }
            (None, _) => return Ok(None),
        };
        let owner = match known {
            Some(owner) => Some(owner),
            None => match self.kept_without_person(provider, &named)? {
                Some(owner) => Some(owner),
                None => {
                    let pointers = self.vault.pointers.as_ref();
                    self.lineages.owner_beside(login, &named.identity.key, pointers)?
                }
            },
        };
        let Some(owner) = owner else { return Ok(Some(named)) };
        if named.identity.key == owner.key {
            return Ok(Some(named));
        }
        let named = match key_without_person(&named.identity.key) {
            // The same person: what the tool says of them holds.
            Some(early) if early == owner.key => Named {
                identity: Identity { key: early, ..named.identity },
                ..Named::only(owner.key)
            },
            Some(_) | None => {
                let misnamed = !login_names_account(provider);
                Named { misnamed, ..Named::only(owner.key) }
            }
        };
        Ok(Some(named))
    }

    /// A login without the means to renew it is not one that is kept: what names an account beside it
    /// may belong to an earlier sign-in.
    fn check_whole(&self, provider: Provider, login: &FoundLogin) -> Result<(), CustodyError> {
        if login.refreshable {
            return Ok(());
        }
        Err(tool(provider).unrenewable(self.credential_path(provider)?))
    }

    /// The account that keeps this person's login under a key without a person, as earlier versions
    /// wrote it: told by what is kept, never by the workspace alone.
    fn kept_without_person(
        &self,
        provider: Provider,
        named: &Named,
    ) -> Result<Option<Party>, CustodyError> {
        let key = &named.identity.key;
        let Some(early) = key_without_person(key).filter(|_| login_names_account(provider)) else {
            return Ok(None);
        };
        for account in self.lineages.accounts_of(&early) {
            let kept = match self.vault.load(account) {
                Ok((_, kept)) => kept,
                Err(CustodyError::NotKept(_) | CustodyError::KeptUnusable(_)) => continue,
                Err(error) => return Err(error),
            };
            let same = match examine(provider, &kept.credential, &self.salt) {
                Found::Login(login) => login.identity.is_some_and(|found| found.key == *key),
                Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => false,
            };
            if same {
                return Ok(Some(Party { account, key: early }));
            }
        }
        Ok(None)
    }

    fn named_by_tool(
        &self,
        provider: Provider,
        login: &FoundLogin,
    ) -> Result<Option<Named>, CustodyError> {
        if let Some(config) = self.config.seats.config(provider) {
            return Configuration::read(config)?.named();
        }
        let named = |identity| Named { identity, block: None, misnamed: false };
        Ok(login.identity.clone().map(named))
    }

    /// Stores a login of `owner` unless the vault has it or a newer one.
    ///
    /// Without `block` the identity block of the kept vintage is carried on.
    pub(crate) fn seal(
        &self,
        provider: Provider,
        owner: &Party,
        bytes: &Secret,
        block: Option<&Secret>,
    ) -> Result<Sealed, CustodyError> {
        let login = match examine(provider, bytes, &self.salt) {
            Found::Login(login) => login,
            Found::Stub => return Err(CustodyError::SeatStub),
            Found::Foreign(what) => {
                let path = self.credential_path(provider)?;
                return Err(CustodyError::Foreign { provider, path, what });
            }
            Found::Unreadable(why) => {
                let path = self.credential_path(provider)?;
                return Err(CustodyError::SeatUnreadable { path, why });
            }
        };
        let current = self.vault.current(owner.account)?;
        if let Some(current) = current.as_ref().filter(|c| c.fingerprint == login.fingerprint) {
            self.lineages.learn(owner.account, &owner.key, login.login_ends_at)?;
            return Ok(Sealed::Known(current.clone()));
        }
        if let Some(current) = current.clone().filter(|_| self.is_spent(owner.account, &login)) {
            return Ok(Sealed::Older(current));
        }
        let kept = self.kept_of(owner.account)?;
        let block = block.or(kept.as_ref().and_then(|kept| kept.identity.as_ref()));
        let block = block.map(|block| Secret::new(block.expose().to_vec()));
        let ends = login.login_ends_at;
        let vintage = login.into_vintage(provider, owner.key.clone(), block);
        let sealed = self.vault.offer(owner.account, &vintage)?;
        if matches!(sealed, Sealed::New(_)) {
            self.lineages.learn(owner.account, &owner.key, ends)?;
            if let Some(kept) = &kept
                && let Err(error) = self.note_spent(owner.account, kept, &vintage)
            {
                tracing::warn!(code = error.code(), "a spent token was not remembered");
            }
        }
        Ok(sealed)
    }

    /// As [`Self::seal`], of what lies in the seat now: what the tool has changed beside the tokens (a
    /// new plan, a profile that was read anew) is kept as well.
    pub(crate) fn seal_live(
        &self,
        provider: Provider,
        owner: &Party,
        bytes: &Secret,
        block: Option<&Secret>,
    ) -> Result<Sealed, CustodyError> {
        let sealed = self.seal(provider, owner, bytes, block)?;
        if !matches!(sealed, Sealed::Known(_)) {
            return Ok(sealed);
        }
        let Found::Login(login) = examine(provider, bytes, &self.salt) else {
            return Err(CustodyError::SeatStub);
        };
        let parts = [login.credential.expose(), block.map_or(&[][..], Secret::expose)];
        let whole = self.salt.fingerprint(&parts);
        // In a swap the store is asked once about what it was seen to hold.
        if self.details().get(&owner.account) == Some(&whole) {
            return Ok(sealed);
        }
        let kept = self.kept_of(owner.account)?;
        let kept_block = kept.as_ref().and_then(|kept| kept.identity.as_ref());
        let same_block =
            block.is_none_or(|block| kept_block.is_some_and(|kept| is_same_document(kept, block)));
        let same = kept.as_ref().is_some_and(|kept| kept.credential.same(&login.credential));
        let sealed = if same && same_block {
            sealed
        } else {
            let block = block.or(kept_block);
            let block = block.map(|block| Secret::new(block.expose().to_vec()));
            let vintage = login.into_vintage(provider, owner.key.clone(), block);
            self.vault.renew_details(owner.account, &vintage)?
        };
        self.details().insert(owner.account, whole);
        Ok(sealed)
    }

    fn details(&self) -> MutexGuard<'_, BTreeMap<AccountId, Fingerprint>> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget_details(&self, account: AccountId) {
        self.details().remove(&account);
    }

    /// What is kept of an account, if its item is still there and ours.
    fn kept_of(&self, account: AccountId) -> Result<Option<Vintage>, CustodyError> {
        match self.vault.load(account) {
            Ok((_, kept)) => Ok(Some(kept)),
            Err(CustodyError::NotKept(_) | CustodyError::KeptUnusable(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// This refresh token has a successor that is kept: presented again, it would end the login.
    pub(crate) fn is_spent(&self, account: AccountId, login: &FoundLogin) -> bool {
        login.lineage.as_ref().is_some_and(|token| self.lineages.is_spent(account, token))
    }

    /// `new` has taken the place of `kept`, whose refresh token is spent unless both have the same.
    pub(crate) fn note_spent(
        &self,
        account: AccountId,
        kept: &Vintage,
        new: &Vintage,
    ) -> Result<(), CustodyError> {
        let token =
            |vintage: &Vintage| match examine(vintage.provider, &vintage.credential, &self.salt) {
                Found::Login(login) => login.lineage,
                _ => None,
            };
        match (token(kept), token(new)) {
            (Some(old), Some(new)) if old != new => self.lineages.spent(account, &old),
            _ => Ok(()),
        }
    }

    pub(crate) fn capture_seat(
        &self,
        provider: Provider,
        account: AccountId,
        expect: &AccountKey,
    ) -> Result<Captured, CustodyError> {
        self.flush_unsealed()?;
        let place = self.locate(provider)?;
        let path = place.path(&place.name);
        let (bytes, login) =
            login_in(provider, &path, self.stable(&place, &place.name, provider, false))?;
        let unnamed = CustodyError::SeatUnreadable { path, why: Unreadable::NoIdentity };
        let named = self.named(provider, &login)?.ok_or(unnamed)?;
        if named.identity.key != *expect {
            let (expected, found) = (Some(expect.clone()), named.identity.key);
            return Err(CustodyError::WrongAccount { expected, found });
        }
        self.check_settled(&place, account, &login)?;
        let party = Party { account, key: expect.clone() };
        // The store is asked, not the index, and not what we remember of it.
        self.forget_details(account);
        let sealed = self.seal_live(provider, &party, &bytes, named.block.as_ref())?;
        Ok(Captured { sealed, login: named.seat_login(login) })
    }

    /// Refuses a credential of another sign-in than the kept one while the identity beside it may
    /// still be the earlier account's.
    pub(crate) fn check_settled(
        &self,
        place: &Place,
        account: AccountId,
        login: &FoundLogin,
    ) -> Result<(), CustodyError> {
        let kept = match self.vault.load(account) {
            Ok((current, _)) if current.fingerprint == login.fingerprint => return Ok(()),
            Ok((_, kept)) => kept,
            Err(CustodyError::NotKept(_) | CustodyError::KeptUnusable(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let unknown = login.login_ends_at.is_none() && kept.login_ends_at.is_none();
        if unknown || same_login(login, &kept) {
            return Ok(());
        }
        let since = place.modified_ms(&place.name).map(|at| clock::now().millis() - at);
        match since {
            Some(age) if age >= SETTLED_MS_MIN => Ok(()),
            Some(_) | None => Err(CustodyError::Unsettled),
        }
    }

    pub(crate) fn bearer_of(&self, holder: Holder) -> Result<HeaderValue, CustodyError> {
        let access = match holder {
            Holder::Seat(provider) => {
                let place = self.locate(provider)?;
                let path = place.path(&place.name);
                let found = self.stable(&place, &place.name, provider, false);
                login_in(provider, &path, found)?.1.access
            }
            Holder::Account(account) => {
                let (_, vintage) = self.vault.load(account)?;
                access_of(&vintage, &self.salt)?
            }
        };
        header(&access)
    }
}

/// Whether the access token of a kept login can be sent at all.
pub(crate) fn is_sendable(vintage: &Vintage, salt: &crate::vault::Salt) -> bool {
    access_of(vintage, salt).is_ok_and(|access| header(&access).is_ok())
}

/// Whether two blocks say the same; a tool that rewrites its file lays it out anew.
fn is_same_document(one: &Secret, other: &Secret) -> bool {
    let read = |block: &Secret| serde_json::from_slice::<serde_json::Value>(block.expose()).ok();
    one.same(other) || read(one).is_some_and(|one| Some(one) == read(other))
}

fn access_of(vintage: &Vintage, salt: &crate::vault::Salt) -> Result<Secret, CustodyError> {
    match examine(vintage.provider, &vintage.credential, salt) {
        Found::Login(login) => Ok(login.access),
        Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => {
            Err(CustodyError::KeptUnusable("it holds no access token"))
        }
    }
}

fn header(access: &Secret) -> Result<HeaderValue, CustodyError> {
    let mut text = Zeroizing::new(Vec::with_capacity(access.len() + 7));
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(access.expose());
    // The grammar of a bearer token has no blanks and nothing beyond ASCII; some of both would pass
    // as a header.
    let plain = access.expose().iter().all(u8::is_ascii_graphic);
    let mut header = HeaderValue::from_bytes(&text)
        .ok()
        .filter(|_| plain && !access.is_empty())
        .ok_or(CustodyError::KeptUnusable(UNSENDABLE))?;
    header.set_sensitive(true);
    Ok(header)
}
