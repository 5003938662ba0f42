//! The running program around the core: the loop, its workers and adapters, the socket, locks, logs.
//!
//! Knows tokio, not Tauri.

pub mod adapters;
pub mod checkup;
pub mod clock;
pub mod export;
mod handle;
pub mod inbox;
pub mod lanes;
pub mod link;
pub mod lock;
pub mod logs;
mod meter;
pub mod metrics;
pub mod moving;
pub mod parts;
pub mod paths;
pub mod perform;
pub mod ports;
mod run;
mod runs;
pub mod socket;
pub mod spoken;
pub mod vault;
mod watch;
pub mod watchdog;
pub mod whereabouts;
pub mod worker;

pub use handle::Handle;
pub use link::Link;
pub use paths::Paths;
pub use run::{
    Config, PATIENCE, StartError, attach_or_start, look, start, start_asking, start_here,
    start_watched, start_with,
};
