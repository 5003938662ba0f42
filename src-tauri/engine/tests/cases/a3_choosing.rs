//! AS-034 … AS-036 and AS-087 … AS-107: who may be chosen, and who comes first.

use crate::fixture::{Play, With, account, at, in_hours, in_minutes, now, seed};
use sluice_engine::target::{LANDING_LIMIT, RESET_LOOKAHEAD_MIN, has_short_headroom};
use sluice_engine::{Account, Login, Percent, Refusal, Utc, Window};

/// The best of these, account 1 (unknown reset) being active.
fn best(candidates: Vec<Account>) -> Option<i64> {
    let mut accounts = vec![account(1)];
    accounts.extend(candidates);
    seed(accounts).best()
}

/// 23:00 the next day: T1, target 90.
fn late() -> Utc {
    at("2026-05-05T23:00:00Z")
}

#[test]
fn as_034_the_last_slice_of_t0_is_chosen() {
    assert_eq!(best(vec![account(2).week(98.0, in_hours(2.0))]), Some(2));
}

#[test]
fn as_035_half_a_percent_of_t0_is_not() {
    assert_eq!(best(vec![account(2).week(99.5, in_hours(2.0))]), None);
}

#[test]
fn as_036_the_last_slice_counts_in_t0_only() {
    let early = at("2026-05-06T03:00:00Z");
    assert_eq!(best(vec![account(2).week(96.5, early)]), None);
}

#[test]
fn as_087_t0_before_t3() {
    let candidates =
        vec![account(2).week(10.0, in_hours(144.0)), account(3).week(80.0, in_hours(12.0))];
    assert_eq!(best(candidates), Some(3));
}

#[test]
fn as_088_the_sooner_of_two_t0() {
    let candidates =
        vec![account(2).week(50.0, in_hours(20.0)), account(3).week(50.0, in_hours(4.0))];
    assert_eq!(best(candidates), Some(3));
}

#[test]
fn as_089_the_emptier_of_two_that_end_together() {
    let candidates =
        vec![account(2).week(90.0, in_hours(12.0)), account(3).week(50.0, in_hours(12.0))];
    assert_eq!(best(candidates), Some(3));
}

#[test]
fn as_090_a_drained_t0_gives_way_to_t1() {
    let candidates = vec![account(2).week(100.0, in_hours(12.0)), account(3).week(50.0, late())];
    assert_eq!(best(candidates), Some(3));
}

#[test]
fn as_091_a_full_short_window_gives_way() {
    let candidates = vec![
        account(2).week(50.0, in_hours(12.0)).short(95.0, None),
        account(3).week(50.0, late()).short(10.0, None),
    ];
    assert_eq!(best(candidates), Some(3));
}

#[test]
fn as_092_nobody_when_all_are_at_their_targets() {
    let candidates = vec![account(2).week(100.0, in_hours(12.0)), account(3).week(90.0, late())];
    assert_eq!(best(candidates), None);
}

/// The T0 account is barred by this change; T1 is chosen.
fn barred(change: impl FnOnce(&mut Account), refusal: Refusal) {
    let accounts = vec![
        account(1),
        account(2).week(50.0, in_hours(12.0)).with(change),
        account(3).week(50.0, late()),
    ];
    let world = seed(accounts);
    assert_eq!(world.best(), Some(3));
    assert_eq!(world.refusal(2), refusal);
}

#[test]
fn as_093_an_account_excluded_from_automatic_swaps() {
    barred(|account| account.automatic = false, Refusal::NotAutomatic);
}

#[test]
fn as_094_an_invalid_account() {
    barred(|account| account.login = Login::NeedsSignIn, Refusal::NeedsSignIn);
}

#[test]
fn as_095_an_account_that_failed_five_times() {
    barred(|account| account.failures = 5, Refusal::Failing);
}

#[test]
fn as_096_an_account_without_a_credential() {
    barred(|account| account.login = Login::Missing, Refusal::NoCredential);
}

#[test]
fn as_097_an_account_whose_login_is_dead() {
    barred(|account| account.login = Login::NeedsSignIn, Refusal::NeedsSignIn);
}

fn room(used: f64, reset: Option<Utc>) -> bool {
    let window = Window { used: Percent::new(used), resets_at: reset };
    has_short_headroom(&window, now(), LANDING_LIMIT, RESET_LOOKAHEAD_MIN)
}

#[test]
fn as_098_half_full_has_room() {
    assert!(room(50.0, None));
}

#[test]
fn as_099_full_without_a_reset_has_none() {
    assert!(!room(95.0, None));
}

#[test]
fn as_100_full_with_a_near_reset_has_room() {
    assert!(room(95.0, Some(in_minutes(10.0))));
}

#[test]
fn as_101_full_with_a_far_reset_has_none() {
    assert!(!room(95.0, Some(in_hours(2.0))));
}

#[test]
fn as_102_full_before_a_past_reset_has_room() {
    assert!(room(95.0, Some(in_minutes(-10.0))));
}

#[test]
fn as_103_a_full_window_that_has_reset_is_chosen() {
    let candidate = account(2).week(50.0, in_hours(12.0)).short(95.0, Some(in_minutes(-5.0)));
    assert_eq!(best(vec![candidate]), Some(2));
}

#[test]
fn as_104_a_held_t1_is_at_its_target_where_t0_would_be_behind() {
    let at_edge = at("2026-05-04T23:02:00Z");
    let accounts = || vec![account(1), account(2).week(95.0, at("2026-05-05T23:00:00Z"))];
    let eligible = |world: sluice_engine::World| {
        world.survey(at_edge).eligible().map(|standing| standing.id.0).collect::<Vec<_>>()
    };
    assert!(eligible(seed(accounts()).remember(2, 1)).is_empty());
    assert_eq!(eligible(seed(accounts())), [2]);
}

#[test]
fn as_105_the_earlier_instant_wins_whatever_its_text() {
    let candidates = vec![
        account(2).week(50.0, at("2026-05-04T18:00:00Z")),
        account(3).week(50.0, at("2026-05-05T01:00:00+09:00")),
    ];
    assert_eq!(best(candidates), Some(3));
}

#[test]
fn as_106_without_a_reset_an_account_comes_last() {
    let world = seed(vec![account(1), account(2), account(3).week(50.0, late())]);
    assert_eq!(world.refusal(2), Refusal::NoReset);
    let survey = world.survey(now());
    assert_eq!(survey.ordered().next().unwrap().id.0, 3);
}

#[test]
fn as_107_a_burst_goes_down_the_tiers() {
    let three = |t0: f64, t1: f64| {
        vec![
            account(2).week(t0, in_hours(11.0)),
            account(3).week(t1, late()),
            account(4).week(5.0, in_hours(144.0)),
        ]
    };
    assert_eq!(best(three(30.0, 30.0)), Some(2));
    assert_eq!(best(three(100.0, 30.0)), Some(3));
    assert_eq!(best(three(100.0, 90.0)), Some(4));
}
