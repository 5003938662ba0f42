//! What is wanted of the outside, in the order in which it arose, and when the core wants to be woken.
//! Every machine writes its effects here; the router hands them out.

use super::{AfterStore, CallId, Effect, Record};
use alloc::boxed::Box;
use alloc::vec::Vec;
use sluice_engine::Utc;
use sluice_protocol::Answer;

/// What one input brought about.
#[derive(Debug, Default)]
pub(super) struct Effects {
    queue: Vec<Effect>,
    wake_at: Option<Utc>,
    /// Reminders asked for since the start.
    reminders: u64,
}

impl Effects {
    pub(super) fn push(&mut self, effect: Effect) {
        self.queue.push(effect);
    }

    /// Hands a record to the ledger.
    pub(super) fn store(&mut self, record: Record, then: AfterStore) {
        self.push(Effect::Store { record: Box::new(record), then });
    }

    pub(super) fn answer(&mut self, call: CallId, answer: Answer) {
        self.push(Effect::Answer(call, Box::new(answer)));
    }

    /// Asks to be reminded after so many seconds of real time.
    pub(super) fn remind(&mut self, after_s: u32) -> u64 {
        self.reminders += 1;
        self.push(Effect::Remind { id: self.reminders, after_s });
        self.reminders
    }

    /// Asks to be woken by then.
    pub(super) fn wake_by(&mut self, due: Option<Utc>) {
        self.wake_at = match (self.wake_at, due) {
            (Some(known), Some(due)) => Some(known.min(due)),
            (known, due) => known.or(due),
        };
    }

    /// Nobody has asked to be woken yet.
    pub(super) fn sleep(&mut self) {
        self.wake_at = None;
    }

    pub(super) const fn wake_at(&self) -> Option<Utc> {
        self.wake_at
    }

    pub(super) fn take(&mut self) -> Vec<Effect> {
        core::mem::take(&mut self.queue)
    }
}
