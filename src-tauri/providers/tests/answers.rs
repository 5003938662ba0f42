//! Every status with every body and every `Retry-After`, through the real client: each has an outcome
//! that is written down in `answers.txt` and was thought about, line by line.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use http::HeaderValue;
use sluice_providers::{Claude, Codex, Deadlines, Endpoints, FailureClass, Http, ProviderError};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

const STATUSES: [u16; 12] = [200, 401, 403, 404, 408, 409, 418, 429, 500, 502, 503, 529];
const BODIES: [&str; 4] = ["json", "html", "empty", "torn"];
/// The header's forms; a date counts from the answer's own.
const RETRIES: [(&str, Option<&str>); 5] = [
    ("absent", None),
    ("seconds", Some("120")),
    ("date", Some("Sat, 21 Nov 2026 12:20:00 GMT")),
    ("past", Some("Sat, 21 Nov 2026 11:20:00 GMT")),
    ("absurd", Some("99999999999")),
];
const HTML: &str = "<html><body><h1>Attention required</h1></body></html>";

/// What the endpoint of usage says with such a status: its own numbers, or an error without words that
/// would say more than the status.
fn json(status: u16) -> String {
    match status {
        200 => r#"{"five_hour":{"utilization":12,"resets_at":null},
                   "rate_limit":{"primary_window":{"used_percent":12,"limit_window_seconds":18000}}}"#
            .to_owned(),
        _ => r#"{"type":"error","error":{"type":"something_new","message":"No."}}"#.to_owned(),
    }
}

fn answer(status: u16, body: &str, retry: Option<&str>) -> Vec<u8> {
    let text = match body {
        "json" | "torn" => json(status),
        "html" => HTML.to_owned(),
        _ => String::new(),
    };
    let mut head = format!(
        "HTTP/1.1 {status} x\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\nconnection: close\r\n\
         content-length: {}\r\n",
        text.len()
    );
    if let Some(retry) = retry {
        head.push_str(&format!("retry-after: {retry}\r\n"));
    }
    // Torn: the connection ends before the length that was announced.
    let sent = if body == "torn" { text.len() / 2 } else { text.len() };
    [head.as_bytes(), b"\r\n", &text.as_bytes()[..sent]].concat()
}

/// A server that gives these answers, one for each request, whatever is asked.
fn serve(answers: Vec<Vec<u8>>) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let (mut request, mut chunk) = (Vec::new(), [0; 2048]);
            while !request.ends_with(b"\r\n\r\n") {
                let count = stream.read(&mut chunk).unwrap();
                assert!(count > 0, "the request is whole");
                request.extend_from_slice(&chunk[..count]);
            }
            stream.write_all(&answer).unwrap();
        }
    });
    (port, thread)
}

fn outcome<T>(result: Result<T, ProviderError>) -> String {
    match result {
        Ok(_) => "usage".to_owned(),
        Err(error) => {
            let wait = error.min_wait().as_secs();
            let remedy = error.class.remedy().name();
            assert!(wait <= 4_500, "no wait is longer than an hour and a quarter");
            let limits = error.class.limits_account() || error.class.needs_sign_in();
            assert!(!limits, "no such answer ends an account: {error}");
            format!("{} {remedy} {wait}", error.class)
        }
    }
}

#[test]
fn every_status_body_and_retry_has_its_outcome() {
    let cells = || {
        STATUSES.into_iter().flat_map(|status| {
            BODIES.into_iter().flat_map(move |body| RETRIES.map(|retry| (status, body, retry)))
        })
    };
    let scripted = || cells().map(|(status, body, (_, value))| answer(status, body, value));
    let (port, server) = serve(scripted().chain(scripted()).collect());
    let address = format!("http://127.0.0.1:{port}");
    let endpoints = Endpoints::from_lookup(|name: &str| {
        matches!(name, "SLUICE_CLAUDE_API" | "SLUICE_CODEX_API").then(|| address.clone())
    })
    .unwrap();
    let bounds = Deadlines { connect: Duration::from_secs(30), total: Duration::from_secs(60) };
    let http = Http::new(&endpoints, bounds).unwrap();
    let (claude, codex) =
        (Claude::new(endpoints.clone(), http.clone()), Codex::new(endpoints, http));
    let bearer = || HeaderValue::from_static("Bearer SYNTHETIC");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut table = String::new();
    for provider in ["claude", "codex"] {
        for (status, body, (retry, _)) in cells() {
            let said = runtime.block_on(async {
                match provider {
                    "claude" => outcome(claude.usage(bearer()).await),
                    _ => outcome(codex.usage(bearer(), None).await),
                }
            });
            writeln!(table, "{provider} {status} {body} {retry}: {said}").unwrap();
        }
    }
    server.join().unwrap();
    let wanted = include_str!("answers.txt");
    for (wanted, said) in wanted.lines().zip(table.lines()) {
        assert_eq!(wanted, said);
    }
    assert_eq!(wanted.lines().count(), table.lines().count(), "{table}");
    assert_eq!(table.lines().count(), 2 * 12 * 4 * 5);
    // A class that is not known here is none of these answers'.
    assert!(!table.contains(FailureClass::AuthLoginRequired.name()));
}
