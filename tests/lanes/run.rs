//! `sluice run` with a fake tool: one switch, one retry, the row that tells the truth after any
//! kill, and nothing secret anywhere.

use crate::support::open;
use crate::tool::{Bench, LIMIT, SERVED, kill, later, lines, present};
use sluice_engine::observation::Fact;
use sluice_engine::skip::Softer;
use sluice_engine::{Block, Percent, Provider, Source, Utc, Verdict, Window};
use sluice_ledger::{Cap, Kernel, State};
use sluice_protocol::Closing;
use sluice_tests::pace::PATIENCE;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Answers with a limit on A's seat and serves on every other.
fn limit_on_first(bench: &Bench) -> String {
    let first = bench.accounts[0].0;
    format!(
        "case \"$SEAT\" in */{first}) cat <<'END'\n{LIMIT}\nEND\nexit 1;; *) cat <<'END'\n{SERVED}\nEND\nesac"
    )
}

#[test]
fn a11_limit_switch_served() {
    let bench = Bench::new(3);
    let output = bench.in_lane(&limit_on_first(&bench));
    let (out, err) = lines(&output);
    assert!(output.status.success(), "{err}");
    assert_eq!(out.trim(), SERVED, "the failed attempt said nothing to the caller");
    assert!(err.contains("the lane is on B now"), "{err}");
    assert_eq!(bench.active(), (bench.accounts[1], 2));
    let rows = bench.rows();
    assert_eq!(rows.len(), 1, "the same execution");
    assert_eq!((rows[0].attempts, rows[0].state), (2, State::Finished));
    assert_eq!(rows[0].execution.account, Some(bench.accounts[1]));
    let ledger = bench.ledger();
    assert_eq!(ledger.swaps(10, None).unwrap().len(), 1);
    assert_eq!(ledger.activity(Utc(0), 10).unwrap().len(), 1);
    assert_eq!(ledger.untold_notices(Utc(0)).unwrap().len(), 1);
}

#[test]
fn a11_limit_switch_limit_ends_after_two_attempts() {
    let bench = Bench::new(3);
    let output = bench.in_lane(&format!("cat <<'END'\n{LIMIT}\nEND\nexit 1"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output).0.trim(), LIMIT, "the last attempt is passed on");
    assert_eq!(bench.rows()[0].attempts, 2);
    // The second failure moved the lane once more, to C, and was not tried there.
    assert_eq!(bench.active(), (bench.accounts[2], 3));
}

#[test]
fn a11_no_other_account_is_one_attempt() {
    let bench = Bench::new(1);
    let output = bench.in_lane(&format!("cat <<'END'\n{LIMIT}\nEND\nexit 1"));
    assert_eq!(output.status.code(), Some(1));
    assert!(lines(&output).1.contains("no other one has room"), "{:?}", lines(&output));
    assert_eq!((bench.rows()[0].attempts, bench.active().1), (1, 1));
}

#[test]
fn a11_what_passes_by_itself_switches_nothing() {
    let bench = Bench::new(2);
    for (text, status) in
        [("Internal error", 500), ("Overloaded", 529), ("model_not_found: claude-x", 404)]
    {
        let result = format!(
            r#"{{"type":"result","is_error":true,"result":"API Error: {text}","api_error_status":{status}}}"#
        );
        let output = bench.in_lane(&format!("echo '{result}'; exit 1"));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(bench.active().1, 1, "{text}");
    }
    assert!(bench.rows().iter().all(|row| row.attempts == 1));
}

#[test]
fn what_was_produced_is_never_produced_twice() {
    let bench = Bench::new(2);
    let output = bench.in_lane(&format!("cat <<'END'\n{SERVED}\n{LIMIT}\nEND\nexit 1"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output).0.matches("\"done\"").count(), 2, "once in each of its two lines");
    assert_eq!(bench.active().1, 2, "the lane moved for the next run");
    assert_eq!(bench.rows()[0].attempts, 1);
}

/// A turn that met the end of its window and went on.
const SLOW: &str = r#"{"type":"system","subtype":"init"}
{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","rateLimitType":"five_hour","resetsAt":4102444800,"slow":{"status":"active"},"unifiedWindows":{"five_hour":{"utilization":1,"resetsAt":4102444800},"seven_day":{"utilization":0.25,"resetsAt":4102600000}}}}
{"type":"assistant","message":{"content":[{"type":"text","text":"done"}]}}
{"type":"result","subtype":"success","is_error":false,"result":"done"}"#;

#[test]
fn a_run_at_low_priority_tells_so_and_both_its_windows() {
    let bench = Bench::new(2);
    let mut ledger = bench.ledger();
    let lane = ledger.default_lane(Provider::Claude).unwrap().lane.id;
    ledger.adopt(lane, Some(bench.accounts[0]), None, Utc(0)).unwrap();
    let claude = bench.claude(&format!("cat <<'END'\n{SLOW}\nEND"));
    let words = ["run", "--", claude.to_str().unwrap(), "-p", "--output-format", "stream-json"];
    let output = bench.run(&words);
    assert!(output.status.success(), "{:?}", lines(&output));
    assert_eq!(lines(&output).0.trim(), SLOW);
    let skip = ledger.skip(bench.accounts[0]).unwrap().expect("a failure");
    assert_eq!(skip.softer, Some(Softer::LowPriority));
    let told = ledger.replay(later()).unwrap().observations;
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((told.account, told.source), (bench.accounts[0], Source::Hook));
    let Fact::Usage(usage) = &told.fact else { panic!("{told:?}") };
    let used = |window: Window| window.used.map(Percent::get);
    assert_eq!((used(usage.short()), used(usage.long())), (Some(100.0), Some(25.0)));
}

#[test]
fn the_exit_code_and_the_signal_are_the_tools() {
    let bench = Bench::new(1);
    for (script, code, signal) in
        [("exit 7", Some(7), None), ("kill -TERM $$", None, Some(15)), ("exit 0", Some(0), None)]
    {
        let status = bench.in_lane(script).status;
        let signalled = std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!((status.code(), signalled), (code, signal), "{script}");
    }
    let reasons: Vec<_> = bench.rows().into_iter().filter_map(|row| row.end_reason).collect();
    assert_eq!(reasons, ["exit 7", "signal 15", "exit 0"]);
    let missing = bench.run(&["run", "--", "/nowhere/claude"]);
    assert_eq!(missing.status.code(), Some(127));
    assert_eq!(bench.ledger().open_executions().unwrap(), []);
}

#[test]
fn a_signal_is_handed_on() {
    let bench = Bench::new(1);
    let claude =
        bench.claude("trap 'exit 42' TERM; touch \"$HOME/ready\"; while :; do sleep 0.05; done");
    let child = bench.command(&["run", "--", claude.to_str().unwrap()]).spawn().unwrap();
    crate::workers::wait_for(&bench.home.path().join("ready"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = { child }.wait().unwrap();
    assert_eq!(status.code(), Some(42));
}

#[test]
fn a_full_house_is_refused_with_75_and_its_reason() {
    let bench = Bench::new(1);
    let one = Cap { concurrent: Some(1), ..Cap::default() };
    bench.ledger().set_cap(Provider::Claude, None, &one).unwrap();
    let claude =
        bench.claude("touch \"$HOME/ready\"; while [ ! -e \"$HOME/end\" ]; do sleep 0.02; done");
    let mut first = bench.command(&["run", "--", claude.to_str().unwrap()]).spawn().unwrap();
    crate::workers::wait_for(&bench.home.path().join("ready"));
    bench.wait_for(State::Running);
    let second = bench.run(&["run", "--", "true"]);
    assert_eq!(second.status.code(), Some(75));
    assert!(lines(&second).1.contains("provider_concurrency_exceeded"), "{:?}", lines(&second));
    let waiting = bench.command(&["run", "--wait", "60", "--", "true"]).spawn().unwrap();
    std::fs::write(bench.home.path().join("end"), "").unwrap();
    assert!(first.wait().unwrap().success());
    assert!({ waiting }.wait().unwrap().success());
}

#[test]
fn a_ledger_that_cannot_be_used_stops_nobody() {
    let bench = Bench::new(1);
    std::fs::write(crate::support::database(&bench.data()), "not a database").unwrap();
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(bench.data().join(format!("sluice.db{suffix}"))).ok();
    }
    let output = bench.run(&["run", "--", "sh", "-c", "echo works; exit 3"]);
    let (out, err) = lines(&output);
    assert_eq!((output.status.code(), out.trim()), (Some(3), "works"));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("not recorded"), "{err}");
    let strict = bench.run(&["run", "--strict", "--", "echo", "works"]);
    assert_eq!((strict.status.code(), strict.stdout.len()), (Some(1), 0));
}

#[test]
fn a15_real_wrapper_real_reconciler() {
    let kernel = Kernel::here().unwrap();
    // The wrapper alone is killed: its tool lives on, and so does the row.
    let bench = Bench::new(1);
    let claude =
        bench.claude("touch \"$HOME/ready\"; while [ ! -e \"$HOME/end\" ]; do sleep 0.02; done");
    let mut wrapper = bench.command(&["run", "--", claude.to_str().unwrap()]).spawn().unwrap();
    crate::workers::wait_for(&bench.home.path().join("ready"));
    let row = bench.wait_for(State::Running);
    kill(&mut wrapper);
    let mut ledger = bench.ledger();
    let pass = ledger.reconcile(&kernel, later(), true).unwrap();
    assert_eq!((pass.actions.len(), pass.unknown), (0, 0), "a live run is never orphaned");
    std::fs::write(bench.home.path().join("end"), "").unwrap();
    let deadline = Instant::now() + PATIENCE;
    let closed = loop {
        let pass = ledger.reconcile(&kernel, later(), true).unwrap();
        if let Some(action) = pass.actions.into_iter().next() {
            break action;
        }
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!((closed.action, closed.execution_id), (Closing::Applied, row.execution.id));

    // Both are killed.
    std::fs::remove_file(bench.home.path().join("end")).unwrap();
    let mut wrapper = bench.command(&["run", "--", claude.to_str().unwrap()]).spawn().unwrap();
    let row = bench.wait_for(State::Running);
    kill(&mut wrapper);
    let tool = row.execution.child.unwrap().pid;
    let pid = rustix::process::Pid::from_raw(i32::try_from(tool).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    while !std::fs::read_to_string(format!("/proc/{tool}/stat"))
        .map_or(true, |stat| stat.contains(") Z "))
    {
        std::thread::yield_now();
    }
    let pass = ledger.reconcile_at_start(&kernel, later());
    assert_eq!(pass.actions.len(), 1, "freed by the pass at start");
}

/// `kill -9` at the n-th system call of the wrapper, wherever that is: between admission and start,
/// between the start and its row, at the end. A slot never leaks past the next pass at start, and a
/// tool that lives on keeps its row.
#[test]
fn a15_killed_at_every_step() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed; nothing was tried");
        return;
    }
    let kernel = Kernel::here().unwrap();
    let bench = Bench::new(1);
    // Each kind of call that separates two steps; `when` walks through the run.
    let long = std::env::var_os("SLUICE_LONG").is_some();
    let mut killed = 0;
    for call in ["pwrite64", "fcntl", "clone3", "waitid,wait4", "openat", "read", "write"] {
        let mut when = 1;
        while when < 400 {
            let inject = format!("inject={call}:signal=KILL:when={when}");
            let trace = format!("trace={call}");
            let sluice = crate::tool::sluice();
            let status = Command::new("strace")
                .args(["-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject])
                .arg(sluice)
                .args(["run", "--", "true"])
                .env("SLUICE_HOME", bench.data())
                .env_remove("SLUICE_EXECUTION_ID")
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if status.success() {
                break;
            }
            killed += 1;
            when += if long { 1 } else { 1 + when / 2 };
        }
    }
    let mut ledger = bench.ledger();
    let pass = ledger.reconcile_at_start(&kernel, later());
    let left = ledger.open_executions().unwrap();
    eprintln!("{killed} kills: {} rows closed by the pass at start", pass.actions.len());
    assert_eq!(left, [], "no slot leaks");
    assert_eq!(pass.unknown, 0);
    assert!(killed >= 20, "{killed}");
    assert!(!pass.actions.is_empty(), "some kills left a row behind");
}

#[test]
fn a20_shadowing_variables_are_named_and_never_shown() {
    let bench = Bench::new(2);
    let claude = bench.claude(&limit_on_first(&bench));
    let output = bench
        .command(&["run", "--lane", "work", "--", claude.to_str().unwrap(), "-p"])
        .env("ANTHROPIC_API_KEY", "sk-canary-1234567890")
        .output()
        .unwrap();
    let (_, err) = lines(&output);
    assert!(err.contains("ANTHROPIC_API_KEY"), "{err}");
    assert!(!err.contains("canary"), "{err}");
    assert_eq!(bench.active().1, 1, "its limit rotates nothing");
    let row = &bench.rows()[0];
    assert_eq!(row.execution.account, None);
    assert_eq!(row.execution.shadowed, ["ANTHROPIC_API_KEY"]);
}

#[test]
fn a23_no_secret_anywhere() {
    let bench = Bench::new(2);
    let claude = bench.claude(&limit_on_first(&bench));
    let mut said = Vec::new();
    let output = bench
        .command(&["run", "--lane", "work", "--label", "x", "--", claude.to_str().unwrap(), "-p"])
        .env("RUST_LOG", "trace")
        .env("CLAUDE_CODE_OAUTH_TOKEN", "canary-in-the-environment")
        .output()
        .unwrap();
    said.extend([output.stdout, output.stderr]);
    said.push(bench.hook("stop-failure", HOOK_WITH_CANARY, &[("RUST_LOG", "trace")]).stderr);
    said.push(bench.run(&["reconcile", "--json"]).stdout);
    for entry in std::fs::read_dir(bench.data()).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            said.push(std::fs::read(entry.path()).unwrap());
        }
    }
    for text in said {
        for canary in ["canary", "-secret"] {
            let found = text.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} in {}", String::from_utf8_lossy(&text));
        }
    }
}

const HOOK_WITH_CANARY: &str = r#"{"session_id":"s","hook_event_name":"StopFailure","error":"rate_limit","error_details":"token canary-detail","last_assistant_message":"canary-message"}"#;

#[test]
fn nested_runs_are_one() {
    let bench = Bench::new(1);
    let inner = crate::tool::sluice();
    let script = format!("exec '{}' run -- sh -c 'exit 5'", inner.display());
    assert_eq!(bench.in_lane(&script).status.code(), Some(5));
    assert_eq!(bench.rows().len(), 1);
}

#[test]
fn an_account_without_a_seat_says_how_to_make_one() {
    let bench = Bench::new(2);
    let seat = bench.data().join(format!("seats/claude/{}", bench.accounts[1].0));
    std::fs::remove_dir_all(&seat).unwrap();
    let output = bench.run(&["run", "--account", "B", "--", "claude"]);
    assert_eq!(output.status.code(), Some(2));
    let (_, err) = lines(&output);
    assert!(err.contains(&format!("CLAUDE_CONFIG_DIR={}", seat.display())), "{err}");
    let unknown = bench.run(&["run", "--account", "Nobody", "--", "claude"]);
    assert_eq!(unknown.status.code(), Some(2));
    drop(open(&bench.data()));
}

#[test]
fn a_run_begins_on_nobody_whom_the_provider_refuses() {
    let bench = Bench::new(2);
    let refused = Verdict::Refused { why: Block::NotAllowed, until: None };
    bench.ledger().record_verdict(bench.accounts[0], refused, present()).unwrap();
    let output = bench.in_lane(&format!("cat <<'END'\n{SERVED}\nEND"));
    assert!(output.status.success(), "{:?}", lines(&output));
    assert_eq!(bench.rows()[0].execution.account, Some(bench.accounts[1]));
    assert_eq!(bench.active(), (bench.accounts[1], 2));
}
