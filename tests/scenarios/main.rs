//! The simulator keeps its format's rules, and the planner its promises, on recorded scenarios.

use serde_json::Value;
use sluice_lab::simulate::{Log, Scenario, run};
use std::path::PathBuf;

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    std::fs::read(path).unwrap()
}

fn scenario(name: &str) -> Scenario {
    Scenario::parse(&file(&format!("{name}.json"))).unwrap()
}

fn bound(name: &str) -> f64 {
    let bounds: Value = serde_json::from_slice(&file("bounds.json")).unwrap();
    bounds[name]["ub"].as_f64().unwrap()
}

fn served(name: &str, policy: &str) -> f64 {
    run(&scenario(name), policy).unwrap().claimed.served / bound(name)
}

/// The demand, faults and account events after `minute` are replaced.
fn other_future(scenario: &Scenario, minute: i64) -> Scenario {
    let mut other = scenario.clone();
    for agent in &mut other.agents {
        agent.demand.retain(|span| span.start < minute);
        let model = agent.demand[0].clone();
        for span in &mut agent.demand {
            span.end = span.end.min(minute);
        }
        for hour in 0..200 {
            let mut span = model.clone();
            (span.start, span.end) = (minute + 90 * hour, minute + 90 * hour + 40);
            span.rate *= 1.7;
            agent.demand.push(span);
        }
    }
    other.observe.outages.retain(|(from, ..)| *from < minute);
    other
}

/// The swaps and the polls of a log before `minute`.
fn before(log: &Log, minute: i64) -> [String; 2] {
    let swaps: Vec<_> = log.swaps.iter().filter(|row| row.0 < minute).collect();
    let polls: Vec<_> = log.polls.iter().filter(|row| row.0 < minute).collect();
    [format!("{swaps:?}"), format!("{polls:?}")]
}

#[test]
fn a_policy_that_never_swaps_serves_what_the_recorded_baseline_served() {
    let recorded: Value = serde_json::from_slice(&file("baselines.json")).unwrap();
    for name in ["p01-bal-office-3max20-stagger", "p28-model-opus-4max20", "p27-chg-invalid-5mixed"]
    {
        let log = run(&scenario(name), "none").unwrap();
        let expected = recorded[name]["none"]["served"].as_f64().unwrap();
        assert!((log.claimed.served - expected).abs() < 1e-6 * expected, "{name}");
        let hits = recorded[name]["none"]["limit_hits"].as_f64().unwrap();
        assert_eq!(log.claimed.limit_hits as f64, hits, "{name}");
        assert!(log.swaps.is_empty());
    }
}

#[test]
fn nobody_serves_more_than_the_bound() {
    for policy in ["horizon", "tiered", "threshold", "react429", "edf"] {
        let share = served("p15-under-office-4max20", policy);
        assert!(share > 0.5 && share <= 1.0 + 1e-6, "{policy}: {share}");
    }
}

#[test]
fn horizon_keeps_its_floor_on_different_shapes() {
    for (name, floor) in [
        ("p01-bal-office-3max20-stagger", 0.955),
        ("p08-bal-weekendreset-3mixed", 0.955),
        ("p17-under-cont-3max5", 0.99),
        ("p20-burst-parallel-6max5", 0.88),
        ("p26-chg-add-4max20", 0.93),
    ] {
        let share = served(name, "horizon");
        assert!(share >= floor, "{name}: {share} < {floor}");
    }
}

#[test]
fn horizon_runs_are_repeatable() {
    let scenario = scenario("p25-obs-blind429-3max5");
    assert_eq!(run(&scenario, "horizon").unwrap(), run(&scenario, "horizon").unwrap());
}

#[test]
fn decisions_do_not_depend_on_the_future() {
    for (name, minute) in [
        ("p05-bal-freelance-6mixed", 15_000),
        ("p23-obs-noisy-4max20", 9_000),
        ("p28-model-opus-4max20", 21_000),
    ] {
        let here = scenario(name);
        let there = other_future(&here, minute);
        let (one, other) = (run(&here, "horizon").unwrap(), run(&there, "horizon").unwrap());
        assert_ne!(one.claimed.served, other.claimed.served, "{name}: the future did not change");
        assert_eq!(before(&one, minute), before(&other, minute), "{name}");
    }
}

#[test]
fn decisions_do_not_depend_on_hidden_capacities_before_use_shows_them() {
    let here = scenario("p01-bal-office-3max20-stagger");
    let mut there = here.clone();
    there.accounts.iter_mut().for_each(|account| account.c7 *= 3.0);
    let (one, other) = (run(&here, "horizon").unwrap(), run(&there, "horizon").unwrap());
    let first = here.agents[0].demand[0].start;
    assert_eq!(before(&one, first)[0], before(&other, first)[0]);
}

#[test]
fn what_is_not_a_scenario_is_refused_in_words() {
    let error = Scenario::parse(b"{\"format\":\"quota-sim/3\"}").unwrap_err().to_string();
    assert!(error.contains("quota-sim/3"), "{error}");
    let unknown = run(&scenario("p01-bal-office-3max20-stagger"), "magic").unwrap_err();
    assert!(unknown.to_string().contains("magic"));
}
