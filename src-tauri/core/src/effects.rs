//! What is wanted of the outside, in the order in which it arose, and when the core wants to be woken.
//! Every machine writes its effects here; the router hands them out.

use super::{AfterStore, CallId, Effect, Record};
use crate::ports::PortError;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::Utc;
use sluice_protocol::{Answer, Code, Request, refused};

/// Why a request is not carried out: for programs, and in a sentence.
pub(super) type Refusal = (Code, String);

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

    pub(super) fn refuse(&mut self, call: CallId, code: Code, text: impl Into<String>) {
        self.answer(call, refused(code, text));
    }

    /// It is done, or why not.
    pub(super) fn conclude(&mut self, call: CallId, result: Result<(), PortError>) {
        match result {
            Ok(()) => self.answer(call, Answer::Done),
            Err(trouble) => self.refuse(call, trouble.code, trouble.text),
        }
    }

    /// Writes down what a request changed, and answers once the last of it is kept; or refuses.
    pub(super) fn keep(
        &mut self,
        call: CallId,
        changed: Result<impl IntoIterator<Item = Record>, Refusal>,
    ) {
        let records = match changed {
            Ok(records) => records,
            Err((code, text)) => return self.refuse(call, code, text),
        };
        let mut records = records.into_iter().peekable();
        while let Some(record) = records.next() {
            let then = if records.peek().is_some() {
                AfterStore::Nothing
            } else {
                AfterStore::Answer(call, Box::new(Answer::Done))
            };
            self.store(record, then);
        }
    }

    /// What concerns lanes and tools at work is carried out beside the loop.
    pub(super) fn about_runs(&mut self, call: CallId, request: Request) {
        if request == Request::LookAtRuns {
            self.push(Effect::LookAtRuns);
            return self.answer(call, Answer::Done);
        }
        self.push(Effect::AboutRuns { request: Box::new(request), call });
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
