//! What the tool writes beside the tokens: the identity, the plan, a profile that was read anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{Agreement, CustodyError, RefreshOutcome, Sealed, SeatState};
use sluice_engine::{AccountId, Provider};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};
use support::{EXPIRES_MS, Home, MemJournal, a_to_b, config_text, credential, key, order, party};
use zeroize::Zeroizing;

const CLAUDE: Provider = Provider::Claude;

fn age(path: &Path) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

/// The seat and the configuration are as somebody left them a minute ago.
fn rest(home: &Home) {
    age(&home.credential_path());
    age(&home.config_path());
}

#[test]
fn a_profile_written_over_a_swap_is_put_right_once_the_files_rest() {
    let home = Home::with_two();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    // The request for the profile was under way when the account left.
    fs::write(home.config_path(), config_text("a")).unwrap();
    assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), Agreement::Differs);
    assert_eq!(home.config(), config_text("a"), "somebody may be signing in");
    rest(&home);
    let SeatState::Login(login) = home.custody.inspect(CLAUDE) else { panic!("a login") };
    assert!(login.misnamed && login.identity.key == key("b"), "its token tells whose it is");
    assert!(home.custody.is_misnamed(CLAUDE).unwrap());
    assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), Agreement::Mended);
    assert_eq!(home.config(), config_text("b"), "every other byte as it was");
    assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), Agreement::Agrees);
    let SeatState::Login(login) = home.custody.inspect(CLAUDE) else { panic!("a login") };
    assert!(!login.misnamed);
}

#[test]
fn a_rotation_under_a_wrong_name_is_put_right_by_its_sign_in() {
    let home = Home::with_two();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    fs::write(home.credential_path(), credential("b", 4)).unwrap();
    fs::write(home.config_path(), config_text("a")).unwrap();
    rest(&home);
    assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), Agreement::Mended);
    assert_eq!(home.config(), config_text("b"));
}

#[test]
fn a_refresh_that_moves_the_end_a_little_is_known_all_the_same() {
    let home = Home::with_two();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    let moved = |ms: i64| {
        let text = credential("b", 4);
        let ends = text.split("\"refreshTokenExpiresAt\":").nth(1).unwrap();
        let ends: i64 = ends.split(',').next().unwrap().parse().unwrap();
        text.replace(&ends.to_string(), &(ends + ms).to_string())
    };
    // Later than any refresh moves it: a sign-in of its own, whose name holds.
    for (ms, agreement) in [(-400, Agreement::Mended), (60_000, Agreement::Agrees)] {
        fs::write(home.credential_path(), moved(ms)).unwrap();
        fs::write(home.config_path(), config_text("a")).unwrap();
        rest(&home);
        assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), agreement, "{ms}");
    }
    fs::write(home.credential_path(), moved(400)).unwrap();
    fs::write(home.config_path(), config_text("a")).unwrap();
    rest(&home);
    let SeatState::Login(login) = home.custody.inspect(CLAUDE) else { panic!("a login") };
    assert_eq!(login.identity.key, key("b"), "its sign-in tells whose it is");
}

#[test]
fn a_new_sign_in_keeps_its_name() {
    let home = Home::with_two();
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    for whom in ["a", "stranger"] {
        // The end of this sign-in is nobody's yet.
        let new = credential(whom, 9)
            .replace("\"refreshTokenExpiresAt\":4", "\"refreshTokenExpiresAt\":5");
        fs::write(home.credential_path(), new).unwrap();
        fs::write(home.config_path(), config_text(whom)).unwrap();
        rest(&home);
        assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), Agreement::Agrees);
        assert_eq!(home.config(), config_text(whom));
    }
}

#[test]
fn a_configuration_whose_lock_is_held_is_left_alone() {
    let home = Home::with_two();
    fs::write(home.config_path(), config_text("b")).unwrap();
    rest(&home);
    let lock = home.dir.path().join(".claude.json.lock");
    fs::create_dir(&lock).unwrap();
    let refused = home.custody.reconcile_identity(CLAUDE).unwrap_err();
    assert!(matches!(refused, CustodyError::LockTimeout { .. }), "{refused:?}");
    assert_eq!(home.config(), config_text("b"));
    fs::remove_dir(&lock).unwrap();
    assert_eq!(home.custody.reconcile_identity(CLAUDE).unwrap(), Agreement::Mended);
}

/// The files of `a` after the tool has looked at its plan and its profile: the same tokens.
fn looked_at(home: &Home) {
    let login = credential("a", 0).replace(
        "\"subscriptionType\":\"max\"",
        "\"subscriptionType\":\"team\",\"subscriptionTypeSource\":\"profile\"",
    );
    let config =
        config_text("a").replace("@example.test\"", "@example.test\",\"profileFetchedAt\":7");
    fs::write(home.credential_path(), login).unwrap();
    fs::write(home.config_path(), config).unwrap();
    rest(home);
}

#[test]
fn what_the_tool_changes_beside_the_same_tokens_survives_a_swap() {
    let home = Home::with_two();
    looked_at(&home);
    let (login, config) = (home.live(), home.config());
    let mut journal = MemJournal::default();
    home.custody.swap(&a_to_b(), &mut journal).unwrap();
    home.custody.swap(&order(Some(party(2, "b")), party(1, "a")), &mut journal).unwrap();
    assert_eq!(home.live(), login);
    assert_eq!(home.config(), config);
    // Nothing has changed since: nothing is stored anew.
    rest(&home);
    let items = home.store.items.lock().unwrap().len();
    let again = home.custody.capture(CLAUDE, AccountId(1), &key("a")).unwrap();
    assert!(matches!(again.sealed, Sealed::Known(_)));
    assert_eq!(home.store.items.lock().unwrap().len(), items);
}

#[test]
fn a_configuration_laid_out_anew_says_nothing_new() {
    let home = Home::with_two();
    let laid_out = config_text("a").replace(":\"", ": \"").replace("\",\"", "\",\n    \"");
    assert_ne!(laid_out, config_text("a"));
    fs::write(home.config_path(), laid_out).unwrap();
    rest(&home);
    let again = home.custody.capture(CLAUDE, AccountId(1), &key("a")).unwrap();
    assert!(matches!(again.sealed, Sealed::Known(_)), "{again:?}");
}

#[test]
fn an_earlier_form_that_lies_parked_replaces_nothing() {
    let home = Home::with_two();
    looked_at(&home);
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    // Somebody who held the file open writes the form it had before.
    let name = home.leftovers().remove(0);
    fs::write(home.dir.path().join(".claude").join(name), credential("a", 0)).unwrap();
    home.custody.settle_parked(CLAUDE).unwrap();
    home.custody
        .swap(&order(Some(party(2, "b")), party(1, "a")), &mut MemJournal::default())
        .unwrap();
    assert!(home.live().contains("\"subscriptionTypeSource\":\"profile\""));
}

/// Sluice renews `b`; the answer's end of the login is reckoned `late_s` too early or too late, as
/// after a slow answer or a clock that was put right.
fn renewed(home: &Home, late_s: i64) {
    let ticket = home.custody.begin_refresh(AccountId(2)).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let ends = EXPIRES_MS / 1_000 + i64::from(b'b') * 1_000 - now + late_s;
    let body = format!(
        "{{\"access_token\":\"sk-at-b-1\",\"refresh_token\":\"sk-rt-b-1\",\"expires_in\":28800,\
         \"refresh_token_expires_in\":{ends}}}"
    );
    let outcome = home.custody.finish_refresh(ticket, 200, Zeroizing::new(body.into_bytes()));
    assert!(matches!(outcome, RefreshOutcome::Rotated { .. }), "{outcome:?}");
}

#[test]
fn a_spent_token_never_takes_its_successors_place() {
    for late_s in [-3_600, -30, 0, 30, 3_600] {
        let home = Home::with_two();
        renewed(&home, late_s);
        // What was live once lies beside the seat still, and is written into it, too.
        let parked = home.dir.path().join(".claude/.credentials.json.sluice-parked-2-0011");
        fs::write(&parked, credential("b", 0)).unwrap();
        age(&parked);
        home.custody.settle_parked(CLAUDE).unwrap();
        home.sign_in("b", 0);
        let captured = home.custody.capture(CLAUDE, AccountId(2), &key("b")).unwrap();
        assert!(matches!(captured.sealed, Sealed::Older(_)), "{late_s}: {captured:?}");
        home.sign_in("a", 0);
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
        assert!(home.live().contains("sk-rt-b-1"), "{late_s}: {}", home.live());
        assert!(home.reopened().capture(CLAUDE, AccountId(2), &key("b")).is_ok());
    }
}
