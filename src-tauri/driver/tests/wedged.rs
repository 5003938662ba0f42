//! A loop that is wedged is started anew, at most three times a day, and then ends loudly.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::parts::Parts;
use sluice_driver::ports::{Pending, Providers, TokenAnswer, ToolNumbers, UsageAnswer};
use sluice_driver::watchdog::Limits;
use sluice_driver::{Config, start_watched};
use sluice_engine::Provider;
use stand_in::Outside;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where the wedged program writes down its starts and its ends.
const DIARY: &str = "SLUICE_TEST_DIARY";
/// `real`: under the limits that ship.
const LIMITS: &str = "SLUICE_TEST_LIMITS";
/// Of the loop standing still, as promised, and what a new start costs on a busy machine.
const RESTART_MS_MAX: i64 = 90_000 + 5_000;

fn limits() -> Limits {
    match std::env::var(LIMITS).as_deref() {
        Ok("real") => Limits::default(),
        _ => Limits { suspect_ms: 1_000, wedged_ms: 2_000, look: Duration::from_millis(20) },
    }
}

fn note(what: &str) {
    let Some(diary) = std::env::var_os(DIARY) else { return };
    let mut diary = std::fs::File::options().create(true).append(true).open(diary).unwrap();
    let at = Clock::real().now().wall.millis();
    writeln!(diary, "{what} {} {at}", std::process::id()).unwrap();
}

/// A provider that blocks the loop's own thread, as no part may.
struct Wedge;

impl Providers for Wedge {
    fn usage(&self, _: Provider, _: &str, _: http::HeaderValue, _: bool) -> Pending<UsageAnswer> {
        note("wedged");
        loop {
            std::thread::park();
        }
    }
    fn token(&self, _: Provider, _: Zeroizing<Vec<u8>>) -> Pending<Option<TokenAnswer>> {
        Box::pin(std::future::ready(None))
    }
    fn tool_numbers(&self, _: Provider) -> Option<ToolNumbers> {
        None
    }
}

/// The program that is wedged; a child of the tests below.
#[test]
#[ignore = "ends its process: the tests below start it"]
fn wedged_program() {
    if std::env::var_os(DIARY).is_none() {
        return;
    }
    note("started");
    let parts = Outside::new(Clock::real(), "advise").parts();
    let parts = Parts { providers: Arc::new(Wedge), ..parts };
    let config = Config { role: "test".to_owned(), offline: false };
    let patience = Duration::from_millis(limits().wedged_ms as u64) + Duration::from_secs(120);
    let _handle = start_watched(parts, Clock::real(), config, limits()).unwrap();
    std::thread::sleep(patience);
    note("never restarted");
}

/// One line of the diary: what, which process, when (ms).
type Entry = (String, u32, i64);

/// Runs the wedged program until it ends for good.
fn wedge(form: &str) -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    let diary = dir.path().join("diary");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wedged_program", "--ignored", "--nocapture"])
        .env(DIARY, &diary)
        .env(LIMITS, form)
        .env_remove("SLUICE_RESTARTS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(6), "it ends by abort: {status:?}");
    let text = std::fs::read_to_string(diary).unwrap();
    let entry = |line: &str| -> Entry {
        let mut words = line.rsplitn(3, ' ');
        let at = words.next().unwrap().parse().unwrap();
        let pid = words.next().unwrap().parse().unwrap();
        (words.next().unwrap().to_owned(), pid, at)
    };
    text.lines().map(entry).collect()
}

/// One start and three more, in one process, each wedged in turn; gives how long each new start took
/// from the moment the loop stood still, in milliseconds.
fn check(entries: &[Entry]) -> Vec<i64> {
    let words: Vec<&str> = entries.iter().map(|(what, ..)| what.as_str()).collect();
    assert_eq!(words, ["started", "wedged"].repeat(4), "{entries:?}");
    assert!(entries.iter().all(|(_, pid, _)| *pid == entries[0].1), "the same process each time");
    entries[1..7].chunks(2).map(|pair| pair[1].2 - pair[0].2).collect()
}

fn long() -> bool {
    std::env::var_os("SLUICE_LONG").is_some()
}

#[test]
fn a_wedged_loop_starts_its_program_anew_three_times_and_then_ends_it_loudly() {
    let (rounds, hands) = if long() { (100, 4) } else { (1, 1) };
    let mut slowest = 0;
    for _ in 0..rounds / hands {
        std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..hands).map(|_| scope.spawn(|| check(&wedge("short")))).collect();
            for run in running {
                slowest = run.join().unwrap().into_iter().max().max(Some(slowest)).unwrap();
            }
        });
    }
    println!("{rounds} programs, {} new starts, the slowest after {slowest} ms", rounds * 3);
}

#[test]
fn under_the_limits_that_ship_a_wedged_loop_is_started_anew_within_ninety_seconds() {
    if !long() {
        return;
    }
    let taken = check(&wedge("real"));
    println!("new starts after {taken:?} ms");
    assert!(taken.iter().all(|millis| *millis <= RESTART_MS_MAX), "{taken:?}");
}
