//! What the journal is told of a swap, under the real loop.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::start_here;
use sluice_protocol::{AccountId, AskedBy, Request};
use stand_in::Outside;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// The first swap under this mode, after a request.
async fn first_swap(
    mode: &'static str,
    request: Request,
) -> (Arc<Outside>, sluice_driver::ports::SwapOrder) {
    let clock = Clock::of_runtime(1_795_262_400_000);
    let outside = Outside::new(clock, mode);
    let handle = start_here(outside.parts_here(), clock, 7);
    handle.call(request).await;
    let begun = tokio::time::Instant::now();
    loop {
        let first = outside.swaps.lock().unwrap().first().cloned();
        if let Some(order) = first {
            handle.shut_down(Duration::from_secs(5)).await;
            return (outside, order);
        }
        assert!(begun.elapsed() < HOUR, "no swap within an hour");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_decided_swap_carries_the_row_of_its_decision() {
    let (outside, order) = first_swap("auto", Request::Status).await;
    assert_eq!(order.asked_by, AskedBy::Driver);
    let row = order.decision.expect("the row of its decision");
    assert!(outside.decided.lock().unwrap().contains(&row));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_swap_by_a_person_says_so() {
    let (_outside, order) = first_swap("advise", Request::Swap { to: AccountId(2) }).await;
    assert_eq!((order.asked_by, order.decision), (AskedBy::Person, None));
}
