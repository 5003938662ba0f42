//! Seats, accounts and swaps that go wrong: nothing is lost, everything is told once.

use super::*;
use sluice_engine::WindowKind;

#[test]
fn an_unmanaged_login_is_never_swapped_away() {
    let mut outside = Outside::pair("auto");
    outside.sign_in("stranger");
    assert!(outside.view.providers[0].unmanaged_login);
    outside.advance(86_400);
    assert_eq!(outside.swaps().len(), 0);
    assert_eq!(code(&outside.ask(Request::Swap { to: outside.id("b") })), Code::UnmanagedLogin);
    let answer = outside.ask(Request::Add { provider: CLAUDE, label: None });
    assert!(matches!(answer, Answer::Account { .. }), "{answer:?}");
    assert!(!outside.view.providers[0].unmanaged_login);
    assert_eq!(outside.view.accounts.len(), 3);
    assert_eq!(outside.view.accounts[2].label, "Claude 1", "no mail address in a label");
}

#[test]
fn adding_again_keeps_the_account_and_without_a_login_says_so() {
    let mut outside = Outside::pair("advise");
    let answer = outside.ask(Request::Add { provider: CLAUDE, label: None });
    assert_eq!(answer, Answer::Account { account: outside.id("a") });
    assert_eq!(outside.view.accounts.len(), 2);
    outside.seat = None;
    assert_eq!(
        code(&outside.ask(Request::Add { provider: CLAUDE, label: None })),
        Code::NotSignedIn
    );
}

#[test]
fn an_account_whose_login_cannot_be_kept_is_not_added() {
    let mut outside = Outside::empty();
    outside.capture_error = Some(PortError::new(Code::KeychainLocked, "The keychain is locked."));
    outside.sign_in("a");
    let answer = outside.ask(Request::Add { provider: CLAUDE, label: None });
    assert_eq!(code(&answer), Code::KeychainLocked);
    assert_eq!(outside.view.accounts.len(), 0);
    assert!(outside.done.iter().any(|(_, effect)| matches!(
        effect,
        Effect::Store { record, .. } if matches!(**record, Record::Removed { .. })
    )));
}

#[test]
fn a_rotation_made_by_the_tool_is_kept_at_once() {
    let mut outside = Outside::pair("advise");
    outside.rotation += 1;
    let from = outside.now.wall;
    outside.done.clear();
    outside.input(Input::SeatTouched(CLAUDE));
    let kept =
        outside.since(from).filter(|effect| matches!(effect, Effect::Capture { .. })).count();
    assert_eq!(kept, 1);
}

#[test]
fn a_login_change_by_the_person_is_followed_and_protected() {
    let mut outside = Outside::pair("auto");
    let before = outside.core.world.lanes[0].generation;
    outside.sign_in("b");
    assert_eq!(outside.view.providers[0].live, Some(outside.id("b")));
    assert!(outside.core.world.lanes[0].generation > before);
    assert!(outside.view.providers[0].paused_until_ms.is_some());
    assert_eq!(outside.swaps().len(), 0);
}

#[test]
fn a_clobber_is_answered_twice_and_then_left_to_its_writer() {
    let mut outside = Outside::pair("auto");
    let (a, b) = (outside.id("a"), outside.id("b"));
    for _ in 0..6 {
        let swaps = outside.swaps().len();
        for _ in 0..40 {
            outside.advance(60);
            if outside.swaps().len() > swaps {
                break;
            }
        }
        if outside.view.providers[0].live == Some(b) {
            outside.sign_in("a");
            assert_eq!(outside.view.providers[0].paused_until_ms, None, "nobody chose this");
        }
    }
    assert_eq!(outside.swaps().len(), 3, "one swap and two re-applications");
    assert_eq!(outside.view.providers[0].live, Some(a));
    assert!(outside.view.providers[0].observe_only.is_some());
    assert_eq!(outside.view.needs_you[0].code, Need::StuckSwap);
}

#[test]
fn a_failed_swap_is_told_once_and_backs_off() {
    let mut outside = Outside::pair("auto");
    outside.ask(Request::Set { key: "notify.drain".to_owned(), value: false.into() });
    outside.swap_error = Some(SwapReport::Failed {
        row: Some(1),
        trouble: PortError::new(Code::KeychainLocked, "The keychain is locked."),
    });
    outside.advance(1_800);
    let failures = outside.swaps().len();
    assert!((1..=6).contains(&failures), "{failures} attempts in half an hour");
    assert_eq!(outside.told(NoticeKind::SwapFailed).len(), 1);
    outside.swap_error = None;
    outside.advance(1_800);
    assert_eq!(outside.told(NoticeKind::SwapDone).len(), 1);
}

#[test]
fn a_swap_waits_for_a_tool_at_its_login_and_is_nobodys_failure() {
    let mut outside = Outside::pair("auto");
    outside.ask(Request::Set { key: "notify.drain".to_owned(), value: false.into() });
    let trouble = PortError::new(Code::ToolRenews, "Codex may be renewing this login.");
    outside.swap_error = Some(SwapReport::Waits { trouble });
    while outside.swaps().is_empty() {
        outside.advance(60);
    }
    let (first, tried) = (outside.now.wall, outside.swaps().len());
    outside.advance(150);
    assert!(outside.swaps().len() >= tried + 2, "it is tried again within minutes");
    assert_eq!(outside.told(NoticeKind::SwapFailed).len(), 0, "nothing has failed");
    let answer = outside.ask(Request::Swap { to: outside.id("b") });
    let Answer::Refused(refused) = &answer else { panic!("{answer:?}") };
    assert_eq!((refused.code, refused.retry_after_s), (Code::ToolRenews, Some(60)));
    assert!(refused.text.ends_with("Ask again in 60 seconds."), "{}", refused.text);
    outside.advance(1_800);
    assert_eq!(outside.told(NoticeKind::SwapFailed).len(), 1, "what does not pass is told once");
    outside.swap_error = None;
    outside.advance(240);
    assert_eq!(
        outside.told(NoticeKind::SwapDone).len(),
        1,
        "neither account was made to wait longer"
    );
    assert!(outside.now.wall.seconds_since(first) < 3_600.0);
}

#[test]
fn a_configuration_that_names_another_is_looked_after_once_at_a_time() {
    let tends = |outside: &Outside| {
        let all =
            outside.done.iter().filter(|(_, effect)| matches!(effect, Effect::SettleParked(_)));
        all.count()
    };
    let mut outside = Outside::pair("advise");
    assert_eq!(tends(&outside), 0);
    outside.misnamed = true;
    outside.input(Input::SeatTouched(CLAUDE));
    outside.input(Input::SeatTouched(CLAUDE));
    assert_eq!(tends(&outside), 1);
    outside.advance(300);
    assert!(tends(&outside) >= 3, "as long as it lasts");
    outside.misnamed = false;
    outside.advance(300);
    let before = tends(&outside);
    outside.ask(Request::Stop);
    outside.misnamed = true;
    outside.advance(300);
    assert_eq!(tends(&outside), before, "stopped, Sluice only looks");
}

#[test]
fn a_stuck_swap_makes_the_seat_observe_only() {
    let mut outside = Outside::pair("auto");
    outside.swap_error =
        Some(SwapReport::Stuck { row: Some(1), text: "Look at the file.".to_owned() });
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 1, "nothing more is tried");
    assert_eq!(outside.view.needs_you[0].code, Need::StuckSwap);
    assert!(outside.view.providers[0].observe_only.is_some());
    assert_eq!(code(&outside.ask(Request::Swap { to: outside.id("b") })), Code::ObserveOnly);
    let from = outside.now.wall;
    outside.advance(3_600);
    assert!(!outside.polls(from).is_empty(), "measuring goes on");
}

#[test]
fn without_a_keychain_nothing_is_written_and_it_recovers() {
    let mut outside = Outside::pair("auto");
    outside.input(Input::Health(Health::Locked));
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 0);
    assert_eq!(outside.told(NoticeKind::Keychain).len(), 1);
    outside.input(Input::Health(Health::Ok));
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 1);
    assert!(outside.view.needs_you.is_empty());
}

#[test]
fn an_unreadable_seat_is_left_alone_and_told() {
    let mut outside = Outside::pair("auto");
    let text = "The file x ends in the middle. Sign in again.";
    outside.shown = Some(SeatReport::Unreadable(text.to_owned()));
    outside.input(Input::SeatTouched(CLAUDE));
    assert!(outside.view.providers[0].observe_only.is_some());
    assert_eq!(outside.view.needs_you[0].code, Need::SeatUnreadable);
    assert!(outside.view.needs_you[0].text.starts_with(text), "{:?}", outside.view.needs_you);
    assert_eq!(code(&outside.ask(Request::Swap { to: outside.id("b") })), Code::ObserveOnly);
    outside.shown = None;
    outside.input(Input::SeatTouched(CLAUDE));
    assert!(outside.view.needs_you.is_empty());
}

#[test]
fn a_wish_is_refused_only_after_another_look() {
    // Mended a moment ago, and nobody has looked since.
    for stale in [
        SeatReport::Unreadable("The folder may be written by everybody. Change that.".to_owned()),
        SeatReport::Foreign("The file holds an API key. Sign in.".to_owned()),
        SeatReport::Login(Box::default()),
    ] {
        let mut outside = Outside::pair("advise");
        outside.shown = Some(stale.clone());
        outside.input(Input::SeatTouched(CLAUDE));
        assert_eq!(outside.view.providers[0].live, None, "{stale:?}");
        outside.shown = None;
        let answer = outside.ask(Request::Swap { to: outside.id("b") });
        assert!(matches!(answer, Answer::Swapped(_)), "{stale:?}: {answer:?}");
    }
    // The keychain was unlocked, and the account that was live is not any more.
    let mut outside = Outside::pair("advise");
    outside.seat = Some("b".to_owned());
    let answer = outside.ask(Request::Remove { account: outside.id("a") });
    assert_eq!(answer, Answer::Done);
}

#[test]
fn a_login_of_another_kind_is_left_alone_and_nobody_is_advised() {
    for mode in ["advise", "auto"] {
        let mut outside = Outside::pair(mode);
        outside.shown = Some(SeatReport::Foreign("The file holds an API key. Sign in.".to_owned()));
        outside.input(Input::SeatTouched(CLAUDE));
        outside.advance(6 * 3_600);
        assert_eq!(outside.swaps().len(), 0, "{mode}");
        assert_eq!(outside.view.providers[0].advice, None, "{mode}");
        assert_eq!(outside.view.providers[0].live, None, "{mode}");
        assert_eq!(outside.view.needs_you[0].code, Need::ForeignLogin);
        assert_eq!(code(&outside.ask(Request::Swap { to: outside.id("b") })), Code::ObserveOnly);
        let added = outside.ask(Request::Add { provider: CLAUDE, label: None });
        assert_eq!(code(&added), Code::ForeignLogin);
        // Nobody uses the kept logins there, so they are kept from ending.
        let from = outside.now.wall;
        outside.advance(10 * 3_600);
        let renewed = |effect: &&Effect| matches!(effect, Effect::Refresh { .. });
        assert!(outside.since(from).any(|effect| renewed(&effect)), "{mode}");
    }
}

#[test]
fn a_login_that_has_no_effect_is_told_with_the_swap() {
    let mut outside = Outside::pair("advise");
    outside.caveats = vec!["ANTHROPIC_API_KEY is set in settings.json: it outranks it.".to_owned()];
    outside.ask(Request::Swap { to: outside.id("b") });
    let told = outside.told(NoticeKind::SwapDone);
    assert!(told[0].body.contains("But: ANTHROPIC_API_KEY"), "{}", told[0].body);
}

#[test]
fn the_live_account_is_not_removed_and_a_parked_one_is() {
    let mut outside = Outside::pair("advise");
    assert_eq!(code(&outside.ask(Request::Remove { account: outside.id("a") })), Code::LiveAccount);
    assert_eq!(
        code(&outside.ask(Request::Remove { account: AccountId(99) })),
        Code::UnknownAccount
    );
    assert_eq!(outside.ask(Request::Remove { account: outside.id("b") }), Answer::Done);
    assert_eq!(outside.view.accounts.len(), 1);
}

#[test]
fn names_and_order_are_checked() {
    let mut outside = Outside::pair("advise");
    let (a, b) = (outside.id("a"), outside.id("b"));
    for label in ["", "   ", "two\nlines", &"x".repeat(51)] {
        let label = label.to_owned();
        assert_eq!(code(&outside.ask(Request::Rename { account: a, label })), Code::Invalid);
    }
    assert_eq!(
        outside.ask(Request::Rename { account: a, label: " Work ".to_owned() }),
        Answer::Done
    );
    for order in [vec![a], vec![a, a], vec![a, b, AccountId(9)]] {
        assert_eq!(code(&outside.ask(Request::Reorder { accounts: order })), Code::Invalid);
    }
    assert_eq!(outside.ask(Request::Reorder { accounts: vec![b, a] }), Answer::Done);
    let labels: Vec<_> =
        outside.view.accounts.iter().map(|account| account.label.as_str()).collect();
    assert_eq!(labels, ["B", "Work"]);
}

#[test]
fn a_snoozed_cause_stays_silent_and_comes_back() {
    let mut outside = Outside::pair("advise");
    outside.advance(1_200);
    assert_eq!(outside.told(NoticeKind::Advice).len(), 1);
    let snooze = outside.told(NoticeKind::Advice)[0].actions[1].request.clone();
    outside.ask(snooze);
    outside.advance(2_400);
    assert_eq!(outside.told(NoticeKind::Advice).len(), 1);
    outside.advance(3_600);
    assert_eq!(outside.told(NoticeKind::Advice).len(), 2);
    let late = outside.told(NoticeKind::Advice)[0].actions[1].request.clone();
    assert_eq!(outside.ask(late), Answer::Done, "a button pressed late still means an hour");
}

#[test]
fn quiet_hours_hold_back_what_can_wait_and_tell_it_afterwards() {
    let mut outside = Outside::pair("advise");
    let midnight = START.plus_seconds(-3_600);
    let calendar = Calendar {
        spans: vec![(midnight, midnight.plus_seconds(86_400))],
        midnights: vec![midnight, midnight.plus_seconds(86_400)],
        weekly_hours: 119.0,
    };
    outside.input(Input::Calendar(calendar));
    outside.ask(Request::Set { key: "quiet.hours".to_owned(), value: "23:00-03:00".into() });
    outside.notices.clear();
    outside.advance(5_400);
    assert_eq!(outside.told(NoticeKind::Advice).len(), 0);
    outside.advance(3_600);
    assert_eq!(outside.told(NoticeKind::Advice).len(), 1);
    outside.advance(20 * 3_600);
    outside.notices.clear();
    outside.input(Input::Health(Health::Locked));
    assert_eq!(
        outside.told(NoticeKind::Keychain).len(),
        1,
        "what needs the person is told at night too"
    );
}

#[test]
fn a_person_waits_for_a_renewal_instead_of_being_refused() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.core.refreshes.begin(b);
    let call = outside.begin(Request::Swap { to: b });
    assert!(!outside.answers.contains_key(&call));
    let kept = outside.kept();
    outside.input(Input::Refreshed { account: b, report: RefreshReport::Kept(kept) });
    assert!(matches!(outside.answers.get(&call), Some(Answer::Swapped(_))));
}

#[test]
fn what_was_about_to_expire_is_not_told_of_the_week_after() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.usage.insert(b, (0.0, 20.0, 6));
    outside.advance(3_600);
    let told = outside.told(NoticeKind::Drain).len();
    assert_eq!(told, 1, "most of its week is about to be lost");
    // Nobody is signed in, so no lane decides; the readings go on over the reset.
    outside.seat = None;
    outside.input(Input::SeatTouched(CLAUDE));
    outside.usage.insert(b, (0.0, 0.0, 6 + 7 * 24));
    outside.advance(8 * 3_600);
    let week = outside.core.world.account(b).unwrap().usage.long();
    assert!(week.resets_at.unwrap() > outside.now.wall.plus_seconds(6 * 86_400), "it was read");
    assert_eq!(
        outside.told(NoticeKind::Drain).len(),
        told,
        "{:?}",
        outside.told(NoticeKind::Drain)
    );
}

#[test]
fn a_person_who_signed_out_is_advised_and_not_signed_in_again() {
    let mut outside = Outside::pair("auto");
    outside.usage.insert(outside.id("b"), (0.0, 95.0, 6 * 24));
    outside.ask(Request::Refresh { account: None });
    outside.advance(60);
    outside.usage.insert(outside.id("b"), (0.0, 20.0, 20));
    let before = outside.swaps().len();
    outside.seat = None;
    outside.input(Input::SeatTouched(CLAUDE));
    outside.advance(6 * 3_600);
    assert_eq!(outside.swaps().len(), before);
    let advice = outside.told(NoticeKind::Advice);
    assert_eq!(advice.len(), 1, "told once: {advice:?}");
    assert_eq!(advice[0].actions[0].request, Request::Swap { to: outside.id("b") });
    assert!(advice[0].body.contains("seat is empty"), "{}", advice[0].body);
    let answer = outside.ask(Request::Swap { to: outside.id("b") });
    assert!(matches!(answer, Answer::Swapped(_)), "{answer:?}");
    assert_eq!(outside.view.providers[0].live, Some(outside.id("b")));
    assert_eq!(outside.view.providers[0].advice, None);
}

#[test]
fn a_seat_emptied_after_its_login_was_refused_is_filled_in_auto_only() {
    for (mode, swaps) in [("auto", 1), ("advise", 0)] {
        let mut outside = Outside::pair(mode);
        let (a, b) = (outside.id("a"), outside.id("b"));
        outside.core.set_login(a, Login::NeedsSignIn);
        outside.seat = None;
        outside.input(Input::SeatTouched(CLAUDE));
        outside.advance(50);
        assert_eq!(outside.swaps().len(), 0, "a person may sign in at once");
        outside.advance(60);
        assert_eq!(outside.swaps().len(), swaps, "{mode}");
        if swaps == 1 {
            let order = outside.swaps()[0].clone();
            assert_eq!((order.from.clone(), order.to.0, order.by_person()), (None, b, false));
            assert!(order.reason.contains("seat is empty"), "{}", order.reason);
            assert_eq!((order.asked_by, order.decision), (AskedBy::Driver, outside.decision));
            assert!(outside.decision.is_some(), "it is decided, too");
            assert_eq!(outside.view.providers[0].live, Some(b));
        }
    }
}

#[test]
fn an_empty_seat_that_cannot_be_filled_is_tried_once_and_then_advised() {
    let mut outside = Outside::pair("auto");
    outside.core.set_login(outside.id("a"), Login::NeedsSignIn);
    outside.swap_error = Some(SwapReport::Failed {
        row: None,
        trouble: PortError::new(Code::File, "The disk is full."),
    });
    outside.seat = None;
    outside.input(Input::SeatTouched(CLAUDE));
    outside.advance(2 * 3_600);
    assert_eq!(outside.swaps().len(), 1);
    assert_eq!(outside.told(NoticeKind::Advice).len(), 1);
}

#[test]
fn a_decision_that_was_overtaken_is_not_shown_as_true() {
    let mut outside = Outside::pair("advise");
    outside.advance(900);
    let said = |outside: &Outside| {
        outside.view.last_decision.as_ref().map(|last| (last.action, last.active))
    };
    let live = outside.view.providers[0].live;
    assert_eq!(said(&outside).map(|(_, active)| active), Some(live));
    // Somebody signs in with the tool itself: what was decided about the other one is over.
    outside.sign_in("b");
    outside.ask(Request::Status);
    let now_live = outside.view.providers[0].live;
    assert_ne!(now_live, live);
    assert!(said(&outside).is_none_or(|(_, active)| active == now_live), "{:?}", said(&outside));
    outside.ask(Request::Stop);
    assert_eq!(said(&outside), None, "nothing is decided while everything is stopped");
    // A swap that did not happen: nobody took over.
    let mut outside = Outside::pair("auto");
    let trouble = PortError::new(Code::File, "The disk is full.");
    outside.swap_error = Some(SwapReport::Failed { row: Some(1), trouble });
    let mut minutes = 0;
    while outside.swaps().is_empty() {
        outside.advance(60);
        minutes += 1;
        assert!(minutes < 600, "it swaps at some time");
    }
    assert_eq!(outside.view.providers[0].live, Some(outside.id("a")));
    assert_ne!(said(&outside).map(|(action, _)| action), Some(DecisionAction::Swap));
}

#[test]
fn a_window_past_its_reset_is_shown_empty_without_another_reading() {
    let mut outside = Outside::pair("advise");
    let (a, b) = (outside.id("a"), outside.id("b"));
    for id in [a, b] {
        outside.usage.insert(id, (80.0, 60.0, 2));
    }
    outside.ask(Request::Refresh { account: None });
    outside.advance(600);
    let shown = |outside: &Outside, id| {
        let account = outside.view.accounts.iter().find(|account| account.id == id).unwrap();
        let week = account.window(&WindowKind::SevenDay).unwrap();
        (week.used, week.emptied_at_ms.is_some())
    };
    assert_eq!(shown(&outside, b), (Some(60.0), false));
    for id in [a, b] {
        outside.poll_error.insert(id, PollError::Late);
    }
    outside.advance(3 * 3_600);
    for id in [a, b] {
        assert_eq!(shown(&outside, id), (Some(0.0), true), "published anew, and not read since");
    }
}
