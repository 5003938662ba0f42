//! What `sluice run` and a hook cost: processes, so the floor is the same without us.

use super::{Row, timed};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: usize = 200;

/// Figures of the command line program `sluice` with the data directory `home`, which must have
/// been opened by the driver once.
#[must_use]
pub fn rows(sluice: &Path, home: &Path) -> Vec<Row> {
    let plain = timed(ROUNDS, |_| drop(Command::new("true").status()));
    let wrapped = timed(ROUNDS, |_| {
        let status = Command::new(sluice)
            .args(["run", "--strict", "--", "true"])
            .env("SLUICE_HOME", home)
            .env_remove("SLUICE_EXECUTION_ID")
            .status();
        assert!(status.is_ok_and(|status| status.success()), "the run was recorded");
    });
    let floor = Row::times("run.true_alone", plain);
    let run = Row::times("run.true", wrapped);
    let added = Row {
        name: "run.added".to_owned(),
        p50: run.p50 - floor.p50,
        p99: run.p99 - floor.p50,
        ..run.clone()
    };
    let floor_ms = floor.p50;
    vec![floor, run.over(floor_ms), added, hook(sluice, home)]
}

fn hook(sluice: &Path, home: &Path) -> Row {
    let document = "{\"session_id\":\"bench\",\"hook_event_name\":\"SessionStart\",\"cwd\":\"/\"}";
    let taken = timed(ROUNDS, |_| {
        let child = Command::new(sluice)
            .args(["hook", "session-start"])
            .env("SLUICE_HOME", home)
            .stdin(Stdio::piped())
            .spawn();
        if let Ok(mut child) = child {
            if let Some(mut stdin) = child.stdin.take() {
                // The hook may end before it has read everything.
                let _closed = stdin.write_all(document.as_bytes());
            }
            let _ended = child.wait();
        }
    });
    Row::times("hook.session_start", taken)
}
