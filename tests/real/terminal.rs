//! Claude Code as a person sees it: in a terminal, which `script` provides.

use crate::house::{House, PATIENCE};
use crate::session::end_group;
use sluice_tests::desktop::wait_for;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// A terminal with the tool in it.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Opens it and waits for the prompt.
    pub fn open(house: &House) -> Self {
        let mut command = house.command("script");
        command
            .args(["-qec", "stty rows 50 cols 160; exec claude"])
            .arg(house.log("typescript"))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("start script");
        let keys = child.stdin.take().expect("a pipe");
        let mut out = child.stdout.take().expect("a pipe");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut piece = [0_u8; 8_192];
            while let Ok(read @ 1..) = out.read(&mut piece) {
                let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.extend_from_slice(&piece[..read]);
            }
        });
        Self { child, keys, screen }
    }

    /// Waits until this has been shown.
    pub fn wait_shown(&self, text: &str) {
        wait_for(&format!("{text} on the screen"), PATIENCE, || {
            let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8_lossy(&screen).contains(text).then_some(())
        });
    }

    /// Types a prompt and sends it.
    pub fn type_prompt(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("a terminal that reads");
        self.keys.flush().expect("a terminal that reads");
        // Text and Return in one piece would be a paste with a line break in it.
        std::thread::sleep(std::time::Duration::from_millis(200));
        self.keys.write_all(b"\r").expect("a terminal that reads");
        self.keys.flush().expect("a terminal that reads");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _asked = self.keys.write_all(b"\x03\x03");
        end_group(&mut self.child);
    }
}
