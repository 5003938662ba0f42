//! `sluice hook <event>`: what Claude Code calls at the start, the failure and the end of a
//! conversation, and for its status line. It prints nothing, ends with 0, and takes at most 200 ms, because
//! the tool waits for it. What cannot be recorded in time is left in the spool.

mod heard;

use crate::args::{HookArgs, HookEvent};
use crate::run::now;
use crate::{hooks, odd, render};
use clap::ValueEnum as _;
use heard::Heard;
use sluice_driver::Paths;
use sluice_engine::Provider;
use sluice_providers::claude::signals::{parse_hook, parse_status_line};
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The tool waits for us; everything ends within this, the reading included.
const BUDGET: Duration = Duration::from_millis(200);
/// How much of it is for a document that does not end: standard input left open.
const READING: Duration = Duration::from_millis(80);
/// The tool's documents are a few kilobytes.
const DOCUMENT_MAX: usize = 256 * 1024;
/// Pieces of the document on their way.
const PIECES_MAX: usize = 16;

/// Carries out a hook. Whatever happens, the tool sees success.
pub fn run(paths: &Paths, args: &HookArgs) {
    if std::env::var_os(hooks::TRIAL_VARIABLE).is_some() {
        let word = args.event.to_possible_value();
        return render::say(&hooks::answer(word.as_ref().map_or("", |word| word.get_name())));
    }
    let deadline = Instant::now() + BUDGET;
    let document = listen(READING);
    let (done, ended) = mpsc::channel();
    let (paths, event, told) = (paths.clone(), args.event, document.clone());
    // On a thread, so that a hanging disk costs the tool its budget and not more.
    std::thread::spawn(move || {
        record(paths, event, &told);
        let _nobody_waits = done.send(());
    });
    if args.event == HookEvent::StatusLine {
        chain(&args.then, &document);
    }
    let _late = ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
}

fn record(paths: Paths, event: HookEvent, document: &[u8]) {
    // What did not come whole says nothing of its form.
    if is_whole(document) {
        let (from, oddities) = match event {
            HookEvent::StatusLine => ("status_line", parse_status_line(document).oddities),
            _ => ("hook", parse_hook(document).oddities),
        };
        odd::leave(&paths, Provider::HOOKED, from, &oddities);
    }
    let heard = Heard::new(paths, document);
    match event {
        HookEvent::SessionStart => heard.began(),
        HookEvent::UserPromptSubmit => heard.turn(Some(now())),
        HookEvent::Stop => heard.turn(None),
        HookEvent::StopFailure => {
            heard.turn(None);
            heard.failed(document);
        }
        HookEvent::SessionEnd => heard.ended(),
        HookEvent::StatusLine => heard.numbers(document),
    }
}

/// The document on standard input: up to its end, or until it is whole, or what came in time.
fn listen(within: Duration) -> Vec<u8> {
    let deadline = Instant::now() + within;
    let (piece, pieces) = mpsc::sync_channel::<Vec<u8>>(PIECES_MAX);
    // It may wait for ever: for a terminal, or for a writer that keeps the pipe open.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = stdin.read(&mut chunk) {
            if piece.send(chunk[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut document = Vec::new();
    while document.len() < DOCUMENT_MAX && !is_whole(&document) {
        let left = deadline.saturating_duration_since(Instant::now());
        match pieces.recv_timeout(left) {
            Ok(more) => document.extend_from_slice(&more),
            Err(_) => break,
        }
    }
    document.truncate(DOCUMENT_MAX);
    document
}

fn is_whole(document: &[u8]) -> bool {
    document.trim_ascii_end().ends_with(b"}")
        && serde_json::from_slice::<serde::de::IgnoredAny>(document).is_ok()
}

/// Gives the person's own status line the same document; its output is the only one there is.
fn chain(then: &[OsString], document: &[u8]) {
    let Some((program, words)) = then.split_first() else { return };
    let child = Command::new(program).args(words).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return };
    if let Some(mut stdin) = child.stdin.take() {
        let _closed = stdin.write_all(document);
    }
    let _status = child.wait();
}
