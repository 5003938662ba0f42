//! A failure that a run or a hook recorded, on its way to the driver.

use sluice_engine::Utc;
use sluice_ledger::FailureReport;
use sluice_protocol::Failure;

/// What was remembered of a failure.
#[must_use]
pub fn remembered(report: &FailureReport) -> Failure {
    Failure {
        execution: report.execution.clone(),
        lane: None,
        account: Some(report.account),
        generation: report.generation,
        kind: report.kind,
        window: report.window.as_ref().map(|window| window.name().to_owned()),
        failed_at_ms: report.failed_at.millis(),
        reset_at_ms: report.resets_at.map(Utc::millis),
        softer: report.softer,
        source: report.source.clone(),
        dedupe_key: Some(report.dedupe.clone()),
    }
}
