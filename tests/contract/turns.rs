//! What the unmodified tools ask beside usage, token and profile: turns, and what precedes them.
//!
//! Every request is remembered, and any path can be held: the answer is made when the request
//! arrives and sent when the test lets it go.

use super::accounts::FakeAccount;
use super::answers::{faulty_status, plain, refusal};
use super::asked::Asked;
use super::faults::{self, Endpoint, FaultKind};
use super::http::{Request, Response};
use super::tokens::Bearer;
use super::world::{State, World};
use serde_json::{Value, json};
use sluice_engine::{Provider, Utc};
use std::time::Duration;

/// A turn of Claude Code.
pub const MESSAGES: &str = "/v1/messages";
/// A turn of Codex.
pub const RESPONSES: &str = "/backend-api/codex/responses";
/// Requests remembered; older ones are forgotten.
const ASKED_MAX: usize = 10_000;
/// A held answer goes out after this long whatever the test does.
const HELD_MAX: Duration = Duration::from_secs(120);

impl World {
    /// Every request so far, oldest first.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().turns.asked.iter().cloned().collect()
    }

    /// From now on answers at `path` wait for [`World::release`].
    pub fn hold(&self, path: &str) {
        self.state().turns.held.send_if_modified(|held| held.insert(path.to_owned()));
    }

    /// Sends what waits at `path`.
    pub fn release(&self, path: &str) {
        self.state().turns.held.send_if_modified(|held| held.remove(path));
    }

    /// The next turn of Claude Code that nobody has asked yet calls this tool of its.
    pub fn call_next(&self, tool: &str, input: Value) {
        self.state().turns.calls.push_back((tool.to_owned(), input));
    }

    /// Waits while `path` is held.
    pub(super) async fn pass(&self, path: &str) {
        let mut held = self.state().turns.held.subscribe();
        let free = held.wait_for(|held| !held.contains(path));
        let _late = tokio::time::timeout(HELD_MAX, free).await;
    }

    /// Remembers a request with its answer.
    pub(super) fn remember(&self, request: &Request, status: u16) {
        let now = self.clock.now();
        let mut state = self.state();
        let bearer = bearer_of(&state, request, now);
        let account = match bearer {
            Bearer::Good(account) | Bearer::Expired(account) => Some(account),
            Bearer::Refused => refresh_owner(&state, &request.body),
        };
        let header = |name| request.header(name).map(str::to_owned);
        let asked = Asked {
            at_ms: now.millis(),
            host: header("host").unwrap_or_default(),
            method: request.method.clone(),
            path: request.path.clone(),
            account: account.map(|account| state.accounts[account].spec.email.clone()),
            agent: header("user-agent").unwrap_or_default(),
            session: header("x-claude-code-session-id").or_else(|| header("session_id")),
            status,
        };
        let turns = &mut state.turns;
        turns.asked.push_back(asked);
        while turns.asked.len() > ASKED_MAX {
            turns.asked.pop_front();
        }
    }
}

fn bearer_of(state: &State, request: &Request, now: Utc) -> Bearer {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    bearer.map_or(Bearer::Refused, |bearer| state.tokens.bearer(bearer, now))
}

fn refresh_owner(state: &State, body: &[u8]) -> Option<usize> {
    let sent: Value = serde_json::from_slice(body).ok()?;
    state.tokens.owner(sent["refresh_token"].as_str()?)
}

/// Answers a request; `None` when nothing of the tools' stands at this path.
#[must_use]
pub fn answer(world: &World, request: &Request) -> Option<Response> {
    let path = request.path.split('?').next().unwrap_or_default();
    let turn = match (request.method.as_str(), path) {
        ("GET" | "HEAD", "/api/hello") => return Some(plain(200, "")),
        ("POST", MESSAGES) => Endpoint::Messages,
        ("POST", RESPONSES) => Endpoint::Responses,
        // The tool asks for a WebSocket first and takes plain requests when it gets none.
        ("GET", RESPONSES) => return Some(Response::json(426, &json!({"detail": "HTTP only"}))),
        ("GET", "/backend-api/wham/accounts/check") => return Some(workspaces(world, request)),
        _ => return None,
    };
    let now = world.clock.now();
    let mut state = world.state();
    let caller = match bearer_of(&state, request, now) {
        Bearer::Good(account) => account,
        Bearer::Expired(_) => return Some(unknown(turn, "OAuth access token has expired.")),
        Bearer::Refused => return Some(unknown(turn, "Invalid authentication credentials")),
    };
    state.accounts[caller].count(turn.name(), now);
    let email = state.accounts[caller].spec.email.clone();
    let fault = faults::take(&mut state.faults, turn, Some(&email));
    let mut response = match &fault {
        Some(FaultKind::Status { status, body, retry_after }) => {
            faulty_status(*status, body.as_deref(), retry_after.as_deref())
        }
        Some(FaultKind::Body { body }) => plain(200, body),
        _ if turn == Endpoint::Responses => responses(&mut state, caller, now),
        _ => messages(&mut state, caller, &request.body, now),
    };
    response.fault = fault;
    Some(response)
}

fn unknown(turn: Endpoint, message: &str) -> Response {
    match turn {
        Endpoint::Responses => {
            let body = json!({"error": {"message": message, "code": "token_invalidated"}});
            Response::json(401, &body)
        }
        _ => refusal(401, "authentication_error", message),
    }
}

fn messages(state: &mut State, account: usize, body: &[u8], now: Utc) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let headers = unified_headers(&state.accounts[account], now);
    let mut response = if state.accounts[account].has_room() {
        state.turns.serial += 1;
        let id = format!("msg_{:08}", state.turns.serial);
        let email = &state.accounts[account].spec.email;
        // Only a whole turn has tools; titles and probes have none.
        let tools = asked["tools"].as_array().is_some_and(|tools| !tools.is_empty());
        let call = if tools { state.turns.calls.pop_front() } else { None };
        let message = message(&id, &asked["model"], email, call);
        if asked["stream"] == true { streamed(&message) } else { Response::json(200, &message) }
    } else {
        let mut refused = refusal(429, "rate_limit_error", "This request would exceed your limit.");
        refused.headers.push(("x-should-retry", "false".to_owned()));
        refused
    };
    response.headers.extend(headers);
    response
}

/// A whole answer: who paid for it, or a call of one of the tool's own tools.
fn message(id: &str, model: &Value, email: &str, call: Option<(String, Value)>) -> Value {
    let (block, reason) = match call {
        Some((tool, input)) => {
            let id = format!("toolu_{}", id.trim_start_matches("msg_"));
            (json!({"type": "tool_use", "id": id, "name": tool, "input": input}), "tool_use")
        }
        None => (json!({"type": "text", "text": format!("answered for {email}")}), "end_turn"),
    };
    json!({
        "id": id, "type": "message", "role": "assistant", "model": model, "content": [block],
        "stop_reason": reason, "stop_sequence": null,
        "usage": {
            "input_tokens": 10, "output_tokens": 5,
            "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        },
    })
}

/// The same answer as server-sent events.
fn streamed(message: &Value) -> Response {
    let block = &message["content"][0];
    let (start, delta) = match block["type"].as_str() {
        Some("tool_use") => {
            let mut start = block.clone();
            start["input"] = json!({});
            let partial = block["input"].to_string();
            (start, json!({"type": "input_json_delta", "partial_json": partial}))
        }
        _ => {
            let delta = json!({"type": "text_delta", "text": block["text"]});
            (json!({"type": "text", "text": ""}), delta)
        }
    };
    let mut head = message.clone();
    head["content"] = json!([]);
    head["stop_reason"] = Value::Null;
    let stop = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
    events(&[
        json!({"type": "message_start", "message": head}),
        json!({"type": "content_block_start", "index": 0, "content_block": start}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ])
}

fn events(events: &[Value]) -> Response {
    let text: String = events
        .iter()
        .map(|event| {
            format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
        })
        .collect();
    let mut response = plain(200, &text);
    response.headers = vec![("content-type", "text/event-stream".to_owned())];
    response
}

/// What every answer to a turn says of the windows of whoever paid for it.
fn unified_headers(account: &FakeAccount, now: Utc) -> Vec<(&'static str, String)> {
    let seconds = |at: Utc| (at.millis() / 1_000).to_string();
    let status = |used: f64| if used < 100.0 { "allowed" } else { "rejected" }.to_owned();
    let (five, week) = (account.five_hour, account.seven_day);
    let weekly = !week.has_room();
    let claim = if weekly { "seven_day" } else { "five_hour" };
    let reset = if weekly { week.resets_at } else { five.resets_at };
    let reset = reset.unwrap_or(now.plus_seconds(5 * 3_600));
    let mut headers = vec![
        ("anthropic-ratelimit-unified-status", status(five.used.max(week.used))),
        ("anthropic-ratelimit-unified-representative-claim", claim.to_owned()),
        ("anthropic-ratelimit-unified-reset", seconds(reset)),
        ("anthropic-ratelimit-unified-fallback-percentage", "0.5".to_owned()),
        ("anthropic-ratelimit-unified-overage-status", "rejected".to_owned()),
        ("anthropic-ratelimit-unified-overage-disabled-reason", "org_level_disabled".to_owned()),
    ];
    let share = |used: f64| format!("{:.2}", used / 100.0);
    if let Some(ends) = five.resets_at {
        headers.push(("anthropic-ratelimit-unified-5h-status", status(five.used)));
        headers.push(("anthropic-ratelimit-unified-5h-reset", seconds(ends)));
        headers.push(("anthropic-ratelimit-unified-5h-utilization", share(five.used)));
    }
    if let Some(ends) = week.resets_at {
        headers.push(("anthropic-ratelimit-unified-7d-status", status(week.used)));
        headers.push(("anthropic-ratelimit-unified-7d-reset", seconds(ends)));
        headers.push(("anthropic-ratelimit-unified-7d-utilization", share(week.used)));
    }
    headers
}

fn responses(state: &mut State, account: usize, now: Utc) -> Response {
    let account = &state.accounts[account];
    if account.has_room() {
        let text = format!("answered for {}", account.spec.email);
        let message = json!({
            "type": "message", "role": "assistant", "id": "msg_1",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        });
        state.turns.serial += 1;
        let id = format!("resp_{:08}", state.turns.serial);
        let usage = json!({
            "input_tokens": 10, "input_tokens_details": null,
            "output_tokens": 5, "output_tokens_details": null, "total_tokens": 15,
        });
        return events(&[
            json!({"type": "response.created", "response": {"id": id}}),
            json!({"type": "response.output_item.done", "item": message}),
            json!({"type": "response.completed", "response": {"id": id, "usage": usage}}),
        ]);
    }
    let weekly = !account.seven_day.has_room();
    let ends = if weekly { account.seven_day.resets_at } else { account.five_hour.resets_at };
    let ends = ends.unwrap_or(now.plus_seconds(5 * 3_600));
    let body = json!({"error": {
        "type": "usage_limit_reached", "message": "The usage limit has been reached",
        "plan_type": account.spec.plan, "resets_at": ends.millis() / 1_000,
        "resets_in_seconds": ends.seconds_since(now).max(0.0) as i64,
    }});
    Response::json(429, &body)
}

/// The workspaces of whoever asks, without which Codex does not start.
fn workspaces(world: &World, request: &Request) -> Response {
    let now = world.clock.now();
    let state = world.state();
    let account = match bearer_of(&state, request, now) {
        Bearer::Good(account) => &state.accounts[account],
        _ => return unknown(Endpoint::Responses, "Your authentication token is not valid."),
    };
    if account.spec.provider != Provider::Codex {
        return unknown(Endpoint::Responses, "Your authentication token is not valid.");
    }
    let id = &account.organization;
    let workspace = json!({
        "id": id, "name": null, "structure": "personal", "plan_type": account.spec.plan,
        "can_access_with_session": true, "sso_connection_name": null, "is_deactivated": false,
        "is_fedramp_compliant_workspace": false, "profile_picture_url": null,
        "workspace_backend_origin": "https://chatgpt.com", "account_routing_override": "NO_CONSTRAINT",
    });
    let body = json!({
        "accounts": [workspace], "account_ordering": [id], "default_account_id": id,
    });
    Response::json(200, &body)
}
