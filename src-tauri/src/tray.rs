//! The tray's thin back ends: they translate [`Menu`] and report clicks, nothing else.

use crate::icon::{self, Reading};
use crate::menu::{self, Act, Menu};
use crate::words::Moment;
use sluice_protocol::View;
use std::sync::Arc;
use tokio::sync::mpsc;

#[cfg(not(target_os = "linux"))]
#[path = "tray_native.rs"]
mod back;
#[cfg(target_os = "linux")]
#[path = "tray_sni.rs"]
mod back;

pub use back::Tray;

/// What the tray is drawn from.
#[derive(Clone, Debug)]
pub enum Shows {
    /// The driver's view.
    View(Arc<View>),
    /// There is no driver, and why.
    Trouble(String),
}

/// Reads the driver's clock; the demo's runs faster than the wall's.
pub type Now = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Everything a back end needs.
pub struct Parts {
    /// What is shown first.
    pub shows: Shows,
    /// The clock.
    pub now: Now,
    /// Where clicks go.
    pub clicks: mpsc::Sender<Act>,
}

impl Shows {
    fn menu(&self, moment: Moment) -> Menu {
        match self {
            Self::View(view) => menu::menu(view, moment),
            Self::Trouble(reason) => menu::without_driver(reason),
        }
    }

    fn tooltip(&self, moment: Moment) -> String {
        match self {
            Self::View(view) => menu::tooltip(view, moment),
            Self::Trouble(reason) => reason.clone(),
        }
    }

    fn reading(&self) -> Reading {
        match self {
            Self::View(view) => Reading::of(view),
            Self::Trouble(_) => {
                Reading { bars: icon::Bars::Two(None, None), state: icon::State::NeedsYou }
            }
        }
    }
}

/// A click that nobody takes any more is not worth blocking the panel for.
fn click(clicks: &mpsc::Sender<Act>, act: Act) {
    if clicks.try_send(act).is_err() {
        tracing::warn!("a click in the tray was dropped: too many wait");
    }
}
