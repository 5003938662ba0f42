//! What stands outside the policies holds under each: money, the clamps and the jitter of readings,
//! the target of failed swaps.

use crate::fixture::{LANE, Play, With, account, clocks, in_hours, in_minutes, now, target, world};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Action, Credits, Decision, Policy, Refusal, Rules, Settlement, Trigger,
    Usage, World,
};

const POLICIES: [Policy; 2] = [Policy::Tiered, Policy::Horizon];

/// A world whose accounts were read just now; account 1 is live.
fn read_now(rules: Rules, accounts: Vec<Account>) -> World {
    let mut world = world(rules, accounts);
    for id in 1..=world.accounts.len() as i64 {
        let usage = world.account_mut(id).usage.clone();
        world.tell(id, Fact::Usage(usage), now());
    }
    world.tick(now());
    world
}

fn under(policy: Policy, ceiling: Option<f64>) -> Rules {
    Rules { policy, billing_ceiling_minor: ceiling, ..Rules::default() }
}

fn refused(world: &mut World) -> Decision {
    let hit =
        Fact::LimitHit { resets_at: Some(in_hours(3.0)), window: WindowKind::named("five_hour") };
    world.tell(1, hit, in_minutes(1.0));
    world.tick(in_minutes(1.0))
}

fn half_used(id: i64) -> Account {
    account(id).week(50.0, in_hours(72.0)).short(50.0, Some(in_hours(3.0)))
}

fn paying(one: Account, spent: f64) -> Account {
    one.with(|one| {
        one.usage.credits =
            Some(Credits { enabled: true, used_minor: Some(spent), ..Credits::default() });
    })
}

/// Its 5-hour window is full, and what goes on is paid.
fn full_and_paying(id: i64, spent: f64) -> Account {
    paying(half_used(id).short(100.0, Some(in_hours(3.0))), spent)
}

/// A seat without windows, paid by the piece.
fn paid_seat(id: i64) -> Account {
    let usage = Usage { observed_at: Some(now()), ..Usage::default() };
    paying(account(id).with(|one| one.usage = usage), 0.0)
}

#[test]
fn a_full_account_may_be_paid_for_up_to_the_ceiling() {
    for policy in POLICIES {
        let to = |ceiling: Option<f64>, spent: f64| {
            let accounts = vec![half_used(1), full_and_paying(2, spent)];
            let decision = refused(&mut read_now(under(policy, ceiling), accounts));
            let why = decision.candidates.iter().find(|one| one.account == AccountId(2));
            (target(&decision), why.map(|one| one.refusal))
        };
        let barred = (None, Some(Refusal::WouldBill));
        assert_eq!(to(Some(500.0), 499.0).0, Some(2), "{policy:?}");
        assert_eq!(to(Some(500.0), 500.0), barred, "{policy:?}");
        assert_eq!(to(None, 0.0), barred, "{policy:?}");
    }
}

#[test]
fn paid_use_is_the_last_resort_and_is_left_for_room() {
    for policy in POLICIES {
        for paid in [full_and_paying(2, 0.0), paid_seat(2)] {
            let accounts = vec![half_used(1), paid, half_used(3)];
            let rules = under(policy, Some(500.0));
            let to = target(&refused(&mut read_now(rules.clone(), accounts.clone())));
            assert_eq!(to, Some(3), "{policy:?}: there is another");
            let mut world = read_now(rules, accounts);
            world.commit(2, false, in_minutes(1.0));
            let mut left = None;
            for minute in 2..60 {
                left = left.or(target(&world.tick(in_minutes(f64::from(minute)))));
            }
            assert!(left.is_some(), "{policy:?}: it costs money although there is room");
        }
    }
}

#[test]
fn nobody_moves_between_two_accounts_that_cost_money() {
    for policy in POLICIES {
        let accounts = vec![full_and_paying(1, 10.0), full_and_paying(2, 0.0)];
        let mut world = read_now(under(policy, Some(500.0)), accounts);
        for minute in 1..60 {
            let decision = world.tick(in_minutes(f64::from(minute)));
            assert_eq!(decision.action, Action::Stay, "{policy:?} {decision:?}");
        }
    }
}

#[test]
fn the_live_account_is_left_before_it_bills_however_it_was_chosen() {
    for policy in POLICIES {
        let by_hand = full_and_paying(1, 0.0).with(|one| one.automatic = false);
        let accounts = vec![by_hand, half_used(2)];
        let mut world = read_now(under(policy, None), accounts.clone());
        // A pause after the last swap does not let the bill grow.
        world.gates().last_attempt = Some(now());
        let decision = world.tick(in_minutes(1.0));
        assert_eq!(target(&decision), Some(2), "{policy:?}");
        assert_eq!(decision.trigger, Trigger::FailureReported, "{policy:?}");
        let mut world = read_now(under(policy, Some(500.0)), accounts);
        let decision = world.tick(in_minutes(1.0));
        assert_ne!(decision.trigger, Trigger::FailureReported, "{policy:?}: it may be paid for");
    }
}

#[test]
fn a_target_that_failed_twice_is_skipped_under_each_policy() {
    for policy in POLICIES {
        let accounts = vec![half_used(1), half_used(2), half_used(3)];
        let mut world = read_now(under(policy, None), accounts);
        let mut at = in_minutes(1.0);
        let first = target(&refused(&mut world)).expect("somebody takes over");
        for _ in 0..2 {
            assert_eq!(target(&world.tick(at)), Some(first), "{policy:?}");
            world.settle(LANE, Settlement::Failed, clocks(at));
            at = at.plus_seconds(121);
        }
        let then = target(&world.tick(at));
        assert!(then.is_some() && then != Some(first), "{policy:?} {then:?}");
    }
}

/// Seconds from the last reading to the next one.
fn wait_s(world: &World, id: i64) -> f64 {
    let plans = world.polls(clocks(now()));
    let plan = plans.iter().find(|plan| plan.account == AccountId(id)).unwrap();
    plan.due.seconds_since(now())
}

fn read_within(policy: Policy, seconds: f64, jitter: f64) -> (f64, f64) {
    let rules = Rules { read_within_s: Some(seconds), ..under(policy, None) };
    let mut world = read_now(rules, vec![half_used(1), half_used(2)]);
    for id in [1, 2] {
        world.requested(AccountId(id), clocks(now()), jitter);
    }
    (wait_s(&world, 1), wait_s(&world, 2))
}

#[test]
fn the_live_account_is_read_within_the_longest_interval() {
    for policy in POLICIES {
        let (often, parked) = read_within(policy, 200.0, 0.0);
        assert_eq!(often, 200.0, "{policy:?}");
        let (free, same) = read_within(policy, 36_000.0, 0.0);
        assert!(free >= 300.0 && same == parked, "{policy:?}: {free} {same} {parked}");
    }
}

#[test]
fn each_policy_jitters_and_never_past_the_longest_interval() {
    for policy in POLICIES {
        let at = |jitter| read_within(policy, 36_000.0, jitter);
        let (live, parked) = at(0.0);
        for jitter in [-0.1, 0.1] {
            let told = at(jitter);
            let near = |told: f64, plain: f64| (told - plain * (1.0 + jitter)).abs() < 0.01;
            assert!(near(told.0, live) && near(told.1, parked), "{policy:?} {jitter} {told:?}");
            let clamped = read_within(policy, 200.0, jitter).0;
            assert!((clamped - 180.0).abs() < 0.01, "{policy:?} {jitter} {clamped}");
        }
    }
}

#[test]
fn failed_readings_are_paused_for_however_short_the_interval() {
    for policy in POLICIES {
        let rules = Rules { read_within_s: Some(180.0), ..under(policy, None) };
        let mut world = read_now(rules, vec![half_used(1)]);
        for _ in 0..4 {
            world.requested(AccountId(1), clocks(now()), 0.0);
            world.tell(1, Fact::Unreachable, now());
        }
        assert!(wait_s(&world, 1) >= 480.0, "{policy:?} {}", wait_s(&world, 1));
    }
}
