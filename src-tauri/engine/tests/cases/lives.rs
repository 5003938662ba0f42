//! What holds in every life of a small world, under every policy.

use crate::fixture::{Play, With, account, clocks, in_hours, in_minutes, now, world};
use crate::life::Life;
use sluice_engine::observation::Fact;
use sluice_engine::{
    AccountId, Action, Decision, Lane, LaneId, Mono, Now, Policy, Refusal, Rules, Trigger, World,
};
use std::collections::BTreeSet;

/// The rule sets a life is lived under.
fn rule_sets() -> [Rules; 3] {
    [Rules::seed(), Rules::default(), Rules { policy: Policy::Horizon, ..Rules::default() }]
}

/// The short form's decisions; `SLUICE_DECISIONS=100000` is the long one.
fn wanted() -> usize {
    let told = std::env::var("SLUICE_DECISIONS").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(2_000)
}

/// Recorded decisions with the world and clocks they were taken in, `count` of them over all rule
/// sets.
fn recorded(count: usize, mut each: impl FnMut(&World, Now, &Decision, &mut fastrand::Rng)) {
    let (mut seen, mut seed) = (0, 0);
    let mut rng = fastrand::Rng::with_seed(11);
    while seen < count {
        let rules = rule_sets()[seed as usize % 3].clone();
        seed += 1;
        let mut life = Life::new(seed, rules);
        for _ in 0..288 {
            life.step(&mut |world, now, decision| {
                seen += 1;
                each(world, now, decision, &mut rng);
            });
        }
    }
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn recorded_decisions_come_out_the_same_to_the_last_bit() {
    recorded(wanted(), |world, now, decision, rng| {
        // Through the text the ledger keeps, and with the accounts in another order.
        let mut again: World = serde_json::from_str(&text(world)).unwrap();
        assert_eq!(text(&again), text(world), "a world survives its text");
        rng.shuffle(&mut again.accounts);
        rng.shuffle(&mut again.lanes);
        assert_eq!(text(&again.decide(decision.lane, now)), text(decision), "{}", text(world));
    });
}

#[test]
fn a_plan_moves_a_lane_only_when_two_looks_in_a_row_say_so() {
    let (mut moves, mut still) = (0, 0);
    for seed in 1..200 {
        let rules = Rules { policy: Policy::Horizon, ..Rules::default() };
        let mut life = Life::new(seed, rules);
        let mut pending = BTreeSet::new();
        for _ in 0..288 {
            life.step(&mut |world, now, decision| {
                // What was attempted and failed is tried again without another look.
                let residency = (decision.lane, decision.generation);
                if decision.trigger == Trigger::PlanImproved {
                    moves += 1;
                    // It may have to wait for the end of a turn: the next look still wants it.
                    let mut again = world.clone();
                    let first = again.decide(decision.lane, now);
                    let later =
                        Now { wall: now.wall.plus_seconds(2), mono: Mono(now.mono.0 + 2_000) };
                    let second = again.decide(decision.lane, later);
                    assert_eq!(first.action, decision.action);
                    still += i32::from(second.action == decision.action);
                    assert!(pending.contains(&residency), "seed {seed}: {decision:?}");
                } else if decision.trigger == Trigger::EmergencePending {
                    pending.insert(residency);
                    assert_eq!(decision.action, Action::Stay);
                    assert!(decision.best.is_some() && !decision.reason.is_empty());
                }
            });
        }
    }
    assert!(moves > 0, "some plan was worth a move");
    assert!(still * 10 >= moves * 9, "{still} of {moves} were still wanted two seconds later");
}

#[test]
fn a_lane_knows_at_the_same_instant_where_another_one_went() {
    let rules = Rules { policy: Policy::Horizon, ..Rules::default() };
    let accounts = (1..=4).map(|id| account(id).week(50.0, in_hours(60.0 + id as f64)));
    let mut world = world(rules, accounts.collect());
    let second = Lane { id: LaneId(2), active: Some(AccountId(2)), ..world.lanes[0].clone() };
    world.lanes.push(second);
    for index in 0..4 {
        let (id, usage) = (world.accounts[index].id.0, world.accounts[index].usage.clone());
        world.tell(id, Fact::Usage(usage), now());
    }
    let at = in_minutes(1.0);
    world.tick(at);
    world.commit(3, true, at);
    let mut reread: World = serde_json::from_str(&text(&world)).unwrap();
    let decision = world.decide(LaneId(2), clocks(at));
    assert_eq!(text(&decision), text(&reread.decide(LaneId(2), clocks(at))));
    let valued = decision.candidates.iter().filter(|one| one.value.is_some());
    let valued: Vec<i64> = valued.map(|one| one.account.0).collect();
    assert_eq!(valued, [1, 4], "the one that was left is free, the other one is not");
}

#[test]
fn no_life_meets_a_number_that_is_none() {
    let finite = |number: Option<f64>| number.is_none_or(f64::is_finite);
    recorded(wanted() / 2, |_, _, decision, _| {
        for one in &decision.candidates {
            let numbers = [one.target, one.deficit, one.stranding, one.value];
            assert!(numbers.into_iter().all(finite), "{one:?}");
            assert!(one.stranding.is_none_or(|percent| percent >= 0.0), "{one:?}");
        }
        if let Action::Swap { to } = decision.action {
            let chosen = decision.candidates.iter().find(|one| one.account == to);
            assert_eq!(chosen.map(|one| one.refusal), Some(Refusal::Eligible), "{decision:?}");
            assert_ne!(decision.active, Some(to));
        }
    });
}
