//! The ledger owns a lane's generation and gates; the core reads them back.

use super::*;
use crate::ports::Recovered;

/// The last thing that was handed to the ledger and is like this.
fn last_store(outside: &Outside, like: fn(&Record) -> bool) -> (Record, AfterStore) {
    let found = outside.done.iter().rev().find_map(|(_, effect)| match effect {
        Effect::Store { record, then } if like(record) => Some(((**record).clone(), then.clone())),
        _ => None,
    });
    found.expect("such a record")
}

/// A swap by a person that custody has not answered yet.
fn hanging_swap(outside: &mut Outside, key: &str) -> SwapOrder {
    outside.swaps_hang = true;
    let to = outside.id(key);
    outside.begin(Request::Swap { to });
    outside.swaps_hang = false;
    outside.swaps().last().copied().expect("an order").clone()
}

#[test]
fn after_a_swap_the_lane_is_what_the_ledger_says() {
    let mut outside = Outside::pair("auto");
    while outside.swaps().is_empty() {
        outside.advance(1);
    }
    let (lane, ledger) = (&outside.core.world.lanes[0], &outside.lane);
    assert_eq!((lane.active, lane.generation), (ledger.active, ledger.generation));
    assert_eq!(lane.gates.last_committed, ledger.gates.last_committed);
    assert!(lane.gates.last_committed.is_some());
}

#[test]
fn a_settled_swap_is_not_written_a_second_time() {
    let mut outside = Outside::pair("advise");
    let order = hanging_swap(&mut outside, "b");
    let before = outside.done.len();
    let report = outside.swap(&order);
    let effects = outside.core.handle(Input::Swapped(report), outside.now);
    let writes = |effect: &&Effect| match effect {
        Effect::Store { record, .. } => {
            matches!(**record, Record::Gates { .. } | Record::Found { .. })
        }
        _ => false,
    };
    let decided = effects.iter().position(|effect| match effect {
        Effect::Store { record, .. } => matches!(**record, Record::Decision { .. }),
        _ => false,
    });
    // A decision of its own writes its gates a moment before itself.
    let own = usize::from(decided.is_some());
    assert_eq!(effects.iter().filter(writes).count(), own, "{effects:?}");
    assert_eq!(outside.done.len(), before);
}

#[test]
fn a_pause_while_a_swap_is_carried_out_holds() {
    for to_pause in [true, false] {
        let mut outside = Outside::pair("advise");
        let far = outside.now.wall.plus_seconds(9 * 3_600);
        if !to_pause {
            outside.ask(Request::Pause { provider: None, until_ms: far.millis() });
        }
        let order = hanging_swap(&mut outside, "b");
        let report = outside.swap(&order);
        let wish = match to_pause {
            true => Request::Pause { provider: None, until_ms: far.millis() },
            false => Request::Resume { provider: None },
        };
        assert_eq!(outside.ask(wish), Answer::Done, "settled, and not yet told of");
        outside.input(Input::Swapped(report));
        let protected = Some(outside.now.wall.plus_seconds(outside.core.world.protect_s()));
        let rests = if to_pause { Some(far) } else { protected };
        assert_eq!(outside.core.world.lanes[0].gates.paused_until, rests);
        assert_eq!(outside.lane.gates.paused_until, rests, "the ledger knows, too");
    }
}

#[test]
fn a_lane_that_moved_on_in_the_ledger_is_not_swapped() {
    let mut outside = Outside::pair("advise");
    outside.lane.generation.0 += 1;
    let b = outside.id("b");
    let answer = outside.ask(Request::Swap { to: b });
    assert_eq!(code(&answer), Code::Stale, "{answer:?}");
    assert_eq!(outside.view.providers[0].live, Some(outside.id("a")));
    let answer = outside.ask(Request::Swap { to: b });
    assert!(matches!(answer, Answer::Swapped(_)), "its generation was read back: {answer:?}");
}

#[test]
fn a_swap_waits_until_the_ledger_knows_who_is_in_the_seat() {
    let mut outside = Outside::pair("advise");
    outside.finds_hang = true;
    outside.sign_in("b");
    let a = outside.id("a");
    let before = outside.swaps().len();
    let call = outside.begin(Request::Swap { to: a });
    assert_eq!(outside.swaps().len(), before, "under which generation is not known yet");
    outside.finds_hang = false;
    let (record, then) = last_store(&outside, |record| matches!(record, Record::Found { .. }));
    let row = outside.record(&record);
    outside.input(Input::Stored { then, result: Ok(row) });
    assert!(matches!(outside.answers.remove(&call), Some(Answer::Swapped(_))));
}

#[test]
fn what_the_ledger_could_not_write_is_told_it_again() {
    let mut outside = Outside::pair("auto");
    outside.finds_hang = true;
    outside.sign_in("b");
    let (_, then) = last_store(&outside, |record| matches!(record, Record::Found { .. }));
    let before = outside.lane.generation;
    outside.input(Input::Stored { then, result: Err(PortError::new(Code::Disk, "It is full.")) });
    outside.finds_hang = false;
    outside.advance(900);
    assert_eq!(outside.lane.active, outside.view.providers[0].live);
    assert!(outside.lane.generation > before);
    assert_eq!(outside.core.world.lanes[0].generation, outside.lane.generation);
}

#[test]
fn a_swap_that_was_not_settled_is_left_to_recovery() {
    let mut outside = Outside::pair("advise");
    let order = hanging_swap(&mut outside, "b");
    let SwapReport::Committed { row, lingering, caveats, settled } = outside.swap(&order) else {
        panic!("it commits")
    };
    let recovered = Recovered {
        lane: LANE,
        committed: settled.map(|settled| *settled),
        stuck: false,
        settled: true,
        text: String::new(),
    };
    outside.recovered = vec![recovered];
    let from = outside.now.wall;
    outside.input(Input::Swapped(SwapReport::Committed { row, settled: None, lingering, caveats }));
    assert_eq!(outside.since(from).filter(|e| matches!(e, Effect::Recover)).count(), 1);
    let lane = &outside.core.world.lanes[0];
    assert_eq!((lane.active, lane.generation), (outside.lane.active, outside.lane.generation));
    assert_eq!(outside.view.providers[0].live, Some(outside.id("b")));
}
