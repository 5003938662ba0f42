//! A tool that meets its limit under `sluice run`: one swap, a retry that succeeds, all of it seen.

use crate::{ALPHA, BETA, in_tray};
use sluice_protocol::{AskedBy, Mode};
use sluice_tests::desktop::PATIENCE;
use sluice_tests::stage::program;
use std::os::unix::fs::OpenOptionsExt as _;

/// Refuses while BETA's login lies in the seat and serves afterwards, as the tool's stream tells it.
const CLAUDE: &str = r#"#!/bin/sh
cat > /dev/null
echo '{"type":"system","subtype":"init"}'
if grep -q beta@example.test "$CLAUDE_CONFIG_DIR/.claude.json"; then
  echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","rateLimitType":"five_hour"}}'
  echo '{"type":"result","subtype":"success","is_error":true,"result":"You'"'"'ve hit your session limit","api_error_status":429}'
  exit 1
fi
echo '{"type":"result","subtype":"success","is_error":false,"result":"served"}'
"#;

#[test]
fn a_session_limit_under_sluice_run_is_one_swap_and_a_retry_that_succeeds() {
    let (stage, _app) = in_tray(Mode::Auto);
    crate::quiet(&stage);
    assert_eq!(stage.in_seat().as_deref(), Some(BETA));
    let claude = stage.desktop.home().join("claude-fake/claude");
    std::fs::create_dir_all(claude.parent().unwrap()).unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o755).open(&claude).unwrap();
    std::io::Write::write_all(&mut file, CLAUDE.as_bytes()).unwrap();
    drop(file);

    let mut command = stage.environment().command("timeout");
    command.arg("60").arg(program("sluice")).args(["run", "--label", "story", "--"]);
    let output = command.arg(&claude).args(["-p", "hello"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(out.contains("served") && !out.contains("hit your session limit"), "{out}");
    assert!(said.contains("alpha is live now"), "{said}");

    // The ledger: one swap, one run with two attempts, the failure held against beta.
    let swaps = stage.wait_committed(1, PATIENCE);
    assert_eq!(swaps.len(), 1);
    assert_eq!(swaps[0].to, stage.account("alpha").id);
    assert_eq!(swaps[0].asked_by, AskedBy::Report);
    assert!(swaps[0].decision.is_some(), "{:?}", swaps[0]);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));
    let raw = rusqlite::Connection::open(stage.data().join("sluice.db")).unwrap();
    let row: (String, u32, String, i64) = raw
        .query_row("SELECT state, attempts, label, account FROM executions", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!(row, ("finished".into(), 2, "story".into(), stage.account("alpha").id.0));
    let failed: i64 = raw.query_row("SELECT account FROM skips", [], |row| row.get(0)).unwrap();
    assert_eq!(failed, stage.account("beta").id.0);
    assert!(stage.account("beta").rests_until_ms.is_some(), "and it rests");

    // The tray and a notification.
    stage.desktop.wait_menu("alpha marked live", |menu| {
        menu.find(&["● alpha"]).is_some() && menu.find(&["○ beta"]).is_some()
    });
    let told = stage.desktop.wait_notification("the swap", |told| told.text().contains("alpha"));
    assert!(!told.text().contains("example.test"), "labels only: {told:?}");
    let same = stage.desktop.notifications().into_iter().filter(|one| one.summary == told.summary);
    assert_eq!(same.count(), 1, "told once");
}
