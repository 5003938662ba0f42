//! What the tools say at a limit, under `sluice run`.

use super::swaps::{ADA, BOB, spec, two};
use crate::Ground;
use crate::house::{House, label};
use serde_json::Value;
use sluice_tests::contract::turns::MESSAGES;
use sluice_tests::contract::{AccountSpec, Endpoint, Fault, FaultKind, Setup};
use sluice_tests::desktop::{Process, wait_for};
use std::time::Duration;

const CARA: &str = "cara@example.test";
const DORA: &str = "dora@example.test";

/// What the provider says to a login that was signed out elsewhere.
const REVOKED: &str = r#"{"type":"error","error":{"type":"permission_error","message":"OAuth token has been revoked. Please obtain a new token or run /login to re-authenticate."}}"#;

/// Two accounts and a driver that has read both, free to swap.
pub fn driven(ground: &Ground) -> (House, Process) {
    let house = two(ground);
    let daemon = house.daemon();
    house.done(&["mode", "auto"]);
    wait_read(&house, &[ADA, BOB]);
    (house, daemon)
}

/// Waits until the driver has read these accounts.
pub fn wait_read(house: &House, emails: &[&str]) {
    wait_for("the numbers of every account", Duration::from_secs(60), || {
        let read = |email: &&str| !house.window(label(email), "five_hour")["used"].is_null();
        emails.iter().all(read).then_some(())
    });
}

/// The live account is full: one swap, one repetition, only the good answer on standard output.
fn moved(ground: &Ground, words: &[&str]) -> String {
    let (house, _daemon) = driven(ground);
    house.fake.world().set_usage(BOB, 100.0, 60.0);
    let said = house.run(&[&["sluice", "run", "--", "claude", "-p", "hi"], words].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(&format!("answered for {ADA}")), "{said:?}");
    assert!(!said.out.contains("hit your"), "{said:?}");
    assert_eq!(house.in_store().as_deref(), Some(ADA));
    assert_eq!(house.swaps().len(), 1, "{:?}", house.swaps());
    house.assert_nothing_lost();
    said.out
}

/// `claude -p`.
pub fn a_limit_in_text_is_moved_away_from(ground: &Ground) -> Value {
    let out = moved(ground, &[]);
    assert_eq!(out.trim(), format!("answered for {ADA}"));
    Value::Null
}

/// `--output-format json`.
pub fn a_limit_in_json_is_moved_away_from(ground: &Ground) -> Value {
    let out = moved(ground, &["--output-format", "json"]);
    let document: Value = serde_json::from_str(&out).expect("one document");
    assert_eq!(document["is_error"], false, "{document}");
    Value::Null
}

/// `--output-format stream-json`.
pub fn a_limit_in_stream_json_is_moved_away_from(ground: &Ground) -> Value {
    let out = moved(ground, &["--output-format", "stream-json", "--verbose"]);
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect("a document"));
    let results: Vec<Value> = lines.filter(|line| line["type"] == "result").collect();
    assert_eq!(results.len(), 1, "{results:?}");
    assert_eq!(results[0]["is_error"], false, "{results:?}");
    Value::Null
}

/// The servers are busy, the account is not full: nothing moves, in any form of output.
pub fn throttling_moves_nothing(ground: &Ground) -> Value {
    let (mut house, _daemon) = driven(ground);
    house.set("CLAUDE_CODE_MAX_RETRIES", "1");
    house.fake.world().fault(Fault::always(Endpoint::Messages, Fault::status(429)));
    for words in
        [&[][..], &["--output-format", "json"], &["--output-format", "stream-json", "--verbose"]]
    {
        let said = house.run(&[&["sluice", "run", "--", "claude", "-p", "hi"], words].concat());
        assert_ne!(said.code, 0, "{said:?}");
        assert_eq!(house.in_store().as_deref(), Some(BOB), "swapped: {said:?}");
    }
    assert_eq!(house.swaps().len(), 0, "{:?}", house.swaps());
    let asked = house.asked(MESSAGES);
    assert!(asked.iter().all(|one| one.account.as_deref() == Some(BOB)), "{asked:?}");
    Value::Null
}

/// A login that was signed out elsewhere: the provider's words, as the tool passes them on.
pub fn a_revoked_login_is_moved_away_from(ground: &Ground) -> Value {
    let (house, _daemon) = driven(ground);
    let revoked =
        FaultKind::Status { status: 403, body: Some(REVOKED.to_owned()), retry_after: None };
    house.fake.world().fault(Fault::always(Endpoint::Messages, revoked).of(BOB));
    let said = house.run(&["sluice", "run", "--", "claude", "-p", "hi"]);
    assert_eq!(said.out.trim(), format!("answered for {ADA}"), "{said:?}");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(house.in_store().as_deref(), Some(ADA));
    Value::Null
}

fn codex_moved(ground: &Ground, words: &[&str]) -> String {
    let full =
        |email: &str| AccountSpec { five_hour: 5.0, ..AccountSpec::codex(email, 20.0, 96.0) };
    let house = House::new(ground, Setup::of(vec![full(CARA), full(DORA)]));
    house.add_codex(CARA);
    house.add_codex(DORA);
    let _daemon = house.daemon();
    house.done(&["mode", "auto", "--provider", "codex"]);
    wait_read(&house, &[CARA, DORA]);
    house.fake.world().set_usage(DORA, 100.0, 40.0);
    let run = ["sluice", "run", "--", "codex", "exec", "--skip-git-repo-check"];
    let said = house.run(&[&run[..], words, &["hi"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(house.in_codex_store().as_deref(), Some(CARA), "{said:?}");
    assert!(said.out.contains(&format!("answered for {CARA}")), "{said:?}");
    assert!(!said.out.contains("usage limit"), "{said:?}");
    house.assert_nothing_lost();
    said.out
}

/// `codex exec`: the limit stands on standard error.
pub fn codex_at_its_limit_is_moved_away_from(ground: &Ground) -> Value {
    codex_moved(ground, &[]);
    Value::Null
}

/// `codex exec --json`: an error comes before anything was produced.
pub fn codex_at_its_limit_in_json_is_moved_away_from(ground: &Ground) -> Value {
    let out = codex_moved(ground, &["--json"]);
    assert!(!out.contains("turn.failed"), "{out}");
    Value::Null
}

/// Three accounts, the last of them live.
pub fn three(ground: &Ground) -> House {
    let specs =
        vec![spec(ADA, 33.0, 7.0), spec("cyd@example.test", 20.0, 30.0), spec(BOB, 10.0, 50.0)];
    let house = House::new(ground, Setup::of(specs));
    for email in [ADA, "cyd@example.test", BOB] {
        house.add(email);
    }
    house
}
