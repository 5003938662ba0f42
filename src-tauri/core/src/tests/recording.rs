//! Every swap names what is behind it.

use super::reports::{limit, told};
use super::*;

#[test]
fn a_decided_swap_names_its_decision() {
    let mut outside = Outside::pair("auto");
    outside.advance(3_600);
    let (order, row) = (outside.swaps()[0].clone(), outside.decision);
    assert_eq!((order.asked_by, order.decision), (AskedBy::Driver, row));
    assert!(row.is_some());
}

#[test]
fn a_reported_failure_and_its_decision_are_both_named() {
    let mut outside = Outside::pair("auto");
    let generation = outside.core.world.lanes[0].generation.0;
    let failure = limit(&outside, "a", generation, 0);
    let Answer::Reported(told) = told(&mut outside, failure) else { panic!("no report") };
    assert_eq!(told.outcome, ReportOutcome::Ordered);
    let order = outside.swaps()[0];
    assert_eq!((order.asked_by, order.decision), (AskedBy::Report, outside.decision));
    assert!(outside.decision.is_some());
}

#[test]
fn a_person_is_named_and_no_decision() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    let Answer::Swapped(swap) = outside.ask(Request::Swap { to: b }) else { panic!("not swapped") };
    assert_eq!((swap.asked_by, swap.decision), (AskedBy::Person, None));
    assert_eq!(outside.swaps()[0].asked_by, AskedBy::Person);
}

#[test]
fn a_swap_whose_decision_cannot_be_written_says_why() {
    let mut outside = Outside::pair("auto");
    outside.unrecorded = Some(Err(PortError::new(Code::Disk, "The database: it is full.")));
    while outside.swaps().is_empty() {
        outside.advance(1);
    }
    let order = outside.swaps()[0];
    assert_eq!(order.decision, None);
    assert!(order.reason.contains("could not be written down: The database: it is full."));
}

#[test]
fn a_ledger_that_does_not_answer_ends_a_decided_swap() {
    let mut outside = Outside::pair("auto");
    outside.unrecorded = Some(Ok(()));
    while outside.core.swaps.recorded().is_none() {
        outside.advance(1);
    }
    assert!(outside.view.swapping.is_some(), "nothing else is begun meanwhile");
    outside.input(Input::Overdue(Port::Ledger));
    assert_eq!(outside.told(NoticeKind::SwapFailed).len(), 1);
    outside.advance(3_600);
    assert_eq!(outside.swaps().len(), 0);
}

#[test]
fn a_swap_that_is_not_wanted_any_more_is_not_begun() {
    let mut outside = Outside::pair("auto");
    outside.unrecorded = Some(Ok(()));
    while outside.core.swaps.recorded().is_none() {
        outside.advance(1);
    }
    outside.core.world.lanes[0].generation.0 += 1;
    outside.lane.generation.0 += 1;
    outside.unrecorded = None;
    let then = outside.done.iter().rev().find_map(|(_, effect)| match effect {
        Effect::Store { then: then @ AfterStore::Decided { .. }, .. } => Some(then.clone()),
        _ => None,
    });
    outside.input(Input::Stored { then: then.expect("a decision"), result: Ok(7) });
    assert_eq!(outside.swaps().len(), 0, "the lane is another one by now");
    assert!(outside.core.swaps.recorded().is_none());
    outside.advance(120);
    assert_eq!(outside.swaps().len(), 1, "and it is decided anew");
}
