//! The demo, and how it ends.

use rustix::process::{Pid, Signal, kill_process};
use sluice_tests::desktop::{Environment, PATIENCE, Process, wait_for};
use std::path::Path;

/// The demo on a desktop of its own without a screen, everything below `root`.
fn demo(root: &Path) -> Process {
    let mut environment = Environment::bare();
    environment.set("TMPDIR", root).set("HOME", root);
    let mut command = environment.command(env!("CARGO_BIN_EXE_demo"));
    Process::start("demo", &mut command, &root.join("demo.log"))
}

/// Processes that were started below `root`, by their environments.
fn living(root: &Path) -> Vec<(u32, String)> {
    let root = root.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let pid = entry.file_name().to_string_lossy().parse().ok();
        let ours = String::from_utf8_lossy(&read("environ")).contains(&root);
        if let Some(pid) = pid.filter(|_| ours) {
            let words = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            found.push((pid, words));
        }
    }
    found
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("an id")).expect("an id");
    kill_process(pid, signal).expect("it lives");
}

/// Waits until the demo has said `words` so often, lets `act` happen, and checks the end.
fn ends_well(words: &str, often: usize, act: impl FnOnce(&Process, &Path)) {
    let root = tempfile::tempdir().expect("a directory");
    let mut demo = demo(root.path());
    wait_for(words, PATIENCE, || (demo.output().matches(words).count() >= often).then_some(()));
    act(&demo, root.path());
    let status = demo.wait(PATIENCE);
    let said = demo.output();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!said.contains("panicked") && said.contains("Logins lost: 0"), "{said}");
    assert_eq!(living(root.path()), [], "{said}");
}

#[test]
fn the_demo_ends_cleanly_at_a_signal() {
    // At any moment: while the desktop is up and nothing is added, and in the middle of its day.
    ends_well("A day passes", 1, |demo, _| signal(demo.pid(), Signal::TERM));
    ends_well("The day begins", 1, |demo, _| signal(demo.pid(), Signal::INT));
}

#[test]
fn the_demo_ends_cleanly_when_sluice_is_ended() {
    ends_well("The day begins", 1, |_, root| {
        let daemon = living(root).into_iter().find(|(_, words)| words.contains("sluice daemon"));
        signal(daemon.expect("the daemon").0, Signal::TERM);
    });
}
