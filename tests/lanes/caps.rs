//! Ceilings: counted and taken in one transaction.

use crate::support::{T0, World, execution, machine, open, running};
use crate::workers;
use sluice_engine::Provider;
use sluice_engine::breaker::THRESHOLD;
use sluice_engine::skip::FailureKind;
use sluice_ledger::{Admission, Cap, Closed, Error, NewExecution, Refusal};
use sluice_protocol::limits::CEILING_MOST;
use sluice_protocol::{CeilingWindow, GrantRefusal};

fn cap(concurrent: Option<u32>) -> Cap {
    Cap { concurrent, ..Cap::default() }
}

fn refused(admission: Admission) -> Refusal {
    match admission {
        Admission::Refused(refusal) => refusal,
        Admission::Admitted { .. } => panic!("it was admitted"),
    }
}

#[test]
fn a13_the_in_flight_table() {
    let mut world = World::new(&[10.0, 20.0]);
    let (a, b) = (world.accounts[0], world.accounts[1]);
    let ledger = &mut world.ledger;
    // L1, L2: counts per bucket; an end frees one place.
    for (id, account) in [("t1", a), ("t2", a), ("t3", b)] {
        ledger.admit(&execution(id, Some(account), 0)).unwrap();
    }
    ledger.set_cap(Provider::Claude, Some(a), &cap(Some(2))).unwrap();
    // L4: cap 2, two open.
    let refusal = refused(ledger.admit(&execution("t4", Some(a), 1)).unwrap());
    let expected = Refusal {
        allowed: false,
        reason: GrantRefusal::AccountConcurrency,
        window: CeilingWindow::InFlight,
        limit: 2,
        current: 2,
        retry_after_s: None,
    };
    assert_eq!(refusal, expected);
    assert_eq!(ledger.execution("t4").unwrap(), None, "a refusal writes no row");
    // L5: cap 2, one open. The other account was never concerned.
    assert_eq!(ledger.finish("t1", T0, Some(0), "exit").unwrap(), Closed::Finished);
    assert!(matches!(
        ledger.admit(&execution("t5", Some(a), 1)).unwrap(),
        Admission::Admitted { .. }
    ));
    for odd in [0, CEILING_MOST + 1] {
        assert!(ledger.set_cap(Provider::Claude, Some(a), &cap(Some(odd))).is_err(), "{odd}");
    }
    // L6: no cap, many open.
    for n in 0..20 {
        ledger.admit(&execution(&format!("b{n}"), Some(b), 2)).unwrap();
    }
    // L8: the provider's own cap counts all of them.
    ledger.set_cap(Provider::Claude, None, &cap(Some(23))).unwrap();
    let refusal = refused(ledger.admit(&execution("t6", Some(b), 3)).unwrap());
    assert_eq!((refusal.reason, refusal.current), (GrantRefusal::ProviderConcurrency, 23));
}

#[test]
fn hours_and_days_are_rolling_and_say_when_to_come_back() {
    let mut world = World::new(&[10.0]);
    let a = world.accounts[0];
    let ledger = &mut world.ledger;
    let budget = Cap { concurrent: None, per_hour: Some(2), per_day: Some(3) };
    ledger.set_cap(Provider::Claude, Some(a), &budget).unwrap();
    assert_eq!(ledger.caps().unwrap(), [(Provider::Claude, Some(a), budget)]);
    for (id, at) in [("t1", 0), ("t2", 600)] {
        ledger.admit(&execution(id, Some(a), at)).unwrap();
        ledger.finish(id, T0, Some(0), "exit").unwrap();
    }
    let refusal = refused(ledger.admit(&execution("t3", Some(a), 1_200)).unwrap());
    assert_eq!(
        (refusal.reason, refusal.window),
        (GrantRefusal::AccountBudget, CeilingWindow::Hour)
    );
    assert_eq!(refusal.retry_after_s, Some(2_401));
    ledger.admit(&execution("t3", Some(a), 3_601)).unwrap();
    ledger.finish("t3", T0, Some(0), "exit").unwrap();
    let refusal = refused(ledger.admit(&execution("t4", Some(a), 20_000)).unwrap());
    assert_eq!((refusal.window, refusal.limit, refusal.current), (CeilingWindow::Day, 3, 3));
    assert!(matches!(
        ledger.admit(&execution("t4", Some(a), 86_401)).unwrap(),
        Admission::Admitted { .. }
    ));
}

#[test]
fn a16_a_run_of_more_than_a_day_stays_counted() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "long", 0);
    world.ledger.set_cap(Provider::Claude, None, &cap(Some(1))).unwrap();
    let refusal = refused(world.ledger.admit(&execution("next", None, 30 * 86_400)).unwrap());
    assert_eq!(refusal.current, 1);
    world
        .ledger
        .prune(T0.plus_seconds(4_000 * 86_400), &sluice_ledger::Retention::default(), 1_000)
        .unwrap();
    assert!(world.ledger.execution("long").unwrap().is_some(), "open rows are never let go");
}

#[test]
fn the_lane_is_read_where_the_row_is_written() {
    let mut world = World::new(&[10.0, 20.0]);
    let wanted = NewExecution { lane: Some(world.lane), ..execution("t1", None, 0) };
    let admitted = world.ledger.admit(&wanted).unwrap();
    let expected = Admission::Admitted {
        account: Some(world.accounts[0]),
        generation: sluice_engine::Generation(1),
    };
    assert_eq!(admitted, expected);
    let row = world.ledger.execution("t1").unwrap().unwrap();
    assert_eq!(row.execution.account, Some(world.accounts[0]));
    assert_eq!(row.generation.0, 1);
}

#[test]
fn three_refused_logins_open_the_breaker() {
    let mut world = World::new(&[10.0]);
    let (lane, a) = (world.lane, world.accounts[0]);
    for n in 0..THRESHOLD {
        let mut report = crate::support::failure(lane, a, 1, i64::from(n));
        report.kind = FailureKind::Auth;
        crate::support::report_to(&mut world.ledger, &report, i64::from(n));
    }
    let refusal = refused(world.ledger.admit(&execution("t1", Some(a), 5)).unwrap());
    assert_eq!(
        (refusal.reason, refusal.window),
        (GrantRefusal::BreakerOpen, CeilingWindow::Breaker)
    );
    assert!(refusal.retry_after_s.unwrap() <= 30);
    let probe = world.ledger.admit(&execution("t2", Some(a), 40)).unwrap();
    assert!(matches!(probe, Admission::Admitted { .. }), "half open: one probe");
    let second = refused(world.ledger.admit(&execution("t3", Some(a), 41)).unwrap());
    assert_eq!(second.reason, GrantRefusal::BreakerOpen);
    world.ledger.record_served(a, T0.plus_seconds(45)).unwrap();
    let closed = world.ledger.admit(&execution("t3", Some(a), 46)).unwrap();
    assert!(matches!(closed, Admission::Admitted { .. }));
}

#[test]
fn a13_fifty_processes_race_for_one_place() {
    let rounds: u64 =
        workers::variable("SLUICE_SEEDS").and_then(|text| text.parse().ok()).unwrap_or(1);
    for _ in 0..rounds.div_ceil(500) {
        fifty_race();
    }
}

fn fifty_race() {
    let mut world = World::new(&[10.0]);
    world.ledger.set_cap(Provider::Claude, None, &cap(Some(1))).unwrap();
    let home = world.home.path().to_str().unwrap().to_owned();
    let children = (0..50)
        .map(|n| {
            let n = n.to_string();
            workers::start("caps::worker", &[("CAPS_HOME", &home), ("CAPS_N", &n)])
        })
        .collect();
    std::fs::write(world.home.path().join("go"), "").unwrap();
    workers::all_succeed(children);
    assert_eq!(world.ledger.open_executions().unwrap().len(), 1);
}

#[test]
#[ignore = "started by a13_fifty_processes_race_for_one_place"]
fn worker() {
    let Some(home) = workers::variable("CAPS_HOME").map(std::path::PathBuf::from) else { return };
    let n = workers::variable("CAPS_N").unwrap();
    workers::wait_for(&home.join("go"));
    let mut ledger = (0..20)
        .find_map(|_| sluice_ledger::Ledger::attach(&crate::support::database(&home)).ok())
        .unwrap();
    loop {
        match ledger.admit(&execution(&n, None, 0)) {
            Ok(_) => break,
            Err(Error::Busy) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Random orders of starts and ends by several hands; the ceiling holds after each step.
#[test]
fn no_order_passes_a_ceiling() {
    let schedules: u64 =
        workers::variable("SLUICE_SEEDS").and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut home = tempfile::tempdir().unwrap();
    let mut hands = [open(home.path()), open(home.path()), open(home.path())];
    for seed in 0..schedules {
        if seed % 500 == 499 {
            // All rows are of one day, and a day's rows are counted at each start.
            home = tempfile::tempdir().unwrap();
            hands = [open(home.path()), open(home.path()), open(home.path())];
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let limit = random.u32(1..4);
        hands[0].set_cap(Provider::Codex, None, &cap(Some(limit))).unwrap();
        let mut open_ids: Vec<String> = Vec::new();
        for step in 0..random.usize(5..25) {
            let hand = &mut hands[random.usize(0..3)];
            if random.u8(0..3) == 0 && !open_ids.is_empty() {
                let id = open_ids.swap_remove(random.usize(0..open_ids.len()));
                assert_eq!(hand.finish(&id, T0, None, "exit").unwrap(), Closed::Finished);
                continue;
            }
            let id = format!("{seed}-{step}");
            let new = NewExecution {
                provider: Provider::Codex,
                machine: machine(),
                ..execution(&id, None, step as i64)
            };
            match hand.admit(&new).unwrap() {
                Admission::Admitted { .. } => open_ids.push(id),
                Admission::Refused(refusal) => assert_eq!(refusal.current, limit),
            }
            assert!(open_ids.len() <= limit as usize, "seed {seed} step {step}");
        }
        for id in open_ids {
            hands[1].finish(&id, T0, None, "exit").unwrap();
        }
    }
}
