//! What Codex's refusals mean: structured fields first, wording last.

use crate::failure::FailureClass as Class;
use crate::json::Oddities;
use crate::words::{self, classify_text};
use serde_json::Value;
use sluice_engine::Utc;

/// Which endpoint refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The usage endpoint.
    Usage,
    /// The token endpoint.
    Token,
    /// The model endpoint, as another program saw it.
    Responses,
}

/// A refusal, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it means.
    pub class: Class,
    /// Why a refresh token is dead: `expired`, `reused`, `revoked`.
    pub reason: Option<&'static str>,
    /// When the limit empties.
    pub resets_at: Option<Utc>,
}

/// The meaning of an answer that arrived at `at`; `None` for a success.
#[must_use]
pub fn classify(asked: Asked, status: u16, body: &[u8], at: Utc) -> Option<Refused> {
    let mut odd = Oddities::default();
    let document = odd.document(body);
    let body = document.as_ref().filter(|body| body.is_object());
    let plain = |class| Refused { class, reason: None, resets_at: None };
    if (200..=299).contains(&status) {
        // An error that came with a success is never the empty answer it would be read as.
        let error = body.filter(|body| body["error"].is_object() || body["error"].is_string())?;
        let told = by_code(error).unwrap_or(Class::Unknown);
        // The end of a login needs a clear word, and this contradicts itself.
        let class = if told.permanent() { Class::BadOutput } else { told };
        let of_endpoint = class == Class::Throttled && asked == Asked::Usage;
        return Some(plain(if of_endpoint { Class::UsageEndpointThrottled } else { class }));
    }
    let Some(body) = body else {
        return Some(plain(match status {
            429 if asked == Asked::Usage => Class::UsageEndpointThrottled,
            429 => Class::Throttled,
            529 => Class::Overloaded,
            408 | 500..=599 => Class::ServerError,
            _ => Class::EdgeBlock,
        }));
    };
    if let Some(reason) = dead(asked, status, body) {
        return Some(Refused { reason: Some(reason), ..plain(Class::InvalidGrant) });
    }
    let class = by_code(body).unwrap_or_else(|| by_status(asked, status, body));
    let error = &body["error"];
    let resets_at = odd.instant(error.get("resets_at"), "error.resets_at").or_else(|| {
        let left = odd.number(error.get("resets_in_seconds"), "error.resets_in_seconds")?;
        (0.0..1e9).contains(&left).then(|| at.plus_seconds(left as i64))
    });
    Some(Refused { resets_at, ..plain(class) })
}

/// The code of a refusal, wherever this version of the endpoint puts it.
fn code(body: &Value) -> Option<&str> {
    let error = &body["error"];
    error["code"].as_str().or(error.as_str()).or(body["code"].as_str())
}

/// Why the refresh token is dead, when it is. Another 400 leaves it alive.
fn dead(asked: Asked, status: u16, body: &Value) -> Option<&'static str> {
    if asked != Asked::Token || !matches!(status, 400 | 401 | 403) {
        return None;
    }
    match code(body) {
        Some("refresh_token_expired") => Some("expired"),
        Some("refresh_token_reused") => Some("reused"),
        Some("refresh_token_invalidated") => Some("revoked"),
        Some("invalid_grant") => Some("invalid"),
        Some("invalid_client" | "invalid_request") => None,
        _ if status == 401 => Some("refused"),
        _ => None,
    }
}

fn by_code(body: &Value) -> Option<Class> {
    let kind = body["error"]["type"].as_str();
    Some(match kind.into_iter().chain(code(body)).find(|it| *it != "invalid_request_error")? {
        "usage_limit_reached" => Class::LimitUnspecified,
        "usage_not_included" => Class::PlanIneligible,
        "insufficient_quota" => Class::Billing,
        "rate_limit_exceeded" | "rate_limit_error" => Class::Throttled,
        "server_is_overloaded" | "slow_down" => Class::Overloaded,
        "token_invalidated" => Class::AuthInvalid,
        "token_expired" => Class::AuthExpired,
        "token_revoked" => Class::AuthRevoked,
        "invalid_api_key" => Class::AuthApiKey,
        "account_deactivated"
        | "account_disabled"
        | "account_suspended"
        | "deactivated_workspace"
        | "workspace_deactivated" => Class::AuthOrgDisabled,
        "invalid_client" => Class::InvalidClient,
        "invalid_request" => Class::InvalidRequest,
        _ => return None,
    })
}

fn by_status(asked: Asked, status: u16, body: &Value) -> Class {
    let worded = || {
        let text = body["error"]["message"].as_str().or(body["detail"].as_str());
        text.and_then(|text| classify_text(words::CODEX, text))
    };
    match status {
        429 if asked == Asked::Usage => Class::UsageEndpointThrottled,
        429 => worded().unwrap_or(Class::Throttled),
        529 => Class::Overloaded,
        408 | 500..=599 => Class::ServerError,
        400 | 422 => Class::InvalidRequest,
        401 => worded().unwrap_or(Class::AuthExpired),
        402 => Class::Billing,
        403 => worded().unwrap_or(Class::Forbidden),
        300..=399 => Class::EdgeBlock,
        _ => Class::Unknown,
    }
}
