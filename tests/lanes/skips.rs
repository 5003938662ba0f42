//! Who may be chosen after failures, and what lifts it.

use crate::support::{T0, WAIT, World, failure, failures, is_swapped, notices, report_to, sample};
use sluice_engine::skip::FailureKind;
use sluice_engine::{AccountId, Block, Credits, Login, Usage};
use sluice_ledger::spool::{self, Spooled};
use sluice_ledger::{Style, Verdict, by_headroom};
use std::time::Duration;

const HOUR: i64 = 3_600;
const REFUSED: sluice_engine::Verdict =
    sluice_engine::Verdict::Refused { why: Block::NotAllowed, until: None };

#[test]
fn a09_no_ping_pong() {
    // One failure of B an hour ago: B is skipped. Three hours ago: B is free.
    for (ago, chosen) in [(1, None), (3, Some(1))] {
        let mut world = World::new(&[50.0, 10.0]);
        world.fail(1, 0, -ago * HOUR);
        let verdict = world.fail(0, 1, 0);
        match chosen {
            None => assert!(matches!(verdict, Verdict::NoAlternative { .. }), "{verdict:?}"),
            Some(_) => assert!(is_swapped(&verdict), "{verdict:?}"),
        }
        assert_eq!(world.active().0, chosen.unwrap_or(0));
    }
    // A to B, then B fails: nobody is left, and the lane stays where it is.
    let mut world = World::new(&[50.0, 10.0]);
    assert!(is_swapped(&world.fail(0, 1, 0)));
    let verdict = world.fail(1, 2, 60);
    let Verdict::NoAlternative { earliest } = verdict else { panic!("{verdict:?}") };
    assert_eq!(earliest, Some(T0.plus_seconds(2 * HOUR)), "A is expected back first");
    assert_eq!(world.active(), (1, 2));
    // Swaps did not clear what is known of either.
    assert!(world.accounts.iter().all(|id| world.ledger.skip(*id).unwrap().is_some()));
}

#[test]
fn nothing_left_is_told_once_an_hour() {
    let mut world = World::new(&[50.0]);
    for at in [0, 60, 600, 3_599] {
        assert!(matches!(world.fail(0, 1, at), Verdict::NoAlternative { .. }));
    }
    assert_eq!(notices(&world.ledger), 1);
    world.fail(0, 1, 3_600);
    assert_eq!(notices(&world.ledger), 2);
}

#[test]
fn a10_readmission_needs_evidence() {
    let mut world = World::new(&[50.0, 10.0]);
    let b = world.accounts[1];
    world.fail(1, 0, -600);
    assert!(matches!(world.fail(0, 1, 0), Verdict::NoAlternative { .. }));
    // A reading that failed is no evidence, and neither is one older than the failure.
    world.ledger.record_failures(b, 1).unwrap();
    world.ledger.record_served(b, T0.plus_seconds(-601)).unwrap();
    assert!(matches!(world.fail(0, 1, 1), Verdict::NoAlternative { .. }));
    world.ledger.record_served(b, T0.plus_seconds(2)).unwrap();
    assert!(is_swapped(&world.fail(0, 1, 3)));
}

#[test]
fn a_known_reset_is_waited_for() {
    let mut world = World::new(&[50.0, 10.0]);
    let mut report = failure(world.lane, world.accounts[1], 0, -4 * HOUR);
    report.resets_at = Some(T0.plus_seconds(HOUR));
    report_to(&mut world.ledger, &report, -4 * HOUR);
    let verdict = world.fail(0, 1, 0);
    let Verdict::NoAlternative { earliest } = verdict else { panic!("{verdict:?}") };
    assert_eq!(earliest, Some(T0.plus_seconds(HOUR + 120)), "longer than two hours");
}

#[test]
fn a_refused_login_waits_for_the_person() {
    let mut world = World::new(&[50.0, 10.0]);
    let b = world.accounts[1];
    let mut report = failure(world.lane, b, 0, -30 * 24 * HOUR);
    report.kind = FailureKind::Auth;
    report_to(&mut world.ledger, &report, -30 * 24 * HOUR);
    assert_eq!(world.ledger.account(b).unwrap().unwrap().login, Login::NeedsSignIn);
    let verdict = world.fail(0, 1, 0);
    assert_eq!(verdict, Verdict::NoAlternative { earliest: Some(T0.plus_seconds(2 * HOUR)) });
    world.ledger.set_login(b, Login::Valid).unwrap();
    world.ledger.record_served(b, T0).unwrap();
    assert!(is_swapped(&world.fail(0, 1, 1)));
}

#[test]
fn who_is_off_full_or_walled_is_never_chosen() {
    let mut world = World::new(&[50.0, 10.0, 100.0, 20.0, 30.0]);
    world.ledger.set_enabled(world.accounts[1], false).unwrap();
    world.ledger.set_automatic(world.accounts[3], false).unwrap();
    assert!(is_swapped(&world.fail(0, 1, 0)));
    assert_eq!(world.active().0, 4);
    // A choice outside the offered places is not accepted.
    let mut world = World::new(&[50.0, 10.0]);
    let report = failure(world.lane, world.accounts[0], 1, 0);
    let wrong = |_: &sluice_ledger::Field| Some(AccountId(99));
    let verdict = world
        .ledger
        .report_failure(&report, Style::Pointer, T0, Duration::ZERO, &mut { wrong })
        .unwrap();
    assert!(matches!(verdict, Verdict::NoAlternative { .. }));
}

#[test]
fn who_is_refused_by_the_provider_or_would_bill_is_never_chosen() {
    let told = |change: fn(&mut Usage)| {
        let mut world = World::new(&[50.0, 10.0, 20.0]);
        let mut seen = sample(world.accounts[1], 10.0);
        change(&mut seen.usage);
        world.ledger.record_sample(&seen).unwrap();
        assert!(is_swapped(&world.fail(0, 1, 0)));
        world.active().0
    };
    assert_eq!(told(|_| {}), 1);
    assert_eq!(told(|usage| usage.verdict = Some(REFUSED)), 2);
    assert_eq!(
        told(|usage| {
            let credits = Some(Credits { enabled: true, ..Credits::default() });
            *usage = Usage { credits, ..Usage::default() };
        }),
        2,
        "a seat without windows that bills"
    );
}

#[test]
fn who_is_refused_by_the_provider_is_left_before_a_start() {
    let mut world = World::new(&[50.0, 10.0]);
    world.ledger.record_verdict(world.accounts[0], REFUSED, T0).unwrap();
    let wait = Duration::from_secs(1);
    let left = world.ledger.leave_walled(world.lane, Style::Pointer, T0, wait, &mut by_headroom);
    assert!(is_swapped(&left.unwrap().unwrap()));
    assert_eq!(world.active(), (1, 2));
}

#[test]
fn a19_a_replay_never_swaps() {
    let mut world = World::new(&[50.0, 10.0]);
    let directory = spool::directory(&crate::support::database(world.home.path()));
    // Told in time or hours later: a replayed failure of the current generation moves nothing.
    for (n, at) in [(0, -5 * HOUR), (1, -1)] {
        let mut report = failure(world.lane, world.accounts[0], 1, at);
        report.dedupe = format!("spooled {n}");
        spool::write(&directory, &format!("{n}"), &Spooled::Failure(report)).unwrap();
    }
    std::fs::write(directory.join("2.json"), "{\"event\":\"failure\"").unwrap();
    let replayed = world.ledger.replay(T0).unwrap();
    assert_eq!((replayed.taken, replayed.odd), (2, 1));
    assert_eq!(world.active(), (0, 1));
    assert!(world.ledger.skip(world.accounts[0]).unwrap().is_some(), "remembered all the same");
    assert_eq!(world.ledger.replay(T0).unwrap(), spool::Replayed::default(), "once");
    assert!(directory.join("2.odd").exists(), "what cannot be understood is kept");
    // An old report that comes by itself is late too, and one of an older generation stale.
    let mut old = failure(world.lane, world.accounts[0], 1, -700);
    let told = |world: &mut World, report: &_| {
        world
            .ledger
            .report_failure(report, Style::Pointer, T0, Duration::ZERO, &mut by_headroom)
            .unwrap()
    };
    assert_eq!(told(&mut world, &old), Verdict::Late);
    old.generation = Some(sluice_engine::Generation(0));
    assert!(matches!(told(&mut world, &old), Verdict::Stale { .. }));
}

#[test]
fn a20_a_shadowed_failure_rotates_nothing() {
    let mut world = World::new(&[50.0, 10.0]);
    let mut report = failure(world.lane, world.accounts[0], 1, 0);
    report.shadowed = true;
    assert_eq!(report_to(&mut world.ledger, &report, 0), Verdict::Unattributed);
    assert_eq!(world.active(), (0, 1));
    assert_eq!(world.ledger.skip(world.accounts[0]).unwrap(), None, "nobody is blamed");
    let mut execution = crate::support::execution("shadowed", Some(world.accounts[0]), 0);
    execution.shadowed = vec!["ANTHROPIC_API_KEY".into()];
    world.ledger.admit(&execution).unwrap();
    let row = world.ledger.execution("shadowed").unwrap().unwrap();
    assert_eq!(row.execution.account, None, "it runs on none of the accounts");
    assert_eq!(row.execution.shadowed, ["ANTHROPIC_API_KEY"], "the name, never the value");
}

#[test]
fn the_same_failure_told_twice_counts_once() {
    let mut world = World::new(&[50.0, 10.0, 20.0]);
    let report = failure(world.lane, world.accounts[0], 1, 0);
    assert!(is_swapped(&report_to(&mut world.ledger, &report, 0)));
    let again = report_to(&mut world.ledger, &report, 1);
    assert!(matches!(again, Verdict::Stale { .. }), "{again:?}");
    assert_eq!(failures(world.home.path(), world.accounts[0]), 1);
}

#[test]
fn a_walled_account_is_left_before_a_start() {
    let mut world = World::new(&[50.0, 10.0]);
    let leave = |world: &mut World, at: i64| {
        let now = T0.plus_seconds(at);
        world.ledger.leave_walled(world.lane, Style::Pointer, now, WAIT, &mut by_headroom).unwrap()
    };
    assert_eq!(leave(&mut world, 0), None, "nothing is known against it");
    world.ledger.set_lane_automatic(world.lane, false).unwrap();
    world.fail(0, 1, 0);
    assert_eq!(leave(&mut world, 1), None, "automatic swaps are off");
    world.ledger.set_lane_automatic(world.lane, true).unwrap();
    let left = leave(&mut world, 2).unwrap();
    assert!(is_swapped(&left), "{left:?}");
    assert_eq!(world.active(), (1, 2));
    assert_eq!(leave(&mut world, 3), None);
}
