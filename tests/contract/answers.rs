//! Parts of answers that endpoints of several providers share.

use super::accounts::FakeAccount;
use super::http::Response;
use chrono::{DateTime, SecondsFormat};
use serde_json::json;
use sluice_engine::Utc;

/// What a login may do.
pub const SCOPES: &str = "user:profile user:inference user:sessions:claude_code user:mcp_servers \
     user:file_upload user:plugins";

/// The name a personal organisation gets.
#[must_use]
pub fn organization_name(account: &FakeAccount) -> String {
    format!("{}'s Organization", account.spec.email)
}

/// An instant as the provider writes it: microseconds and a numeric offset.
#[must_use]
pub fn rfc3339(at: Utc) -> String {
    let at = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}

pub(super) fn refusal(status: u16, kind: &str, message: &str) -> Response {
    let body = json!({
        "type": "error", "error": {"type": kind, "message": message}, "request_id": null,
    });
    Response::json(status, &body)
}

pub(super) fn faulty_status(
    status: u16,
    body: Option<&str>,
    retry_after: Option<&str>,
) -> Response {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    };
    let mut response = match body {
        Some(body) => Response { status, ..plain(status, body) },
        None => refusal(status, kind, "Refused on demand."),
    };
    if let Some(value) = retry_after {
        response.headers.push(("retry-after", value.to_owned()));
    }
    response
}

pub(super) fn plain(status: u16, body: &str) -> Response {
    let kind = if body.trim_start().starts_with('<') { "text/html" } else { "application/json" };
    Response {
        status,
        headers: vec![("content-type", kind.to_owned())],
        body: body.as_bytes().to_vec(),
        fault: None,
    }
}
