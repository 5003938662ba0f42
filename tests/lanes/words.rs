//! What counts as a failure and when it ends: the corpus.

use crate::tool::{Bench, lines};
use sluice_engine::Utc;
use sluice_engine::skip::FailureKind;

/// Runs a tool that says `text` and fails; the skip that came of it.
fn told(text: &str, zone: &str) -> Option<sluice_engine::skip::Skip> {
    let bench = Bench::new(1);
    std::fs::write(bench.home.path().join("said"), text).unwrap();
    let claude = bench.claude("cat \"$HOME/said\"; exit 1");
    let output = bench
        .command(&["run", "--lane", "work", "--", claude.to_str().unwrap(), "-p"])
        .env("TZ", zone)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{:?}", lines(&output));
    bench.ledger().skip(bench.accounts[0]).unwrap()
}

fn result(text: &str, status: u32) -> String {
    format!(
        r#"{{"type":"result","subtype":"success","is_error":true,"result":"{text}","api_error_status":{status}}}"#
    )
}

#[test]
fn a21_prose_is_no_failure() {
    for text in [
        "I added a retry for when the API answers with a rate limit.",
        "The docs mention 429 and opus weekly limits.",
        "see line 4290 of main.rs",
        "Zoom and room are words with an oom in them",
        "You are at 91 % used of your session limit",
        "5 hour build finished",
        r#"{"type":"assistant","message":{"content":[{"type":"text","text":"You've hit your session limit · resets 3:45pm"}]}}"#,
        r#"{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","utilization":0.91}}"#,
        r#"{"type":"system","subtype":"api_retry","error_status":529,"error":"overloaded","attempt":1}"#,
        &result("API Error: 529 Overloaded. This is a server-side issue", 529),
        &result("API Error: Server is temporarily limiting requests (not your usage limit)", 429),
        &result("API Error: 500 Internal server error", 500),
        &result("model_not_found: claude-nothing", 404),
    ] {
        assert_eq!(told(text, "UTC"), None, "{text}");
    }
}

#[test]
fn a21_structured_failures_count() {
    let rejected = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","rateLimitType":"five_hour","resetsAt":4102444800}}"#;
    let skip = told(rejected, "UTC").expect("a failure");
    assert_eq!(skip.kind, FailureKind::RateLimit);
    assert_eq!(skip.resets_at, Some(Utc::from_seconds(4_102_444_800)), "epoch seconds");
    for (text, kind) in [
        (result("You've hit your weekly limit · resets Mon 12:00am", 429), FailureKind::RateLimit),
        (result("Credit balance is too low", 400), FailureKind::Billing),
        (result("Login expired · Please run /login", 401), FailureKind::Auth),
    ] {
        assert_eq!(told(&text, "UTC").expect("a failure").kind, kind, "{text}");
    }
}

/// The instants around midnight, changes of the clocks and the turn of the year are in
/// `sluice_driver::spoken`, on a clock of its own; here the whole way is gone on the real one.
#[test]
fn a21_the_reset_is_read_in_the_tools_zone() {
    let now = crate::tool::later().plus_seconds(-3_600);
    for (zone, ahead_max) in [("UTC", 86_400.0), ("Asia/Tokyo", 86_400.0)] {
        let said = result("You've hit your session limit · resets 3:45pm", 429);
        let reset = told(&said, zone).and_then(|skip| skip.resets_at).expect("a reset");
        let ahead = reset.seconds_since(now);
        assert!((-60.0..=ahead_max).contains(&ahead), "{zone}: {ahead}");
        let minute_utc = reset.0.div_euclid(60_000_000).rem_euclid(1_440);
        let wanted = if zone == "UTC" { 15 * 60 + 45 } else { 6 * 60 + 45 };
        assert_eq!(minute_utc, wanted, "{zone}");
    }
    let named = result("You've hit your session limit · resets 3:45pm (Asia/Tokyo)", 429);
    let reset = told(&named, "UTC").and_then(|skip| skip.resets_at).expect("a reset");
    assert_eq!(reset.0.div_euclid(60_000_000).rem_euclid(1_440), 6 * 60 + 45);
    let hook = r#"{"session_id":"s","hook_event_name":"StopFailure","error":"rate_limit","last_assistant_message":"You've hit your session limit · resets 3:45pm (Asia/Tokyo)"}"#;
    let bench = Bench::new(1);
    let mut ledger = bench.ledger();
    let lane = ledger.default_lane(sluice_engine::Provider::Claude).unwrap().lane.id;
    ledger.adopt(lane, Some(bench.accounts[0]), None, Utc(0)).unwrap();
    bench.hook("stop-failure", hook, &[]);
    let skip = ledger.skip(bench.accounts[0]).unwrap().expect("a failure");
    assert_eq!(skip.resets_at.map(|at| at.0.div_euclid(60_000_000).rem_euclid(1_440)), Some(405));
}
