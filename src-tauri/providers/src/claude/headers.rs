//! The limits in the headers of every answer to a model request. Only programs with such requests see them;
//! Sluice sends none and reads what others recorded.

use crate::failure::FailureClass as Class;
use http::HeaderMap;
use sluice_engine::{Block, Percent, Usage, Utc, Verdict, Window};

pub(super) const PREFIX: &str = "anthropic-ratelimit-unified-";

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
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
    let verdict = verdict(headers);
    Usage { verdict, ..Usage::of(window("5h"), window("7d")) }
}

/// What the headers say of the account as a whole; a refusal of one model alone is none of it.
fn verdict(headers: &HeaderMap) -> Option<Verdict> {
    match text(headers, "status")? {
        "allowed" | "allowed_warning" => Some(Verdict::Allowed),
        "rejected" => {
            let why = match unified_class(headers) {
                Some(Class::ModelWeeklyLimit) => return None,
                Some(Class::Billing) => Block::Spending,
                _ => Block::Limit,
            };
            Some(Verdict::Refused { why, until: unified_reset(headers) })
        }
        _ => None,
    }
}

/// The headers warn, and nothing is refused yet.
#[must_use]
pub fn is_warning(headers: &HeaderMap) -> bool {
    text(headers, "status") == Some("allowed_warning")
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
    let name = match unified_class(headers) {
        Some(Class::FiveHourLimit) => "5h-reset",
        Some(Class::WeeklyLimit) => "7d-reset",
        Some(Class::ModelWeeklyLimit) => "7d_oi-reset",
        _ if text(headers, "status") == Some("rejected") => "reset",
        _ => return None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &'static str)]) -> Option<Verdict> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = http::HeaderName::try_from(format!("{PREFIX}{name}")).unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        parse_headers(&headers).verdict
    }

    #[test]
    fn a_rejected_status_is_the_providers_verdict() {
        let until = Some(Utc::from_seconds(1_795_521_600));
        let refused = |why, until| Some(Verdict::Refused { why, until });
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[("status", "allowed_warning")]), Some(Verdict::Allowed));
        assert_eq!(told(&[("status", "rejected")]), refused(Block::Limit, None));
        let reset = ("reset", "1795521600");
        assert_eq!(told(&[("status", "rejected"), reset]), refused(Block::Limit, until));
        let paid = [("status", "rejected"), ("representative-claim", "overage"), reset];
        assert_eq!(told(&paid), refused(Block::Spending, until));
        let one_model =
            [("status", "rejected"), ("5h-status", "allowed"), ("7d-status", "allowed")];
        assert_eq!(told(&one_model), None, "other models still work");
    }
}
