//! Telling what a tool said against its account: to the ledger for a lane with a seat per account,
//! to the driver for the machine default, whose credential only the driver places.

use super::launch::Launch;
use super::now;
use super::observe::{self, Evidence, Seen};
use sluice_driver::Paths;
use sluice_driver::api::{Answer, Failure, Request};
use sluice_driver::lanes::with_seat;
use sluice_driver::parts::engine::{AccountId, Utc};
use sluice_driver::parts::ledger::spool::{self, Spooled};
use sluice_driver::parts::ledger::{Error, FailureReport, LaneRow, Ledger, Style, Verdict};
use sluice_driver::socket::{self, Client};
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
    let place = &launch.place;
    let (seen, account) = (evidence.failure?, place.account?);
    let lane = place.lane.as_ref();
    let report = FailureReport {
        dedupe: format!("{execution}:{}", place.generation.0),
        execution: Some(execution.to_owned()),
        lane: lane.map(|row| row.lane.id),
        account,
        generation: Some(place.generation),
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
    if place.pointer {
        let told = ledger.report_failure(&report, Style::Pointer, now(), WAIT, &mut |field| {
            with_seat(paths, field)
        });
        // The driver tells the person of the swap; it looks at once.
        socket::nudge(paths);
        return match told {
            Ok(verdict) => Some(said(ledger, &verdict)),
            Err(error) => {
                observe::unreported(&error.to_string());
                None
            }
        };
    }
    remember(ledger, &report);
    ask_driver(ledger, paths, lane, &report, &seen).await
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
    report: &FailureReport,
    seen: &Seen,
) -> Option<Moved> {
    let window = Some(observe::window(seen.class).to_owned());
    let request = Request::Failure(Failure::remembered(report, window));
    let Some(client) = Client::attach(paths, false).await else {
        let text = "the account refuses work, and Sluice is not running to put another one live";
        return Some(Moved { text: text.to_owned(), retry: false });
    };
    let answer = client.call(&request).await;
    let (text, retry) = match answer {
        Answer::Reported(told) => match told.outcome.as_str() {
            "ordered" | "under_way" => return carried_out(ledger, lane).await,
            "stale" => ("another account is live already", told.retry_advised),
            "advised" => ("the account refuses work; Sluice advises another one", false),
            "resting" => {
                let text = "the account refuses work; automatic swaps rest at the moment \
                            (`sluice status` says until when)";
                (text, false)
            }
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
    let place = &launch.place;
    let (Some(lane), Some(account)) = (&place.lane, place.account) else { return false };
    let known = match ledger.skip(account) {
        Ok(Some(skip)) if launch.shadowed.is_empty() => skip,
        _ => return false,
    };
    if known.out(now(), lane.lane.model.as_deref()).is_none() {
        return false;
    }
    if place.pointer {
        let left = ledger.leave_walled(lane.lane.id, Style::Pointer, now(), WAIT, &mut |field| {
            with_seat(paths, field)
        });
        socket::nudge(paths);
        return matches!(left, Ok(Some(Verdict::Swapped { .. } | Verdict::Stale { .. })));
    }
    let Some(client) = Client::attach(paths, false).await else { return false };
    let request = Request::LeaveWalled { lane: lane.lane.id, generation: place.generation };
    let Answer::Reported(told) = client.call(&request).await else { return false };
    match told.outcome.as_str() {
        "ordered" | "under_way" => carried_out(ledger, lane).await.is_some_and(|moved| moved.retry),
        "stale" => true,
        _ => false,
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
