//! A program that runs while the story goes on.

use crate::house::House;
use crate::session::end_group;
use sluice_tests::stage::Said;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};

/// Started, and not waited for.
pub struct Beside {
    child: Option<Child>,
}

impl Beside {
    /// Starts it.
    pub fn start(house: &House, words: &[&str]) -> Self {
        let mut command = house.command(words[0]);
        command.args(&words[1..]).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: Some(command.spawn().expect("start a program")) }
    }

    /// Waits for its end.
    pub fn end(mut self) -> Said {
        let output = self.child.take().expect("started once").wait_with_output();
        let output = output.expect("an ended program");
        Said {
            code: output.status.code().unwrap_or(256),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(child) = self.child.as_mut() {
            end_group(child);
        }
    }
}
