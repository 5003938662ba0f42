//! What is in the way at the start passes, or ends the driver: it never leaves one that knows nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::{Handle, start_here};
use sluice_protocol::{Answer, Request};
use stand_in::{Outside, Part};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A driver that starts while this part hangs.
fn start(hung: Part) -> (Arc<Outside>, Handle) {
    let clock = Clock::of_runtime(1_795_262_400_000);
    let outside = Outside::new(clock, "advise");
    let parts = outside.parts_here();
    outside.hang(hung);
    (Arc::clone(&outside), start_here(parts, clock, 7))
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_database_that_hangs_at_the_start_is_waited_for() {
    let (outside, handle) = start(Part::Ledger);
    tokio::time::sleep(Duration::from_secs(15)).await;
    outside.release();
    let Answer::View(view) = handle.call(Request::Status).await else { panic!("no view") };
    assert!(!view.accounts.is_empty(), "everything that is kept is known: {view:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_database_that_stays_away_ends_the_driver() {
    let (_outside, handle) = start(Part::Ledger);
    let asked = handle.call(Request::Status);
    let ended = tokio::time::timeout(Duration::from_secs(120), handle.ended());
    let (answer, ended) = tokio::join!(asked, ended);
    assert!(ended.is_ok() && handle.failed(), "whoever started it can try again");
    assert!(
        matches!(answer, Answer::Refused(_)),
        "nobody is told that nothing is kept: {answer:?}"
    );
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn open_swaps_that_could_not_be_looked_at_are_looked_at_later() {
    let (outside, handle) = start(Part::Moves);
    tokio::time::sleep(Duration::from_secs(20)).await;
    outside.release();
    assert!(matches!(handle.call(Request::Status).await, Answer::View(_)));
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert!(outside.recoveries.load(Ordering::SeqCst) >= 1, "looked at later");
}
