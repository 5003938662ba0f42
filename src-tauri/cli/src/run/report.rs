//! Telling what a tool said against its account: to the ledger for a lane with a seat per account,
//! to the driver for the machine default, whose credential only the driver places.

use super::launch::Launch;
use super::now;
use super::observe::{self, Evidence, Seen};
use sluice_driver::Paths;
use sluice_driver::api::{Answer, Request};
use sluice_driver::parts::engine::skip::{FailureKind, Out};
use sluice_driver::parts::engine::{AccountId, Utc};
use sluice_driver::parts::ledger::spool::{self, Spooled};
use sluice_driver::parts::ledger::{
    Error, FailureReport, LaneRow, Ledger, Style, Verdict, by_headroom,
};
use sluice_driver::socket::Client;
use std::time::{Duration, Instant};

/// How long a report waits for another hand in the same lane.
const WAIT: Duration = Duration::from_secs(10);
/// How long an ordered swap is waited for.
const CARRIED_OUT: Duration = Duration::from_secs(20);
/// How often an ordered swap is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What came of a report.
pub struct Moved {
    /// For the person.
    pub text: String,
    /// Starting the tool again is worth it.
    pub retry: bool,
}

/// Reports a failure; `None` when there is nothing to say about it.
pub async fn failure(
    ledger: &mut Ledger,
    paths: &Paths,
    launch: &Launch,
    execution: &str,
    evidence: &Evidence,
) -> Option<Moved> {
    let (seen, account) = (evidence.failure?, launch.account?);
    let lane = launch.lane.as_ref();
    let report = FailureReport {
        dedupe: format!("{execution}:{}", launch.generation.0),
        execution: Some(execution.to_owned()),
        lane: lane.map(|row| row.lane.id),
        account,
        generation: Some(launch.generation),
        kind: seen.kind,
        model: None,
        source: "wrapper".to_owned(),
        failed_at: now(),
        resets_at: seen.resets_at,
        shadowed: !launch.shadowed.is_empty(),
        late: false,
    };
    let Some(lane) = lane.filter(|_| !report.shadowed) else {
        remember(ledger, &report);
        return None;
    };
    if launch.pointer {
        let told = ledger.report_failure(&report, Style::Pointer, now(), WAIT, &mut |field| {
            with_seat(paths, field)
        });
        return match told {
            Ok(verdict) => Some(said(ledger, &verdict)),
            Err(error) => {
                observe::unreported(&error.to_string());
                None
            }
        };
    }
    remember(ledger, &report);
    ask_driver(ledger, paths, lane, account, &seen, report.failed_at).await
}

/// Only accounts that have a seat of their own can take a lane of seats.
fn with_seat(paths: &Paths, field: &sluice_driver::parts::ledger::Field) -> Option<AccountId> {
    let provider = field.lane.lane.provider;
    let mut ready = field.clone();
    ready.places.retain(|place| super::launch::ready(paths, provider, place.account));
    by_headroom(&ready)
}

fn remember(ledger: &mut Ledger, report: &FailureReport) {
    if let Err(error) = ledger.record_failure(report, now()) {
        observe::unreported(&error.to_string());
    }
}

async fn ask_driver(
    ledger: &Ledger,
    paths: &Paths,
    lane: &LaneRow,
    account: AccountId,
    seen: &Seen,
    failed_at: Utc,
) -> Option<Moved> {
    let request = Request::Report {
        account,
        generation: lane.lane.generation,
        auth: seen.kind == FailureKind::Auth,
        window: observe::window(seen.class).to_owned(),
        failed_at_ms: failed_at.millis(),
        resets_at_ms: seen.resets_at.map(Utc::millis),
    };
    let Some(client) = Client::attach(paths, false).await else {
        let text = "the account refuses work, and Sluice is not running to put another one live";
        return Some(Moved { text: text.to_owned(), retry: false });
    };
    let answer = client.call(&request).await;
    let (text, retry) = match answer {
        Answer::Reported { outcome, current, .. } => match outcome.as_str() {
            "ordered" | "under_way" => return carried_out(ledger, lane).await,
            "stale" => ("another account is live already", current != Some(account)),
            "advised" => ("the account refuses work; Sluice advises another one", false),
            "disabled" => ("the account refuses work; automatic swaps are off", false),
            _ => ("the account refuses work, and no other one has room", false),
        },
        Answer::Refused(refused) => return Some(Moved { text: refused.text, retry: false }),
        _ => ("the running Sluice gave an answer that is not understood", false),
    };
    Some(Moved { text: text.to_owned(), retry })
}

/// Waits until the lane has moved on, or the order has failed.
async fn carried_out(ledger: &Ledger, lane: &LaneRow) -> Option<Moved> {
    let deadline = Instant::now() + CARRIED_OUT;
    while Instant::now() < deadline {
        if let Ok(Some(found)) = ledger.lane(lane.lane.id)
            && found.lane.generation > lane.lane.generation
        {
            let text = format!("{} is live now", label(ledger, found.lane.active));
            return Some(Moved { text, retry: true });
        }
        tokio::time::sleep(LOOK).await;
    }
    let text = "the swap to another account has not ended yet".to_owned();
    Some(Moved { text, retry: false })
}

fn label(ledger: &Ledger, account: Option<AccountId>) -> String {
    let row = account.and_then(|id| ledger.account(id).ok().flatten());
    row.map_or_else(|| "another account".to_owned(), |row| row.label)
}

fn said(ledger: &Ledger, verdict: &Verdict) -> Moved {
    let told = |text: &str| Moved { text: text.to_owned(), retry: false };
    match verdict {
        Verdict::Swapped { to, .. } => {
            Moved { text: format!("the lane is on {} now", label(ledger, Some(*to))), retry: true }
        }
        Verdict::Stale { current, retry_advised, .. } => Moved {
            text: format!("the lane is on {} already", label(ledger, *current)),
            retry: *retry_advised,
        },
        Verdict::Ordered { .. } | Verdict::UnderWay { .. } => told("a swap is under way"),
        Verdict::NoAlternative { .. } => {
            told("the account refuses work, and no other one has room")
        }
        Verdict::Disabled => told("the account refuses work; automatic swaps are off in this lane"),
        Verdict::Unattributed | Verdict::Late => told("the failure was noted"),
    }
}

/// Leaves an account that is known to be walled before the tool is started on it. `true` when the
/// lane moved.
pub async fn leave_walled(ledger: &mut Ledger, paths: &Paths, launch: &Launch) -> bool {
    let (Some(lane), Some(account)) = (&launch.lane, launch.account) else { return false };
    let skip = match ledger.skip(account) {
        Ok(Some(skip)) if launch.shadowed.is_empty() => skip,
        _ => return false,
    };
    let Some(out) = skip.out(now(), lane.lane.model.as_deref()) else { return false };
    if launch.pointer {
        let left = ledger.leave_walled(lane.lane.id, Style::Pointer, now(), WAIT, &mut |field| {
            with_seat(paths, field)
        });
        return matches!(left, Ok(Some(Verdict::Swapped { .. } | Verdict::Stale { .. })));
    }
    let Some(class) = walled_class(skip.kind) else { return false };
    let resets_at = match out {
        Out::Until(at) => Some(at),
        Out::UntilSignIn => None,
    };
    let seen = Seen { class, kind: skip.kind, resets_at, structured: true };
    let moved = ask_driver(ledger, paths, lane, account, &seen, now()).await;
    moved.is_some_and(|moved| moved.retry)
}

const fn walled_class(kind: FailureKind) -> Option<sluice_driver::parts::providers::FailureClass> {
    use sluice_driver::parts::providers::FailureClass as Class;
    match kind {
        FailureKind::RateLimit => Some(Class::LimitUnspecified),
        FailureKind::Billing => Some(Class::Billing),
        // The driver knows of a refused login by itself.
        FailureKind::Auth => None,
    }
}

/// The ledger did not take the end of a run: it is left for the driver.
pub fn spool_end(
    paths: &Paths,
    execution: &str,
    at: Utc,
    exit_code: Option<i32>,
    reason: &str,
    error: &Error,
) {
    let event = Spooled::Finished {
        execution: execution.to_owned(),
        at,
        exit_code,
        reason: reason.to_owned(),
    };
    let left = spool::write(&spool::directory(&paths.database()), execution, &event);
    tracing::debug!(%error, spooled = left.is_ok(), "the end was not recorded");
}
