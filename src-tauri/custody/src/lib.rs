//! Custody: the only code that ever holds secret bytes.
//!
//! Credentials live in the OS keychain, one item per account and vintage. A seat's file is swapped
//! by exchange, park and fold; nothing is overwritten that has not been captured. All calls block,
//! are bounded, and may come from any thread; run them on worker threads.

mod agree;
mod clobber;
mod clock;
#[doc(hidden)]
pub mod doors;
mod error;
mod file_vault;
mod files;
mod harden;
mod holding;
mod identity;
mod journal;
mod json;
mod keychain;
mod lease;
mod lineage;
mod live;
mod login;
mod occupant;
mod os_store;
mod parked;
mod parts;
mod processes;
mod recover;
mod refresh;
mod refused;
mod renewing;
mod seats;
mod secret;
mod shared_logins;
mod swap;
mod vault;

pub use error::{CustodyError, FileError, RecordError};
pub use file_vault::{
    FileVault, LockedVault, Opener, PASSPHRASE_MIN, VaultKey, choose_vault, copy_items,
    remove_items, vault_choice,
};
pub use holding::{Exposed, Holding, KeptLogin, exposed, look_up};
pub use journal::{Intent, IntentId, Journal, OpenIntent, Party, Pointers, SagaOutcome, Step};
pub use keychain::{
    Bounded, Health, ItemKey, KEYCHAIN_MS_MAX, NoKeychain, SecretStore, StoreError,
};
pub use lease::{TakenLock, taken_locks};
pub use login::{AccountKey, Fingerprint, Identity, SeatLogin, SeatState, VintageRef};
pub use os_store::OsKeychain;
pub use refresh::{RefreshOutcome, RefreshTicket};
pub use refused::{Barred, ForeignLogin, Unreadable};
pub use seats::caveats::{Caveat, Surroundings, caveats};
pub use seats::claude::{CredentialState, LoginKind, credential_state, login_kind};
pub use seats::{Seat, Seats, shared, tool_home};
pub use secret::Secret;
pub use shared_logins::SharedLogin;
pub use swap::{Recovery, SwapFailure, SwapOrder, Swapped};
pub use vault::{Sealed, VINTAGES_MAX};

use http::HeaderValue;
use lease::Mark;
use sluice_engine::{AccountId, Provider, Utc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use vault::Salt;
use zeroize::Zeroizing;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our own directory (locks, salt); created 0700.
    pub data_dir: PathBuf,
    /// Keychain namespace: `sluice` for releases, another for demo and tests.
    pub namespace: String,
    /// The tools' seats.
    pub seats: Seats,
}

/// Whose bearer token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The account that is live in the provider's seat.
    Seat(Provider),
    /// A parked account, from the vault.
    Account(AccountId),
}

/// A live login that is in the vault now.
#[derive(Clone, Debug, PartialEq)]
pub struct Captured {
    /// What became of the credential.
    pub sealed: Sealed,
    /// The login as it was in the seat.
    pub login: SeatLogin,
}

/// Whether the tool's configuration names the account whose login is in its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It does, or there is nothing to compare.
    Agrees,
    /// It named another one and was put right.
    Mended,
    /// It names another one, and one of the files changed a moment ago: to be looked at again.
    Differs,
}

/// The keeper of credentials.
pub struct Custody {
    config: Config,
    vault: vault::Vault,
    lineages: lineage::Lineages,
    salt: Salt,
    mark: Mark,
    clobbers: clobber::Clobbers,
    /// What each account's newest vintage was seen to hold beside its tokens.
    details: Mutex<BTreeMap<AccountId, Fingerprint>>,
    /// Rotated pairs that a failing keychain has not taken yet.
    unsealed: Mutex<Vec<(AccountId, vault::Vintage)>>,
}

impl Custody {
    /// Opens custody. `store` is given its own thread and deadline here.
    ///
    /// # Errors
    /// When our directory cannot be made or is not ours alone.
    pub fn open(
        config: Config,
        store: Arc<dyn SecretStore>,
        pointers: Arc<dyn Pointers>,
    ) -> Result<Self, CustodyError> {
        let limit = std::time::Duration::from_millis(KEYCHAIN_MS_MAX);
        Self::open_direct(config, Arc::new(Bounded::new(store, limit)?), pointers)
    }

    /// As [`Self::open`], for a store that never blocks: its calls run on the caller's thread.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_direct(
        config: Config,
        store: Arc<dyn SecretStore>,
        pointers: Arc<dyn Pointers>,
    ) -> Result<Self, CustodyError> {
        harden::harden();
        // Ours alone before anything in it is opened.
        files::own_directory(&config.data_dir)?;
        files::own_directory(&config.data_dir.join("lease"))?;
        let salt = files::own_random(&config.data_dir, "salt", 32)?;
        let mark = Mark(vault::mark_of(&salt));
        let vault = vault::Vault::new(store, pointers, config.namespace.clone());
        let lineages = lineage::Lineages::open(&config.data_dir);
        let clobbers = clobber::Clobbers::default();
        clobbers.suspect_parked();
        let unsealed = Mutex::new(Vec::new());
        let (salt, details) = (Salt(salt), Mutex::default());
        Ok(Self { config, vault, lineages, salt, mark, clobbers, details, unsealed })
    }

    /// What the provider's seat holds now.
    #[must_use]
    pub fn inspect(&self, provider: Provider) -> SeatState {
        let state = self.inspect_seat(provider);
        if let SeatState::Login(login) = &state {
            self.clobbers.seen(provider, &login.identity.key);
        }
        self.settle_parked_if_due(provider);
        state
    }

    /// As [`Self::inspect`], and nothing else: what lies parked is left to whoever drives.
    #[must_use]
    pub fn peek(&self, provider: Provider) -> SeatState {
        self.inspect_seat(provider)
    }

    /// Stores the live login in the vault under `account`, if it is `expect`'s.
    ///
    /// # Errors
    /// The seat is unreadable, holds no login or another one; the keychain fails.
    pub fn capture(
        &self,
        provider: Provider,
        account: AccountId,
        expect: &AccountKey,
    ) -> Result<Captured, CustodyError> {
        self.capture_seat(provider, account, expect)
    }

    /// What is kept of an account, read back from the store. What its index says is not believed: an
    /// item may have gone with its keychain.
    ///
    /// # Errors
    /// [`CustodyError::NotKept`] and [`CustodyError::KeptUnusable`]: the store answers and has no
    /// usable login of it. Anything else says nothing about the login.
    pub fn kept(&self, account: AccountId) -> Result<KeptLogin, CustodyError> {
        self.kept_login(account)
    }

    /// The `Authorization` header of a login, marked sensitive.
    ///
    /// # Errors
    /// There is no usable login, or the keychain fails.
    pub fn bearer(&self, holder: Holder) -> Result<HeaderValue, CustodyError> {
        self.bearer_of(holder)
    }

    /// Takes the right to refresh a parked account (waits at most 60 s for it).
    ///
    /// # Errors
    /// The account is live or may be, has no refreshable login, or its lock stays taken.
    pub fn begin_refresh(&self, account: AccountId) -> Result<RefreshTicket, CustodyError> {
        self.begin(account, refresh::ACCOUNT_PATIENCE)
    }

    /// As [`Self::begin_refresh`], but gives up at once when the account is busy (for sweeps).
    ///
    /// # Errors
    /// See [`Self::begin_refresh`].
    pub fn try_begin_refresh(&self, account: AccountId) -> Result<RefreshTicket, CustodyError> {
        self.begin(account, std::time::Duration::ZERO)
    }

    /// Stores what the provider's token endpoint answered. Never fails silently.
    #[must_use]
    pub fn finish_refresh(
        &self,
        ticket: RefreshTicket,
        status: u16,
        body: Zeroizing<Vec<u8>>,
    ) -> RefreshOutcome {
        self.finish(&ticket, status, body)
    }

    /// Makes another account live in a seat.
    ///
    /// # Errors
    /// See [`SwapFailure`].
    pub fn swap(
        &self,
        order: &SwapOrder,
        journal: &mut dyn Journal,
    ) -> Result<Swapped, SwapFailure> {
        self.swap_now(order, journal)
    }

    /// Settles what a crash left open. Call it at start, before any network call.
    pub fn recover(&self, open: &[OpenIntent], journal: &mut dyn Journal) -> Vec<Recovery> {
        self.recover_now(open, journal)
    }

    /// Reads what lies parked beside the provider's seat again, keeps what is newer or what the
    /// keychain has lost since, and destroys what the keychain still gives back 30 s after it was
    /// stored. Call it about 2 s and 30 s after a swap; a look into the seat and a swap do it too.
    /// Returns how much is still parked.
    ///
    /// # Errors
    /// The seat or the keychain fails; what is parked stays.
    pub fn settle_parked(&self, provider: Provider) -> Result<usize, CustodyError> {
        self.settle_parked_as_of(provider, clock::now())
    }

    /// Looks whether the tool's configuration names the account whose login is in its seat, and puts
    /// it right when another account that is kept is named. Call it with [`Self::settle_parked`], and when
    /// [`SeatLogin::misnamed`] was seen.
    ///
    /// # Errors
    /// The seat, the configuration or the keychain fails; nothing was changed.
    pub fn reconcile_identity(&self, provider: Provider) -> Result<Agreement, CustodyError> {
        let _lease = self.seat_lease(provider, std::time::Duration::from_secs(2))?;
        self.agree(provider, clock::now())
    }

    /// Whether the tool's configuration names another account than the login in its seat belongs to.
    /// Looks only.
    ///
    /// # Errors
    /// The seat or the configuration cannot be read.
    pub fn is_misnamed(&self, provider: Provider) -> Result<bool, CustodyError> {
        Ok(self.owner_misnamed(provider)?.is_some())
    }

    /// As [`Self::settle_parked`] at another instant, for tests that cannot wait half a minute.
    #[doc(hidden)]
    pub fn settle_parked_as_of(&self, provider: Provider, now: Utc) -> Result<usize, CustodyError> {
        let _lease = self.seat_lease(provider, std::time::Duration::from_secs(2))?;
        self.settle_parked_leased(provider, now)
    }

    /// Removes every vintage of the account from the keychain, and what lies parked of it. The
    /// live login in a seat is not touched.
    ///
    /// # Errors
    /// The keychain fails; what it still holds stays.
    pub fn forget(&self, account: AccountId) -> Result<(), CustodyError> {
        self.vault.forget(account)?;
        self.unsealed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(waiting, _)| *waiting != account);
        self.remove_parked(account);
        self.forget_details(account);
        self.lineages.forget(account)
    }

    /// Whether secrets can be stored at the moment.
    #[must_use]
    pub fn health(&self) -> Health {
        self.vault.store.health()
    }
}
