//! Recorded decisions are taken again from the database: the same comes out, and what is damaged is
//! told and not judged.

#[path = "../../src-tauri/engine/tests/cases/life.rs"]
#[allow(dead_code)]
mod life;

use life::Life;
use rusqlite::Connection;
use sluice_driver::Paths;
use sluice_engine::{Action, Decision, Policy, Provider, Rules, Utc, World};
use sluice_lab::replay::{Replayed, digest, replay};
use sluice_ledger::{Ledger, NewDecision};
use sluice_protocol::DecisionAction;

/// The short form's decisions; `SLUICE_DECISIONS=100000` is the long one.
fn wanted() -> u64 {
    let told = std::env::var("SLUICE_DECISIONS").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(600)
}

fn record(ledger: &mut Ledger, world: &World, decision: &Decision) {
    let text = serde_json::to_string(world).unwrap();
    let outcome = match decision.action {
        Action::Stay => DecisionAction::Stay,
        Action::Swap { .. } => DecisionAction::Swap,
    };
    let new = NewDecision {
        decision,
        provider: Provider::Claude,
        outcome,
        sentence: "",
        reason: &serde_json::Value::Null,
        digest: &digest(&text),
        world: Some(&text),
    };
    ledger.record_decision(&new).unwrap();
}

/// Days of small worlds under all three rule sets, written down as the driver does.
fn lived(paths: &Paths, count: u64) -> u64 {
    let mut ledger = Ledger::open(&paths.database()).unwrap().ledger;
    let (mut written, mut seed) = (0, 100);
    while written < count {
        let horizon = Rules { policy: Policy::Horizon, ..Rules::default() };
        let rules = [Rules::seed(), Rules::default(), horizon];
        let mut life = Life::new(seed, rules[seed as usize % 3].clone());
        seed += 1;
        for _ in 0..288 {
            life.step(&mut |world, _, decision| {
                record(&mut ledger, world, decision);
                written += 1;
            });
        }
    }
    written
}

fn again(paths: &Paths) -> Replayed {
    replay(&paths.database(), Utc(0), None).unwrap()
}

#[test]
fn decisions_out_of_the_database_come_out_the_same_and_damage_is_told() {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::at(home.path());
    let written = lived(&paths, wanted());
    let whole = again(&paths);
    assert_eq!((whole.decisions, whole.same, whole.damaged), (written, written, 0));
    assert_eq!(whole.different, []);

    // A world that is not the recorded one, one that is none, and one that is gone.
    let raw = Connection::open(paths.database()).unwrap();
    for change in [
        "SET world = replace(world, '\"failures\":0', '\"failures\":7') WHERE decision = 1",
        "SET world = substr(world, 1, 40) WHERE decision = 2",
        "SET world = NULL WHERE decision = 3",
    ] {
        assert_eq!(raw.execute(&format!("UPDATE decision_details {change}"), []).unwrap(), 1);
    }
    let torn = again(&paths);
    assert_eq!((torn.damaged, torn.without_world), (2, 1), "told, not ignored");
    assert_eq!((torn.decisions, torn.same), (written - 3, written - 3));

    // A number of a candidate that is not what was decided on.
    let least =
        "SET candidates = replace(candidates, '\"tier\":', '\"tier\":1') WHERE decision = 4";
    assert_eq!(raw.execute(&format!("UPDATE decision_details {least}"), []).unwrap(), 1);
    let other = again(&paths);
    assert_eq!(other.different.iter().map(|one| one.decision).collect::<Vec<_>>(), [4]);
}
