//! The keychain of this system as a [`SecretStore`].

use crate::keychain::{Health, ItemKey, SecretStore, StoreError};
use crate::parts;
use crate::secret::Secret;
use keyring_core::Error as KeyringError;
use keyring_core::api::CredentialStoreApi;
use sluice_engine::AccountId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The OS keychain: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
///
/// It is connected on first use and again after a failure, so a keychain that is started or
/// unlocked later is found without a restart.
pub struct OsKeychain {
    connected: Mutex<Option<Arc<dyn CredentialStoreApi + Send + Sync>>>,
    probe: platform::Probe,
}

impl Default for OsKeychain {
    fn default() -> Self {
        Self::new()
    }
}

impl OsKeychain {
    /// Not connected yet; nothing is asked before the first call.
    #[must_use]
    pub fn new() -> Self {
        crate::harden::harden();
        Self { connected: Mutex::default(), probe: platform::Probe::default() }
    }

    /// The store, after making sure that it can be used without a prompt: the libraries would wait
    /// for one without end, and answer "no entry" where no unlocked keychain exists.
    fn ready(&self) -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, StoreError> {
        match self.probe.ask() {
            Health::Ok => {}
            Health::Locked => return Err(StoreError::Locked),
            Health::Absent => return Err(StoreError::Absent),
            Health::Hanging => return Err(StoreError::Hanging),
        }
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = connected.as_ref() {
            return Ok(Arc::clone(store));
        }
        let store = platform::connect().map_err(translate)?;
        *connected = Some(Arc::clone(&store));
        Ok(store)
    }

    /// The item itself (`part` 0), or one of the parts it was cut into.
    fn entry(&self, key: &ItemKey, part: usize) -> Result<keyring_core::Entry, StoreError> {
        let label = format!("Sluice: account {}, vintage {}", key.account.0, key.vintage);
        let modifiers = HashMap::from([("label", label.as_str())]);
        let modifiers = cfg!(target_os = "linux").then_some(&modifiers);
        let user = match part {
            0 => key.user(),
            // No vintage is parsed from this, so a part is never taken for an item.
            part => format!("{}/part-{part}", key.user()),
        };
        self.ready()?.build(&key.namespace, &user, modifiers).map_err(translate)
    }

    fn read(&self, key: &ItemKey, part: usize) -> Result<Option<Secret>, StoreError> {
        match self.entry(key, part)?.get_secret() {
            Ok(bytes) => Ok(Some(Secret::new(bytes))),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => self.checked(Err(error)),
        }
    }

    fn delete(&self, key: &ItemKey, part: usize) -> Result<(), StoreError> {
        match self.entry(key, part)?.delete_credential() {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => self.checked(Err(error)),
        }
    }

    /// Forgets the connection after a failure of the transport, so that the next call makes a new one.
    fn checked<T>(&self, result: Result<T, KeyringError>) -> Result<T, StoreError> {
        result.map_err(|error| {
            if matches!(error, KeyringError::PlatformFailure(_)) {
                *self.connected.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            translate(error)
        })
    }
}

fn translate(error: KeyringError) -> StoreError {
    match error {
        KeyringError::NoStorageAccess(_) => StoreError::Locked,
        KeyringError::NoDefaultStore => StoreError::Absent,
        KeyringError::TooLong(_, _) => StoreError::Failed("the item is too large for it".into()),
        // The texts of the other variants may quote attributes, never the secret; still, only the
        // kind is passed on.
        KeyringError::PlatformFailure(_) => StoreError::Failed("the system's call failed".into()),
        KeyringError::NoEntry => StoreError::Failed("the item is gone".into()),
        KeyringError::Ambiguous(_) => StoreError::Failed("two items have the same name".into()),
        _ => StoreError::Failed("an unexpected answer".into()),
    }
}

impl SecretStore for OsKeychain {
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError> {
        let cut = parts::cut(secret, parts::ITEM_BYTES_MAX);
        // The head last: without it there is no item.
        for (index, part) in cut.parts.iter().enumerate() {
            self.checked(self.entry(key, index + 1)?.set_secret(part.expose()))?;
        }
        let entry = self.entry(key, 0)?;
        self.checked(entry.set_secret(cut.head.expose()))?;
        let (account, vintage) = (key.account.0.to_string(), key.vintage.to_string());
        let attributes =
            HashMap::from([("account", account.as_str()), ("vintage", vintage.as_str())]);
        // For people who look into their keychain; the item is found by its user name.
        drop(entry.update_attributes(&attributes));
        Ok(())
    }

    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        let Some(head) = self.read(key, 0)? else { return Ok(None) };
        parts::join(head, |part| self.read(key, part)).map(Some)
    }

    fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        let cut_into = match self.read(key, 0)? {
            Some(head) => parts::parts_of(&head).unwrap_or_default(),
            None => 0,
        };
        self.delete(key, 0)?;
        (1..=cut_into).try_for_each(|part| self.delete(key, part))
    }

    fn vintages(&self, namespace: &str, account: AccountId) -> Result<Vec<u64>, StoreError> {
        let found = self.ready()?.search(&HashMap::from([("service", namespace)]));
        let mut numbers: Vec<u64> = self
            .checked(found)?
            .iter()
            .filter_map(keyring_core::Entry::get_specifiers)
            .filter_map(|(_, user)| ItemKey::parse(namespace, &user))
            .filter(|key| key.account == account)
            .map(|key| key.vintage)
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn health(&self) -> Health {
        self.probe.ask()
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use super::{Arc, CredentialStoreApi, Health, KeyringError, Mutex, PoisonError};
    use zbus::blocking::Connection;
    use zbus::zvariant::{OwnedObjectPath, OwnedValue};

    const NAME: &str = "org.freedesktop.secrets";
    const ROOT: &str = "/org/freedesktop/secrets";

    pub(super) fn connect() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, KeyringError> {
        Ok(zbus_secret_service_keyring_store::Store::new()?)
    }

    /// Asks for the default collection and whether it is locked, without opening anything, over one
    /// lasting connection: gnome-keyring 42 aborts when clients come and go at every call.
    #[derive(Default)]
    pub(super) struct Probe(Mutex<Option<Connection>>);

    impl Probe {
        pub(super) fn ask(&self) -> Health {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(bus) = known.or_else(|| Connection::session().ok()) else {
                return Health::Absent;
            };
            let (health, kept) = match state(&bus) {
                Ok(health) => (health, Some(bus)),
                Err(_) => (Health::Absent, None),
            };
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            health
        }
    }

    fn state(bus: &Connection) -> zbus::Result<Health> {
        let service = Some("org.freedesktop.Secret.Service");
        let reply = bus.call_method(Some(NAME), ROOT, service, "ReadAlias", &"default")?;
        let path: OwnedObjectPath = reply.body().deserialize()?;
        if path.as_str() == "/" {
            return Ok(Health::Absent);
        }
        let (properties, of) =
            (Some("org.freedesktop.DBus.Properties"), "org.freedesktop.Secret.Collection");
        let reply = bus.call_method(Some(NAME), &path, properties, "Get", &(of, "Locked"))?;
        let locked: OwnedValue = reply.body().deserialize()?;
        Ok(if bool::try_from(locked)? { Health::Locked } else { Health::Ok })
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use super::{Arc, CredentialStoreApi, Health, KeyringError};

    pub(super) fn connect() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, KeyringError> {
        Ok(apple_native_keyring_store::keychain::Store::new()?)
    }

    /// The system prompts by itself and answers an error when the person declines.
    #[derive(Default)]
    pub(super) struct Probe;

    impl Probe {
        pub(super) fn ask(&self) -> Health {
            Health::Ok
        }
    }
}

#[cfg(windows)]
mod platform {
    use super::{Arc, CredentialStoreApi, Health, KeyringError};

    pub(super) fn connect() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, KeyringError> {
        Ok(windows_native_keyring_store::Store::new()?)
    }

    /// Unlocked while the user is signed in.
    #[derive(Default)]
    pub(super) struct Probe;

    impl Probe {
        pub(super) fn ask(&self) -> Health {
            Health::Ok
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod platform {
    use super::{Arc, CredentialStoreApi, Health, KeyringError};

    pub(super) fn connect() -> Result<Arc<dyn CredentialStoreApi + Send + Sync>, KeyringError> {
        Err(KeyringError::NoDefaultStore)
    }

    #[derive(Default)]
    pub(super) struct Probe;

    impl Probe {
        pub(super) fn ask(&self) -> Health {
            Health::Absent
        }
    }
}
