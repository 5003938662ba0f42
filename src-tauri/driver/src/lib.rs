//! The one loop and its ports: observe → decide → journal → act → record → tell.
//!
//! Knows tokio, not Tauri.

pub mod adapters;
pub mod api;
pub mod calendar;
pub mod checkup;
pub mod clock;
pub mod compare;
pub mod core;
pub mod explain;
pub mod export;
mod flight;
pub mod hours;
pub mod inbox;
pub mod label;
pub mod lanes;
pub mod link;
pub mod lock;
pub mod logs;
mod meter;
pub mod metrics;
pub mod outlook;
pub mod paths;
pub mod perform;
pub mod ports;
pub mod replay;
mod run;
pub mod settings;
pub mod simulate;
pub mod socket;
pub mod spoken;
pub mod text;
pub mod vault;
mod view;
mod watch;
pub mod watchdog;
pub mod whereabouts;
pub mod worker;

pub use link::{Handle, Link};
pub use paths::Paths;
pub use run::{
    Config, PATIENCE, StartError, attach_or_start, look, start, start_asking, start_here,
    start_watched, start_with,
};

/// What `sluice run` and the hooks use themselves, so that they work beside every driver and
/// without one.
pub mod parts {
    pub use sluice_engine as engine;
    pub use sluice_ledger as ledger;
    pub use sluice_providers as providers;
}
