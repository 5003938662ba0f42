//! How long an answer may take, and which requests need no driver. In one place, because the loop, the socket
//! and the command line must agree on both.

use crate::{Answer, Code, Refused, Request};
use core::time::Duration;

/// The longest a front end waits for any answer (real time).
pub const CALL_DEADLINE: Duration = Duration::from_secs(60);

/// The longest a front end waits for the answer to this request: what has a bound of its own answers
/// by that, a little earlier.
#[must_use]
pub const fn deadline(request: &Request) -> Duration {
    match request {
        Request::ReadAll => Duration::from_secs(305),
        Request::ReadUsage { .. } | Request::Validate { .. } => Duration::from_secs(65),
        _ => CALL_DEADLINE,
    }
}

/// Whether the window may ask this. What it may not ask is for others: streams, hooks, launches, the
/// end of the driver; and no path and no address comes from a page.
#[must_use]
pub const fn window_may_ask(request: &Request) -> bool {
    match request {
        Request::Status
        | Request::Add { .. }
        | Request::Remove { .. }
        | Request::Rename { .. }
        | Request::Reorder { .. }
        | Request::SetEnabled { .. }
        | Request::SetAutomatic { .. }
        | Request::SetResets { .. }
        | Request::Swap { .. }
        | Request::PointLane { .. }
        | Request::SetLaneAutomatic { .. }
        | Request::SetCap { .. }
        | Request::Reconcile { .. }
        | Request::Release { .. }
        | Request::LookAtRuns
        | Request::Pause { .. }
        | Request::Resume { .. }
        | Request::SetMode { .. }
        | Request::Stop
        | Request::Start
        | Request::Refresh { .. }
        | Request::ReadUsage { .. }
        | Request::Validate { .. }
        | Request::ReadAll
        | Request::RestartTool { .. }
        | Request::Decisions { .. }
        | Request::Swaps { .. }
        | Request::History { .. }
        | Request::Stranded { .. }
        | Request::Replay { .. }
        | Request::Settings
        | Request::Set { .. }
        | Request::Snooze { .. } => true,
        Request::Watch
        | Request::Acquire(_)
        | Request::Started { .. }
        | Request::Finished { .. }
        | Request::Failure(_)
        | Request::LeaveWalled { .. }
        | Request::BindLane { .. }
        | Request::Renew { .. }
        | Request::Metrics { .. }
        | Request::Quit => false,
    }
}

/// It changes nothing and can be answered without a driver, from what is kept.
#[must_use]
pub const fn only_looks(request: &Request) -> bool {
    matches!(
        request,
        Request::Status
            | Request::Watch
            | Request::Decisions { .. }
            | Request::Swaps { .. }
            | Request::History { .. }
            | Request::Stranded { .. }
            | Request::Replay { .. }
            | Request::Metrics { .. }
            | Request::Settings
            | Request::Quit
    )
}

/// A refusal without a time to try again.
#[must_use]
pub fn refused(code: Code, text: impl Into<String>) -> Answer {
    Answer::Refused(Refused::new(code, text))
}
