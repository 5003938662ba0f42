//! The real keychain: an item stored, read back and removed.

use super::{Row, timed};
use sluice_custody::{Health, ItemKey, OsKeychain, Secret, SecretStore as _};
use sluice_engine::AccountId;

/// Round trips measured.
const ITEMS: usize = 100;
/// As long as a credential is.
const BYTES: usize = 500;

/// The keychain of the desktop this process was started on.
///
/// # Errors
/// Why it could not be measured.
pub fn rows() -> Result<Vec<Row>, String> {
    let store = OsKeychain::new();
    if store.health() != Health::Ok {
        return Err("no unlocked keychain answers here".to_owned());
    }
    let namespace = format!("sluice-bench-{}", std::process::id());
    let key = |vintage: usize| ItemKey {
        namespace: namespace.clone(),
        account: AccountId(1),
        vintage: vintage as u64,
    };
    let secret = Secret::new(vec![b'x'; BYTES]);
    let mut failed = Ok(());
    let mut attempt = |result: Result<bool, sluice_custody::StoreError>, what: &str| match result {
        Ok(true) => {}
        Ok(false) => failed = Err(format!("the keychain gave back something else ({what})")),
        Err(error) => failed = Err(format!("{what}: {error}")),
    };
    let stored = timed(ITEMS, |n| attempt(store.put(&key(n), &secret).map(|()| true), "store"));
    let read = timed(ITEMS, |n| {
        let same = |back: Option<Secret>| back.is_some_and(|back| back.same(&secret));
        attempt(store.get(&key(n)).map(same), "read");
    });
    let removed = timed(ITEMS, |n| attempt(store.remove(&key(n)).map(|()| true), "remove"));
    failed?;
    let whole = (0..ITEMS).map(|n| stored[n] + read[n] + removed[n]).collect();
    Ok(vec![
        Row::times("keychain.store", stored),
        Row::times("keychain.read", read),
        Row::times("keychain.remove", removed),
        Row::times("keychain.whole", whole),
    ])
}
