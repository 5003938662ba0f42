//! Which tools run, for the screen, and which are in a turn.

use crate::lanes;
use crate::paths::Paths;
use sluice_engine::{AccountId, Provider, Utc};
use sluice_ledger::{AccountRow, Cap, ExecutionRow, Kernel, LaneRow, Probe, Processes as _, State};
use sluice_protocol::{CapView, Ceilings, LaneView, RunView};
use sluice_providers::claude::signals::ProcessRecord;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The tool's records are a few hundred bytes each, one per running process.
const RECORD_MAX: u64 = 16 * 1024;
const RECORDS_MAX: usize = 256;

/// Where one tool keeps a record of each of its running processes, and how it is read.
#[derive(Clone)]
pub(super) struct Records {
    pub(super) provider: Provider,
    pub(super) directory: PathBuf,
    pub(super) read: fn(&[u8]) -> Option<ProcessRecord>,
}

/// Lanes for the screen, the machine's own seats first.
pub(super) fn lanes(rows: Vec<LaneRow>, accounts: &[AccountRow], paths: &Paths) -> Vec<LaneView> {
    let mut views: Vec<LaneView> = rows
        .into_iter()
        .map(|row| {
            let (provider, default) = (row.lane.provider, row.name == lanes::DEFAULT);
            let ours = accounts.iter().filter(|account| account.provider == provider);
            let ready = ours
                .map(|account| account.id)
                .filter(|id| default || lanes::ready(paths, provider, *id));
            LaneView {
                id: row.lane.id,
                provider,
                ready: ready.collect(),
                name: row.name,
                folder: row.folder,
                active: row.lane.active,
                generation: row.lane.generation,
                since_ms: row.since.map(Utc::millis),
                automatic: row.automatic,
            }
        })
        .collect();
    views.sort_by_key(|lane| (lane.name != lanes::DEFAULT, lane.id));
    views
}

/// An open row for the screen.
pub(super) fn run(row: ExecutionRow, lanes: &[LaneView], unjudged: &BTreeSet<String>) -> RunView {
    let new = row.execution;
    let followed = lanes.iter().find(|view| row.follows && Some(view.id) == new.lane);
    RunView {
        unknown: unjudged.contains(&new.id),
        id: new.id,
        provider: new.provider,
        account: followed.map_or(new.account, |lane| lane.active),
        lane: new.lane,
        label: new.label,
        folder: new.folder,
        program: new.program,
        pid: new.child.map(|process| process.pid),
        since_ms: new.at.millis(),
        mid_turn: row.turn_at.is_some() && row.state == State::Running,
        shadowed: new.shadowed,
    }
}

/// Ceilings for the screen; rows that limit nothing are left out.
pub(super) fn caps(rows: Vec<(Provider, Option<AccountId>, Cap)>) -> Vec<CapView> {
    let views = rows.into_iter().map(|(provider, account, cap)| CapView {
        provider,
        account,
        ceilings: Ceilings {
            concurrent: cap.concurrent,
            per_hour: cap.per_hour,
            per_day: cap.per_day,
        },
    });
    views.filter(|view| view.ceilings != Ceilings::default()).collect()
}

/// How many tools are in the middle of a turn in the machine's own seats: as our hooks and
/// `sluice run` noted it, and as the tool's own process records say.
pub(super) fn mid_turn(
    open: &[ExecutionRow],
    lanes: &[LaneView],
    kernel: Option<&Kernel>,
    records: &[Records],
) -> BTreeMap<Provider, u32> {
    let own = |row: &&ExecutionRow| {
        let lane = row.execution.lane;
        lanes.iter().any(|view| Some(view.id) == lane && view.name == lanes::DEFAULT)
    };
    let alive = |row: &&ExecutionRow| match (kernel, row.execution.child) {
        (Some(kernel), Some(child)) => kernel.probe(child) != Probe::Gone,
        _ => true,
    };
    let noted = open.iter().filter(own).filter(|row| row.turn_at.is_some()).filter(alive);
    let mut busy: BTreeSet<(Provider, u32)> = noted
        .map(|row| (row.execution.provider, row.execution.child.map_or(0, |child| child.pid)))
        .collect();
    for tool in records {
        let told = busy_records(&tool.directory, tool.read);
        busy.extend(told.into_iter().map(|pid| (tool.provider, pid)));
    }
    let mut counts = BTreeMap::new();
    for (provider, _) in busy {
        *counts.entry(provider).or_default() += 1;
    }
    counts
}

/// Processes whose own record says that they are busy, and that run.
fn busy_records(directory: &Path, parse: fn(&[u8]) -> Option<ProcessRecord>) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let read = |path: PathBuf| parse(&sluice_ground::read_regular(&path, RECORD_MAX).ok()?);
    entries
        .take(RECORDS_MAX)
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter_map(read)
        .filter(|record| record.busy && Kernel::identify(record.pid).is_some())
        .map(|record| record.pid)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_providers::claude::signals::parse_process_record;

    #[test]
    fn only_a_busy_record_of_a_living_process_is_a_turn() {
        let home = tempfile::tempdir().unwrap();
        let me = std::process::id();
        let put = |name: &str, text: String| std::fs::write(home.path().join(name), text).unwrap();
        put("1.json", format!("{{\"pid\":{me},\"status\":\"idle\"}}"));
        put("2.json", "{\"pid\":4194304,\"status\":\"busy\"}".to_owned());
        put("3.json", "{".to_owned());
        put("4.txt", format!("{{\"pid\":{me},\"status\":\"busy\"}}"));
        assert_eq!(busy_records(home.path(), parse_process_record), Vec::<u32>::new());
        put("5.json", format!("{{\"pid\":{me},\"status\":\"busy\"}}"));
        assert_eq!(busy_records(home.path(), parse_process_record), [me]);
        assert_eq!(
            busy_records(&home.path().join("missing"), parse_process_record),
            Vec::<u32>::new()
        );
    }
}
