//! When a view is published: after each input that changed it.

mod measuring;

use super::effects::Effects;
use super::{CallId, Effect};
use alloc::boxed::Box;
use sluice_engine::Utc;
use sluice_protocol::{Answer, View};

/// What front ends have.
#[derive(Debug, Default)]
pub(super) struct Publishing {
    revision: u64,
    last: View,
    measured: measuring::Measured,
}

impl Publishing {
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn publish(&mut self, mut view: View, now: Utc, effects: &mut Effects) {
        view.revision = self.last.revision;
        view.at_ms = self.last.at_ms;
        if view == self.last && self.revision > 0 {
            return;
        }
        self.revision += 1;
        view.revision = self.revision;
        view.at_ms = now.millis();
        self.last = view.clone();
        effects.push(Effect::Publish(Box::new(view)));
    }

    /// Answers with the view as it is now.
    pub(super) fn show(&self, call: CallId, mut view: View, now: Utc, effects: &mut Effects) {
        view.revision = self.revision;
        view.at_ms = now.millis();
        effects.answer(call, Answer::View(Box::new(view)));
    }
}
