//! Completions and manual pages: made from the command line that ships, without a home.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::process::Command;

/// The program with nothing around it: no home, no search path.
fn sluice(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(arguments).env_clear().output().unwrap()
}

#[test]
fn every_shell_gets_completions_that_it_can_read() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let made = sluice(&["completions", shell]);
        assert!(made.status.success(), "{made:?}");
        let text = String::from_utf8(made.stdout).unwrap();
        for command in ["status", "swap", "doctor", "--provider"] {
            assert!(text.contains(command.trim_start_matches("--")), "{shell} lacks {command}");
        }
        for hidden in ["sluice,hook)", "What the tool itself calls", "Writes the manual pages"] {
            assert!(!text.contains(hidden), "{shell} shows a hidden command");
        }
        let file = folder.path().join(shell);
        fs::write(&file, text).unwrap();
        // The shell of every test machine is bash; the others are checked where they are installed.
        if let Ok(read) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(read.status.success(), "{shell}: {read:?}");
        }
    }
}

#[test]
fn every_shown_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let made = sluice(&["manual", &folder.path().display().to_string()]);
    assert!(made.status.success(), "{made:?}");
    let page = |name: &str| fs::read_to_string(folder.path().join(format!("{name}.1"))).ok();
    let first = page("sluice").unwrap();
    for command in ["sluice-status", "sluice-swap", "sluice-lane-bind", "sluice-completions"] {
        assert!(page(command).is_some_and(|text| text.contains(".TH")), "no page for {command}");
    }
    assert!(first.contains("status") && page("sluice-manual").is_none());
    assert!(page("sluice-hook").is_none(), "what only a tool calls is for nobody to read");
}
