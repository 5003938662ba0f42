//! What is kept is read back, and what the store has lost is stored again or told.

use super::*;
use crate::ports::Health;

fn gone() -> PortError {
    PortError::new(Code::NoCredential, "No login of this account is kept.")
}

fn read_back(outside: &Outside, from: Utc) -> BTreeSet<AccountId> {
    let read = outside.since(from).filter_map(|effect| match effect {
        Effect::ReadKept { account, .. } => Some(*account),
        _ => None,
    });
    read.collect()
}

/// What was told of this account's login.
fn told(outside: &Outside, account: AccountId) -> Vec<&Notice> {
    let cause = Cause::SignIn(account);
    outside.notices.iter().filter(|notice| notice.cause == cause).collect()
}

fn captures(outside: &Outside, from: Utc) -> usize {
    outside.since(from).filter(|effect| matches!(effect, Effect::Capture { .. })).count()
}

#[test]
fn every_kept_login_is_read_back_at_the_start_and_daily() {
    let outside = Outside::pair("advise");
    let both: BTreeSet<AccountId> = outside.accounts.values().copied().collect();
    let mut again = Outside::load(outside.reload(), Some("a".to_owned()));
    assert_eq!(read_back(&again, START), both);
    again.pass(START.plus_seconds(60));
    let start = again.now.wall;
    again.advance(24 * 3_600 - 3_600);
    assert!(read_back(&again, start).is_empty(), "no sooner than needed");
    again.advance(2 * 3_600);
    assert_eq!(read_back(&again, start), both);
}

#[test]
fn a_live_login_that_is_gone_is_stored_again_at_once() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    outside.kept_error.insert(a, gone());
    outside.advance(60);
    let from = outside.now.wall;
    // Its keychain comes back as another one.
    outside.input(Input::Health(Health::Locked));
    outside.input(Input::Health(Health::Ok));
    assert_eq!(captures(&outside, from), 1);
    assert!(!outside.kept_error.contains_key(&a), "it is in the store again");
    assert!(told(&outside, a).is_empty(), "nothing is asked of the person");
    assert_ne!(outside.core.world.account(a).unwrap().login, Login::Missing);
}

#[test]
fn a_parked_login_that_is_gone_is_told_once_and_never_chosen() {
    let mut outside = Outside::pair("auto");
    let b = outside.id("b");
    outside.kept_error.insert(b, gone());
    outside.input(Input::Health(Health::Locked));
    outside.input(Input::Health(Health::Ok));
    outside.advance(25 * 60);
    let told = told(&outside, b);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].body.contains("sluice add") && told[0].body.contains('B'), "{}", told[0].body);
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::Missing);
    assert!(outside.view.needs_you.iter().any(|need| need.account == Some(b)));
    let swaps = outside.swaps().len();
    outside.usage.insert(outside.id("a"), (100.0, 50.0, 100));
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), swaps, "there is nothing to swap to");
    // Signed in and added again it is as before.
    outside.sign_in("b");
    outside.ask(Request::Add { provider: CLAUDE, label: None });
    assert_ne!(outside.core.world.account(b).unwrap().login, Login::Missing);
    assert!(outside.view.needs_you.iter().all(|need| need.account != Some(b)));
}

#[test]
fn a_store_that_does_not_answer_is_not_an_empty_one() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    let locked = PortError::new(Code::KeychainLocked, "The keychain is locked.");
    outside.kept_error.insert(b, locked);
    outside.advance(25 * 3_600);
    assert!(told(&outside, b).is_empty());
    assert_ne!(outside.core.world.account(b).unwrap().login, Login::Missing);
    outside.kept_error.clear();
    let from = outside.now.wall;
    outside.advance(600);
    assert!(read_back(&outside, from).contains(&b), "it is asked again soon");
}

#[test]
fn a_keychain_that_comes_back_mends_what_was_told() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.kept_error.insert(b, gone());
    outside.advance(25 * 3_600);
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::Missing);
    outside.kept_error.clear();
    outside.advance(25 * 3_600);
    assert_ne!(outside.core.world.account(b).unwrap().login, Login::Missing);
    assert!(outside.view.needs_you.iter().all(|need| need.account != Some(b)));
}

#[test]
fn where_nothing_is_kept_by_itself_it_says_what_helps() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Off });
    outside.kept_error.insert(a, gone());
    let from = outside.now.wall;
    outside.input(Input::Health(Health::Locked));
    outside.input(Input::Health(Health::Ok));
    assert_eq!(captures(&outside, from), 0);
    let told = told(&outside, a);
    assert!(told.len() == 1 && told[0].body.contains("sluice add"), "{told:?}");
    // It is live in its tool: signing in is not what helps, so nothing asks for it.
    let need = &outside.view.needs_you[0];
    assert_eq!((need.code, need.account), (Need::NotKept, Some(a)), "{need:?}");
    for text in [&told[0].title, &told[0].body, &need.text] {
        assert!(!text.to_lowercase().contains("sign in"), "{text}");
    }
}

#[test]
fn a_renewed_token_that_cannot_be_sent_proves_nothing() {
    let mut outside = Outside::pair("auto");
    let b = outside.id("b");
    outside.refresh_error = Some(RefreshReport::Unsendable);
    let call = outside.begin(Request::Renew { account: b });
    assert_eq!(code(&outside.answers[&call]), Code::KeptUnusable);
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::NeedsSignIn);
    let told = told(&outside, b);
    assert!(told.len() == 1 && told[0].body.contains("no request can carry"), "{told:?}");
    // Nothing goes live with it, however full the other is.
    outside.usage.insert(outside.id("a"), (100.0, 50.0, 100));
    outside.advance(1_800);
    assert_eq!(outside.swaps().len(), 0);
    // The next exchange is made by itself and mends it.
    outside.refresh_error = None;
    outside.advance(2 * 3_600);
    assert_ne!(outside.core.world.account(b).unwrap().login, Login::NeedsSignIn);
    assert!(outside.view.needs_you.iter().all(|need| need.account != Some(b)));
}

#[test]
fn a_renewal_proves_a_login_that_came_back() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    for gone_now in [true, false] {
        outside.kept_error.clear();
        outside.kept_error.extend(gone_now.then(|| (b, gone())));
        outside.input(Input::Health(Health::Locked));
        outside.input(Input::Health(Health::Ok));
    }
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::Unverified);
    outside.ask(Request::Renew { account: b });
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::Valid);
}
