//! A world of accounts and lanes, a process table of our own, and reports.

use sluice_engine::WindowKind;
use sluice_engine::observation::Source;
use sluice_engine::skip::FailureKind;
use sluice_engine::{AccountId, Generation, LaneId, Percent, Plan, Provider, Usage, Utc, Window};
use sluice_ledger::{
    Admission, FailureReport, Ledger, Machine, NewAccount, NewExecution, Origin, Probe, ProcessId,
    Processes, Sample, Style, Verdict, by_headroom,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const T0: Utc = Utc::from_seconds(1_790_000_000);
/// How long a call may wait for a lock that somebody else holds.
pub const WAIT: Duration = Duration::from_secs(60);

pub fn database(home: &Path) -> PathBuf {
    home.join("sluice.db")
}

/// Many hands may open one file at the same moment; each waits for its turn.
pub fn open(home: &Path) -> Ledger {
    for _ in 0..20 {
        match Ledger::open(&database(home)) {
            Err(sluice_ledger::Error::Busy) => {}
            opened => return opened.unwrap().ledger,
        }
    }
    panic!("the ledger stayed busy");
}

/// A ledger with accounts of the given 5-hour use and one lane on the first.
pub struct World {
    pub home: tempfile::TempDir,
    pub ledger: Ledger,
    pub accounts: Vec<AccountId>,
    pub lane: LaneId,
}

impl World {
    pub fn new(used: &[f64]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut ledger = open(home.path());
        let accounts: Vec<AccountId> = used
            .iter()
            .enumerate()
            .map(|(index, used)| {
                let name = char::from(b'A' + index as u8).to_string();
                let id = account(&mut ledger, &name);
                ledger.record_sample(&sample(id, *used)).unwrap();
                id
            })
            .collect();
        let lane = lane_on(&mut ledger, "work", accounts[0]);
        Self { home, ledger, accounts, lane }
    }

    /// A failure of `account` launched under `generation`.
    pub fn fail(&mut self, account: usize, generation: u64, at: i64) -> Verdict {
        let report = failure(self.lane, self.accounts[account], generation, at);
        report_to(&mut self.ledger, &report, at)
    }

    pub fn active(&self) -> (usize, u64) {
        let lane = self.ledger.lane(self.lane).unwrap().unwrap().lane;
        let index = self.accounts.iter().position(|id| Some(*id) == lane.active).unwrap();
        (index, lane.generation.0)
    }

    /// Committed swaps, activity rows and notices.
    pub fn counts(&self) -> (usize, usize, usize) {
        counts(&self.ledger)
    }
}

/// Notices that wait to be told; no driver is there to tell them.
pub fn notices(ledger: &Ledger) -> usize {
    ledger.untold_notices(Utc(0)).unwrap().len()
}

/// Failures of an account that were written down.
pub fn failures(home: &Path, account: AccountId) -> u32 {
    let raw = rusqlite::Connection::open(database(home)).unwrap();
    let count = "SELECT count(*) FROM failures WHERE account = ?1";
    raw.query_row(count, [account.0], |row| row.get(0)).unwrap()
}

pub fn counts(ledger: &Ledger) -> (usize, usize, usize) {
    (
        ledger.swaps(1_000, None).unwrap().len(),
        ledger.activity(Utc(0), 1_000).unwrap().len(),
        notices(ledger),
    )
}

pub fn account(ledger: &mut Ledger, name: &str) -> AccountId {
    let new = NewAccount {
        provider: Provider::Claude,
        key: format!("{name}/org"),
        label: name.to_owned(),
        email: None,
        organization: None,
        plan: Plan::default(),
    };
    ledger.add_account(&new, T0).unwrap().id
}

pub fn lane_on(ledger: &mut Ledger, name: &str, active: AccountId) -> LaneId {
    let lane = ledger.ensure_lane(Provider::Claude, name, None).unwrap().lane.id;
    ledger.adopt(lane, Some(active), None, T0.plus_seconds(-3_600)).unwrap();
    lane
}

pub fn sample(account: AccountId, used: f64) -> Sample {
    let window = Window { used: Percent::new(used), resets_at: Some(T0.plus_seconds(9_000)) };
    let usage = Usage::default().with(WindowKind::FiveHour, window);
    Sample { account, at: T0, source: Source::Endpoint, usage }
}

pub fn failure(lane: LaneId, account: AccountId, generation: u64, at: i64) -> FailureReport {
    FailureReport {
        dedupe: format!("{}-{}-{generation}-{at}-{}", lane.0, account.0, fastrand::u64(..)),
        execution: None,
        lane: Some(lane),
        account,
        generation: Some(Generation(generation)),
        kind: FailureKind::RateLimit,
        window: None,
        source: "test".into(),
        failed_at: T0.plus_seconds(at),
        resets_at: None,
        softer: None,
        shadowed: false,
        late: false,
    }
}

pub fn report_to(ledger: &mut Ledger, report: &FailureReport, at: i64) -> Verdict {
    ledger
        .report_failure(report, Style::Pointer, T0.plus_seconds(at), WAIT, &mut by_headroom)
        .unwrap()
}

pub fn is_swapped(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Swapped { .. })
}

/// A process table that says what the test wants.
pub struct Table {
    pub machine: Machine,
    pub processes: BTreeMap<u32, Result<u64, ()>>,
    pub carried: Option<BTreeSet<String>>,
}

impl Table {
    pub fn new() -> Self {
        Self { machine: machine(), processes: BTreeMap::new(), carried: Some(BTreeSet::new()) }
    }

    pub fn with(mut self, pid: u32, start: u64) -> Self {
        self.processes.insert(pid, Ok(start));
        self
    }
}

impl Processes for Table {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn probe(&self, process: ProcessId) -> Probe {
        match self.processes.get(&process.pid) {
            None => Probe::Gone,
            Some(Ok(start)) if *start == process.start => Probe::Alive,
            Some(Ok(_)) => Probe::Gone,
            Some(Err(())) => Probe::Unknown,
        }
    }

    fn carried(&self) -> Option<BTreeSet<String>> {
        self.carried.clone()
    }
}

pub fn machine() -> Machine {
    Machine { host: "here".into(), boot: "boot-1".into(), namespace: Some(1) }
}

pub fn execution(id: &str, account: Option<AccountId>, at: i64) -> NewExecution {
    NewExecution {
        id: id.into(),
        provider: Provider::Claude,
        account,
        lane: None,
        origin: Origin::Wrapper,
        conversation: None,
        label: None,
        folder: None,
        program: "claude".into(),
        shadowed: Vec::new(),
        machine: machine(),
        wrapper: Some(ProcessId { pid: 100, start: 1_000 }),
        child: None,
        at: T0.plus_seconds(at),
    }
}

/// Admits and starts; the tool is process 200.
pub fn running(ledger: &mut Ledger, id: &str, at: i64) {
    let admitted = ledger.admit(&execution(id, None, at)).unwrap();
    assert!(matches!(admitted, Admission::Admitted { .. }), "{admitted:?}");
    ledger.started(id, ProcessId { pid: 200, start: 2_000 }).unwrap();
}
