//! Real processes: the test program starts itself again and asks for one ignored test.

use std::path::Path;
use std::process::{Child, Command, Stdio};

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
    while !file.exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
