//! Runs, looked after beside the loop: rows of dead processes are closed at the start, once a minute and
//! after a sleep, and what hooks left in the spool is taken in. On a thread of its own, so that neither side
//! waits for the other.

use crate::clock::Clock;
use crate::ports::{Depth, Runs};
use crate::worker::Worker;
use sluice_core::Input;
use std::time::Duration;
use tokio::sync::mpsc;

/// Real time between two sweeps; a sleep of the machine ends the pause early or just after it.
const PERIOD: Duration = Duration::from_secs(60);
/// One request or look: a lane's lock is waited for 10 s at most.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// The thread behind the port.
pub(crate) type RunsThread = Worker<Box<dyn Runs>>;

/// Runs until the loop no longer listens.
pub(crate) async fn watch(runs_thread: RunsThread, inputs: mpsc::Sender<Input>, clock: Clock) {
    let mut depth = Depth::First;
    while !inputs.is_closed() {
        look(&runs_thread, depth, &inputs, clock).await;
        depth = Depth::Sweep;
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = inputs.closed() => return,
        }
    }
}

/// One look, told to the loop.
pub(crate) async fn look(
    runs_thread: &RunsThread,
    depth: Depth,
    inputs: &mpsc::Sender<Input>,
    clock: Clock,
) {
    let looked = runs_thread.run(DEADLINE, move |runs| runs.look(depth, clock.now().wall)).await;
    match looked {
        Ok(look) => {
            let _ended = inputs.send(Input::Looked(Box::new(look))).await;
        }
        Err(missed) => tracing::warn!(%missed, "tools at work were not looked at"),
    }
}
