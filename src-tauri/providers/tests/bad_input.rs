//! Answers that cannot be true: none ends the program, none is taken for nothing used, and each is told.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use serde_json::{Value, json};
use sluice_engine::{Percent, Utc, WindowKind};
use sluice_providers::claude::{parse_profile, parse_usage};
use sluice_providers::codex;
use sluice_providers::json::{Odd, Oddity};
use sluice_providers::reading::mind_ends;

const NOW: Utc = Utc::from_seconds(1_795_262_400);

fn share(value: &Value) -> (Option<f64>, Vec<Oddity>) {
    let answer = json!({"five_hour": {"utilization": value}, "seven_day": {"utilization": 40}});
    let reply = parse_usage(answer.to_string().as_bytes());
    assert_eq!(reply.usage.long().used.map(Percent::get), Some(40.0), "the other one stays");
    (reply.usage.short().used.map(Percent::get), reply.oddities)
}

#[test]
fn shares_that_cannot_be_are_unknown_and_told() {
    for (value, wanted) in [
        (json!(-3), None),
        (json!(103.7), Some(103.7)),
        (json!("NaN"), None),
        (json!(1e9), None),
        (json!("41.5"), Some(41.5)),
        (json!("much"), None),
        (json!([41]), None),
    ] {
        let (used, oddities) = share(&value);
        assert_eq!(used, wanted, "{value}");
        assert_eq!(oddities.is_empty(), wanted.is_some(), "{value}: {oddities:?}");
        let answer = json!({"rate_limit": {"primary_window":
            {"used_percent": value, "limit_window_seconds": 18_000}}});
        let reading = codex::parse_usage(answer.to_string().as_bytes(), NOW);
        assert_eq!(reading.usage.short().used.map(Percent::get), wanted, "Codex: {value}");
        assert_eq!(reading.oddities.is_empty(), wanted.is_some(), "Codex: {value}");
    }
    // A bare NaN is no JSON at all: the answer says nothing, and that is told.
    let reply = parse_usage(br#"{"five_hour":{"utilization":NaN}}"#);
    assert!(!reply.readable && reply.oddities[0].odd == Odd::NotJson);
}

#[test]
fn ends_in_the_past_and_far_ahead_are_told() {
    let far = NOW.plus_seconds(400 * 86_400);
    for (end, kept) in [(NOW.plus_seconds(-86_400), true), (far, false), (NOW, true)] {
        let seconds = end.millis() / 1_000;
        let answer = json!({"five_hour": {"utilization": 97, "resets_at": seconds}});
        let mut reply = parse_usage(answer.to_string().as_bytes());
        mind_ends(&mut reply.usage, NOW, &mut reply.oddities);
        assert_eq!(reply.usage.short().used.map(Percent::get), Some(97.0), "no zero is made of it");
        assert_eq!(reply.usage.short().resets_at.is_some(), kept);
        assert_eq!(reply.oddities.is_empty(), end == NOW, "{:?}", reply.oddities);
        let answer = json!({"rate_limit": {"primary_window":
            {"used_percent": 97, "limit_window_seconds": 18_000, "reset_at": seconds}}});
        let reading = codex::parse_usage(answer.to_string().as_bytes(), NOW);
        assert_eq!(reading.usage.short().resets_at.is_some(), kept);
        assert_eq!(reading.oddities.is_empty(), end == NOW, "{:?}", reading.oddities);
    }
}

#[test]
fn of_two_windows_of_one_kind_the_fuller_counts() {
    for (first, second) in [(97, 3), (3, 97)] {
        let row = |percent: i32| json!({"kind": "session", "percent": percent, "scope": null});
        let answer = json!({"limits": [row(first), row(second)]});
        let reply = parse_usage(answer.to_string().as_bytes());
        assert_eq!(reply.usage.short().used.map(Percent::get), Some(97.0));
        assert!(reply.oddities.iter().any(|oddity| oddity.odd == Odd::Contradiction));
    }
}

#[test]
fn a_plan_name_of_ten_thousand_characters_is_cut() {
    let name = "x".repeat(10_000);
    let answer = json!({"account": {"uuid": "a"}, "organization": {"uuid": "o",
        "organization_type": name, "rate_limit_tier": name}});
    let plan = parse_profile(answer.to_string().as_bytes()).unwrap().plan;
    assert!(plan.subscription.unwrap_or_default().len() <= 120);
    assert!(plan.rate_limit_tier.unwrap_or_default().len() <= 120);
    let answer = json!({"plan_type": name, "rate_limit": null});
    let reading = codex::parse_usage(answer.to_string().as_bytes(), NOW);
    assert!(reading.plan.unwrap().len() <= 120);
    let row = json!({"limits": [{"kind": name, "percent": 5}]});
    let usage = parse_usage(row.to_string().as_bytes()).usage;
    assert!(usage.further().all(|metered| metered.kind.label().len() <= 120));
    assert_eq!(usage.window(&WindowKind::FiveHour).used, None);
}
