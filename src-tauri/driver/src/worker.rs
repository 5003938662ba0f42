//! A thread of its own for each part that blocks: a bounded queue, a deadline for the caller.
//!
//! A call that has begun is never torn down: its answer comes late or not at all, and meanwhile
//! further calls fail at once instead of piling up.

use crate::clock::Since;
use crate::ports::Pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
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

/// Passed before each call of the part with this name; a part hangs while it is closed.
pub type Gate = Arc<dyn Fn(&'static str) -> Pending<()> + Send + Sync>;

fn missed<J>(error: mpsc::error::TrySendError<J>) -> NoAnswer {
    match error {
        mpsc::error::TrySendError::Full(_) => NoAnswer::Full,
        mpsc::error::TrySendError::Closed(_) => NoAnswer::Gone,
    }
}

/// What carries a part's calls out.
#[derive(Clone, Default)]
pub enum Hands {
    /// A thread for each part.
    #[default]
    Threads,
    /// A task for each part, for parts that never block: with a runtime whose time is paused, days
    /// of a hanging part pass in milliseconds.
    Tasks(Gate),
}

/// A part with hands of its own; cheap to clone. They rest when the last clone is gone.
pub struct Worker<T> {
    jobs: mpsc::Sender<Job<T>>,
    busy: Arc<Busy>,
}

/// Since when the present call has been running, in milliseconds from the start, plus one.
struct Busy {
    start: Since,
    since: AtomicU64,
}

impl Busy {
    fn begin(&self) {
        self.since.store(self.start.elapsed_ms() + 1, Ordering::Release);
    }

    fn end(&self) {
        self.since.store(0, Ordering::Release);
    }
}

impl<T> Clone for Worker<T> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone(), busy: Arc::clone(&self.busy) }
    }
}

impl<T: Send + 'static> Worker<T> {
    /// Gives the part its hands; at most `queue` calls wait for it.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        hands: &Hands,
        name: &'static str,
        part: T,
        queue: usize,
    ) -> std::io::Result<Self> {
        let (jobs, queued) = mpsc::channel(queue);
        let busy = Arc::new(Busy { start: Since::now(), since: AtomicU64::new(0) });
        let working = Arc::clone(&busy);
        match hands {
            Hands::Threads => {
                let named = std::thread::Builder::new().name(name.to_owned());
                named.spawn(move || work(part, queued, &working))?;
            }
            Hands::Tasks(gate) => {
                tokio::spawn(work_behind(Arc::clone(gate), name, part, queued, working));
            }
        }
        Ok(Self { jobs, busy })
    }

    /// Hands a call over; the answer comes through the channel, however late. A call that nobody
    /// waits for any more when its turn comes is left undone.
    ///
    /// # Errors
    /// [`NoAnswer::Full`] or [`NoAnswer::Gone`]; the call was not taken then.
    pub fn submit<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<R>, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let job: Job<T> = Box::new(move |part| {
            // Nobody waits any more and nothing was begun: leave it undone.
            if !answer.is_closed() {
                let _nobody_waits = answer.send(call(part));
            }
        });
        self.jobs.try_send(job).map_err(missed)?;
        Ok(answered)
    }

    /// Hands a call over that is carried out although nobody waits for it.
    ///
    /// # Errors
    /// [`NoAnswer::Full`] or [`NoAnswer::Gone`]; the call was not taken then.
    pub fn post(&self, call: impl FnOnce(&mut T) + Send + 'static) -> Result<(), NoAnswer> {
        self.jobs.try_send(Box::new(call)).map_err(missed)
    }

    /// Calls and waits, at most until the deadline; fails at once while an earlier call is
    /// overdue by the same measure.
    ///
    /// # Errors
    /// [`NoAnswer`]; a call that was begun goes on alone.
    pub async fn run<R: Send + 'static>(
        &self,
        deadline: Duration,
        call: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, NoAnswer> {
        if self.busy_for() > deadline {
            return Err(NoAnswer::Late);
        }
        let answered = self.submit(call)?;
        match tokio::time::timeout(deadline, answered).await {
            Ok(answer) => answer.map_err(|_| NoAnswer::Gone),
            Err(_) => Err(NoAnswer::Late),
        }
    }

    /// How long the present call has been running.
    #[must_use]
    pub fn busy_for(&self) -> Duration {
        match self.busy.since.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            since => {
                Duration::from_millis((self.busy.start.elapsed_ms() + 1).saturating_sub(since))
            }
        }
    }
}

fn work<T>(mut part: T, mut queued: mpsc::Receiver<Job<T>>, busy: &Busy) {
    while let Some(job) = queued.blocking_recv() {
        busy.begin();
        job(&mut part);
        busy.end();
    }
}

async fn work_behind<T>(
    gate: Gate,
    name: &'static str,
    mut part: T,
    mut queued: mpsc::Receiver<Job<T>>,
    busy: Arc<Busy>,
) {
    while let Some(job) = queued.recv().await {
        busy.begin();
        gate(name).await;
        job(&mut part);
        busy.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const SOON: Duration = Duration::from_millis(100);
    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(flavor = "current_thread")]
    async fn calls_run_in_order_on_one_thread() {
        let worker = Worker::spawn(&Hands::Threads, "count", 0_u32, 4).unwrap();
        for expected in 1..=3 {
            let counted = worker.run(PATIENCE, |count| {
                *count += 1;
                *count
            });
            assert_eq!(counted.await, Ok(expected));
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_was_posted_is_carried_out_although_nobody_waits_for_it() {
        let worker = Worker::spawn(&Hands::Threads, "post", 0_u32, 8).unwrap();
        let (release, wait) = channel::<()>();
        worker.post(move |_| assert!(wait.recv().is_ok())).unwrap();
        worker.post(|count| *count += 1).unwrap();
        drop(worker.submit(|count| *count += 10).unwrap());
        release.send(()).unwrap();
        assert_eq!(worker.run(PATIENCE, |count| *count).await, Ok(1));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_hanging_call_is_late_and_later_calls_fail_fast_until_it_returns() {
        let worker = Worker::spawn(&Hands::Threads, "hang", (), 4).unwrap();
        let (release, wait) = channel::<()>();
        let hung = worker.run(SOON, move |()| wait.recv().is_ok()).await;
        assert_eq!(hung, Err(NoAnswer::Late));
        while worker.busy_for() <= SOON {
            tokio::time::sleep(SOON / 10).await;
        }
        // Without any time of its own it can only end at the first look.
        let second = tokio::time::timeout(Duration::ZERO, worker.run(SOON, |()| ())).await;
        assert_eq!(second, Ok(Err(NoAnswer::Late)), "it must not wait for its own deadline");
        release.send(()).unwrap();
        assert_eq!(worker.run(PATIENCE, |()| 7).await, Ok(7));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_queue_is_bounded() {
        let worker = Worker::spawn(&Hands::Threads, "full", (), 1).unwrap();
        let (release, wait) = channel::<()>();
        let (began, begun) = channel();
        let first = worker.submit(move |()| (began.send(()), wait.recv().is_ok())).unwrap();
        begun.recv().unwrap();
        let _second = worker.submit(|()| ()).unwrap();
        assert_eq!(worker.submit(|()| ()).err(), Some(NoAnswer::Full));
        release.send(()).unwrap();
        assert!(first.await.unwrap().1);
    }
}
