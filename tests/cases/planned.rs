//! What the planner believes of an account between readings, seen by where it goes.

use crate::fixture::{Play, With, account, clocks, in_hours, in_minutes, now, target, world};
use sluice_engine::observation::Fact;
use sluice_engine::{Account, AccountId, Observation, Percent, Policy, Rules, Source, Utc, World};

/// A world of policy `horizon` whose accounts were read just now.
fn planned(accounts: Vec<Account>) -> World {
    let mut world = world(Rules { policy: Policy::Horizon, ..Rules::default() }, accounts);
    for id in 1..=world.accounts.len() as i64 {
        let usage = world.account_mut(id).usage.clone();
        world.tell(id, Fact::Usage(usage), now());
    }
    world
}

fn half_used(id: i64) -> Account {
    account(id).week(50.0, in_hours(72.0)).short(50.0, Some(in_hours(3.0)))
}

fn refused(world: &mut World, id: i64, window: &str, ends: Utc, at: Utc) {
    world.tell(id, Fact::LimitHit { resets_at: Some(ends), window: window.into() }, at);
}

/// A reading of the account as it was, with other shares.
fn read(world: &mut World, id: i64, (short, week): (f64, f64), at: Utc) {
    let mut usage = world.account_mut(id).usage.clone();
    (usage.five_hour.used, usage.seven_day.used) = (Percent::new(short), Percent::new(week));
    world.tell(id, Fact::Usage(usage), at);
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
