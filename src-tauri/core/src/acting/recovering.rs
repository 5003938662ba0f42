//! Open swaps that could neither finish nor be undone: they are looked at again, and their lane rests until
//! a person has looked.

use crate::effects::Effects;
use crate::ports::{PortError, Recovered};
use crate::telling::Word;
use crate::{Core, Effect};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{LaneId, Now, Utc};
use sluice_protocol::Cause;

/// An open swap that could not be settled is looked at again after this, seconds.
const AGAIN_S: i64 = 300;

/// Open swaps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery {
    /// When an open swap that could not be settled is looked at again.
    due: Option<Utc>,
    /// Why nothing is written to the seat of a lane.
    stuck: BTreeMap<LaneId, String>,
}

impl Recovery {
    /// Why nothing is written to the seat of this lane.
    pub(crate) fn stuck(&self, lane: LaneId) -> Option<&str> {
        self.stuck.get(&lane).map(String::as_str)
    }

    /// Nothing is written there until a person has looked.
    pub(super) fn stick(&mut self, lane: LaneId, why: String) {
        self.stuck.insert(lane, why);
    }

    /// An open swap is looked at as soon as nothing is being swapped.
    pub(super) fn now(&mut self, now: Utc) {
        self.due = Some(now);
    }

    pub(super) fn later(&mut self, now: Utc) {
        self.due = Some(now.plus_seconds(AGAIN_S));
    }

    /// What waits is looked at now: its instant may lie far ahead.
    pub(super) fn jumped(&mut self, now: Utc) {
        self.due = self.due.map(|_| now);
    }

    /// Asks again for what could not be settled: the disk may have room by then.
    pub(super) fn drive(&mut self, swapping: bool, now: Utc, effects: &mut Effects) {
        let Some(due) = self.due else { return };
        if due > now || swapping {
            return effects.wake_by(Some(due.max(now.plus_seconds(1))));
        }
        self.due = None;
        effects.push(Effect::Recover);
    }
}

impl Core {
    pub(crate) fn on_recovered(&mut self, found: Result<Vec<Recovered>, PortError>, now: Now) {
        let Ok(found) = found else { return self.swaps.recover_later(now.wall) };
        for settled in found.iter().filter_map(|one| one.committed.as_ref()) {
            self.world.read_back(settled.lane.clone(), false);
        }
        for one in found.iter().filter(|one| one.settled && !one.stuck) {
            self.swaps.recovery.stuck.remove(&one.lane);
            self.notices.end(&Cause::Stuck(one.lane));
        }
        self.after_recovery(&found, now);
        for provider in self.world.providers() {
            self.seats.look(provider, &mut self.effects);
        }
    }

    pub(crate) fn after_recovery(&mut self, recovered: &[Recovered], now: Now) {
        if recovered.iter().any(|found| !found.settled) {
            self.swaps.recover_later(now.wall);
        }
        for found in recovered {
            tracing::warn!(stuck = found.stuck, settled = found.settled, text = %found.text, "an open swap of the last run");
            if found.stuck {
                self.swaps.recovery.stick(found.lane, found.text.clone());
                self.tell(Word::stuck(found.lane, &found.text), now);
            }
        }
    }
}
