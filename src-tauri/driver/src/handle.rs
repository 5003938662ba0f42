//! The driver in this process, as its callers hold it.

use sluice_protocol::{Answer, Code, Notice, Request, View, deadline, refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// One request on its way to the loop.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes; closed when the asker has stopped waiting.
    pub answer: oneshot::Sender<Answer>,
}

/// The driver in this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) calls: mpsc::Sender<Call>,
    pub(crate) views: watch::Receiver<Arc<View>>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) ended: watch::Receiver<bool>,
    pub(crate) failed: Arc<AtomicBool>,
}

impl Handle {
    /// Asks and waits for the answer, at most its [`deadline`].
    pub async fn call(&self, request: Request) -> Answer {
        let (answer, told) = oneshot::channel();
        let deadline = deadline(&request);
        let asked = async {
            // Reserve, then send: a request is either in the queue or was never taken.
            let Ok(place) = self.calls.reserve().await else { return gone() };
            place.send(Call { request, answer });
            told.await.unwrap_or_else(|_| gone())
        };
        tokio::time::timeout(deadline, asked).await.unwrap_or_else(|_| late())
    }

    /// The current view and every later one.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// Notices from now on; a slow reader loses the oldest.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Resolves when the driver has ended.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // An error means the sender is gone, which is the same news.
        let _gone = ended.wait_for(|ended| *ended).await;
    }

    /// Whether a driver that has ended could not even begin.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Ends the driver and waits, at most `cap`.
    pub async fn shut_down(&self, cap: Duration) {
        let ending = async {
            let _done = self.call(Request::Quit).await;
            self.ended().await;
        };
        if tokio::time::timeout(cap, ending).await.is_err() {
            tracing::warn!("the driver did not end in time; leaving it");
        }
    }
}

fn gone() -> Answer {
    refused(Code::Ended, "Sluice is ending; nothing was changed. Start it again and repeat.")
}

pub(crate) fn late() -> Answer {
    refused(
        Code::Timeout,
        "No answer in time. What was asked may still be carried out; look at the status \
         before asking again.",
    )
}
