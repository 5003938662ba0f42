//! The one loop and its ports: observe → decide → journal → act → record → tell.
//!
//! Knows tokio, not Tauri.

pub mod api;
pub mod clock;
pub mod link;
pub mod lock;
pub mod paths;
pub mod socket;

pub use link::{Handle, Link};
pub use paths::Paths;
