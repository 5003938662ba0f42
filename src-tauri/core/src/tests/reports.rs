//! Reports of tools against the live account: one generation is left once.

use super::*;
use crate::ports::{RunReply, ToolFailure};
use sluice_engine::WindowKind;
use sluice_engine::skip::{FailureKind, Softer};

/// A failure as the thread of runs hands it to the loop after it has remembered it.
pub(super) fn told(outside: &mut Outside, told: ToolFailure) -> Answer {
    outside.calls += 1;
    let call = CallId(outside.calls);
    outside.input(Input::RunReply { call, reply: RunReply::Live(told) });
    outside.answers.remove(&call).expect("an answer")
}

pub(super) fn limit(outside: &Outside, name: &str, generation: u64, ago_s: i64) -> ToolFailure {
    ToolFailure {
        account: outside.id(name),
        generation: Generation(generation),
        kind: FailureKind::RateLimit,
        window: Some(WindowKind::FiveHour),
        failed_at: outside.now.wall.plus_seconds(-ago_s),
        resets_at: Some(outside.now.wall.plus_seconds(3_600)),
        softer: None,
    }
}

fn report(outside: &mut Outside, name: &str, generation: u64, ago_s: i64) -> Answer {
    let failure = limit(outside, name, generation, ago_s);
    told(outside, failure)
}

fn outcome(answer: &Answer) -> (ReportOutcome, u64) {
    match answer {
        Answer::Reported(told) => (told.outcome, told.generation.0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_burst_of_reports_is_one_swap() {
    let mut outside = Outside::pair("auto");
    let live = outside.core.world.lanes[0].generation.0;
    let first = report(&mut outside, "a", live, 0);
    assert_eq!(outcome(&first).0, ReportOutcome::Ordered);
    for _ in 0..50 {
        let later = report(&mut outside, "a", live, 0);
        assert_eq!(outcome(&later), (ReportOutcome::Stale, live + 1), "nothing is chosen for it");
    }
    assert_eq!(outside.swaps().len(), 1);
    assert_eq!(outside.core.world.lanes[0].active, Some(outside.id("b")));
}

#[test]
fn what_is_old_or_of_another_generation_moves_nothing() {
    let mut outside = Outside::pair("auto");
    let live = outside.core.world.lanes[0].generation.0;
    assert_eq!(
        outcome(&report(&mut outside, "b", live, 0)).0,
        ReportOutcome::Stale,
        "not the live account"
    );
    assert_eq!(outcome(&report(&mut outside, "a", live + 1, 0)).0, ReportOutcome::Stale);
    assert_eq!(
        outcome(&report(&mut outside, "a", live, 601)).0,
        ReportOutcome::Ignored,
        "told too late"
    );
    assert_eq!(outside.swaps().len(), 0);
}

#[test]
fn modes_are_obeyed() {
    let mut outside = Outside::pair("advise");
    let live = outside.core.world.lanes[0].generation.0;
    assert_eq!(outcome(&report(&mut outside, "a", live, 0)).0, ReportOutcome::Advised);
    let mut outside = Outside::pair("off");
    let live = outside.core.world.lanes[0].generation.0;
    assert_eq!(outcome(&report(&mut outside, "a", live, 0)).0, ReportOutcome::Disabled);
    let mut outside = Outside::pair("auto");
    outside.ask(Request::Swap { to: outside.id("b") });
    let live = outside.core.world.lanes[0].generation.0;
    assert_eq!(
        outcome(&report(&mut outside, "b", live, 0)).0,
        ReportOutcome::Resting,
        "not switched off"
    );
    let unknown = ToolFailure { account: AccountId(99), ..limit(&outside, "a", live, 0) };
    assert!(matches!(told(&mut outside, unknown), Answer::Refused(_)));
    assert_eq!(outside.swaps().len(), 1, "the one that was asked for");
}

#[test]
fn a_refusal_without_a_window_is_the_one_that_ends_then() {
    for (named, expected) in [(None, "seven_day"), (Some(WindowKind::FiveHour), "five_hour")] {
        let mut outside = Outside::pair("advise");
        let live = outside.core.world.lanes[0].generation.0;
        let a = outside.id("a");
        let week = outside.core.world.account(a).and_then(|found| found.usage.long().resets_at);
        let failure =
            ToolFailure { window: named, resets_at: week, ..limit(&outside, "a", live, 0) };
        told(&mut outside, failure);
        let refusals = &outside.core.world.memory[&a].refusals;
        let windows: Vec<&str> = refusals.iter().map(|one| one.window.name()).collect();
        assert_eq!(windows, [expected]);
    }
}

/// A report of the live account A that says how its sessions go on.
fn soft(outside: &mut Outside, softer: Option<Softer>) -> ReportOutcome {
    let generation = outside.core.world.lanes[0].generation.0;
    let failure = ToolFailure { softer, ..limit(outside, "a", generation, 0) };
    outcome(&told(outside, failure)).0
}

#[test]
fn work_that_goes_on_at_low_priority_is_left_by_advice_alone() {
    let mut outside = Outside::pair("auto");
    outside.usage.insert(outside.id("a"), (100.0, 50.0, 6 * 24));
    assert_eq!(soft(&mut outside, Some(Softer::LowPriority)), ReportOutcome::Advised);
    let advised = outside.view.providers[0].advice.clone().expect("advice");
    assert_eq!(advised.to, outside.id("b"));
    let ends = "goes on at low priority for 1 h more; swapping now ends that.";
    assert!(advised.reason.contains(ends), "{}", advised.reason);
    outside.advance(3_000);
    assert_eq!(outside.swaps().len(), 0, "nor at the loop's own ticks");
    assert!(outside.view.accounts[0].rests_until_ms.is_some(), "it is no target");
    // A later refusal offers nothing.
    assert_eq!(soft(&mut outside, None), ReportOutcome::Ordered);
    assert_eq!(outside.swaps().len(), 1);
}

#[test]
fn a_grace_is_over_with_its_turn() {
    let mut outside = Outside::pair("auto");
    assert_eq!(soft(&mut outside, Some(Softer::Grace)), ReportOutcome::Advised);
    outside.advance(500);
    assert_eq!(outside.swaps().len(), 0);
    outside.advance(900);
    assert_eq!(outside.swaps().len(), 1);
}

#[test]
fn the_person_may_end_what_goes_on() {
    let mut outside = Outside::pair("auto");
    soft(&mut outside, Some(Softer::LowPriority));
    let b = outside.id("b");
    outside.ask(Request::Swap { to: b });
    assert_eq!(outside.swaps().len(), 1);
}
