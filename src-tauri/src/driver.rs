//! Finds the driver: in this process, or the one that already holds the data directory.

use sluice_driver::{Config, Link, Paths, attach_or_start};

/// The driver of this data directory.
///
/// # Errors
/// Why there is none, for people.
pub async fn reach(paths: &Paths) -> Result<Link, String> {
    let config = Config { role: "sluice tray".to_owned(), offline: false };
    attach_or_start(paths, config).await.map_err(|error| error.to_string())
}
