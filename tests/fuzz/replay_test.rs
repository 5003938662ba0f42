//! Runs `fuzz_replay`.

use std::process::Command;

#[test]
fn every_input_that_fuzzing_kept_is_read_in_bounds() {
    let replay = Command::new(env!("CARGO_BIN_EXE_fuzz_replay")).env("TZ", "UTC").output().unwrap();
    let said = String::from_utf8_lossy(&replay.stdout);
    let trouble = String::from_utf8_lossy(&replay.stderr);
    assert!(replay.status.success(), "{said}\n{trouble}");
}
