//! Every entry ends within its bound when the provider, the keychain or a lock hangs, and what was
//! begun goes on without its caller. The real loop and its real deadlines, on paused time.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::{Handle, start_here};
use sluice_protocol::{AccountId, AccountView, Answer, Code, Login, Request};
use stand_in::{Outside, Part};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

const LIVE: AccountId = AccountId(1);
const PARKED: AccountId = AccountId(2);

struct Run {
    outside: Arc<Outside>,
    handle: Handle,
}

impl Run {
    /// A driver that has been at it for a while.
    async fn begin() -> Self {
        let clock = Clock::of_runtime(1_795_262_400_000);
        let outside = Outside::new(clock, "advise");
        let handle = start_here(outside.parts_here(), clock, 7);
        tokio::time::sleep(Duration::from_secs(400)).await;
        Self { outside, handle }
    }

    async fn row(&self, account: AccountId) -> AccountView {
        let Answer::View(view) = self.handle.call(Request::Status).await else { panic!("a view") };
        view.accounts.into_iter().find(|row| row.id == account).unwrap()
    }

    /// How long the answer took, and its code when it was a refusal.
    async fn ask(&self, request: Request) -> (Duration, Option<Code>) {
        let asked = Instant::now();
        let answer = self.handle.call(request).await;
        let code = match answer {
            Answer::Refused(refused) => Some(refused.code),
            _ => None,
        };
        (asked.elapsed(), code)
    }

    /// How long a reading of the account lasts from when it is seen to be under way.
    async fn reading_lasts(&self, account: AccountId) -> Duration {
        while !self.row(account).await.refreshing {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let begun = Instant::now();
        while self.row(account).await.refreshing {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(begun.elapsed() < Duration::from_secs(300), "it stays in its state");
        }
        begun.elapsed()
    }
}

fn about(found: Duration, seconds: u64) -> bool {
    found.abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(1)
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_hung_reading_of_the_live_account_ends_after_fifty_seconds_and_the_lane_goes_on_deciding()
{
    let run = Run::begin().await;
    run.outside.hang(Part::Usage);
    let lasted = run.reading_lasts(LIVE).await;
    assert!(about(lasted, 50), "{lasted:?}");
    let before = run.outside.decisions.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    let after = run.outside.decisions.load(Ordering::SeqCst);
    assert!(after >= before + 3, "{before} decisions, half an hour later {after}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_hung_reading_of_a_candidate_ends_after_thirty_seconds() {
    let run = Run::begin().await;
    run.outside.hang(Part::Usage);
    let lasted = run.reading_lasts(PARKED).await;
    assert!(about(lasted, 30), "{lasted:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_renewal_that_was_asked_for_ends_within_45_seconds_and_goes_on_alone() {
    let run = Run::begin().await;
    run.outside.hang(Part::Renewals);
    let (took, code) = run.ask(Request::Renew { account: PARKED }).await;
    assert!(about(took, 45), "{took:?}");
    assert_eq!(code, Some(Code::RefreshTimeout));
    assert_eq!(run.outside.kept.load(Ordering::SeqCst), 0);
    run.outside.release();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(run.outside.kept.load(Ordering::SeqCst), 1, "what was begun was finished and kept");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_exchange_that_hangs_ends_after_thirty_seconds_with_the_token_endpoint() {
    let run = Run::begin().await;
    run.outside.hang(Part::Tokens);
    let (took, code) = run.ask(Request::Renew { account: PARKED }).await;
    assert!(about(took, 30), "{took:?}");
    assert_eq!(code, Some(Code::RefreshFailed));
    run.outside.release();
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert!(run.outside.kept.load(Ordering::SeqCst) >= 1, "it is tried again");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_caller_that_is_cancelled_in_mid_exchange_loses_nothing_and_locks_nothing() {
    let run = Run::begin().await;
    run.outside.hang(Part::Tokens);
    let asked = run.handle.call(Request::Renew { account: PARKED });
    let given_up = tokio::time::timeout(Duration::from_millis(100), asked).await;
    assert!(given_up.is_err(), "the exchange is in flight");
    assert_eq!(run.outside.kept.load(Ordering::SeqCst), 0);
    run.outside.release();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(run.outside.kept.load(Ordering::SeqCst), 1, "the rotated pair is kept");
    tokio::time::sleep(Duration::from_secs(400)).await;
    let (took, code) = run.ask(Request::Renew { account: PARKED }).await;
    assert!(took < Duration::from_secs(1), "{took:?} {code:?}");
    assert!(matches!(code, None | Some(Code::Cooldown)), "{code:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_reading_and_a_check_that_were_asked_for_end_within_sixty_seconds_with_their_codes() {
    for account in [LIVE, PARKED] {
        let run = Run::begin().await;
        run.outside.hang(Part::Usage);
        let (took, code) = run.ask(Request::ReadUsage { account }).await;
        assert!(took <= Duration::from_secs(61), "{took:?}");
        assert_eq!(code, Some(Code::RefreshTimeout));
        assert!(!run.row(account).await.refreshing, "the row has left its state");
        let run = Run::begin().await;
        run.outside.hang(Part::Usage);
        let (took, code) = run.ask(Request::Validate { account }).await;
        assert!(took <= Duration::from_secs(61), "{took:?}");
        assert_eq!(code, Some(Code::ValidateTimeout));
        let row = run.row(account).await;
        assert_eq!((row.refreshing, row.login), (false, Login::Unverified));
        assert!(row.problem.unwrap().contains("60 seconds"));
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_keychain_that_hangs_costs_each_entry_seconds() {
    for part in [Part::Bearers, Part::Seats] {
        let run = Run::begin().await;
        run.outside.hang(part);
        for request in [Request::ReadUsage { account: LIVE }, Request::Validate { account: LIVE }] {
            let (took, code) = run.ask(request).await;
            assert!(took <= Duration::from_secs(61) && code.is_some(), "{part:?}: {took:?}");
        }
        let (took, _) = run.ask(Request::Status).await;
        assert!(took < Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_reading_of_every_account_ends_with_a_hung_provider_and_frees_its_lock() {
    let run = Run::begin().await;
    run.outside.hang(Part::Usage);
    let first = run.handle.clone();
    let first = tokio::spawn(async move { first.call(Request::ReadAll).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (took, code) = run.ask(Request::ReadAll).await;
    let at_once = took < Duration::from_secs(1);
    assert_eq!((code, at_once), (Some(Code::RefreshInProgress), true));
    let begun = Instant::now();
    let Answer::Bulk(bulk) = first.await.unwrap() else { panic!("no account of it") };
    assert!(begun.elapsed() <= Duration::from_secs(300));
    assert_eq!((bulk.total, bulk.read, bulk.failed), (2, 0, 2));
    run.outside.release();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let Answer::Bulk(bulk) = run.handle.call(Request::ReadAll).await else { panic!("no account") };
    assert_eq!((bulk.read, bulk.failed), (2, 0));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_swap_whose_proof_hangs_is_answered_within_half_a_minute() {
    let run = Run::begin().await;
    // What was proven is old by then.
    run.outside.hang(Part::Usage);
    tokio::time::sleep(Duration::from_secs(5_000)).await;
    let (took, code) = run.ask(Request::Swap { to: PARKED }).await;
    assert!(took <= Duration::from_secs(30), "{took:?}");
    assert_eq!(code, Some(Code::Busy), "it went on to the swap, which this stand-in refuses");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_swap_that_never_answers_unlocks_its_button_after_four_minutes_and_nothing_else_begins() {
    let run = Run::begin().await;
    run.outside.hang(Part::Moves);
    let asked = run.handle.clone();
    let asked = tokio::spawn(async move { asked.call(Request::Swap { to: PARKED }).await });
    tokio::time::sleep(Duration::from_secs(59)).await;
    let Answer::View(view) = run.handle.call(Request::Status).await else { panic!("a view") };
    assert!(view.swapping.is_some());
    assert!(matches!(asked.await.unwrap(), Answer::Refused(_)), "the front end's own bound");
    tokio::time::sleep(Duration::from_secs(240)).await;
    let Answer::View(view) = run.handle.call(Request::Status).await else { panic!("a view") };
    assert_eq!(view.swapping, None);
    assert!(view.providers[0].observe_only.is_some());
    let (_, code) = run.ask(Request::Swap { to: PARKED }).await;
    assert!(matches!(code, Some(Code::Busy | Code::ObserveOnly)), "{code:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_a_swap_left_parked_is_looked_after_twice_and_a_token_exchange_is_written_down() {
    let run = Run::begin().await;
    let noted = || run.outside.tokens_noted.load(Ordering::SeqCst);
    let before = noted();
    let (_, code) = run.ask(Request::Renew { account: PARKED }).await;
    assert_eq!(code, None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(noted(), before + 1);
    run.outside.commits.store(true, Ordering::SeqCst);
    let (_, code) = run.ask(Request::Swap { to: PARKED }).await;
    assert_eq!(code, None);
    let tended = || run.outside.tended.load(Ordering::SeqCst);
    assert_eq!(tended(), 0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(tended(), 1);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(tended(), 2);
}
