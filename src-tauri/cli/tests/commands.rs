//! The command as a person or a script meets it, in a throw-away home without a keychain.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, PATIENCE, end, error, sign_in};
use serde_json::Value;
use sluice_driver::socket::CONNECTIONS_MAX;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn every_document_names_its_schema() {
    let home = Home::new();
    for name in
        ["status", "accounts", "mode", "settings", "log", "doctor", "stop", "start", "resume"]
    {
        let (document, code) = home.json(&[name]);
        assert_eq!(document["schema"], format!("sluice/{name}/1"), "{document}");
        assert_eq!(code, Some(0), "{document}");
    }
    let (document, _) = home.json(&["log", "--swaps"]);
    assert_eq!(document["swaps"], serde_json::json!([]));
}

#[test]
fn an_empty_home_says_what_to_do_first() {
    let home = Home::new();
    let output = home.run(&["add"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("Sign in with the tool"), "{}", error(&output));
    let text = String::from_utf8(home.run(&["accounts"]).stdout).unwrap();
    assert!(text.contains("sluice add"), "{text}");
    let (status, _) = home.json(&["status"]);
    assert_eq!(status["first_start"], true);
    assert_eq!(status["providers"][0]["mode"], "advise");
}

#[test]
fn choices_survive_the_command_and_wrong_ones_change_nothing() {
    let home = Home::new();
    assert_eq!(home.run(&["mode", "auto"]).status.code(), Some(0));
    assert_eq!(home.run(&["stop"]).status.code(), Some(0));
    assert_eq!(home.run(&["settings", "poll_seconds", "240"]).status.code(), Some(0));
    let wrong = home.run(&["settings", "poll_seconds", "1"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(error(&wrong).contains("180"), "{}", error(&wrong));
    assert_eq!(home.run(&["settings", "colour"]).status.code(), Some(2));
    let (status, _) = home.json(&["status"]);
    assert_eq!(
        (&status["stopped"], &status["providers"][0]["mode"]),
        (&true.into(), &"auto".into())
    );
    let (settings, _) = home.json(&["settings", "poll_seconds"]);
    assert_eq!(settings["settings"]["poll_seconds"], 240);
}

#[test]
fn a_setting_is_listed_where_the_policy_reads_it() {
    let home = Home::new();
    let listed = || {
        let text = String::from_utf8(home.run(&["settings"]).stdout).unwrap();
        (text.contains("poll_seconds"), text.contains("critical_percent"))
    };
    assert_eq!(listed(), (true, false), "the plan has no such line");
    let (kept, _) = home.json(&["settings", "critical_percent"]);
    assert_eq!(kept["settings"]["critical_percent"], 90.0);
    assert!(kept["idle"].as_array().unwrap().contains(&"critical_percent".into()), "{kept}");
    assert_eq!(home.run(&["settings", "policy", "tiered"]).status.code(), Some(0));
    assert_eq!(listed(), (true, true));
}

#[test]
fn what_cannot_be_understood_ends_with_two() {
    let home = Home::new();
    for arguments in
        [&["swap"][..], &["fly"], &["mode", "always"], &["pause", "0"], &["swap", "nobody"]]
    {
        assert_eq!(home.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn refusals_are_documents_too() {
    let home = Home::new();
    let (document, code) = home.json(&["add"]);
    assert_eq!(document["refused"]["code"], "not_signed_in", "{document}");
    assert_eq!(document["schema"], "sluice/add/1");
    assert_eq!(code, Some(1));
}

#[test]
fn the_command_talks_to_the_daemon_and_a_second_one_learns_who_drives() {
    let home = Home::new();
    let daemon = home.daemon();
    assert_eq!(home.run(&["mode", "auto"]).status.code(), Some(0));
    let (doctor, _) = home.json(&["doctor"]);
    assert!(doctor["findings"][0]["text"].as_str().unwrap().contains("running"), "{doctor}");
    let second = home.run(&["daemon"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(error(&second).contains("sluice daemon"), "{}", error(&second));
    assert!(end(daemon) < PATIENCE);
    assert!(!home.path().join("data/run/sluice.sock").exists());
    let (status, _) = home.json(&["status"]);
    assert_eq!(status["providers"][0]["mode"], "auto", "what the daemon was told is kept");
}

#[test]
fn the_kill_switch_holds_over_a_restart_of_the_daemon() {
    let home = Home::new();
    let daemon = home.daemon();
    assert_eq!(home.run(&["stop"]).status.code(), Some(0));
    end(daemon);
    let daemon = home.daemon();
    let (status, _) = home.json(&["status"]);
    assert_eq!(status["stopped"], true);
    end(daemon);
}

#[test]
fn a_killed_daemon_leaves_nothing_in_the_way() {
    let home = Home::new();
    let mut daemon = home.daemon();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert_eq!(home.run(&["status"]).status.code(), Some(0));
    end(home.daemon());
}

#[test]
fn endpoints_on_other_machines_are_refused_before_anything_is_sent() {
    let home = Home::new();
    let output =
        home.command(&["status"]).env("SLUICE_CLAUDE_API", "http://10.1.2.3").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("not this machine"), "{}", error(&output));
}

#[test]
fn looking_back_needs_a_home_that_was_started() {
    let home = Home::new();
    for arguments in [&["replay"][..], &["export"]] {
        assert_eq!(home.run(arguments).status.code(), Some(1), "{arguments:?}");
    }
    home.run(&["mode", "advise"]);
    let (replay, code) = home.json(&["replay"]);
    assert_eq!((&replay["decisions"], code), (&0.into(), Some(0)));
    let (export, _) = home.json(&["export"]);
    assert_eq!(export["schema"], "sluice/export/1");
}

fn holds_token(dir: &Path) -> bool {
    std::fs::read_dir(dir).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        holds_token(&path) || bytes.windows(9).any(|part| part == b"sk-rt-box")
    })
}

#[test]
fn without_a_keychain_nothing_is_kept_until_the_file_vault_is_chosen_and_then_nothing_is_plain() {
    let home = Home::new();
    sign_in(&home);
    let (refused, code) = home.json(&["add", "box"]);
    assert_eq!(refused["refused"]["code"], "keychain_absent", "{refused}");
    assert_ne!(code, Some(0));
    assert!(!home.path().join("data/vault/choice.json").exists(), "nothing is chosen by itself");
    assert!(!holds_token(&home.path().join("data")));
    let (shown, _) = home.json(&["vault"]);
    assert_eq!(shown["vault"], "keychain");
    let inside = home.path().join("data/key.txt").display().to_string();
    assert_ne!(home.json(&["vault", "file", "--key-file", &inside]).1, Some(0));
    let key = home.path().join("key.txt").display().to_string();
    let (moved, code) = home.json(&["vault", "file", "--key-file", &key]);
    assert_eq!((&moved["vault"], code), (&Value::from("key_file"), Some(0)), "{moved}");
    let (added, code) = home.json(&["add", "box"]);
    assert_eq!(code, Some(0), "{added}");
    assert!(!holds_token(&home.path().join("data")), "a token lies in plain text");
    let items = std::fs::read_dir(home.path().join("data/vault")).unwrap().flatten();
    assert_eq!(
        items.filter(|item| item.file_name().to_string_lossy().ends_with(".age")).count(),
        1
    );
    // Back into a keychain that is not there: refused, and the vault keeps all.
    assert_ne!(home.json(&["vault", "keychain"]).1, Some(0));
    assert_eq!(home.json(&["vault"]).0["vault"], "key_file");
    // Without its key everything waits for a person.
    std::fs::rename(home.path().join("key.txt"), home.path().join("gone")).unwrap();
    let refused = home.run(&["status"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("key.txt does not exist"), "{said}");
}

/// The command at a terminal of its own: `typed` answers the prompts in turn. Gives all the terminal
/// showed, and the exit code.
fn at_terminal(home: &Home, arguments: &[&str], typed: &[(&str, &str)]) -> (String, Option<i32>) {
    let line = format!("{} {}", env!("CARGO_BIN_EXE_sluice"), arguments.join(" "));
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
    let (mut shown, mut part) = (String::new(), [0u8; 512]);
    for (prompt, text) in typed {
        while !shown.ends_with(prompt) {
            let count = screen.read(&mut part).unwrap();
            assert!(count > 0, "it ended before it asked {prompt:?}: {shown}");
            shown += &String::from_utf8_lossy(&part[..count]);
        }
        writeln!(keys, "{text}").unwrap();
    }
    screen.read_to_string(&mut shown).unwrap();
    drop(keys);
    (shown, script.wait().unwrap().code())
}

const FIRST: &str = "Passphrase of Sluice's vault: ";
const AGAIN: &str = "The same once more: ";

#[test]
fn a_passphrase_is_typed_twice_unseen_and_opens_the_vault_where_another_one_does_not() {
    let home = Home::new();
    sign_in(&home);
    let choose = ["vault", "file", "--passphrase"];
    let refusals: [&[(&str, &str)]; 4] = [
        &[(FIRST, "correct horse battery"), (AGAIN, "correct horse batter")],
        &[(FIRST, "correct horse battery"), (AGAIN, "")],
        &[(FIRST, "short"), (AGAIN, "short")],
        &[(FIRST, "")],
    ];
    for typed in refusals {
        let (shown, code) = at_terminal(&home, &choose, typed);
        assert_eq!(code, Some(1), "{shown}");
        assert!(!shown.contains("horse"), "{shown}");
        assert_eq!(home.json(&["vault"]).0["vault"], "keychain", "{typed:?} chose it");
    }
    let right = "correct horse battery";
    let (shown, code) = at_terminal(&home, &choose, &[(FIRST, right), (AGAIN, right)]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("horse"), "what is typed is not shown: {shown}");
    assert_eq!(home.json(&["vault"]).0["vault"], "passphrase");

    let wrong = [(FIRST, "incorrect horse battery")];
    for asks in [&["daemon"][..], &["vault", "keychain"]] {
        let (shown, code) = at_terminal(&home, asks, &wrong);
        assert_eq!(code, Some(1), "{asks:?}: {shown}");
        assert!(shown.contains("passphrase") && !shown.contains("horse"), "{shown}");
    }
    // It opens, and there is no keychain to move into: the vault stays.
    let (shown, code) = at_terminal(&home, &["vault", "keychain"], &[(FIRST, right)]);
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("does not answer"), "{shown}");
    assert_eq!(home.json(&["vault"]).0["vault"], "passphrase");
}

#[test]
fn a_private_passphrase_file_opens_the_vault_where_nobody_can_type() {
    let home = Home::new();
    sign_in(&home);
    let file = home.path().join("passphrase");
    let write = |text: &str, mode: u32| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let with_file = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("SLUICE_VAULT_PASSPHRASE_FILE", &file).output().unwrap()
    };
    let choose = ["vault", "file", "--passphrase"];
    for (text, mode) in [("", 0o600), ("\n", 0o600), ("too short\n", 0o600)] {
        write(text, mode);
        assert_eq!(with_file(&choose).status.code(), Some(1), "{text:?}");
    }
    write("correct horse battery\n", 0o640);
    let refused = with_file(&choose);
    assert!(error(&refused).contains("read by others"), "{}", error(&refused));
    assert_eq!(home.json(&["vault"]).0["vault"], "keychain");
    write("correct horse battery\n", 0o600);
    let chosen = with_file(&choose);
    assert!(chosen.status.success(), "{}", error(&chosen));
    let added = with_file(&["add", "box"]);
    assert!(added.status.success(), "{}", error(&added));
    assert!(!holds_token(&home.path().join("data")), "a token lies in plain text");
    // Without it, and without a terminal, nothing is opened and nothing is lost.
    assert_ne!(home.run(&["add", "box"]).status.code(), Some(0));
    write("incorrect horse battery\n", 0o600);
    let refused = with_file(&["status"]);
    assert!(!refused.status.success() && error(&refused).contains("passphrase"), "{refused:?}");
    write("correct horse battery", 0o600);
    let shown = with_file(&["accounts"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("box"), "{shown:?}");
}

#[test]
fn the_daemon_keeps_a_log_as_rust_log_says_and_a_blocked_disk_keeps_nobody_from_working() {
    let home = Home::new();
    end(home.daemon());
    let log = home.path().join("data/log/daemon.log");
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("INFO") && text.contains("driving") && !text.contains("DEBUG"), "{text}");
    std::fs::remove_file(&log).unwrap();
    end(home.daemon_with(&[("RUST_LOG", "error")]));
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!text.contains("INFO"), "{text}");
    std::fs::remove_dir_all(home.path().join("data/log")).unwrap();
    std::fs::write(home.path().join("data/log"), "in the way").unwrap();
    let daemon = home.daemon();
    assert_eq!(home.run(&["status"]).status.code(), Some(0));
    end(daemon);
    assert_eq!(std::fs::read(home.path().join("data/log")).unwrap(), b"in the way");
}

#[test]
fn numbers_are_kept_in_a_file_only_when_wished() {
    let home = Home::new();
    let file = home.path().join("data/metrics/sluice.prom");
    let daemon = home.daemon();
    let (printed, code) = home.json(&["metrics"]);
    assert_eq!((code, &printed["schema"]), (Some(0), &Value::from("sluice/metrics/1")));
    assert!(!file.exists());
    assert_eq!(home.run(&["settings", "metrics.file", "true"]).status.code(), Some(0));
    let begun = std::time::Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < PATIENCE, "no file");
        std::thread::sleep(Duration::from_millis(20));
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with("# TYPE sluice info\n") && kept.ends_with("\n# EOF\n"), "{kept}");
    end(daemon);
    assert!(!file.exists(), "nobody keeps it up to date any more");
    let printed = String::from_utf8(home.run(&["metrics"]).stdout).unwrap();
    assert!(printed.ends_with("\n# EOF\n"), "{printed}");
}

#[test]
fn a_flood_of_connections_fills_no_log() {
    let home = Home::new();
    let daemon = home.daemon();
    let connect = || UnixStream::connect(home.path().join("data/run/sluice.sock")).unwrap();
    let first = |stream: &mut UnixStream| stream.read(&mut [0]).ok().filter(|count| *count > 0);
    let places: Vec<UnixStream> = (0..CONNECTIONS_MAX)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(b"{\"verb\":\"settings\"}\n").unwrap();
            assert!(first(&mut stream).is_some(), "it has a place");
            stream
        })
        .collect();
    for _ in 0..200 {
        assert_eq!(first(&mut connect()), None, "closed, for there is no place left");
    }
    drop(places);
    end(daemon);
    let log = std::fs::read_to_string(home.path().join("data/log/daemon.log")).unwrap();
    let told = log.matches("too many connections").count();
    assert!((1..=20).contains(&told), "{told} lines of one kind");
}
