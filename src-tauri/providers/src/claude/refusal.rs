//! What Claude's refusals mean: structured fields first, wording last.

use super::headers::unified_class;
use super::signals::refined;
use crate::failure::FailureClass as Class;
use crate::json::Oddities;
use crate::words::{self, classify_text};
use http::HeaderMap;
use serde_json::Value;

/// Which endpoint refused; the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The usage endpoint, `/api/oauth/usage`.
    Usage,
    /// The profile endpoint, `/api/oauth/profile`.
    Profile,
    /// The token endpoint.
    Token,
    /// `/v1/messages`, as another program saw it.
    Messages,
}

/// The class of an answer; `None` for a success.
#[must_use]
pub fn classify(asked: Asked, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Class> {
    let body = Oddities::default().document(body);
    let body = body.as_ref().filter(|body| body.is_object());
    if (200..=299).contains(&status) {
        return body.filter(|body| is_error(body)).map(|body| error_class(asked, body));
    }
    Some(match (asked, status) {
        (_, 300..=399) => Class::EdgeBlock,
        (_, 529) => Class::Overloaded,
        (Asked::Usage, 429) => Class::UsageEndpointThrottled,
        (Asked::Messages, 429) => unified_class(headers).unwrap_or(Class::Throttled),
        (_, 429) => Class::Throttled,
        // A server that fails is not believed on anything but its load.
        (_, 408 | 500..=599) => match body.and_then(by_type) {
            Some(Class::Overloaded) => Class::Overloaded,
            _ => Class::ServerError,
        },
        (Asked::Token, _) => body.map_or(Class::EdgeBlock, token_class),
        _ => body.map_or(Class::EdgeBlock, |body| api_class(status, body)),
    })
}

/// The body is an error, whatever its status says.
fn is_error(body: &Value) -> bool {
    body["type"] == "error" || body["error"].is_object() || body["error"].is_string()
}

/// An error that came with a success: never the empty answer it would be read as.
fn error_class(asked: Asked, body: &Value) -> Class {
    match asked {
        // The end of a login needs a clear word, and this contradicts itself.
        Asked::Token => match token_class(body) {
            ends if ends.permanent() => Class::BadOutput,
            told => told,
        },
        Asked::Usage | Asked::Profile | Asked::Messages => match by_type(body) {
            Some(Class::Throttled) if asked == Asked::Usage => Class::UsageEndpointThrottled,
            told => refined(told.unwrap_or(Class::Unknown), worded(body)),
        },
    }
}

fn worded(body: &Value) -> Option<Class> {
    let message = body["error"]["message"].as_str().or(body["message"].as_str());
    message.and_then(|text| classify_text(words::CLAUDE, text))
}

/// Refusals of the token endpoint. Anything but a clear "this token is dead" leaves it alive.
fn token_class(body: &Value) -> Class {
    match body["error"].as_str() {
        Some("invalid_grant") => Class::InvalidGrant,
        Some("invalid_client" | "unauthorized_client") => Class::InvalidClient,
        Some("invalid_request" | "unsupported_grant_type" | "invalid_scope") => {
            Class::InvalidRequest
        }
        _ => by_type(body).unwrap_or(Class::Unknown),
    }
}

/// Refusals of the API: the wording tells which kind of what the status and the type say, and never
/// makes something else of it.
fn api_class(status: u16, body: &Value) -> Class {
    let told = match status {
        400 | 422 => by_type(body).unwrap_or(Class::InvalidRequest),
        401 => Class::AuthExpired,
        402 => Class::Billing,
        403 => Class::Forbidden,
        _ => by_type(body).unwrap_or(Class::Unknown),
    };
    refined(told, worded(body))
}

fn by_type(body: &Value) -> Option<Class> {
    Some(match body["error"]["type"].as_str()? {
        "overloaded_error" => Class::Overloaded,
        "api_error" | "timeout_error" => Class::ServerError,
        "rate_limit_error" => Class::Throttled,
        "invalid_request_error" => Class::InvalidRequest,
        "authentication_error" => Class::AuthInvalid,
        "permission_error" => Class::Forbidden,
        "billing_error" => Class::Billing,
        _ => return None,
    })
}
