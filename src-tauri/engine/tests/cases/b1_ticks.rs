//! UM-001 … UM-030 and UM-044 … UM-056: a tick decides, and what its outcome changes.

use crate::fixture::{Play, With, account, clocks, in_hours, in_minutes, now, seed, target};
use sluice_engine::WindowKind;
use sluice_engine::gates::{self, Pull};
use sluice_engine::rule::Rule;
use sluice_engine::{Account, AccountId, Block, Burn, Generation, Settlement, Trigger, World};

/// Five days to the reset: T3.
fn t3(id: i64) -> Account {
    account(id).week(0.0, in_hours(120.0))
}

/// The active account at 95 of 5 hours, another behind its target.
fn forced() -> World {
    seed(vec![
        t3(1).week(50.0, in_hours(120.0)).short(95.0, None),
        t3(2).week(10.0, in_hours(120.0)).short(20.0, None),
    ])
}

#[test]
fn um_004_switched_off_nothing_is_decided_and_nothing_read() {
    let mut world = forced();
    world.gates().off = true;
    assert_eq!(target(&world.tick(now())), None);
    assert!(world.polls(clocks(now())).is_empty());
}

#[test]
fn um_006_while_paused_nothing_is_decided_and_nothing_read() {
    let mut world = forced();
    world.gates().paused_until = Some(in_hours(1000.0));
    assert_eq!(target(&world.tick(now())), None);
    assert!(world.polls(clocks(now())).is_empty());
}

#[test]
fn um_007_a_pause_that_is_over_counts_no_more() {
    let mut world = forced();
    world.gates().paused_until = Some(in_hours(-1000.0));
    assert_eq!(target(&world.tick(now())), Some(2));
}

#[test]
fn um_008_a_critical_account_is_left_for_one_behind_its_target() {
    let mut world = forced();
    let decision = world.tick(now());
    assert_eq!((target(&decision), decision.trigger), (Some(2), Trigger::ForcedCritical));
    assert_eq!(decision.reason, "5h critical: 95.0% >= 90%");
}

#[test]
fn um_009_alone_it_stays_and_says_why() {
    let mut world = seed(vec![t3(1).short(95.0, None)]);
    let decision = world.tick(now());
    assert_eq!((target(&decision), decision.trigger), (None, Trigger::NoTarget));
    assert!(decision.reason.contains("no eligible target"));
}

#[test]
fn um_010_old_numbers_decide_as_well() {
    let mut world = forced();
    world.account_mut(1).usage.observed_at = None;
    assert_eq!(target(&world.tick(now())), Some(2));
}

#[test]
fn um_011_a_lane_that_changed_underneath_arms_nothing() {
    let mut world = forced();
    assert_eq!(target(&world.tick(now())), Some(2));
    world.lanes[0].active = Some(AccountId(99));
    let before = world.lanes[0].clone();
    world.settle(crate::fixture::LANE, Settlement::Stale, clocks(now()));
    assert_eq!(world.lanes[0], before);
}

#[test]
fn um_012_an_unchanged_value_measures_nothing() {
    let mut burn =
        Burn { last_five_hour: Some(50.0), at: Some(now()), five_hour: 1.0, ..Burn::default() };
    burn.look(Some(50.0), Some(30.0), in_minutes(5.0));
    assert_eq!((burn.five_hour, burn.at, burn.unchanged), (1.0, Some(now()), 1));
}

#[test]
fn um_013_a_swap_forgets_the_burn_of_both() {
    let mut world = forced();
    let burn = Burn { five_hour: 3.0, ..Burn::default() };
    for id in [1, 2] {
        world.memory.entry(AccountId(id)).or_default().burn = burn;
    }
    world.commit(2, false, now());
    assert!(world.memory.values().all(|memory| memory.burn == Burn::default()));
}

#[test]
fn um_014_a_swap_just_now_blocks_the_next() {
    let mut world = forced();
    world.gates().last_attempt = Some(now());
    assert_eq!(world.tick(now()).trigger, Trigger::CooldownBlocked);
}

#[test]
fn um_015_310_seconds_later_it_does_not() {
    let mut world = forced();
    world.gates().last_attempt = Some(now().plus_seconds(-310));
    assert_eq!(target(&world.tick(now())), Some(2));
}

fn fifth_unchanged(used: f64) -> f64 {
    let mut world = seed(vec![t3(1).short(used, None)]);
    world.memory.entry(AccountId(1)).or_default().burn = Burn {
        five_hour: 1.0,
        last_five_hour: Some(used),
        unchanged: 4,
        at: Some(now()),
        ..Burn::default()
    };
    world.tick(in_minutes(5.0));
    world.memory[&AccountId(1)].burn.five_hour
}

#[test]
fn um_016_the_fifth_unchanged_look_fades_the_rate() {
    assert_eq!(fifth_unchanged(50.0), 0.8);
}

#[test]
fn um_017_above_the_warning_as_well() {
    assert_eq!(fifth_unchanged(85.0), 0.8);
}

fn emergence(active_hours: f64, best_hours: f64) -> World {
    seed(vec![
        account(1).week(90.0, in_hours(active_hours)),
        t3(2).week(10.0, in_hours(144.0)),
        account(3).week(80.0, in_hours(best_hours)),
    ])
}

#[test]
fn um_018_t0_is_preferred_to_t3() {
    let mut world = emergence(120.0, 12.0);
    let decision = world.tick(now());
    assert_eq!((target(&decision), decision.trigger), (Some(3), Trigger::HigherTierEmerged));
}

#[test]
fn um_019_working_hours_come_from_the_settings() {
    let mut world = seed(vec![account(1), account(2).week(93.5, in_hours(30.0))]);
    assert_eq!(world.best(), None, "with long days T1 is at its target");
    world.calendar = crate::fixture::calendar(0, 60);
    assert_eq!(world.survey(now()).standings[1].target, Some(90.0));
    world.calendar.midnights.clear();
    assert_eq!(
        world.survey(now()).standings[1].target,
        Some(90.0),
        "unknown midnights are careful"
    );
}

fn persisted(streak: &mut Option<(u8, u32)>, pull: Pull, best: Option<u8>) -> bool {
    gates::persisted(streak, pull, best, 2)
}

#[test]
fn um_020_a_first_emergence_is_held() {
    let mut streak = None;
    assert!(!persisted(&mut streak, Pull::Emerging, Some(0)));
    assert_eq!(streak, Some((0, 1)));
}

#[test]
fn um_021_the_second_passes() {
    let mut streak = Some((0, 1));
    assert!(persisted(&mut streak, Pull::Emerging, Some(0)));
    assert_eq!(streak, Some((0, 2)));
}

#[test]
fn um_022_accounts_of_one_tier_may_alternate() {
    let mut world = emergence(72.0, 30.0);
    world.accounts.push(account(4).week(80.0, in_hours(30.0)));
    assert_eq!(world.tick(now()).trigger, Trigger::EmergencePending);
    world.account_mut(3).automatic = false;
    assert_eq!(target(&world.tick(in_minutes(1.0))), Some(4));
}

#[test]
fn um_023_another_tier_begins_anew() {
    let mut streak = Some((0, 5));
    assert!(!persisted(&mut streak, Pull::Emerging, Some(1)));
    assert_eq!(streak, Some((1, 1)));
}

#[test]
fn um_024_preemption_has_to_persist_as_well() {
    let rule = Rule::Preemption { tier: 0, best: (50.0, 6.0), active: (20.0, 20.0) };
    assert_eq!(rule.pull(), Pull::Emerging);
    let mut world =
        seed(vec![account(1).week(80.0, in_hours(20.0)), account(2).week(50.0, in_hours(6.0))]);
    assert_eq!(world.tick(now()).trigger, Trigger::EmergencePending);
    assert_eq!(world.tick(in_minutes(1.0)).trigger, Trigger::IntraTierPreempted);
}

#[test]
fn um_025_drained_passes_and_ends_the_streak() {
    let mut streak = Some((0, 1));
    assert!(persisted(&mut streak, Pull::Decisive, Some(0)));
    assert_eq!(streak, None);
}

#[test]
fn um_026_nothing_with_a_candidate_ends_the_streak() {
    let mut streak = Some((0, 1));
    assert!(!persisted(&mut streak, Pull::Nothing, Some(0)));
    assert_eq!(streak, None);
}

#[test]
fn um_027_nothing_without_a_candidate_keeps_it() {
    let mut streak = Some((0, 1));
    assert!(!persisted(&mut streak, Pull::Nothing, None));
    assert_eq!(streak, Some((0, 1)));
}

#[test]
fn um_028_one_blind_look_does_not_restart_the_count() {
    let mut streak = None;
    assert!(!persisted(&mut streak, Pull::Emerging, Some(0)));
    assert!(!persisted(&mut streak, Pull::Nothing, None));
    assert!(persisted(&mut streak, Pull::Emerging, Some(0)));
    assert_eq!(streak, Some((0, 2)));
}

#[test]
fn um_029_t0_over_t3_passes_at_once() {
    let decision = emergence(120.0, 12.0).tick(now());
    assert_eq!((target(&decision), decision.trigger), (Some(3), Trigger::HigherTierEmerged));
}

#[test]
fn um_030_t1_over_t2_waits() {
    let mut world = emergence(72.0, 36.0);
    assert_eq!(world.tick(now()).trigger, Trigger::EmergencePending);
    assert_eq!(world.gates().streak, Some((1, 1)));
}

#[test]
fn um_045_a_committed_swap_moves_the_lane() {
    let mut world = forced();
    world.commit(2, false, now());
    assert_eq!(world.lanes[0].active, Some(AccountId(2)));
    assert_eq!(world.lanes[0].generation, Generation(1));
    assert_eq!(world.gates().last_committed, Some(now()));
}

#[test]
fn um_046_success_ends_the_failures() {
    let mut world = forced();
    world.gates().failed_attempts = 3;
    world.commit(2, false, now());
    assert_eq!(world.gates().failed_attempts, 0);
    assert_eq!(world.gates().last_committed, Some(now()));
}

#[test]
fn um_047_residency_is_counted_from_the_last_commit() {
    let mut world = forced();
    world.commit(2, false, now());
    let rules = world.rules.clone();
    assert_eq!(world.gates().residency_left(now().plus_seconds(100), &rules), 800.0);
}

#[test]
fn um_048_without_a_commit_there_is_no_residency() {
    let mut world = forced();
    let rules = world.rules.clone();
    assert_eq!(world.gates().residency_left(now(), &rules), 0.0);
}

fn failed_once() -> World {
    let mut world = forced();
    world.tick(now());
    world.settle(crate::fixture::LANE, Settlement::Failed, clocks(now()));
    world
}

#[test]
fn um_049_a_failed_attempt_leaves_the_lane() {
    let world = failed_once();
    assert_eq!(world.lanes[0].active, Some(AccountId(1)));
    assert_eq!(world.lanes[0].generation, Generation(0));
}

#[test]
fn um_050_after_a_failure_the_backoff_alone_governs() {
    let mut world = failed_once();
    let rules = world.rules.clone();
    let gates = world.gates();
    assert_eq!((gates.failed_attempts, gates.last_failure), (1, Some(now())));
    assert_eq!(gates.last_attempt, None);
    assert!(gates.backoff_left(now(), &rules) > 0.0);
}

#[test]
fn um_051_a_failure_keeps_the_burn() {
    let mut world = forced();
    let burn = Burn { five_hour: 2.0, unchanged: 3, ..Burn::default() };
    world.memory.entry(AccountId(1)).or_default().burn = burn;
    world.settle(crate::fixture::LANE, Settlement::Failed, clocks(now()));
    assert_eq!(world.memory[&AccountId(1)].burn, burn);
}

#[test]
fn um_052_each_rule_has_its_trigger() {
    let rules = [
        (Rule::HigherTier { best: 0, active: 1 }, "higher_tier_emerged"),
        (
            Rule::Preemption { tier: 0, best: (9.0, 1.0), active: (1.0, 9.0) },
            "intra_tier_preempted",
        ),
        (Rule::Drained { used: 100.0, target: 100.0 }, "tier_drained"),
        (Rule::ShortCritical { used: 95.0, critical: 90.0 }, "forced_critical"),
        (Rule::Projection { used: 85.0, projected: 95.0, minutes: 10.0 }, "burn_rate"),
        (Rule::Refused { window: WindowKind::named("five_hour") }, "failure_reported"),
        (Rule::LoginRefused, "failure_reported"),
        (Rule::WouldBill, "failure_reported"),
        (Rule::Blocked { why: Block::Limit }, "failure_reported"),
        (Rule::Plan { gained: 0.0, undone: 0.0 }, "plan_improved"),
    ];
    for (rule, name) in rules {
        assert_eq!(rule.trigger().name(), name);
    }
}

#[test]
fn um_053_a_healthy_single_account_ticks() {
    let decision = seed(vec![t3(1)]).tick(now());
    assert_eq!((target(&decision), decision.trigger), (None, Trigger::Tick));
    assert_eq!(decision.reason, "stay: no candidate has deficit (tier unset)");
}

#[test]
fn um_054_a_blocked_decision_names_its_target() {
    let mut world = forced();
    world.gates().last_attempt = Some(now());
    let decision = world.tick(now());
    assert_eq!((decision.trigger, decision.best), (Trigger::CooldownBlocked, Some(AccountId(2))));
}

#[test]
fn um_055_alone_at_95_there_is_no_target() {
    assert_eq!(seed(vec![t3(1).short(95.0, None)]).tick(now()).trigger, Trigger::NoTarget);
}

#[test]
fn um_056_a_forced_swap_is_told_as_one() {
    let decision = forced().tick(now());
    assert_eq!((target(&decision), decision.trigger.name()), (Some(2), "forced_critical"));
}
