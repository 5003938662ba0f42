//! The one loop and its ports: observe → decide → journal → act → record → tell.
//!
//! Knows tokio, not Tauri.

pub mod api;
