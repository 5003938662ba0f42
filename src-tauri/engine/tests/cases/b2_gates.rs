//! UM-031 … UM-043, UM-057 … UM-062, UM-078 … UM-083: gates, advisories, manual choice, restart.

use crate::fixture::{
    LANE, Play, With, account, clocks, in_hours, in_minutes, now, seed, survey, target,
};
use sluice_engine::advise::{self, STALL_AGE_S};
use sluice_engine::gates::backoff_left;
use sluice_engine::{AccountId, Gates, Settlement, Trigger, World};

fn stalled(swap: bool, best: bool, others: bool, fired: bool, age_s: f64) -> bool {
    advise::stalled(swap, best, others, fired, age_s, STALL_AGE_S)
}

#[test]
fn um_031_old_numbers_and_nobody_to_go_to_is_a_stall() {
    assert!(stalled(false, false, true, false, 2000.0));
}

#[test]
fn um_032_a_rule_and_no_other_account_is_a_stall() {
    assert!(stalled(false, false, false, true, 10.0));
}

#[test]
fn um_033_a_rule_and_no_candidate_is_a_stall() {
    assert!(stalled(false, false, true, true, 10.0));
}

#[test]
fn um_034_a_swap_is_none() {
    assert!(!stalled(true, false, true, true, 2000.0));
}

#[test]
fn um_035_fresh_numbers_and_no_rule_are_none() {
    assert!(!stalled(false, false, true, false, 10.0));
}

#[test]
fn um_036_a_candidate_and_no_rule_are_none() {
    assert!(!stalled(false, true, true, false, 2000.0));
}

fn word(tier: u8, deficit: Option<f64>) -> bool {
    advise::worth_a_word(false, false, Some((tier, deficit)))
}

#[test]
fn um_037_a_t0_far_behind_is_worth_a_word() {
    assert!(word(0, Some(22.5)));
}

#[test]
fn um_038_a_t1_too() {
    assert!(word(1, Some(22.5)));
}

#[test]
fn um_039_later_tiers_are_not() {
    assert!(!word(2, Some(22.5)) && !word(3, Some(22.5)));
}

#[test]
fn um_040_a_small_or_unknown_deficit_is_not() {
    assert!(!word(0, Some(5.0)) && !word(0, None));
}

#[test]
fn um_041_with_a_rule_it_is_not() {
    assert!(!advise::worth_a_word(false, true, Some((0, Some(22.5)))));
}

#[test]
fn um_042_with_a_swap_it_is_not() {
    assert!(!advise::worth_a_word(true, false, Some((0, Some(22.5)))));
}

#[test]
fn um_043_without_a_candidate_it_is_not() {
    assert!(!advise::worth_a_word(false, false, None));
}

#[test]
fn the_advisory_of_a_decision_follows_its_best_candidate() {
    let mut world =
        seed(vec![account(1).week(50.0, in_hours(20.0)), account(2).week(60.0, in_hours(21.0))]);
    let decision = world.tick(now());
    assert_eq!(decision.trigger, Trigger::Tick);
    assert_eq!(advise::same_tier(&decision, &survey(&world)), Some(AccountId(2)));
}

fn emerged(committed_ago_s: i64) -> World {
    let mut world =
        seed(vec![account(1).week(90.0, in_hours(120.0)), account(2).week(50.0, in_hours(12.0))]);
    world.gates().last_committed = Some(now().plus_seconds(-committed_ago_s));
    world
}

#[test]
fn um_057_a_voluntary_swap_waits_for_the_residency() {
    let decision = emerged(100).tick(now());
    assert_eq!((target(&decision), decision.trigger), (None, Trigger::ResidencyBlocked));
    assert!(decision.reason.ends_with("but minimum residency active (800s remaining)"));
}

#[test]
fn um_058_a_forced_one_does_not() {
    let mut world = seed(vec![
        account(1).week(90.0, in_hours(120.0)).short(95.0, None),
        account(2).week(10.0, in_hours(120.0)),
    ]);
    world.gates().last_committed = Some(now().plus_seconds(-100));
    assert_eq!(target(&world.tick(now())), Some(2));
}

#[test]
fn um_059_after_910_seconds_it_goes() {
    assert_eq!(target(&emerged(910).tick(now())), Some(2));
}

#[test]
fn um_060_the_backoff_doubles_up_to_ten_minutes() {
    let left = |failures, elapsed| backoff_left(failures, elapsed, 60.0, 600.0);
    assert_eq!(left(0, 0.0), 0.0);
    assert_eq!(left(1, 30.0), 30.0);
    assert_eq!(left(2, 30.0), 90.0);
    assert_eq!(left(10, 0.0), 600.0);
    assert_eq!(left(1, 120.0), 0.0);
    assert_eq!(left(u32::MAX, 0.0), 600.0);
}

fn failed_now() -> World {
    let mut world = seed(vec![
        account(1).week(90.0, in_hours(120.0)).short(95.0, None),
        account(2).week(10.0, in_hours(120.0)),
    ]);
    world.settle(LANE, Settlement::Failed, clocks(now()));
    world
}

#[test]
fn um_061_during_the_backoff_nothing_is_tried() {
    let decision = failed_now().tick(now());
    assert_eq!((target(&decision), decision.trigger), (None, Trigger::SwapAborted));
    assert!(decision.reason.contains("failure backoff active (60s remaining after 1 failed"));
}

#[test]
fn um_062_61_seconds_later_it_is() {
    assert_eq!(target(&failed_now().tick(now().plus_seconds(61))), Some(2));
}

#[test]
fn um_078_capacity_that_work_cannot_use_is_announced() {
    let world = seed(vec![account(1).week(50.0, in_hours(12.0))]);
    let told = advise::expiring(&survey(&world));
    assert_eq!(told.len(), 1);
    assert!(told[0].stranding > 2.0);
    assert_eq!((told[0].deficit, told[0].resets_at), (50.0, in_hours(12.0)));
}

#[test]
fn um_080_not_while_there_is_time() {
    let world = seed(vec![account(1).week(0.0, in_hours(144.0))]);
    assert!(advise::expiring(&survey(&world)).is_empty());
}

#[test]
fn um_081_not_a_single_percent() {
    let world = seed(vec![account(1).week(99.0, in_hours(12.0))]);
    assert!(advise::expiring(&survey(&world)).is_empty());
}

#[test]
fn um_082_a_change_by_a_person_starts_both_clocks() {
    let mut world = emerged(10_000);
    world.gates().streak = Some((0, 1));
    world.commit(2, true, now());
    let gates = world.gates();
    assert_eq!((gates.last_attempt, gates.last_committed), (Some(now()), Some(now())));
    assert_eq!(gates.streak, None);
    assert_eq!(gates.paused_until, Some(in_minutes(15.0)));
}

#[test]
fn ua_003_a_longer_pause_of_the_persons_own_stays() {
    let mut world = emerged(10_000);
    world.pause(LANE, in_minutes(60.0));
    world.commit(2, true, now());
    assert_eq!(world.gates().paused_until, Some(in_minutes(60.0)));
}

#[test]
fn ua_004_a_shorter_one_is_extended() {
    let mut world = emerged(10_000);
    world.pause(LANE, in_minutes(2.0));
    world.commit(2, true, now());
    assert_eq!(world.gates().paused_until, Some(in_minutes(15.0)));
    world.resume(LANE);
    assert_eq!(world.gates().paused_until, None);
}

#[test]
fn um_083_a_restart_of_the_recorded_program_forgets_its_clocks() {
    let mut world = failed_now();
    world.gates().last_committed = Some(now());
    world.gates().streak = Some((0, 1));
    world.restarted();
    assert_eq!(*world.gates(), Gates::default());
    assert!(world.memory.is_empty());
}
