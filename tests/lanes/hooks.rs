//! Hooks: silent, quick, never in the tool's way, and gone without a trace.

use crate::support::{execution, open};
use crate::tool::{Bench, lines, present};
use sluice_engine::{Provider, Utc};
use sluice_ledger::{Kernel, NewExecution, Processes as _, State};
use sluice_tests::pace::quickest;
use std::collections::BTreeSet;
use std::process::Output;

/// A run whose wrapper is this test program: above everything it starts.
pub fn around_us(id: &str) -> NewExecution {
    let kernel = Kernel::here().unwrap();
    NewExecution {
        machine: kernel.machine().clone(),
        wrapper: Kernel::identify(std::process::id()),
        at: present(),
        ..execution(id, None, 0)
    }
}

pub fn silent(output: &Output, what: &str) {
    assert!(output.status.success(), "{what}: {:?}", lines(output));
    assert_eq!(lines(output), (String::new(), String::new()), "{what}");
}

pub fn document(event: &str, rest: &str) -> String {
    format!("{{\"session_id\":\"s-1\",\"cwd\":\"/tmp\",\"hook_event_name\":\"{event}\"{rest}}}")
}

/// The default lane on A: what hooks see when nobody used `sluice run`.
pub fn with_default(count: usize) -> Bench {
    let bench = Bench::new(count);
    let mut ledger = bench.ledger();
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane.id;
    ledger.adopt(lane, Some(bench.accounts[0]), None, Utc(0)).unwrap();
    bench
}

#[test]
fn a22_a_conversation_from_start_to_end() {
    let bench = with_default(2);
    silent(&bench.hook("session-start", &document("SessionStart", ""), &[]), "start");
    let rows = bench.rows();
    assert_eq!((rows.len(), rows[0].state), (1, State::Running));
    assert_eq!(rows[0].execution.account, Some(bench.accounts[0]));
    assert_eq!(rows[0].execution.child.unwrap().pid, std::process::id(), "the tool is us here");
    silent(
        &bench.hook("session-end", &document("SessionEnd", ",\"reason\":\"clear\""), &[]),
        "clear",
    );
    assert_eq!(bench.rows()[0].state, State::Running, "it goes on under the same process");
    silent(&bench.hook("session-end", &document("SessionEnd", ",\"reason\":\"exit\""), &[]), "end");
    assert_eq!(bench.rows()[0].state, State::Finished);
}

#[test]
fn only_four_classes_count_against_the_account() {
    let bench = with_default(2);
    for class in
        ["overloaded", "server_error", "model_not_found", "max_output_tokens", "unknown", "x"]
    {
        let told = document("StopFailure", &format!(",\"error\":\"{class}\""));
        silent(&bench.hook("stop-failure", &told, &[]), class);
    }
    let ledger = bench.ledger();
    assert_eq!(ledger.skip(bench.accounts[0]).unwrap(), None);
    let noted =
        ledger.activity(Utc(0), 100).unwrap().into_iter().map(|row| row.content.to_string());
    assert_eq!(noted.collect::<BTreeSet<_>>().len(), 4, "each is noted, by its class");
    drop(ledger);
    let told = document("StopFailure", ",\"error\":\"rate_limit\"");
    silent(&bench.hook("stop-failure", &told, &[]), "rate_limit");
    assert!(bench.ledger().skip(bench.accounts[0]).unwrap().is_some());
}

/// A cut went through a character, or a byte is none of a text: the rest of the document counts.
#[test]
fn a_text_nobody_needs_hides_no_hook() {
    for text in [&br"cut \ud83d"[..], b"cut \xf0\x9f\x98", b"two\nlines"] {
        let bench = with_default(2);
        let with = |event: &str, rest: &str| {
            let told = document(event, rest).replace("/tmp", "HERE").into_bytes();
            let at = told.windows(4).position(|part| part == b"HERE").unwrap();
            [&told[..at], text, &told[at + 4..]].concat()
        };
        let numbers = ",\"rate_limits\":{\"five_hour\":{\"used_percentage\":7}}";
        silent(&bench.hook_bytes("session-start", &with("SessionStart", ""), &[]), "start");
        silent(&bench.hook_bytes("status-line", &with("StatusLine", numbers), &[]), "numbers");
        let failed = with("StopFailure", ",\"error\":\"rate_limit\"");
        silent(&bench.hook_bytes("stop-failure", &failed, &[]), "failure");
        let shown = String::from_utf8_lossy(text);
        assert_eq!(bench.rows().len(), 1, "{shown}: the conversation is known");
        assert!(bench.ledger().skip(bench.accounts[0]).unwrap().is_some(), "{shown}: its failure");
        let replayed = open(&bench.data()).replay(crate::support::T0).unwrap();
        assert_eq!(replayed.observations.len(), 1, "{shown}: its numbers");
    }
}

#[test]
fn a_burst_of_hooks_in_a_lane_is_one_swap() {
    let bench = Bench::new(3);
    let mut ledger = bench.ledger();
    let admitted = ledger.admit(&NewExecution { lane: Some(bench.lane), ..around_us("wrapped") });
    admitted.unwrap();
    drop(ledger);
    let told = document("StopFailure", ",\"error\":\"rate_limit\"");
    let seat = bench.seat(0);
    let with = [("SLUICE_EXECUTION_ID", "wrapped"), ("CLAUDE_CONFIG_DIR", seat.to_str().unwrap())];
    for _ in 0..3 {
        silent(&bench.hook("stop-failure", &told, &with), "burst");
    }
    assert_eq!(bench.active(), (bench.accounts[1], 2));
    assert_eq!(bench.ledger().swaps(10, None).unwrap().len(), 1);
}

#[test]
fn a22_trouble_is_silent_too_and_leaves_the_event_in_the_spool() {
    let bench = with_default(2);
    // Nothing to work with at all.
    for document in ["", "{", "null", "[1]", "\u{0}"] {
        for event in ["session-start", "stop-failure", "session-end", "status-line"] {
            silent(&bench.hook(event, document, &[]), event);
        }
    }
    // Somebody holds the database for longer than a hook may take.
    let raw = rusqlite::Connection::open(crate::support::database(&bench.data())).unwrap();
    let told = document("StopFailure", ",\"error\":\"rate_limit\"");
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let took =
        quickest(4, || silent(&bench.hook_once("stop-failure", told.as_bytes(), &[]), "locked"));
    raw.execute_batch("ROLLBACK").unwrap();
    assert!(took < std::time::Duration::from_millis(1_000), "{took:?}");
    assert_eq!(std::fs::read_dir(bench.data().join("spool")).unwrap().count(), 4);
    let replayed = open(&bench.data()).replay(crate::support::T0).unwrap();
    assert_eq!(replayed.taken, 4);
    assert!(bench.ledger().skip(bench.accounts[0]).unwrap().is_some());
}

/// Standard input that never ends costs the tool no more than the budget, and what came is used.
#[test]
fn input_left_open_costs_the_budget_and_no_more() {
    let bench = with_default(2);
    let numbers = r#"{"session_id":"s-1","rate_limits":{"seven_day":{"used_percentage":7}}}"#;
    for (event, said) in [("stop-failure", ""), ("session-start", "{"), ("status-line", numbers)] {
        let took = quickest(4, || {
            let mut command = bench.command(&["hook", event]);
            let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
            let mut open = child.stdin.take().unwrap();
            std::io::Write::write_all(&mut open, said.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
            drop(open);
        });
        assert!(took < std::time::Duration::from_millis(1_000), "{event}: {took:?}");
    }
    let replayed = open(&bench.data()).replay(crate::support::T0).unwrap();
    assert_eq!(replayed.observations.len(), 1, "the document was whole");
}

#[test]
fn the_status_line_is_tapped_and_the_persons_own_is_shown() {
    let bench = with_default(2);
    let numbers =
        r#"{"rate_limits":{"five_hour":{"used_percentage":41.5,"resets_at":4102444800}}}"#;
    let mut command = bench.command(&["hook", "status-line", "--", "sh", "-c", "wc -c; echo mine"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), numbers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, _) = lines(&output);
    assert_eq!(out.split_whitespace().collect::<Vec<_>>(), [&numbers.len().to_string(), "mine"]);
    let replayed = open(&bench.data()).replay(crate::support::T0).unwrap();
    assert_eq!(replayed.observations.len(), 1);
    assert_eq!(replayed.observations[0].account, bench.accounts[0]);
}

#[test]
fn hooks_are_merged_and_taken_out_without_a_trace() {
    let bench = Bench::new(1);
    let directory = bench.home.path().join(".claude");
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("settings.json");
    let mine = "{\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"SessionStart\": [\n      {\n        \"hooks\": [\n          {\n            \"type\": \"command\",\n            \"command\": \"echo mine\"\n          }\n        ]\n      }\n    ]\n  },\n  \"zeta\": 1.50\n}\n";
    std::fs::write(&path, mine).unwrap();
    // Without consent nothing happens.
    assert_eq!(bench.run(&["hooks", "install"]).status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), mine);
    for _ in 0..2 {
        let output = bench.run(&["hooks", "install", "--yes"]);
        assert!(output.status.success(), "{:?}", lines(&output));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("hook session-start").count(), 1, "twice is once");
        assert!(text.contains("echo mine") && text.contains("hook stop-failure"));
    }
    let backup = directory.join("settings.json.before-sluice");
    assert_eq!(std::fs::read_to_string(&backup).unwrap(), mine);
    let status = bench.run(&["hooks", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["schema"], &status["installed"]), (&"sluice/hooks/1".into(), &true.into()));
    assert!(bench.run(&["hooks", "remove"]).status.success());
    let after: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(after, serde_json::from_str::<serde_json::Value>(mine).unwrap());
    assert!(!backup.exists());
    // A file that does not parse is left as it is.
    std::fs::write(&path, "{ // comment\n}").unwrap();
    let output = bench.run(&["hooks", "install", "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(lines(&output).1.contains("does not parse"), "{:?}", lines(&output));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ // comment\n}");
    // Where there was no file there is none again.
    std::fs::remove_file(&path).unwrap();
    assert!(bench.run(&["hooks", "install", "--yes"]).status.success());
    assert!(bench.run(&["hooks", "remove"]).status.success());
    assert!(!path.exists());
}

#[test]
fn what_is_odd_about_a_hook_or_a_status_line_waits_for_the_driver() {
    let bench = Bench::new(1);
    let hook = r#"{"session_id":"s","hook_event_name":"StopFailure","error":"moon_phase"}"#;
    bench.hook("stop-failure", hook, &[]);
    let shown = r#"{"rate_limits":{"five_hour":{"used_percentage":[]}}}"#;
    bench.hook("status-line", shown, &[]);
    let told = bench.ledger().replay(crate::tool::later()).unwrap().oddities;
    let wanted =
        [("hook.error", "unknown_value"), ("status_line.five_hour.used_percentage", "wrong_type")];
    let wanted = wanted.map(|(path, odd)| (Provider::Claude, vec![(path.into(), odd.into())]));
    assert_eq!(told, wanted);
}
