//! What the page's commands and the tray share: the driver as it is found, and what is shown of it.

use crate::tray::Shows;
use crate::words::Moment;
use serde::Serialize;
use sluice_driver::Link;
use sluice_driver::clock::Clock;
use sluice_protocol::{Answer, CALL_DEADLINE, Code, Request, View, refused};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The event that carries a [`Shown`] to the page.
pub const VIEW_EVENT: &str = "view";

/// A view with the driver's clock at the moment it was handed over, so that the page can count down
/// without trusting that both clocks agree.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Shown {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The application's version.
    pub version: &'static str,
    /// Why there is no driver, when there is none.
    pub trouble: Option<String>,
    /// The view; empty until the driver has published one.
    pub view: Arc<View>,
}

/// The driver as the shell finds it.
#[derive(Clone, Debug)]
pub enum Reach {
    /// It is being looked for.
    Starting,
    /// It answers.
    Ready(Link),
    /// Why there is none, for people.
    Failed(String),
}

/// What the commands and the tray share.
pub struct Shell {
    /// The driver, as it is found.
    pub reach: watch::Receiver<Reach>,
    /// What starts a driver whenever there is none.
    pub keeper: AbortHandle,
    /// The driver's clock.
    pub clock: Clock,
}

impl Shell {
    /// The driver's clock in the person's zone.
    pub fn moment(&self) -> Moment {
        Moment::at(self.clock.now().wall.millis())
    }

    /// Asks the driver, once it is there.
    pub async fn ask(&self, request: Request) -> Answer {
        let mut reach = self.reach.clone();
        let settled = async {
            let settled = reach.wait_for(|reach| !matches!(reach, Reach::Starting)).await;
            settled.map_or(Reach::Starting, |reach| reach.clone())
        };
        let link = match tokio::time::timeout(CALL_DEADLINE, settled).await {
            Ok(Reach::Ready(link)) => Ok(link),
            Ok(Reach::Failed(reason)) => Err(reason),
            Ok(Reach::Starting) | Err(_) => {
                Err("Sluice is still starting; nothing was changed. Try again.".to_owned())
            }
        };
        match link {
            Ok(link) => link.call(request).await,
            Err(text) => refused(Code::NoDriver, text),
        }
    }

    /// What the page is given.
    pub fn shown(&self) -> Shown {
        let (view, trouble) = match &*self.reach.borrow() {
            Reach::Ready(link) => (link.views().borrow().clone(), None),
            Reach::Starting => (Arc::default(), None),
            Reach::Failed(reason) => (Arc::default(), Some(reason.clone())),
        };
        Shown { now_ms: self.moment().at_ms, version: env!("CARGO_PKG_VERSION"), trouble, view }
    }

    /// What the tray is given.
    pub fn shows(&self) -> Shows {
        match &*self.reach.borrow() {
            Reach::Ready(link) => Shows::View(link.views().borrow().clone()),
            Reach::Starting => Shows::Trouble("Starting…".to_owned()),
            Reach::Failed(reason) => Shows::Trouble(reason.clone()),
        }
    }
}
