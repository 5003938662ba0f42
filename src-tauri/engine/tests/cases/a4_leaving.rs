//! AS-108 … AS-134: when an account is left.

use crate::fixture::{Play, With, account, at, in_hours, in_minutes, now, seed};
use sluice_engine::WindowKind;
use sluice_engine::rule::Rule;
use sluice_engine::tiered::{self, Seat};
use sluice_engine::{Account, AccountId, Burn, Rules, Trigger, Utc, World, explain};

fn fired_in(world: &World, best: bool, rate: f64, at: Utc) -> Option<Rule> {
    let survey = world.survey(at);
    let active = survey.find(AccountId(1)).unwrap();
    let rules = Rules::seed();
    tiered::departure(&Seat {
        account: &world.accounts[0],
        active,
        best: survey.find(AccountId(2)).filter(|_| best),
        burn: Burn { five_hour: rate, ..Burn::default() },
        model: None,
        rules: &rules,
        now: at,
    })
}

fn fired(active: Account, best: Option<Account>) -> Option<Rule> {
    let some = best.is_some();
    let mut accounts = vec![active];
    accounts.extend(best);
    fired_in(&seed(accounts), some, 0.0, now())
}

fn trigger(rule: Option<Rule>) -> Option<Trigger> {
    rule.map(|rule| rule.trigger())
}

fn t0(used: f64) -> Account {
    account(2).week(used, in_hours(12.0))
}

fn active(used: f64, hours: f64) -> Account {
    account(1).week(used, in_hours(hours))
}

/// 23:00 the next day: T1, target 90.
fn late() -> Utc {
    at("2026-05-05T23:00:00Z")
}

#[test]
fn as_108_nobody_better_stays() {
    assert_eq!(fired(active(50.0, 72.0).short(20.0, None), None), None);
}

#[test]
fn as_109_t1_over_t2() {
    let best = account(2).week(50.0, late());
    assert_eq!(trigger(fired(active(50.0, 72.0), Some(best))), Some(Trigger::HigherTierEmerged));
}

#[test]
fn as_110_the_same_tier_stays() {
    let best = account(2).week(10.0, in_hours(72.0));
    assert_eq!(fired(active(80.0, 72.0), Some(best)), None);
}

#[test]
fn as_111_a_drained_t0_is_left() {
    let best = account(2).week(10.0, in_hours(72.0));
    assert_eq!(trigger(fired(active(100.0, 12.0), Some(best))), Some(Trigger::TierDrained));
}

fn critical(reset: Option<f64>) -> Option<Trigger> {
    let active = active(50.0, 72.0).short(95.0, reset.map(in_minutes));
    trigger(fired(active, None))
}

#[test]
fn as_112_critical_with_a_far_reset_is_left() {
    assert_eq!(critical(Some(120.0)), Some(Trigger::ForcedCritical));
}

#[test]
fn as_113_critical_with_a_reset_in_8_min_stays() {
    assert_eq!(critical(Some(8.0)), None);
}

#[test]
fn as_114_critical_with_a_reset_in_25_min_stays() {
    assert_eq!(critical(Some(25.0)), None);
}

#[test]
fn as_115_critical_with_a_reset_in_40_min_is_left() {
    assert_eq!(critical(Some(40.0)), Some(Trigger::ForcedCritical));
}

#[test]
fn as_116_a_near_reset_does_not_mute_a_higher_tier() {
    let active = active(50.0, 72.0).short(95.0, Some(in_minutes(8.0)));
    assert_eq!(trigger(fired(active, Some(t0(50.0)))), Some(Trigger::HigherTierEmerged));
}

#[test]
fn as_117_a_quiet_t3_stays() {
    assert_eq!(fired(active(10.0, 144.0), None), None);
}

#[test]
fn as_118_a_fast_burn_is_projected() {
    let world = seed(vec![active(50.0, 72.0).short(82.0, None)]);
    let rule = fired_in(&world, false, 2.0, now());
    assert_eq!(trigger(rule.clone()), Some(Trigger::BurnRate));
    let text = explain::recorded(&rule.unwrap());
    assert_eq!(text, "burn-rate projection: 82.0% -> 102.0% in 10min");
}

fn without_week() -> Account {
    account(1).with(|account| *account.usage.of_kind(&WindowKind::SevenDay) = Default::default())
}

#[test]
fn as_119_no_weekly_data_stays() {
    assert_eq!(fired(without_week(), None), None);
}

#[test]
fn as_120_no_weekly_data_and_critical_is_left() {
    assert_eq!(
        trigger(fired(without_week().short(95.0, None), None)),
        Some(Trigger::ForcedCritical)
    );
}

#[test]
fn as_121_no_weekly_data_and_a_t0_is_left() {
    assert_eq!(trigger(fired(without_week(), Some(t0(50.0)))), Some(Trigger::HigherTierEmerged));
}

#[test]
fn as_122_t3_above_its_floor_stays() {
    assert_eq!(fired(active(30.0, 144.0), None), None);
}

#[test]
fn as_123_t2_above_its_floor_stays() {
    assert_eq!(fired(active(80.0, 72.0), None), None);
}

#[test]
fn as_124_a_drained_t0_names_its_use() {
    let text = explain::recorded(&fired(active(100.0, 12.0), None).unwrap());
    assert_eq!(text, "drained: 7d usage 100.0% >= tier target 100.0%");
}

#[test]
fn as_125_a_drained_t1_names_its_target() {
    let text = explain::recorded(&fired(account(1).week(90.0, late()), None).unwrap());
    assert_eq!(text, "drained: 7d usage 90.0% >= tier target 90.0%");
}

#[test]
fn as_126_t1_that_ends_in_the_afternoon_has_a_target_between() {
    let reset = at("2026-05-05T15:00:00Z");
    assert_eq!(fired(account(1).week(91.0, reset), None), None);
    assert_eq!(trigger(fired(account(1).week(93.0, reset), None)), Some(Trigger::TierDrained));
}

/// Active two minutes inside T1, the best clearly T1.
fn at_the_edge() -> World {
    seed(vec![active(50.0, 48.0 - 1.0 / 60.0), account(2).week(50.0, in_hours(36.0))])
}

#[test]
fn as_127_without_memory_the_edge_is_sharp() {
    assert_eq!(fired_in(&at_the_edge(), true, 0.0, now()), None);
}

#[test]
fn as_128_with_memory_the_active_is_still_t2() {
    let world = at_the_edge().remember(1, 2).remember(2, 1);
    assert_eq!(trigger(fired_in(&world, true, 0.0, now())), Some(Trigger::HigherTierEmerged));
}

fn pair(active_used: f64, active_h: f64, best_used: f64, best_h: f64) -> Option<Trigger> {
    let best = account(2).week(best_used, in_hours(best_h));
    trigger(fired(active(active_used, active_h), Some(best)))
}

#[test]
fn as_129_a_t0_that_loses_faster_preempts() {
    assert_eq!(pair(80.0, 20.0, 50.0, 6.0), Some(Trigger::IntraTierPreempted));
}

#[test]
fn as_130_a_little_faster_does_not() {
    assert_eq!(pair(50.0, 20.0, 40.0, 18.0), None);
}

#[test]
fn as_131_a_small_rest_does_not() {
    assert_eq!(pair(50.0, 20.0, 96.0, 2.0), None);
}

#[test]
fn as_132_a_later_end_does_not() {
    assert_eq!(pair(50.0, 6.0, 10.0, 20.0), None);
}

#[test]
fn as_133_a_near_reset_does_not_mute_preemption() {
    let active = active(80.0, 20.0).short(95.0, Some(in_minutes(8.0)));
    let best = account(2).week(50.0, in_hours(6.0));
    assert_eq!(trigger(fired(active, Some(best))), Some(Trigger::IntraTierPreempted));
}

#[test]
fn as_134_whoever_is_admitted_for_a_near_reset_is_not_thrown_out_for_it() {
    // The same window, once as a candidate's and once as the active account's.
    for minutes in [1.0, 15.0, 30.0] {
        let reset = Some(in_minutes(minutes));
        let world = seed(vec![account(1), t0(50.0).short(95.0, reset)]);
        assert_eq!(world.best(), Some(2), "admitted at {minutes} min");
        assert_eq!(fired(active(50.0, 12.0).short(95.0, reset), None), None);
    }
}
