//! Writes and look-ups, and notices on their way out.

use super::{LEDGER_DEADLINE, Performer, ledger_trouble, wait_for};
use crate::clock::Clock;
use crate::metrics::{self, Counters};
use crate::ports::{Ledger, PortError, Query, Record};
use crate::worker::Worker;
use sluice_core::Page;
use sluice_core::{AGE_MAX_S, AfterStore, CallId, Input, Port};
use sluice_engine::{AccountId, Provider};
use sluice_protocol::Answer;
use sluice_protocol::refused;
use std::sync::Arc;
use tokio::sync::oneshot;

type Book = Worker<Box<dyn Ledger>>;

/// Writes down what nothing waits for. A database that does not answer is told of elsewhere.
pub(super) fn note(ledger: &Book, record: Record) {
    let written = ledger.post(move |ledger| {
        if let Err(trouble) = ledger.record(&record) {
            tracing::warn!(%trouble, "something that was done is not in the record of activity");
        }
    });
    if let Err(missed) = written {
        tracing::warn!(%missed, "something that was done is not in the record of activity");
    }
}

/// Whose usage is about to be asked for.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) ledger: Book,
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    pub(super) account: AccountId,
    pub(super) provider: Provider,
}

/// A request that has gone out; dropped without an end, no answer came.
pub(super) struct Asked {
    ledger: Book,
    row: Option<oneshot::Receiver<Result<i64, PortError>>>,
    counters: Counters,
    provider: Provider,
    status: Option<u16>,
}

impl Asking {
    /// Written down before anything is sent, so that a crash makes the hour's budget look no larger
    /// than it is; a database that hangs holds no request up.
    /// `resets`: it goes to the endpoint of limit resets.
    pub(super) fn begin(self, resets: bool) -> Asked {
        let (account, provider) = (self.account, self.provider);
        let record = Record::Request { account, provider, resets, at: self.clock.now().wall };
        let row = self.ledger.submit(move |ledger| ledger.record(&record)).ok();
        let (ledger, counters) = (self.ledger, self.counters);
        Asked { ledger, row, counters, provider, status: None }
    }
}

/// A request for a plan, to be written down once it has ended.
pub(super) struct PlanNote {
    ledger: Book,
    clock: Clock,
    counters: Counters,
    account: AccountId,
    provider: Provider,
}

impl Asking {
    /// The same for a request for the account's plan.
    pub(super) fn plan(&self) -> PlanNote {
        let (ledger, clock, counters) = (self.ledger.clone(), self.clock, self.counters.clone());
        PlanNote { ledger, clock, counters, account: self.account, provider: self.provider }
    }
}

impl PlanNote {
    /// How it ended.
    pub(super) fn note(self, status: Option<u16>) {
        self.counters.counts().request(self.provider, "profile", status);
        let (account, provider, at) = (self.account, self.provider, self.clock.now().wall);
        note(&self.ledger, Record::PlanAsked { account, provider, at, status });
    }
}

impl Asked {
    /// How it ended.
    pub(super) fn end(mut self, status: Option<u16>) {
        self.status = status;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let status = self.status;
        self.counters.counts().request(self.provider, "usage", status);
        let Some(row) = self.row.take() else { return };
        let ledger = self.ledger.clone();
        // Waited for also when nobody knows how it ended: what nobody waits for is not written.
        tokio::spawn(async move {
            if let Ok(Ok(row)) = row.await
                && status.is_some()
            {
                note(&ledger, Record::RequestEnded { row, status });
            }
        });
    }
}

impl Performer {
    /// Hands notices to whoever shows them. With nobody there they wait, here and in the ledger,
    /// until somebody comes or they are too old.
    pub(super) fn deliver(&mut self) {
        let now = self.clock.now().wall;
        while self.listeners.notices.receiver_count() > 0
            && let Some((notice, row, at)) = self.untold.pop_front()
        {
            if now.seconds_since(at) > AGE_MAX_S as f64
                || self.listeners.notices.send(notice).is_err()
            {
                continue;
            }
            if let Some(row) = row {
                self.store(Record::NoticeShown { row, at: now }, AfterStore::Nothing);
            }
        }
    }

    pub(super) fn store(&self, record: Record, then: AfterStore) {
        if let Record::Decision { decision, provider, action, .. } = &record {
            self.counters.counts().decision(*provider, *action, decision.trigger);
        }
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

    /// Numbers for a collector: into the file beside the loop, or to whoever asked.
    pub(super) fn measure(&mut self, call: Option<CallId>, page: Page) {
        let text = metrics::render(&page, &self.counters.counts());
        let Some(call) = call else { return self.keep_metrics(Some(text)) };
        if let Some(waiting) = self.waiting.remove(&call) {
            // Whoever asked may have stopped waiting; that is theirs to know.
            let _gone = waiting.send(Answer::Metrics { text });
        }
    }

    /// Puts numbers into their file, or takes it away, beside the loop.
    pub(super) fn keep_metrics(&mut self, text: Option<String>) {
        let Some(metrics_file) = self.metrics_file.clone() else { return };
        if metrics_file.wish(text) {
            self.writing = Some(tokio::task::spawn_blocking(move || {
                if let Err(error) = metrics_file.put() {
                    tracing::warn!(%error, "the numbers for a collector could not be written");
                }
            }));
        }
    }

    /// Waits, not for long, until what was wished last for the collector's file has been done.
    pub(crate) async fn lay_down_metrics(&mut self) {
        if let Some(writing) = self.writing.take()
            && tokio::time::timeout(LEDGER_DEADLINE, writing).await.is_err()
        {
            tracing::warn!("the numbers for a collector could not be taken away in time");
        }
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
