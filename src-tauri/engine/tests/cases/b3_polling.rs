//! UM-063 … UM-077: when usage is read.

use crate::fixture::{
    Play, With, account, at, clocks, in_hours, in_minutes, modern, now, seed, survey, world,
};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{Account, AccountId, Rules, Utc, World, poll};

fn due(world: &World, id: i64, at: Utc) -> Option<Utc> {
    let plans = world.polls(clocks(at));
    plans.into_iter().find(|plan| plan.account == AccountId(id)).map(|plan| plan.due)
}

fn unread(id: i64) -> Account {
    account(id).with(|account| account.usage = Default::default())
}

#[test]
fn um_063_with_one_account_there_is_nothing_to_prime() {
    let mut world = modern(vec![account(1).week(10.0, in_hours(72.0))]);
    world.requested(AccountId(1), clocks(now()), 0.0);
    let plans = world.polls(clocks(now()));
    assert_eq!(plans.len(), 1);
    assert_eq!(plans[0].due, now().plus_seconds(300));
}

#[test]
fn um_064_an_account_that_was_never_read_is_due_and_stays_due() {
    let mut world = modern(vec![account(1), unread(2)]);
    assert_eq!(due(&world, 2, now()), Some(now()));
    world.requested(AccountId(2), clocks(now()), 0.0);
    world.tell(2, Fact::Unreachable, now());
    let again = due(&world, 2, now()).unwrap();
    assert!(again > now() && again <= now().plus_seconds(120), "{again:?}");
}

#[test]
fn um_065_an_unanswered_read_does_not_stop_the_decision() {
    let mut world = seed(vec![account(1).week(0.0, in_hours(120.0))]);
    world.tell(1, Fact::Unreachable, now());
    assert_eq!(world.tick(now()).trigger.name(), "tick");
}

fn outdated(used: f64, short: Option<Utc>, week: Option<Utc>, seen: Utc) -> bool {
    let account = account(2).short(used, short).with(|account| {
        account.usage.of_kind(&WindowKind::SevenDay).resets_at = week;
        account.usage.observed_at = Some(seen);
    });
    poll::outdated(&account, now())
}

#[test]
fn um_066_a_full_window_that_has_reset_is_outdated() {
    assert!(outdated(95.0, Some(in_minutes(-10.0)), Some(in_hours(72.0)), in_minutes(-20.0)));
}

#[test]
fn um_067_one_that_has_not_is_not() {
    assert!(!outdated(95.0, Some(in_hours(1.0)), Some(in_hours(72.0)), now()));
}

#[test]
fn um_068_a_half_full_one_is_not() {
    assert!(!outdated(50.0, Some(in_minutes(-10.0)), Some(in_hours(72.0)), now()));
}

#[test]
fn um_069_a_week_that_has_reset_since_is() {
    assert!(outdated(0.0, None, Some(in_hours(-2.0)), in_hours(-3.0)));
    assert!(!outdated(0.0, None, Some(in_hours(-2.0)), in_hours(-1.0)));
    assert!(outdated(0.0, None, None, now()));
}

#[test]
fn um_070_outdated_numbers_are_read_at_once() {
    let stale = account(2).week(10.0, in_hours(72.0)).short(95.0, Some(in_minutes(-1.0)));
    let mut world = modern(vec![account(1), stale]);
    world.account_mut(2).usage.observed_at = Some(in_minutes(-2.0));
    assert!(due(&world, 2, now()).unwrap() <= now());
    world.requested(AccountId(2), clocks(now()), 0.0);
    assert!(due(&world, 2, now()).unwrap() > now(), "once");
}

#[test]
fn um_071_one_unreadable_candidate_does_not_hold_the_others() {
    let mut world = modern(vec![account(1), unread(2), unread(3)]);
    world.requested(AccountId(2), clocks(now()), 0.0);
    world.tell(2, Fact::Unreachable, now());
    assert_eq!(due(&world, 3, now()), Some(now()));
}

fn clamped(candidate: Account) -> f64 {
    let world = seed(vec![account(1).week(0.0, in_hours(120.0)), candidate]);
    poll::clamped(300.0, &survey(&world), Some(AccountId(1)), &world.rules)
}

#[test]
fn um_072_a_t0_that_waits_shortens_the_interval() {
    assert_eq!(clamped(account(2).week(50.0, in_hours(12.0))), 90.0);
}

#[test]
fn um_073_more_so_when_its_window_is_about_to_empty() {
    let reset = Some(now().plus_seconds(45));
    assert_eq!(clamped(account(2).week(50.0, in_hours(12.0)).short(95.0, reset)), 60.0);
}

#[test]
fn a_reset_after_the_shortened_interval_shortens_no_more() {
    // The second look is at the interval the first has left: 90 s, not 300 s.
    for (used, seconds, expected) in
        [(97.0, 91, 90.0), (90.0, 200, 90.0), (97.0, 90, 60.0), (90.0, 1, 60.0), (97.0, 0, 90.0)]
    {
        let reset = Some(now().plus_seconds(seconds));
        let candidate = account(2).week(50.0, in_hours(12.0)).short(used, reset);
        assert_eq!(clamped(candidate), expected, "{used} %, reset in {seconds} s");
    }
}

#[test]
fn the_live_account_is_read_at_the_shortened_interval() {
    // How full the live 5-hour window is chooses the interval: 300, 90 and 65 s as recorded.
    for (live, seconds, wait) in [(0.0, 91, 90), (0.0, 90, 60), (75.0, 91, 90), (86.0, 66, 65)] {
        let active = account(1).week(0.0, in_hours(120.0)).short(live, Some(in_hours(4.0)));
        let reset = Some(now().plus_seconds(seconds));
        let candidate = account(2).week(50.0, in_hours(12.0)).short(97.0, reset);
        let mut world = seed(vec![active, candidate]);
        world.requested(AccountId(1), clocks(now()), 0.0);
        let expected = Some(now().plus_seconds(wait));
        assert_eq!(due(&world, 1, now()), expected, "{live} %, reset in {seconds} s");
    }
}

#[test]
fn a_reset_within_the_idle_interval_is_awaited_unless_recorded() {
    let reset = |seconds| Some(now().plus_seconds(seconds));
    let candidate = account(2).week(50.0, in_hours(12.0)).short(97.0, reset(200));
    for (rules, expected) in [(Rules::seed(), 90.0), (Rules::default(), 60.0)] {
        let world = world(rules, vec![account(1).week(0.0, in_hours(120.0)), candidate.clone()]);
        let survey = survey(&world);
        assert_eq!(poll::clamped(300.0, &survey, Some(AccountId(1)), &world.rules), expected);
    }
}

#[test]
fn um_074_later_tiers_do_not() {
    assert_eq!(clamped(account(2).week(0.0, in_hours(144.0))), 300.0);
}

#[test]
fn um_075_a_drained_t0_does_not() {
    assert_eq!(clamped(account(2).week(100.0, in_hours(12.0))), 300.0);
}

#[test]
fn um_076_the_active_t0_does_not() {
    let world = seed(vec![account(1).week(50.0, in_hours(12.0))]);
    assert_eq!(poll::clamped(300.0, &survey(&world), Some(AccountId(1)), &world.rules), 300.0);
}

#[test]
fn um_077_an_excluded_t0_does_not() {
    let excluded = account(2).week(50.0, in_hours(12.0)).with(|account| account.automatic = false);
    assert_eq!(clamped(excluded), 300.0);
}

#[test]
fn the_budget_of_twenty_an_hour_is_never_passed() {
    // A T0 candidate and a hot active account ask for a read each minute.
    let hot = account(1).week(50.0, in_hours(72.0)).short(90.0, Some(in_hours(4.0)));
    let mut world = modern(vec![hot, account(2).week(10.0, in_hours(12.0))]);
    let mut requests = Vec::new();
    for second in 0..6 * 3600 {
        let at = now().plus_seconds(second);
        for plan in world.polls(clocks(at)) {
            if plan.account == AccountId(1) && plan.due <= at {
                world.requested(AccountId(1), clocks(at), 0.0);
                let usage = world.account_mut(1).usage.clone();
                world.tell(1, Fact::Usage(usage), at);
                requests.push(second);
            }
        }
    }
    let worst = requests
        .iter()
        .map(|from| requests.iter().filter(|at| (*from..from + 3600).contains(*at)).count())
        .max();
    assert_eq!(worst, Some(20));
    assert!(requests.len() >= 100, "{} in six hours", requests.len());
}

#[test]
fn readings_in_haste_leave_the_live_account_its_interval() {
    // As the program ships: the live account is read every five minutes, and each minute in a haste.
    let hot = account(1).week(50.0, in_hours(72.0)).short(90.0, Some(in_hours(4.0)));
    let mut world = modern(vec![hot, account(2).week(10.0, in_hours(12.0))]);
    world.rules.read_within_s = Some(300.0);
    let mut requests = Vec::new();
    for second in 0..6 * 3600 {
        let at = now().plus_seconds(second);
        let plans = world.polls(clocks(at));
        if plans.iter().any(|plan| plan.account == AccountId(1) && plan.due <= at) {
            world.requested(AccountId(1), clocks(at), 0.0);
            let usage = world.account_mut(1).usage.clone();
            world.tell(1, Fact::Usage(usage), at);
            requests.push(second);
        }
    }
    let longest = requests.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(longest <= Some(300), "{longest:?}");
    let shortest = requests.windows(2).map(|pair| pair[1] - pair[0]).min();
    assert!(shortest < Some(120), "there is haste, too: {shortest:?}");
    assert!(requests.len() >= 80, "{} in six hours", requests.len());
}

#[test]
fn a_throttled_account_waits_as_long_as_it_is_told() {
    let mut world = modern(vec![account(1).week(10.0, in_hours(72.0))]);
    world.requested(AccountId(1), clocks(now()), 0.0);
    world.tell(1, Fact::Throttled { retry_after_s: Some(3600) }, now());
    assert_eq!(due(&world, 1, now()), Some(in_hours(1.0)));
    world.tell(1, Fact::Throttled { retry_after_s: None }, in_hours(1.0));
    assert!(
        due(&world, 1, in_hours(1.0)).unwrap() >= in_hours(1.0).plus_seconds(360),
        "it doubles"
    );
    let usage = world.account_mut(1).usage.clone();
    world.tell(1, Fact::Usage(usage), in_hours(1.5));
    assert_eq!(world.memory[&AccountId(1)].throttled, 0);
}

#[test]
fn jitter_stretches_the_interval_within_bounds() {
    let mut world = modern(vec![account(1).week(10.0, in_hours(72.0))]);
    for (jitter, wait) in [(0.1, 330), (-0.1, 270), (9.0, 345), (f64::NAN, 300)] {
        world.memory.clear();
        world.requested(AccountId(1), clocks(now()), jitter);
        assert_eq!(due(&world, 1, now()), Some(now().plus_seconds(wait)), "{jitter}");
    }
}

#[test]
fn a_refused_request_asks_for_a_read() {
    let mut world = modern(vec![account(1).week(10.0, in_hours(72.0))]);
    world.requested(AccountId(1), clocks(now()), 0.0);
    let hit = Fact::LimitHit { resets_at: None, window: WindowKind::named("five_hour") };
    world.tell(1, hit, now().plus_seconds(70));
    assert!(due(&world, 1, now().plus_seconds(70)).unwrap() <= now().plus_seconds(130));
}

#[test]
fn accounts_that_cannot_be_read_have_no_plan_or_a_slow_one() {
    use sluice_engine::Login;
    let mut world = modern(vec![
        account(1).week(10.0, in_hours(72.0)),
        account(2).with(|account| account.enabled = false),
        account(3).with(|account| account.login = Login::Missing),
        account(4).with(|account| account.login = Login::NeedsSignIn),
    ]);
    world.requested(AccountId(4), clocks(now()), 0.0);
    assert_eq!(due(&world, 2, now()), None);
    assert_eq!(due(&world, 3, now()), None);
    assert_eq!(due(&world, 4, now()), Some(in_minutes(30.0)));
}

#[test]
fn fresh_numbers_from_this_machine_save_requests() {
    let mut world = modern(vec![account(1).week(10.0, in_hours(72.0))]);
    world.requested(AccountId(1), clocks(now()), 0.0);
    let usage = world.account_mut(1).usage.clone();
    let later = in_minutes(4.0);
    let observation = sluice_engine::Observation {
        account: AccountId(1),
        at: later,
        source: sluice_engine::Source::StatusLine,
        fact: Fact::Usage(usage),
    };
    world.observe(&observation, clocks(later));
    assert_eq!(due(&world, 1, later), Some(later.plus_seconds(300)));
    assert_eq!(world.memory[&AccountId(1)].requests, [at("2026-05-04T12:00:00Z")]);
}

#[test]
fn the_recorded_intervals_may_be_shorter_than_the_budget_allows() {
    let hot = account(1).week(50.0, in_hours(72.0)).short(90.0, Some(in_hours(4.0)));
    let mut world = seed(vec![hot]);
    world.requested(AccountId(1), clocks(now()), 0.0);
    assert_eq!(due(&world, 1, now()), Some(now().plus_seconds(65)));
}
