//! `sluice daemon`: the loop without a desktop.

use crate::{Exit, render};
use sluice_driver::{Config, Paths};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A daemon that was told to end does so within this time.
const FAREWELL: Duration = Duration::from_secs(5);

/// Drives until it is told to end.
pub async fn run(paths: &Paths) -> Exit {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (mut terminate, mut interrupt) = match signals {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => {
            render::complain(&format!("signals cannot be heard: {error}"));
            return Exit::Failed;
        }
    };
    let config = Config { role: "sluice daemon".to_owned(), offline: false };
    let handle = match sluice_driver::start_asking(paths, config) {
        Ok(handle) => handle,
        Err(error) => {
            render::complain(&error.to_string());
            return Exit::Failed;
        }
    };
    tracing::info!(home = %paths.home().display(), "driving");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = handle.ended() => {
            if handle.failed() {
                render::complain(
                    "the driver could not begin; the log says why. Nothing was changed.",
                );
                return Exit::Failed;
            }
            return Exit::Done;
        }
    }
    tracing::info!("ending");
    handle.shut_down(FAREWELL).await;
    Exit::Done
}
