//! The stale guard, on three accounts.
//!
//! With two accounts the skip list hides a missing guard: the only other account has just failed.
//! With three it does not: the loser of the lock would see B as the active one, take its own
//! failure of A for a failure of B, and choose again. `a02_three_accounts_two_failures` fails when
//! the guard in `src-tauri/ledger/src/moves.rs` is taken out, which this does and undoes. (The
//! journal's own compare-and-set then still refuses to move the lane on to C, with an error instead
//! of an answer; the two lines of defence do not know of each other.)
//!
//! ```sh
//! cp src-tauri/ledger/src/moves.rs /tmp/moves.rs
//! perl -0pi -e 's/    if !moved \{\n/    if true {\n/' src-tauri/ledger/src/moves.rs
//! cargo test -p sluice-tests --test lanes guard; cp /tmp/moves.rs src-tauri/ledger/src/moves.rs
//! ```

use crate::support::{T0, WAIT, World, failure, failures, is_swapped, lane_on, open, report_to};
use sluice_engine::{AccountId, AskedBy, Generation};
use sluice_ledger::{Style, Verdict, by_headroom};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Two failures of A, launched together, that both pass the check before the lock: the lock is
/// held until both wait for it. Returns the accounts chosen and the accounts that were offered.
fn two_at_once(used: &[f64]) -> (World, Vec<AccountId>, Vec<Verdict>) {
    let world = World::new(used);
    let guard = world.ledger.lock_lane(world.lane, WAIT).unwrap();
    let ready = Arc::new(Barrier::new(3));
    let threads: Vec<_> = (0..2)
        .map(|n| {
            let (home, ready) = (world.home.path().to_owned(), Arc::clone(&ready));
            let report = failure(world.lane, world.accounts[0], 1, n);
            std::thread::spawn(move || {
                let mut ledger = open(&home);
                let mut asked = Vec::new();
                ready.wait();
                let verdict = ledger
                    .report_failure(
                        &report,
                        Style::Pointer,
                        T0.plus_seconds(n),
                        WAIT,
                        &mut |field| {
                            asked.push(field.lane.lane.active.unwrap());
                            by_headroom(field)
                        },
                    )
                    .unwrap();
                (verdict, asked)
            })
        })
        .collect();
    ready.wait();
    // Both have remembered their failure and are past the check without the lock.
    let deadline = Instant::now() + WAIT;
    while failures(world.home.path(), world.accounts[0]) < 2 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(60));
    drop(guard);
    let (verdicts, asked): (Vec<_>, Vec<_>) =
        threads.into_iter().map(|thread| thread.join().unwrap()).unzip();
    (world, asked.concat(), verdicts)
}

fn one_swap_one_stale(verdicts: &[Verdict]) {
    assert_eq!(verdicts.iter().filter(|verdict| is_swapped(verdict)).count(), 1, "{verdicts:?}");
    let stale = verdicts.iter().filter(|verdict| {
        matches!(verdict, Verdict::Stale { retry_advised: true, generation: Generation(2), .. })
    });
    assert_eq!(stale.count(), 1, "{verdicts:?}");
}

#[test]
fn a01_two_accounts_two_failures() {
    let (world, asked, verdicts) = two_at_once(&[99.0, 10.0]);
    one_swap_one_stale(&verdicts);
    assert_eq!(world.active(), (1, 2));
    assert_eq!(asked, [world.accounts[0]]);
    assert_eq!(world.counts(), (1, 1, 1), "one swap, one activity row, one notification");
}

#[test]
fn a02_three_accounts_two_failures() {
    let (world, asked, verdicts) = two_at_once(&[99.0, 10.0, 20.0]);
    one_swap_one_stale(&verdicts);
    assert_eq!(world.active(), (1, 2), "A to B, and never on to C");
    assert_eq!(asked, [world.accounts[0]], "selection ran once, and never for B");
    assert_eq!(world.counts(), (1, 1, 1));
    assert_eq!(world.ledger.skip(world.accounts[1]).unwrap(), None, "B is not blamed");
}

#[test]
fn a03_lanes_do_not_wait_for_each_other() {
    let mut world = World::new(&[99.0, 10.0, 20.0]);
    let other = lane_on(&mut world.ledger, "other", world.accounts[0]);
    let guard = world.ledger.lock_lane(world.lane, WAIT).unwrap();
    let begun = Instant::now();
    let verdict = report_to(&mut world.ledger, &failure(other, world.accounts[0], 1, 1), 1);
    assert!(is_swapped(&verdict), "{verdict:?}");
    // Waiting for x would take as long as x is held: for ever, here.
    assert!(begun.elapsed() < WAIT / 2, "{:?}", begun.elapsed());
    // The same lane does wait, and gives up when its time is over.
    let report = failure(world.lane, world.accounts[0], 1, 2);
    let begun = Instant::now();
    let short = Duration::from_millis(80);
    let busy = world
        .ledger
        .report_failure(&report, Style::Pointer, T0, short, &mut by_headroom)
        .unwrap_err();
    assert!(matches!(busy, sluice_ledger::Error::Busy), "{busy}");
    assert!(begun.elapsed() >= short);
    drop(guard);
    assert!(is_swapped(&report_to(&mut world.ledger, &report, 2)));
}

#[test]
fn a05_a_failure_that_arrives_after_the_swap() {
    let mut world = World::new(&[99.0, 10.0, 20.0]);
    assert!(is_swapped(&world.fail(0, 1, 0)));
    let verdict = world.fail(0, 1, 30);
    assert!(matches!(verdict, Verdict::Stale { retry_advised: true, .. }), "{verdict:?}");
    assert_eq!(world.active(), (1, 2));
    assert!(world.ledger.skip(world.accounts[0]).unwrap().is_some());
    assert_eq!(world.ledger.skip(world.accounts[1]).unwrap(), None);
}

#[test]
fn a06_there_and_back_by_hand_is_stale_too() {
    let mut world = World::new(&[50.0, 10.0, 20.0]);
    let (lane, a, b) = (world.lane, world.accounts[0], world.accounts[1]);
    let to_b = world.ledger.point_lane(lane, b, Generation(1), T0, WAIT).unwrap();
    assert!(is_swapped(&to_b));
    assert!(is_swapped(&world.ledger.point_lane(lane, a, Generation(2), T0, WAIT).unwrap()));
    let verdict = world.fail(0, 1, 5);
    let expected =
        Verdict::Stale { current: Some(a), generation: Generation(3), retry_advised: false };
    assert_eq!(verdict, expected, "the same account, another generation");
    assert_eq!(world.active(), (0, 3));
}

#[test]
fn a07_by_hand_and_by_itself_at_once() {
    for repeat in 0..20 {
        let world = World::new(&[99.0, 10.0, 20.0]);
        let ready = Arc::new(Barrier::new(2));
        let (home, lane, c) = (world.home.path().to_owned(), world.lane, world.accounts[2]);
        let person = {
            let ready = Arc::clone(&ready);
            std::thread::spawn(move || {
                let mut ledger = open(&home);
                ready.wait();
                ledger.point_lane(lane, c, Generation(1), T0, WAIT).unwrap()
            })
        };
        let mut ledger = open(world.home.path());
        let report = failure(lane, world.accounts[0], 1, 0);
        ready.wait();
        let automatic = report_to(&mut ledger, &report, 0);
        let by_hand = person.join().unwrap();
        let commits = [&automatic, &by_hand].into_iter().filter(|verdict| is_swapped(verdict));
        assert_eq!(commits.count(), 1, "repeat {repeat}: {automatic:?} {by_hand:?}");
        let swaps = world.ledger.swaps(10, None).unwrap();
        assert_eq!(swaps.len(), 1);
        let expected = if is_swapped(&by_hand) { AskedBy::Person } else { AskedBy::Report };
        assert_eq!(swaps[0].swap.asked_by, expected);
        assert_eq!(world.active().1, 2);
    }
}

#[test]
fn a08_automatic_swaps_off() {
    let mut world = World::new(&[99.0, 10.0]);
    world.ledger.set_lane_automatic(world.lane, false).unwrap();
    assert_eq!(world.fail(0, 1, 0), Verdict::Disabled);
    assert_eq!(world.active(), (0, 1));
    assert_eq!(failures(world.home.path(), world.accounts[0]), 1);
    assert!(world.ledger.skip(world.accounts[0]).unwrap().is_some());
    assert_eq!(world.counts(), (0, 0, 0));
}

#[test]
fn a12_the_loser_of_the_lock_is_told_to_try_again() {
    let (_, _, verdicts) = two_at_once(&[99.0, 10.0]);
    one_swap_one_stale(&verdicts);
    // Not when the account it would try again on is walled as well.
    let mut world = World::new(&[99.0, 10.0]);
    assert!(is_swapped(&world.fail(0, 1, 0)));
    world.fail(1, 2, 50);
    let verdict = world.fail(0, 1, 60);
    assert!(matches!(verdict, Verdict::Stale { retry_advised: false, .. }), "{verdict:?}");
}

#[test]
fn a_failure_of_unknown_generation_is_held_back_after_a_swap() {
    let mut world = World::new(&[99.0, 10.0, 20.0]);
    assert!(is_swapped(&world.fail(0, 1, 0)));
    let mut unknown = failure(world.lane, world.accounts[1], 0, 44);
    unknown.generation = None;
    let verdict = report_to(&mut world.ledger, &unknown, 44);
    assert!(matches!(verdict, Verdict::Stale { .. }), "{verdict:?}");
    unknown.dedupe.push('x');
    unknown.failed_at = T0.plus_seconds(46);
    assert!(is_swapped(&report_to(&mut world.ledger, &unknown, 46)));
}

#[test]
fn many_lanes_leaving_one_account_spread() {
    let mut world = World::new(&[99.0, 5.0, 35.0, 65.0]);
    let lanes: Vec<_> = (0..30)
        .map(|n| lane_on(&mut world.ledger, &format!("lane {n}"), world.accounts[0]))
        .collect();
    for lane in lanes {
        let report = failure(lane, world.accounts[0], 1, 1);
        assert!(is_swapped(&report_to(&mut world.ledger, &report, 1)));
    }
    let on = |id: AccountId| {
        world.ledger.lanes().unwrap().iter().filter(|row| row.lane.active == Some(id)).count()
    };
    let spread: Vec<usize> = world.accounts[1..].iter().map(|id| on(*id)).collect();
    assert_eq!(spread, [13, 10, 7], "by what each has left");
}
