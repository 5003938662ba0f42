//! One line about the live account: in the tool's status line and for a panel.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, end, error};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

/// A home with a file vault, one login kept as `work`, and a daemon.
fn at_work() -> (Home, Child) {
    let home = Home::new();
    let key = home.path().join("key.txt").display().to_string();
    assert_eq!(home.json(&["vault", "file", "--key-file", &key]).1, Some(0));
    home::sign_in(&home);
    let daemon = home.daemon();
    assert_eq!(home.json(&["add", "work"]).1, Some(0));
    (home, daemon)
}

/// What a status line prints for a document of the tool.
fn drawn(home: &Home, words: &[&str]) -> String {
    let mut command = home.command(&[&["statusline"], words].concat());
    command.env("PATH", "/usr/bin:/bin").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(br#"{"session_id":"s","model":{"display_name":"Opus"}}"#).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", error(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_line_stands_beside_the_persons_own_and_alone() {
    let (home, daemon) = at_work();
    let alone = drawn(&home, &[]);
    assert!(alone.starts_with("work · ") && alone.lines().count() == 1, "{alone}");
    let both = drawn(&home, &["--", "sh", "-c", "grep -c Opus"]);
    assert_eq!(both, format!("1\n{alone}"), "the person's own gets the document, and comes first");
    let mut elsewhere = home.command(&["statusline"]);
    elsewhere.env("CLAUDE_CONFIG_DIR", home.path().join("other")).stdin(Stdio::null());
    let other = elsewhere.output().unwrap();
    assert!(other.status.success() && other.stdout.is_empty(), "that login is nobody's: {other:?}");
    end(daemon);
    assert_eq!(drawn(&home, &["--", "echo", "mine"]), "mine\n", "nothing is said without a driver");
}

#[test]
fn a_panel_is_told_each_change_once_and_also_of_the_end() {
    let (home, daemon) = at_work();
    let mut feed = home.command(&["feed"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(feed.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert!(first["text"].as_str().unwrap().starts_with("work"), "{first}");
    assert_eq!(home.json(&["rename", "work", "harbour"]).1, Some(0));
    let mut told = next();
    while !told["text"].as_str().unwrap().starts_with("harbour") {
        told = next();
    }
    assert_eq!(home.json(&["stop"]).1, Some(0));
    while told["class"] != "stopped" {
        told = next();
    }
    end(daemon);
    while told["class"] != "off" {
        told = next();
    }
    feed.kill().unwrap();
    feed.wait().unwrap();
}

#[test]
fn without_a_command_the_status_is_shown() {
    let (home, daemon) = at_work();
    let (bare, named) = (home.run(&[]), home.run(&["status"]));
    assert!(bare.status.success(), "{}", error(&bare));
    let first = |output: &std::process::Output| {
        String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
    };
    assert_eq!(first(&bare), first(&named));
    assert_eq!(home.json(&["use", "work"]).0["schema"], "sluice/swap/1");
    end(daemon);
}
