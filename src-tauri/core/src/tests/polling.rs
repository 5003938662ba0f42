//! Reading and renewing: within the budget, one at a time, whatever the clock does.

use super::*;
use sluice_engine::{Source, WindowKind};

#[test]
fn no_account_is_read_more_than_twenty_times_in_an_hour() {
    let mut outside = Outside::pair("auto");
    outside.burn = 0.4;
    for _ in 0..200 {
        outside.begin(Request::Refresh { account: None });
        outside.advance(120);
    }
    let polls = outside.polls(START);
    for account in distinct(polls.iter().map(|(_, account)| *account)) {
        let times: Vec<Utc> =
            polls.iter().filter(|one| one.1 == account).map(|one| one.0).collect();
        for span in times.windows(21) {
            assert!(span[20].seconds_since(span[0]) >= 3_600.0, "21 requests in an hour");
        }
        for pair in times.windows(2) {
            assert!(pair[1].seconds_since(pair[0]) >= 20.0);
        }
    }
    assert!(polls.len() > 100);
}

#[test]
fn a_parked_login_is_renewed_before_it_ends_and_the_live_one_never() {
    let mut outside = Outside::pair("advise");
    outside.advance(3 * 86_400);
    let (a, b) = (outside.id("a"), outside.id("b"));
    let renewed: Vec<_> = outside
        .done
        .iter()
        .filter_map(|(at, effect)| match effect {
            Effect::Refresh { account, .. } => Some((*at, *account)),
            _ => None,
        })
        .collect();
    assert!(renewed.iter().all(|(_, account)| *account == b), "{a:?} is live");
    assert!((9..=14).contains(&renewed.len()), "{} renewals in three days", renewed.len());
    for pair in renewed.windows(2) {
        assert!(pair[1].0.seconds_since(pair[0].0) < ACCESS_S as f64);
    }
}

#[test]
fn a_refused_login_needs_the_person_once_and_is_left_alone() {
    let mut outside = Outside::pair("auto");
    let b = outside.id("b");
    outside.refresh_error =
        Some(RefreshReport::NeedsSignIn("the provider refused its login".to_owned()));
    outside.usage.insert(outside.id("a"), (0.0, 90.0, 10));
    outside.advance(86_400);
    assert_eq!(
        outside
            .told(NoticeKind::SignIn)
            .iter()
            .filter(|notice| notice.cause == Cause::SignIn(AccountId(2)))
            .count(),
        1
    );
    assert!(outside.view.needs_you.iter().any(|need| need.account == Some(b)));
    assert_eq!(code(&outside.ask(Request::Swap { to: b })), Code::NotSignedIn);
    let tries =
        outside.done.iter().filter(|(_, effect)| matches!(effect, Effect::Refresh { .. })).count();
    assert_eq!(tries, 1);
}

#[test]
fn one_renewal_at_a_time() {
    let mut outside = Outside::empty();
    for key in ["a", "b", "c", "d"] {
        outside.sign_in_and_add(key, (0.0, 0.0, 96));
    }
    let mut running: Option<AccountId> = None;
    // Hold every renewal open for a minute.
    for _ in 0..2_000 {
        outside.now.wall = outside.now.wall.plus_seconds(60);
        let effects = match running.take() {
            Some(account) => {
                let report = RefreshReport::Kept(outside.kept());
                outside.core.handle(Input::Refreshed { account, report }, outside.now)
            }
            None => outside.core.handle(Input::Tick, outside.now),
        };
        let (renewals, rest): (Vec<_>, Vec<_>) =
            effects.into_iter().partition(|effect| matches!(effect, Effect::Refresh { .. }));
        assert!(renewals.len() <= 1);
        if let Some(Effect::Refresh { account, .. }) = renewals.first() {
            running = Some(*account);
        }
        outside.settle(rest.into_iter().filter(|effect| !touches_outside(effect)).collect());
    }
}

#[test]
fn the_tool_is_asked_first_where_that_is_wished_and_only_of_its_seat() {
    let asked = |outside: &Outside| -> Vec<(AccountId, bool)> {
        let polls = outside.done.iter().filter_map(|(_, effect)| match effect {
            Effect::Poll { account, asks, .. } => Some((*account, asks.tool)),
            _ => None,
        });
        polls.collect()
    };
    let mut outside = Outside::pair("advise");
    outside.advance(2_000);
    assert!(asked(&outside).iter().all(|(_, tool)| !tool), "off until somebody wants it");
    outside.ask(Request::Set { key: "ask_tool".to_owned(), value: true.into() });
    outside.done.clear();
    outside.advance(4_000);
    let live = outside.id("a");
    let told = asked(&outside);
    assert!(told.iter().any(|(_, tool)| *tool), "{told:?}");
    assert!(told.iter().all(|(account, tool)| (*account == live) == *tool), "{told:?}");
}

#[test]
fn a_plan_or_limit_resets_that_are_due_are_not_left_to_the_tool() {
    let mut outside = Outside::pair("advise");
    outside.ask(Request::Set { key: "ask_tool".to_owned(), value: true.into() });
    outside.advance(3 * 86_400);
    let live = outside.id("a");
    let asked: Vec<Asks> = outside
        .done
        .iter()
        .filter_map(|(_, effect)| match effect {
            Effect::Poll { account, asks, .. } if *account == live => Some(*asks),
            _ => None,
        })
        .collect();
    assert!(asked.iter().any(|asks| asks.tool), "{asked:?}");
    assert!(asked.iter().filter(|asks| asks.plan).count() >= 3, "once a day: {asked:?}");
    assert!(!asked.iter().any(|asks| asks.tool && (asks.plan || asks.resets)), "{asked:?}");
}

#[test]
fn a_throttled_endpoint_is_left_alone_as_long_as_it_asked() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    let throttled = PollError::Read(ReadError::Throttled { retry_after_s: Some(3_000) });
    outside.poll_error.insert(a, throttled);
    outside.advance(400);
    let from = outside.polls(START).iter().rev().find(|one| one.1 == a).unwrap().0;
    outside.advance(2_500);
    assert_eq!(outside.polls(from.plus_seconds(1)).iter().filter(|one| one.1 == a).count(), 0);
}

#[test]
fn waking_reads_little_at_first_and_swaps_only_on_fresh_numbers() {
    let mut outside = Outside::pair("auto");
    for _ in 0..3 {
        let key = format!("x{}", outside.accounts.len());
        let live = outside.seat.clone();
        outside.sign_in_and_add(&key, (0.0, 10.0, 48));
        outside.seat = live;
        outside.input(Input::SeatTouched(CLAUDE));
    }
    outside.ask(Request::Resume { provider: None });
    let slept_ms = 10 * 3_600_000;
    outside.pass(outside.now.wall.plus_seconds(slept_ms / 1_000));
    let woke = outside.now.wall;
    outside.input(Input::Jump(Jump::Woke { missed_ms: slept_ms, set_ms: 0 }));
    outside.advance(59);
    assert!(outside.polls(woke).len() <= 2, "{:?}", outside.polls(woke));
    for order in outside.swaps().iter().filter(|order| order.at >= woke) {
        let target = order.to.0;
        assert!(outside.polls(woke).iter().any(|poll| poll.1 == target && poll.0 <= order.at));
    }
    outside.advance(600);
    assert!(outside.polls(woke).len() > 2);
}

#[test]
fn no_jump_of_the_clock_blocks_or_spins() {
    for by_s in [-31_536_000_i64, -86_400, -3_600, -1, 1, 3_600, 86_400, 315_360_000] {
        let mut outside = Outside::pair("auto");
        outside.advance(1_200);
        outside.now.wall = outside.now.wall.plus_seconds(by_s);
        let by_ms = by_s * 1_000;
        outside.input(Input::Jump(if by_s < 0 {
            Jump::SetBack { by_ms: -by_ms }
        } else {
            Jump::Woke { missed_ms: by_ms, set_ms: by_ms }
        }));
        let from = outside.now.wall;
        // `advance` fails on a busy loop by itself.
        outside.advance(7_200);
        let read = distinct(outside.polls(from).iter().map(|poll| poll.1));
        assert_eq!(read.len(), 2, "both accounts are read again after {by_s} s");
    }
}

#[test]
fn numbers_of_the_tool_itself_spare_requests_and_never_overwrite_newer_ones() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    let mut numbers = outside.numbers(a);
    numbers.of_kind(&WindowKind::FiveHour).used = Percent::new(55.0);
    outside.pass(outside.now.wall.plus_seconds(30));
    numbers.observed_at = Some(outside.now.wall);
    let told = |usage: Usage| Input::ToolNumbers {
        provider: CLAUDE,
        numbers: ToolNumbers {
            account: "a".to_owned(),
            source: Source::ToolCache,
            usage,
            resets: None,
            odd: Vec::new(),
        },
    };
    let short = |outside: &Outside| {
        outside.view.accounts[0].window(&WindowKind::FiveHour).and_then(|window| window.used)
    };
    outside.input(told(numbers.clone()));
    assert_eq!(short(&outside), Some(55.0));
    numbers.of_kind(&WindowKind::FiveHour).used = Percent::new(11.0);
    numbers.observed_at = Some(START);
    outside.input(told(numbers.clone()));
    assert_eq!(short(&outside), Some(55.0));
    numbers.observed_at = Some(outside.now.wall.plus_seconds(3_600));
    outside.input(told(numbers));
    assert_eq!(short(&outside), Some(55.0), "the future is not believed");
}

#[test]
fn a_401_of_the_live_account_reads_the_store_again_first() {
    let mut outside = Outside::pair("advise");
    let (a, from) = (outside.id("a"), outside.now.wall);
    let asked = outside.told(NoticeKind::SignIn).len();
    outside.poll_error.insert(a, PollError::Read(ReadError::TokenRefused));
    outside.advance(6 * 3_600);
    let mut after = outside.done.iter().skip_while(|(at, _)| *at <= from);
    let polled =
        after.find(|(_, effect)| matches!(effect, Effect::Poll { account, .. } if *account == a));
    let at = polled.expect("asked").0;
    let mut same = after.take_while(|(when, _)| *when == at);
    assert!(
        same.any(|(_, effect)| matches!(effect, Effect::ReadSeat(_))),
        "the tool may have renewed"
    );
    // The tool alone may renew it, and nobody has to sign in for that.
    assert_eq!(outside.told(NoticeKind::SignIn).len(), asked);
    assert!(outside.view.accounts[0].login.is_usable());
    let renews =
        |effect: &Effect| matches!(effect, Effect::Refresh { account, .. } if *account == a);
    assert!(!outside.since(from).any(renews));

    outside.rotation += 1;
    outside.poll_error.clear();
    outside.advance(3_600);
    assert_eq!(outside.view.accounts[0].problem, None);
}

#[test]
fn a_403_never_asks_for_a_sign_in() {
    let mut outside = Outside::pair("advise");
    let asked = outside.told(NoticeKind::SignIn).len();
    for name in ["a", "b"] {
        let refused = PollError::Read(ReadError::Forbidden("forbidden (HTTP 403)".to_owned()));
        outside.poll_error.insert(outside.id(name), refused);
    }
    outside.advance(86_400);
    assert_eq!(outside.told(NoticeKind::SignIn).len(), asked);
    for account in &outside.view.accounts {
        assert!(account.login.is_usable(), "{account:?}");
    }
    let needs = outside.view.needs_you.iter().filter(|need| need.account.is_some()).count();
    assert_eq!(needs, 0);
}
