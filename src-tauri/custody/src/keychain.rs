//! The keychain behind one trait, with a deadline on every call: a keychain may wait for a password prompt.

use crate::clock::Stopwatch;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};
use sluice_engine::AccountId;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// Longest wait for one call of the keychain.
pub const KEYCHAIN_MS_MAX: u64 = 3_000;

/// Whether secrets can be stored at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers and takes secrets.
    Ok,
    /// There, but locked: a person has to unlock it.
    Locked,
    /// No keychain on this machine, or none is running.
    Absent,
    /// It did not answer within the deadline.
    Hanging,
}

/// Why the keychain did not do what was asked. Never falls back to plain text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It asks for its password.
    #[error("the keychain is locked; nothing was changed; unlock it and Sluice carries on")]
    Locked,
    /// None runs on this machine.
    #[error(
        "no keychain answers on this machine; nothing was changed; start one (GNOME Keyring, KWallet, KeePassXC) and Sluice carries on"
    )]
    Absent,
    /// No answer within the deadline, or still busy with an earlier call.
    #[error("the keychain does not answer; nothing was changed; Sluice watches without swapping")]
    Hanging,
    /// The person or the system refused.
    #[error("the keychain refused; nothing was changed")]
    Refused,
    /// What was read back is not what was written.
    #[error("the keychain gave back something else than was stored; the earlier item is kept")]
    Mismatch,
    /// Anything else; the text comes from the system and holds no secret.
    #[error("the keychain failed ({0}); nothing was changed")]
    Failed(String),
}

impl StoreError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked => "keychain_locked",
            Self::Absent => "keychain_absent",
            Self::Hanging => "keychain_hanging",
            Self::Refused => "keychain_refused",
            Self::Mismatch => "keychain_mismatch",
            Self::Failed(_) => "keychain_failed",
        }
    }
}

/// One item: an account's vintage inside a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// Keeps builds, demo and tests apart (`sluice`, `sluice-demo-…`).
    pub namespace: String,
    /// The account it belongs to.
    pub account: AccountId,
    /// Which rotation; grows by one with each.
    pub vintage: u64,
}

impl ItemKey {
    /// The item's user name attribute, `account-7/vintage-3`.
    #[must_use]
    pub fn user(&self) -> String {
        format!("account-{}/vintage-{}", self.account.0, self.vintage)
    }

    /// The reverse of [`Self::user`].
    #[must_use]
    pub fn parse(namespace: &str, user: &str) -> Option<Self> {
        let (account, vintage) = user.strip_prefix("account-")?.split_once("/vintage-")?;
        Some(Self {
            namespace: namespace.to_owned(),
            account: AccountId(account.parse().ok()?),
            vintage: vintage.parse().ok()?,
        })
    }
}

/// A place for secrets. Calls may block; [`Bounded`] gives them a deadline.
pub trait SecretStore: Send + Sync {
    /// Stores an item, replacing one of the same key.
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError>;
    /// Reads an item; `Ok(None)` only when the store is certain that there is none.
    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError>;
    /// Removes an item; removing what is not there succeeds.
    fn remove(&self, key: &ItemKey) -> Result<(), StoreError>;
    /// Vintages stored for an account, ascending.
    fn vintages(&self, namespace: &str, account: AccountId) -> Result<Vec<u64>, StoreError>;
    /// Whether it can be used now; must not prompt.
    fn health(&self) -> Health;
}

type Job = Box<dyn FnOnce(&dyn SecretStore) + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    Free,
    Busy,
    Stuck,
}

type Turn = Arc<(Mutex<Worker>, Condvar)>;

fn held(turn: &Turn) -> MutexGuard<'_, Worker> {
    turn.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store whose calls run on one worker thread with a deadline.
///
/// While a call is stuck every further call fails at once; there is never a second thread.
pub struct Bounded {
    jobs: SyncSender<Job>,
    turn: Turn,
    limit: Duration,
}

impl Bounded {
    /// Gives `store` its thread. `limit` is the deadline of each call, the wait for its turn
    /// included.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(store: Arc<dyn SecretStore>, limit: Duration) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel::<Job>(1);
        std::thread::Builder::new()
            .name("keychain".into())
            .spawn(move || queue.into_iter().for_each(|job| job(store.as_ref())))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { jobs, turn: Arc::new((Mutex::new(Worker::Free), Condvar::new())), limit })
    }

    fn take_turn(&self) -> Result<Duration, StoreError> {
        let started = Stopwatch::start();
        let mut worker = held(&self.turn);
        loop {
            let left = self.limit.saturating_sub(started.elapsed());
            match *worker {
                Worker::Free => {
                    *worker = Worker::Busy;
                    return Ok(left);
                }
                Worker::Stuck => return Err(StoreError::Hanging),
                Worker::Busy if left.is_zero() => return Err(StoreError::Hanging),
                Worker::Busy => {
                    let waited = self.turn.1.wait_timeout(worker, left);
                    worker = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn SecretStore) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let left = self.take_turn()?;
        let (answer, reply) = sync_channel(1);
        let turn = Arc::clone(&self.turn);
        let job: Job = Box::new(move |store| {
            let result = work(store);
            // The answer first: whoever sees the worker free must not find it unanswered.
            drop(answer.send(result));
            *held(&turn) = Worker::Free;
            turn.1.notify_all();
        });
        self.jobs.try_send(job).map_err(|_| StoreError::Hanging)?;
        match reply.recv_timeout(left) {
            Ok(result) => Ok(result),
            Err(RecvTimeoutError::Timeout) => {
                let mut worker = held(&self.turn);
                // It may have ended between the deadline and this line.
                if let Ok(result) = reply.try_recv() {
                    return Ok(result);
                }
                *worker = Worker::Stuck;
                self.turn.1.notify_all();
                Err(StoreError::Hanging)
            }
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Failed("it broke off".into())),
        }
    }
}

impl SecretStore for Bounded {
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError> {
        let (key, secret) = (key.clone(), Secret::new(secret.expose().to_vec()));
        self.call(move |store| store.put(&key, &secret))?
    }

    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        let key = key.clone();
        self.call(move |store| store.get(&key))?
    }

    fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.call(move |store| store.remove(&key))?
    }

    fn vintages(&self, namespace: &str, account: AccountId) -> Result<Vec<u64>, StoreError> {
        let namespace = namespace.to_owned();
        self.call(move |store| store.vintages(&namespace, account))?
    }

    fn health(&self) -> Health {
        self.call(|store| store.health()).unwrap_or(Health::Hanging)
    }
}

/// A store for machines where none answers: every call fails with [`StoreError::Absent`].
pub struct NoKeychain;

impl SecretStore for NoKeychain {
    fn put(&self, _: &ItemKey, _: &Secret) -> Result<(), StoreError> {
        Err(StoreError::Absent)
    }
    fn get(&self, _: &ItemKey) -> Result<Option<Secret>, StoreError> {
        Err(StoreError::Absent)
    }
    fn remove(&self, _: &ItemKey) -> Result<(), StoreError> {
        Err(StoreError::Absent)
    }
    fn vintages(&self, _: &str, _: AccountId) -> Result<Vec<u64>, StoreError> {
        Err(StoreError::Absent)
    }
    fn health(&self) -> Health {
        Health::Absent
    }
}
