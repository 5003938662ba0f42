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
        drop(home.custody.try_begin_refresh(B).expect("the right is given back"));
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
    let started = Instant::now();
    let busy = home.custody.try_begin_refresh(B);
    assert!(matches!(busy, Err(CustodyError::LockTimeout { .. })));
    assert!(started.elapsed() < Duration::from_millis(200));
    // The caller is cancelled: its ticket is dropped, and with it the lock.
    drop(ticket);
    home.custody.try_begin_refresh(B).unwrap();
}

/// The seed's deadlock: something inside the exchange asks for what needs the same lock. Here
/// nothing that reads an account takes the lock, so it answers while the ticket is out.
#[test]
fn nothing_that_is_needed_during_an_exchange_waits_for_its_lock() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let started = Instant::now();
    home.custody.bearer(Holder::Account(B)).unwrap();
    home.custody.bearer(Holder::Seat(Provider::Claude)).unwrap();
    drop(home.custody.inspect(Provider::Claude));
    home.custody.capture(Provider::Claude, A, &key("a")).unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "something waited for the lock");
    drop(ticket);
}

#[test]
fn a_swap_does_not_place_what_is_being_refreshed() {
    let home = Home::with_two();
    let ticket = home.custody.begin_refresh(B).unwrap();
    let started = Instant::now();
    let failure = home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap_err();
    assert!(matches!(failure.cause(), CustodyError::LockTimeout { .. }), "{failure:?}");
    assert!(failure.cause().is_transient());
    assert!(started.elapsed() < Duration::from_secs(3));
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
    // One deadline, then fast failures; the rest is room for a busy machine.
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
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
