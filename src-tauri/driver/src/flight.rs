//! Tools at work, looked after beside the loop: rows of dead processes are closed at the start, once
//! a minute and after a sleep; what hooks left in the spool is taken in. Has its own connection, so
//! that neither side waits for the other.

use crate::clock::Clock;
use crate::core::Input;
use crate::ports::ToolNumbers;
use sluice_engine::observation::Fact;
use sluice_engine::{AccountId, Provider, Usage};
use sluice_ledger::{Kernel, Ledger};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// Real time between two passes; a sleep of the machine ends the pause early or just after it.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs until the loop no longer listens.
pub(crate) async fn watch(database: PathBuf, inputs: mpsc::Sender<Input>, clock: Clock) {
    let mut first = true;
    while !inputs.is_closed() {
        let (path, starting) = (database.clone(), first);
        let passed = tokio::task::spawn_blocking(move || pass(&path, starting, clock)).await;
        first = false;
        for (provider, numbers) in passed.unwrap_or_default() {
            if inputs.send(Input::ToolNumbers { provider, numbers }).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = inputs.closed() => return,
        }
    }
}

/// One pass. Whatever goes wrong is logged; the next pass tries again.
fn pass(path: &std::path::Path, starting: bool, clock: Clock) -> Vec<(Provider, ToolNumbers)> {
    let mut ledger = match Ledger::attach(path) {
        Ok(ledger) => ledger,
        Err(error) => {
            tracing::warn!(%error, "tools at work were not looked at");
            return Vec::new();
        }
    };
    let now = clock.now().wall;
    if let Some(kernel) = Kernel::here() {
        let closed = if starting {
            ledger.reconcile_at_start(&kernel, now).actions.len()
        } else {
            ledger.reconcile(&kernel, now, true).map_or(0, |pass| pass.actions.len())
        };
        if closed > 0 {
            tracing::info!(closed, "runs of dead processes closed");
        }
    }
    match ledger.replay(now) {
        Ok(replayed) => {
            if replayed.odd > 0 {
                tracing::warn!(files = replayed.odd, "events in the spool were not understood");
            }
            let told = replayed.observations.into_iter().filter_map(|seen| match seen.fact {
                Fact::Usage(usage) => numbers(&ledger, seen.account, usage),
                _ => None,
            });
            told.collect()
        }
        Err(error) => {
            tracing::warn!(%error, "the spool was not read");
            Vec::new()
        }
    }
}

fn numbers(ledger: &Ledger, account: AccountId, usage: Usage) -> Option<(Provider, ToolNumbers)> {
    let row = ledger.account(account).ok().flatten().filter(|row| row.removed_at.is_none())?;
    Some((row.provider, ToolNumbers { account: row.key, usage }))
}
