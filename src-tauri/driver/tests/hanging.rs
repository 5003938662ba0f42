//! L3: one hung part, or two at once, delays nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::api::{Answer, Request};
use sluice_driver::clock::Clock;
use sluice_driver::{Config, Handle, start_with};
use stand_in::{Outside, PARTS, Part};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One real second is ten minutes: two reads of the live account.
const SPEED: f64 = 600.0;
/// How long the cadence is measured.
const WATCHED: Duration = Duration::from_secs(8);
/// Share of the undisturbed cadence that must remain; the machine is shared with other tests.
const KEPT: f64 = 0.7;

struct Run {
    outside: Arc<Outside>,
    handle: Handle,
}

fn start(mode: &'static str) -> Run {
    let clock = Clock::scaled(Clock::real().now().wall.millis(), SPEED).unwrap();
    let outside = Outside::new(clock, mode);
    let config = Config { role: "test".to_owned(), offline: false };
    let handle = start_with(outside.parts(), clock, config).unwrap();
    Run { outside, handle }
}

/// What was done while it was watched.
#[derive(Debug)]
struct Cadence {
    live: u32,
    parked: u32,
    renewals: u32,
    seats: u32,
    captures: u32,
    records: u32,
    slowest_answer_ms: u128,
}

async fn watch(hung: &[Part]) -> Cadence {
    let run = start("advise");
    let asked = run.handle.call(Request::Status).await;
    assert!(matches!(asked, Answer::View(_)));
    // Everything has had its turn once before anything hangs.
    tokio::time::sleep(Duration::from_millis(700)).await;
    for part in hung {
        run.outside.hang(*part);
    }
    let outside = &run.outside;
    let now = |part| outside.asked(part);
    let polls =
        || (outside.live_polls.load(Ordering::SeqCst), outside.parked_polls.load(Ordering::SeqCst));
    let before = (polls(), PARTS.map(now));
    let mut slowest = Duration::ZERO;
    let mut left = WATCHED.as_millis() / 100;
    while left > 0 {
        left -= 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
        outside.rotate();
        let (elapsed, answer) = timed(&run.handle).await;
        assert!(matches!(answer, Answer::View(_)), "{hung:?}: {answer:?}");
        slowest = slowest.max(elapsed);
    }
    let after = (polls(), PARTS.map(now));
    let grown = |part: Part| after.1[part as usize] - before.1[part as usize];
    let cadence = Cadence {
        live: after.0.0 - before.0.0,
        parked: after.0.1 - before.0.1,
        renewals: grown(Part::Renewals),
        seats: grown(Part::Seats),
        captures: grown(Part::Captures),
        records: grown(Part::Ledger),
        slowest_answer_ms: slowest.as_millis(),
    };
    outside.release();
    run.handle.shut_down(Duration::from_secs(5)).await;
    cadence
}

async fn timed(handle: &Handle) -> (Duration, Answer) {
    let before = sluice_driver::clock::awake_ms();
    let answer = handle.call(Request::Status).await;
    let elapsed = sluice_driver::clock::awake_ms() - before;
    (Duration::from_millis(elapsed.unsigned_abs()), answer)
}

fn check(hung: &[Part], got: &Cadence, usual: &Cadence) {
    let free = |needs: &[Part]| !needs.iter().any(|part| hung.contains(part));
    let keeps = |name: &str, got: u32, usual: u32, needs: &[Part]| {
        let least = (f64::from(usual) * KEPT).floor() as u32;
        assert!(!free(needs) || got >= least, "{hung:?} hang: {name} {got} of {usual}");
    };
    use Part::{Bearers, Captures, Ledger, Renewals, Seats, Tokens, Usage};
    keeps("reads of the live account", got.live, usual.live, &[Seats, Bearers, Usage]);
    keeps("reads of parked accounts", got.parked, usual.parked, &[Bearers, Usage]);
    keeps("renewals", got.renewals, usual.renewals, &[Renewals, Tokens]);
    keeps("looks into the seat", got.seats, usual.seats, &[Seats, Bearers, Usage, Captures]);
    keeps("captures", got.captures, usual.captures, &[Seats, Captures, Bearers, Usage]);
    keeps("records", got.records, usual.records, &[Ledger, Seats, Bearers, Usage, Captures]);
    assert!(got.slowest_answer_ms < 1_000, "{hung:?}: an answer took {} ms", got.slowest_answer_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_and_every_pair_of_parts_may_hang() {
    let mut runs = Vec::new();
    for (index, first) in PARTS.into_iter().enumerate() {
        runs.push(vec![first]);
        runs.extend(PARTS.into_iter().skip(index + 1).map(|second| vec![first, second]));
    }
    assert_eq!(runs.len(), 28);
    // Seven at a time beside an undisturbed one: the machine has few cores, and others use them.
    for batch in runs.chunks(7) {
        let tasks: Vec<_> = batch
            .iter()
            .cloned()
            .map(|hung| tokio::spawn(async move { (watch(&hung).await, hung) }))
            .collect();
        let usual = watch(&[]).await;
        assert!(usual.live >= 4 && usual.parked >= 2 && usual.renewals >= 1, "{usual:?}");
        for task in tasks {
            let (got, hung) = task.await.unwrap();
            check(&hung, &got, &usual);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_never_read_delay_nobody() {
    let run = start("advise");
    let _views = run.handle.views();
    let _notices = run.handle.notices();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(run.outside.live_polls.load(Ordering::SeqCst) >= 2);
    let (elapsed, _) = timed(&run.handle).await;
    assert!(elapsed < Duration::from_secs(1));
    run.handle.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_ends_within_five_seconds_whatever_hangs() {
    let run = start("auto");
    run.handle.call(Request::Status).await;
    for part in PARTS {
        run.outside.hang(part);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = sluice_driver::clock::awake_ms();
    run.handle.shut_down(Duration::from_secs(10)).await;
    assert!(sluice_driver::clock::awake_ms() - before < 5_000);
    run.outside.release();
}
