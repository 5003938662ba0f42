//! The encrypted file vault: chosen by hand, never half written, never plain.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{
    Config, Custody, FileVault, Health, ItemKey, LockedVault, Opener, Seats, Secret, SecretStore,
    StoreError, VaultKey, choose_vault, copy_items, remove_items, vault_choice,
};
use sluice_engine::{AccountId, Provider};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::{Home, MemJournal, Mood, a_to_b, key};

const NAMESPACE: &str = "sluice-test";
const A: AccountId = AccountId(1);
const B: AccountId = AccountId(2);

fn item(account: AccountId, vintage: u64) -> ItemKey {
    ItemKey { namespace: NAMESPACE.to_owned(), account, vintage }
}

struct Box {
    dir: tempfile::TempDir,
}

impl Box {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        std::fs::create_dir(dir.path().join("elsewhere")).unwrap();
        Self { dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn key(&self) -> VaultKey {
        VaultKey::File { path: self.dir.path().join("elsewhere/key.txt") }
    }

    fn vault(&self) -> FileVault {
        FileVault::create(&self.data(), &self.key(), &Opener::KeyFile).unwrap()
    }

    fn file(&self, account: AccountId, vintage: u64) -> PathBuf {
        self.data().join(format!("vault/item.{NAMESPACE}.{}.{vintage}.age", account.0))
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn text(found: Option<Secret>) -> Option<String> {
    found.map(|found| String::from_utf8(found.expose().to_vec()).unwrap())
}

fn everything(dir: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(everything(&entry.path()));
        } else {
            all.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn items_come_back_as_they_were_and_nothing_of_them_is_readable_on_disk() {
    let place = Box::new();
    let vault = place.vault();
    for (vintage, token) in [(1, "sk-rt-first"), (2, "sk-rt-second")] {
        vault.put(&item(A, vintage), &secret(token)).unwrap();
    }
    vault.put(&item(A, 2), &secret("sk-rt-replaced")).unwrap();
    assert_eq!(text(vault.get(&item(A, 1)).unwrap()).as_deref(), Some("sk-rt-first"));
    assert_eq!(text(vault.get(&item(A, 2)).unwrap()).as_deref(), Some("sk-rt-replaced"));
    assert!(vault.get(&item(B, 1)).unwrap().is_none());
    assert_eq!(vault.vintages(NAMESPACE, A).unwrap(), [1, 2]);
    assert_eq!(vault.vintages("other", A).unwrap(), [] as [u64; 0]);
    assert_eq!(vault.health(), Health::Ok);
    let on_disk = everything(&place.data());
    assert!(!on_disk.windows(5).any(|window| window == b"sk-rt"), "a token lies in plain text");
    let again = FileVault::open(&place.data(), &place.key(), &Opener::KeyFile).unwrap();
    assert_eq!(text(again.get(&item(A, 1)).unwrap()).as_deref(), Some("sk-rt-first"));
    again.remove(&item(A, 1)).unwrap();
    again.remove(&item(A, 1)).unwrap();
    assert_eq!(again.vintages(NAMESPACE, A).unwrap(), [2]);
    for file in [place.file(A, 2), place.dir.path().join("elsewhere/key.txt")] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn torn_foreign_swapped_and_unreadable_items_are_refused_and_left_as_they_are() {
    let place = Box::new();
    let vault = place.vault();
    vault.put(&item(A, 1), &secret("sk-rt-a")).unwrap();
    vault.put(&item(B, 1), &secret("sk-rt-b")).unwrap();
    let whole = std::fs::read(place.file(A, 1)).unwrap();
    let foreign = {
        let other = Box::new();
        other.vault().put(&item(A, 1), &secret("sk-rt-x")).unwrap();
        std::fs::read(other.file(A, 1)).unwrap()
    };
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let swapped = std::fs::read(place.file(B, 1)).unwrap();
    let shapes: [&[u8]; 7] = [
        &whole[..whole.len() / 2],
        b"",
        b"{\"accessToken\":\"plain\"}",
        &foreign,
        &flipped,
        &swapped,
        &[0xff; 4096],
    ];
    for bytes in shapes {
        std::fs::write(place.file(A, 1), bytes).unwrap();
        let Err(error) = vault.get(&item(A, 1)) else { panic!("{} bytes were taken", bytes.len()) };
        assert!(
            matches!(&error, StoreError::Failed(why) if why.contains("left as it is")),
            "{error}"
        );
        assert!(!error.to_string().contains("sk-rt"));
        assert_eq!(std::fs::read(place.file(A, 1)).unwrap(), bytes, "it was changed");
    }
    std::fs::remove_file(place.file(A, 1)).unwrap();
    std::fs::create_dir(place.file(A, 1)).unwrap();
    assert!(vault.get(&item(A, 1)).is_err(), "a directory is no item");
    assert_eq!(text(vault.get(&item(B, 1)).unwrap()).as_deref(), Some("sk-rt-b"));
}

#[test]
fn a_write_that_fails_leaves_the_earlier_item_whole() {
    let place = Box::new();
    let vault = place.vault();
    vault.put(&item(A, 1), &secret("sk-rt-a")).unwrap();
    // A directory in the way of the draft: the write fails before anything is replaced.
    let draft = place.data().join(format!("vault/.draft.item.{NAMESPACE}.1.1.age"));
    std::fs::create_dir(&draft).unwrap();
    assert!(vault.put(&item(A, 1), &secret("sk-rt-new")).is_err());
    assert_eq!(text(vault.get(&item(A, 1)).unwrap()).as_deref(), Some("sk-rt-a"));
    // A draft left by a crash is no obstacle and no item.
    std::fs::remove_dir(&draft).unwrap();
    std::fs::write(&draft, b"half").unwrap();
    assert_eq!(vault.vintages(NAMESPACE, A).unwrap(), [1]);
    vault.put(&item(A, 1), &secret("sk-rt-new")).unwrap();
    assert_eq!(text(vault.get(&item(A, 1)).unwrap()).as_deref(), Some("sk-rt-new"));
}

#[test]
fn a_passphrase_opens_it_and_another_one_does_not() {
    let place = Box::new();
    let (data, choice) = (place.data(), VaultKey::Passphrase);
    let with = |phrase: &str| Opener::Passphrase(secret(phrase));
    assert!(FileVault::create(&data, &choice, &with("short")).is_err());
    assert!(FileVault::create(&data, &choice, &Opener::KeyFile).is_err());
    let vault = FileVault::create(&data, &choice, &with("correct horse battery")).unwrap();
    vault.put(&item(A, 1), &secret("sk-rt-a")).unwrap();
    let Err(wrong) = FileVault::open(&data, &choice, &with("incorrect horse battery")) else {
        panic!("any passphrase opens it")
    };
    assert!(wrong.to_string().contains("passphrase"), "{wrong}");
    // Making it once more neither replaces its key nor opens it with another one.
    assert!(FileVault::create(&data, &choice, &with("incorrect horse battery")).is_err());
    let again = FileVault::open(&data, &choice, &with("correct horse battery")).unwrap();
    assert_eq!(text(again.get(&item(A, 1)).unwrap()).as_deref(), Some("sk-rt-a"));
}

#[test]
fn a_passphrase_file_is_taken_without_the_end_of_its_line_and_only_if_it_is_private() {
    let place = Box::new();
    let file = place.dir.path().join("elsewhere/passphrase");
    let choice = VaultKey::Passphrase;
    let write = |text: &str, mode: u32| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    assert!(Opener::find(Some(&file), false).is_err(), "it is named and not there");
    write("correct horse battery\n", 0o600);
    let opener = Opener::choose(Some(&file)).unwrap();
    drop(FileVault::create(&place.data(), &choice, &opener).unwrap());
    for same in ["correct horse battery", "correct horse battery\r\n"] {
        write(same, 0o600);
        let opener = Opener::find(Some(&file), false).unwrap();
        drop(FileVault::open(&place.data(), &choice, &opener).unwrap());
    }
    for other in ["", "\n", " correct horse battery", "correct horse battery \n"] {
        write(other, 0o600);
        let opener = Opener::find(Some(&file), false).unwrap();
        assert!(FileVault::open(&place.data(), &choice, &opener).is_err(), "{other:?}");
        assert!(FileVault::create(&place.data(), &choice, &opener).is_err(), "{other:?}");
    }
    for mode in [0o640, 0o604, 0o660] {
        write("correct horse battery\n", mode);
        let Err(refused) = Opener::find(Some(&file), false) else { panic!("{mode:o}") };
        assert!(refused.to_string().contains("read by others"), "{refused}");
        assert!(!refused.to_string().contains("horse"), "{refused}");
    }
}

#[test]
fn a_key_file_must_be_private_and_lie_outside_the_data() {
    let place = Box::new();
    for path in [place.data().join("key.txt"), place.data().join("vault/key.txt"), "key.txt".into()]
    {
        let inside = VaultKey::File { path: path.clone() };
        assert!(FileVault::create(&place.data(), &inside, &Opener::KeyFile).is_err(), "{path:?}");
        assert!(!path.exists());
    }
    drop(place.vault());
    let file = place.dir.path().join("elsewhere/key.txt");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(FileVault::open(&place.data(), &place.key(), &Opener::KeyFile).is_err());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    drop(FileVault::open(&place.data(), &place.key(), &Opener::KeyFile).unwrap());
    std::fs::write(&file, "not a key\n").unwrap();
    assert!(FileVault::open(&place.data(), &place.key(), &Opener::KeyFile).is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not a key\n");
}

#[test]
fn it_is_chosen_by_hand_and_a_choice_that_is_not_understood_is_no_choice_of_ours() {
    let place = Box::new();
    assert_eq!(vault_choice(&place.data()).unwrap(), None);
    drop(place.vault());
    assert_eq!(vault_choice(&place.data()).unwrap(), None, "making its key chooses nothing");
    choose_vault(&place.data(), Some(&place.key())).unwrap();
    assert_eq!(vault_choice(&place.data()).unwrap(), Some(place.key()));
    choose_vault(&place.data(), None).unwrap();
    assert_eq!(vault_choice(&place.data()).unwrap(), None);
    std::fs::write(place.data().join("vault/choice.json"), "{torn").unwrap();
    assert!(vault_choice(&place.data()).is_err());
    assert_eq!(std::fs::read_to_string(place.data().join("vault/choice.json")).unwrap(), "{torn");
}

#[test]
fn without_its_passphrase_it_is_locked_and_nothing_is_stored_anywhere() {
    let home = Home::with_two();
    let config = Config {
        data_dir: home.dir.path().join("data"),
        namespace: NAMESPACE.to_owned(),
        seats: Seats::default(),
    };
    let custody =
        Custody::open_direct(config, Arc::new(LockedVault), home.pointers.clone()).unwrap();
    assert_eq!(custody.health(), Health::Locked);
    assert!(matches!(custody.begin_refresh(B).map(drop).unwrap_err().code(), "keychain_locked"));
}

#[test]
fn a_keychain_moves_into_it_whole_and_a_swap_goes_on_from_there() {
    let home = Home::with_two();
    let place = Box::new();
    let vault = place.vault();
    let accounts = [A, B];
    home.store.set(Mood::Locked);
    assert_eq!(copy_items(&*home.store, &vault, NAMESPACE, &accounts), Err(StoreError::Locked));
    home.store.set(Mood::Lying);
    // What is read twice differently is not taken for moved.
    drop(copy_items(&vault, &*home.store, NAMESPACE, &accounts));
    home.store.set(Mood::Ok);
    let moved = copy_items(&*home.store, &vault, NAMESPACE, &accounts).unwrap();
    assert_eq!(moved, 2);
    assert_eq!(copy_items(&*home.store, &vault, NAMESPACE, &accounts).unwrap(), 2, "repeatable");
    remove_items(&*home.store, NAMESPACE, &accounts).unwrap();
    assert!(home.store.items.lock().unwrap().is_empty());
    let custody = home.reopened_on(Arc::new(vault));
    custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    assert!(home.live().contains("sk-rt-b-0"));
    home.sign_in("b", 3);
    custody.capture(Provider::Claude, B, &key("b")).unwrap();
    let again = FileVault::open(&place.data(), &place.key(), &Opener::KeyFile).unwrap();
    let newest = again.vintages(NAMESPACE, B).unwrap().pop().unwrap();
    let kept = text(again.get(&item(B, newest)).unwrap()).unwrap();
    assert!(kept.contains("sk-rt-b-3"), "the new vintage lies in the vault");
}

#[test]
fn a_store_that_gives_back_something_else_has_taken_nothing_over() {
    let home = Home::with_two();
    let place = Box::new();
    let vault = place.vault();
    copy_items(&*home.store, &vault, NAMESPACE, &[A, B]).unwrap();
    home.store.set(Mood::Lying);
    let back = copy_items(&vault, &*home.store, NAMESPACE, &[A, B]);
    assert_eq!(back, Err(StoreError::Mismatch));
    assert_eq!(vault.vintages(NAMESPACE, A).unwrap().len(), 1, "the first one keeps all");
}
