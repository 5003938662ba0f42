//! Who drives and who only looks: nothing that is just starting, ending or at its command stands in
//! anybody's way for longer than it lasts.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, end, error};
use sluice_driver::{Paths, lock};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

fn paths(home: &Home) -> Paths {
    Paths::at(home.path().join("data"))
}

fn spawn(home: &Home, arguments: &[&str]) -> Child {
    let mut command = home.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the daemon answers, or says what it ended with.
fn until_it_drives(home: &Home, daemon: &mut Child) {
    let begun = Instant::now();
    while home.json(&["status"]).0["driver"] != "running" {
        assert_eq!(daemon.try_wait().unwrap(), None, "the daemon ended");
        assert!(begun.elapsed() < Duration::from_secs(60), "the daemon does not come up");
    }
}

#[test]
fn a_status_while_the_daemon_starts_never_ends_it() {
    let home = Home::new();
    for round in 0..8 {
        let mut daemon = spawn(&home, &["daemon"]);
        let looks: Vec<Child> = (0..3).map(|_| spawn(&home, &["status"])).collect();
        for look in looks {
            let output = look.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "round {round}: {}", error(&output));
        }
        until_it_drives(&home, &mut daemon);
        end(daemon);
    }
}

#[test]
fn commands_at_the_same_time_all_do_what_they_were_asked() {
    let home = Home::new();
    for _ in 0..3 {
        let asked = [
            &["mode", "auto"][..],
            &["settings", "poll_seconds", "240"],
            &["settings", "warning_percent", "71"],
            &["stop"],
        ];
        let running: Vec<Child> = asked.iter().map(|words| spawn(&home, words)).collect();
        for (command, words) in running.into_iter().zip(asked) {
            let output = command.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{words:?}: {}", error(&output));
        }
        let (settings, _) = home.json(&["settings"]);
        assert_eq!(settings["settings"]["poll_seconds"], 240, "{settings}");
        assert_eq!(settings["settings"]["warning_percent"], 71.0, "{settings}");
        assert_eq!(home.json(&["status"]).0["stopped"], true);
        assert_eq!(home.run(&["start"]).status.code(), Some(0));
    }
}

#[test]
fn a_look_takes_no_lock_and_makes_no_database() {
    let home = Home::new();
    for words in [&["status"][..], &["accounts"], &["forecast"], &["log"], &["doctor"]] {
        assert_eq!(home.run(words).status.code(), Some(0), "{words:?}");
    }
    assert!(!paths(&home).database().exists() && !paths(&home).lock().exists());
    assert_eq!(home.run(&["mode", "auto"]).status.code(), Some(0));
    // While another one has it, and the other way round.
    let held = lock::take(&paths(&home), "the test").unwrap();
    let (status, code) = home.json(&["status"]);
    assert_eq!((&status["providers"][0]["mode"], code), (&"auto".into(), Some(0)));
    drop(held);
    let mut following = spawn(&home, &["log", "--follow"]);
    for _ in 0..50 {
        drop(lock::take(&paths(&home), "the test").unwrap());
        assert_eq!(home.run(&["status"]).status.code(), Some(0));
    }
    assert_eq!(following.try_wait().unwrap(), None, "it still follows");
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn without_a_driver_status_says_how_to_start_one() {
    let home = Home::new();
    let text = |words: &[&str]| String::from_utf8(home.run(words).stdout).unwrap();
    for name in ["status", "accounts", "forecast"] {
        let said = text(&[name]);
        assert!(said.contains("No driver is running") && said.contains("sluice daemon"), "{said}");
        assert_eq!(home.json(&[name]).0["driver"], "none");
    }
    assert!(error(&home.run(&["refresh"])).contains("sluice daemon"), "nobody would read later");
    let daemon = home.daemon();
    for name in ["status", "accounts", "forecast"] {
        assert!(!text(&[name]).contains("No driver"));
        assert_eq!(home.json(&[name]).0["driver"], "running");
    }
    end(daemon);
}

#[test]
fn who_needs_the_lock_waits_for_one_that_lets_go() {
    let home = Home::new();
    let held = lock::take(&paths(&home), "the test").unwrap();
    let mut daemon = spawn(&home, &["daemon"]);
    // Long enough for both to meet the lock.
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(daemon.try_wait().unwrap(), None, "it waits");
    drop(held);
    until_it_drives(&home, &mut daemon);
    end(daemon);
    let held = lock::take(&paths(&home), "the test").unwrap();
    let command = spawn(&home, &["mode", "auto"]);
    std::thread::sleep(Duration::from_millis(600));
    drop(held);
    let output = command.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
}

#[test]
fn who_never_lets_go_is_named_after_a_while() {
    let home = Home::new();
    let _held = lock::take(&paths(&home), "somebody else").unwrap();
    let begun = Instant::now();
    let output = home.run(&["mode", "auto"]);
    assert_eq!(output.status.code(), Some(75), "it may work later: {}", error(&output));
    assert!(error(&output).contains("somebody else"), "{}", error(&output));
    assert!((5..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[test]
fn a_driver_that_does_not_answer_keeps_no_status_waiting() {
    let home = Home::new();
    let _held = lock::take(&paths(&home), "a driver that hangs").unwrap();
    let _deaf = sluice_driver::socket::bind(&paths(&home)).unwrap();
    let begun = Instant::now();
    let (status, code) = home.json(&["status"]);
    assert_eq!((&status["driver"], code), (&"silent".into(), Some(0)), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_daemon_that_cannot_begin_says_so_and_leaves_no_socket() {
    let home = Home::new();
    assert_eq!(home.run(&["mode", "auto"]).status.code(), Some(0));
    let output = home.command(&["daemon"]).env("SLUICE_CLAUDE_API", "http://10.1.2.3").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("not this machine"), "{}", error(&output));
    assert!(!paths(&home).socket().exists());
    end(home.daemon());
}
