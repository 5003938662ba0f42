//! The verbs of the local socket, asked of a real daemon: versioned, idempotent, without a secret.

use crate::support::failures;
use crate::tool::Bench;
use serde_json::{Value, json};
use sluice_ledger::{Kernel, NewExecution, OutboxRow, Processes as _, State};
use sluice_tests::pace::PATIENCE;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A daemon on a bench; nobody's provider is asked anything.
struct Daemon {
    child: Child,
    socket: std::path::PathBuf,
    said: Vec<String>,
}

impl Daemon {
    fn on(bench: &Bench) -> Self {
        let mut command = bench.command(&["daemon"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").stderr(Stdio::null());
        for name in ["CLAUDE_API", "CLAUDE_TOKEN_URL", "CODEX_API", "CODEX_TOKEN_URL"] {
            command.env(format!("SLUICE_{name}"), "http://127.0.0.1:9");
        }
        let child = command.spawn().unwrap();
        let socket = bench.data().join("run/sluice.sock");
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < deadline, "the daemon opened no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, socket, said: Vec::new() }
    }

    fn ask(&mut self, request: &Value) -> Value {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        self.said.push(line.clone());
        serde_json::from_str(&line).unwrap()
    }

    fn acquire(&mut self, execution: &str, rest: Value) -> Value {
        let kernel = Kernel::here().unwrap();
        let me = Kernel::identify(std::process::id()).unwrap();
        let mut request = json!({
            "v": 1, "id": execution, "verb": "acquire", "execution": execution,
            "provider": "claude", "lane": "work", "pid": me.pid, "pid_start": me.start,
            "boot_id": kernel.machine().boot,
        });
        request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        self.ask(&request)
    }

    fn failure(&mut self, rest: Value) -> Value {
        let now = crate::tool::later().plus_seconds(-3_600).millis();
        let mut request = json!({
            "v": 1, "verb": "failure", "kind": "rate_limit", "failed_at_ms": now, "source": "test",
        });
        request.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        self.ask(&request)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_place_is_asked_for_told_of_and_given_back_each_twice() {
    let bench = Bench::new(2);
    let mut daemon = Daemon::on(&bench);
    let first = daemon.acquire("one", json!({ "label": "x" }));
    assert_eq!((&first["answer"], &first["allowed"]), (&json!("grant"), &json!(true)), "{first}");
    assert_eq!((&first["v"], &first["id"]), (&json!(1), &json!("one")));
    assert_eq!(first["account"], json!(bench.accounts[0].0));
    let seat = first["environment"]["CLAUDE_CONFIG_DIR"].as_str().unwrap().to_owned();
    assert!(seat.ends_with(&format!("seats/claude/{}", bench.accounts[0].0)), "{seat}");
    assert_eq!(daemon.acquire("one", json!({ "label": "x" })), first, "the same answer again");
    assert_eq!(bench.rows().len(), 1);

    let capped = daemon.ask(&json!({
        "verb": "set_cap", "provider": "claude", "account": null,
        "ceilings": { "concurrent": 1, "per_hour": null, "per_day": null },
    }));
    assert_eq!(capped["answer"], "done", "{capped}");
    let refused = daemon.acquire("two", json!({}));
    assert_eq!(refused["allowed"], json!(false));
    assert_eq!(
        (&refused["reason"], &refused["window"], &refused["limit"], &refused["current"]),
        (&json!("provider_concurrency_exceeded"), &json!("in_flight"), &json!(1), &json!(1))
    );
    assert_eq!(bench.rows().len(), 1, "a refusal writes no row");

    let me = Kernel::identify(std::process::id()).unwrap();
    for _ in 0..2 {
        let started = daemon.ask(&json!({
            "verb": "started", "execution": "one", "child_pid": me.pid, "child_start": me.start,
        }));
        assert_eq!(started["answer"], "done", "{started}");
    }
    assert_eq!(bench.rows()[0].state, State::Running);
    for already in [false, true] {
        let ended = daemon.ask(&json!({ "verb": "finished", "execution": "one", "exit_code": 3 }));
        assert_eq!((&ended["answer"], &ended["already"]), (&json!("ended"), &json!(already)));
    }
    let again = daemon.acquire("one", json!({}));
    assert_eq!(again["code"], "invalid", "an id is used once: {again}");
    assert_eq!(daemon.acquire("two", json!({}))["allowed"], json!(true));
}

#[test]
fn a_failure_moves_its_lane_once_and_a_made_up_one_not_again() {
    let bench = Bench::new(4);
    let mut daemon = Daemon::on(&bench);
    daemon.acquire("one", json!({}));
    let moved = daemon.failure(json!({ "execution": "one", "dedupe_key": "k" }));
    assert_eq!(
        (&moved["outcome"], &moved["to"], &moved["generation"]),
        (&json!("switched"), &json!(bench.accounts[1].0), &json!(2)),
        "{moved}"
    );
    let again = daemon.failure(json!({ "execution": "one", "dedupe_key": "k" }));
    assert_eq!((&again["outcome"], &again["retry_advised"]), (&json!("stale"), &json!(true)));
    assert_eq!(failures(&bench.data(), bench.accounts[0]), 1);
    // Anybody of this user may claim a failure; without a run that is known it moves a lane once.
    let b = bench.accounts[1].0;
    let made_up = |daemon: &mut Daemon, account: i64, generation: u64| {
        daemon.failure(json!({ "lane": "work", "account": account, "generation": generation }))
    };
    assert_eq!(made_up(&mut daemon, b, 2)["outcome"], "switched");
    let c = bench.active().0.0;
    assert_eq!(made_up(&mut daemon, c, 3)["outcome"], "cooling_only");
    assert_eq!(bench.active().1, 3);
    assert_eq!(daemon.failure(json!({}))["outcome"], "unattributed");
    // The person was told of each swap: the notice was claimed by the daemon.
    let deadline = Instant::now() + PATIENCE;
    let untold = |bench: &Bench| {
        let rows = bench.ledger().untold_notices(sluice_engine::Utc(0)).unwrap();
        rows.iter().any(OutboxRow::made_beside)
    };
    while untold(&bench) {
        assert!(Instant::now() < deadline, "the outbox is emptied");
        std::thread::sleep(Duration::from_millis(20));
    }
    // And of each once: what the loop writes down of them is not taken for another swap.
    let raw = rusqlite::Connection::open(crate::support::database(&bench.data())).unwrap();
    let causes = || -> Vec<String> {
        let mut all = raw.prepare("SELECT cause FROM outbox WHERE cause LIKE '%swap:%'").unwrap();
        all.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let swaps = bench.ledger().swaps(10, None).unwrap().len();
    while causes().len() < 2 * swaps {
        assert!(Instant::now() < deadline, "each is told by the loop: {:?}", causes());
        std::thread::sleep(Duration::from_millis(20));
    }
    let beside = causes().iter().filter(|cause| cause.starts_with("swap:")).count();
    assert_eq!((beside, causes().len()), (swaps, 2 * swaps), "{:?}", causes());
}

#[test]
fn lanes_are_pointed_swept_and_released_and_nothing_says_a_secret() {
    let bench = Bench::new(2);
    let mut daemon = Daemon::on(&bench);
    let point = |daemon: &mut Daemon, verb: &str, to: i64, generation: u64| {
        daemon.ask(&json!({
            "v": 1, "verb": verb, "lane": bench.lane.0, "to": to, "expected_generation": generation,
        }))
    };
    let b = bench.accounts[1].0;
    assert_eq!(point(&mut daemon, "point_lane", b, 1)["outcome"], "switched");
    assert_eq!(point(&mut daemon, "switch", bench.accounts[0].0, 1)["outcome"], "stale");
    assert_eq!(bench.active().1, 2);

    // A row of another machine cannot be judged; only the person lets it go.
    let mut ledger = bench.ledger();
    let elsewhere = NewExecution {
        at: crate::tool::later().plus_seconds(-7_200),
        ..crate::support::execution("elsewhere", Some(bench.accounts[0]), 0)
    };
    ledger.admit(&elsewhere).unwrap();
    let swept = daemon.ask(&json!({ "verb": "reconcile", "apply": true }));
    assert_eq!((&swept["actions"], &swept["unknown"]), (&json!([]), &json!(1)), "{swept}");
    let deadline = Instant::now() + PATIENCE;
    let shown = loop {
        let view = daemon.ask(&json!({ "verb": "status" }));
        if view["runs"][0]["unknown"] == json!(true) {
            break view;
        }
        assert!(Instant::now() < deadline, "{view}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(shown["lanes"].as_array().unwrap().iter().any(|lane| lane["name"] == "work"));
    let released = daemon.ask(&json!({ "verb": "release", "execution": "elsewhere" }));
    assert_eq!(released["answer"], "done");
    assert_eq!(ledger.execution("elsewhere").unwrap().unwrap().state, State::Orphaned);
    let unknown = daemon.ask(&json!({ "verb": "release", "execution": "elsewhere" }));
    assert_eq!(unknown["code"], "unknown_run");

    let newer = daemon.ask(&json!({ "v": 9, "id": "n", "verb": "status" }));
    assert_eq!((&newer["code"], &newer["id"]), (&json!("version"), &json!("n")));
    assert_eq!(daemon.ask(&json!({ "verb": "teleport" }))["code"], "unknown_verb");
    for line in &daemon.said {
        assert!(!line.contains("-secret") && !line.contains("canary"), "{line}");
    }
}
