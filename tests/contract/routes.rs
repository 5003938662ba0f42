//! What the endpoints answer: Claude's usage, token and profile, in their late-2026 shapes.

use super::accounts::FakeAccount;
use super::answers::{SCOPES, faulty_status, organization_name, plain, refusal, rfc3339};
use super::codex;
use super::faults::{self, Endpoint, FaultKind};
use super::http::{Request, Response};
use super::tokens::{Bearer, Pair, Presenter};
use super::world::{State, World};
use chrono::DateTime;
use serde_json::{Value, json};
use sluice_engine::Utc;

/// The client id of Claude Code; any other is refused.
pub const CLIENT_ID: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
/// Answers a request; `None` when nothing stands at this path.
#[must_use]
pub fn answer(world: &World, request: &Request) -> Option<Response> {
    let path = request.path.split('?').next().unwrap_or_default();
    let endpoint = match (request.method.as_str(), path) {
        ("GET", "/api/oauth/usage") => Endpoint::Usage,
        ("GET", "/api/oauth/profile") => Endpoint::Profile,
        ("POST", "/v1/oauth/token" | codex::TOKEN_PATH | codex::OWN_TOKEN_PATH) => Endpoint::Token,
        ("GET", codex::USAGE_PATH) => Endpoint::Usage,
        ("GET", codex::RESETS_PATH) => Endpoint::Resets,
        _ => return None,
    };
    let codex = matches!(
        path,
        codex::TOKEN_PATH | codex::OWN_TOKEN_PATH | codex::USAGE_PATH | codex::RESETS_PATH
    );
    let now = world.clock.now();
    let mut state = world.state();
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let caller = match endpoint {
        Endpoint::Token => token_caller(&state, &request.body),
        _ => bearer.map_or(Bearer::Refused, |bearer| state.tokens.bearer(bearer, now)),
    };
    count(&mut state, endpoint, caller, now);
    state.agents.insert(request.header("user-agent").unwrap_or_default().to_owned());
    let email = index(caller).map(|account| state.accounts[account].spec.email.clone());
    let fault = faults::take(&mut state.faults, endpoint, email.as_deref());
    let mut response = match &fault {
        Some(FaultKind::Status { status, body, retry_after }) => {
            faulty_status(*status, body.as_deref(), retry_after.as_deref())
        }
        Some(FaultKind::Body { body }) => plain(200, body),
        Some(FaultKind::Reset | FaultKind::Hang) => plain(200, ""),
        _ if codex => codex::honest(&mut state, endpoint, request, caller, now),
        _ => honest(&mut state, endpoint, request, caller, now),
    };
    if endpoint == Endpoint::Token && fault == Some(FaultKind::LoseReply) {
        state.tokens.counts.lost_replies += 1;
    }
    response.headers.push(("date", http_date(now)));
    state.served.push((path.to_owned(), response.status));
    response.fault = fault;
    Some(response)
}

fn honest(
    state: &mut State,
    endpoint: Endpoint,
    request: &Request,
    caller: Bearer,
    now: Utc,
) -> Response {
    if endpoint == Endpoint::Token {
        return token(state, &request.body, now);
    }
    let account = match caller {
        Bearer::Good(account) => account,
        Bearer::Expired(_) => {
            return refusal(
                401,
                "authentication_error",
                "OAuth access token has expired. Re-authenticate to continue.",
            );
        }
        Bearer::Refused => {
            return refusal(401, "authentication_error", "Invalid authentication credentials");
        }
    };
    // The tool reads its profile without it.
    if endpoint == Endpoint::Usage && request.header("anthropic-beta").is_none() {
        return refusal(401, "authentication_error", "OAuth authentication is not supported.");
    }
    let over = |bound| state.accounts[account].recent.len() > bound;
    if endpoint == Endpoint::Usage && state.usage_per_hour.is_some_and(over) {
        return faulty_status(429, None, Some("0"));
    }
    let account = &state.accounts[account];
    let body = match endpoint {
        Endpoint::Usage => {
            let mut body = usage_body(account);
            if request.path.contains("cedar_ember=1") {
                body["cedar_ember"] = resets(account, now);
            }
            body
        }
        _ => profile_body(account, now),
    };
    Response::json(200, &body)
}

const fn index(caller: Bearer) -> Option<usize> {
    match caller {
        Bearer::Good(account) | Bearer::Expired(account) => Some(account),
        Bearer::Refused => None,
    }
}

fn count(state: &mut State, endpoint: Endpoint, caller: Bearer, now: Utc) {
    match index(caller) {
        Some(account) => state.accounts[account].count(endpoint.name(), now),
        None => state.strangers += 1,
    }
}

fn token_caller(state: &State, body: &[u8]) -> Bearer {
    let sent: Option<Value> = serde_json::from_slice(body).ok();
    let refresh = sent.as_ref().and_then(|sent| sent["refresh_token"].as_str());
    let owner = refresh.and_then(|refresh| state.tokens.owner(refresh));
    owner.map_or(Bearer::Refused, Bearer::Good)
}

/// The windows of an account as the usage endpoint tells them.
#[must_use]
pub fn usage_body(account: &FakeAccount) -> Value {
    let percent = |used: f64| (used * 10.0).round() / 10.0;
    let five = (percent(account.five_hour.used), account.five_hour.resets_at.map(jittered));
    let week = (percent(account.seven_day.used), account.seven_day.resets_at.map(jittered));
    let flat = |window: &(f64, Option<String>)| {
        json!({
            "utilization": window.0, "resets_at": window.1,
            "limit_dollars": null, "used_dollars": null, "remaining_dollars": null,
        })
    };
    let row = |kind: &str, group: &str, window: &(f64, Option<String>), scope: Value| {
        let severity = match window.0 {
            used if used >= 100.0 => "critical",
            used if used >= 80.0 => "warning",
            _ => "normal",
        };
        json!({
            "kind": kind, "group": group, "percent": window.0, "severity": severity,
            "resets_at": window.1, "scope": scope, "is_active": false,
        })
    };
    let has_short = account.spec.short_window;
    let mut limits = Vec::new();
    if has_short {
        limits.push(row("session", "session", &five, Value::Null));
    }
    limits.push(row("weekly_all", "weekly", &week, Value::Null));
    if let Some((model, used)) = &account.spec.model {
        let scope = json!({"model": {"id": null, "display_name": model}, "surface": null});
        limits.push(row("weekly_scoped", "weekly", &(*used, week.1.clone()), scope));
    }
    json!({
        "five_hour": has_short.then(|| flat(&five)), "seven_day": flat(&week),
        "seven_day_oauth_apps": null, "seven_day_opus": null, "seven_day_sonnet": null,
        "tangelo": null, "iguana_necktie": null,
        "extra_usage": {
            "is_enabled": false, "monthly_limit": null, "used_credits": null,
            "utilization": null, "currency": null, "decimal_places": null,
            "disabled_reason": null,
        },
        "limits": limits,
        "member_dashboard_available": false,
    })
}

/// Limit resets as the usage endpoint tells them to who asks for them.
fn resets(account: &FakeAccount, now: Utc) -> Value {
    let Some(left) = account.spec.resets else {
        return json!({"eligible": false, "ineligible_reason": "surface"});
    };
    let grant = json!({
        "id": "grant-1", "resets_left": left, "starts_at": null,
        "ends_at": rfc3339(account.resets_end), "paused": false, "usable_now": true,
    });
    let grants = if left > 0 && now < account.resets_end { vec![grant] } else { Vec::new() };
    json!({"eligible": true, "ineligible_reason": null, "grants": grants})
}

fn profile_body(account: &FakeAccount, now: Utc) -> Value {
    let name = account.spec.email.split('@').next().unwrap_or_default();
    let created = rfc3339(now.plus_seconds(-86_400 * 200));
    json!({
        "account": {
            "uuid": account.uuid, "full_name": name, "display_name": name,
            "email": account.spec.email, "has_claude_max": account.spec.plan == "max",
            "has_claude_pro": account.spec.plan == "pro", "created_at": created,
        },
        "organization": {
            "uuid": account.organization, "name": organization_name(account),
            "organization_type": format!("claude_{}", account.spec.plan),
            "billing_type": "stripe_subscription", "rate_limit_tier": account.tier(),
            "seat_tier": null, "has_extra_usage_enabled": false,
            "subscription_status": "active", "subscription_created_at": created,
        },
    })
}

fn token(state: &mut State, body: &[u8], now: Utc) -> Response {
    let Ok(sent) = serde_json::from_slice::<Value>(body) else {
        return refusal(400, "invalid_request_error", "Invalid request format");
    };
    let refresh = sent["refresh_token"].as_str().filter(|token| !token.is_empty());
    let Some(refresh) = refresh.filter(|_| sent["grant_type"] == "refresh_token") else {
        return refusal(400, "invalid_request_error", "Invalid request format");
    };
    if sent["client_id"] != CLIENT_ID {
        let body = json!({
            "error": "invalid_client", "error_description": "Client authentication failed",
        });
        return Response::json(401, &body);
    }
    match state.tokens.exchange(refresh, Presenter::Request, now) {
        Some((account, pair)) => {
            Response::json(200, &token_body(&state.accounts[account], &pair, now))
        }
        None => {
            let body = json!({
                "error": "invalid_grant",
                "error_description": "Refresh token not found or invalid",
            });
            Response::json(400, &body)
        }
    }
}

fn token_body(account: &FakeAccount, pair: &Pair, now: Utc) -> Value {
    json!({
        "token_type": "Bearer",
        "access_token": pair.access,
        "expires_in": pair.access_ends.seconds_since(now).round() as i64,
        "refresh_token": pair.refresh,
        "refresh_token_expires_in": pair.login_ends.seconds_since(now).round() as i64,
        "scope": SCOPES,
        "organization": {"uuid": account.organization, "name": organization_name(account)},
        "account": {"uuid": account.uuid, "email_address": account.spec.email},
    })
}

/// Resets jitter by less than two seconds between two answers, as the real ones do.
fn jittered(at: Utc) -> String {
    rfc3339(Utc(at.0 + fastrand::i64(0..1_900_000)))
}

fn http_date(at: Utc) -> String {
    let at = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
