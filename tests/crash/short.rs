//! The short form of the fault harness as a test: a sample of every kind of disturbance.

use std::process::Command;

#[test]
fn a_sample_of_every_disturbance_leaves_whole_seats_and_every_login() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: strace is missing (cargo xtask sets it up)");
        return;
    }
    let run = Command::new(env!("CARGO_BIN_EXE_crash")).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let out = String::from_utf8(run.stdout).unwrap();
    let line: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    for (kind, least) in [
        ("kill_points", 50),
        ("double_kills", 100),
        ("errno_cases", 80),
        ("race_points", 100),
        ("power_states", 100),
    ] {
        let count = line[kind].as_u64().unwrap();
        assert!(count >= least, "{kind}: only {count} of {least} were tried\n{said}");
    }
    // Where mounting is not allowed no disk can be filled, and that is said.
    let full = |what: &str| line[what].as_u64().unwrap();
    assert!(full("full_refused") >= 6 || full("full_unmounted") > 0, "{said}");
    for breach in [
        "torn",
        "lost_tokens",
        "exposed",
        "open_intents",
        "locks",
        "misnamed",
        "unresumed",
        "hangs",
        "stub_watched_lost",
        "stub_live_watched_lost",
    ] {
        assert_eq!(line[breach], 0, "{breach}\n{said}");
    }
}
