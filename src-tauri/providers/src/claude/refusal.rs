//! What Claude's refusals mean: structured fields first, words last.

use crate::failure::FailureClass as Class;
use http::HeaderMap;
use serde_json::Value;

/// Which endpoint refused; the same status means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `/api/oauth/usage`.
    Usage,
    /// `/api/oauth/profile`.
    Profile,
    /// The token endpoint.
    Token,
    /// `/v1/messages`, as another program saw it.
    Messages,
}

/// The class of an answer; `None` for a success.
#[must_use]
pub fn classify(asked: Asked, status: u16, _headers: &HeaderMap, body: &[u8]) -> Option<Class> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    Some(match status {
        200..=299 => return None,
        429 if asked == Asked::Usage => Class::UsageEndpointThrottled,
        429 => Class::Throttled,
        529 => Class::Overloaded,
        500..=599 => Class::ServerError,
        _ if json.is_none() => Class::EdgeBlock,
        401 => Class::AuthExpired,
        403 => Class::Forbidden,
        _ => Class::Unknown,
    })
}
