//! The shipped policies and the plain ones on accounts of every shape.

use crate::{demand, first, horizon, plain, read};
use serde_json::{Value, json};
use sluice_lab::simulate::{EnginePolicy, Event, EventKind, Log, POLICIES, Policy, run};

/// Six days of two accounts, one of each shape, with work at all times.
fn shaped() -> Value {
    let keys = json!({
        "span5": 180, "span7": 4320, "weekly_reset_at": 900,
        "short_changes": [[2000, null], [6000, 4.0]], "plan_changes": [[4000, "ultra", 10.0, 40.0]],
        "early_resets": [[1500, "both", "keep"], [7000, "long", "restart"]],
    });
    let mut world = horizon(first(plain(), keys), 8_640);
    world["observe"]["resolution_pct"] = 1.into();
    world["accounts"][1]["c5"] = Value::Null;
    demand(world, json!([[0, 8640, 0.01]]))
}

#[test]
fn every_policy_runs_on_every_shape() {
    for policy in POLICIES {
        let scenario = read(&shaped());
        let log = run(&scenario, policy).unwrap();
        assert_eq!(log, run(&scenario, policy).unwrap(), "{policy} is repeatable");
        let share = log.claimed.served / 86.4;
        assert!(share > if policy == "none" { 0.3 } else { 0.6 }, "{policy}: {share}");
    }
}

#[test]
fn decisions_do_not_depend_on_shapes_to_come() {
    let other = first(
        shaped(),
        json!({
            "short_changes": [[2000, null], [3000, 1.0]], "plan_changes": [[3500, "pro", 1.0, 4.0]],
            "early_resets": [[1500, "both", "keep"], [3000, "both", "restart"]],
        }),
    );
    let before = |log: &Log| {
        let swaps: Vec<_> = log.swaps.iter().filter(|row| row.0 < 3_000).cloned().collect();
        let polls: Vec<_> = log.polls.iter().filter(|row| row.0 < 3_000).cloned().collect();
        (swaps, polls)
    };
    for policy in ["horizon", "tiered"] {
        let (one, two) =
            (run(&read(&shaped()), policy).unwrap(), run(&read(&other), policy).unwrap());
        assert_ne!(one.claimed.served, two.claimed.served, "{policy}: the future did not change");
        assert_eq!(before(&one), before(&two), "{policy}");
    }
}

#[test]
fn the_engine_hears_of_a_plan() {
    let mut policy = EnginePolicy::new(&read(&shaped()), true);
    assert_eq!(policy.world().accounts[0].plan.weight, Some(5.0));
    let kind = EventKind::Plan { plan: "ultra".to_owned(), weight: 10.0 };
    policy.step(5, &[Event { account: 0, kind }]);
    assert_eq!(policy.world().accounts[0].plan.weight, Some(10.0));
}
