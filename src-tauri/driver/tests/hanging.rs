//! One hung part, or two at once, delays nothing else; and the loop itself is restarted.
//!
//! The real loop with its real deadlines on a runtime whose time is paused: a hundred minutes pass in
//! the time the work takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::{Config, Handle, start_here, start_with};
use sluice_protocol::{AccountId, Answer, Request};
use stand_in::{Outside, PARTS, Part};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// 2026-11-21T12:00:00Z.
const START_MS: i64 = 1_795_262_400_000;
/// How long the cadence is measured: parked access tokens last longer, so that a renewal that hangs
/// does not end the readings of its account.
const WATCHED_MIN: u32 = 100;
/// Share of the undisturbed cadence that must remain.
const KEPT: f64 = 0.9;

struct Run {
    outside: Arc<Outside>,
    handle: Handle,
}

fn start(mode: &'static str) -> Run {
    let clock = Clock::of_runtime(START_MS);
    let outside = Outside::new(clock, mode);
    let handle = start_here(outside.parts_here(), clock, 7);
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
    numbers: u32,
    views: u32,
    slowest_answer: Duration,
}

async fn watch(hung: &[Part]) -> Cadence {
    let run = start("advise");
    let outside = &run.outside;
    assert!(matches!(run.handle.call(Request::Status).await, Answer::View(_)));
    // Everything has had its turn once before anything hangs.
    tokio::time::sleep(Duration::from_secs(300)).await;
    let _deaf_notifier = hung.contains(&Part::Notifier).then(|| run.handle.notices());
    let _deaf_front_ends: Vec<_> = if hung.contains(&Part::FrontEnd) {
        (0..32).map(|_| deaf_front_end(&run.handle)).collect()
    } else {
        Vec::new()
    };
    for part in hung {
        outside.hang(*part);
    }
    let polls =
        || (outside.live_polls.load(Ordering::SeqCst), outside.parked_polls.load(Ordering::SeqCst));
    let before = (polls(), PARTS.map(|part| outside.asked(part)));
    let mut seen = run.handle.views();
    let (mut slowest, mut views) = (Duration::ZERO, 0);
    for minute in 0..WATCHED_MIN {
        tokio::time::sleep(Duration::from_secs(60)).await;
        outside.rotate();
        let request = match minute % 10 {
            9 => Request::Refresh { account: Some(AccountId(1)) },
            _ => Request::Status,
        };
        let asked = tokio::time::Instant::now();
        let answer = run.handle.call(request).await;
        assert!(matches!(answer, Answer::View(_) | Answer::Done), "{hung:?}: {answer:?}");
        slowest = slowest.max(asked.elapsed());
        views += u32::from(seen.has_changed().unwrap());
        seen.mark_unchanged();
    }
    let after = (polls(), PARTS.map(|part| outside.asked(part)));
    let grown = |part: Part| after.1[part as usize] - before.1[part as usize];
    let cadence = Cadence {
        live: after.0.0 - before.0.0,
        parked: after.0.1 - before.0.1,
        renewals: grown(Part::Renewals),
        seats: grown(Part::Seats),
        captures: grown(Part::Moves),
        records: grown(Part::Ledger),
        numbers: grown(Part::Numbers),
        views,
        slowest_answer: slowest,
    };
    outside.release();
    run.handle.shut_down(Duration::from_secs(5)).await;
    cadence
}

/// A front end that asks and never listens.
fn deaf_front_end(handle: &Handle) -> impl Sized + use<> {
    let (views, handle) = (handle.views(), handle.clone());
    let asking = tokio::spawn(async move {
        let asked =
            handle.call(Request::Decisions { limit: 10, before: None, only: Default::default() });
        tokio::pin!(asked);
        // Polled once and then left alone.
        let _unread = std::future::poll_fn(|context| {
            std::task::Poll::Ready(asked.as_mut().poll(context).is_ready())
        })
        .await;
        std::future::pending::<()>().await;
    });
    (views, asking)
}

fn check(hung: &[Part], got: &Cadence, usual: &Cadence) {
    let free = |needs: &[Part]| !needs.iter().any(|part| hung.contains(part));
    let keeps = |name: &str, got: u32, usual: u32, needs: &[Part]| {
        let least = (f64::from(usual) * KEPT).floor() as u32;
        assert!(!free(needs) || got >= least, "{hung:?} hang: {name} {got} of {usual}");
    };
    use Part::{Bearers, Ledger, Moves, Numbers, Renewals, Seats, Tokens, Usage};
    keeps("reads of the live account", got.live, usual.live, &[Seats, Bearers, Usage]);
    keeps("reads of parked accounts", got.parked, usual.parked, &[Bearers, Usage]);
    keeps("renewals", got.renewals, usual.renewals, &[Renewals, Tokens]);
    keeps("looks into the seat", got.seats, usual.seats, &[Seats, Bearers, Usage, Moves]);
    keeps("captures", got.captures, usual.captures, &[Seats, Moves, Bearers, Usage]);
    // A renewal is written down too: what was sent and what was kept.
    let recorded = [Ledger, Seats, Bearers, Usage, Moves, Tokens, Renewals];
    keeps("records", got.records, usual.records, &recorded);
    keeps("numbers of the tool", got.numbers, usual.numbers, &[Numbers]);
    keeps("views", got.views, usual.views, &[Ledger, Seats, Bearers, Usage, Moves]);
    assert!(got.slowest_answer < Duration::from_secs(1), "{hung:?}: {:?}", got.slowest_answer);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn every_part_and_every_pair_of_parts_may_hang() {
    let usual = watch(&[]).await;
    let least = usual.live.min(usual.parked).min(usual.renewals).min(usual.numbers);
    assert!(least >= 5 && usual.seats >= 50 && usual.captures >= 20, "{usual:?}");
    let mut pairs = 0;
    for (index, first) in PARTS.into_iter().enumerate() {
        check(&[first], &watch(&[first]).await, &usual);
        for second in PARTS.into_iter().skip(index + 1) {
            pairs += 1;
            check(&[first, second], &watch(&[first, second]).await, &usual);
        }
    }
    assert_eq!(pairs, 45);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_ends_within_five_seconds_whatever_hangs() {
    let clock = Clock::scaled(Clock::real().now().wall.millis(), 600.0).unwrap();
    let outside = Outside::new(clock, "auto");
    let config = Config { role: "test".to_owned(), offline: false };
    let handle = start_with(outside.parts(), clock, config).unwrap();
    handle.call(Request::Status).await;
    for part in PARTS {
        outside.hang(part);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = sluice_driver::clock::awake_ms();
    handle.shut_down(Duration::from_secs(10)).await;
    assert!(sluice_driver::clock::awake_ms() - before < 5_000);
    outside.release();
}
