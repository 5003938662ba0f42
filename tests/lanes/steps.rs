//! The real `sluice run` is halted at a step of its way, then its process, the tool's or both are
//! killed, and the real reconciler reads what is left: no slot leaks, no live run is given up.

use crate::tool::{Bench, later};
use sluice_ledger::{Kernel, State};
use sluice_tests::pace::PATIENCE;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A tool that ends when it is told to, and by itself when nobody is left to tell it.
const TOOL: &str =
    "n=0; while [ ! -e \"$HOME/end\" ] && [ $n -lt 3000 ]; do sleep 0.01; n=$((n+1)); done";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Wrapper,
    Tool,
    Both,
}

fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn alive(pid: u32) -> bool {
    state_of(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn send(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).ok();
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The newest run's row says that its tool has started: the wrapper waits for it.
fn waits_for_its_tool(bench: &Bench) -> bool {
    let raw = rusqlite::Connection::open(crate::support::database(&bench.data())).unwrap();
    let newest = "SELECT state = 'running' FROM executions ORDER BY started_at DESC LIMIT 1";
    raw.query_row(newest, [], |row| row.get(0)).unwrap_or(false)
}

/// `sluice run` that stops itself before its `when`-th call of `call`; `None` when it ended before.
fn halted(bench: &Bench, call: &str, when: u32) -> Option<(Child, u32)> {
    let claude = bench.home.path().join("claude");
    let log = bench.home.path().join("strace.log");
    std::fs::remove_file(&log).ok();
    let mut strace = Command::new("strace")
        .args(["-qq", "-o", &log.to_string_lossy(), "-e", &format!("trace={call}")])
        .args(["-e", "signal=STOP", "-e", &format!("inject={call}:signal=STOP:when={when}")])
        .arg(crate::tool::sluice())
        .args(["run", "--", claude.to_str().unwrap()])
        .env("SLUICE_HOME", bench.data())
        .env("HOME", bench.home.path())
        .env_remove("SLUICE_EXECUTION_ID")
        .env_remove("ANTHROPIC_API_KEY")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (mut looks, mut at_rest) = (0, false);
    loop {
        assert!(Instant::now() < deadline, "{call} {when}: neither halted nor ended");
        if strace.try_wait().unwrap().is_some() {
            return None;
        }
        // Each traced call stops for a moment; strace says which stop is the halt.
        let halt = std::fs::read_to_string(&log).unwrap_or_default();
        if halt.contains("--- stopped by SIGSTOP")
            && let [wrapper] = children(strace.id()).as_slice()
        {
            return Some((strace, *wrapper));
        }
        looks += 1;
        if !at_rest && looks % 32 == 0 && waits_for_its_tool(bench) {
            // The steps that are left come after the tool's end.
            at_rest = true;
            std::fs::write(bench.home.path().join("end"), "").unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// One halt, one kill; says whether a tool was running at that step.
fn one(bench: &Bench, kernel: &Kernel, call: &str, when: u32, victim: Victim) -> Option<bool> {
    let end = bench.home.path().join("end");
    std::fs::remove_file(&end).ok();
    let (mut strace, wrapper) = halted(bench, call, when)?;
    let tools = children(wrapper);
    let what = format!("{call} {when} {victim:?}, tools {tools:?}");
    if victim != Victim::Tool {
        send(wrapper, rustix::process::Signal::KILL);
    }
    if victim != Victim::Wrapper {
        tools.iter().for_each(|tool| send(*tool, rustix::process::Signal::KILL));
    }
    if victim == Victim::Tool {
        // The wrapper goes on, starts its tool if it had none yet, and ends with it.
        std::fs::write(&end, "").unwrap();
    }
    until(&what, || {
        if victim == Victim::Tool {
            send(wrapper, rustix::process::Signal::CONT);
        }
        strace.try_wait().unwrap().is_some()
    });
    let mut ledger = bench.ledger();
    if victim == Victim::Wrapper && tools.iter().any(|tool| alive(*tool)) {
        let pass = ledger.reconcile_at_start(kernel, later());
        let open = ledger.open_executions().unwrap();
        assert_eq!((pass.actions.len(), open.len()), (0, 1), "{what}: a live run keeps its row");
        std::fs::write(&end, "").unwrap();
    }
    // What the tool had started itself ends a moment after it.
    until(&format!("{what}: no slot leaks"), || {
        ledger.reconcile_at_start(kernel, later());
        ledger.open_executions().unwrap().is_empty()
    });
    Some(!tools.is_empty())
}

#[test]
fn a15_halted_and_killed_at_every_step() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed; nothing was tried");
        return;
    }
    let kernel = Kernel::here().unwrap();
    let bench = Bench::new(1);
    bench.claude(TOOL);
    let long = std::env::var_os("SLUICE_LONG").is_some();
    let (mut tried, mut with_tool) = (0, 0);
    for victim in [Victim::Wrapper, Victim::Tool, Victim::Both] {
        for call in ["pwrite64", "fcntl", "clone3", "openat", "write", "epoll_wait"] {
            let mut when = 1;
            while let Some(tool) = one(&bench, &kernel, call, when, victim) {
                tried += 1;
                with_tool += u32::from(tool);
                when += if long { 1 } else { 1 + when / 3 };
                if call == "epoll_wait" && when > 3 {
                    break;
                }
            }
        }
    }
    eprintln!("{tried} halts and kills, {with_tool} of them with a tool at work");
    assert!(tried >= 40 && with_tool >= 3, "{tried}, {with_tool}");
}

#[test]
fn a15_reused_ids_reboots_and_suspended_processes() {
    let kernel = Kernel::here().unwrap();
    let bench = Bench::new(1);
    let claude = bench.claude(TOOL);
    let mut ledger = bench.ledger();
    let mut wrapper = bench.command(&["run", "--", claude.to_str().unwrap()]).spawn().unwrap();
    let row = bench.wait_for(State::Running);
    let tool = row.execution.child.unwrap().pid;
    // Suspended is alive, however long.
    for pid in [wrapper.id(), tool] {
        send(pid, rustix::process::Signal::STOP);
        until("stopped", || state_of(pid) == Some('T'));
    }
    let pass = ledger.reconcile(&kernel, later().plus_seconds(30 * 86_400), true).unwrap();
    assert_eq!((pass.actions.len(), pass.unknown), (0, 0), "a suspended run is a live run");
    for pid in [wrapper.id(), tool] {
        send(pid, rustix::process::Signal::CONT);
    }
    std::fs::write(bench.home.path().join("end"), "").unwrap();
    assert!(wrapper.wait().unwrap().success());
    assert_eq!(bench.wait_for(State::Finished).exit_code, Some(0));

    // Killed together, and their ids given to somebody else: us.
    let raw = rusqlite::Connection::open(crate::support::database(&bench.data())).unwrap();
    for (what, change) in [
        ("reused", format!("child_pid = {0}, wrapper_pid = {0}", std::process::id())),
        ("rebooted", "boot = 'another boot'".to_owned()),
    ] {
        std::fs::remove_file(bench.home.path().join("end")).unwrap();
        let mut wrapper = bench.command(&["run", "--", claude.to_str().unwrap()]).spawn().unwrap();
        let row = bench.wait_for(State::Running);
        let tool = row.execution.child.unwrap().pid;
        wrapper.kill().unwrap();
        wrapper.wait().unwrap();
        send(tool, rustix::process::Signal::KILL);
        until("dead", || !alive(tool));
        let sql = format!("UPDATE executions SET {change} WHERE id = '{}'", row.execution.id);
        assert_eq!(raw.execute(&sql, []).unwrap(), 1);
        let pass = ledger.reconcile_at_start(&kernel, later());
        assert_eq!(pass.actions.len(), 1, "{what}: {pass:?}");
        std::fs::write(bench.home.path().join("end"), "").unwrap();
    }
}
