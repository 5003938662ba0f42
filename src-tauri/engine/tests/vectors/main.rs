//! Every recorded vector passes under `Rules::seed()`, damaged ones are answered, and what compares
//! them finds differences. `cargo xtask vectors PATH…` replays others.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod perturbed;
mod replay;

use replay::reading::rule_of;
use replay::{replay, replay_path, same};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The recorded vectors.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

#[test]
fn recorded_behaviour_is_reproduced() {
    let tally = replay_path(&folder()).unwrap();
    let shown: Vec<_> = tally.failures.iter().take(20).collect();
    assert!(tally.failures.is_empty(), "{} differ: {shown:#?}", tally.failures.len());
    assert!(tally.passed >= 3000, "only {} vectors were found", tally.passed);
}

#[test]
fn as_012_an_unreadable_reset_is_missing_and_is_not() {
    let vector = json!({
        "id": "as_012", "fn": "resets_within", "tz": "UTC", "out": false,
        "in": {"now": "2026-05-04T12:00:00Z", "resets_at": "not-a-date", "minutes": 10},
    });
    assert_eq!(replay(&vector), Ok(()));
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    let right = json!({"a": [1.0, {"b": "x"}], "c": null});
    assert!(same(&right, &right, "").is_ok());
    assert!(same(&json!({"a": [1.0 + 1e-12, {"b": "x"}], "c": null}), &right, "").is_ok());
    for wrong in [
        json!({"a": [1.1, {"b": "x"}], "c": null}),
        json!({"a": [1.0, {"b": "y"}], "c": null}),
        json!({"a": [1.0], "c": null}),
        json!({"a": [1.0, {"b": "x"}], "c": 0}),
        json!({"a": [1.0, {"b": "x"}], "c": null, "d": 1}),
    ] {
        assert!(same(&wrong, &right, "").is_err(), "{wrong}");
    }
}

#[test]
fn an_unknown_function_fails() {
    let vector = json!({"id": "x", "fn": "no_such", "tz": "UTC", "in": {}, "out": null});
    assert!(replay(&vector).unwrap_err().contains("no_such"));
}

#[test]
fn old_reasons_are_told_apart() {
    assert_eq!(rule_of("drained: x").map(|rule| rule.trigger().name()), Some("tier_drained"));
    assert!(rule_of("because").is_none());
}
