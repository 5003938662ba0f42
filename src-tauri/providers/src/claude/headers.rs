//! The limits Claude sends with every answer to a model request. Only a program that makes such
//! requests sees them; Sluice reads what others recorded.

use crate::failure::FailureClass as Class;
use http::HeaderMap;
use sluice_engine::{Percent, Usage, Utc, Window};

const PREFIX: &str = "anthropic-ratelimit-unified-";

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(format!("{PREFIX}{name}"))?.to_str().ok().map(str::trim)
}

/// The windows in the headers: a share of 0 … 1 and seconds since the epoch.
#[must_use]
pub fn parse_headers(headers: &HeaderMap) -> Usage {
    let window = |name: &str| Window {
        used: text(headers, &format!("{name}-utilization"))
            .and_then(|share| share.parse::<f64>().ok())
            .filter(|share| (0.0..=100.0).contains(share))
            .and_then(|share| Percent::new(share * 100.0)),
        resets_at: reset(headers, &format!("{name}-reset")),
    };
    Usage { five_hour: window("5h"), seven_day: window("7d"), ..Usage::default() }
}

fn reset(headers: &HeaderMap, name: &str) -> Option<Utc> {
    text(headers, name).and_then(crate::json::written_instant)
}

/// Which limit refused, by the provider's own claim; `None` when the headers say nothing.
#[must_use]
pub fn unified_class(headers: &HeaderMap) -> Option<Class> {
    if text(headers, "status") != Some("rejected") {
        return None;
    }
    let is = |name: &str, wanted: &str| text(headers, name) == Some(wanted);
    // The account's own windows are open, so it is the model's.
    if is("5h-status", "allowed") && is("7d-status", "allowed") {
        return Some(Class::ModelWeeklyLimit);
    }
    text(headers, "representative-claim").and_then(claim_class).or_else(|| {
        let seven = is("7d-status", "rejected").then_some(Class::WeeklyLimit);
        seven.or_else(|| is("5h-status", "rejected").then_some(Class::FiveHourLimit))
    })
}

/// When the refusing limit empties.
#[must_use]
pub fn unified_reset(headers: &HeaderMap) -> Option<Utc> {
    let name = match unified_class(headers)? {
        Class::FiveHourLimit => "5h-reset",
        Class::WeeklyLimit => "7d-reset",
        Class::ModelWeeklyLimit => "7d_oi-reset",
        _ => "reset",
    };
    reset(headers, name).or_else(|| reset(headers, "reset"))
}

/// The class behind a limit's name, as headers and stream events spell it.
#[must_use]
pub fn claim_class(claim: &str) -> Option<Class> {
    match claim {
        "five_hour" => Some(Class::FiveHourLimit),
        "seven_day" => Some(Class::WeeklyLimit),
        "overage" => Some(Class::Billing),
        scoped if scoped.starts_with("seven_day_") => Some(Class::ModelWeeklyLimit),
        _ => None,
    }
}
