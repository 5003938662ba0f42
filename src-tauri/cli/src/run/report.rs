//! Reports what a tool said against its account: to the ledger for a lane with a seat per account, to the
//! driver for the machine's own seat, because only the driver swaps there.

use super::launch::Launch;
use super::now;
use super::observe::{self, Evidence};
use sluice_driver::Paths;
use sluice_driver::lanes::with_seat;
use sluice_driver::socket::{self, Client};
use sluice_engine::limits::NEARLY_FULL_PERCENT;
use sluice_engine::observation::Fact;
use sluice_engine::{AccountId, Generation, LaneId, Observation, Percent, Source, Usage, Utc};
use sluice_ledger::spool::{self, Spooled};
use sluice_ledger::{Error, FailureReport, LaneRow, Ledger, Style, Used, Verdict};
use sluice_protocol::{Answer, FailureKind, ReportOutcome, Request};
use std::time::{Duration, Instant};

/// How long a report waits for another hand in the same lane.
const WAIT: Duration = Duration::from_secs(10);
/// How long an ordered swap is waited for.
const CARRIED_OUT: Duration = Duration::from_secs(20);
/// How often an ordered swap is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// How long another reading is waited for: what the driver itself allows for one of the live account,
/// and a moment.
const READ: Duration = Duration::from_secs(55);
/// A reading older than this says nothing of now, seconds.
const READING_S: f64 = 900.0;

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
    let (place, at) = (&launch.place, now());
    let seen = evidence.failure?;
    let row = ledger.execution(execution).ok().flatten()?;
    let (account, generation, moving) = match ledger.used_at(&row, at).ok()? {
        Used::Known { account, generation } => (account, generation, false),
        Used::Moving { before: Some(account), generation } => (account, generation, true),
        Used::Moving { before: None, .. } | Used::Nobody => return None,
    };
    // Room says nothing about a login that is refused.
    let is_limit = seen.kind != FailureKind::Auth;
    if !seen.structured && is_limit && has_room(ledger, paths, account).await {
        let name = label(ledger, Some(account));
        let text = format!("it reads like a limit, but {name} has room; nothing was changed");
        return Some(Moved { text, retry: false });
    }
    let report = FailureReport {
        dedupe: format!("{execution}:{}", generation.0),
        execution: Some(execution.to_owned()),
        lane: place.lane.as_ref().map(|row| row.lane.id),
        account,
        generation: Some(generation),
        kind: seen.kind,
        window: observe::window(seen.class),
        source: "wrapper".to_owned(),
        failed_at: at,
        resets_at: seen.resets_at,
        softer: seen.softer,
        shadowed: !launch.shadowed.is_empty(),
        late: false,
    };
    let Some(lane) = place.lane.as_ref().filter(|_| !report.shadowed) else {
        remember(ledger, &report);
        return None;
    };
    if moving {
        let noted = ledger.record_moving(&report, at);
        tracing::debug!(?noted, "a failure at the time of a swap");
        return Some(gone_on(ledger, lane));
    }
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
    ask_driver(ledger, paths, (lane.lane.id, generation), &report).await
}

/// Hands on the numbers that a tool told of the account it uses. Where that is not known for sure, they
/// are nobody's.
pub fn numbers(ledger: &Ledger, paths: &Paths, launch: &Launch, execution: &str, mut usage: Usage) {
    let (at, sure) =
        (now(), launch.shadowed.is_empty() && usage.windows().any(|one| one.window.used.is_some()));
    let row = ledger.execution(execution).ok().flatten().filter(|_| sure);
    let used = row.and_then(|row| ledger.used_at(&row, at).ok());
    let Some(Used::Known { account, .. }) = used else { return };
    usage.observed_at = Some(at);
    let fact = Fact::Usage(usage);
    let event = Spooled::Observed(Observation { account, at, source: Source::Hook, fact });
    // One file per account: only the newest counts.
    let name = format!("run-{}", account.0);
    let left = spool::write(&spool::directory(&paths.database()), &name, &event);
    tracing::debug!(spooled = left.is_ok(), "numbers of a run");
    socket::nudge(paths);
}

/// The lane moved while the tool failed: another try is worth it unless the account it has now is
/// known to refuse work.
fn gone_on(ledger: &Ledger, lane: &LaneRow) -> Moved {
    let active = ledger.lane(lane.lane.id).ok().flatten().and_then(|row| row.lane.active);
    let text = "another account is live already".to_owned();
    Moved { text, retry: active.is_some_and(|id| !is_walled(ledger, id, lane)) }
}

/// Whether the account is known to refuse the work of a lane: a tool told so, or its provider.
fn is_walled(ledger: &Ledger, account: AccountId, lane: &LaneRow) -> bool {
    let (skip, standing) = (ledger.skip(account), ledger.standing(account));
    let out = skip.ok().flatten().and_then(|skip| skip.out(now(), lane.lane.model.as_deref()));
    let blocked = standing.ok().flatten().and_then(|standing| standing.usage.blocked(now()));
    out.is_some() || blocked.is_some()
}

/// Whether a reading speaks against what is only a wording. The provider is asked once more, so that
/// work done since the last reading counts.
async fn has_room(ledger: &Ledger, paths: &Paths, account: AccountId) -> bool {
    if !shows_room(ledger, account) {
        return false;
    }
    let asked = tokio::time::timeout(READ, async {
        let client = Client::attach(paths, false).await?;
        Some(client.call(&Request::ReadUsage { account }).await)
    });
    let asked = asked.await;
    tracing::debug!(answered = matches!(asked, Ok(Some(Answer::Login(_)))), "asked once more");
    shows_room(ledger, account)
}

/// A reading of lately names a window, and none of them is nearly full.
fn shows_room(ledger: &Ledger, account: AccountId) -> bool {
    let Some(usage) = ledger.standing(account).ok().flatten().map(|standing| standing.usage) else {
        return false;
    };
    let recent = usage.observed_at.is_some_and(|at| now().seconds_since(at) <= READING_S);
    let windows = usage.windows();
    let mut shares = windows.filter_map(|one| one.window.used.map(Percent::get)).peekable();
    recent && shares.peek().is_some() && shares.all(|used| used < NEARLY_FULL_PERCENT)
}

fn remember(ledger: &mut Ledger, report: &FailureReport) {
    if let Err(error) = ledger.record_failure(report, now()) {
        observe::unreported(&error.to_string());
    }
}

async fn ask_driver(
    ledger: &Ledger,
    paths: &Paths,
    lane: (LaneId, Generation),
    report: &FailureReport,
) -> Option<Moved> {
    let request = Request::Failure(crate::failure::remembered(report));
    let Some(client) = Client::attach(paths, false).await else {
        let text = "the account refuses work, and Sluice is not running to put another one live";
        return Some(Moved { text: text.to_owned(), retry: false });
    };
    let answer = client.call(&request).await;
    let (text, retry) = match answer {
        Answer::Reported(told) => match told.outcome {
            ReportOutcome::Ordered | ReportOutcome::UnderWay => {
                return carried_out(ledger, lane).await;
            }
            ReportOutcome::Stale => ("another account is live already", told.retry_advised),
            ReportOutcome::Advised => {
                ("the account refuses work; Sluice advises another one", false)
            }
            ReportOutcome::Resting => {
                let text = "the account refuses work; automatic swaps rest at the moment \
                            (`sluice status` says until when)";
                (text, false)
            }
            ReportOutcome::Disabled => ("the account refuses work; automatic swaps are off", false),
            _ => ("the account refuses work, and no other one has room", false),
        },
        Answer::Refused(refused) => return Some(Moved { text: refused.text, retry: false }),
        _ => ("the running Sluice gave an answer that is not understood", false),
    };
    Some(Moved { text: text.to_owned(), retry })
}

/// Waits until the lane has moved on, or the order has failed.
async fn carried_out(ledger: &Ledger, (lane, left): (LaneId, Generation)) -> Option<Moved> {
    let deadline = Instant::now() + CARRIED_OUT;
    while Instant::now() < deadline {
        if let Ok(Some(found)) = ledger.lane(lane)
            && found.lane.generation > left
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
    if !launch.shadowed.is_empty() || !is_walled(ledger, account, lane) {
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
    match told.outcome {
        ReportOutcome::Ordered | ReportOutcome::UnderWay => {
            let left = (lane.lane.id, place.generation);
            carried_out(ledger, left).await.is_some_and(|moved| moved.retry)
        }
        ReportOutcome::Stale => true,
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
