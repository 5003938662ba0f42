//! Whose a signal is: of the account that answered, of the run around it as long as that lives, or
//! nobody's.

use crate::hooks::{around_us, document, silent, with_default};
use crate::support::{T0, failures, open};
use crate::tool::{Bench, LIMIT, lines, present};
use sluice_engine::{AccountId, Generation, Provider};
use sluice_ledger::{
    Admission, Cap, Kernel, LaneRow, NewExecution, ProcessId, Processes as _, Used,
};
use std::process::{Command, Stdio};

fn default_lane(bench: &Bench) -> LaneRow {
    bench.ledger().default_lane(Provider::Claude).unwrap()
}

/// The machine's own seat is swapped to another account.
fn swap(bench: &Bench, to: usize) {
    let lane = default_lane(bench).lane.id;
    bench.ledger().adopt(lane, Some(bench.accounts[to]), None, present()).unwrap();
}

fn walled(bench: &Bench) -> Vec<usize> {
    let ledger = bench.ledger();
    let out = |id: &AccountId| ledger.skip(*id).unwrap().is_some();
    (0..bench.accounts.len()).filter(|index| out(&bench.accounts[*index])).collect()
}

fn event(bench: &Bench, event: &str, session: &str, rest: &str) {
    let told = document(event, rest).replace("s-1", session);
    let word = match event {
        "SessionStart" => "session-start",
        "UserPromptSubmit" => "user-prompt-submit",
        "StopFailure" => "stop-failure",
        "StatusLine" => "status-line",
        other => panic!("{other}"),
    };
    silent(&bench.hook(word, &told, &[]), event);
}

const LIMITED: &str = ",\"error\":\"rate_limit\"";

#[test]
fn a_session_that_survived_a_swap_reports_for_the_new_account() {
    let bench = with_default(3);
    event(&bench, "SessionStart", "s-1", "");
    event(&bench, "UserPromptSubmit", "s-1", "");
    event(&bench, "StopFailure", "s-1", LIMITED);
    assert_eq!(walled(&bench), [0]);
    swap(&bench, 1);
    event(&bench, "UserPromptSubmit", "s-1", "");
    event(&bench, "StopFailure", "s-1", LIMITED);
    assert_eq!(walled(&bench), [0, 1], "the second report is the second account's");
    let row = bench.rows().into_iter().next().unwrap();
    assert_eq!(row.execution.account, Some(bench.accounts[0]), "what it was launched on stays");
    let used = bench.ledger().used_at(&row, present()).unwrap();
    let generation = default_lane(&bench).lane.generation;
    assert_eq!(used, Used::Known { account: bench.accounts[1], generation });
}

#[test]
fn failures_of_one_generation_never_blame_the_next_account() {
    let bench = with_default(3);
    for session in ["s-1", "s-2", "s-3"] {
        event(&bench, "SessionStart", session, "");
        event(&bench, "UserPromptSubmit", session, "");
    }
    event(&bench, "StopFailure", "s-1", LIMITED);
    swap(&bench, 1);
    for session in ["s-2", "s-3"] {
        event(&bench, "StopFailure", session, LIMITED);
    }
    assert_eq!(walled(&bench), [0], "they were sent before the swap");
    assert_eq!(failures(&bench.data(), bench.accounts[0]), 3);
    // Left by choice and not known to refuse work: then it may have been either.
    let bench = with_default(2);
    event(&bench, "SessionStart", "s-1", "");
    event(&bench, "UserPromptSubmit", "s-1", "");
    swap(&bench, 1);
    event(&bench, "StopFailure", "s-1", LIMITED);
    assert_eq!(walled(&bench), Vec::<usize>::new());
    // The same of a session that nobody wrote down.
    event(&bench, "StopFailure", "unknown", LIMITED);
    assert_eq!(walled(&bench), Vec::<usize>::new());
}

#[test]
fn only_a_login_that_is_read_again_is_followed() {
    let bench = with_default(2);
    let (a, b) = (bench.accounts[0], bench.accounts[1]);
    let mut ledger = bench.ledger();
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane.id;
    let in_seat = |id: &str| NewExecution { lane: Some(lane), ..around_us(id) };
    ledger.admit(&in_seat("claude")).unwrap();
    ledger.admit(&NewExecution { provider: Provider::Codex, ..in_seat("codex") }).unwrap();
    ledger.admit(&NewExecution { lane: Some(bench.lane), ..around_us("lane") }).unwrap();
    let shadowed = vec!["CLAUDE_CODE_OAUTH_TOKEN".to_owned()];
    ledger.admit(&NewExecution { shadowed, ..in_seat("token") }).unwrap();
    let at = present();
    ledger.adopt(lane, Some(b), None, at).unwrap();
    let used = |id: &str, after_s: i64| {
        let row = ledger.execution(id).unwrap().unwrap();
        ledger.used_at(&row, at.plus_seconds(after_s)).unwrap()
    };
    let known = |account, generation| Used::Known { account, generation: Generation(generation) };
    assert_eq!(used("claude", 60), known(b, 2));
    let moving = Used::Moving { before: Some(a), generation: Generation(1) };
    assert_eq!(used("claude", 3), moving, "it may have asked before");
    assert_eq!(used("codex", 60), known(a, 1), "it keeps its login for its life");
    assert_eq!(used("lane", 60), known(a, 1), "a seat of its own");
    assert_eq!(used("token", 60), Used::Nobody);
}

#[test]
fn a_session_counts_for_the_account_it_uses() {
    let bench = with_default(2);
    let mut ledger = bench.ledger();
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane.id;
    ledger.admit(&NewExecution { lane: Some(lane), ..around_us("one") }).unwrap();
    let one = Cap { concurrent: Some(1), ..Cap::default() };
    for account in &bench.accounts {
        ledger.set_cap(Provider::Claude, Some(*account), &one).unwrap();
    }
    ledger.adopt(lane, Some(bench.accounts[1]), None, present()).unwrap();
    let mut ask = |id: &str, account: usize| {
        let account = Some(bench.accounts[account]);
        ledger.admit(&NewExecution { account, ..around_us(id) }).unwrap()
    };
    assert!(matches!(ask("two", 1), Admission::Refused(_)), "its place is taken");
    assert!(matches!(ask("three", 0), Admission::Admitted { .. }), "its place is free");
}

fn shown(five: f64, resets: i64) -> String {
    format!(
        ",\"rate_limits\":{{\"five_hour\":{{\"used_percentage\":{five},\"resets_at\":{resets}}}}}"
    )
}

/// Accounts that numbers were booked for since the last look, by index.
fn booked(bench: &Bench) -> Vec<usize> {
    let replayed = open(&bench.data()).replay(T0).unwrap();
    let index = |id| bench.accounts.iter().position(|known| *known == id).unwrap();
    replayed.observations.into_iter().map(|seen| index(seen.account)).collect()
}

const NONE: [usize; 0] = [];

#[test]
fn numbers_after_a_swap_are_nobodys_until_the_first_answer() {
    let bench = with_default(2);
    let (of_a, of_b) = (4_102_444_800, 4_102_460_000);
    let draw = |five, resets| event(&bench, "StatusLine", "s-1", &shown(five, resets));
    event(&bench, "SessionStart", "s-1", "");
    event(&bench, "UserPromptSubmit", "s-1", "");
    draw(33.0, of_a);
    assert_eq!(booked(&bench), [0]);
    swap(&bench, 1);
    draw(33.0, of_a);
    assert_eq!(booked(&bench), NONE, "drawn again, answered before");
    draw(34.0, of_a);
    assert_eq!(booked(&bench), NONE, "the request that was under way");
    event(&bench, "UserPromptSubmit", "s-1", "");
    draw(34.0, of_a);
    assert_eq!(booked(&bench), NONE, "asked, not answered yet");
    draw(10.0, of_b);
    assert_eq!(booked(&bench), [1]);
    draw(10.0, of_b);
    assert_eq!(booked(&bench), NONE, "nothing new");
    draw(11.0, of_b);
    assert_eq!(booked(&bench), [1]);
    // A turn that goes on over the swap: other resets are another account's.
    swap(&bench, 0);
    draw(12.0, of_b);
    assert_eq!(booked(&bench), NONE);
    draw(34.5, of_a);
    assert_eq!(booked(&bench), [0]);
}

#[test]
fn numbers_of_a_session_older_than_the_swap_wait_for_new_ones() {
    let bench = with_default(2);
    // We are the tool here, and began before this.
    swap(&bench, 1);
    event(&bench, "StatusLine", "old", &shown(33.0, 4_102_444_800));
    assert_eq!(booked(&bench), NONE);
    event(&bench, "UserPromptSubmit", "old", "");
    event(&bench, "StatusLine", "old", &shown(10.0, 4_102_460_000));
    assert_eq!(booked(&bench), [1]);
}

#[test]
fn signals_from_a_strange_directory_are_nobodys() {
    let bench = with_default(2);
    let strange = bench.home.path().join("strange");
    std::fs::create_dir_all(&strange).unwrap();
    let with = [("CLAUDE_CONFIG_DIR", strange.to_str().unwrap())];
    let numbers = document("StatusLine", &shown(41.0, 4_102_444_800));
    silent(&bench.hook("session-start", &document("SessionStart", ""), &with), "start");
    silent(&bench.hook("stop-failure", &document("StopFailure", LIMITED), &with), "failure");
    silent(&bench.hook("status-line", &numbers, &with), "numbers");
    assert_eq!((walled(&bench), booked(&bench)), (vec![], vec![]));
    assert_eq!(bench.rows(), []);
    // The same through `sluice run`, which says so.
    let claude = bench.claude(&format!("cat <<'END'\n{LIMIT}\nEND\nexit 1"));
    let run = |with: &[(&str, &str)], words: &[&str]| {
        let mut command = bench.command(&["run"]);
        command.args(words).arg("--").arg(&claude).arg("-p").envs(with.iter().copied());
        command.output().unwrap()
    };
    let output = run(&with, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(lines(&output).1.contains("counts for no account"), "{:?}", lines(&output));
    assert_eq!((walled(&bench), bench.rows()[0].execution.account), (vec![], None));
    let named = run(&with, &["--lane", "default"]);
    assert_eq!(named.status.code(), Some(2), "what was asked for by name is not given up");
    // Ours, under another name, and set but empty.
    let own = bench.seat(1);
    let linked = bench.home.path().join("linked");
    std::os::unix::fs::symlink(&own, &linked).unwrap();
    run(&[("CLAUDE_CONFIG_DIR", linked.to_str().unwrap())], &[]);
    assert_eq!(walled(&bench), [1], "the account whose seat it is");
    silent(
        &bench.hook(
            "stop-failure",
            &document("StopFailure", LIMITED),
            &[("CLAUDE_CONFIG_DIR", "")],
        ),
        "empty",
    );
    assert_eq!(walled(&bench), [0, 1], "empty is unset: the machine's own seat");
}

#[test]
fn an_error_without_its_class_is_not_read_from_its_words() {
    let bench = with_default(2);
    let words = ",\"last_assistant_message\":\"You've hit your weekly limit\"";
    event(&bench, "StopFailure", "s-1", words);
    assert_eq!(walled(&bench), NONE);
}

/// The window goes all the way: what waits in the spool names it.
#[test]
fn a_weekly_refusal_by_hook_is_the_weeks() {
    for (words, window) in [
        ("You've hit your weekly limit", "\"seven_day\""),
        ("You've hit your 5-hour limit", "\"five_hour\""),
        ("You've hit your limit", "null"),
    ] {
        let bench = with_default(2);
        let raw = rusqlite::Connection::open(crate::support::database(&bench.data())).unwrap();
        raw.execute_batch("BEGIN IMMEDIATE").unwrap();
        let told = format!("{LIMITED},\"last_assistant_message\":\"{words} · resets Mon 9am\"");
        event(&bench, "StopFailure", "s-1", &told);
        let left = std::fs::read_dir(bench.data().join("spool")).unwrap().next().unwrap().unwrap();
        let text = std::fs::read_to_string(left.path()).unwrap();
        assert!(text.contains(&format!("\"window\":{window}")), "{words}: {text}");
    }
}

fn with_marker(bench: &Bench, words: &[&str]) -> std::process::Output {
    bench.command(words).env("SLUICE_EXECUTION_ID", "marked").output().unwrap()
}

#[test]
fn a_marker_counts_only_while_its_run_lives() {
    let bench = with_default(2);
    // A run that lives, above us: what it starts is part of it.
    bench.ledger().admit(&around_us("marked")).unwrap();
    assert!(with_marker(&bench, &["run", "--", "true"]).status.success());
    assert_eq!(bench.rows().len(), 1);
    // But what is asked for by name is never dropped.
    let unknown = with_marker(&bench, &["run", "--account", "Nobody", "--", "true"]);
    assert_eq!(unknown.status.code(), Some(2), "{:?}", lines(&unknown));
    assert!(with_marker(&bench, &["run", "--account", "B", "--", "true"]).status.success());
    assert_eq!(bench.rows().len(), 2, "a run of its own");
    // It ended: a multiplexer that it left behind carries the marker on.
    bench.ledger().finish("marked", present(), Some(0), "ended").unwrap();
    assert!(with_marker(&bench, &["run", "--strict", "--", "true"]).status.success());
    assert_eq!(bench.rows().len(), 3);
}

#[test]
fn a_marker_of_a_run_elsewhere_does_not_count() {
    let bench = with_default(2);
    let mut apart = Command::new("setsid")
        .args(["--wait", "sleep", "600"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Kernel::identify(apart.id()).unwrap();
    let session = |process: ProcessId| Kernel::here().unwrap().session_of(process.pid);
    let child = loop {
        let children = format!("/proc/{0}/task/{0}/children", begun.pid);
        let listed = std::fs::read_to_string(children).unwrap_or_default();
        let first = listed.split_whitespace().next().and_then(|pid| pid.parse().ok());
        let found = first.and_then(Kernel::identify);
        if let Some(found) = found.filter(|found| session(*found) != session(begun)) {
            break found;
        }
        // `setsid` needs no child where it leads no group: then it is the sleeper itself.
        if session(begun) == Some(begun.pid) {
            break begun;
        }
        std::thread::yield_now();
    };
    let beside = NewExecution { wrapper: Some(child), ..around_us("marked") };
    bench.ledger().admit(&beside).unwrap();
    assert!(with_marker(&bench, &["run", "--", "true"]).status.success());
    assert_eq!(bench.rows().len(), 2, "it lives, but not around us");
    let told = document("StopFailure", LIMITED);
    silent(&bench.hook("stop-failure", &told, &[("SLUICE_EXECUTION_ID", "marked")]), "hook");
    assert_eq!(walled(&bench), [0], "the seat's own account, not that of the marker's run");
    for process in [child.pid, apart.id()] {
        let pid = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
        let _ended = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    apart.wait().unwrap();
}
