//! How a front end reaches the driver: in its own process or over the local socket.

use crate::handle::Handle;
use crate::socket::Client;
use sluice_protocol::{Answer, Notice, Request, View};
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

/// The one way to the driver.
#[derive(Clone, Debug)]
pub enum Link {
    /// In this process.
    Local(Handle),
    /// In another process, over its socket.
    Remote(Client),
}

impl Link {
    /// Asks and waits for the answer; always ends.
    pub async fn call(&self, request: Request) -> Answer {
        match self {
            Self::Local(handle) => handle.call(request).await,
            Self::Remote(client) => client.call(&request).await,
        }
    }

    /// The current view and every later one.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        match self {
            Self::Local(handle) => handle.views(),
            Self::Remote(client) => client.views(),
        }
    }

    /// Resolves when the driver has ended, or the way to it is gone; at once where nothing follows
    /// it (see [`Client::attach`]).
    pub async fn ended(&self) {
        match self {
            Self::Local(handle) => handle.ended().await,
            Self::Remote(client) => client.gone().await,
        }
    }

    /// Notices from now on.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        match self {
            Self::Local(handle) => handle.notices(),
            Self::Remote(client) => client.notices(),
        }
    }
}
