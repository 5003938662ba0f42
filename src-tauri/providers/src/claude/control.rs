//! Claude Code asked about itself: answers to `get_usage`, and `auth status`.

use super::profile::Identity;
use super::usage::{UsageReply, read_usage};
use crate::json::Oddities;
use serde_json::Value;

/// The lines to write to the official tool (and to nothing else) so that it tells its own limits;
/// its input stays open until the answer came. No prompt is sent and no quota spent.
pub const USAGE_REQUESTS: [&str; 2] = [
    r#"{"type":"control_request","request_id":"init-1","request":{"subtype":"initialize"}}"#,
    r#"{"type":"control_request","request_id":"usage-1","request":{"subtype":"get_usage","skip_behaviors":true}}"#,
];
/// The name of the second one.
const USAGE_ID: &str = "usage-1";

/// Starts the tool for them: without a prompt, its hooks, servers and tools, and without a session that
/// stays.
pub const USAGE_ARGUMENTS: [&str; 13] = [
    "-p",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--verbose",
    "--no-session-persistence",
    "--strict-mcp-config",
    "--mcp-config",
    r#"{"mcpServers":{}}"#,
    "--tools",
    "",
    // Its own hooks would tell us of a session that is none.
    r#"--settings={"disableAllHooks":true,"remoteControlAtStartup":false}"#,
];

/// Reads one line of what the tool says; `None` for all but the answer to the request for usage. Total.
#[must_use]
pub fn usage_answer(line: &[u8]) -> Option<ControlReading> {
    let document: Value = serde_json::from_slice(line).ok()?;
    (document["response"]["request_id"] == USAGE_ID).then(|| parse_control(line))
}

/// What a `get_usage` answer amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlState {
    /// Numbers came.
    Answered,
    /// The tool said no.
    Error,
    /// A plan is known, its limits are not: ask again later.
    Incomplete,
    /// No plan and no limits: signed out, or on an API key. One such answer is no proof.
    SignedOutOrApiKey,
    /// Not the shape this version knows.
    BadOutput,
}

/// A `get_usage` answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlReading {
    /// What it amounts to.
    pub state: ControlState,
    /// `pro`, `max`, …
    pub plan: Option<String>,
    /// The numbers, when any came.
    pub reply: UsageReply,
}

/// Reads one line of the tool's control protocol. Total.
#[must_use]
pub fn parse_control(bytes: &[u8]) -> ControlReading {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    let response = document.as_ref().map(|document| &document["response"]);
    let body = response.map(|response| &response["response"]);
    let says_error = response.is_some_and(|response| response["subtype"] == "error");
    let mut reading = ControlReading {
        state: if says_error { ControlState::Error } else { ControlState::BadOutput },
        plan: None,
        reply: UsageReply::default(),
    };
    if let Some(body) = body.filter(|body| body.is_object() && !says_error) {
        read_body(body, &mut reading, &mut odd);
    }
    reading.reply.oddities = odd.into_vec();
    reading
}

fn read_body(body: &Value, reading: &mut ControlReading, odd: &mut Oddities) {
    reading.plan = odd.text(body.get("subscription_type"), "subscription_type");
    let available = odd.boolean(body.get("rate_limits_available"), "rate_limits_available");
    reading.state = match (body.get("rate_limits"), &reading.plan) {
        (Some(Value::Object(limits)), _) => {
            reading.reply = read_usage(limits, odd);
            ControlState::Answered
        }
        (None | Some(Value::Null), Some(_)) => ControlState::Incomplete,
        (None | Some(Value::Null), None) if available == Some(false) => {
            ControlState::SignedOutOrApiKey
        }
        (None | Some(Value::Null), None) if available == Some(true) => ControlState::Incomplete,
        _ => ControlState::BadOutput,
    };
}

/// What `claude auth status --json` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthStatus {
    /// Somebody is signed in.
    pub logged_in: Option<bool>,
    /// Who, when the tool says; it does not with a token from the environment.
    pub identity: Option<Identity>,
    /// `pro`, `max`, …
    pub plan: Option<String>,
    /// By an API key and no subscription's login.
    pub by_key: bool,
}

/// Reads the output of `claude auth status --json`. Total.
#[must_use]
pub fn parse_auth_status(bytes: &[u8]) -> AuthStatus {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    let Some(map) = odd.object(document.as_ref(), "") else {
        return AuthStatus::default();
    };
    let identity = Identity {
        account: None,
        organization: odd.text(map.get("orgId"), "orgId"),
        email: odd.text(map.get("email"), "email"),
        organization_name: odd.text(map.get("orgName"), "orgName"),
    };
    let method = map.get("authMethod").and_then(Value::as_str).unwrap_or_default();
    AuthStatus {
        by_key: matches!(
            method,
            "api_key" | "apiKey" | "api_key_helper" | "apiKeyHelper" | "console"
        ),
        logged_in: odd.boolean(map.get("loggedIn"), "loggedIn"),
        identity: (identity != Identity::default()).then_some(identity),
        plan: odd.text(map.get("subscriptionType"), "subscriptionType"),
    }
}
