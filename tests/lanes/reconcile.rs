//! Orphans: dead only on proof, unknown is kept, closed exactly once.

use crate::support::{T0, Table, World, execution, open, running};
use sluice_ledger::{Closed, Kernel, Ledger, NewExecution, ProcessId, Processes, RULE, State};
use sluice_protocol::Closing;
use sluice_tests::pace::{PATIENCE, worked};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Long after every grace.
const LATER: i64 = 7_200;

fn pass(ledger: &mut Ledger, table: &Table, apply: bool) -> sluice_ledger::Pass {
    ledger.reconcile(table, T0.plus_seconds(LATER), apply).unwrap()
}

fn state(ledger: &Ledger, id: &str) -> State {
    ledger.execution(id).unwrap().unwrap().state
}

#[test]
fn a14_a_dead_process_is_an_orphan_and_a_dry_run_says_so() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "gone", 0);
    let dry = pass(&mut world.ledger, &Table::new(), false);
    assert_eq!(dry.actions.len(), 1);
    assert_eq!((dry.actions[0].action, dry.actions[0].rule), (Closing::WouldApply, RULE));
    assert_eq!(state(&world.ledger, "gone"), State::Running, "a dry run changes nothing");
    let applied = pass(&mut world.ledger, &Table::new(), true);
    assert_eq!(applied.actions[0].action, Closing::Applied);
    assert!(applied.actions[0].reason.contains("200"), "{}", applied.actions[0].reason);
    assert_eq!(state(&world.ledger, "gone"), State::Orphaned);
    assert_eq!(pass(&mut world.ledger, &Table::new(), true).actions, []);
    let shown = serde_json::to_value(&applied.actions[0]).unwrap();
    assert_eq!(shown["action"], "applied");
    assert_eq!(shown["rule"], "ORPHANED_IN_FLIGHT_CLEAR");
}

#[test]
fn a14_reused_pid_other_boot_other_host_permission() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "row", 0);
    // Alive by its tool, or by its wrapper alone.
    for table in [Table::new().with(200, 2_000), Table::new().with(100, 1_000)] {
        let alive = pass(&mut world.ledger, &table, true);
        assert_eq!((alive.actions.len(), alive.unknown), (0, 0));
    }
    // Not allowed to look.
    let mut denied = Table::new();
    denied.processes.insert(200, Err(()));
    assert_eq!(pass(&mut world.ledger, &denied, true).unknown, 1);
    // Another host or another process namespace: not ours to judge.
    let mut other = Table::new();
    other.machine.host = "there".into();
    assert_eq!(pass(&mut world.ledger, &other, true).unknown, 1);
    let mut other = Table::new();
    other.machine.namespace = Some(2);
    assert_eq!(pass(&mut world.ledger, &other, true).unknown, 1);
    // The same process id, another start time: somebody else.
    let reused = Table::new().with(200, 9_999).with(100, 9_998);
    assert_eq!(pass(&mut world.ledger, &reused, false).actions.len(), 1);
    // Another boot is proof, even while a process of that id runs.
    let mut rebooted = Table::new().with(200, 2_000);
    rebooted.machine.boot = "boot-2".into();
    let found = pass(&mut world.ledger, &rebooted, true);
    assert!(found.actions[0].reason.contains("started anew"), "{}", found.actions[0].reason);
}

#[test]
fn a14_young_rows_have_a_grace() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "with a tool", 0);
    world.ledger.admit(&execution("without", None, 0)).unwrap();
    let at = |ledger: &mut Ledger, second: i64| {
        let now = T0.plus_seconds(second);
        let found = ledger.reconcile(&Table::new(), now, false).unwrap();
        (found.actions.len(), found.unknown)
    };
    assert_eq!(at(&mut world.ledger, 14), (0, 2));
    assert_eq!(at(&mut world.ledger, 15), (1, 1));
    assert_eq!(at(&mut world.ledger, 59), (1, 1));
    assert_eq!(at(&mut world.ledger, 60), (2, 0));
}

#[test]
fn a_tool_that_nobody_wrote_down_is_found_by_its_variable() {
    let mut world = World::new(&[10.0]);
    world.ledger.admit(&execution("child lives", None, 0)).unwrap();
    let mut table = Table::new();
    table.carried = Some(BTreeSet::from(["child lives".to_owned()]));
    assert_eq!(pass(&mut world.ledger, &table, true).actions, []);
    table.carried = None;
    assert_eq!(pass(&mut world.ledger, &table, true).unknown, 1);
    table.carried = Some(BTreeSet::new());
    assert_eq!(pass(&mut world.ledger, &table, true).actions.len(), 1);
}

#[test]
fn a14_a_row_that_cannot_be_closed_does_not_stop_the_pass() {
    let mut world = World::new(&[10.0]);
    for id in ["one", "two", "three"] {
        running(&mut world.ledger, id, 0);
    }
    let raw = rusqlite::Connection::open(crate::support::database(world.home.path())).unwrap();
    raw.execute_batch(
        "CREATE TRIGGER full BEFORE UPDATE ON executions WHEN OLD.id = 'two'
         BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    .unwrap();
    let found = pass(&mut world.ledger, &Table::new(), true);
    let errors: Vec<_> =
        found.actions.iter().filter(|action| action.action == Closing::Error).collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].error.as_ref().unwrap().contains("disk full"));
    assert_eq!(state(&world.ledger, "two"), State::Running);
    assert_eq!(state(&world.ledger, "three"), State::Orphaned);
}

#[test]
fn a14_the_pass_at_start_is_alone_or_not_at_all() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "gone", 0);
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(world.home.path().join("sluice.db.reconcile"))
        .unwrap();
    lock.lock().unwrap();
    let begun = Instant::now();
    let busy = world.ledger.reconcile_at_start(&Table::new(), T0.plus_seconds(LATER));
    assert!(busy.locked && busy.actions.is_empty());
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(1_900) && waited < PATIENCE, "{waited:?}");
    assert_eq!(state(&world.ledger, "gone"), State::Running);
    lock.unlock().unwrap();
    let done = world.ledger.reconcile_at_start(&Table::new(), T0.plus_seconds(LATER));
    assert_eq!((done.actions.len(), done.locked), (1, false));
}

#[test]
fn a14_a_database_that_cannot_be_read_never_prevents_a_start() {
    let mut world = World::new(&[10.0]);
    let raw = rusqlite::Connection::open(crate::support::database(world.home.path())).unwrap();
    raw.execute_batch("DROP TABLE executions").unwrap();
    let found = world.ledger.reconcile_at_start(&Table::new(), T0);
    assert_eq!(found, sluice_ledger::Pass::default());
}

#[test]
fn a17_two_passes_at_once_close_each_row_once() {
    let mut world = World::new(&[10.0]);
    for n in 0..300 {
        running(&mut world.ledger, &format!("row {n}"), 0);
    }
    let home = world.home.path().to_owned();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let home = home.clone();
            std::thread::spawn(move || {
                let mut ledger = open(&home);
                pass(&mut ledger, &Table::new(), true).actions.len()
            })
        })
        .collect();
    let closed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(closed, 300);
    assert_eq!(world.ledger.open_executions().unwrap(), []);
}

#[test]
fn a17_a_late_end_corrects_once_and_changes_no_count() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "late", 0);
    pass(&mut world.ledger, &Table::new(), true);
    let ledger = &mut world.ledger;
    assert_eq!(ledger.finish("late", T0, Some(3), "exit").unwrap(), Closed::Corrected);
    assert_eq!(ledger.finish("late", T0, Some(4), "again").unwrap(), Closed::Already);
    let row = ledger.execution("late").unwrap().unwrap();
    assert_eq!((row.state, row.exit_code), (State::Finished, Some(3)));
    assert_eq!(ledger.open_executions().unwrap(), []);
    // An end that was reported before the pass came wins over it.
    running(ledger, "ended", 0);
    assert_eq!(ledger.finish("ended", T0, Some(0), "exit").unwrap(), Closed::Finished);
    assert_eq!(pass(ledger, &Table::new(), true).actions, []);
}

#[test]
fn an_unknown_row_is_let_go_by_the_person_only() {
    let mut world = World::new(&[10.0]);
    running(&mut world.ledger, "elsewhere", 0);
    assert!(world.ledger.release("elsewhere", T0).unwrap());
    assert!(!world.ledger.release("elsewhere", T0).unwrap());
    assert_eq!(state(&world.ledger, "elsewhere"), State::Orphaned);
}

#[test]
fn ten_thousand_open_rows_within_two_hundred_milliseconds() {
    let mut world = World::new(&[10.0]);
    let raw = rusqlite::Connection::open(crate::support::database(world.home.path())).unwrap();
    raw.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO executions (id, provider, source, program, state, host, boot, namespace,
             wrapper_pid, wrapper_start, child_pid, child_start, started_at)
         SELECT 'row-' || i, 'claude', 'wrapper', 'claude', 'running', 'here', 'boot-1', 1,
             4000000 + i, 7, 5000000 + i, 7, 1790000000000000 FROM n",
    )
    .unwrap();
    let table = RealTable { kernel: Kernel::here().unwrap(), machine: crate::support::machine() };
    let (found, took) =
        worked(|| world.ledger.reconcile(&table, T0.plus_seconds(LATER), true).unwrap());
    assert_eq!(found.actions.len(), 10_000);
    eprintln!("10,000 open rows reconciled with {took:?} of work");
    // The bound is for the build people run; this one is not optimised.
    let bound = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 200 });
    assert!(took < bound, "{took:?}");
}

/// The kernel's processes under the test's machine.
struct RealTable {
    kernel: Kernel,
    machine: sluice_ledger::Machine,
}

impl Processes for RealTable {
    fn machine(&self) -> &sluice_ledger::Machine {
        &self.machine
    }

    fn probe(&self, process: ProcessId) -> sluice_ledger::Probe {
        self.kernel.probe(process)
    }

    fn living(&self) -> Option<BTreeSet<u32>> {
        self.kernel.living()
    }

    fn carried(&self) -> Option<BTreeSet<String>> {
        self.kernel.carried()
    }
}

#[test]
fn the_kernel_knows_this_process_and_no_other_of_its_id() {
    let kernel = Kernel::here().unwrap();
    let me = Kernel::identify(std::process::id()).unwrap();
    assert_eq!(kernel.probe(me), sluice_ledger::Probe::Alive);
    let earlier = ProcessId { start: me.start - 1, ..me };
    assert_eq!(kernel.probe(earlier), sluice_ledger::Probe::Gone);
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let known = Kernel::identify(child.id()).unwrap();
    assert_eq!(Kernel::parent(child.id()), Some(std::process::id()));
    child.kill().unwrap();
    // Dead and not yet waited for is dead.
    let deadline = Instant::now() + PATIENCE;
    while kernel.probe(known) != sluice_ledger::Probe::Gone {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    child.wait().unwrap();
    assert_eq!(kernel.probe(known), sluice_ledger::Probe::Gone);
    let mut world = World::new(&[10.0]);
    let new = NewExecution {
        machine: kernel.machine().clone(),
        wrapper: Some(known),
        child: Some(me),
        ..execution("mine", None, 0)
    };
    world.ledger.admit(&new).unwrap();
    let found = world.ledger.reconcile(&kernel, T0.plus_seconds(LATER), true).unwrap();
    assert_eq!((found.actions.len(), found.unknown), (0, 0), "the tool lives on alone");
}
