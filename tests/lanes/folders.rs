//! `sluice lane`: folders with lanes of their own, their accounts, ceilings and seats.

use crate::tool::{Bench, lines};
use serde_json::Value;
use sluice_engine::{Plan, Provider};
use sluice_ledger::NewAccount;
use std::process::Output;

fn document(output: &Output) -> Value {
    assert!(output.status.success(), "{:?}", lines(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_run_in_a_bound_folder_uses_its_lane() {
    let bench = Bench::new(2);
    let project = bench.home.path().join("project");
    std::fs::create_dir_all(project.join("src")).unwrap();
    let folder = std::fs::canonicalize(&project).unwrap();
    let bound = bench.run(&["lane", "bind", "shop", folder.to_str().unwrap(), "--json"]);
    let bound = document(&bound);
    assert_eq!(bound["schema"], "sluice/lane/1");
    assert_eq!(bound["folder"], folder.to_str().unwrap());

    let claude = bench.claude("basename \"$SEAT\" > \"$HOME/seat\"");
    let in_folder = |folder: &std::path::Path| {
        std::fs::remove_file(bench.home.path().join("seat")).ok();
        let mut command = bench.command(&["run", "--", claude.to_str().unwrap()]);
        assert!(command.current_dir(folder).status().unwrap().success());
        let lane = bench.rows().last().unwrap().execution.lane;
        bench.ledger().lane(lane.unwrap()).unwrap().unwrap().name
    };
    assert_eq!(in_folder(&project.join("src")), "shop");
    let seat = std::fs::read_to_string(bench.home.path().join("seat")).unwrap();
    assert_eq!(seat.trim(), bench.accounts[0].0.to_string(), "the first account with a seat");
    assert_eq!(in_folder(bench.home.path()), "default");

    let used = bench.run(&["lane", "use", "shop", "B"]);
    assert!(lines(&used).0.contains("B is active in shop"), "{:?}", lines(&used));
    assert_eq!(in_folder(&project), "shop");
    let seat = std::fs::read_to_string(bench.home.path().join("seat")).unwrap();
    assert_eq!(seat.trim(), bench.accounts[1].0.to_string());

    let listed = document(&bench.run(&["lane", "list", "--json"]));
    let shop = listed["lanes"].as_array().unwrap().iter().find(|lane| lane["name"] == "shop");
    assert_eq!(shop.unwrap()["account"], bench.accounts[1].0);
    assert!(bench.run(&["lane", "unbind", "shop"]).status.success());
    assert_eq!(in_folder(&project), "default");
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let bench = Bench::new(2);
    std::fs::remove_dir_all(bench.data().join(format!("seats/claude/{}", bench.accounts[1].0)))
        .unwrap();
    for (words, said) in [
        (&["lane", "bind", "default", "/tmp"][..], "machine's own seat"),
        (&["lane", "bind", "x", "/no/such/folder"], "folder"),
        (&["lane", "unbind", "nothing"], "no lane"),
        (&["lane", "use", "work", "Nobody"], "no account"),
        (&["lane", "use", "work", "B"], "no seat of its own"),
        (&["lane", "use", "nothing", "A"], "no lane"),
    ] {
        let output = bench.run(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {:?}", lines(&output));
        assert!(lines(&output).1.contains(said), "{words:?}: {:?}", lines(&output));
    }
    assert_eq!(bench.active(), (bench.accounts[0], 1));
}

#[test]
fn ceilings_are_set_from_the_command_line() {
    let bench = Bench::new(1);
    let set = bench.run(&["lane", "cap", "--account", "A", "--concurrent", "2", "--per-day", "9"]);
    assert!(lines(&set).0.contains("A: at most 2 at a time, 9 a day."), "{:?}", lines(&set));
    let (_, account, kept) = bench.ledger().caps().unwrap()[0];
    assert_eq!(account, Some(bench.accounts[0]));
    assert_eq!((kept.concurrent, kept.per_hour, kept.per_day), (Some(2), None, Some(9)));
    let none = bench.run(&["lane", "cap", "--account", "A"]);
    assert!(lines(&none).0.contains("no ceiling"), "{:?}", lines(&none));
}

/// The official tool's sign-in, as far as it leaves files behind.
fn signs_in_as(bench: &Bench, person: &str) -> std::path::PathBuf {
    bench.claude(&format!(
        "test \"$1 $2\" = \"auth login\" || exit 9\n\
         test -z \"$ANTHROPIC_API_KEY\" || exit 8\n\
         echo '{{}}' > \"$SEAT/.credentials.json\"\n\
         echo '{{\"oauthAccount\":{{\"accountUuid\":\"{person}\",\"organizationUuid\":\"org\"}}}}' > \"$SEAT/.claude.json\""
    ))
}

#[test]
fn a_seat_is_made_by_the_tools_own_sign_in() {
    let bench = Bench::new(2);
    let seat = bench.data().join(format!("seats/claude/{}", bench.accounts[1].0));
    std::fs::remove_dir_all(&seat).unwrap();
    let shared = bench.home.path().join(".claude/projects");
    std::fs::create_dir_all(&shared).unwrap();
    let claude = signs_in_as(&bench, "B");
    let program = claude.to_str().unwrap();
    let output = bench
        .command(&["lane", "seat", "B", "--share", "--program", program, "--json"])
        .env("ANTHROPIC_API_KEY", "sk-canary")
        .output()
        .unwrap();
    assert_eq!(document(&output)["verified"], true);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&seat).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(std::fs::read_link(seat.join("projects")).unwrap(), shared);
    // Asked again, nothing is signed in to a second time.
    std::fs::remove_file(&claude).unwrap();
    assert!(bench.run(&["lane", "seat", "B", "--program", program]).status.success());
}

#[test]
fn a_sign_in_as_somebody_else_is_put_aside_and_never_used() {
    let bench = Bench::new(2);
    let seat = bench.data().join(format!("seats/claude/{}", bench.accounts[1].0));
    std::fs::remove_dir_all(&seat).unwrap();
    let claude = signs_in_as(&bench, "A");
    let output = bench.run(&["lane", "seat", "B", "--program", claude.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(lines(&output).1.contains("another account's"), "{:?}", lines(&output));
    assert!(!seat.exists());
    assert!(seat.with_extension("other-1").join(".credentials.json").exists(), "kept");
    let run = bench.run(&["run", "--account", "B", "--", "claude"]);
    assert_eq!(run.status.code(), Some(2), "no seat, no run on another's login");
}

#[test]
fn a_report_by_hand_is_remembered_without_a_driver() {
    let bench = Bench::new(2);
    let output = bench.run(&["report", "rate-limit", "--account", "A", "--resets", "3:45pm"]);
    assert!(output.status.success(), "{:?}", lines(&output));
    let skip = bench.ledger().skip(bench.accounts[0]).unwrap().expect("remembered");
    assert!(skip.resets_at.is_some());
    let moved = bench.run(&[
        "report",
        "rate-limit",
        "--account",
        "A",
        "--lane",
        "work",
        "--generation",
        "1",
    ]);
    assert!(lines(&moved).0.contains("the lane is on B now"), "{:?}", lines(&moved));
    assert_eq!(bench.active(), (bench.accounts[1], 2));
}

#[test]
fn an_account_is_named_by_a_unique_part_of_its_mail() {
    let bench = Bench::new(1);
    let mut ledger = bench.ledger();
    let [ada, bob] = [1, 2].map(|number| {
        let mail = ["ada@example.test", "bob@example.test"][number - 1].to_owned();
        let new = NewAccount {
            provider: Provider::Claude,
            key: mail.clone(),
            label: format!("Claude {number}"),
            email: Some(mail),
            organization: None,
            plan: Plan::default(),
        };
        let id = ledger.add_account(&new, crate::support::T0).unwrap().id;
        let seat = bench.data().join(format!("seats/claude/{}", id.0));
        std::fs::create_dir_all(&seat).unwrap();
        std::fs::write(seat.join(".credentials.json"), "{}").unwrap();
        id
    });
    let run = |words: &[&str]| bench.run(words);
    assert!(run(&["run", "--account", "BOB@", "--", "true"]).status.success());
    assert_eq!(bench.rows()[0].execution.account, Some(bob));
    assert!(run(&["lane", "use", "work", "ada"]).status.success());
    assert_eq!(bench.active().0, ada);
    let capped = run(&["lane", "cap", "--account", "bob@example.test", "--concurrent", "1"]);
    assert!(capped.status.success(), "{:?}", lines(&capped));
    let listed = lines(&run(&["lane", "list"])).0;
    assert!(listed.contains("Claude 1 — ada@example.test"), "nobody named it: {listed}");
    for words in
        [&["run", "--account", "example", "--", "true"][..], &["lane", "use", "work", "example"]]
    {
        let refused = run(words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        let said = lines(&refused).1;
        assert!(said.contains("Claude 1 (2) and Claude 2 (3)"), "{words:?}: {said}");
    }
}
