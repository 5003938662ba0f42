//! AS-001 … AS-013: burn rates, plan thresholds, near resets.

use crate::fixture::{in_minutes, now};
use sluice_engine::{Burn, Plan, target::resets_within};

fn critical(tier: Option<&str>, subscription: Option<&str>) -> f64 {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let plan = Plan { rate_limit_tier: text(tier), subscription: text(subscription), weight: None };
    plan.critical()
}

#[test]
fn as_001_a_first_look_has_no_rate() {
    let mut burn = Burn::default();
    burn.look(Some(45.0), Some(30.0), now());
    assert_eq!((burn.five_hour, burn.seven_day), (0.0, 0.0));
    assert_eq!((burn.last_five_hour, burn.last_seven_day), (Some(45.0), Some(30.0)));
}

#[test]
fn as_002_a_20x_plan_is_critical_at_95() {
    assert_eq!(critical(Some("default_claude_max_20x"), None), 95.0);
}

#[test]
fn as_003_a_10x_plan_at_90() {
    assert_eq!(critical(Some("default_claude_max_10x"), None), 90.0);
}

#[test]
fn as_004_a_5x_plan_at_90() {
    assert_eq!(critical(Some("default_claude_max_5x"), None), 90.0);
}

#[test]
fn as_005_a_pro_plan_at_80() {
    assert_eq!(critical(Some("pro"), Some("pro")), 80.0);
}

#[test]
fn as_006_a_max_plan_of_unknown_size_at_90() {
    assert_eq!(critical(None, Some("max")), 90.0);
}

#[test]
fn as_007_nothing_known_at_80() {
    assert_eq!(critical(None, None), 80.0);
}

#[test]
fn as_008_a_reset_in_5_min_is_within_10() {
    assert!(resets_within(Some(in_minutes(5.0)), now(), 10.0));
}

#[test]
fn as_009_a_reset_in_15_min_is_not() {
    assert!(!resets_within(Some(in_minutes(15.0)), now(), 10.0));
}

#[test]
fn as_010_a_past_reset_is_not() {
    assert!(!resets_within(Some(in_minutes(-5.0)), now(), 10.0));
}

#[test]
fn as_011_no_reset_is_not() {
    assert!(!resets_within(None, now(), 10.0));
}

#[test]
fn as_013_microseconds_count() {
    let reset = crate::fixture::at("2026-05-04T12:03:00.123456Z");
    assert!(resets_within(Some(reset), now(), 10.0));
    assert!(!resets_within(Some(reset), now(), 3.0));
}
