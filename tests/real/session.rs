//! A running session of Claude Code that is fed prompts one after the other.

use crate::house::{House, PATIENCE};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// One process of the tool that stays.
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
}

/// Everything the tool said to one prompt.
#[derive(Debug)]
pub struct Turn {
    /// Its lines, the result last.
    pub events: Vec<Value>,
}

impl Turn {
    /// The last line.
    pub fn result(&self) -> &Value {
        self.events.last().expect("a result")
    }

    /// The answer's text.
    pub fn text(&self) -> &str {
        self.result()["result"].as_str().unwrap_or_default()
    }

    /// Fails unless `email` paid for the answer.
    pub fn assert_of(&self, email: &str) {
        assert_eq!(self.text(), format!("answered for {email}"), "{}", self.result());
    }
}

impl Session {
    /// Starts it, with these words more.
    pub fn start(house: &House, words: &[&str]) -> Self {
        let mut command = house.command("claude");
        command
            .args(["-p", "--input-format", "stream-json", "--output-format", "stream-json"])
            .args(["--verbose"])
            .args(words)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(house.log("session.log")).expect("a log"));
        let mut child = command.spawn().expect("start claude");
        let input = child.stdin.take();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, input, lines }
    }

    /// Types a prompt.
    pub fn send(&mut self, text: &str) {
        let message = json!({"role": "user", "content": [{"type": "text", "text": text}]});
        let line = json!({"type": "user", "message": message});
        let input = self.input.as_mut().expect("an open session");
        writeln!(input, "{line}").expect("the session reads");
    }

    /// What it says up to the end of the turn.
    pub fn hear(&mut self) -> Turn {
        let mut events = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("the session said no result: {}", json!(events));
            };
            let over = line["type"] == "result";
            events.push(line);
            if over {
                return Turn { events };
            }
        }
    }

    /// A prompt and its answer.
    pub fn prompt(&mut self, text: &str) -> Turn {
        self.send(text);
        self.hear()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its input ends, and with it the session; what does not end is ended.
        drop(self.input.take());
        end_group(&mut self.child);
    }
}

/// Ends a process with everything it started.
pub fn end_group(child: &mut Child) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(3);
    while std::time::Instant::now() < end {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ended = child.wait();
}
