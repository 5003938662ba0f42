//! Finds the driver: in this process, or the one that already holds the data directory.

use sluice_driver::socket::Client;
use sluice_driver::{Link, Paths};

/// The driver of this data directory.
///
/// # Errors
/// Why there is none, for people.
pub async fn reach(paths: &Paths) -> Result<Link, String> {
    match Client::attach(paths, true).await {
        Some(client) => Ok(Link::Remote(client)),
        None => Err("No driver runs.".to_owned()),
    }
}
