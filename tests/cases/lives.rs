//! What holds in every life of a small world, under every policy.

use crate::life::Life;
use sluice_engine::{Action, Decision, Now, Policy, Refusal, Rules, World};

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
            assert_eq!(chosen.map(|one| one.refusal), Some(Refusal::None), "{decision:?}");
            assert_ne!(decision.active, Some(to));
        }
    });
}
