//! What is written down and looked up, and notices on their way out.

use super::{LEDGER_DEADLINE, Performer, ledger_trouble, wait_for};
use crate::api::Answer;
use crate::core::{AGE_MAX_S, CallId, Input, Port, Then};
use crate::link::refused;
use crate::ports::{Query, Record};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Performer {
    /// Hands notices to whoever shows them. With nobody there they wait, here and in the ledger,
    /// until somebody comes or they are too old.
    pub(super) fn deliver(&mut self) {
        let now = self.clock.now().wall;
        while self.ears.notices.receiver_count() > 0
            && let Some((notice, row, at)) = self.untold.pop_front()
        {
            if now.seconds_since(at) > AGE_MAX_S as f64 || self.ears.notices.send(notice).is_err() {
                continue;
            }
            if let Some(row) = row {
                self.store(Record::Told { row, at: now }, Then::Nothing);
            }
        }
    }

    pub(super) fn store(&self, record: Record, then: Then) {
        let submitted = self.ledger.submit(move |ledger| ledger.record(&record));
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            let result = match submitted {
                Ok(answered) => wait_for(answered, LEDGER_DEADLINE, Port::Ledger, &inputs).await,
                Err(missed) => Err(missed),
            };
            let result = result.unwrap_or_else(|missed| Err(ledger_trouble(missed)));
            let _ended = inputs.send(Input::Stored { then, result }).await;
        });
    }

    /// A look that takes seconds has a hold of its own on the database, so that nothing waits for it.
    pub(super) fn look_long(&self, query: Query, waiting: oneshot::Sender<Answer>) {
        let open = Arc::clone(&self.parts.ledger);
        tokio::task::spawn_blocking(move || {
            let answer =
                open().query(&query).unwrap_or_else(|trouble| refused(trouble.code, trouble.text));
            let _gone = waiting.send(answer);
        });
    }

    pub(super) fn look(&mut self, query: Query, call: CallId) {
        let Some(waiting) = self.waiting.remove(&call) else { return };
        if matches!(query, Query::Replay { .. }) {
            return self.look_long(query, waiting);
        }
        let ledger = self.ledger.clone();
        tokio::spawn(async move {
            let looked = ledger.run(LEDGER_DEADLINE, move |ledger| ledger.query(&query)).await;
            let answer = match looked.unwrap_or_else(|missed| Err(ledger_trouble(missed))) {
                Ok(answer) => answer,
                Err(trouble) => refused(trouble.code, trouble.text),
            };
            let _gone = waiting.send(answer);
        });
    }
}
