//! `sluice log` and `sluice explain` lead from a decision to its swap and back.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::Home;
use sluice_engine::{AccountId, Action, AskedBy, Decision, LaneId, Plan, Provider, Trigger, Utc};
use sluice_ledger::{Commit, Ledger, NewAccount, NewDecision, NewSwap};
use sluice_protocol::DecisionAction;

const AT: Utc = Utc::from_seconds(1_795_262_400);

/// A ledger with a swap that was decided and one that a person asked for; says the decision's and
/// both swaps' rows.
fn filled(home: &Home) -> (i64, i64, i64) {
    let data = home.path().join("data");
    sluice_ground::private_dir(&data).unwrap();
    let mut ledger = Ledger::open(&data.join("sluice.db")).unwrap().ledger;
    let [a, b] = ["alpha", "beta"].map(|name| {
        let new = NewAccount {
            provider: Provider::Claude,
            key: name.to_owned(),
            label: name.to_owned(),
            email: None,
            organization: None,
            plan: Plan::default(),
        };
        ledger.add_account(&new, AT).unwrap().id
    });
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane.id;
    ledger.adopt(lane, Some(a), None, AT).unwrap();
    let decision = decide(&mut ledger, lane, (a, b));
    let decided = swap(&mut ledger, (a, b), AskedBy::Report, Some(decision));
    let asked = swap(&mut ledger, (b, a), AskedBy::Person, None);
    (decision, decided, asked)
}

fn decide(ledger: &mut Ledger, lane: LaneId, (from, to): (AccountId, AccountId)) -> i64 {
    let decision = Decision {
        at: AT,
        lane,
        generation: ledger.lane(lane).unwrap().unwrap().lane.generation,
        active: Some(from),
        action: Action::Swap { to },
        trigger: Trigger::FailureReported,
        reason: String::new(),
        best: Some(to),
        candidates: Vec::new(),
    };
    let new = NewDecision {
        decision: &decision,
        provider: Provider::Claude,
        outcome: DecisionAction::Swap,
        sentence: "alpha refuses work.",
        reason: &serde_json::Value::Null,
        digest: "",
        world: None,
    };
    ledger.record_decision(&new).unwrap()
}

fn swap(
    ledger: &mut Ledger,
    (from, to): (AccountId, AccountId),
    asked_by: AskedBy,
    decision: Option<i64>,
) -> i64 {
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane;
    let new = NewSwap {
        at: AT,
        lane: lane.id,
        generation: lane.generation,
        provider: Provider::Claude,
        from: Some(from),
        to,
        asked_by,
        trigger: Trigger::FailureReported,
        reason: "it refuses work".to_owned(),
        decision,
        usage_from: None,
        usage_to: None,
        intent: serde_json::Value::Null,
    };
    let swap = ledger.begin_swap(&new).unwrap();
    ledger.settle(&Commit { swap, gates: None, protect_s: None, at: AT }).unwrap();
    swap.0
}

fn text(home: &Home, words: &[&str]) -> String {
    String::from_utf8(home.run(words).stdout).unwrap()
}

#[test]
fn a_swap_names_its_decision_and_a_decision_its_swap() {
    let home = Home::new();
    let (decision, decided, asked) = filled(&home);
    let swaps = text(&home, &["log", "--swaps"]);
    let line = |row: i64| {
        let found = swaps.lines().find(|line| line.trim_start().starts_with(&format!("{row} ")));
        found.unwrap_or_else(|| panic!("no swap {row}: {swaps}")).to_owned()
    };
    let named = format!("report, decision {decision} ");
    assert!(line(decided).contains(&named), "{swaps}");
    assert!(line(asked).contains("person ") && !line(asked).contains("decision"), "{swaps}");
    let log = text(&home, &["log"]);
    assert!(log.contains(&format!("alpha refuses work. (swap {decided})")), "{log}");
    let why = text(&home, &["explain", &decision.to_string()]);
    assert!(why.contains(&format!("swap {decided}.")), "{why}");
}

#[test]
fn the_documents_say_so_too() {
    let home = Home::new();
    let (decision, decided, asked) = filled(&home);
    let (document, _) = home.json(&["log", "--swaps"]);
    let rows = document["swaps"].as_array().unwrap();
    let found = |row: i64| rows.iter().find(|found| found["id"] == row).unwrap();
    assert_eq!(found(decided)["decision"], decision);
    assert_eq!(found(decided)["asked_by"], "report");
    assert_eq!(found(asked)["decision"], serde_json::Value::Null);
    assert_eq!(found(asked)["asked_by"], "person");
    let (document, _) = home.json(&["log"]);
    assert_eq!(document["decisions"][0]["swap"], decided);
    let (document, _) = home.json(&["explain", &decision.to_string()]);
    assert_eq!(document["decision"]["swap"], decided);
    let (document, _) = home.json(&["export", "--days", "4000"]);
    let rows = document["swaps"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["decision"] == decision), "{document}");
}
