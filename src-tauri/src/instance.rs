//! One tray per data directory. A second start opens the first one's window and ends.
//!
//! The tray has its own lock and socket beside the driver's, because two trays may attach to the
//! same `sluice daemon`. The hand-off carries no argument: connecting is the whole message.

use sluice_driver::{
    Paths,
    lock::{self, Held, LockError},
    socket,
};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// The longest the second start waits for the first to take its connection.
const HAND_OFF: Duration = Duration::from_secs(2);

/// Held while this is the one tray.
pub struct Sole {
    _lock: Held,
    listener: UnixListener,
    /// No tray was ever started on this data directory before.
    pub first: bool,
}

/// What starting found.
pub enum Found {
    /// This is the one tray.
    Sole(Sole),
    /// Another one runs and was asked to open its window; the text says who.
    Other(String),
}

/// The tray's own directory.
#[must_use]
pub fn directory(paths: &Paths) -> PathBuf {
    paths.home().join("tray")
}

/// Takes the tray's lock, or hands over to the tray that has it.
///
/// # Errors
/// When the data directory cannot be used; the text says why and what was kept.
pub async fn take(paths: &Paths) -> Result<Found, String> {
    let own = Paths::at(directory(paths));
    let first = !own.home().exists();
    lock::private_dir(paths.home())
        .map_err(|error| format!("{} cannot be made: {error}", paths.home().display()))?;
    match lock::take(&own, "sluice tray") {
        Ok(held) => {
            let listener = socket::bind(&own)
                .and_then(socket::listen)
                .map_err(|error| format!("{}: {error}", own.socket().display()))?;
            Ok(Found::Sole(Sole { _lock: held, listener, first }))
        }
        Err(LockError::Taken { holder }) => {
            let asked = tokio::time::timeout(HAND_OFF, UnixStream::connect(own.socket())).await;
            let heard = matches!(asked, Ok(Ok(_)));
            Ok(Found::Other(if heard { holder } else { format!("{holder}, not answering") }))
        }
        Err(unusable @ LockError::Unusable { .. }) => Err(unusable.to_string()),
    }
}

impl Sole {
    /// Resolves each time another start of ours wants the window. Never ends with an error: a broken
    /// connection is a start that changed its mind.
    pub async fn asked(&self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if is_ours(&stream) => return,
                Ok(_) => tracing::warn!("a connection of another user was closed"),
                Err(error) => {
                    tracing::warn!(%error, "a start could not be heard");
                    // Out of descriptors, most likely: wait for one instead of spinning.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_start_is_heard_by_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::at(dir.path().join("data"));
        let Found::Sole(first) = take(&paths).await.unwrap() else { panic!("already running") };
        assert!(first.first, "nobody was here before");
        let second = take(&paths).await.unwrap();
        assert!(matches!(second, Found::Other(holder) if holder.contains("sluice tray")));
        tokio::time::timeout(Duration::from_secs(60), first.asked()).await.unwrap();
        drop(first);
        let Found::Sole(again) = take(&paths).await.unwrap() else { panic!("still running") };
        assert!(!again.first);
    }
}
