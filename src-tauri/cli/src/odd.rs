//! What was odd about what a tool told here, on its way to `sluice doctor`.

use sluice_driver::Paths;
use sluice_engine::Provider;
use sluice_ledger::spool::{self, Spooled};
use sluice_providers::json::{Oddity, under};

/// Leaves it for the driver; `from` says who told. What waits there already is enough: the same document
/// comes many times a minute.
pub fn leave(paths: &Paths, provider: Provider, from: &str, oddities: &[Oddity]) {
    let directory = spool::directory(&paths.database());
    let name = format!("odd-{from}-{}", provider.name());
    if oddities.is_empty() || directory.join(format!("{name}.json")).exists() {
        return;
    }
    let told = oddities.iter().map(|one| (placed(from, &one.path), one.odd.name().to_owned()));
    let left = spool::write(&directory, &name, &Spooled::Odd { provider, odd: told.collect() });
    tracing::debug!(spooled = left.is_ok(), from, "something odd");
}

/// A path below the one who told; the empty path is all of what was told.
fn placed(from: &str, path: &str) -> String {
    if path.is_empty() { from.to_owned() } else { under(from, path) }
}
