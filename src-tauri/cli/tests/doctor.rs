//! `sluice doctor`, each finding provoked for real in a throw-away home.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, PATIENCE, end, sign_in, sign_in_until};
use serde_json::Value;
use sluice_engine::Utc;
use sluice_ledger::{Ledger, NewRequest, RequestKind};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const DAY_MS: i64 = 86_400_000;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn findings(home: &Home) -> Vec<Value> {
    home.json(&["doctor"]).0["findings"].as_array().unwrap().clone()
}

/// Level and text with remedy of the findings with this code.
fn told(home: &Home, code: &str) -> Vec<(String, String)> {
    of(&findings(home), code)
}

fn of(findings: &[Value], code: &str) -> Vec<(String, String)> {
    let found = findings.iter().filter(|one| one["code"] == code);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found
        .map(|one| {
            (word(&one["level"]), format!("{} {}", word(&one["text"]), word(&one["remedy"])))
        })
        .collect()
}

fn one(home: &Home, code: &str) -> (String, String) {
    let mut found = told(home, code);
    assert_eq!(found.len(), 1, "{code}: {:#?}", findings(home));
    found.remove(0)
}

/// A home with the file vault, and nobody signed in.
fn vault() -> Home {
    let home = Home::new();
    let key = home.path().join("key.txt").display().to_string();
    assert_eq!(home.json(&["vault", "file", "--key-file", &key]).1, Some(0));
    home
}

/// A home whose logins are kept without a keychain, with the signed-in account kept.
fn kept(ends_ms: i64) -> Home {
    let home = vault();
    sign_in_until(&home, ends_ms);
    assert_eq!(home.json(&["add", "Rose"]).1, Some(0));
    home
}

#[test]
fn a_kept_login_on_a_working_vault_is_as_it_should_be() {
    let home = kept(now_ms() + 20 * DAY_MS + 3_600_000);
    let all = findings(&home);
    for code in
        ["driver", "vault", "kept", "seat", "login_ends", "budget", "database", "locks", "hooks"]
    {
        let found = of(&all, code);
        assert_eq!(found.len(), 1, "{code}: {all:#?}");
        assert_eq!(found[0].0, "ok", "{code}: {all:#?}");
    }
    assert!(of(&all, "login_ends")[0].1.contains("in 20 d"), "{all:#?}");
    assert!(of(&all, "budget")[0].1.contains("20 requests"), "{all:#?}");
    for one in all.iter().filter(|one| one["level"] != "ok" && one["code"] != "note") {
        assert!(one["remedy"].is_string(), "each finding has a remedy: {one}");
    }
}

/// The file vault's items, as if its folder had been made anew.
fn lose_the_items(home: &Home) -> usize {
    let vault = fs::read_dir(home.path().join("data/vault")).unwrap().flatten();
    let items = vault.filter(|entry| entry.file_name().to_string_lossy().starts_with("item."));
    items.map(|entry| fs::remove_file(entry.path()).unwrap()).count()
}

#[test]
fn a_store_that_lost_a_login_is_found_out_and_add_stores_it_again() {
    let home = kept(now_ms() + 20 * DAY_MS);
    assert_eq!(one(&home, "kept").0, "ok");
    assert_eq!(lose_the_items(&home), 1);
    let (level, text) = one(&home, "kept");
    assert_eq!(level, "error");
    assert!(text.contains("account 1") && text.contains("`sluice add` stores it again"), "{text}");
    assert_eq!(home.json(&["add"]).1, Some(0));
    assert_eq!(one(&home, "kept").0, "ok", "the live login is in the store again");
    assert_eq!(lose_the_items(&home), 1);
}

#[test]
fn a_seat_that_others_may_read_is_named() {
    let home = kept(now_ms() + 20 * DAY_MS);
    let file = home.path().join(".claude/.credentials.json");
    let folder = home.path().join(".claude");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(told(&home, "exposed_seat"), []);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (level, text) = one(&home, "exposed_seat");
    assert_eq!(level, "warning");
    assert!(text.contains(".credentials.json") && text.contains("chmod 600"), "{text}");
}

#[test]
fn a_configuration_that_names_another_account_is_told() {
    let home = kept(now_ms() + 20 * DAY_MS);
    assert!(told(&home, "misnamed").is_empty());
    let other = r#"{"oauthAccount":{"accountUuid":"v","organizationUuid":"o"}}"#;
    fs::write(home.path().join(".claude.json"), other).unwrap();
    let (level, text) = one(&home, "misnamed");
    assert_eq!(level, "warning");
    assert!(text.contains("names another account") && text.contains("sluice daemon"), "{text}");
    assert_eq!(fs::read_to_string(home.path().join(".claude.json")).unwrap(), other, "looks only");
}

#[test]
fn names_and_addresses_are_told_only_when_asked_for_and_secrets_never() {
    let home = kept(now_ms() + 3 * DAY_MS + 3_600_000);
    let plain = String::from_utf8(home.run(&["doctor"]).stdout).unwrap();
    let asked = String::from_utf8(home.run(&["doctor", "--show-mail"]).stdout).unwrap();
    assert!(plain.contains("account 1") && !plain.contains("Rose") && !plain.contains("e@x.test"));
    assert!(asked.contains("Rose, e@x.test"), "{asked}");
    for text in [plain, asked] {
        assert!(!text.contains("sk-rt-box") && !text.contains("sk-at-box"), "{text}");
    }
}

#[test]
fn the_switch_a_missing_keychain_and_an_empty_seat_are_told() {
    let (level, text) = one(&Home::new(), "vault");
    assert_eq!(level, "error");
    assert!(text.contains("sluice vault file"), "{text}");
    let home = vault();
    assert_eq!(one(&home, "vault").0, "ok");
    assert_eq!(one(&home, "signed_out").0, "warning");
    let key = home.path().join("key.txt");
    fs::rename(&key, home.path().join("gone")).unwrap();
    let refused = home.run(&["doctor"]);
    assert!(home::error(&refused).contains("key.txt does not exist"));
    fs::rename(home.path().join("gone"), &key).unwrap();
    home.run(&["stop"]);
    assert!(one(&home, "stopped").1.contains("sluice start"));
    sign_in(&home);
    assert!(one(&home, "unmanaged_login").1.contains("sluice add"));
    fs::write(home.path().join(".claude/.credentials.json"), "{\"claudeAiOauth\": {").unwrap();
    assert_eq!(one(&home, "observe_only").0, "error");
    assert_eq!(told(&home, "seat_unreadable").len(), 1);
}

#[test]
fn a_login_that_ends_soon_and_a_spent_budget_are_told() {
    let home = kept(now_ms() + 3 * DAY_MS + 3_600_000);
    let (level, text) = one(&home, "login_ends");
    assert_eq!(level, "warning");
    assert!(text.contains("in 3 d") && text.contains("Sign in"), "{text}");
    let mut ledger = Ledger::attach(&home.path().join("data/sluice.db")).unwrap();
    let account = ledger.accounts().unwrap()[0].id;
    for second in 0..20 {
        let asked = NewRequest {
            at: Utc::from_millis(now_ms() - second * 1_000),
            kind: RequestKind::Usage,
            account: Some(account),
            host: "127.0.0.1",
            path: "/api/oauth/usage",
            status: Some(200),
            budget_left: Some(0),
            note: None,
        };
        ledger.record_request(&asked).unwrap();
    }
    let (level, text) = one(&home, "budget");
    assert_eq!(level, "warning");
    assert!(text.contains("account 1: 0 requests"), "{text}");
}

#[test]
fn a_tools_lock_is_told_as_held_or_as_left_behind() {
    let home = kept(now_ms() + 20 * DAY_MS);
    let lock = home.path().join(".claude/.oauth_refresh.lock");
    fs::create_dir(&lock).unwrap();
    assert_eq!(one(&home, "lock").0, "ok");
    let then = SystemTime::now() - Duration::from_secs(300);
    fs::File::open(&lock).unwrap().set_modified(then).unwrap();
    let (level, text) = one(&home, "stale_lock");
    assert_eq!(level, "warning");
    assert!(text.contains(".oauth_refresh.lock") && text.contains("left behind"), "{text}");
    // Whose it may be is named by the process, among others that work on this machine.
    let tool = script(&home.path().join("bin/claude"), "while :; do sleep 1; done");
    let mut child = Command::new(&tool).stdout(Stdio::null()).spawn().unwrap();
    assert!(one(&home, "stale_lock").1.contains(&child.id().to_string()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!one(&home, "stale_lock").1.contains(&child.id().to_string()), "it has ended");
    assert!(lock.exists(), "nothing was touched");
}

#[test]
fn hooks_are_told_as_absent_current_partial_elsewhere_and_gone() {
    let home = Home::new();
    assert!(one(&home, "hooks").1.contains("not installed"));
    assert_eq!(home.run(&["hooks", "install", "--yes"]).status.code(), Some(0));
    assert_eq!(one(&home, "hooks").0, "ok");
    let file = home.path().join(".claude/settings.json");
    let whole = fs::read_to_string(&file).unwrap();
    let mut settings: Value = serde_json::from_str(&whole).unwrap();
    settings["hooks"].as_object_mut().unwrap().remove("Stop");
    fs::write(&file, settings.to_string()).unwrap();
    let (level, text) = one(&home, "hooks");
    assert_eq!(level, "warning");
    assert!(text.contains("Only some") && text.contains("sluice hooks install"), "{text}");
    let program = env!("CARGO_BIN_EXE_sluice");
    let other = script(&home.path().join("bin/sluice"), "true").display().to_string();
    fs::write(&file, whole.replace(program, &other)).unwrap();
    assert!(one(&home, "hooks").1.contains("which is not this program"));
    fs::remove_file(&other).unwrap();
    assert!(one(&home, "hooks").1.contains("which does not exist"));
    fs::write(&file, "{torn").unwrap();
    assert!(one(&home, "hooks").1.contains("does not parse"));
}

/// An executable script.
fn script(path: &Path, body: &str) -> std::path::PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_path_buf()
}

#[test]
fn versions_are_asked_for_with_a_deadline() {
    let home = Home::new();
    let bin = home.path().join("bin");
    script(&bin.join("claude"), "echo '2.1.218 (Claude Code)'");
    script(&bin.join("codex"), "exec sleep 600");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let doctor = |path: &str| {
        let output = home.command(&["doctor", "--json"]).env("PATH", path).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        of(found["findings"].as_array().unwrap(), "version")
    };
    let begun = Instant::now();
    let found = doctor(&path);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert_eq!(found[0], ("ok".to_owned(), "Claude Code: 2.1.218 (Claude Code). ".to_owned()));
    assert_eq!(found[1].0, "warning");
    assert!(found[1].1.contains("no answer in 3 s"), "{found:?}");
    script(&bin.join("codex"), "exit 3");
    assert!(doctor(&path)[1].1.contains("exit status: 3"));
    assert!(doctor("/nowhere")[0].1.contains("not on the PATH"));
}

#[test]
fn other_swappers_are_told_by_their_stores_and_their_processes() {
    let home = Home::new();
    assert_eq!(told(&home, "other_store"), []);
    for (count, place) in [
        ".local/share/claude-swap",
        ".claude-swap-backup",
        ".clauth",
        ".local/share/caam/vault",
        ".local/share/cux",
        ".codex/accounts/registry.json",
        ".codex-switcher",
        ".cc-switch",
    ]
    .into_iter()
    .enumerate()
    {
        fs::create_dir_all(home.path().join(place)).unwrap();
        let found = told(&home, "other_store");
        assert_eq!(found.len(), count + 1, "{place}: {found:?}");
        assert!(found.iter().any(|(_, text)| text.contains(place)), "{place}: {found:?}");
    }
    let mut child =
        Command::new(script(&home.path().join("bin/cswap"), "while :; do sleep 1; done"))
            .spawn()
            .unwrap();
    let mine = child.id().to_string();
    let found = told(&home, "other_program");
    child.kill().unwrap();
    child.wait().unwrap();
    let found: Vec<_> = found.iter().filter(|(_, text)| text.contains(&mine)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("claude-swap is running"), "{found:?}");
}

#[test]
fn variables_that_change_what_tools_do_are_told() {
    let home = Home::new();
    let output =
        home.command(&["doctor", "--json"]).env("ANTHROPIC_API_KEY", "sk-secret").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ANTHROPIC_API_KEY is set") && !text.contains("sk-secret"), "{text}");
}

#[test]
fn a_database_that_is_none_is_told_and_then_kept_aside() {
    let home = kept(now_ms() + 20 * DAY_MS);
    let database = home.path().join("data/sluice.db");
    for suffix in ["-wal", "-shm"] {
        let _absent = fs::remove_file(home.path().join(format!("data/sluice.db{suffix}")));
    }
    fs::write(&database, vec![7_u8; 8_192]).unwrap();
    let all = findings(&home);
    let note = of(&all, "note");
    assert_eq!(note.len(), 1, "{all:#?}");
    assert!(note[0].0 == "error" && note[0].1.contains("sluice daemon"), "{note:?}");
    assert_eq!(of(&all, "database")[0].0, "error");
    assert_eq!(fs::read(&database).unwrap(), vec![7_u8; 8_192], "a look mends nothing");
    // Whoever drives puts it aside.
    assert_eq!(home.run(&["mode", "advise"]).status.code(), Some(0));
    let kept = fs::read_dir(home.path().join("data")).unwrap().flatten();
    let aside = kept.filter(|file| file.file_name().to_string_lossy().contains("damaged"));
    assert!(aside.count() >= 1);
}

#[test]
fn a_login_that_lies_in_another_place_too_is_told_by_a_running_sluice() {
    let home = kept(now_ms() + 20 * DAY_MS);
    // The seat is elsewhere now; the usual place still has the same login.
    let seat = home.path().join("elsewhere");
    fs::create_dir(&seat).unwrap();
    fs::copy(home.path().join(".claude/.credentials.json"), seat.join(".credentials.json"))
        .unwrap();
    fs::copy(home.path().join(".claude.json"), seat.join(".claude.json")).unwrap();
    let then = SystemTime::now() - Duration::from_secs(60);
    for name in [".credentials.json", ".claude.json"] {
        let file = fs::File::options().append(true).open(seat.join(name)).unwrap();
        file.set_modified(then).unwrap();
    }
    let daemon = home.daemon_with(&[("CLAUDE_CONFIG_DIR", seat.to_str().unwrap())]);
    let begun = Instant::now();
    let found = loop {
        let found = told(&home, "twin_login");
        if !found.is_empty() || begun.elapsed() > PATIENCE {
            break found;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    end(daemon);
    assert!(found.iter().any(|(level, _)| level == "warning"), "{found:?}");
    assert!(found.iter().all(|(_, text)| !text.contains("Rose")), "by number: {found:?}");
}
