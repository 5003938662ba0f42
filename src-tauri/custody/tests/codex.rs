//! Codex's seat: rewritten in place by its tool, without a lock, its owner named inside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluice_custody::{
    AccountKey, CustodyError, Party, SeatState, SwapFailure, SwapOrder, Unreadable,
};
use sluice_engine::{AccountId, Generation, LaneId, Provider};
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use support::{Home, MemJournal};

const CODEX: Provider = Provider::Codex;

/// `auth.json` of `name` after `rotation` refreshes, as the tool writes it.
fn auth(name: &str, rotation: u32) -> String {
    let token = |claims: String| format!("eyJh.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let id = token(format!(
        "{{\"email\":\"{name}@example.test\",\"https://api.openai.com/auth\":\
         {{\"chatgpt_account_id\":\"acct-{name}\",\"chatgpt_user_id\":\"user-{name}\",\
         \"chatgpt_plan_type\":\"plus\"}}}}"
    ));
    let access = token(format!(
        "{{\"exp\":{},\"n\":\"at-{name}-{rotation}\"}}",
        4_000_000_000_u64 + u64::from(rotation)
    ));
    format!(
        "{{\n  \"auth_mode\": \"chatgpt\",\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": {{\n    \
         \"id_token\": \"{id}\",\n    \"access_token\": \"{access}\",\n    \
         \"refresh_token\": \"rt-{name}-{rotation}.\",\n    \"account_id\": \"acct-{name}\"\n  }},\n  \
         \"last_refresh\": \"2026-01-01T00:00:00Z\"\n}}"
    )
}

fn key(name: &str) -> AccountKey {
    AccountKey(format!("acct-{name}/user-{name}"))
}

fn party(id: i64, name: &str) -> Party {
    Party { account: AccountId(id), key: key(name) }
}

fn order() -> SwapOrder {
    SwapOrder {
        lane: LaneId(2),
        generation: Generation(1),
        provider: CODEX,
        from: Some(party(1, "a")),
        to: party(2, "b"),
    }
}

fn store(home: &Home) -> PathBuf {
    home.dir.path().join(".codex/auth.json")
}

/// The tool writes in place; long enough ago for the file to be at rest.
fn write(home: &Home, text: &str) {
    std::fs::write(store(home), text).unwrap();
    let file = std::fs::File::options().append(true).open(store(home)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

/// Accounts 1 (`a`) and 2 (`b`) kept, `a` live.
fn with_two() -> Home {
    let home = Home::new();
    std::fs::create_dir(home.dir.path().join(".codex")).unwrap();
    for (id, name) in [(2, "b"), (1, "a")] {
        write(&home, &auth(name, 0));
        home.custody.capture(CODEX, AccountId(id), &key(name)).unwrap();
    }
    home
}

fn names(home: &Home) -> Vec<String> {
    let entries = std::fs::read_dir(home.dir.path().join(".codex")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_leaves_is_captured_first_and_what_comes_is_the_kept_file_to_the_byte() {
    let home = with_two();
    write(&home, &auth("a", 3));
    let before = names(&home);
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    assert!(home.kept().contains("rt-a-3."), "the rotation nobody had seen is kept");
    assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), auth("b", 0));
    let SeatState::Login(login) = home.custody.inspect(CODEX) else { panic!("a login") };
    assert_eq!(login.identity.key, key("b"), "its owner is named by its id token");
    assert_eq!(login.identity.email.as_deref(), Some("b@example.test"));
    let parked = |name: &String| !before.contains(name) && name.contains("sluice-parked");
    assert_eq!(names(&home).iter().filter(|name| !before.contains(name)).count(), 1);
    assert!(names(&home).iter().any(parked), "nothing else appears in the tool's home");
    assert!(!home.config_path().exists(), "it has no configuration of its own");
}

#[test]
fn a_session_that_rewrites_what_it_holds_open_loses_nothing() {
    let home = with_two();
    let mut session = std::fs::File::options().write(true).open(store(&home)).unwrap();
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    // It never follows: it refreshes the account it was started with, in place.
    session.set_len(0).unwrap();
    session.rewind().unwrap();
    session.write_all(auth("a", 1).as_bytes()).unwrap();
    drop(session);
    home.custody.tend(CODEX).unwrap();
    assert!(home.kept().contains("rt-a-1."), "its rotation is in the vault");
    assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), auth("b", 0), "the seat stays");
}

#[test]
fn a_session_that_writes_the_former_account_over_the_seat_is_known_by_its_token_and_kept() {
    let home = with_two();
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    write(&home, &auth("a", 1));
    let SeatState::Login(login) = home.custody.inspect(CODEX) else { panic!("a login") };
    assert_eq!(login.identity.key, key("a"));
    home.custody.capture(CODEX, AccountId(1), &key("a")).unwrap();
    let wrong = home.custody.capture(CODEX, AccountId(2), &key("b"));
    assert!(matches!(wrong, Err(CustodyError::WrongAccount { .. })));
    assert!(home.kept().contains("rt-a-1.") && home.kept().contains("rt-b-0."));
}

#[test]
fn a_file_in_the_middle_of_its_rewriting_is_waited_for_and_never_replaced() {
    for (torn, why) in [("", Unreadable::Empty), ("{\n  \"auth_mode\": \"ch", Unreadable::Torn)] {
        let home = with_two();
        write(&home, torn);
        let refused = home.custody.swap(&order(), &mut MemJournal::default());
        let Err(SwapFailure::Refused(CustodyError::SeatUnreadable { why: found, .. })) = refused
        else {
            panic!("{torn:?}: {refused:?}")
        };
        assert_eq!(found, why);
        assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), torn);
        // The writer is done a moment later.
        let finishing = store(&home);
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            std::fs::write(finishing, auth("a", 1)).unwrap();
        });
        home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
        writer.join().unwrap();
        assert!(home.kept().contains("rt-a-1."));
    }
}

#[test]
fn another_login_an_api_key_and_a_mode_the_tool_refuses_are_left_alone() {
    let stranger = auth("stranger", 0);
    let key_only = "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-live\",\"tokens\":null}";
    let refused_mode = auth("a", 0).replace("\"chatgpt\",", "\"oauth\",");
    for (text, code) in [
        (stranger.as_str(), "wrong_account"),
        (key_only, "seat_stub"),
        (refused_mode.as_str(), "seat_unreadable"),
    ] {
        let home = with_two();
        write(&home, text);
        let failure = home.custody.swap(&order(), &mut MemJournal::default()).unwrap_err();
        assert_eq!(failure.cause().code(), code);
        assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), text);
        assert_eq!(names(&home), ["auth.json"]);
    }
}
