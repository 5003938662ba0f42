//! A thread of its own for a part that blocks: a bounded queue, a deadline for whoever waits.
//!
//! A call that has begun is never torn down: its answer comes late or not at all, and meanwhile
//! further calls fail at once instead of piling up.

use crate::clock::awake_ms;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// Not within the deadline.
    #[error("it does not answer")]
    Late,
    /// Too much is waiting already.
    #[error("it is busy")]
    Full,
    /// The thread is gone: a call panicked.
    #[error("it has failed")]
    Gone,
}

/// A part on its own thread; cheap to clone. The thread ends when the last clone is gone.
pub struct Worker<T> {
    jobs: SyncSender<Job<T>>,
    busy_since: Arc<AtomicI64>,
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone(), busy_since: Arc::clone(&self.busy_since) }
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Starts the thread; at most `queue` calls wait for it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(name: &str, part: T, queue: usize) -> std::io::Result<Self> {
        let (jobs, queued) = sync_channel(queue);
        let busy_since = Arc::new(AtomicI64::new(0));
        let busy = Arc::clone(&busy_since);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(part, &queued, &busy))?;
        Ok(Self { jobs, busy_since })
    }

    /// Hands a call over; the answer comes through the channel, however late.
    ///
    /// # Errors
    /// [`Missed::Full`] or [`Missed::Gone`]; the call was not taken then.
    pub fn submit<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<R>, Missed> {
        let (answer, answered) = oneshot::channel();
        let job: Job<T> = Box::new(move |part| {
            // Nobody waits any more and nothing was begun: leave it undone.
            if !answer.is_closed() {
                let _nobody_waits = answer.send(call(part));
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Missed::Full,
            TrySendError::Disconnected(_) => Missed::Gone,
        })?;
        Ok(answered)
    }

    /// Calls and waits, at most until the deadline; fails at once while an earlier call is
    /// overdue by the same measure.
    ///
    /// # Errors
    /// [`Missed`]; a call that was begun goes on alone.
    pub async fn run<R: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, Missed> {
        if self.busy_for() > deadline {
            return Err(Missed::Late);
        }
        let answered = self.submit(call)?;
        match tokio::time::timeout(deadline, answered).await {
            Ok(answer) => answer.map_err(|_| Missed::Gone),
            Err(_) => Err(Missed::Late),
        }
    }

    /// As [`Self::run`], for a caller that is itself on a thread of its own.
    ///
    /// # Errors
    /// [`Missed`]; a call that was begun goes on alone.
    pub fn ask<R: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, Missed> {
        let (answer, answered) = sync_channel(1);
        let job: Job<T> = Box::new(move |part| {
            let _nobody_waits = answer.send(call(part));
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Missed::Full,
            TrySendError::Disconnected(_) => Missed::Gone,
        })?;
        answered.recv_timeout(deadline).map_err(|error| match error {
            RecvTimeoutError::Timeout => Missed::Late,
            RecvTimeoutError::Disconnected => Missed::Gone,
        })
    }

    /// How long the present call has been running.
    #[must_use]
    pub fn busy_for(&self) -> Duration {
        match self.busy_since.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            since => Duration::from_millis(awake_ms().saturating_sub(since).max(0).unsigned_abs()),
        }
    }
}

fn work<T>(mut part: T, queued: &Receiver<Job<T>>, busy_since: &AtomicI64) {
    while let Ok(job) = queued.recv() {
        busy_since.store(awake_ms().max(1), Ordering::Release);
        job(&mut part);
        busy_since.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const SOON: Duration = Duration::from_millis(100);

    #[tokio::test(flavor = "current_thread")]
    async fn calls_run_in_order_on_one_thread() {
        let worker = Worker::spawn("count", 0_u32, 4).unwrap();
        for expected in 1..=3 {
            let counted = worker.run(Duration::from_secs(5), |count| {
                *count += 1;
                *count
            });
            assert_eq!(counted.await, Ok(expected));
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_hanging_call_is_late_and_later_calls_fail_fast_until_it_returns() {
        let worker = Worker::spawn("hang", (), 4).unwrap();
        let (release, wait) = channel::<()>();
        let hung = worker.run(SOON, move |()| wait.recv().is_ok()).await;
        assert_eq!(hung, Err(Missed::Late));
        let before = awake_ms();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(worker.run(SOON, |()| ()).await, Err(Missed::Late));
        assert!(awake_ms() - before < 90, "the second call must not wait for its own deadline");
        release.send(()).unwrap();
        assert_eq!(worker.run(Duration::from_secs(5), |()| 7).await, Ok(7));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_queue_is_bounded() {
        let worker = Worker::spawn("full", (), 1).unwrap();
        let (release, wait) = channel::<()>();
        let (began, begun) = channel();
        let first = worker.submit(move |()| (began.send(()), wait.recv().is_ok())).unwrap();
        begun.recv().unwrap();
        let _second = worker.submit(|()| ()).unwrap();
        assert_eq!(worker.submit(|()| ()).err(), Some(Missed::Full));
        release.send(()).unwrap();
        assert!(first.await.unwrap().1);
    }
}
