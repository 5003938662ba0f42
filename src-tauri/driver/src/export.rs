//! The activity of the last weeks as one document: every request sent and every swap made. No
//! secret, no mail address: accounts by number.

use crate::paths::Paths;
use serde::Serialize;
use sluice_engine::Utc;
use sluice_ledger::{Ledger, RequestRow, SwapRow};

/// Rows of each kind.
const ROWS_MAX: u32 = 100_000;

/// A request that was sent, or a credential that was written (`host` is `seat` or `vault` then).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// What it was for.
    pub kind: String,
    /// Whose account, by number.
    pub account: Option<i64>,
    /// The host that was asked, or `vault` or `seat` for a credential that was written.
    pub host: String,
    /// The path that was asked.
    pub path: String,
    /// HTTP status, when one came.
    pub status: Option<u16>,
    /// Requests that were left in the hour.
    pub budget_left: Option<u32>,
    /// A word on what happened (`captured`, `swapped` …).
    pub note: Option<String>,
}

/// A swap that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// `claude` or `codex`.
    pub provider: &'static str,
    /// The account that left, by number.
    pub from: Option<i64>,
    /// The account that came.
    pub to: i64,
    /// Who asked.
    pub asked_by: &'static str,
    /// The decision behind it, by number.
    pub decision: Option<i64>,
    /// The branch.
    pub trigger: &'static str,
    /// Why it was ordered, in a sentence.
    pub reason: String,
    /// How it ended.
    pub status: &'static str,
    /// What failed.
    pub error: Option<String>,
}

/// The whole record of activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// Requests, newest first.
    pub requests: Vec<Request>,
    /// Swaps, newest first.
    pub swaps: Vec<Swap>,
}

/// Reads the activity since an instant.
///
/// # Errors
/// When the database cannot be read; nothing was changed.
pub fn activity(paths: &Paths, since: Utc) -> Result<Activity, String> {
    let ledger = Ledger::attach(&paths.database()).map_err(|error| error.to_string())?;
    let requests =
        ledger.requests(since, Utc(i64::MAX), ROWS_MAX).map_err(|error| error.to_string())?;
    let swaps = ledger.swaps(ROWS_MAX, None).map_err(|error| error.to_string())?;
    Ok(Activity {
        requests: requests.into_iter().map(request).collect(),
        swaps: swaps.into_iter().filter(|row| row.swap.at >= since).map(swap).collect(),
    })
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn request(row: RequestRow) -> Request {
    Request {
        at_ms: row.at.millis(),
        kind: word(&row.kind),
        account: row.account.map(|id| id.0),
        host: row.host,
        path: row.path,
        status: row.status,
        budget_left: row.budget_left,
        note: row.note,
    }
}

fn swap(row: SwapRow) -> Swap {
    Swap {
        at_ms: row.swap.at.millis(),
        provider: row.swap.provider.name(),
        from: row.swap.from.map(|id| id.0),
        to: row.swap.to.0,
        asked_by: row.swap.asked_by.name(),
        decision: row.swap.decision,
        trigger: row.swap.trigger.name(),
        reason: row.swap.reason,
        status: row.status.name(),
        error: row.error,
    }
}
