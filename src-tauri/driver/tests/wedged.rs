//! L4: a loop that is wedged is started anew, at most three times a day, and then ends loudly.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::perform::Parts;
use sluice_driver::ports::{Pending, Providers, TokenAnswer, ToolNumbers, UsageAnswer};
use sluice_driver::watchdog::Limits;
use sluice_driver::{Config, start_watched};
use sluice_engine::Provider;
use stand_in::Outside;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const DIARY: &str = "SLUICE_TEST_DIARY";

/// A provider that blocks the loop's own thread, as no part may.
struct Wedge;

impl Providers for Wedge {
    fn usage(&self, _: Provider, _: &str, _: http::HeaderValue) -> Pending<UsageAnswer> {
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

/// The program that is wedged; a child of the test below.
#[test]
#[ignore = "ends its process: the test below starts it"]
fn wedged_program() {
    let Some(diary) = std::env::var_os(DIARY) else { return };
    let mut diary = std::fs::File::options().create(true).append(true).open(diary).unwrap();
    writeln!(diary, "{}", std::process::id()).unwrap();
    let parts = Outside::new(Clock::real(), "advise").parts();
    let parts = Parts { providers: Arc::new(Wedge), ..parts };
    let limits = Limits { suspect_ms: 150, wedged_ms: 300, look: Duration::from_millis(20) };
    let config = Config { role: "test".to_owned(), offline: false };
    let _handle = start_watched(parts, Clock::real(), config, limits).unwrap();
    std::thread::sleep(Duration::from_secs(30));
    writeln!(diary, "never restarted").unwrap();
}

#[test]
fn a_wedged_loop_starts_its_program_anew_three_times_and_then_ends_it_loudly() {
    let dir = tempfile::tempdir().unwrap();
    let diary = dir.path().join("diary");
    let begun = Instant::now();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wedged_program", "--ignored", "--nocapture"])
        .env(DIARY, &diary)
        .env_remove("SLUICE_RESTARTS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(status.signal(), Some(6), "it ends by abort: {status:?}");
    let diary = std::fs::read_to_string(diary).unwrap();
    let starts: Vec<&str> = diary.lines().collect();
    assert_eq!(starts.len(), 4, "one start and three more: {starts:?}");
    assert!(starts.iter().all(|pid| *pid == starts[0]), "the same process each time");
}
