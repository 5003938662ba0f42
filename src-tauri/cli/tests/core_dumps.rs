//! No core of a process that holds logins, whatever ends it; the tool's own limit stays its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, sign_in};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

/// `ulimit -c unlimited`, as far as this machine allows, for what is started from here.
fn wish_for_cores() -> Rlimit {
    let now = rustix::process::getrlimit(Resource::Core);
    let all = Rlimit { current: now.maximum, maximum: now.maximum };
    rustix::process::setrlimit(Resource::Core, all).unwrap();
    all
}

fn abort(mut child: Child) -> ExitStatus {
    rustix::process::kill_process(pid(&child), Signal::ABORT).unwrap();
    child.wait().unwrap()
}

fn core_limit(child: &Child) -> String {
    let text = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let line = text.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line.split_whitespace().nth(4).unwrap().to_owned()
}

fn cores(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn an_aborted_daemon_leaves_no_core_even_where_cores_are_wished() {
    let home = Home::new();
    let folder = home.path().join("cores");
    fs::create_dir(&folder).unwrap();
    let wished = wish_for_cores();
    // What would dump here does; else this machine tells only the limit.
    let control = Command::new("sleep").arg("60").current_dir(&folder).spawn().unwrap();
    let dumps = abort(control).core_dumped();
    let before = cores(&folder);
    sign_in(&home);
    let daemon = home.daemon_in(&folder);
    // It listens before it has opened the store.
    let begun = Instant::now();
    while core_limit(&daemon) != "0" {
        assert!(begun.elapsed() < Duration::from_secs(30), "cores are not switched off");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Wished for from outside, too: the limit is not all that stands in the way.
    rustix::process::prlimit(Some(pid(&daemon)), Resource::Core, wished).unwrap();
    let status = abort(daemon);
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped(), "a core was written (others are: {dumps})");
    assert_eq!(cores(&folder), before);
}

#[test]
fn a_tool_under_run_keeps_the_core_limit_of_its_shell() {
    let home = Home::new();
    let limit = |command: &mut Command| {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text.trim().to_owned()
    };
    let shell = "ulimit -S -c $(ulimit -H -c); ";
    let plain = limit(Command::new("sh").args(["-c", &format!("{shell} ulimit -c")]));
    let sluice = env!("CARGO_BIN_EXE_sluice");
    let wrapped = format!("{shell} {sluice} run -- sh -c 'ulimit -c'");
    let mut command = home.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &wrapped]).env_clear();
    for (name, value) in command.env("PATH", std::env::var_os("PATH").unwrap()).get_envs() {
        shell.envs(value.map(|value| (name, value)));
    }
    assert_eq!(limit(&mut shell), plain);
}
