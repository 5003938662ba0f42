//! Every recording is read as its manifest expects, and what compares them finds differences.
//! `cargo xtask fixtures DIR…` replays others.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod replay;

use replay::compare::expect;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn every_recording_is_read_as_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let outcome = replay::replay(&directory).unwrap();
    assert!(outcome.failed.is_empty(), "{:#?}", outcome.failed);
    assert!(outcome.passed >= 146, "only {} recordings", outcome.passed);
}

/// Keys of `expect` that scripts of others use; each has a recording here.
const KEYS: [&str; 14] = [
    "warn",
    "usage_available",
    "resets_text",
    "error",
    "warning",
    "class",
    "action",
    "spend_pct",
    "spend",
    "unknown_rows",
    "success",
    "state",
    "capture_allowed",
    "keep_last_good",
];

#[test]
fn every_key_that_can_be_expected_has_a_recording() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest.json");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let fixtures = manifest["fixtures"].as_array().unwrap();
    let missing: Vec<&str> = KEYS
        .into_iter()
        .filter(|key| fixtures.iter().all(|fixture| fixture["expect"].get(key).is_none()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let by_key = fixtures.iter().filter(|one| one["expect"]["state"] == "api_key").count();
    assert!(by_key >= 2, "a login by key in each tool");
}

fn check(expected: Value, read: Value) -> bool {
    expect(expected.as_object().unwrap(), read.as_object().unwrap()).is_ok()
}

#[test]
fn what_was_not_read_fails_even_where_null_is_expected() {
    assert!(!check(json!({"a": null}), json!({})));
    assert!(!check(json!({"a": {"b": null}}), json!({"a": {}})));
    assert!(check(json!({"a": null}), json!({"a": null, "b": 1})));
}

#[test]
fn zero_is_not_unknown() {
    assert!(!check(json!({"pct": null}), json!({"pct": 0})));
    assert!(!check(json!({"pct": 0}), json!({"pct": null})));
}

#[test]
fn resets_compare_as_instants() {
    let read = json!({"resets_at": 1_795_262_400.25});
    assert!(check(json!({"resets_at": "2026-11-21T12:00:00.250000+00:00"}), read.clone()));
    assert!(check(json!({"resets_at": 1_795_262_400}), read.clone()));
    assert!(!check(json!({"resets_at": 1_795_262_402}), read));
}
