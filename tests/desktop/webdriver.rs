//! A conversation with the real window through `WebKitWebDriver`: plain HTTP, nothing else.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::PATIENCE;
use super::process::{Environment, Process, wait_for};

/// The window under remote control. Dropping it ends the program that shows it.
pub struct WebDriver {
    port: u16,
    conversation: String,
    _process: Process,
}

impl WebDriver {
    /// Starts `program` with `arguments`, which must show a window at once, and takes control of it.
    ///
    /// # Panics
    /// When the driver or the window does not come up.
    #[must_use]
    pub fn start(
        environment: &Environment,
        program: &str,
        arguments: &[&str],
        log: &std::path::Path,
    ) -> Self {
        let port = free_port();
        let mut environment = environment.clone();
        // All it changes: WebKit lets its driver attach to the page. The window is built the same.
        environment.set("TAURI_WEBVIEW_AUTOMATION", "true");
        let mut command = environment.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).arg("--host=127.0.0.1");
        let process = Process::start("WebKitWebDriver", &mut command, log);
        wait_for("WebKitWebDriver", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok());
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "webkitgtk:browserOptions": { "binary": program, "args": arguments }
        }}});
        let answer = talk(port, "POST", "/session", Some(&wanted));
        let conversation = answer["sessionId"].as_str().map(String::from);
        let conversation = conversation.unwrap_or_else(|| panic!("no conversation: {answer}"));
        Self { port, conversation, _process: process }
    }

    /// Runs a function body in the page and returns its value.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.send("POST", "execute/sync", Some(&json!({ "script": script, "args": [] })))
    }

    /// Runs a function body that may `await`, and returns its value.
    #[must_use]
    pub fn run_async(&self, script: &str) -> Value {
        let body = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => {{ {script} }})().then(v => done({{ok: v ?? null}}), e => done({{err: String(e)}}));"
        );
        self.send("POST", "execute/async", Some(&json!({ "script": body, "args": [] })))
    }

    /// Everything the page shows as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().unwrap_or_default().into()
    }

    /// Waits until the page's text contains `words`.
    pub fn wait_text(&self, words: &str, deadline: Duration) -> String {
        wait_for(&format!("the words '{words}' in the window"), deadline, || {
            Some(self.text()).filter(|text| text.contains(words))
        })
    }

    /// Clicks the first element a CSS selector finds.
    ///
    /// # Panics
    /// When there is none.
    pub fn click(&self, css: &str) {
        let wanted = json!({ "using": "css selector", "value": css });
        let found = self.send("POST", "element", Some(&wanted));
        let id = found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("no element {css}: {found}")).to_owned();
        let _ = self.send("POST", &format!("element/{id}/click"), Some(&json!({})));
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/session/{}/{path}", self.conversation);
        talk(self.port, method, &path, body)
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        let _ = std::panic::catch_unwind(|| {
            talk(self.port, "DELETE", &format!("/session/{}", self.conversation), None)
        });
    }
}

/// A port nobody listens on at the moment.
///
/// # Panics
/// When loopback is out of ports.
#[must_use]
pub fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    probe.local_addr().expect("its address").port()
}

/// One request; the `value` of the answer, or the error document.
fn talk(port: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("WebKitWebDriver listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("send a request");
    let answer = read_answer(&mut stream);
    let mut answer: Value = serde_json::from_str(&answer).unwrap_or(Value::Null);
    answer["value"].take()
}

/// The body of one HTTP answer, by its `Content-Length` (the driver keeps connections open).
fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 8192];
    loop {
        let count = stream.read(&mut piece).expect("an answer in time");
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok());
            if count == 0 || length.is_some_and(|length| body.len() >= length) {
                return body.to_owned();
            }
        } else if count == 0 {
            return String::new();
        }
    }
}
