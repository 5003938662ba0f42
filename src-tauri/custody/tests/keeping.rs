//! The store is asked and not its index, what came out of a seat is private, a token that cannot be sent
//! is kept and never placed, and nothing of ours is opened where others may write.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{
    Config, Custody, CustodyError, Holder, Holding, RefreshOutcome, Sealed, Seat, SeatState, Seats,
    SwapFailure, Unreadable,
};
use sluice_engine::limits::CONFIGURATION_BYTES_MAX;
use sluice_engine::{AccountId, Provider};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use support::{Home, MemJournal, MemPointers, MemStore, Mood, a_to_b, credential, key};
use zeroize::Zeroizing;

const A: AccountId = AccountId(1);
const B: AccountId = AccountId(2);

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_came_out_of_an_open_seat_is_private_at_every_step() {
    let home = Home::with_two();
    set_mode(&home.credential_path(), 0o644);
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    let parked = home.leftovers();
    assert_eq!(parked.len(), 1, "{parked:?}");
    let path = home.dir.path().join(".claude").join(&parked[0]);
    assert!(fs::read_to_string(&path).unwrap().contains("sk-rt-a-0"));
    assert_eq!((mode(&path), mode(&home.credential_path())), (0o600, 0o600));
    // One that lies there from an earlier version is closed at the next look.
    set_mode(&path, 0o644);
    home.custody.settle_parked(Provider::Claude).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_swap_that_is_put_back_leaves_nothing_open() {
    let home = Home::with_two();
    set_mode(&home.credential_path(), 0o644);
    let mut journal =
        MemJournal { fail_at: Some(sluice_custody::Step::Parked), ..Default::default() };
    home.custody.swap(&a_to_b(), &mut journal).unwrap_err();
    assert_eq!(home.live(), credential("a", 0));
    assert_eq!(mode(&home.credential_path()), 0o600);
    assert_eq!(home.leftovers(), Vec::<String>::new());
}

#[test]
fn open_seats_are_named_the_directory_only_where_it_is_reached() {
    let home = Home::with_two();
    let seats = |home: &Home| {
        let seat = Seat::at(Provider::Claude, &home.dir.path().join(".claude"));
        Seats::from_iter([(Provider::Claude, seat)])
    };
    set_mode(home.dir.path(), 0o700);
    set_mode(&home.dir.path().join(".claude"), 0o755);
    set_mode(&home.credential_path(), 0o640);
    let found = sluice_custody::exposed(&seats(&home));
    assert_eq!(found.len(), 1, "the room above is closed: {found:?}");
    assert!(!found[0].is_directory && found[0].others == 0o40, "{found:?}");
    set_mode(home.dir.path(), 0o755);
    assert_eq!(sluice_custody::exposed(&seats(&home)).len(), 2);
    set_mode(&home.dir.path().join(".claude"), 0o700);
    set_mode(&home.credential_path(), 0o600);
    assert_eq!(sluice_custody::exposed(&seats(&home)), []);
}

#[test]
fn a_live_login_that_the_store_lost_is_stored_again() {
    let home = Home::with_two();
    home.store.items.lock().unwrap().clear();
    let captured = home.custody.capture(Provider::Claude, A, &key("a")).unwrap();
    assert!(matches!(&captured.sealed, Sealed::New(_)), "{captured:?}");
    assert!(home.kept().contains("sk-rt-a-0"));
    assert!(home.custody.kept(A).is_ok());
    // Once is enough.
    let again = home.custody.capture(Provider::Claude, A, &key("a")).unwrap();
    assert!(matches!(again.sealed, Sealed::Known(_)), "{again:?}");
}

#[test]
fn an_item_that_holds_something_else_is_stored_again_too() {
    let home = Home::with_two();
    home.store.items.lock().unwrap().values_mut().for_each(|item| *item = b"{}".to_vec());
    assert!(matches!(home.custody.kept(A), Err(CustodyError::KeptUnusable(_))));
    home.custody.capture(Provider::Claude, A, &key("a")).unwrap();
    assert!(home.kept().contains("sk-rt-a-0"));
    assert!(home.custody.kept(A).is_ok());
}

#[test]
fn a_parked_login_that_is_gone_is_told_and_a_locked_store_is_not_gone() {
    let home = Home::with_two();
    for (mood, code) in [(Mood::Locked, "keychain_locked"), (Mood::Refusing, "keychain_refused")] {
        home.store.set(mood);
        assert_eq!(home.custody.kept(B).unwrap_err().code(), code);
        let failed = home.custody.capture(Provider::Claude, A, &key("a")).unwrap_err();
        assert_eq!(failed.code(), code, "nothing is taken for gone");
    }
    home.store.set(Mood::Ok);
    let look = || sluice_custody::look_up(&*home.store, "sluice-test", B, 1).unwrap();
    assert_eq!(look(), Holding::Held);
    assert!(home.custody.kept(B).unwrap().login_ends_at.is_some());
    home.store.items.lock().unwrap().retain(|item, _| item.account != B);
    assert_eq!(look(), Holding::Gone);
    assert!(matches!(home.custody.kept(B), Err(CustodyError::NotKept(B))));
}

/// Access tokens that no header can carry, as they stand in JSON.
const UNSENDABLE: [&str; 6] =
    ["at\\r\\nx: y", "at\\u0000", "\\u001b[2J", "t\\u00f6ken", "two words", "at\\u007f"];

#[test]
fn a_renewed_token_that_cannot_be_sent_is_kept_and_never_placed() {
    for token in UNSENDABLE {
        let home = Home::with_two();
        let ticket = home.custody.begin_refresh(B).unwrap();
        let reply = format!(
            "{{\"access_token\":\"{token}\",\"refresh_token\":\"sk-rt-new\",\"expires_in\":4000000000}}"
        );
        let outcome = home.custody.finish_refresh(ticket, 200, Zeroizing::new(reply.into_bytes()));
        assert!(matches!(outcome, RefreshOutcome::Unsendable { .. }), "{token}: {outcome:?}");
        assert!(home.kept().contains("sk-rt-new"), "the old pair is spent: {token}");
        assert!(!home.custody.kept(B).unwrap().is_sendable);
        home.custody.bearer(Holder::Account(B)).unwrap_err();
        let mut journal = MemJournal::default();
        let failure = home.custody.swap(&a_to_b(), &mut journal).unwrap_err();
        let SwapFailure::Refused(cause) = failure else { panic!("{failure:?}") };
        assert!(matches!(cause, CustodyError::KeptUnusable(_)), "{cause}");
        assert!(journal.intents.is_empty() && home.live() == credential("a", 0));
        // The next exchange is made with the new pair, and mends it.
        let ticket = home.custody.begin_refresh(B).unwrap();
        assert!(String::from_utf8_lossy(&ticket.body()).contains("sk-rt-new"));
        let good = b"{\"access_token\":\"sk-at-good\",\"expires_in\":4000000000}".to_vec();
        let outcome = home.custody.finish_refresh(ticket, 200, Zeroizing::new(good));
        assert!(matches!(outcome, RefreshOutcome::Rotated { .. }), "{outcome:?}");
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    }
}

#[test]
fn a_login_found_with_such_a_token_is_kept_and_never_placed() {
    let home = Home::new();
    for (id, name) in [(2, "b"), (1, "a")] {
        home.sign_in(name, 0);
        if name == "b" {
            let odd = home.live().replace("sk-at-b-0", "sk\\u001bat");
            fs::write(home.credential_path(), odd).unwrap();
            home.age();
        }
        home.custody.capture(Provider::Claude, AccountId(id), &key(name)).unwrap();
    }
    assert!(home.kept().contains("sk-rt-b-0"));
    let failure = home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap_err();
    assert!(failure.cause().to_string().contains("no request can carry"), "{}", failure.cause());
    assert_eq!(home.live(), credential("a", 0));
}

#[test]
fn a_configuration_has_a_bound_of_its_own_and_keeps_every_byte() {
    let home = Home::with_two();
    let padding = "y".repeat(3 << 20);
    let history = format!("\"projects\": {{\"p\" : [1e3, \"{padding}\"]}}");
    let large = home.config().replace("\"projects\": {}", &history);
    fs::write(home.config_path(), &large).unwrap();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    assert!(
        home.config()
            == large.replace("uuid-a", "uuid-b").replace("org-a", "org-b").replace("a@", "b@")
    );
    // One beyond the bound is left alone, and said to be so, before a byte of it is read.
    let beyond = fs::File::options().write(true).open(home.config_path()).unwrap();
    beyond.set_len(CONFIGURATION_BYTES_MAX as u64 + 1).unwrap();
    let state = home.custody.inspect(Provider::Claude);
    let SeatState::Unreadable { why, .. } = state else { panic!("{state:?}") };
    assert!(matches!(why, Unreadable::TooLarge { .. }), "{why:?}");
    assert!(why.to_string().contains("537 MB"), "{why}");
}

#[test]
fn a_data_directory_that_others_may_write_to_is_refused_untouched() {
    let room = tempfile::tempdir().unwrap();
    let (data, victim) = (room.path().join("data"), room.path().join("victim"));
    fs::write(&victim, b"mine").unwrap();
    fs::create_dir(&data).unwrap();
    symlink(&victim, data.join("salt")).unwrap();
    set_mode(&data, 0o777);
    let open = || {
        let config = Config {
            data_dir: data.clone(),
            namespace: "sluice-test".to_owned(),
            seats: Seats::default(),
        };
        let (store, pointers) = (MemStore::default().into(), MemPointers::default().into());
        let (store, pointers): (std::sync::Arc<MemStore>, std::sync::Arc<MemPointers>) =
            (store, pointers);
        Custody::open(config, store, pointers)
    };
    let error = open().err().expect("refused").to_string();
    assert!(error.contains("other users may write to it"), "{error}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "nothing was made in it");
    set_mode(&data, 0o700);
    assert!(open().is_err(), "a link in place of a file of ours is not followed");
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    fs::remove_file(data.join("salt")).unwrap();
    assert!(open().is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_opens_a_store_dumps_no_core() {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
    let _home = Home::new();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
}
