//! Decisions taken again from the worlds they were taken in: with the same rules to prove that
//! they come out the same, with another policy to see what it would have done.

use serde::Serialize;
use sluice_engine::{Action, Mono, Now, Policy, Trigger, Utc, World};
use sluice_ledger::{DecisionQuery, Ledger};
use sluice_protocol::DecisionAction;
use std::path::Path;

/// Decisions looked at in one go.
const PAGE: u32 = 500;
/// Differences listed.
const LISTED_MAX: usize = 200;

/// A decision that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Ledger row.
    pub decision: i64,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// What was done.
    pub was: String,
    /// What comes out now.
    pub now: String,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Decisions with their world.
    pub decisions: u64,
    /// Those that came out the same.
    pub same: u64,
    /// Those whose world is not the one that was recorded; they are not judged.
    pub damaged: u64,
    /// Those without a world any more.
    pub without_world: u64,
    /// Those that came out otherwise, newest first, at most 200.
    pub different: Vec<Difference>,
}

/// A short digest of a world: FNV-1a, 64 bits, hexadecimal. Finds damage, proves nothing.
#[must_use]
pub fn digest(world: &str) -> String {
    let hash = world.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Takes every decision in `database` since `since` again, under `policy` or the recorded rules.
///
/// # Errors
/// When the database cannot be read; nothing was changed.
pub fn replay(database: &Path, since: Utc, policy: Option<Policy>) -> Result<Replayed, String> {
    let ledger = Ledger::attach(database).map_err(|error| error.to_string())?;
    let mut replayed = Replayed::default();
    let mut before = None;
    loop {
        let query =
            DecisionQuery { since: Some(since), before, limit: PAGE, ..DecisionQuery::default() };
        let rows = ledger.decisions(&query).map_err(|error| error.to_string())?;
        for row in &rows {
            let whole = ledger.decision(row.id).map_err(|error| error.to_string())?;
            if let Some(row) = whole {
                judge(&row, policy, &mut replayed);
            }
        }
        before = rows.last().map(|row| row.id);
        if rows.len() < PAGE as usize {
            return Ok(replayed);
        }
    }
}

fn judge(row: &sluice_ledger::DecisionRow, policy: Option<Policy>, replayed: &mut Replayed) {
    let Some(text) = &row.world else {
        replayed.without_world += 1;
        return;
    };
    let world =
        (digest(text) == row.digest).then(|| serde_json::from_str::<World>(text).ok()).flatten();
    let Some(mut world) = world else {
        replayed.damaged += 1;
        return;
    };
    if let Some(policy) = policy {
        world.rules.policy = policy;
    }
    replayed.decisions += 1;
    let now = Now { wall: row.at, mono: Mono(row.at.millis()) };
    let again = world.decide(row.lane, now);
    let target = match again.action {
        Action::Swap { to } => Some(to),
        Action::Stay => None,
    };
    let was = if row.outcome == DecisionAction::Stay { None } else { row.target };
    // The driver may hold a swap back for reasons outside the engine; it says so as an abort.
    let held_back = row.trigger == Trigger::SwapAborted && policy.is_none();
    // To the last bit: numbers are compared as they are.
    let same_details = policy.is_some()
        || (again.trigger == row.trigger
            && again.best == row.best
            && again.candidates == row.candidates);
    if held_back || (target == was && same_details) {
        replayed.same += 1;
    } else if replayed.different.len() < LISTED_MAX {
        let words = |target: Option<sluice_engine::AccountId>, trigger: Trigger| {
            target.map_or_else(
                || format!("stay ({})", trigger.name()),
                |to| format!("swap to account {} ({})", to.0, trigger.name()),
            )
        };
        replayed.different.push(Difference {
            decision: row.id,
            at_ms: row.at.millis(),
            was: words(was, row.trigger),
            now: words(target, again.trigger),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_changes_with_every_byte_and_is_stable() {
        assert_eq!(digest(""), "cbf29ce484222325");
        assert_eq!(digest("a"), "af63dc4c8601ec8c");
        assert_ne!(digest("{\"accounts\":[1,2]}"), digest("{\"accounts\":[2,1]}"));
    }
}
