//! Plans differ in their windows, and windows come and go: what a whole answer no longer names is gone,
//! and what a part of an answer leaves out is not.

use crate::fixture::{
    LANE, Play as _, With as _, account, clocks, in_hours, in_minutes, modern, now, target,
};
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Credits, Decision, Observation, Percent, Plan, Policy, Refusal, Source,
    Usage, Utc, Window, WindowKind, WindowState, World,
};

const POLICIES: [Policy; 2] = [Policy::Horizon, Policy::Tiered];

fn window(used: f64, resets_at: Utc) -> Window {
    Window { used: Percent::new(used), resets_at: Some(resets_at) }
}

/// A whole answer of the endpoint that names the week alone.
fn week_alone(used: f64) -> Usage {
    Usage::default().with(WindowKind::SevenDay, window(used, in_hours(72.0)))
}

fn both(short: f64, week: f64) -> Usage {
    Usage::of(window(short, in_hours(2.0)), window(week, in_hours(72.0)))
}

fn state(world: &World) -> WindowState {
    world.accounts[0].usage.state(&WindowKind::FiveHour)
}

fn alone() -> World {
    modern(vec![account(1).week(50.0, in_hours(72.0)).short(98.0, Some(in_hours(2.0)))])
}

fn tell_part(world: &mut World, usage: Usage, at: Utc) {
    let (account, source, fact) = (AccountId(1), Source::StatusLine, Fact::Usage(usage));
    world.observe(&Observation { account, at, source, fact }, clocks(at));
}

/// Two accounts; the second was all but full when its plan lost its 5-hour window.
fn grown(policy: Policy) -> World {
    let full = |id: i64| -> Account {
        account(id).week(21.0, in_hours(72.0)).short(99.8, Some(in_hours(4.0)))
    };
    let live = account(1).week(40.0, in_hours(72.0)).short(30.0, Some(in_hours(4.0)));
    let mut world = modern(vec![live, full(2)]);
    world.rules.policy = policy;
    for id in [1, 2] {
        let usage = world.account_mut(id).usage.clone();
        world.tell(id, Fact::Usage(usage), now());
    }
    let subscription = Some("ultra".into());
    world.tell(2, Fact::Plan(Plan { subscription, weight: Some(10.0), ..Plan::default() }), now());
    world
}

#[test]
fn a_plan_without_a_short_window_is_a_candidate_within_two_answers() {
    for policy in POLICIES {
        let mut world = grown(policy);
        let hit = |window| Fact::LimitHit { resets_at: Some(in_hours(4.0)), window };
        for minute in [5.0, 10.0] {
            world.tell(2, Fact::Usage(week_alone(21.0)), in_minutes(minute));
        }
        world.tell(1, hit(WindowKind::FiveHour), in_minutes(11.0));
        let decision = world.tick(in_minutes(12.0));
        assert_eq!(target(&decision), Some(2), "{policy:?}: {}", decision.reason);
        world.seat_changed(LANE, Some(AccountId(2)), clocks(in_minutes(12.0)));
        for hour in 1..30 {
            // Its week alone is told, and it is worked with.
            world.tell(
                2,
                Fact::Usage(week_alone(21.0 + f64::from(hour))),
                in_hours(f64::from(hour)),
            );
            let decision = world.tick(in_hours(f64::from(hour) + 0.01));
            let full = decision.reason.contains("full");
            assert!(!full && target(&decision).is_none(), "{policy:?} {hour}: {}", decision.reason);
        }
    }
}

#[test]
fn one_answer_without_a_window_is_no_proof() {
    let mut world = alone();
    world.tell(1, Fact::Usage(week_alone(51.0)), in_minutes(5.0));
    assert_eq!(state(&world), WindowState::Open);
    let usage = &world.accounts[0].usage;
    assert_eq!(usage.short().used, Percent::new(98.0));
    let read = (usage.read_at(&WindowKind::FiveHour), usage.read_at(&WindowKind::SevenDay));
    assert_eq!(read, (Some(now()), Some(in_minutes(5.0))), "it is as old as it was");
    world.tell(1, Fact::Usage(week_alone(52.0)), in_minutes(10.0));
    assert_eq!(state(&world), WindowState::Absent);
    assert_eq!(world.accounts[0].usage.short(), Window::default());
}

#[test]
fn an_hour_without_a_window_is_proof_enough() {
    let mut world = alone();
    let mut seen = both(98.0, 50.0);
    for minute in [1.0, 2.0] {
        // It wavers: two answers are not enough any more.
        world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(minute));
        seen = both(97.0, 50.0);
        world.tell(1, Fact::Usage(seen.clone()), in_minutes(minute + 0.5));
    }
    drop(seen);
    world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(10.0));
    world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(69.0));
    assert_eq!(state(&world), WindowState::Open);
    world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(70.0));
    assert_eq!(state(&world), WindowState::Absent);
}

#[test]
fn a_window_that_wavers_is_gone_after_three_answers_and_back_at_once() {
    let mut world = alone();
    let mut minute = 0.0;
    let mut tell = |world: &mut World, usage: Usage| {
        minute += 5.0;
        world.tell(1, Fact::Usage(usage), in_minutes(minute));
        state(world)
    };
    for _ in 0..20 {
        assert_eq!(tell(&mut world, week_alone(50.0)), WindowState::Open);
        assert_eq!(tell(&mut world, both(98.0, 50.0)), WindowState::Open);
    }
    assert_eq!(tell(&mut world, week_alone(50.0)), WindowState::Open);
    assert_eq!(tell(&mut world, week_alone(50.0)), WindowState::Open);
    assert_eq!(tell(&mut world, week_alone(50.0)), WindowState::Absent);
    assert_eq!(tell(&mut world, both(3.0, 50.0)), WindowState::Open, "back at once");
}

#[test]
fn a_part_of_an_answer_takes_no_window_away_and_brings_one_back() {
    let mut world = alone();
    for minute in 1..9 {
        tell_part(&mut world, week_alone(50.0), in_minutes(f64::from(minute)));
    }
    assert_eq!(state(&world), WindowState::Open, "a status line tells what it tells");
    for minute in [10.0, 11.0] {
        world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(minute));
    }
    assert_eq!(state(&world), WindowState::Absent);
    let silent = Usage::of(Window::default(), window(50.0, in_hours(72.0)));
    tell_part(&mut world, silent, in_minutes(12.0));
    assert_eq!(state(&world), WindowState::Absent, "an empty place is no window");
    tell_part(&mut world, both(7.0, 50.0), in_minutes(13.0));
    assert_eq!(state(&world), WindowState::Open);
}

#[test]
fn a_refusal_says_that_the_window_is_there_and_its_absence_ends_the_refusal() {
    let mut world = alone();
    for minute in [1.0, 2.0] {
        world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(minute));
    }
    let hit = Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::FiveHour };
    world.tell(1, hit, in_minutes(3.0));
    assert_eq!(state(&world), WindowState::Open);
    let refuses = |world: &World, minute: f64| {
        world.memory[&AccountId(1)].refuses(&WindowKind::FiveHour, in_minutes(minute))
    };
    assert!(refuses(&world, 4.0));
    for minute in [5.0, 6.0, 7.0] {
        world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(minute));
    }
    assert!(!refuses(&world, 8.0), "what is not there refuses nothing");
}

#[test]
fn an_answer_that_names_nothing_takes_nothing_away() {
    let mut world = alone();
    for minute in 1..9 {
        world.tell(1, Fact::Usage(Usage::default()), in_minutes(f64::from(minute)));
    }
    assert_eq!(state(&world), WindowState::Open);
    let unknown = Usage::default();
    assert_eq!(unknown.state(&WindowKind::FiveHour), WindowState::Unknown);
    let mut told = Usage::default();
    told.take(&week_alone(5.0), now(), true);
    assert_eq!(told.state(&WindowKind::FiveHour), WindowState::Absent, "it never was there");
    let closed = Window { used: Percent::new(0.0), resets_at: None };
    told.take(&Usage::of(closed, window(5.0, in_hours(9.0))), now(), true);
    assert_eq!(told.state(&WindowKind::FiveHour), WindowState::Closed);
}

#[test]
fn what_former_versions_stored_of_an_account_is_read() {
    let text = r#"{"five_hour":{"used":41.0,"resets_at":7},"seven_day":{"used":null,"resets_at":null},
        "models":[{"model":"Opus","window":{"used":9.0,"resets_at":null},"binding":true}],
        "credits":null,"observed_at":5}"#;
    let usage: Usage = serde_json::from_str(text).unwrap();
    assert_eq!(usage.short(), window(41.0, Utc(7)));
    assert_eq!(usage.state(&WindowKind::SevenDay), WindowState::Unknown);
    let models: Vec<_> = usage.models().map(|(name, one)| (name, one.binding)).collect();
    assert_eq!((models, usage.observed_at), (vec![("Opus", true)], Some(Utc(5))));
    let again: Usage = serde_json::from_str(&serde_json::to_string(&usage).unwrap()).unwrap();
    assert_eq!(again, usage);
}

#[test]
fn work_goes_on_between_two_steps_of_a_week() {
    let mut world = grown(Policy::Horizon);
    for minute in [1.0, 2.0] {
        world.tell(2, Fact::Usage(week_alone(21.0)), in_minutes(minute));
    }
    world.seat_changed(LANE, Some(AccountId(2)), clocks(in_minutes(3.0)));
    let mut rates = Vec::new();
    for look in 1..=48 {
        // A percent of its week every quarter of an hour, read every five minutes.
        let at = in_minutes(5.0 * f64::from(look));
        world.tell(2, Fact::Usage(week_alone(21.0 + f64::from(look / 3))), at);
        world.tick(at);
        rates.push(world.horizon.lanes[&LANE].rate);
    }
    // A plan of ten has weeks of about a hundred units: a percent in 15 minutes.
    let settled = &rates[24..];
    assert!(settled.iter().all(|rate| (0.04..0.1).contains(rate)), "{settled:?}");
    for look in 49..=80 {
        let at = in_minutes(5.0 * f64::from(look));
        world.tell(2, Fact::Usage(week_alone(37.0)), at);
        world.tick(at);
    }
    assert!(world.horizon.lanes[&LANE].rate < 0.01, "work that ended is not reckoned for hours");
}

#[test]
fn a_refusal_without_a_name_is_about_a_window_that_is_there() {
    let (short, week) = (WindowKind::FiveHour, WindowKind::SevenDay);
    let named = |usage: &Usage, hours: Option<f64>| usage.refused_kind(hours.map(in_hours), now());
    let known = both(50.0, 50.0);
    assert_eq!(named(&known, None), short, "the shortest fills first");
    assert_eq!(named(&known, Some(2.0)), short);
    assert_eq!(named(&known, Some(72.0)), week);
    let open_short = Usage::default().with(short.clone(), window(50.0, in_hours(2.0)));
    assert_eq!(named(&open_short, Some(30.0)), week, "the short one ends before");
    let past = Usage::of(window(50.0, in_hours(-1.0)), window(50.0, in_hours(72.0)));
    assert_eq!(named(&past, Some(4.0)), short, "a new one may run by now");
    let mut large = Usage::default();
    large.take(&week_alone(5.0), now(), true);
    assert_eq!((named(&large, None), named(&large, Some(4.0))), (week.clone(), week));
}

#[test]
fn the_pace_of_a_week_is_measured_where_it_is_the_only_window() {
    let mut world = grown(Policy::Tiered);
    world.memory.entry(AccountId(2)).or_default().burn.five_hour = 2.0;
    for look in 1..=4 {
        let used = 21.0 + 6.0 * f64::from(look);
        world.tell(2, Fact::Usage(week_alone(used)), in_minutes(60.0 * f64::from(look)));
    }
    let burn = world.memory[&AccountId(2)].burn;
    assert!((burn.seven_day - 0.1).abs() < 1e-9, "{burn:?}");
    assert_eq!(burn.five_hour, 0.0, "there is no such window any more");
    for look in 1..=40 {
        world.tell(2, Fact::Usage(week_alone(45.0)), in_minutes(240.0 + f64::from(look)));
    }
    assert_eq!(world.memory[&AccountId(2)].burn.seven_day, 0.0, "work has ended");
}

/// Reads the week of an account that turns every `turn` hours, soon after each turn.
fn turning(turn: f64, times: u32) -> World {
    let mut world = modern(vec![account(1).week(10.0, in_hours(turn))]);
    for time in 0..times {
        let began = f64::from(time) * turn;
        let usage =
            Usage::default().with(WindowKind::SevenDay, window(5.0, in_hours(began + turn)));
        world.tell(1, Fact::Usage(usage), in_hours(began + 1.0));
    }
    world
}

#[test]
fn a_week_of_three_days_is_one_for_targets_and_plans() {
    let world = turning(72.0, 3);
    let usage = &world.accounts[0].usage;
    assert_eq!(usage.span_s(&WindowKind::SevenDay), 72.0 * 3_600.0);
    assert_eq!(usage.windows().next().unwrap().span_s(), Some(72.0 * 3_600.0));
    assert_eq!(usage.span_s(&WindowKind::FiveHour), 5.0 * 3_600.0, "a prior");
    assert_eq!(world.horizon.gauges[&AccountId(1)].long_span, Some(72.0 * 60.0));
    let kept: World = serde_json::from_value(serde_json::to_value(&world).unwrap()).unwrap();
    assert_eq!(kept.accounts[0].usage.span_s(&WindowKind::SevenDay), 72.0 * 3_600.0);
    let early = turning(72.0, 2);
    assert_eq!(early.accounts[0].usage.span_s(&WindowKind::SevenDay), 168.0 * 3_600.0);
}

#[test]
fn the_providers_word_on_a_span_is_taken_over() {
    let mut world = alone();
    let mut usage = both(50.0, 50.0);
    usage.say_span(&WindowKind::FiveHour, 3.0 * 3_600.0);
    world.tell(1, Fact::Usage(usage), in_minutes(5.0));
    assert_eq!(world.accounts[0].usage.span_s(&WindowKind::FiveHour), 3.0 * 3_600.0);
    world.tell(1, Fact::Usage(both(51.0, 50.0)), in_minutes(10.0));
    assert_eq!(world.accounts[0].usage.span_s(&WindowKind::FiveHour), 3.0 * 3_600.0);
}

/// Two accounts; the lane is on the first, and the second was just read.
fn beside(policy: Policy, second: Usage) -> World {
    let live = account(1).week(40.0, in_hours(72.0)).short(30.0, Some(in_hours(4.0)));
    let mut world = modern(vec![live, account(2).week(10.0, in_hours(72.0))]);
    world.rules.policy = policy;
    let first = world.account_mut(1).usage.clone();
    world.tell(1, Fact::Usage(first), now());
    world.tell(2, Fact::Usage(second), now());
    world
}

fn hit(kind: WindowKind, resets_at: Utc) -> Fact {
    Fact::LimitHit { resets_at: Some(resets_at), window: kind }
}

fn refusal(decision: &Decision, id: i64) -> Refusal {
    let found = decision.candidates.iter().find(|one| one.account == AccountId(id));
    found.unwrap().refusal
}

#[test]
fn an_account_that_lacks_a_week_is_a_refuge_by_its_short_window() {
    for (short, wanted) in [(20.0, Some(2)), (100.0, None)] {
        for policy in POLICIES {
            let alone = window(short, in_hours(4.0));
            let usage = Usage::default().with(WindowKind::FiveHour, alone);
            let mut world = beside(policy, both(short, 99.9));
            for minute in [5.0, 10.0, 70.0] {
                world.tell(2, Fact::Usage(usage.clone()), in_minutes(minute));
            }
            assert!(world.account_mut(2).usage.lacks(&WindowKind::SevenDay));
            world.tell(1, hit(WindowKind::FiveHour, in_hours(4.0)), in_minutes(71.0));
            let decision = world.tick(in_minutes(72.0));
            assert_eq!(target(&decision), wanted, "{policy:?} {short}: {}", decision.reason);
            assert_ne!(refusal(&decision, 2), Refusal::NoWeeklyHeadroom, "{policy:?}");
        }
    }
}

#[test]
fn an_answer_that_leaves_a_window_out_undoes_no_refusal_of_it() {
    for policy in POLICIES {
        let mut world = beside(policy, both(60.0, 10.0));
        world.tell(2, hit(WindowKind::FiveHour, in_hours(4.0)), in_minutes(1.0));
        world.tell(2, Fact::Usage(week_alone(10.0)), in_minutes(10.0));
        assert!(world.account_mut(2).usage.lists(&WindowKind::FiveHour), "it may be there");
        world.tell(1, hit(WindowKind::FiveHour, in_hours(4.0)), in_minutes(11.0));
        let decision = world.tick(in_minutes(12.0));
        assert_eq!(target(&decision), None, "{policy:?}: {}", decision.reason);
    }
}

#[test]
fn a_full_window_that_is_left_out_ends_by_its_own_words() {
    for policy in POLICIES {
        let mut world = beside(policy, both(100.0, 10.0));
        // The window ended after two hours; the one answer since does not name it.
        world.tick(in_hours(3.0));
        world.tell(2, Fact::Usage(week_alone(10.0)), in_hours(3.1));
        world.tell(1, hit(WindowKind::FiveHour, in_hours(8.0)), in_hours(3.2));
        let decision = world.tick(in_hours(3.3));
        assert_eq!(target(&decision), Some(2), "{policy:?}: {}", decision.reason);
    }
}

#[test]
fn who_lacks_a_short_window_is_never_refused_for_it() {
    for policy in POLICIES {
        let mut world = beside(policy, week_alone(98.0));
        world.tell(2, hit(WindowKind::SevenDay, in_hours(72.0)), in_minutes(1.0));
        // Rounded and late: a share next to full agrees with the refusal.
        world.tell(2, Fact::Usage(week_alone(96.0)), in_minutes(10.0));
        world.tell(1, hit(WindowKind::FiveHour, in_hours(4.0)), in_minutes(11.0));
        let decision = world.tick(in_minutes(12.0));
        assert_eq!(target(&decision), None, "{policy:?}: {}", decision.reason);
        assert_ne!(refusal(&decision, 2), Refusal::NoShortHeadroom, "{policy:?}");
    }
}

#[test]
fn money_that_is_no_longer_told_of_is_gone() {
    let paid = |enabled| Some(Credits { enabled, ..Credits::default() });
    let mut world = alone();
    let told = Usage { credits: paid(true), ..week_alone(50.0) };
    world.tell(1, Fact::Usage(told), in_minutes(5.0));
    assert_eq!(world.accounts[0].usage.credits, paid(true));
    // What names nothing at all says nothing.
    world.tell(1, Fact::Usage(Usage::default()), in_minutes(10.0));
    assert_eq!(world.accounts[0].usage.credits, paid(true));
    tell_part(&mut world, week_alone(50.0), in_minutes(15.0));
    assert_eq!(world.accounts[0].usage.credits, paid(true), "a part of an answer");
    world.tell(1, Fact::Usage(week_alone(50.0)), in_minutes(20.0));
    assert_eq!(world.accounts[0].usage.credits, None);
}
