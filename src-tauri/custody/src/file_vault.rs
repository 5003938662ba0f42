//! The encrypted file vault, for boxes without a keychain. It exists only after a person has chosen
//! it; no failure of a keychain ever leads here.
//!
//! One file per item, encrypted (`age`) to a key of the vault. The key itself lies beside them sealed
//! with a passphrase, or in a file of the person's outside the data directory.

use crate::error::{CustodyError, FileError};
use crate::files::{self, Nowhere, Place, Read};
use crate::keychain::{Health, ItemKey, SecretStore, StoreError};
use crate::refused::Unreadable;
use crate::secret::Secret;
use age::secrecy::{ExposeSecret as _, SecretString};
use age::x25519::Identity;
use serde::{Deserialize, Serialize};
use sluice_engine::AccountId;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The vault's directory in the data directory.
const DIR: &str = "vault";
/// Says that the vault was chosen, and where its key is.
const CHOICE: &str = "choice.json";
/// The key, sealed with a passphrase.
const KEY: &str = "key.age";
/// First line of what is sealed in an item; the second names the item.
const MAGIC: &str = "sluice/vault-item/1";
/// `2^17` rounds with 128 MiB: about half a second, once at start.
const WORK: u8 = 17;
/// A passphrase shorter than this protects nothing.
pub const PASSPHRASE_MIN: usize = 12;

/// Where the key of the vault is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", rename_all = "snake_case")]
pub enum VaultKey {
    /// Beside the items, sealed with a passphrase that is asked for at each start. Nobody who reads
    /// the disk can open it; nothing starts by itself.
    Passphrase,
    /// In a file outside the data directory. Sluice starts by itself; whoever reads both reads all.
    File {
        /// An `age` identity, readable by its owner only.
        path: PathBuf,
    },
}

/// What opening the vault needs from the person.
pub enum Opener {
    /// The passphrase.
    Passphrase(Secret),
    /// Nothing was given: only a key file opens it.
    KeyFile,
}

impl Opener {
    /// The passphrase from a private file (such as a credential of the system's starter), else typed
    /// at the terminal where that may be asked for, else none.
    ///
    /// # Errors
    /// The file is named and cannot be read, or others may read it.
    pub fn find(file: Option<&Path>, may_ask: bool) -> Result<Self, CustodyError> {
        crate::harden::harden();
        if let Some(path) = file {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let place = own_place(path.parent().unwrap_or(path), name)?;
            let text = read(&place)?;
            if !place.is_private(&place.name) {
                return Err(CustodyError::KeptUnusable(
                    "the passphrase file may be read by others",
                ));
            }
            return Ok(Self::Passphrase(files::without_end(text)));
        }
        let typed = may_ask.then(|| files::typed("Passphrase of Sluice's vault: ")).flatten();
        Ok(typed.map_or(Self::KeyFile, Self::Passphrase))
    }

    /// As [`Self::find`], for a passphrase that is chosen now: typed twice, because one that nobody
    /// knows would lock every login away.
    ///
    /// # Errors
    /// Those of [`Self::find`], and two passphrases that differ.
    pub fn choose(file: Option<&Path>) -> Result<Self, CustodyError> {
        let chosen = Self::find(file, true)?;
        if let (None, Self::Passphrase(first)) = (file, &chosen)
            && !files::typed("The same once more: ").is_some_and(|again| again.same(first))
        {
            return Err(CustodyError::KeptUnusable("the two passphrases differ"));
        }
        Ok(chosen)
    }
}

/// The encrypted file vault, unlocked.
pub struct FileVault {
    dir: PathBuf,
    identity: Identity,
}

/// Which vault was chosen for this data directory; `None`: the system's keychain.
///
/// # Errors
/// The choice is there but not understood: nothing is guessed then, and the file is left alone.
pub fn vault_choice(data_dir: &Path) -> Result<Option<VaultKey>, CustodyError> {
    let path = data_dir.join(DIR).join(CHOICE);
    let refused = |why: Unreadable| unusable(&path, &why.to_string());
    let place = match Place::locate(&path) {
        Ok(place) => place,
        Err(Nowhere::Absent) => return Ok(None),
        Err(Nowhere::Unreadable(why)) => return Err(refused(why)),
    };
    match place.read(&place.name) {
        Read::Absent => Ok(None),
        Read::Unreadable(why) => Err(refused(why)),
        Read::Bytes(bytes) => serde_json::from_slice(bytes.expose())
            .map(Some)
            .map_err(|_| refused(Unreadable::NotJson)),
    }
}

/// Writes the choice down: the moment at which the vault takes the keychain's place (`None`: the
/// keychain the vault's). Durable when it returns.
///
/// # Errors
/// The file cannot be written; the earlier choice stands.
pub fn choose_vault(data_dir: &Path, choice: Option<&VaultKey>) -> Result<(), CustodyError> {
    let dir = data_dir.join(DIR);
    files::own_directory(data_dir)?;
    files::own_directory(&dir)?;
    let place = own_place(&dir, CHOICE)?;
    match choice {
        Some(choice) => {
            let bytes = serde_json::to_vec(choice).unwrap_or_default();
            replace(&place, &Secret::new(bytes))?;
        }
        None => place.remove(&place.name)?,
    }
    Ok(place.sync_dir()?)
}

impl FileVault {
    /// Makes the vault's key: sealed with the passphrase, or in a new key file (one that is there is
    /// used). An existing sealed key is opened and never replaced.
    ///
    /// # Errors
    /// The passphrase is short or wrong, the key file lies inside the data directory or is readable
    /// by others, or a file cannot be written.
    pub fn create(data_dir: &Path, key: &VaultKey, opener: &Opener) -> Result<Self, CustodyError> {
        crate::harden::harden();
        let dir = data_dir.join(DIR);
        files::own_directory(data_dir)?;
        files::own_directory(&dir)?;
        match (key, opener) {
            (VaultKey::Passphrase, Opener::Passphrase(passphrase)) => {
                if passphrase.len() < PASSPHRASE_MIN {
                    return Err(CustodyError::KeptUnusable("the passphrase is too short"));
                }
                let place = own_place(&dir, KEY)?;
                if matches!(place.read(&place.name), Read::Absent) {
                    let sealed = seal_key(&Identity::generate(), passphrase)?;
                    place.create(&place.name, &sealed)?;
                    place.sync_dir()?;
                }
            }
            (VaultKey::File { path }, _) => make_key_file(data_dir, path)?,
            (VaultKey::Passphrase, Opener::KeyFile) => {
                return Err(StoreError::Locked.into());
            }
        }
        Self::open(data_dir, key, opener)
    }

    /// Opens the vault that was chosen.
    ///
    /// # Errors
    /// The passphrase is missing or wrong, or the key cannot be read; nothing was changed.
    pub fn open(data_dir: &Path, key: &VaultKey, opener: &Opener) -> Result<Self, CustodyError> {
        crate::harden::harden();
        let dir = data_dir.join(DIR);
        let identity = match (key, opener) {
            (VaultKey::Passphrase, Opener::Passphrase(passphrase)) => {
                let place = own_place(&dir, KEY)?;
                open_key(&read(&place)?, passphrase)?
            }
            (VaultKey::Passphrase, Opener::KeyFile) => return Err(StoreError::Locked.into()),
            (VaultKey::File { path }, _) => read_key_file(path)?,
        };
        Ok(Self { dir, identity })
    }

    fn place(&self, key: &ItemKey) -> Result<Place, StoreError> {
        own_place(&self.dir, &item_name(key)).map_err(|error| StoreError::Failed(error.to_string()))
    }
}

/// Ids and vintages are numbers and namespaces are plain words, so this is a plain name.
fn item_name(key: &ItemKey) -> String {
    format!("{}{}.age", prefix(&key.namespace, key.account), key.vintage)
}

fn prefix(namespace: &str, account: AccountId) -> String {
    format!("item.{namespace}.{}.", account.0)
}

fn header(key: &ItemKey) -> String {
    format!("{MAGIC}\n{} {}\n", key.namespace, key.user())
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}

impl SecretStore for FileVault {
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError> {
        let header = header(key);
        let mut plain = Zeroizing::new(Vec::with_capacity(header.len() + secret.len()));
        plain.extend_from_slice(header.as_bytes());
        plain.extend_from_slice(secret.expose());
        let sealed = age::encrypt(&self.identity.to_public(), &plain).map_err(failed)?;
        let place = self.place(key)?;
        replace(&place, &Secret::new(sealed)).map_err(failed)
    }

    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        let place = self.place(key)?;
        let sealed = match place.read(&place.name) {
            Read::Absent => return Ok(None),
            Read::Unreadable(why) => return Err(left_alone(&place, &why.to_string())),
            Read::Bytes(bytes) => bytes,
        };
        let plain = age::decrypt(&self.identity, sealed.expose()).map(Zeroizing::new);
        let Ok(plain) = plain else {
            return Err(left_alone(&place, "is torn or was not sealed with this vault's key"));
        };
        match plain.strip_prefix(header(key).as_bytes()) {
            Some(secret) => Ok(Some(Secret::new(secret.to_vec()))),
            None => Err(left_alone(&place, "holds another item than its name says")),
        }
    }

    fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        let place = self.place(key)?;
        place.remove(&place.name).and_then(|()| place.sync_dir()).map_err(failed)
    }

    fn vintages(&self, namespace: &str, account: AccountId) -> Result<Vec<u64>, StoreError> {
        let place = own_place(&self.dir, KEY).map_err(failed)?;
        let prefix = prefix(namespace, account);
        let names = place.names(&prefix).map_err(failed)?;
        let mut numbers: Vec<u64> = names
            .iter()
            .filter_map(|name| name.to_str()?.strip_prefix(&prefix)?.strip_suffix(".age"))
            .filter_map(|number| number.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn health(&self) -> Health {
        match own_place(&self.dir, KEY) {
            Ok(_) => Health::Ok,
            Err(_) => Health::Absent,
        }
    }
}

/// The vault was chosen and its passphrase is not known: everything waits for a person.
pub struct LockedVault;

impl SecretStore for LockedVault {
    fn put(&self, _: &ItemKey, _: &Secret) -> Result<(), StoreError> {
        Err(StoreError::Locked)
    }
    fn get(&self, _: &ItemKey) -> Result<Option<Secret>, StoreError> {
        Err(StoreError::Locked)
    }
    fn remove(&self, _: &ItemKey) -> Result<(), StoreError> {
        Err(StoreError::Locked)
    }
    fn vintages(&self, _: &str, _: AccountId) -> Result<Vec<u64>, StoreError> {
        Err(StoreError::Locked)
    }
    fn health(&self) -> Health {
        Health::Locked
    }
}

/// Copies every vintage of `accounts` from one store into another, each read back and compared.
/// Nothing is removed; repeating it after a crash is harmless. Returns how many items there are.
///
/// # Errors
/// Either store fails, or gives back something else than was stored.
pub fn copy_items(
    from: &dyn SecretStore,
    to: &dyn SecretStore,
    namespace: &str,
    accounts: &[AccountId],
) -> Result<usize, StoreError> {
    let mut copied = 0;
    for account in accounts {
        for vintage in from.vintages(namespace, *account)? {
            let key = ItemKey { namespace: namespace.to_owned(), account: *account, vintage };
            let Some(secret) = from.get(&key)? else { continue };
            to.put(&key, &secret)?;
            match to.get(&key)? {
                Some(back) if back.same(&secret) => copied += 1,
                Some(_) | None => return Err(StoreError::Mismatch),
            }
        }
    }
    Ok(copied)
}

/// Removes every vintage of `accounts` from a store that another has taken the place of.
///
/// # Errors
/// The store fails; what is left in it is a copy of what the other one holds.
pub fn remove_items(
    store: &dyn SecretStore,
    namespace: &str,
    accounts: &[AccountId],
) -> Result<(), StoreError> {
    for account in accounts {
        for vintage in store.vintages(namespace, *account)? {
            store.remove(&ItemKey {
                namespace: namespace.to_owned(),
                account: *account,
                vintage,
            })?;
        }
    }
    Ok(())
}

fn left_alone(place: &Place, why: &str) -> StoreError {
    StoreError::Failed(format!("{} {why}; it was left as it is", place.path(&place.name).display()))
}

fn unusable(path: &Path, why: &str) -> CustodyError {
    CustodyError::Vault { path: path.to_path_buf(), why: why.to_owned() }
}

fn own_place(dir: &Path, name: &str) -> Result<Place, CustodyError> {
    let path = dir.join(name);
    Place::locate(&path).map_err(|nowhere| match nowhere {
        Nowhere::Absent => unusable(&path, "lies in a directory that does not exist"),
        Nowhere::Unreadable(why) => unusable(&path, &why.to_string()),
    })
}

fn read(place: &Place) -> Result<Secret, CustodyError> {
    let path = place.path(&place.name);
    match place.read(&place.name) {
        Read::Bytes(bytes) => Ok(bytes),
        Read::Absent => Err(unusable(&path, "does not exist")),
        Read::Unreadable(why) => Err(unusable(&path, &why.to_string())),
    }
}

/// Written under another name, synced, moved into place: old or new, never half.
fn replace(place: &Place, bytes: &Secret) -> Result<(), FileError> {
    let mut draft = OsString::from(".draft.");
    draft.push(&place.name);
    place.remove(&draft)?;
    place.create(&draft, bytes)?;
    place.replace(&draft, &place.name)?;
    place.sync_dir()
}

fn phrase(passphrase: &Secret) -> Result<SecretString, CustodyError> {
    let text = std::str::from_utf8(passphrase.expose())
        .map_err(|_| CustodyError::KeptUnusable("the passphrase is not text"))?;
    Ok(SecretString::from(text.to_owned()))
}

fn seal_key(identity: &Identity, passphrase: &Secret) -> Result<Secret, CustodyError> {
    let mut recipient = age::scrypt::Recipient::new(phrase(passphrase)?);
    recipient.set_work_factor(WORK);
    let plain = identity.to_string();
    age::encrypt(&recipient, plain.expose_secret().as_bytes())
        .map(Secret::new)
        .map_err(|_| CustodyError::KeptUnusable("sealing its key failed"))
}

fn open_key(sealed: &Secret, passphrase: &Secret) -> Result<Identity, CustodyError> {
    let mut opener = age::scrypt::Identity::new(phrase(passphrase)?);
    opener.set_max_work_factor(WORK + 2);
    let plain = age::decrypt(&opener, sealed.expose()).map(Zeroizing::new).map_err(|_| {
        CustodyError::KeptUnusable("the passphrase is wrong or the vault's key is damaged")
    })?;
    identity_in(&plain)
}

fn identity_in(text: &[u8]) -> Result<Identity, CustodyError> {
    let unusable = || CustodyError::KeptUnusable("the vault's key is not an age identity");
    let text = std::str::from_utf8(text).map_err(|_| unusable())?;
    let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
    line.and_then(|line| line.parse().ok()).ok_or_else(unusable)
}

/// A key file must be somewhere else than what it opens, or it protects nothing.
fn make_key_file(data_dir: &Path, path: &Path) -> Result<(), CustodyError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|_| path.is_absolute()) else {
        return Err(CustodyError::KeptUnusable("the key file needs an absolute path"));
    };
    let place = own_place(path.parent().unwrap_or(path), name)?;
    let data = Place::locate(&data_dir.join(DIR).join(KEY));
    let inside = data.is_ok_and(|data| {
        let home = data.dir_path.parent().and_then(|home| home.canonicalize().ok());
        let chosen = place.dir_path.canonicalize().ok();
        home.zip(chosen).is_none_or(|(home, chosen)| chosen.starts_with(home))
    });
    if inside {
        return Err(CustodyError::KeptUnusable("the key file lies inside the data directory"));
    }
    if matches!(place.read(&place.name), Read::Absent) {
        let text = Zeroizing::new(format!(
            "# Opens Sluice's vault. Without it the logins in the vault are lost.\n{}\n",
            Identity::generate().to_string().expose_secret()
        ));
        place.create(&place.name, &Secret::new(text.as_bytes().to_vec()))?;
        place.sync_dir()?;
    }
    Ok(())
}

fn read_key_file(path: &Path) -> Result<Identity, CustodyError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let place = own_place(path.parent().unwrap_or(path), name)?;
    let bytes = read(&place)?;
    if !place.is_private(&place.name) {
        return Err(CustodyError::KeptUnusable(
            "the key file may be read by others (chmod 600 it)",
        ));
    }
    identity_in(bytes.expose())
}
