//! NEW-1 … NEW-12: the recorded gaps, each under both rule sets.

use crate::fixture::{
    LANE, Play, With, account, clocks, in_hours, in_minutes, modern, now, seed, survey, target,
    world,
};
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Decision, Refusal, Rules, Settlement, Trigger, World, advise,
};

/// The same accounts under the recorded rules and under ours.
fn both(accounts: &[Account]) -> [World; 2] {
    [seed(accounts.to_vec()), modern(accounts.to_vec())]
}

fn decide_both(accounts: &[Account]) -> [Decision; 2] {
    both(accounts).map(|mut world| world.tick(now()))
}

#[test]
fn new_1_rescue_when_nobody_is_behind_its_target() {
    let accounts = [
        account(1).week(30.0, in_hours(72.0)).short(99.0, Some(in_hours(2.0))),
        account(2).week(60.0, in_hours(100.0)),
    ];
    let [recorded, ours] = decide_both(&accounts);
    assert_eq!((target(&recorded), recorded.trigger), (None, Trigger::NoTarget));
    assert_eq!((target(&ours), ours.trigger), (Some(2), Trigger::ForcedCritical));
}

#[test]
fn new_1_the_switch_alone_makes_the_difference() {
    let accounts = vec![
        account(1).week(30.0, in_hours(72.0)).short(99.0, Some(in_hours(2.0))),
        account(2).week(60.0, in_hours(100.0)),
    ];
    let only = Rules { rescue: true, ..Rules::seed() };
    assert_eq!(target(&world(only, accounts.clone()).tick(now())), Some(2));
    let without = Rules { rescue: false, ..Rules::default() };
    assert_eq!(target(&world(without, accounts).tick(now())), None);
}

#[test]
fn new_2_a_used_up_week_is_left_in_every_tier() {
    let accounts = [account(1).week(100.0, in_hours(60.0)), account(2).week(10.0, in_hours(60.0))];
    let [recorded, ours] = decide_both(&accounts);
    assert_eq!(target(&recorded), None);
    assert_eq!(target(&ours), Some(2));
    let only = Rules { leave_full_week: true, ..Rules::seed() };
    assert_eq!(target(&world(only, accounts.to_vec()).tick(now())), Some(2));
}

#[test]
fn new_3_a_draining_t0_is_left_before_it_refuses() {
    let accounts = [account(1).week(99.0, in_hours(12.0)), account(2).week(10.0, in_hours(60.0))];
    let [recorded, ours] = decide_both(&accounts);
    assert_eq!(target(&recorded), None);
    assert_eq!((target(&ours), ours.trigger), (Some(2), Trigger::TierDrained));
    let only = Rules { leave_before_full: true, ..Rules::seed() };
    assert_eq!(target(&world(only, accounts.to_vec()).tick(now())), Some(2));
}

#[test]
fn new_3_the_margin_grows_with_the_burn_and_stays_small() {
    let leaves = |used: f64, rate: f64| {
        let mut world = modern(vec![
            account(1).week(used, in_hours(60.0)),
            account(2).week(60.0, in_hours(100.0)),
        ]);
        world.memory.entry(AccountId(1)).or_default().burn.seven_day = rate;
        target(&world.tick(now())).is_some()
    };
    assert!(!leaves(98.0, 0.0), "idle: one percent is enough");
    assert!(leaves(98.0, 0.7), "2.1 % in the time a swap takes");
    assert!(!leaves(96.5, 50.0), "a wild rate costs three percent at most");
    assert!(leaves(97.0, 50.0));
}

/// T0, its 5-hour window full for another twenty minutes.
fn saturated() -> Account {
    account(2).week(40.0, in_hours(12.0)).short(100.0, Some(in_minutes(20.0)))
}

#[test]
fn new_4_no_landing_on_a_full_window() {
    let accounts = [account(1).week(90.0, in_hours(120.0)), saturated()];
    let [recorded, ours] = decide_both(&accounts);
    assert_eq!(target(&recorded), Some(2));
    assert_eq!(target(&ours), None);
    let refusal = ours.candidates.iter().find(|candidate| candidate.account == AccountId(2));
    assert_eq!(refusal.unwrap().refusal, Refusal::NoShortHeadroom);
}

#[test]
fn new_4_after_the_reset_it_is_taken() {
    let [_, mut ours] = both(&[account(1).week(90.0, in_hours(120.0)), saturated()]);
    ours.tick(now());
    let later = in_minutes(21.0);
    assert_eq!(target(&ours.tick(later)), Some(2));
}

#[test]
fn new_4_landing_keeps_a_margin_below_the_line_of_departure() {
    let near_line = account(2).week(40.0, in_hours(12.0)).short(85.0, Some(in_hours(4.0)));
    let [recorded, ours] = decide_both(&[account(1).week(90.0, in_hours(120.0)), near_line]);
    assert_eq!(target(&recorded), Some(2));
    assert_eq!(target(&ours), None);
}

#[test]
fn new_5_what_would_be_lost_decides_not_the_tier() {
    let accounts = [
        account(1).week(95.0, in_hours(150.0)),
        account(2).week(97.0, in_hours(23.0)),
        account(3).week(0.0, in_hours(25.0)),
    ];
    let [recorded, ours] = both(&accounts);
    assert_eq!(recorded.best(), Some(2));
    assert_eq!(ours.best(), Some(3));
    let only = Rules { value_before_tier: true, ..Rules::seed() };
    assert_eq!(world(only, accounts.to_vec()).best(), Some(3));
}

#[test]
fn new_5_no_hop_for_scraps() {
    let accounts = [account(1).week(0.0, in_hours(25.0)), account(2).week(97.0, in_hours(23.0))];
    let hops = |mut world: World| {
        world.tick(now());
        target(&world.tick(in_minutes(1.0)))
    };
    let [recorded, ours] = both(&accounts);
    assert_eq!(hops(recorded), Some(2));
    assert_eq!(hops(ours), None);
}

#[test]
fn new_6_preemption_inside_t1() {
    let accounts = [account(1).week(40.0, in_hours(40.0)), account(2).week(40.0, in_hours(26.0))];
    let twice = |mut world: World| {
        world.tick(now());
        world.tick(in_minutes(1.0))
    };
    let [recorded, ours] = both(&accounts).map(twice);
    assert_eq!(target(&recorded), None);
    assert_eq!((target(&ours), ours.trigger), (Some(2), Trigger::IntraTierPreempted));
    let only = Rules { preempt_within_tier: true, ..Rules::seed() };
    assert_eq!(target(&twice(world(only, accounts.to_vec()))), Some(2));
}

#[test]
fn new_7_two_that_expire_together_are_warned_of_for_the_sum() {
    // 22 hours, 16 of them working: 13.4 percent can be used, each has 10 left.
    let accounts = [account(1).week(90.0, in_hours(22.0)), account(2).week(90.0, in_hours(22.0))];
    let lost = |world: &World| -> f64 {
        advise::expiring(&survey(world)).iter().map(|told| told.stranding).sum()
    };
    let [recorded, ours] = both(&accounts);
    assert_eq!(lost(&recorded), 0.0, "each alone is given all hours");
    let achievable = ours.calendar.achievable(now(), in_hours(22.0));
    assert!((lost(&ours) - (20.0 - achievable)).abs() < 1e-9);
    assert!(lost(&ours) > 2.0);
}

/// 95 % in a window that ended ten minutes ago, read before that.
fn past_reset() -> Account {
    account(1)
        .week(50.0, in_hours(72.0))
        .short(95.0, Some(in_minutes(-10.0)))
        .with(|account| account.usage.observed_at = Some(in_minutes(-15.0)))
}

#[test]
fn new_8_a_value_from_before_the_reset_is_read_again_and_moves_nobody() {
    let accounts = [past_reset(), account(2).week(10.0, in_hours(72.0))];
    let [recorded, ours] = decide_both(&accounts);
    assert_eq!(target(&recorded), Some(2));
    assert_eq!(target(&ours), None);
    let [_, ours] = both(&accounts);
    let plans = ours.polls(clocks(now()));
    assert_eq!((plans[0].account, plans[0].due <= now()), (AccountId(1), true));
}

fn swapped_a_minute_ago(rules: Rules) -> World {
    let mut world = world(
        rules,
        vec![account(1).week(90.0, in_hours(120.0)), account(2).week(50.0, in_hours(12.0))],
    );
    world.lanes[0].active = Some(AccountId(2));
    world.commit(1, false, now().plus_seconds(-60));
    world.restarted();
    world
}

#[test]
fn new_9_a_restart_forgets_no_clock() {
    assert_eq!(target(&swapped_a_minute_ago(Rules::seed()).tick(now())), Some(2));
    let ours = swapped_a_minute_ago(Rules::default()).tick(now());
    assert_eq!((target(&ours), ours.trigger), (None, Trigger::ResidencyBlocked));
}

#[test]
fn new_9_gates_and_memory_survive_their_way_through_the_ledger() {
    let world = swapped_a_minute_ago(Rules::default());
    let text = serde_json::to_string(&world.lanes[0].gates).unwrap();
    assert_eq!(serde_json::from_str::<sluice_engine::Gates>(&text).unwrap(), world.lanes[0].gates);
    let text = serde_json::to_string(&world).unwrap();
    assert_eq!(serde_json::from_str::<World>(&text).unwrap(), world);
}

#[test]
fn new_10_usage_is_read_while_swaps_are_off_or_rest() {
    for change in [
        |world: &mut World| world.gates().off = true,
        |world: &mut World| world.gates().paused_until = Some(in_hours(2.0)),
    ] {
        let [recorded, ours] = both(&[account(1).week(10.0, in_hours(72.0))]).map(|mut world| {
            change(&mut world);
            world.polls(clocks(now())).len()
        });
        assert_eq!((recorded, ours), (0, 1));
    }
}

#[test]
fn new_11_offline_disqualifies_nobody() {
    let accounts = [account(1).week(90.0, in_hours(120.0)), account(2).week(50.0, in_hours(12.0))];
    let [recorded, ours] = both(&accounts).map(|mut world| {
        for minute in 0..10 {
            world.tell(2, Fact::Unreachable, in_minutes(f64::from(minute) - 10.0));
        }
        (world.best(), world.refusal(2), world.account_mut(2).usage.observed_at)
    });
    assert_eq!((recorded.0, recorded.1), (None, Refusal::Failing));
    assert_eq!((ours.0, ours.1), (Some(2), Refusal::Eligible));
    assert_eq!(ours.2, Some(now()), "how old the numbers are stays visible");
}

fn write_failed(rules: Rules) -> World {
    let mut world = world(
        rules,
        vec![account(1).week(90.0, in_hours(120.0)), account(2).week(50.0, in_hours(12.0))],
    );
    let to = AccountId(2);
    assert_eq!(target(&world.tick(now())), Some(2));
    world.settle(LANE, Settlement::Unwritten { to }, clocks(now()));
    world
}

#[test]
fn new_12_a_failed_write_is_a_failed_swap() {
    let mut recorded = write_failed(Rules::seed());
    assert_eq!(recorded.lanes[0].active, Some(AccountId(2)), "the record counts it as committed");
    assert_eq!(recorded.gates().failed_attempts, 0);
    let mut ours = write_failed(Rules::default());
    assert_eq!(ours.lanes[0].active, Some(AccountId(1)));
    assert_eq!((ours.gates().failed_attempts, ours.gates().last_committed), (1, None));
    let again = ours.tick(now().plus_seconds(30));
    assert_eq!(again.trigger, Trigger::SwapAborted);
    assert_eq!(ours.lanes[0].generation.0, 0);
}

#[test]
fn the_default_rules_differ_from_the_record_in_named_switches_only() {
    let (seed, ours) = (Rules::seed(), Rules::default());
    assert_eq!(
        (seed.residency_s, seed.cooldown_s, seed.manual_pause_s, seed.persistence_looks),
        (ours.residency_s, ours.cooldown_s, ours.manual_pause_s, ours.persistence_looks)
    );
    assert_eq!((seed.critical, seed.warning), (ours.critical, ours.warning));
}
