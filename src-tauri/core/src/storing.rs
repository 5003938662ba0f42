//! Lanes on their way to the ledger, which owns their generations: what is known here is provisional until
//! it has answered.

use super::effects::Effects;
use super::{AfterStore, Record};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use sluice_engine::{Generation, LaneId, Utc, World};

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

    /// Writes a lane's gates down; with them who was found in its seat, until the ledger knows.
    pub(super) fn store(&mut self, id: LaneId, world: &World, now: Utc, effects: &mut Effects) {
        if !self.is_news(id) {
            let gates = gates(world, id).into_iter();
            return gates.for_each(|record| effects.store(record, AfterStore::Nothing));
        }
        let Some(lane) = world.lane(id) else { return };
        self.ask(id);
        let then = AfterStore::Found(id, lane.generation);
        effects.store(Record::Found { lane: Box::new(lane.clone()), at: now }, then);
    }

    /// The ledger took in who is in the seat, or not: its generation is read back, unless the lane has
    /// moved on since.
    pub(super) fn stored(
        &mut self,
        id: LaneId,
        written: Generation,
        row: Option<i64>,
        world: &mut World,
    ) {
        self.answered(id, row.is_some());
        if let Some(row) = row
            && let Some(lane) = world.lane_mut(id)
            && lane.generation == written
        {
            lane.generation.0 = row.unsigned_abs();
        }
    }

    /// The ledger answered; what it could not take in is news still.
    fn answered(&mut self, lane: LaneId, is_taken_in: bool) {
        let finding = self.known.entry(lane).or_default();
        finding.asked = finding.asked.saturating_sub(1);
        finding.is_news &= !is_taken_in || finding.asked > 0;
    }

    /// The ledger is about to say which generation the lane has.
    pub(super) fn is_asked(&self, lane: LaneId) -> bool {
        self.known.get(&lane).is_some_and(|finding| finding.asked > 0)
    }
}

/// What a lane's gates are written down as.
pub(super) fn gates(world: &World, id: LaneId) -> Option<Record> {
    let lane = world.lane(id)?;
    let gates = Box::new(lane.gates.clone());
    Some(Record::Gates { lane: id, generation: lane.generation, gates })
}
