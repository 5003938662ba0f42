//! Recorded answers, damaged at random: no parser may panic, hang, or invent a zero.
//!
//! `SLUICE_FUZZ_CASES` sets the number of cases, `SLUICE_FUZZ_SEED` the start.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use serde_json::{Value, json};
use sluice_engine::{Percent, Usage, Utc};
use sluice_providers::claude::{config, control, parse_profile, parse_usage, signals, token};
use sluice_providers::codex;
use sluice_providers::words::{self, classify_text};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const NOW: Utc = Utc::from_seconds(1_795_262_400);
/// A parser that takes longer hangs; a busy machine gets some slack.
const SLOWEST: Duration = Duration::from_millis(500);
const CASES: u64 = 100_000;

fn files() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name().is_some_and(|name| name != "manifest.json") {
            found.push(path);
        }
    }
    found.sort();
    found.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every parser, by number; the windows it read are checked.
fn parse(which: usize, bytes: &[u8]) {
    let usages = match which {
        0 => vec![parse_usage(bytes).usage],
        1 => vec![codex::parse_usage(bytes, NOW).usage],
        2 => config::parse_config(bytes)
            .and_then(|reading| reading.cached)
            .map_or_else(Vec::new, |cached| vec![cached.reply.usage]),
        3 => vec![control::parse_control(bytes).reply.usage],
        4 => vec![signals::parse_status_line(bytes).usage, signals::limit_event_usage(bytes).usage],
        5 => codex::signals::parse_log_line(bytes).map_or_else(Vec::new, |log| vec![log.usage]),
        6 => {
            let _seen = (signals::parse_hook(bytes), signals::parse_stream_line(bytes));
            let _seen =
                (signals::parse_process_record(bytes), signals::parse_supervisor_note(bytes));
            Vec::new()
        }
        7 => {
            let _seen = (parse_profile(bytes), token::token_facts(bytes));
            let _seen = (control::parse_auth_status(bytes), codex::store::parse_store(bytes, NOW));
            Vec::new()
        }
        8 => match codex::signals::parse_message(bytes) {
            codex::signals::Message::Limits { usage, .. } => vec![usage.usage],
            _ => Vec::new(),
        },
        _ => {
            let text = String::from_utf8_lossy(bytes);
            for speaker in [words::CLAUDE, words::CODEX] {
                let _seen = classify_text(speaker, &text);
            }
            Vec::new()
        }
    };
    usages.iter().for_each(sane);
}
const PARSERS: usize = 10;

fn sane(usage: &Usage) {
    for window in usage.windows().map(|metered| &metered.window) {
        let used = window.used.map_or(0.0, Percent::get);
        assert!(used.is_finite() && (0.0..=10_000.0).contains(&used), "{used}");
        let year = window.resets_at.map_or(2026, |at| 1970 + at.millis() / 31_556_952_000);
        assert!((1999..=2201).contains(&year), "year {year}");
    }
    assert!(usage.models().count() <= sluice_engine::limits::MODEL_WINDOWS_MAX);
}

/// Damages bytes in one to four places.
fn mutate(bytes: &[u8], all: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    const TOKENS: [&str; 20] = [
        "null",
        "NaN",
        "-1",
        "1e999",
        "1e308",
        "99999999999999999999",
        "\"\"",
        "[]",
        "{}",
        "true",
        "\"x\"",
        "[[[[",
        "\u{0}",
        "\\ud800",
        "\"2026-13-45T99:99:99Z\"",
        "0",
        ",",
        ":",
        "}",
        "\u{feff}",
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(0..=bytes.len());
        let end = (at + random.usize(0..24)).min(bytes.len());
        match random.u8(0..7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let token = TOKENS[random.usize(0..TOKENS.len())];
                drop(bytes.splice(at..end, token.bytes()));
            }
            3 if at < bytes.len() => bytes[at] = random.u8(..),
            4 => {
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            5 => {
                let other = &all[random.usize(0..all.len())];
                let from = random.usize(0..=other.len());
                let to = (from + random.usize(0..80)).min(other.len());
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
            _ => swap_number(&mut bytes, random),
        }
    }
    bytes
}

/// Puts a strange number where a number stands, so that the document stays whole.
fn swap_number(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    const NUMBERS: [&str; 8] = [
        "-0",
        "1e400",
        "-1e9",
        "18446744073709551616",
        "0.1e-320",
        "100.0000001",
        "\"41\"",
        "null",
    ];
    let digits: Vec<usize> = (1..bytes.len())
        .filter(|at| bytes[*at].is_ascii_digit() && bytes[at - 1] == b' ')
        .collect();
    if digits.is_empty() {
        return;
    }
    let start = digits[random.usize(0..digits.len())];
    let rest = bytes[start..].iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.'));
    let end = rest.map_or(bytes.len(), |length| start + length);
    let number = NUMBERS[random.usize(0..NUMBERS.len())];
    drop(bytes.splice(start..end, number.bytes()));
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn damaged_answers_neither_panic_nor_hang_nor_lie() {
    let files = files();
    let (cases, seed) = (number("SLUICE_FUZZ_CASES", CASES), number("SLUICE_FUZZ_SEED", 1));
    let half = |which: u64| {
        let mut random = fastrand::Rng::with_seed(seed * 2 + which);
        let mut slowest = Duration::ZERO;
        for _ in 0..cases / 2 {
            let from = random.usize(0..files.len());
            let bytes = mutate(&files[from], &files, &mut random);
            let started = Instant::now();
            parse(random.usize(0..PARSERS), &bytes);
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let slowest = std::thread::scope(|scope| {
        let first = scope.spawn(|| half(0));
        half(1).max(first.join().unwrap())
    });
    assert!(slowest < SLOWEST, "slowest parse took {slowest:?}");
}

#[test]
fn a_number_that_is_gone_is_unknown_and_never_zero() {
    let strange =
        [json!(null), json!("x"), json!([]), json!({}), json!(true), json!(-1), json!(1e300)];
    for (provider, slots) in [
        ("claude", vec![("/five_hour/utilization", 0), ("/seven_day/utilization", 1)]),
        (
            "codex",
            vec![
                ("/rate_limit/primary_window/used_percent", 0),
                ("/rate_limit/secondary_window/used_percent", 1),
            ],
        ),
    ] {
        for (pointer, window) in slots {
            for value in &strange {
                let mut document = whole(provider);
                *document.pointer_mut(pointer).unwrap() = value.clone();
                let bytes = document.to_string().into_bytes();
                let usage = match provider {
                    "claude" => parse_usage(&bytes).usage,
                    _ => codex::parse_usage(&bytes, NOW).usage,
                };
                let windows = [usage.short(), usage.long()];
                assert_eq!(windows[window].used, None, "{pointer} = {value}");
                assert!(windows[1 - window].used.is_some(), "{pointer} = {value} hid the other");
            }
        }
    }
}

fn whole(provider: &str) -> Value {
    match provider {
        "claude" => json!({
            "five_hour": {"utilization": 41.0, "resets_at": "2026-11-21T14:30:00Z"},
            "seven_day": {"utilization": 63.0, "resets_at": "2026-11-24T12:00:00Z"},
        }),
        _ => json!({"rate_limit": {
            "primary_window": {"used_percent": 25, "limit_window_seconds": 18000, "reset_at": 1795269600},
            "secondary_window": {"used_percent": 60, "limit_window_seconds": 604800, "reset_at": 1795521600},
        }}),
    }
}
