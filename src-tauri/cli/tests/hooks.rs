//! `sluice hooks` on settings of every kind: what is somebody else's stays, byte for byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, error};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// As somebody may have laid it out: tabs, numbers that no parser gives back, names in any order.
const MINE: &str = "{\n\t\"zeta\": 1e3,\n\t\"n\" : 123456789012345678901234567890,\n\t\"hooks\": {\n\t\t\"Stop\": [\n\t\t\t{ \"hooks\": [ { \"type\": \"command\", \"command\": \"mysluice hook stop\" } ] }\n\t\t]\n\t}\n}\n";

fn settings(home: &Home) -> PathBuf {
    let directory = home.path().join(".claude");
    fs::create_dir_all(&directory).unwrap();
    directory.join("settings.json")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn install(home: &Home) {
    let output = home.run(&["hooks", "install", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
}

fn remove(home: &Home) {
    let output = home.run(&["hooks", "remove"]);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
}

fn status(home: &Home) -> Value {
    home.json(&["hooks", "status"]).0
}

#[test]
fn every_byte_that_is_not_ours_stays() {
    let home = Home::new();
    let file = settings(&home);
    fs::write(&file, MINE).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    install(&home);
    let with = read(&file);
    let lines: Vec<&str> = MINE.lines().collect();
    assert!(with.starts_with(&lines[..4].join("\n")), "{with}");
    assert!(with.contains("1e3") && with.contains("123456789012345678901234567890"));
    assert!(with.contains("\n\t\t\"SessionStart\": [\n\t\t\t{\n"), "laid out as the rest: {with}");
    assert_eq!(status(&home)["installed"], true);
    remove(&home);
    assert_eq!(read(&file), MINE);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(home.path().join(".claude")).unwrap().count(), 1, "nothing is left");
}

#[test]
fn what_the_tool_saves_while_we_ask_is_kept() {
    let home = Home::new();
    let file = settings(&home);
    fs::write(&file, "{\"model\":\"opus\"}").unwrap();
    let line = format!("{} hooks install", env!("CARGO_BIN_EXE_sluice"));
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let (mut shown, mut part) = (String::new(), [0_u8; 512]);
    while !shown.contains("[y/N]") {
        let count = screen.read(&mut part).unwrap();
        assert!(count > 0, "it ended before it asked: {shown}");
        shown += &String::from_utf8_lossy(&part[..count]);
    }
    let saved = "{\"model\":\"opus\",\"permissions\":{\"allow\":[\"Bash(ls:*)\"]}}";
    fs::write(&file, saved).unwrap();
    writeln!(keys, "y").unwrap();
    screen.read_to_string(&mut shown).unwrap();
    assert!(script.wait().unwrap().success(), "{shown}");
    assert!(read(&file).contains("Bash(ls:*)"), "{}", read(&file));
    assert_eq!(read(&home.path().join(".claude/settings.json.before-sluice")), saved);
    remove(&home);
    assert_eq!(read(&file), saved);
}

#[test]
fn a_link_stays_a_link_and_one_without_target_is_refused() {
    let home = Home::new();
    let (file, target) = (settings(&home), home.path().join("dotfiles.json"));
    symlink(&target, &file).unwrap();
    let output = home.run(&["hooks", "install", "--yes"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("does not exist"), "{}", error(&output));
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink() && !target.exists());
    fs::write(&target, "{}").unwrap();
    install(&home);
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    assert!(read(&target).contains("hook stop-failure"));
    remove(&home);
    assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
    assert_eq!(read(&target), "{}");
}

#[test]
fn what_is_not_understood_is_refused_and_left() {
    let home = Home::new();
    let file = settings(&home);
    for text in [
        "{\"hooks\":[]}",
        "{\"hooks\":\"x\"}",
        "{\"hooks\":5}",
        "{\"hooks\":null}",
        "{\"hooks\":{\"Stop\":{\"hooks\":[]}}}",
        "{\"hooks\":{},\"hooks\":{}}",
        "[]",
        "5",
        "",
    ] {
        fs::write(&file, text).unwrap();
        let output = home.run(&["hooks", "install", "--yes"]);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let told = error(&output);
        assert!(told.contains("left as it is") && !told.contains("panicked"), "{text}: {told}");
        for also in ["remove", "status"] {
            let told = error(&home.run(&["hooks", also]));
            assert!(!told.contains("panicked"), "{also} {text}: {told}");
        }
        assert_eq!(read(&file), text);
    }
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut bounded = Command::new("timeout");
    bounded.args(["60", env!("CARGO_BIN_EXE_sluice"), "hooks", "install", "--yes"]).env_clear();
    bounded.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = bounded.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "a pipe is waited for: {}", error(&output));
    assert!(error(&output).contains("no settings file"), "a pipe: {}", error(&output));
}

#[test]
fn only_a_file_that_we_made_is_taken_away_again() {
    let home = Home::new();
    let file = settings(&home);
    install(&home);
    remove(&home);
    assert!(!file.exists(), "there was none before");
    fs::write(&file, "{}").unwrap();
    install(&home);
    fs::remove_file(home.path().join(".claude/settings.json.before-sluice")).unwrap();
    remove(&home);
    assert_eq!(read(&file), "{}", "it was there before, whatever became of the copy");
    fs::remove_file(&file).unwrap();
    install(&home);
    let with = read(&file).replacen('{', "{\n  \"model\": \"opus\",", 1);
    fs::write(&file, with).unwrap();
    remove(&home);
    let left: Value = serde_json::from_str(&read(&file)).unwrap();
    assert_eq!(left, serde_json::json!({ "model": "opus" }), "the person's since then");
}

#[test]
fn the_copy_stays_unless_it_says_the_same() {
    let home = Home::new();
    let file = settings(&home);
    fs::write(&file, MINE).unwrap();
    install(&home);
    let copy = home.path().join(".claude/settings.json.before-sluice");
    fs::write(&file, read(&file).replace("1e3", "1e4")).unwrap();
    remove(&home);
    assert_eq!(read(&file), MINE.replace("1e3", "1e4"));
    assert_eq!(read(&copy), MINE);
    // Another time another copy: the first is not the file before this time.
    install(&home);
    assert_eq!(read(&copy), MINE);
    remove(&home);
    assert_eq!(read(&file), MINE.replace("1e3", "1e4"));
    assert_eq!(read(&copy), MINE);
}

/// The command with this program, in this home.
fn with_program(home: &Home, program: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    command.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.output().unwrap()
}

#[test]
fn hooks_outlive_an_update_and_a_dead_path_is_found() {
    let home = Home::new();
    let file = settings(&home);
    let at = |place: &str| home.path().join("opt").join(place);
    for version in ["1", "2"] {
        fs::create_dir_all(at(version)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_sluice"), at(version).join("sluice")).unwrap();
    }
    symlink("1", at("current")).unwrap();
    let current = at("current/sluice");
    let run = |program: &Path, words: &[&str]| with_program(&home, program, words);
    assert!(run(&current, &["hooks", "install", "--yes"]).status.success());
    // The update: the link moves, the old version goes.
    fs::remove_file(at("current")).unwrap();
    symlink("2", at("current")).unwrap();
    fs::remove_dir_all(at("1")).unwrap();
    let told = |program: &Path| -> Value {
        serde_json::from_slice(&run(program, &["hooks", "status", "--json"]).stdout).unwrap()
    };
    assert_eq!(told(&current)["installed"], true, "{}", told(&current));
    let written: Value = serde_json::from_str(&read(&file)).unwrap();
    let hook = written["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().unwrap().to_owned();
    let shell =
        |hook: &str| Command::new("/bin/sh").args(["-c", hook]).stdin(Stdio::null()).status();
    assert_eq!(shell(&hook).unwrap().code(), Some(0));
    // The program goes elsewhere.
    fs::remove_file(at("current")).unwrap();
    assert_eq!(shell(&hook).unwrap().code(), Some(127));
    let told = told(&at("2/sluice"));
    assert_eq!(told["installed"], false, "{told}");
    assert!(told["trouble"].as_str().unwrap().contains("does not exist"), "{told}");
}

#[test]
fn installed_means_that_the_tool_runs_it() {
    let home = Home::new();
    let file = settings(&home);
    fs::write(&file, "{\"disableAllHooks\":true}").unwrap();
    install(&home);
    let told = status(&home);
    assert_eq!(told["installed"], false, "{told}");
    assert!(told["trouble"].as_str().unwrap().contains("disableAllHooks"), "{told}");
    let doctor = home.json(&["doctor"]).0.to_string();
    assert!(doctor.contains("disableAllHooks"), "{doctor}");
    fs::write(&file, read(&file).replace("true", "false")).unwrap();
    assert_eq!(status(&home)["installed"], true);
    assert!(!home.path().join("data/sluice.db").exists(), "a trial records nothing");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let home = Home::new();
    let project = home.path().join("project");
    fs::create_dir(&project).unwrap();
    let mut command = home.command(&["hooks", "install", "--yes"]);
    let output = command.env("CLAUDE_CONFIG_DIR", "").current_dir(&project).output().unwrap();
    assert!(output.status.success(), "{}", error(&output));
    assert_eq!(fs::read_dir(&project).unwrap().count(), 0, "nothing in the project");
    assert!(read(&settings(&home)).contains("hook session-start"));
}
