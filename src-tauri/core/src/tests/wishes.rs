//! What somebody waits for ends, whatever hangs; and no login goes live that was not proven.

use super::*;

fn refused_at(outside: &mut Outside, call: CallId, seconds: i64) -> (Code, i64) {
    let from = outside.now.wall;
    for _ in 0..seconds {
        outside.advance(1);
        if let Some(answer) = outside.answers.get(&call) {
            let after = outside.now.wall.seconds_since(from) as i64;
            return (code(answer), after);
        }
    }
    panic!("no answer within {seconds} s");
}

#[test]
fn each_wish_ends_by_its_own_bound_and_the_row_leaves_its_state() {
    for (what, bound, expected) in [
        ("renew", 45, Code::RefreshTimeout),
        ("read", 60, Code::RefreshTimeout),
        ("validate", 60, Code::ValidateTimeout),
    ] {
        let mut outside = Outside::pair("advise");
        let b = outside.id("b");
        outside.advance(600);
        outside.hung.insert(b);
        let call = outside.begin(match what {
            "renew" => Request::Renew { account: b },
            "read" => Request::ReadUsage { account: b },
            _ => Request::Validate { account: b },
        });
        assert!(!outside.answers.contains_key(&call), "{what}");
        let (code, after) = refused_at(&mut outside, call, 120);
        assert_eq!((code, after), (expected, bound), "{what}");
        let row = outside.view.accounts.iter().find(|account| account.id == b).unwrap();
        assert!(!row.refreshing, "{what}: the row is still being read");
        if what == "validate" {
            assert_eq!(row.login, Login::Unverified, "nothing is known of it now");
        }
        if what != "renew" {
            assert!(row.problem.as_ref().unwrap().contains("60 seconds"), "{:?}", row.problem);
        }
    }
}

#[test]
fn wishes_that_are_answered_tell_what_they_learnt() {
    let mut outside = Outside::pair("advise");
    let (a, b) = (outside.id("a"), outside.id("b"));
    outside.advance(600);
    let Answer::Login(told) = outside.ask(Request::Renew { account: b }) else { panic!("renewed") };
    assert_eq!(told.account, b);
    assert!(told.health.proven_at_ms.is_some() && told.health.access_ends_at_ms.is_some());
    assert_eq!(code(&outside.ask(Request::Renew { account: b })), Code::Cooldown);
    assert_eq!(code(&outside.ask(Request::Renew { account: a })), Code::InUse);
    for request in [Request::Validate { account: a }, Request::ReadUsage { account: b }] {
        let call = outside.begin(request);
        outside.advance(59);
        assert!(matches!(outside.answers.get(&call), Some(Answer::Login(_))));
    }
    assert_eq!(
        code(&outside.ask(Request::Validate { account: AccountId(99) })),
        Code::UnknownAccount
    );
    outside.ask(Request::Stop);
    assert_eq!(code(&outside.ask(Request::ReadUsage { account: b })), Code::Stopped);
}

#[test]
fn a_reading_is_answered_once_the_ledger_has_it() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.advance(600);
    for request in [Request::ReadUsage { account: b }, Request::Validate { account: b }] {
        outside.unkept = Some(Vec::new());
        let call = outside.begin(request);
        outside.advance(40);
        assert!(!outside.answers.contains_key(&call), "the ledger has nothing to read back yet");
        let kept = outside.unkept.take().unwrap();
        assert!(!kept.is_empty());
        kept.into_iter().for_each(|stored| outside.input(stored));
        assert!(matches!(outside.answers.get(&call), Some(Answer::Login(_))));
    }
    outside.unkept = Some(Vec::new());
    let call = outside.begin(Request::ReadAll);
    outside.advance(40);
    assert!(!outside.answers.contains_key(&call));
    let kept = outside.unkept.take().unwrap();
    kept.into_iter().for_each(|stored| outside.input(stored));
    assert!(matches!(outside.answers.get(&call), Some(Answer::Bulk(all)) if all.read == 2));
}

#[test]
fn a_check_renews_what_the_provider_refuses_once_and_then_says_so() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.advance(600);
    outside.poll_error.insert(b, PollError::Read(ReadError::TokenRefused));
    outside.refresh_error = Some(RefreshReport::NeedsSignIn("the provider refused it".to_owned()));
    let call = outside.begin(Request::Validate { account: b });
    let (told, _) = refused_at(&mut outside, call, 61);
    assert_eq!(told, Code::NotSignedIn);
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::NeedsSignIn);
    // A refused exchange is not repeated, neither by wish nor by itself.
    let from = outside.now.wall;
    assert_eq!(code(&outside.ask(Request::Renew { account: b })), Code::NotSignedIn);
    outside.advance(2 * 86_400);
    assert_eq!(outside.since(from).filter(|e| matches!(e, Effect::Refresh { .. })).count(), 0);
}

#[test]
fn an_account_called_signed_out_on_hearsay_is_healed_by_a_real_exchange() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.core.needs_sign_in(b, "a tool said so", outside.now);
    outside.advance(1_800);
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::NeedsSignIn);
    let from = outside.now.wall;
    outside.advance(3_600);
    assert!(
        outside.since(from).any(|e| matches!(e, Effect::Refresh { account, .. } if *account == b))
    );
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::Valid);
}

#[test]
fn every_account_is_read_with_progress_one_pass_at_a_time() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.advance(600);
    outside.hung.insert(b);
    let call = outside.begin(Request::ReadAll);
    outside.advance(3);
    let bulk = outside.view.bulk.expect("progress");
    assert_eq!((bulk.total, bulk.read, bulk.failed), (2, 1, 0));
    assert_eq!(code(&outside.ask(Request::ReadAll)), Code::RefreshInProgress);
    let from = outside.now.wall;
    while !outside.answers.contains_key(&call) {
        outside.advance(1);
        assert!(outside.now.wall.seconds_since(from) <= 300.0, "it locks for ever");
    }
    let Some(Answer::Bulk(bulk)) = outside.answers.remove(&call) else { panic!("no account") };
    assert_eq!((bulk.total, bulk.read, bulk.throttled, bulk.failed), (2, 1, 0, 1));
    assert_eq!(outside.view.bulk, None, "the lock is free");
    let Answer::Bulk(again) = outside.ask(Request::ReadAll) else { panic!("no account") };
    assert_eq!((again.read, again.throttled), (0, 2), "two passes in a row are one");
    outside.hung.clear();
    outside.advance(60);
    let call = outside.begin(Request::ReadAll);
    outside.advance(60);
    let Some(Answer::Bulk(third)) = outside.answers.remove(&call) else { panic!("no account") };
    assert_eq!((third.read, third.failed), (2, 0));
}

#[test]
fn what_hangs_keeps_no_button_locked_for_more_than_four_minutes() {
    let mut outside = Outside::pair("advise");
    let (a, b) = (outside.id("a"), outside.id("b"));
    outside.advance(600);
    outside.hung.extend([a, b]);
    outside.advance(600);
    let from = outside.now.wall;
    assert!(outside.view.accounts.iter().any(|account| account.id == a && account.refreshing));
    let is_refreshing = |outside: &Outside| outside.core.refreshes.is_busy_with(b);
    outside.core.refresh(b);
    assert!(is_refreshing(&outside));
    let effects = outside.core.effects.take();
    outside.settle(effects);
    outside.advance(239);
    assert!(is_refreshing(&outside));
    outside.advance(2);
    assert!(!is_refreshing(&outside));
    outside.advance(600);
    assert!(outside.polls(from).iter().any(|(_, account)| *account == a), "it is read again");
}

#[test]
fn a_target_not_proven_lately_is_asked_about_before_the_seat_is_touched() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.advance(600);
    outside.core.profiles.note_proof(b, Utc::from_seconds(0));
    let from = outside.now.wall;
    assert!(matches!(outside.ask(Request::Swap { to: b }), Answer::Swapped(_)));
    let order: Vec<&str> = outside
        .since(from)
        .filter_map(|effect| match effect {
            Effect::Poll { account, .. } if *account == b => Some("asked"),
            Effect::Swap(_) => Some("swapped"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["asked", "swapped"]);
}

#[test]
fn a_target_whose_login_is_refused_never_reaches_the_seat() {
    for by_person in [true, false] {
        let mut outside = Outside::pair(if by_person { "advise" } else { "auto" });
        let b = outside.id("b");
        outside.poll_error.insert(b, PollError::Read(ReadError::TokenRefused));
        outside.refresh_error = Some(RefreshReport::NeedsSignIn("refused".to_owned()));
        outside.core.profiles.note_proof(b, Utc::from_seconds(0));
        let before = outside.swaps().len();
        if by_person {
            outside.advance(60);
            assert_eq!(code(&outside.ask(Request::Swap { to: b })), Code::NotSignedIn);
        } else {
            outside.usage.insert(outside.id("a"), (95.0, 30.0, 6 * 24));
            outside.advance(3_600);
        }
        assert_eq!(outside.swaps().len(), before, "by a person: {by_person}");
        assert_eq!(outside.view.providers[0].live, Some(outside.id("a")));
        assert!(outside.view.needs_you.iter().any(|need| need.account == Some(b)));
    }
}

#[test]
fn a_proof_that_hangs_is_waited_for_twenty_seconds_and_a_login_taken_before_goes_live() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.advance(600);
    outside.hung.insert(b);
    outside.core.profiles.note_proof(b, Utc::from_seconds(0));
    let call = outside.begin(Request::Swap { to: b });
    assert_eq!(outside.view.swapping.map(|swapping| swapping.to), Some(b));
    assert_eq!(code(&outside.ask(Request::Swap { to: b })), Code::Busy);
    outside.advance(19);
    assert!(!outside.answers.contains_key(&call));
    outside.advance(2);
    assert!(matches!(outside.answers.get(&call), Some(Answer::Swapped(_))));
}

#[test]
fn a_401_of_the_provider_during_a_renewal_waits_for_it_and_asks_for_no_second_one() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    outside.advance(3_500);
    outside.hung.insert(b);
    outside.core.refresh(b);
    let effects = outside.core.effects.take();
    outside.settle(effects);
    let refused = Input::Polled {
        account: b,
        holder: Holder::Account(b),
        result: Err(PollError::Read(ReadError::TokenRefused)),
    };
    let from = outside.now.wall.plus_seconds(1);
    outside.input(refused);
    outside.advance(200);
    let begun = outside.since(from).filter(|e| matches!(e, Effect::Refresh { .. })).count();
    assert_eq!(begun, 0, "one renewal at a time");
    outside.hung.clear();
    let kept = outside.kept();
    outside.input(Input::Refreshed { account: b, report: RefreshReport::Kept(kept) });
    outside.advance(400);
    assert_eq!(outside.core.world.account(b).unwrap().login, Login::Valid);
    assert!(outside.view.accounts.iter().all(|account| account.problem.is_none()));
}

#[test]
fn the_end_of_a_login_is_told_at_seven_three_and_one_day_once_each_also_over_a_restart() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    let ends = outside.now.wall.plus_seconds(9 * 86_400);
    let kept = outside.core.profiles.kept(b).unwrap();
    outside.core.profiles.keep(b, Kept { login_ends_at: Some(ends), ..kept });
    for (days, told, warn) in
        [(1, 0, None), (2, 1, Some(7)), (3, 1, Some(7)), (4, 2, Some(3)), (5, 3, Some(1))]
    {
        // Two days less at each step: 8, 6, 4, 2 and 1 (less an hour) are left.
        let left = [8 * 24, 6 * 24, 4 * 24, 2 * 24, 23][days - 1];
        let to = ends.plus_seconds(-(left * 3_600));
        outside.advance(to.seconds_since(outside.now.wall) as i64);
        let row = outside.view.accounts.iter().find(|account| account.id == b).unwrap();
        assert_eq!(row.login_health.warn_days, warn, "{left} hours left");
        let count = outside.told(NoticeKind::LoginEnds).len();
        assert_eq!(count, told, "{left} hours left: {:?}", outside.told(NoticeKind::LoginEnds));
    }
    let silenced: BTreeMap<Cause, Utc> = outside
        .done
        .iter()
        .filter_map(|(_, effect)| match effect {
            Effect::Store { record, .. } => match &**record {
                Record::Snooze { cause, until } => Some((cause.clone(), *until)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let mut loaded = outside.reload();
    loaded.snoozed = silenced;
    let (now, seat) = (outside.now, outside.seat.clone());
    let mut again = Outside::load(Loaded { lanes: vec![lane()], ..Loaded::default() }, None);
    let (core, effects) = Core::new(loaded, &[], Options { offline: false, seed: 7 }, now);
    (again.core, again.now, again.seat) = (core, now, seat);
    again.notices.clear();
    again.settle(effects);
    again.advance(3_600);
    assert_eq!(again.told(NoticeKind::LoginEnds).len(), 0, "told once already");
}

#[test]
fn the_age_of_a_login_counts_from_its_sign_in_and_not_from_its_rotations() {
    let mut outside = Outside::pair("advise");
    let since = |outside: &Outside| outside.view.accounts[0].login_health.since_ms.unwrap();
    let first = since(&outside);
    outside.advance(86_400);
    outside.rotation += 1;
    outside.input(Input::SeatTouched(CLAUDE));
    assert_eq!(since(&outside), first, "a rotation is the same sign-in");
    let ends = Some(outside.now.wall.plus_seconds(28 * 86_400));
    let kept = Kept { login_ends_at: ends, ..outside.kept() };
    let a = outside.id("a");
    outside.input(Input::Captured { provider: CLAUDE, account: a, result: Ok(kept) });
    let same = Kept { login_ends_at: ends.map(|at| at.plus_seconds(86_400)), ..kept };
    outside.input(Input::Captured { provider: CLAUDE, account: a, result: Ok(same) });
    assert!(since(&outside) > first, "another end is another sign-in");
}

#[test]
fn a_login_that_lies_elsewhere_too_is_told_until_it_is_gone() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    let shared =
        crate::ports::SharedLogin { account: b, also_in: "~/other".to_owned(), linked: false };
    outside.input(Input::SharedLogins(vec![shared.clone()]));
    outside.input(Input::SharedLogins(vec![shared]));
    let row = |outside: &Outside| {
        outside.view.accounts.iter().find(|account| account.id == b).unwrap().clone()
    };
    assert_eq!(row(&outside).login_health.also_in.as_deref(), Some("~/other"));
    let told = outside.notices.iter().filter(|n| matches!(n.cause, Cause::SharedLogin(_))).count();
    assert_eq!(told, 1);
    assert!(outside.view.needs_you.iter().any(|need| need.code == Need::SharedLogin));
    outside.input(Input::SharedLogins(Vec::new()));
    assert_eq!(row(&outside).login_health.also_in, None);
    assert!(outside.view.needs_you.iter().all(|need| need.code != Need::SharedLogin));
}

#[test]
fn a_swap_that_could_not_be_settled_is_looked_at_again_and_after_a_sleep() {
    for by_sleep in [false, true] {
        let mut outside = Outside::pair("auto");
        outside.swap_error =
            Some(SwapReport::Stuck { row: Some(1), text: "The disk is full.".to_owned() });
        outside.advance(1_200);
        assert_eq!(outside.swaps().len(), 1);
        assert!(outside.view.providers[0].observe_only.is_some());
        outside.swap_error = None;
        outside.core.swaps.recover_later(outside.now.wall);
        outside.recovered = vec![crate::ports::Recovered {
            lane: LANE,
            committed: None,
            stuck: false,
            settled: true,
            text: "The last swap was undone.".to_owned(),
        }];
        if by_sleep {
            outside.input(Input::Jump(Jump::Woke { missed_ms: 1_000, set_ms: 0 }));
        } else {
            outside.advance(301);
        }
        assert_eq!(outside.view.providers[0].observe_only, None, "by sleep: {by_sleep}");
        assert!(outside.view.needs_you.is_empty());
    }
}

#[test]
fn an_unsettled_recovery_is_tried_until_it_is_settled() {
    let mut outside = Outside::pair("advise");
    let unsettled = crate::ports::Recovered {
        lane: LANE,
        committed: None,
        stuck: true,
        settled: false,
        text: "The disk is full.".to_owned(),
    };
    outside.input(Input::Recovered(Ok(vec![unsettled])));
    let from = outside.now.wall;
    outside.advance(310);
    assert_eq!(outside.since(from).filter(|e| matches!(e, Effect::Recover)).count(), 1);
    outside.advance(3_600);
    assert_eq!(outside.since(from).filter(|e| matches!(e, Effect::Recover)).count(), 1);
    // One that did not even answer is asked again.
    outside.input(Input::Recovered(Err(PortError::new(Code::Busy, "It does not answer."))));
    outside.advance(310);
    assert_eq!(outside.since(from).filter(|e| matches!(e, Effect::Recover)).count(), 2);
}

#[test]
fn a_login_file_that_is_a_link_is_told_as_one() {
    let mut outside = Outside::pair("advise");
    let (account, also_in) = (outside.id("b"), "/other/store.json".to_owned());
    let shared = crate::ports::SharedLogin { account, also_in, linked: true };
    outside.input(Input::SharedLogins(vec![shared]));
    let need = outside.view.needs_you.iter().find(|need| need.code == Need::SharedLogin).unwrap();
    assert!(need.text.contains("is a link to /other/store.json"), "{}", need.text);
    let row = outside.view.accounts.iter().find(|row| row.id == account).unwrap();
    assert_eq!(row.login_health.also_in.as_deref(), Some("/other/store.json"));
}
