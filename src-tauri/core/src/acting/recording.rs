//! A decided swap begins once its decision is in the ledger, so that the journal can name it.

use crate::Core;
use crate::ports::{PortError, SwapOrder};
use sluice_engine::Now;
use sluice_protocol::Mode;

/// A decided swap whose decision is being written down.
#[derive(Clone, Debug)]
struct Waiting {
    order: SwapOrder,
    /// Which of this run's decisions.
    number: u64,
}

/// The decided swap that waits for the row of its decision.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording {
    open: Option<Waiting>,
}

impl Recording {
    pub(super) fn order(&self) -> Option<&SwapOrder> {
        self.open.as_ref().map(|waiting| &waiting.order)
    }

    pub(super) fn add(&mut self, order: SwapOrder, number: u64) {
        self.open = Some(Waiting { order, number });
    }

    /// The ledger does not answer.
    pub(super) fn give_up(&mut self) -> Option<SwapOrder> {
        self.open.take().map(|waiting| waiting.order)
    }

    fn take(&mut self, number: u64) -> Option<SwapOrder> {
        self.open.take_if(|waiting| waiting.number == number).map(|waiting| waiting.order)
    }
}

impl Core {
    /// A decision was written down, or not; a swap is not held up by a log that cannot be written.
    pub(crate) fn on_recorded(&mut self, number: u64, row: Result<i64, PortError>, now: Now) {
        let Some(order) = self.swaps.recording.take(number) else { return };
        let order = named(order, row);
        if self.still_wanted(&order, now) {
            self.swap_between_turns(order, now);
        } else {
            // Never at once: what is decided and not wanted would be decided for ever.
            self.lanes.decide_again(order.lane, now.wall);
        }
    }

    /// What was decided a moment ago still holds: the lane is the same, and so is the person's will.
    pub(crate) fn still_wanted(&self, order: &SwapOrder, now: Now) -> bool {
        let lane = self.world.lane_of(order.provider);
        let same = lane.is_some_and(|lane| {
            lane.generation == order.generation && !lane.gates.paused(now.wall)
        });
        let auto = self.settings.mode(order.provider) == Mode::Auto && !self.settings.stopped;
        let free =
            self.swaps.under_way().is_none() && self.may_swap(order.provider, order.to.0).is_ok();
        same && auto && free && !self.ending
    }
}

/// The order with the row of its decision, or with the cause why it has none.
fn named(order: SwapOrder, row: Result<i64, PortError>) -> SwapOrder {
    match row {
        Ok(row) => SwapOrder { decision: Some(row), ..order },
        Err(trouble) => {
            let reason = format!(
                "{} Its decision could not be written down: {}",
                order.reason, trouble.text
            );
            SwapOrder { reason, ..order }
        }
    }
}
