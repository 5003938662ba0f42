//! Kills around a pointer swap and the order of a placing one.

use crate::support::{T0, WAIT, World, failure, is_swapped, open};
use crate::workers;
use sluice_engine::Generation;
use sluice_ledger::{Commit, Settled, Style, Verdict, by_headroom};
use sluice_protocol::SwapStatus;

/// A pointer swap has no state between before and after: killed anywhere, the lane, the journal,
/// the activity log and the outbox agree.
#[test]
fn a18_killed_at_any_moment_everything_agrees() {
    let rounds = workers::variable("SLUICE_SEEDS").map_or(12, |text| text.parse().unwrap());
    for round in 0..rounds {
        let world = World::new(&[99.0, 10.0, 20.0]);
        let home = world.home.path().to_str().unwrap().to_owned();
        let mut child = workers::start("pointer::worker", &[("POINTER_HOME", &home)]);
        std::fs::write(world.home.path().join("go"), "").unwrap();
        workers::wait_for(&world.home.path().join("running"));
        std::thread::sleep(std::time::Duration::from_micros(fastrand::u64(0..20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let ledger = open(world.home.path());
        let lane = ledger.lane(world.lane).unwrap().unwrap().lane;
        let swaps = ledger.swaps(10_000, None).unwrap();
        assert!(swaps.iter().all(|row| row.status == SwapStatus::Committed), "round {round}");
        assert_eq!(swaps.len() as u64, lane.generation.0 - 1, "round {round}");
        let newest = swaps.first().map_or(world.accounts[0], |row| row.swap.to);
        assert_eq!(lane.active, Some(newest), "round {round}");
        let rows = ledger.activity(sluice_engine::Utc(0), 10_000).unwrap();
        assert_eq!(rows.len(), swaps.len(), "round {round}");
    }
}

#[test]
#[ignore = "started by a18_killed_at_any_moment_everything_agrees"]
fn worker() {
    let Some(home) = workers::variable("POINTER_HOME").map(std::path::PathBuf::from) else {
        return;
    };
    workers::wait_for(&home.join("go"));
    let mut ledger = open(&home);
    let lane = ledger.lanes().unwrap()[0].lane.id;
    let accounts: Vec<_> = ledger.accounts().unwrap().iter().map(|row| row.id).collect();
    std::fs::write(home.join("running"), "").unwrap();
    for n in 0..10_000_u64 {
        let to = accounts[(n as usize + 1) % accounts.len()];
        ledger.point_lane(lane, to, Generation(n + 1), T0, WAIT).unwrap();
    }
}

#[test]
fn a_placing_swap_is_ordered_once_and_carried_out_by_the_caller() {
    let mut world = World::new(&[99.0, 10.0, 20.0]);
    let report = |world: &mut World, n: i64| {
        let report = failure(world.lane, world.accounts[0], 1, n);
        world
            .ledger
            .report_failure(&report, Style::Placing, T0.plus_seconds(n), WAIT, &mut by_headroom)
            .unwrap()
    };
    let ordered = report(&mut world, 0);
    let Verdict::Ordered { swap, to, .. } = ordered else { panic!("{ordered:?}") };
    assert_eq!(to, world.accounts[1]);
    assert_eq!(world.active(), (0, 1), "nothing moved yet");
    assert_eq!(report(&mut world, 1), Verdict::UnderWay { swap });
    let commit = Commit { swap, gates: None, protect_s: None, at: T0.plus_seconds(2) };
    let settled = world.ledger.settle(&commit).unwrap();
    let Settled::Committed { lane, .. } = settled else { panic!("{settled:?}") };
    assert_eq!(lane.generation, Generation(2));
    assert!(matches!(report(&mut world, 3), Verdict::Stale { retry_advised: true, .. }));
    assert_eq!(world.counts().0, 1);
}

#[test]
fn a_lane_can_be_pointed_at_an_account_it_never_had() {
    let mut world = World::new(&[10.0, 20.0]);
    let lane = world
        .ledger
        .ensure_lane(sluice_engine::Provider::Claude, "fresh", Some("/home/x/project"))
        .unwrap()
        .lane
        .id;
    let b = world.accounts[1];
    let pointed = world.ledger.point_lane(lane, b, Generation(0), T0, WAIT).unwrap();
    assert!(matches!(pointed, Verdict::Swapped { from: None, .. }), "{pointed:?}");
    let stale = world.ledger.point_lane(lane, b, Generation(0), T0, WAIT).unwrap();
    assert!(!is_swapped(&stale));
}
