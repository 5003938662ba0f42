//! The placing swap on real files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{CustodyError, Holder, SagaOutcome, Sealed, SeatState, Step, SwapFailure};
use sluice_engine::{AccountId, Provider, Utc};
use support::{Home, MemJournal, Mood, a_to_b, config_text, credential, key, order, party};

#[test]
fn a_swap_places_the_other_login_and_its_identity() {
    let home = Home::with_two();
    let mut journal = MemJournal::default();
    let swapped = home.custody.swap(&a_to_b(), &mut journal).unwrap();
    assert_eq!(swapped.remarks, Vec::<String>::new());
    assert_eq!(home.live(), credential("b", 0));
    assert_eq!(home.config(), config_text("b"));
    let steps: Vec<Step> = journal.steps.iter().map(|(_, step)| *step).collect();
    assert_eq!(steps, Step::ALL);
    assert_eq!(journal.settled, [(swapped.intent, SagaOutcome::Committed)]);
    // What came out is parked, private to the owner, and destroyed by nobody yet.
    let parked = home.leftovers();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(home.custody.settle_parked(Provider::Claude).unwrap(), 1);
    let SeatState::Login(login) = home.custody.inspect(Provider::Claude) else { panic!() };
    assert_eq!(login.identity.key, key("b"));
}

#[test]
fn a_rotation_between_poll_and_swap_is_found_in_the_keychain() {
    let home = Home::with_two();
    home.sign_in("a", 5);
    let mut journal = MemJournal::default();
    let swapped = home.custody.swap(&a_to_b(), &mut journal).unwrap();
    assert_eq!(swapped.captured.unwrap().vintage, 2);
    assert!(home.kept().contains("sk-rt-a-5"));
    home.custody.swap(&order(Some(party(2, "b")), party(1, "a")), &mut journal).unwrap();
    assert_eq!(home.live(), credential("a", 5));
}

#[test]
fn machine_keys_come_from_the_live_file_and_account_keys_from_the_vault() {
    let home = Home::with_two();
    let whole: serde_json::Value = serde_json::from_str(&credential("a", 1)).unwrap();
    let live = format!(
        "{{\"mcpOAuth\":{{\"new\":1}}, \"trustedDeviceToken\":\"dev-a\",\r\n \"claudeAiOauth\":{} , \
         \"future\" : [1,2] }}",
        whole["claudeAiOauth"]
    );
    std::fs::write(home.credential_path(), &live).unwrap();
    home.age();
    let mut journal = MemJournal::default();
    home.custody.swap(&a_to_b(), &mut journal).unwrap();
    let now = home.live();
    let value: serde_json::Value = serde_json::from_str(&now).unwrap();
    assert_eq!(value["claudeAiOauth"]["refreshToken"], "sk-rt-b-0");
    assert!(now.starts_with("{\"mcpOAuth\":{\"new\":1},"), "{now}");
    assert!(now.ends_with(" , \"future\" : [1,2] }"), "{now}");
    assert!(value.get("trustedDeviceToken").is_none(), "it belongs to the other account");
    home.custody.swap(&order(Some(party(2, "b")), party(1, "a")), &mut journal).unwrap();
    let value: serde_json::Value = serde_json::from_str(&home.live()).unwrap();
    assert_eq!(value["trustedDeviceToken"], "dev-a");
    assert_eq!(value["claudeAiOauth"]["refreshToken"], "sk-rt-a-1");
}

#[test]
fn an_unmanaged_login_is_refused_and_left_alone() {
    let home = Home::with_two();
    home.sign_in("stranger", 0);
    let before = (home.live(), home.config());
    let mut journal = MemJournal::default();
    for order in [a_to_b(), order(None, party(2, "b"))] {
        let failure = home.custody.swap(&order, &mut journal).unwrap_err();
        assert!(
            matches!(failure, SwapFailure::Refused(CustodyError::WrongAccount { .. })),
            "{failure:?}"
        );
    }
    assert_eq!(before, (home.live(), home.config()));
    assert!(journal.intents.is_empty());
}

#[test]
fn an_empty_and_a_signed_out_seat_are_filled() {
    let home = Home::with_two();
    let mut journal = MemJournal::default();
    std::fs::remove_file(home.credential_path()).unwrap();
    home.custody.swap(&order(None, party(2, "b")), &mut journal).unwrap();
    assert!(home.live().contains("sk-rt-b-0"));
    assert_eq!(home.leftovers(), Vec::<String>::new());
    std::fs::write(home.credential_path(), "{\"mcpOAuth\":{\"x\":1}}").unwrap();
    home.age();
    home.custody.swap(&order(None, party(1, "a")), &mut journal).unwrap();
    assert!(home.live().contains("sk-rt-a-0"));
    assert!(home.live().contains("\"mcpOAuth\":{\"x\":1}"));
    assert_eq!(home.config(), config_text("a"));
}

#[test]
fn a_seat_behind_a_link_keeps_its_link() {
    let home = Home::with_two();
    let real = home.dir.path().join("elsewhere.json");
    std::fs::rename(home.credential_path(), &real).unwrap();
    std::os::unix::fs::symlink("../elsewhere.json", home.credential_path()).unwrap();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    assert!(home.credential_path().is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), credential("b", 0));
}

#[test]
fn a_journal_that_fails_at_any_step_leaves_the_old_login() {
    for step in Step::ALL {
        let home = Home::with_two();
        let mut journal = MemJournal { fail_at: Some(step), ..MemJournal::default() };
        let result = home.custody.swap(&a_to_b(), &mut journal);
        if step == Step::Folded {
            assert!(result.is_ok(), "the swap was verified before");
            continue;
        }
        assert!(matches!(result, Err(SwapFailure::Undone { .. })), "{step:?}: {result:?}");
        assert_eq!(home.live(), credential("a", 0), "{step:?}");
        assert_eq!(home.config(), config_text("a"), "{step:?}");
        assert_eq!(home.leftovers(), Vec::<String>::new(), "{step:?}");
        assert!(journal.open().is_empty(), "{step:?}");
    }
}

#[test]
fn an_intent_left_open_is_settled_by_looking_and_twice_is_the_same() {
    for step in Step::ALL {
        let home = Home::with_two();
        let mut journal =
            MemJournal { fail_at: Some(step), fail_settle: true, ..MemJournal::default() };
        drop(home.custody.swap(&a_to_b(), &mut journal));
        let open = journal.open();
        assert_eq!(open.len(), 1, "{step:?}");
        let mut journal =
            MemJournal { intents: journal.intents, steps: journal.steps, ..MemJournal::default() };
        let custody = home.reopened();
        let recovered = custody.recover(&open, &mut journal);
        assert!(recovered[0].settled, "{step:?}");
        let again = custody.recover(&open, &mut journal);
        assert_eq!(again[0].outcome, recovered[0].outcome, "{step:?}");
        let live = home.live();
        assert!(live == credential("a", 0) || live == credential("b", 0), "{step:?}");
    }
}

#[test]
fn what_came_out_is_destroyed_once_it_is_safe_and_with_its_account() {
    let home = Home::with_two();
    let mut journal = MemJournal::default();
    home.custody.swap(&a_to_b(), &mut journal).unwrap();
    // The tool still held the old file open, and writes a newer login into it.
    let parked = home.leftovers().pop().unwrap();
    let path = home.dir.path().join(".claude").join(&parked);
    std::fs::write(&path, credential("a", 3)).unwrap();
    assert_eq!(
        home.custody.settle_parked(Provider::Claude).unwrap(),
        1,
        "too young to be destroyed"
    );
    assert!(home.kept().contains("sk-rt-a-3"), "but its newer login is kept");
    home.custody.forget(AccountId(1)).unwrap();
    assert_eq!(home.leftovers(), Vec::<String>::new());
    assert!(!home.kept().contains("sk-rt-a"));
    assert_eq!(home.live(), credential("b", 0));
}

/// So many seconds from now, by the machine's clock.
fn in_seconds(seconds: i64) -> Utc {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Utc::from_seconds(i64::try_from(since.as_secs()).unwrap() + seconds)
}

#[test]
fn what_came_out_is_destroyed_only_after_a_later_read_back() {
    let home = Home::with_two();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    home.store.set(Mood::Locked);
    assert_eq!(home.custody.settle_parked_as_of(Provider::Claude, in_seconds(60)).unwrap(), 1);
    home.store.set(Mood::Ok);
    assert_eq!(home.custody.settle_parked_as_of(Provider::Claude, in_seconds(20)).unwrap(), 1);
    assert_eq!(home.custody.settle_parked_as_of(Provider::Claude, in_seconds(60)).unwrap(), 0);
    assert_eq!(home.leftovers(), Vec::<String>::new());
}

#[test]
fn a_login_the_keychain_lost_in_a_crash_is_stored_again_from_what_came_out() {
    for emptied in [false, true] {
        let home = Home::with_two();
        home.sign_in("a", 5);
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
        // The keychain had answered the read-back from memory, and died before its file was written.
        home.store
            .items
            .lock()
            .unwrap()
            .retain(|item, _| item.account != AccountId(1) || (!emptied && item.vintage < 2));
        assert!(!home.kept().contains("sk-rt-a-5"));
        let custody = home.reopened();
        assert_eq!(
            custody.settle_parked_as_of(Provider::Claude, in_seconds(60)).unwrap(),
            1,
            "kept on"
        );
        assert!(home.kept().contains("sk-rt-a-5"), "emptied: {emptied}");
        let bearer = custody.bearer(Holder::Account(AccountId(1))).unwrap();
        assert_eq!(bearer.as_bytes(), b"Bearer sk-at-a-5");
        assert_eq!(custody.settle_parked_as_of(Provider::Claude, in_seconds(120)).unwrap(), 0);
        assert_eq!(home.leftovers(), Vec::<String>::new());
        if !emptied {
            let back = order(Some(party(2, "b")), party(1, "a"));
            custody.swap(&back, &mut MemJournal::default()).unwrap();
            assert_eq!(home.live(), credential("a", 5));
        }
    }
}

#[test]
fn what_came_out_may_go_once_the_keychain_has_a_newer_vintage() {
    let home = Home::with_two();
    home.sign_in("a", 5);
    home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    let parked = home.leftovers().pop().unwrap();
    std::fs::write(home.dir.path().join(".claude").join(&parked), credential("a", 3)).unwrap();
    assert_eq!(home.custody.settle_parked_as_of(Provider::Claude, in_seconds(60)).unwrap(), 0);
    assert!(home.kept().contains("sk-rt-a-5"));
}

#[test]
fn a_capture_is_new_once_and_known_ever_after() {
    let home = Home::with_two();
    let again = home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    assert!(matches!(again.sealed, Sealed::Known(_)));
    for rotation in 1..8 {
        home.sign_in("a", rotation);
        home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    }
    let items = home.store.items.lock().unwrap();
    let numbers: Vec<u64> =
        items.keys().filter(|k| k.account == AccountId(1)).map(|k| k.vintage).collect();
    assert_eq!(numbers, [6, 7, 8], "three vintages are kept");
}

#[test]
fn an_older_vintage_or_a_stub_never_replaces_a_newer_one() {
    let home = Home::with_two();
    home.sign_in("a", 5);
    home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    home.sign_in("a", 3);
    let older = home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    assert!(matches!(older.sealed, Sealed::Older(_)));
    let stub = "{\"claudeAiOauth\":{\"accessToken\":\"\",\"refreshToken\":\"\",\"expiresAt\":0}}";
    std::fs::write(home.credential_path(), stub).unwrap();
    let refused = home.custody.capture(Provider::Claude, AccountId(1), &key("a"));
    assert!(matches!(refused, Err(CustodyError::SeatStub)));
    let bearer = home.custody.bearer(Holder::Account(AccountId(1))).unwrap();
    assert_eq!(bearer.as_bytes(), b"Bearer sk-at-a-5");
    assert!(bearer.is_sensitive());
}

#[test]
fn a_new_sign_in_waits_until_the_identity_beside_it_is_settled() {
    let home = Home::with_two();
    // A stranger signs in: the credential is there, the identity still says `a`.
    std::fs::write(home.credential_path(), credential("stranger", 9)).unwrap();
    let early = home.custody.capture(Provider::Claude, AccountId(1), &key("a"));
    assert!(matches!(early, Err(CustodyError::Unsettled)), "{early:?}");
    assert!(!home.kept().contains("sk-rt-stranger-9"));
}

#[test]
fn a_credential_written_back_under_the_wrong_name_is_known_by_its_sign_in() {
    let home = Home::with_two();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    // The tool held `a`, refreshed it, and writes it over `b`; the configuration says `b`.
    std::fs::write(home.credential_path(), credential("a", 9)).unwrap();
    home.age();
    assert_eq!(home.config(), config_text("b"));
    let SeatState::Login(login) = home.custody.inspect(Provider::Claude) else { panic!() };
    assert_eq!(login.identity.key, key("a"));
    let wrong = home.custody.capture(Provider::Claude, AccountId(2), &key("b"));
    assert!(matches!(wrong, Err(CustodyError::WrongAccount { .. })), "{wrong:?}");
    home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    assert!(home.kept().contains("sk-rt-a-9"));
    // Putting `b` back works from there.
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    assert_eq!(home.live(), credential("b", 0));
}

#[test]
fn what_a_crash_stored_without_pointing_at_it_is_adopted() {
    let home = Home::with_two();
    home.sign_in("a", 4);
    let before = home.pointers.0.lock().unwrap().clone();
    home.custody.capture(Provider::Claude, AccountId(1), &key("a")).unwrap();
    *home.pointers.0.lock().unwrap() = before;
    home.sign_in("a", 0);
    let custody = home.reopened();
    let bearer = custody.bearer(Holder::Account(AccountId(1))).unwrap();
    assert_eq!(bearer.as_bytes(), b"Bearer sk-at-a-4");
}
