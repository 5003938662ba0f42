//! The record of activity against what the provider itself saw.

use crate::{ALPHA, BETA, add_both, brisk, quiet};
use serde_json::Value;
use sluice_ledger::Ledger;
use sluice_protocol::{Answer, Mode, Request};
use sluice_tests::contract::{AccountSpec, CodexTool, Endpoint, Fault, FaultKind, Setup};
use sluice_tests::desktop::{PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;
use std::collections::BTreeMap;

const LAB: &str = "lab@example.test";

fn rows(document: &Value, kind: &str) -> Vec<Value> {
    let all = document["requests"].as_array().expect("rows").iter();
    all.filter(|row| row["kind"] == kind).cloned().collect()
}

/// Path and status, how often.
type Tally = BTreeMap<(String, u64), usize>;

fn tally(pairs: impl Iterator<Item = (String, u64)>) -> Tally {
    let mut tally = Tally::new();
    for pair in pairs {
        *tally.entry(pair).or_default() += 1;
    }
    tally
}

fn fault(stage: &Stage, email: &str, status: u16) {
    let kind = FaultKind::Status { status, body: None, retry_after: None };
    stage.fake.world().fault(Fault::once(Endpoint::Usage, kind).of(email));
}

#[test]
fn every_request_and_every_credential_write_is_in_the_export() {
    let claude = |email| AccountSpec::new(email, 30.0, 90.0);
    let setup = Setup::of(vec![claude(ALPHA), claude(BETA), AccountSpec::codex(LAB, 20.0, 90.0)]);
    let stage = Stage::new(Parts::headless(), brisk(), setup);
    let mut daemon = stage.daemon();
    add_both(&stage, Mode::Advise);
    CodexTool::in_home(&stage.desktop.home().join("codex")).sign_in(stage.fake.world(), LAB);
    assert_eq!(stage.sluice(&["add", "lab", "--provider", "codex"]).code, 0);
    quiet(&stage);
    fault(&stage, ALPHA, 503);
    let account = Some(stage.account("alpha").id);
    assert_eq!(stage.ask(&Request::Refresh { account }), Answer::Done);
    wait_for("the failed request", PATIENCE, || {
        let state = stage.fake.world().state();
        state.served.iter().any(|(_, status)| *status == 503).then_some(())
    });
    assert_eq!(stage.sluice(&["renew", "alpha"]).code, 0);
    assert_eq!(stage.sluice(&["swap", "alpha"]).code, 0);
    assert_eq!(stage.sluice(&["remove", "beta"]).code, 0);
    quiet(&stage);
    daemon.end(PATIENCE);

    let export = stage.sluice(&["export", "--json"]).json();
    let told = ["usage", "token", "identity"].into_iter().flat_map(|kind| rows(&export, kind));
    let told = tally(told.map(|row| {
        assert_eq!(row["host"], "127.0.0.1", "{row}");
        let path = row["path"].as_str().expect("a path").to_owned();
        (path, row["status"].as_u64().unwrap_or(0))
    }));
    let served = stage.fake.world().state().served.clone();
    let served = tally(served.into_iter().map(|(path, status)| (path, u64::from(status))));
    assert_eq!(told, served, "what we wrote down and what the provider saw");
    assert!(served.keys().any(|(path, _)| path == "/backend-api/wham/usage"), "{served:?}");
    let budgets = rows(&export, "usage");
    assert!(budgets.iter().all(|row| row["budget_left"].as_u64().is_some_and(|left| left < 20)));
    written(&stage, &export);
    as_a_table(&stage, &export);
}

/// A row for each vintage the vault took, for the seat's new login, and for what was forgotten.
fn written(stage: &Stage, export: &Value) {
    let writes = rows(export, "credential_write");
    let of = |account: i64, note: &str| {
        writes.iter().filter(|row| row["account"] == account && row["note"] == note).count()
    };
    let ledger = Ledger::attach(&stage.data().join("sluice.db")).expect("the database");
    for row in ledger.accounts().expect("accounts") {
        let newest =
            ledger.vintages(row.id).expect("vintages").first().map_or(0, |one| one.vintage);
        assert!(newest > 0);
        assert_eq!(of(row.id.0, "kept") as u64, newest, "{}: {writes:#?}", row.label);
    }
    let alpha = stage_id(&ledger, "alpha");
    assert_eq!(of(alpha, "placed"), 1, "{writes:#?}");
    let removed: Vec<&Value> = writes.iter().filter(|row| row["note"] == "removed").collect();
    assert_eq!((removed.len(), &removed[0]["host"]), (1, &Value::from("vault")), "{writes:#?}");
}

fn stage_id(ledger: &Ledger, label: &str) -> i64 {
    let rows = ledger.accounts().expect("accounts");
    rows.iter().find(|row| row.label == label).expect("an account").id.0
}

/// The same rows as a table: a header, and as many cells in every line.
fn as_a_table(stage: &Stage, export: &Value) {
    let csv = stage.sluice(&["export", "--format", "csv"]).out;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("at_ms,kind,account,host,path,status,budget_left,note"));
    let lines: Vec<&str> = lines.collect();
    let all = export["requests"].as_array().expect("rows");
    assert_eq!(lines.len(), all.len());
    for (line, row) in lines.iter().zip(all) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), 8, "{line}");
        assert_eq!(cells[0], row["at_ms"].to_string());
        assert_eq!(cells[1].trim_matches('"'), row["kind"]);
        assert_eq!(cells[4].trim_matches('"'), row["path"]);
    }
    for kind in ["usage", "token", "credential_write"] {
        assert!(csv.contains(&format!("\"{kind}\"")), "{csv}");
    }
    assert!(!csv.contains('@'), "accounts by number: {csv}");
}
