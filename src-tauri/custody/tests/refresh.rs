//! Refreshing parked accounts: who may, who waits, and what every answer does to what is kept.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{CustodyError, Holder, RefreshOutcome};
use sluice_engine::{AccountId, Provider};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use support::{Home, MemJournal, Mood, a_to_b, key, order, party};
use zeroize::Zeroizing;

const A: AccountId = AccountId(1);
const B: AccountId = AccountId(2);

fn reply(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

const ROTATED: &str = "{\"access_token\":\"sk-at-new\",\"refresh_token\":\"sk-rt-new\",\
                       \"expires_in\":4000000000,\"scope\":\"x y\"}";

#[test]
fn a_rotated_pair_is_kept_before_anything_else_and_the_rest_of_the_credential_stays() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&ticket.body()).unwrap();
    assert_eq!(body["refresh_token"], "sk-rt-b-0");
    assert_eq!(body["grant_type"], "refresh_token");
    assert_eq!(body["scope"], "user:inference");
    let outcome = home.custody.finish_refresh(ticket, 200, reply(ROTATED));
    let RefreshOutcome::Rotated { vintage, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(vintage.vintage, 2);
    let bearer = home.custody.bearer(Holder::Account(B)).unwrap();
    assert_eq!(bearer.as_bytes(), b"Bearer sk-at-new");
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    let live: serde_json::Value = serde_json::from_str(&home.live()).unwrap();
    assert_eq!(live["claudeAiOauth"]["refreshToken"], "sk-rt-new");
    assert_eq!(live["claudeAiOauth"]["subscriptionType"], "max");
    assert_eq!(live["claudeAiOauth"]["scopes"], serde_json::json!(["x", "y"]));
    assert_eq!(live["mcpOAuth"]["srv|a"]["accessToken"], "mcp");
}

#[test]
fn a_sparse_answer_keeps_the_refresh_token_and_the_scopes() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let sparse =
        "{\"token_type\":\"Bearer\",\"access_token\":\"sk-at-2\",\"expires_in\":4000000000}";
    let outcome = home.custody.finish_refresh(ticket, 200, reply(sparse));
    assert!(matches!(outcome, RefreshOutcome::Rotated { .. }), "{outcome:?}");
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    let live: serde_json::Value = serde_json::from_str(&home.live()).unwrap();
    assert_eq!(live["claudeAiOauth"]["refreshToken"], "sk-rt-b-0");
    assert_eq!(live["claudeAiOauth"]["scopes"], serde_json::json!(["user:inference"]));
}

#[test]
fn an_answer_for_another_account_takes_nobodys_place() {
    for other in [
        "\"account\":{\"uuid\":\"somebody-else\"}",
        "\"organization\":{\"uuid\":\"another-house\"}",
    ] {
        let home = Home::with_two();
        let before = home.custody.bearer(Holder::Account(B)).unwrap();
        let ticket = home.custody.begin_refresh(B).unwrap();
        let answer = ROTATED.replacen('{', &format!("{{{other},"), 1);
        let outcome = home.custody.finish_refresh(ticket, 200, reply(&answer));
        assert_eq!(outcome, RefreshOutcome::IdentityConflict, "{other}");
        let after = home.custody.bearer(Holder::Account(B)).unwrap();
        assert_eq!(before.as_bytes(), after.as_bytes(), "the old login is kept");
        let again = home.custody.begin_refresh(B);
        assert!(matches!(again, Err(CustodyError::KeptUnusable(_))), "and asked with no more");
        let items = home.store.items.lock().unwrap();
        let apart = items.values().any(|item| String::from_utf8_lossy(item).contains("sk-rt-new"));
        assert!(apart, "what came is thrown away by nobody");
    }
}

#[test]
fn every_refusal_has_its_class_and_changes_nothing() {
    use RefreshOutcome::{EdgeBlocked, NeedsSignIn, OurFault, ReplyLost, ServerError, Throttled};
    let html = "<html>denied</html>";
    let cases = [
        (400, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}", NeedsSignIn),
        (401, "{\"error\":{\"code\":\"refresh_token_expired\"}}", NeedsSignIn),
        (401, "{\"error\":{\"code\":\"refresh_token_invalidated\"}}", NeedsSignIn),
        (400, "{\"code\":\"refresh_token_reused\"}", NeedsSignIn),
        (401, "{\"error\":\"invalid_client\"}", OurFault { code: "invalid_client" }),
        (
            400,
            "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"x\"}}",
            OurFault { code: "invalid_request" },
        ),
        (400, html, EdgeBlocked),
        (401, html, EdgeBlocked),
        (403, html, EdgeBlocked),
        (403, "", EdgeBlocked),
        (400, "{}", EdgeBlocked),
        (429, "{\"error\":\"rate_limited\"}", Throttled),
        (500, "{}", ServerError),
        (503, html, ServerError),
        (529, "", ServerError),
        (200, "", ReplyLost),
        (200, "{\"access_token\":\"sk-", ReplyLost),
        (200, "{\"access_token\":\"\"}", ReplyLost),
        (200, "{\"refresh_token\":\"sk-rt-x\"}", ReplyLost),
        (302, "", ReplyLost),
    ];
    for (status, body, expected) in cases {
        let home = Home::with_two();
        let (kept, pointers) = (home.kept(), home.pointers.0.lock().unwrap().clone());
        let ticket = home.custody.begin_refresh(B).unwrap();
        let outcome = home.custody.finish_refresh(ticket, status, reply(body));
        assert_eq!(outcome, expected, "{status} {body}");
        assert_eq!(kept, home.kept(), "{status} {body}");
        assert_eq!(pointers, *home.pointers.0.lock().unwrap(), "{status} {body}");
        match home.custody.try_begin_refresh(B) {
            Ok(_) => assert_ne!(outcome, NeedsSignIn, "a refused token is not presented again"),
            Err(error) => assert_eq!((outcome, error.code()), (NeedsSignIn, "kept_unusable")),
        }
    }
}

#[test]
fn a_live_account_is_never_refreshed_and_doubt_counts_as_live() {
    let home = Home::with_two();
    assert!(matches!(home.custody.begin_refresh(A), Err(CustodyError::InUse(A))));
    // The tool has rotated it since: still the same account.
    home.sign_in("a", 7);
    assert!(matches!(home.custody.begin_refresh(A), Err(CustodyError::InUse(A))));
    // The configuration names somebody else, the credential is still the kept one.
    home.sign_in("a", 0);
    std::fs::write(home.config_path(), support::config_text("b")).unwrap();
    assert!(matches!(home.custody.begin_refresh(A), Err(CustodyError::InUse(A))));
    // The seat cannot be read: nobody knows who is live.
    std::fs::write(home.credential_path(), "{\"claudeAiOauth\":{\"acc").unwrap();
    for account in [A, B] {
        let refused = home.custody.begin_refresh(account);
        assert!(matches!(refused, Err(CustodyError::SeatUnreadable { .. })));
    }
}

#[test]
fn whoever_was_faster_wins_the_token_is_sent_once() {
    let home = Arc::new(Home::with_two());
    let (sent, received) = channel();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (home, sent) = (Arc::clone(&home), sent.clone());
            std::thread::spawn(move || {
                let ticket = home.custody.begin_refresh(B).unwrap();
                let body: serde_json::Value = serde_json::from_slice(&ticket.body()).unwrap();
                let token = body["refresh_token"].as_str().unwrap().to_owned();
                sent.send(token.clone()).unwrap();
                let answer = format!(
                    "{{\"access_token\":\"sk-at+{token}\",\"refresh_token\":\"{token}+\",\
                     \"expires_in\":4000000000}}"
                );
                home.custody.finish_refresh(ticket, 200, reply(&answer))
            })
        })
        .collect();
    for worker in workers {
        assert!(matches!(worker.join().unwrap(), RefreshOutcome::Rotated { .. }));
    }
    let mut tokens: Vec<String> = received.try_iter().collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 8, "a token was sent twice");
}

#[test]
fn a_sweep_skips_a_busy_account_and_the_holder_may_vanish() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let try_once = || {
        let started = Instant::now();
        let busy = home.custody.try_begin_refresh(B);
        assert!(matches!(busy, Err(CustodyError::LockTimeout { .. })));
        started.elapsed()
    };
    // The quickest of a few: a busy machine delays one, a wait for the lock delays each.
    let quickest = (0..8).map(|_| try_once()).min().unwrap_or_default();
    assert!(quickest < Duration::from_millis(200), "{quickest:?}");
    // The caller is cancelled: its ticket is dropped, and with it the lock.
    drop(ticket);
    home.custody.try_begin_refresh(B).unwrap();
}

/// The seed's deadlock: the flow holds the account's lock and asks who the account is; the answer is
/// 401, and what handles a 401 begins the flow again.
///
/// `held` is the seed's order (asked before the lock is given back), the other one is its repair.
/// Returns how many exchanges were made, or `None` when it hung.
fn flow_with_a_401_in_it(held: bool) -> Option<u32> {
    let home = Arc::new(Home::with_two());
    let (done, ended) = channel();
    let flowing = Arc::clone(&home);
    std::thread::spawn(move || {
        let ticket = flowing.custody.begin_refresh(B).unwrap();
        let who_is_it_401 = || {
            let again = flowing.custody.begin_refresh(B).unwrap();
            let answer = ROTATED.replace("-new", "-newer");
            drop(flowing.custody.finish_refresh(again, 200, reply(&answer)));
        };
        if held {
            who_is_it_401();
        }
        let outcome = flowing.custody.finish_refresh(ticket, 200, reply(ROTATED));
        assert!(matches!(outcome, RefreshOutcome::Rotated { .. }), "{outcome:?}");
        if !held {
            who_is_it_401();
        }
        done.send(if flowing.kept().contains("sk-rt-newer") { 2 } else { 1 }).unwrap();
    });
    // Long where it must end; where it must hang, so long that nobody takes it for slow.
    ended.recv_timeout(Duration::from_secs(if held { 3 } else { 60 })).ok()
}

#[test]
fn the_seeds_deadlock_hangs_in_its_order_and_ends_in_the_repaired_one() {
    assert_eq!(flow_with_a_401_in_it(false), Some(2), "both exchanges are made and kept");
    assert_eq!(flow_with_a_401_in_it(true), None, "the seed's order is no deadlock any more?");
}

#[test]
fn a_hold_of_the_lock_ends_in_lock_timeout_and_nothing_is_sent() {
    let home = Home::with_two();
    let _held = home.custody.begin_refresh(B).unwrap();
    let refused = home.custody.try_begin_refresh(B);
    let Err(error @ CustodyError::LockTimeout { .. }) = refused else { panic!("it was granted") };
    assert_eq!(error.code(), "lock_timeout");
}

/// The caller vanishes while its request is out; whoever carries the exchange finishes it.
#[test]
fn an_exchange_whose_caller_was_cancelled_is_kept_and_gives_the_lock_back() {
    let home = Arc::new(Home::with_two());
    let (answer, answered) = channel::<&str>();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let carrying = Arc::clone(&home);
    let carrier = std::thread::spawn(move || {
        let body = answered.recv().unwrap();
        carrying.custody.finish_refresh(ticket, 200, reply(body))
    });
    // The caller waits a tenth of a second and is gone.
    std::thread::sleep(Duration::from_millis(100));
    assert!(matches!(home.custody.try_begin_refresh(B), Err(CustodyError::LockTimeout { .. })));
    answer.send(ROTATED).unwrap();
    assert!(matches!(carrier.join().unwrap(), RefreshOutcome::Rotated { .. }));
    assert!(home.kept().contains("sk-rt-new"));
    drop(home.custody.try_begin_refresh(B).expect("the lock is free"));
}

/// A sweep over three accounts of which one is being worked on: it is skipped at once, the others are
/// renewed, a failure is counted and the pass goes on.
#[test]
fn a_sweep_with_a_lock_held_skips_that_account_and_ends() {
    let home = Home::with_two();
    home.sign_in("c", 0);
    home.custody.capture(Provider::Claude, AccountId(3), &key("c")).unwrap();
    home.sign_in("a", 0);
    let _busy = home.custody.begin_refresh(B).unwrap();
    let started = Instant::now();
    let (mut renewed, mut skipped, mut failed) = (0, 0, 0);
    for account in [A, B, AccountId(3), AccountId(9)] {
        match home.custody.try_begin_refresh(account) {
            Ok(ticket) => {
                drop(home.custody.finish_refresh(ticket, 200, reply(ROTATED)));
                renewed += 1;
            }
            Err(CustodyError::LockTimeout { .. } | CustodyError::InUse(_)) => skipped += 1,
            Err(_) => failed += 1,
        }
    }
    assert_eq!((renewed, skipped, failed), (1, 2, 1));
    // Whoever waits for an account waits for a minute.
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}

#[test]
fn a_refused_token_is_never_presented_again_until_there_is_another() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let refusal = "{\"error\":\"invalid_grant\"}";
    let outcome = home.custody.finish_refresh(ticket, 400, reply(refusal));
    assert_eq!(outcome, RefreshOutcome::NeedsSignIn);
    assert!(matches!(home.custody.begin_refresh(B), Err(CustodyError::KeptUnusable(_))));
    let restarted = home.reopened();
    assert!(matches!(restarted.begin_refresh(B), Err(CustodyError::KeptUnusable(_))));
    home.sign_in("b", 5);
    home.custody.capture(Provider::Claude, B, &key("b")).unwrap();
    home.sign_in("a", 0);
    drop(home.custody.begin_refresh(B).expect("another sign-in has other tokens"));
}

#[test]
fn a_login_that_lies_in_another_place_too_is_found_by_its_refresh_token() {
    let home = Home::with_two();
    let (ids, elsewhere) = ([A, B], home.dir.path().join("elsewhere"));
    std::fs::create_dir(&elsewhere).unwrap();
    let copy = elsewhere.join(".credentials.json");
    let places = [
        (Provider::Claude, home.credential_path()),
        (Provider::Claude, copy.clone()),
        (Provider::Claude, home.dir.path().join("nowhere/.credentials.json")),
    ];
    assert_eq!(
        home.custody.shared_logins(&ids, &places).unwrap(),
        [],
        "the seat is no other place"
    );
    // Its access token has been renewed since; the refresh token tells.
    let text = support::credential("b", 0).replace("sk-at-b-0", "sk-at-b-other");
    std::fs::write(&copy, text).unwrap();
    let found = home.custody.shared_logins(&ids, &places).unwrap();
    assert_eq!(
        found,
        [sluice_custody::SharedLogin { account: B, place: Some(copy.clone()), linked: false }]
    );
    std::fs::write(&copy, support::credential("stranger", 0)).unwrap();
    assert_eq!(home.custody.shared_logins(&ids, &places).unwrap(), []);
}

#[test]
fn nothing_that_is_needed_during_an_exchange_waits_for_its_lock() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let started = Instant::now();
    home.custody.bearer(Holder::Account(B)).unwrap();
    home.custody.bearer(Holder::Seat(Provider::Claude)).unwrap();
    drop(home.custody.inspect(Provider::Claude));
    home.custody.capture(Provider::Claude, A, &key("a")).unwrap();
    home.custody.shared_logins(&[A, B], &[]).unwrap();
    assert!(started.elapsed() < Duration::from_secs(40), "something waited for the lock");
    drop(ticket);
}

#[test]
fn a_swap_does_not_place_what_is_being_refreshed() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let started = Instant::now();
    let failure = home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap_err();
    assert!(matches!(failure.cause(), CustodyError::LockTimeout { .. }), "{failure:?}");
    assert!(started.elapsed() < Duration::from_secs(40));
    drop(home.custody.finish_refresh(ticket, 200, reply(ROTATED)));
    home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    assert!(home.live().contains("sk-rt-new"));
    drop(home.custody.swap(&order(Some(party(2, "b")), party(1, "a")), &mut MemJournal::default()));
}

#[test]
fn a_pair_that_the_keychain_refuses_waits_in_memory_and_is_stored_later() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    home.store.set(Mood::Locked);
    let outcome = home.custody.finish_refresh(ticket, 200, reply(ROTATED));
    assert_eq!(outcome, RefreshOutcome::Unsealed { code: "keychain_locked" });
    // Nobody may send the consumed token again while the new one is not stored.
    assert!(home.custody.begin_refresh(B).is_err());
    home.store.set(Mood::Ok);
    let ticket = home.custody.begin_refresh(B).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&ticket.body()).unwrap();
    assert_eq!(body["refresh_token"], "sk-rt-new");
    assert!(home.kept().contains("sk-rt-new"));
}

#[test]
fn a_hanging_keychain_bounds_every_entry() {
    let home = Home::with_two();
    home.store.set(Mood::Hanging);
    let started = Instant::now();
    assert!(home.custody.begin_refresh(B).is_err());
    assert!(home.custody.try_begin_refresh(B).is_err());
    assert!(home.custody.capture(Provider::Claude, A, &key("a")).is_err());
    assert!(home.custody.swap(&a_to_b(), &mut MemJournal::default()).is_err());
    assert!(home.custody.forget(B).is_err());
    // One deadline of 3 s, then fast failures: five deadlines would be 15 s.
    assert!(started.elapsed() < Duration::from_secs(14), "{:?}", started.elapsed());
    home.store.set(Mood::Ok);
}

#[test]
fn a_tool_that_keeps_writing_back_is_put_right_twice_and_then_only_watched() {
    let home = Home::with_two();
    let mut journal = MemJournal::default();
    for round in 0..4 {
        let swap = home.custody.swap(&a_to_b(), &mut journal);
        if round < 3 {
            swap.unwrap();
        } else {
            let failure = swap.unwrap_err();
            assert!(matches!(failure.cause(), CustodyError::ForeignWriter { .. }), "{failure:?}");
            assert!(failure.cause().to_string().contains("keeps writing"));
        }
        home.sign_in("a", round + 1);
        drop(home.custody.inspect(Provider::Claude));
        home.custody.capture(Provider::Claude, A, &key("a")).unwrap();
    }
    assert!(home.kept().contains("sk-rt-a-4"), "nothing of it is lost");
}
