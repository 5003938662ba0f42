//! Swaps that wait for the end of a turn, on a simulated clock.

use super::reports::{limit, told};
use super::*;

/// A pair in which the loop has decided on a swap of its own accord while a turn goes on.
fn waiting() -> Outside {
    let mut outside = Outside::pair("auto");
    outside.mid_turn = true;
    for _ in 0..3_600 {
        outside.advance(1);
        if outside.view.providers[0].after_turn.is_some() {
            return outside;
        }
    }
    panic!("no swap was decided within an hour");
}

#[test]
fn a_swap_of_its_own_accord_waits_for_the_end_of_the_turn() {
    let mut outside = waiting();
    outside.advance(60);
    assert_eq!(outside.swaps().len(), 0, "the turn goes on");
    outside.mid_turn = false;
    outside.advance(2);
    assert_eq!(outside.swaps().len(), 1, "looked for every two seconds");
    assert_eq!(outside.view.providers[0].after_turn, None);
}

#[test]
fn a_hook_that_tells_of_the_end_ends_the_wait_at_once() {
    let mut outside = waiting();
    outside.mid_turn = false;
    assert_eq!(outside.ask(Request::LookAtRuns), Answer::Done);
    assert_eq!(outside.swaps().len(), 1);
}

#[test]
fn the_wait_is_bounded_by_the_setting() {
    for (bound, wish) in [(120, None), (30, Some(30))] {
        let mut outside = Outside::pair("auto");
        if let Some(seconds) = wish {
            let request =
                Request::Set { key: "turn_wait_seconds".to_owned(), value: seconds.into() };
            assert_eq!(outside.ask(request), Answer::Done);
        }
        outside.mid_turn = true;
        let mut since = None;
        for _ in 0..3_600 {
            outside.advance(1);
            if since.is_none() && outside.view.providers[0].after_turn.is_some() {
                since = Some(outside.now.wall);
            }
            if !outside.swaps().is_empty() {
                break;
            }
        }
        let waited = outside.now.wall.seconds_since(since.expect("it waited"));
        assert!((f64::from(bound) - 2.0..=f64::from(bound)).contains(&waited), "{waited} s");
    }
}

#[test]
fn nothing_waits_when_nobody_is_in_a_turn_or_the_wait_is_switched_off() {
    let mut outside = Outside::pair("auto");
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 1);

    let mut outside = Outside::pair("auto");
    outside.ask(Request::Set { key: "turn_wait_seconds".to_owned(), value: 0.into() });
    outside.mid_turn = true;
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 1);
}

#[test]
fn a_forced_departure_does_not_wait() {
    let mut outside = waiting();
    let generation = outside.core.world.lanes[0].generation.0;
    let failure = limit(&outside, "a", generation, 0);
    let Answer::Reported(told) = told(&mut outside, failure) else { panic!("no report") };
    assert_eq!(told.outcome, ReportOutcome::Ordered);
    assert_eq!(outside.swaps().len(), 1);
    assert_eq!(outside.view.providers[0].after_turn, None);
}

#[test]
fn a_person_does_not_wait_and_what_waited_is_forgotten() {
    let mut outside = waiting();
    let b = outside.id("b");
    assert!(matches!(outside.ask(Request::Swap { to: b }), Answer::Swapped(_)));
    outside.mid_turn = false;
    outside.advance(300);
    assert_eq!(outside.swaps().len(), 1);
}

#[test]
fn who_switches_automatic_swaps_off_meanwhile_is_obeyed() {
    let mut outside = waiting();
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Advise });
    outside.mid_turn = false;
    outside.advance(600);
    assert_eq!(outside.swaps().len(), 0);
}
