//! What the planner believes of an account between readings, seen by where it goes.

use crate::fixture::{Play, With, account, clocks, in_hours, in_minutes, now, target, world};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, LaneId, Observation, Percent, Policy, Provider, Rules, Source, Utc, Window,
    World,
};

/// A world of policy `horizon` whose accounts were read just now.
fn planned(accounts: Vec<Account>) -> World {
    let mut world = world(Rules { policy: Policy::Horizon, ..Rules::default() }, accounts);
    for id in 1..=world.accounts.len() as i64 {
        let usage = world.account_mut(id).usage.clone();
        world.tell(id, Fact::Usage(usage), now());
    }
    world.tick(now());
    world
}

fn half_used(id: i64) -> Account {
    account(id).week(50.0, in_hours(72.0)).short(50.0, Some(in_hours(3.0)))
}

fn refused(world: &mut World, id: i64, window: &str, ends: Utc, at: Utc) {
    world.tell(id, Fact::LimitHit { resets_at: Some(ends), window: WindowKind::named(window) }, at);
}

/// A reading of the account as it was, with other shares.
fn read(world: &mut World, id: i64, (short, week): (f64, f64), at: Utc) {
    let mut usage = world.account_mut(id).usage.clone();
    usage.of_kind(&WindowKind::FiveHour).used = Percent::new(short);
    usage.of_kind(&WindowKind::SevenDay).used = Percent::new(week);
    world.tell(id, Fact::Usage(usage), at);
}

/// Minutes since work of the lane was last seen.
fn unseen_min(world: &World, at: Utc) -> f64 {
    let last = world.horizon.lanes[&LaneId(1)].last_use.unwrap();
    at.0 as f64 / 60_000_000.0 - last
}

/// Account 1 is worked with until minute 10, and then read every five minutes up to minute 60.
fn stopped(read_later: impl Fn(&mut World, Utc)) -> World {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    read(&mut world, 1, (53.0, 50.0), in_minutes(5.0));
    read(&mut world, 1, (56.0, 50.0), in_minutes(10.0));
    for minute in 11..=60 {
        let at = in_minutes(f64::from(minute));
        if minute % 5 == 0 {
            read_later(&mut world, at);
        }
        world.tick(at);
    }
    world
}

#[test]
fn what_is_reckoned_between_readings_is_no_sign_of_work() {
    let world = stopped(|world, at| read(world, 1, (56.0, 50.0), at));
    assert_eq!(unseen_min(&world, in_minutes(60.0)), 50.0);
    let world = stopped(|world, at| {
        let mut usage = world.account_mut(1).usage.clone();
        *usage.of_kind(&WindowKind::FiveHour) = Window { used: Percent::new(0.0), resets_at: None };
        world.tell(1, Fact::Usage(usage), at);
    });
    assert_eq!(unseen_min(&world, in_minutes(60.0)), 50.0, "nor is a window it reckons open");
    let gauge = &world.horizon.gauges[&AccountId(1)];
    assert!(gauge.short < 1.0, "{}", gauge.short);
}

#[test]
fn what_an_earlier_stay_used_is_no_work_of_a_later_one() {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    read(&mut world, 1, (53.0, 50.0), in_minutes(5.0));
    world.tick(in_minutes(5.0));
    // It leaves ten minutes after the reading, and comes back an hour later.
    world.lanes[0].active = Some(AccountId(2));
    world.tick(in_minutes(15.0));
    world.lanes[0].active = Some(AccountId(1));
    world.tick(in_minutes(75.0));
    read(&mut world, 1, (60.0, 51.0), in_minutes(77.0));
    assert_eq!(unseen_min(&world, in_minutes(77.0)), 72.0);
    read(&mut world, 1, (62.0, 51.0), in_minutes(80.0));
    assert_eq!(unseen_min(&world, in_minutes(80.0)), 0.0);
}

/// Where the lane goes when account 1 refuses work, account 2 having refused it before.
fn refuge(window: &str, ends: Utc, later: (f64, f64)) -> Option<i64> {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    refused(&mut world, 2, window, ends, in_minutes(1.0));
    read(&mut world, 2, later, in_minutes(20.0));
    refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(21.0));
    target(&world.tick(in_minutes(21.0)))
}

#[test]
fn a_reading_next_to_full_agrees_with_the_refusal_before_it() {
    assert_eq!(refuge("five_hour", in_hours(3.0), (97.0, 50.0)), None);
    assert_eq!(refuge("five_hour", in_hours(3.0), (95.0, 50.0)), None);
    assert_eq!(refuge("seven_day", in_hours(72.0), (50.0, 97.0)), None);
}

#[test]
fn a_later_reading_with_room_undoes_a_refusal() {
    assert_eq!(refuge("five_hour", in_hours(3.0), (94.0, 50.0)), Some(2));
    assert_eq!(refuge("seven_day", in_hours(72.0), (50.0, 94.0)), Some(2));
}

#[test]
fn the_other_window_has_no_say_in_a_refusal() {
    assert_eq!(refuge("five_hour", in_hours(3.0), (50.0, 97.0)), Some(2));
    assert_eq!(refuge("seven_day", in_hours(72.0), (97.0, 50.0)), Some(2));
}

#[test]
fn a_refusal_ends_with_its_window() {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    refused(&mut world, 2, "five_hour", in_hours(3.0), in_minutes(1.0));
    refused(&mut world, 1, "five_hour", in_hours(4.0), in_minutes(179.0));
    assert_eq!(target(&world.tick(in_minutes(179.0))), None);
    assert_eq!(target(&world.tick(in_minutes(181.0))), Some(2));
}

#[test]
fn an_older_reading_that_comes_late_changes_nothing() {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    read(&mut world, 2, (100.0, 50.0), in_minutes(10.0));
    let fact = Fact::Usage(half_used(2).usage);
    let late =
        Observation { account: AccountId(2), at: in_minutes(5.0), source: Source::ToolCache, fact };
    world.observe(&late, clocks(in_minutes(10.5)));
    refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(11.0));
    assert_eq!(target(&world.tick(in_minutes(11.0))), None);
}

/// Account 2 is reckoned to be used up since its last reading, and account 1 refuses work.
fn reckoned(used: (f64, f64), change: impl FnOnce(&mut World)) -> Option<i64> {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    read(&mut world, 2, used, in_minutes(1.0));
    world.horizon.gauges.get_mut(&AccountId(2)).unwrap().short = 100.0;
    change(&mut world);
    refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(20.0));
    target(&world.tick(in_minutes(20.0)))
}

#[test]
fn a_lane_that_stands_still_takes_a_readings_word_against_its_own_reckoning() {
    assert_eq!(reckoned((50.0, 50.0), |_| {}), Some(2));
    assert_eq!(reckoned((97.0, 50.0), |_| {}), Some(2));
    assert_eq!(reckoned((98.0, 50.0), |_| {}), None, "less than a swap costs");
    assert_eq!(reckoned((50.0, 99.9), |_| {}), None, "so little of the week");
}

#[test]
fn a_reading_is_no_word_against_a_refusal_or_a_dead_login() {
    let hit = |world: &mut World| refused(world, 2, "five_hour", in_hours(3.0), in_minutes(10.0));
    assert_eq!(reckoned((50.0, 50.0), hit), None);
    let dead = |world: &mut World| {
        world.horizon.gauges.get_mut(&AccountId(2)).unwrap().dead_until = f64::INFINITY;
    };
    assert_eq!(reckoned((50.0, 50.0), dead), None);
}

/// A pool too large to be looked at one by one, as shares of the 5-hour windows.
fn large(shares: impl Iterator<Item = f64>) -> Vec<Account> {
    (1..).zip(shares).map(|(id, used)| half_used(id).short(used, Some(in_hours(3.0)))).collect()
}

#[test]
fn in_a_large_pool_too_the_one_account_with_room_is_found() {
    for roomy in [2, 17, 30] {
        let mut world = planned(large((1..=30).map(|id| if id == roomy { 50.0 } else { 100.0 })));
        refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(1.0));
        assert_eq!(target(&world.tick(in_minutes(1.0))), Some(roomy));
    }
}

#[test]
fn in_a_large_pool_too_another_providers_accounts_are_no_candidates() {
    let mut accounts = large((1..=30).map(|id| if id == 1 { 100.0 } else { 50.0 }));
    accounts.iter_mut().skip(1).for_each(|account| account.provider = Provider::Codex);
    let mut world = planned(accounts);
    refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(1.0));
    let decision = world.tick(in_minutes(1.0));
    assert_eq!((target(&decision), decision.candidates.len()), (None, 1));
}

#[test]
fn a_lane_that_stands_still_joins_another_when_no_account_is_free() {
    let mut accounts = large((1..=20).map(|_| 50.0));
    accounts.iter_mut().skip(6).for_each(|account| account.provider = Provider::Codex);
    let mut world = planned(accounts);
    for id in 2..=6 {
        let mut lane = world.lanes[0].clone();
        (lane.id, lane.active) = (LaneId(id), Some(AccountId(id)));
        world.lanes.push(lane);
    }
    assert_eq!(target(&world.tick(in_minutes(1.0))), None);
    refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(2.0));
    let to = target(&world.tick(in_minutes(2.0)));
    assert!(to.is_some_and(|to| (2..=6).contains(&to)), "{to:?}");
}

/// An account whose windows are twenty times the smallest plan's.
fn big(id: i64, short: f64) -> Account {
    half_used(id).short(short, Some(in_hours(3.0))).with(|one| one.plan.weight = Some(20.0))
}

#[test]
fn what_is_worth_a_move_is_a_share_of_the_accounts_own_window() {
    let stuck = |believed: f64, said: f64| {
        let mut world = planned(vec![big(1, 50.0), big(2, said)]);
        world.horizon.gauges.get_mut(&AccountId(2)).unwrap().short = believed;
        refused(&mut world, 1, "five_hour", in_hours(3.0), in_minutes(1.0));
        target(&world.tick(in_minutes(1.0)))
    };
    assert_eq!((stuck(100.0, 97.0), stuck(100.0, 98.0)), (Some(2), None), "2.6 % by the reading");
    assert_eq!((stuck(98.0, 98.0), stuck(99.0, 98.0)), (Some(2), None), "1.5 % rather than wait");
    let brimming = |room: f64| {
        let mut world = planned(vec![big(1, 99.6), big(2, 100.0 - room)]);
        target(&world.tick(in_minutes(1.0)))
    };
    assert_eq!((brimming(3.0), brimming(1.0)), (Some(2), None));
}

/// The week that `horizon` tells, which must be one line without a gap.
fn course(world: &World, to: Option<i64>) -> Vec<(i64, Utc, Utc)> {
    let told = world.course(LaneId(1), to.map(AccountId), now());
    assert_eq!(
        told,
        world.course(LaneId(1), to.map(AccountId), now()),
        "the same world, the same plan"
    );
    assert_eq!(told.first().map(|first| first.from), Some(now()));
    assert_eq!(told.last().map(|last| last.until), Some(in_hours(7.0 * 24.0)));
    for pair in told.windows(2) {
        assert_eq!(pair[0].until, pair[1].from);
        assert_ne!(pair[0].account, pair[1].account);
    }
    told.iter().map(|one| (one.account.0, one.from, one.until)).collect()
}

#[test]
fn a_plan_tells_who_is_live_over_the_coming_week() {
    let mut world = planned(vec![half_used(1), half_used(2)]);
    let staying = course(&world, None);
    assert_eq!(staying[0].0, 1);
    let moving = course(&world, Some(2));
    assert_eq!(moving[0].0, 2, "{moving:?}");

    // Little is left of the first one's week: the second takes over, long before the week is out.
    read(&mut world, 1, (50.0, 97.0), in_minutes(1.0));
    world.tick(in_minutes(1.0));
    let told = world.course(LaneId(1), None, in_minutes(1.0));
    assert!(told.len() > 1 && told[1].account == AccountId(2), "{told:?}");
    assert!(told[1].from < in_hours(48.0), "{told:?}");

    world.rules.policy = Policy::Tiered;
    assert_eq!(world.course(LaneId(1), None, in_minutes(1.0)), [], "it plans nothing");
}
