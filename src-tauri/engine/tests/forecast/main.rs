//! Forecasts and drain advice against simulated weeks with known truth, in the short form of
//! `cargo xtask forecast`. The scenarios were chosen by shape, not by how they come out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

#[allow(dead_code, reason = "the command prints more of it")]
mod measure;

use measure::{Measured, measure};
use sluice_engine::forecast::Kind;
use sluice_lab::simulate::Scenario;
use std::path::PathBuf;

fn scenario(name: &str) -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    Scenario::parse(&std::fs::read(path.join(format!("{name}.json"))).unwrap()).unwrap()
}

/// Balanced, over, under, burst, noisy and changing pools, small ones for their speed.
const SHAPES: [&str; 10] = [
    "p01-bal-office-3max20-stagger",
    "p05-bal-freelance-6mixed",
    "p09-bal-ramp-5max5",
    "p11-over-office-2max20",
    "p15-under-office-4max20",
    "p16-under-bursty-5mixed",
    "p19-burst-office-3max20",
    "p23-obs-noisy-4max20",
    "p26-chg-add-4max20",
    "p29-multi-2machines-6mixed",
];

fn over(policy: &str) -> Measured {
    let mut whole = Measured::default();
    for name in SHAPES {
        whole.extend(measure(&scenario(name), policy).unwrap());
    }
    whole
}

#[test]
fn the_band_holds_about_nine_in_ten_outcomes_and_advice_is_right_nine_times_in_ten() {
    for policy in ["horizon", "tiered"] {
        let whole = over(policy);
        for kind in [Kind::SevenDay, Kind::FiveHour] {
            let (band, count) = whole.coverage(kind);
            assert!(count > 500, "{policy} {kind:?}: {count}");
            assert!((0.83..=0.97).contains(&band), "{policy} {kind:?}: {band} of {count}");
        }
        let drain = whole.drain();
        assert!(drain.precision >= 0.9 && drain.recall >= 0.9, "{policy}: {drain:?}");
    }
}

#[test]
fn a_forecast_does_not_know_the_future() {
    let here = scenario("p01-bal-office-3max20-stagger");
    let mut there = here.clone();
    for agent in &mut there.agents {
        agent.demand.retain(|span| span.start < 20_000);
    }
    let (one, other) = (measure(&here, "tiered").unwrap(), measure(&there, "tiered").unwrap());
    let before = |measured: &Measured| -> Vec<String> {
        let end = sluice_lab::simulate::EPOCH.plus_seconds(20_000 * 60);
        let early = measured.outcomes.iter().filter(|one| one.said.resets_at < end);
        early.map(|one| format!("{:?}", one.said)).collect()
    };
    assert!(before(&one).len() > 50);
    assert_eq!(before(&one), before(&other));
}
