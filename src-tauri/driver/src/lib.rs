//! The one loop and its ports: observe → decide → journal → act → record → tell.
//!
//! Knows tokio, not Tauri.

pub mod api;
pub mod calendar;
pub mod clock;
pub mod core;
pub mod explain;
pub mod link;
pub mod lock;
pub mod paths;
pub mod ports;
pub mod settings;
pub mod simulate;
pub mod socket;
mod view;

pub use link::{Handle, Link};
pub use paths::Paths;
