//! Hands records to the ledger.

use super::{Core, Effect, Record, Then};
use alloc::boxed::Box;
use sluice_engine::{AccountId, LaneId, Now};

impl Core {
    pub(super) fn store(&mut self, record: Record, then: Then) {
        self.out.push(Effect::Store { record: Box::new(record), then });
    }

    pub(super) fn store_lane(&mut self, id: LaneId, now: Now) {
        let written =
            self.world.lanes.iter().find(|lane| lane.id == id).map(|lane| lane.generation);
        self.store_lane_then(id, Then::Lane(id, written.unwrap_or_default()), now);
    }

    pub(super) fn store_lane_then(&mut self, id: LaneId, then: Then, now: Now) {
        if let Some(lane) = self.world.lanes.iter().find(|lane| lane.id == id) {
            let record = Record::Lane { lane: Box::new(lane.clone()), at: now.wall };
            self.store(record, then);
        }
    }

    pub(super) fn store_account(&mut self, id: AccountId) {
        if let Some(kept) = self.kept_account(id) {
            self.store(Record::Account(Box::new(kept)), Then::Nothing);
        }
    }
}
