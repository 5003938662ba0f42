//! Lanes on their way to the ledger, which owns their generations: what is known here is provisional until
//! it has answered.

use super::{AfterStore, Core, Port, Record};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use sluice_engine::{Generation, LaneId, Now};

/// A seat that was found with another account.
#[derive(Clone, Copy, Debug, Default)]
struct Finding {
    /// The ledger has not taken it in.
    is_news: bool,
    /// So many times the ledger is being told.
    asked: u32,
}

/// Who was found in the seats, as far as the ledger does not know.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    known: BTreeMap<LaneId, Finding>,
}

impl Findings {
    /// The seat holds another account than the lane had.
    pub(super) fn add(&mut self, lane: LaneId) {
        self.known.entry(lane).or_default().is_news = true;
    }

    fn is_news(&self, lane: LaneId) -> bool {
        self.known.get(&lane).is_some_and(|finding| finding.is_news)
    }

    fn ask(&mut self, lane: LaneId) {
        self.known.entry(lane).or_default().asked += 1;
    }

    /// The ledger answered; what it could not take in is news still.
    fn answered(&mut self, lane: LaneId, is_taken_in: bool) {
        let finding = self.known.entry(lane).or_default();
        finding.asked = finding.asked.saturating_sub(1);
        finding.is_news &= !is_taken_in || finding.asked > 0;
    }

    fn is_asked(&self, lane: LaneId) -> bool {
        self.known.get(&lane).is_some_and(|finding| finding.asked > 0)
    }
}

impl Core {
    /// Writes a lane's gates down; with them who was found in its seat, until the ledger knows.
    pub(super) fn store_lane(&mut self, id: LaneId, now: Now) {
        if !self.findings.is_news(id) {
            return self.store_gates(id, AfterStore::Nothing);
        }
        let Some(lane) = self.world.lanes.iter().find(|lane| lane.id == id) else { return };
        self.findings.ask(id);
        let then = AfterStore::Found(id, lane.generation);
        let record = Record::Found { lane: Box::new(lane.clone()), at: now.wall };
        self.effects.store(record, then);
    }

    pub(super) fn store_gates(&mut self, id: LaneId, then: AfterStore) {
        if let Some(lane) = self.world.lanes.iter().find(|lane| lane.id == id) {
            let (generation, gates) = (lane.generation, Box::new(lane.gates.clone()));
            self.effects.store(Record::Gates { lane: id, generation, gates }, then);
        }
    }

    /// The ledger took in who is in the seat, or not: its generation is read back, unless the lane has
    /// moved on since.
    pub(super) fn on_found(&mut self, id: LaneId, written: Generation, row: Option<i64>) {
        self.findings.answered(id, row.is_some());
        if let Some(row) = row
            && let Some(lane) = self.world.lanes.iter_mut().find(|lane| lane.id == id)
            && lane.generation == written
        {
            lane.generation.0 = row.unsigned_abs();
        }
    }

    /// The ledger is about to say which generation a lane has.
    pub(super) fn is_finding(&self, id: LaneId) -> bool {
        self.findings.is_asked(id) && !self.health.is_hanging(Port::Ledger)
    }
}
