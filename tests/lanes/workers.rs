//! Real processes: the test program starts itself again and asks for one ignored test.

use sluice_tests::pace::PATIENCE;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts `worker` (a test path) of this program with variables.
pub fn start(worker: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", worker, "--ignored", "--nocapture", "--test-threads=1"]);
    command.envs(variables.iter().copied()).stdout(Stdio::null());
    command.spawn().unwrap()
}

pub fn all_succeed(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}

/// Set in a worker; a worker that is started by hand does nothing.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A start line: everybody waits until the file is there.
pub fn wait_for(file: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "{} does not come", file.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}
