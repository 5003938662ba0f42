//! Windows that fall before their reset.

use super::fixture::*;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Fall, FallCause, Observation, Percent, Policy, Rules, Source, Usage, Utc,
    Window, WindowKind, World,
};

const ONE: AccountId = AccountId(1);
const WEEK: WindowKind = WindowKind::SevenDay;

fn pool() -> World {
    let accounts: Vec<Account> = (1..=3).map(account).collect();
    world(Rules { policy: Policy::Horizon, ..Rules::default() }, accounts)
}

fn read(
    world: &mut World,
    id: i64,
    source: Source,
    week: (f64, Option<Utc>),
    at: Utc,
) -> Vec<Fall> {
    let (used, resets_at) = week;
    let window = Window { used: Percent::new(used), resets_at };
    let fact = Fact::Usage(Usage::default().with(WEEK, window));
    let account = AccountId(id);
    world.observe(&Observation { account, at, source, fact }, clocks(at));
    world.fell_at(account, at)
}

fn endpoint(world: &mut World, id: i64, used: f64, reset: Utc, at: Utc) -> Vec<Fall> {
    read(world, id, Source::Endpoint, (used, Some(reset)), at)
}

#[test]
fn a_share_that_drops_before_its_reset_is_a_fall() {
    for reset in [Some(in_hours(72.0)), Some(in_hours(168.0)), None] {
        let mut world = pool();
        assert_eq!(endpoint(&mut world, 1, 61.0, in_hours(72.0), in_minutes(0.0)), []);
        let fell = read(&mut world, 1, Source::Endpoint, (0.0, reset), in_minutes(10.0));
        let (at, due) = (in_minutes(10.0), in_hours(72.0));
        let cause = FallCause::Unsaid;
        let wanted = Fall { kind: WEEK, before: 61.0, after: 0.0, at, due, cause };
        assert_eq!(fell, [wanted], "{reset:?}");
    }
}

#[test]
fn noise_a_reset_and_what_nobody_compares_are_no_falls() {
    let mut world = pool();
    let reset = in_hours(2.0);
    endpoint(&mut world, 1, 61.0, reset, in_minutes(0.0));
    assert_eq!(endpoint(&mut world, 1, 55.5, reset, in_minutes(5.0)), [], "noise");
    assert_eq!(endpoint(&mut world, 2, 3.0, reset, in_minutes(6.0)), [], "another account");
    let later = in_hours(170.0);
    assert_eq!(endpoint(&mut world, 1, 0.0, later, in_minutes(110.0)), [], "clocks differ");
    assert_eq!(endpoint(&mut world, 1, 40.0, later, in_minutes(130.0)), []);
    assert_eq!(endpoint(&mut world, 1, 1.0, in_hours(340.0), in_hours(171.0)), [], "the reset");
}

#[test]
fn a_stale_word_of_the_tool_is_no_fall() {
    let mut world = pool();
    let reset = in_hours(72.0);
    let tool = Source::ToolCache;
    read(&mut world, 1, tool, (20.0, Some(reset)), in_minutes(0.0));
    endpoint(&mut world, 1, 61.0, reset, in_minutes(10.0));
    let stale = read(&mut world, 1, tool, (20.0, Some(reset)), in_minutes(11.0));
    assert_eq!(stale, [], "compared with what the tool itself said");
    read(&mut world, 1, tool, (62.0, Some(reset)), in_minutes(12.0));
    assert_eq!(read(&mut world, 1, tool, (20.0, Some(reset)), in_minutes(13.0)), []);
    assert_eq!(endpoint(&mut world, 1, 62.0, reset, in_minutes(14.0)), []);
    // What the tool goes on saying, and a reset that only a new week has, are believed.
    assert_eq!(read(&mut world, 1, tool, (2.0, Some(reset)), in_minutes(24.0)).len(), 1);
    let mut world = pool();
    read(&mut world, 1, tool, (61.0, Some(reset)), in_minutes(0.0));
    let fell = read(&mut world, 1, tool, (0.0, Some(in_hours(168.0))), in_minutes(1.0));
    assert_eq!(fell.len(), 1);
}

#[test]
fn one_fall_is_one_whoever_tells_of_it() {
    let mut world = pool();
    let (reset, next) = (in_hours(72.0), in_hours(168.0));
    endpoint(&mut world, 1, 61.0, reset, in_minutes(0.0));
    read(&mut world, 1, Source::ToolCache, (61.0, Some(reset)), in_minutes(1.0));
    assert_eq!(endpoint(&mut world, 1, 0.0, next, in_minutes(5.0)).len(), 1);
    let again = read(&mut world, 1, Source::ToolCache, (1.0, Some(next)), in_minutes(7.0));
    assert_eq!(again, [], "the other source follows");
    assert_eq!(endpoint(&mut world, 1, 61.0, reset, in_minutes(9.0)), []);
    assert_eq!(endpoint(&mut world, 1, 1.0, next, in_minutes(12.0)), [], "servers disagree");
}

#[test]
fn what_it_was_is_told_by_what_came_with_it() {
    let reset = in_hours(72.0);
    let cause = |world: &World, id| world.falls(AccountId(id)).last().map(|fall| fall.cause);
    let mut world = pool();
    endpoint(&mut world, 1, 61.0, reset, in_minutes(0.0));
    endpoint(&mut world, 1, 48.0, reset, in_minutes(5.0));
    assert_eq!(cause(&world, 1), Some(FallCause::Correction));

    for before in [true, false] {
        let mut world = pool();
        endpoint(&mut world, 1, 61.0, reset, in_minutes(0.0));
        if before {
            world.limit_reset_spent(ONE, in_minutes(4.0));
        }
        endpoint(&mut world, 1, 0.0, reset, in_minutes(5.0));
        if !before {
            world.limit_reset_spent(ONE, in_minutes(6.0));
        }
        assert_eq!(cause(&world, 1), Some(FallCause::LimitReset), "told before: {before}");
    }

    let mut world = pool();
    for id in 1..=3 {
        endpoint(&mut world, id, 61.0, reset, in_minutes(0.0));
    }
    endpoint(&mut world, 1, 0.0, reset, in_minutes(5.0));
    assert_eq!(cause(&world, 1), Some(FallCause::Unsaid), "one alone");
    endpoint(&mut world, 2, 0.0, reset, in_minutes(90.0));
    assert_eq!(cause(&world, 1), Some(FallCause::Promotion));
    assert_eq!(cause(&world, 2), Some(FallCause::Promotion));
    assert_eq!(cause(&world, 3), None);
}

#[test]
fn a_restart_knows_what_was_said_and_what_fell() {
    let mut world = pool();
    endpoint(&mut world, 1, 61.0, in_hours(72.0), in_minutes(0.0));
    let stored = serde_json::to_string(&world.watches).unwrap();
    world.watches = serde_json::from_str(&stored).unwrap();
    world.restarted();
    assert_eq!(endpoint(&mut world, 1, 0.0, in_hours(168.0), in_minutes(5.0)).len(), 1);
    let stored = serde_json::to_string(&world.watches).unwrap();
    world.watches = serde_json::from_str(&stored).unwrap();
    assert_eq!(world.falls(ONE).len(), 1);
}

#[test]
fn a_fall_is_no_noise_and_no_idleness_to_the_plan() {
    let mut world = pool();
    let whole = |short: f64, week: f64, reset: Utc| {
        let at = |used, resets_at| Window { used: Percent::new(used), resets_at: Some(resets_at) };
        Usage::of(at(short, in_hours(5.0)), at(week, reset))
    };
    let mut see = |usage: Usage, minute: f64| {
        let (account, at, source) = (ONE, in_minutes(minute), Source::Endpoint);
        world.observe(&Observation { account, at, source, fact: Fact::Usage(usage) }, clocks(at));
        world.tick(at);
        (world.horizon.clone(), world.horizon.lanes[&LANE].rate)
    };
    let mut rate = 0.0;
    for step in 0..=6 {
        let step = f64::from(step);
        (_, rate) = see(whole(10.0 * step, 50.0 + step, in_hours(72.0)), 10.0 * step);
    }
    assert!(rate > 0.0);
    let (state, after) = see(whole(70.0, 0.0, in_hours(168.0)), 70.0);
    assert!(after > 0.9 * rate, "work went on: {after} after {rate}");
    assert!(state.noise < 0.5, "{}", state.noise);
    let gauge = &state.gauges[&ONE];
    assert!(gauge.long < 2.0, "{}", gauge.long);
    assert!(gauge.sum_short <= 70.0 && gauge.sum_long >= 5.0, "the ratio is not spoilt");
}

#[test]
fn a_window_that_was_given_back_refuses_nothing() {
    for policy in [Policy::Tiered, Policy::Horizon] {
        let mut world = pool();
        world.rules.policy = policy;
        endpoint(&mut world, 1, 99.0, in_hours(72.0), in_minutes(0.0));
        world.tell(1, Fact::LimitHit { resets_at: None, window: WEEK }, in_minutes(1.0));
        endpoint(&mut world, 1, 0.0, in_hours(72.0), in_minutes(2.0));
        assert!(world.memory[&ONE].refusals.is_empty(), "{policy:?}");
        assert!(world.horizon.gauges[&ONE].full_until <= 0.0, "{policy:?}");
    }
}

/// Hours of work, each of it a fifth of a 5-hour window, of which `ratio` make the week.
fn worked(world: &mut World, hours: i64, begun: i64, ratio: f64) {
    let (mut week, first) = (0.0, in_hours(begun as f64));
    for hour in begun..begun + hours {
        let at = in_hours(hour as f64);
        let step = (hour - begun) % 5;
        let short = 20.0 * step as f64;
        week = (week + if step > 0 { 20.0 / ratio } else { 0.0 }) % 100.0;
        let ends = first.plus_seconds(((hour - begun) / 5 + 1) * 18_000);
        let window =
            |used, resets_at| Window { used: Percent::new(used), resets_at: Some(resets_at) };
        let usage = Usage::of(window(short, ends), window(week, first.plus_seconds(90 * 86_400)));
        let (account, source) = (ONE, Source::Endpoint);
        world.observe(&Observation { account, at, source, fact: Fact::Usage(usage) }, clocks(at));
    }
}

#[test]
fn another_plans_capacity_is_known_after_a_day_of_work() {
    let mut world = pool();
    let told = |name: &str, tier: &str| {
        sluice_engine::Plan::told(
            sluice_engine::Provider::Claude,
            Some(name),
            Some(tier.to_owned()),
        )
    };
    world.accounts[0].plan = told("guild", "one");
    worked(&mut world, 40 * 24, 0, 20.0);
    let learned = |world: &World| {
        let gauge = &world.horizon.gauges[&ONE];
        sluice_engine::capacity_ratio(gauge.sum_short, gauge.sum_long)
    };
    assert!((learned(&world) - 20.0).abs() < 1.5, "{}", learned(&world));
    world.replan(ONE, told("guild", "two"), clocks(in_hours(960.0)));
    worked(&mut world, 24, 961, 8.0);
    assert!((learned(&world) - 8.0).abs() < 0.15 * 8.0, "{}", learned(&world));
}
