//! Recordings of Codex.

use super::Case;
use super::facts::{Envelope, Facts, any_json, error_strings, headers, window};
use serde_json::{Value, json};
use sluice_providers::claude::token::token_facts;
use sluice_providers::codex::parse_resets;
use sluice_providers::codex::refusal::{Asked, classify};
use sluice_providers::codex::signals::{
    LoginStep, Message, doctor_env_override, parse_headers, parse_log_failure, parse_log_line,
    parse_message,
};
use sluice_providers::codex::store::{StoreState, parse_store};
use sluice_providers::codex::usage::{Balance, CodexUsage, parse_usage};
use sluice_providers::words;

type Read = Option<Result<Facts, String>>;

pub(super) fn read(case: &Case<'_>) -> Read {
    Some(match case.kind {
        "usage_response" if case.json().get("available_count").is_some() => {
            Ok(Facts::default().resets(parse_resets(&case.bytes).said, case.now))
        }
        "usage_response" => {
            let usage = parse_usage(&case.bytes, case.now);
            let state = if usage.readable { "ok" } else { "bad_output" };
            let facts = usage_facts(&usage, case).with("state", state);
            Ok(match classify(Asked::Usage, 200, &case.bytes, case.now) {
                Some(refused) => facts.class(Some(refused.class)),
                None => facts.with("usage_available", usage.readable),
            })
        }
        "headers" => Ok(usage_facts(&parse_headers(&headers(&case.json()), case.now), case)),
        "session_log" => Ok(match parse_log_failure(&case.bytes) {
            Some(class) => Facts::default().class(Some(class)),
            None => usage_facts(&parse_log_line(&case.bytes).unwrap_or_default(), case),
        }),
        "app_server" => Ok(app_server(case)),
        "http" => http(case).ok_or_else(|| "no status".to_owned()),
        "credential_file" => Ok(store(case)),
        "error_strings" => error_strings(case, words::CODEX),
        "cli_output" => Ok(Facts::default().with("env_override", doctor_env_override(&case.bytes))),
        "login" => any_json(case).map(|facts| {
            let json = case.json();
            let text = json["interval"].as_str().and_then(|text| text.parse::<f64>().ok());
            facts.with("interval", json["interval"].as_f64().or(text))
        }),
        "local_state" => any_json(case),
        _ => return None,
    })
}

fn usage_facts(usage: &CodexUsage, case: &Case<'_>) -> Facts {
    let now = case.now;
    let percent = |of: &sluice_engine::Window| of.used.map(sluice_engine::Percent::get);
    let scoped: Vec<Value> = usage
        .scoped
        .iter()
        .map(|limit| {
            json!({
                "name": limit.name,
                "session_pct": percent(&limit.five_hour),
                "weekly_pct": percent(&limit.seven_day),
                "session": window(&limit.five_hour, now),
                "weekly": window(&limit.seven_day, now),
            })
        })
        .collect();
    let credits = match usage.credits {
        Some(Balance::Unlimited) => json!("unlimited"),
        Some(Balance::Left(left)) => json!(left),
        None => Value::Null,
    };
    let limited = usage.limited(now);
    Facts::default()
        .usage(&usage.usage, now)
        .with("scoped", scoped)
        .with("credits", credits)
        .with("plan", usage.plan.clone())
        .with("monthly", usage.monthly.as_ref().map(|monthly| window(monthly, now)))
        .resets(usage.resets.clone(), now)
        .with("unknown_windows", usage.others.len())
        .with("account_limited", limited.is_some())
        .with("class", limited.map(|(class, _)| class.name()))
        .resets_at(limited.and_then(|(_, at)| at))
}

fn app_server(case: &Case<'_>) -> Facts {
    match parse_message(&case.bytes) {
        Message::Account(account) => {
            let state = if account.is_some() { "ok" } else { "signed_out" };
            let account = account.unwrap_or_default();
            Facts::default()
                .with("state", state)
                .with("plan", account.plan)
                .with("identity", json!({"email": account.email}))
                .with("usage_available", account.kind.as_deref() == Some("chatgpt"))
                .with("auth_mode", account.kind)
        }
        Message::Limits { usage, sparse } => usage_facts(&usage, case).with("merge", sparse),
        Message::Failed(class) => Facts::default().class(Some(class)),
        Message::Login(LoginStep::OpenAddress) => Facts::default().with("open", "authUrl"),
        Message::Login(LoginStep::ShowCode) => Facts::default().with("show", "userCode"),
        Message::LoginEnded(success) => {
            let event = if success { "login_completed" } else { "login_failed" };
            Facts::default().with("event", event).with("success", success)
        }
        Message::Other => Facts::default().with("state", "other"),
    }
}

fn http(case: &Case<'_>) -> Option<Facts> {
    let answer = Envelope::read(case)?;
    let asked = match (case.name, answer.url.as_str()) {
        (name, url) if name.starts_with("http_token") || url.ends_with("/token") => Asked::Token,
        (name, url) if name.starts_with("http_usage") || url.ends_with("/usage") => Asked::Usage,
        _ => Asked::Responses,
    };
    let Some(refused) = classify(asked, answer.status, &answer.body, case.now) else {
        let token = token_facts(&answer.body).unwrap_or_default();
        let usage = match asked {
            Asked::Usage => usage_facts(&parse_usage(&answer.body, case.now), case),
            Asked::Token | Asked::Responses => Facts::default(),
        };
        return Some(
            usage.class(None).with("rotated", token.rotated).with("expires_in", token.expires_in),
        );
    };
    Some(
        Facts::default()
            .class(Some(refused.class))
            .resets_at(refused.resets_at)
            .with("reason", refused.reason)
            .wait(answer.retry_after(case.now), refused.class),
    )
}

fn store(case: &Case<'_>) -> Facts {
    let store = parse_store(&case.bytes, case.now);
    let state = match store.state {
        _ if store.invalid_for_tool => "invalid_for_cli",
        StoreState::Usable if store.auth_mode.as_deref() == Some("apikey") => "api_key",
        StoreState::Usable => "ok",
        StoreState::NeedsRefresh => "needs_refresh",
        StoreState::LoginRequired => "login_required",
        StoreState::SignedOut => "signed_out",
        StoreState::Unreadable => "unreadable_transient",
    };
    let known = [&store.account, &store.user, &store.email].into_iter().any(Option::is_some);
    let who = json!({"account": store.account, "user": store.user, "email": store.email});
    let who = known.then_some(who);
    let by_key = store.auth_mode.as_deref() == Some("apikey");
    let whole = matches!(store.state, StoreState::Usable | StoreState::NeedsRefresh);
    Facts::default()
        .with("state", state)
        .with("login_required", store.state == StoreState::LoginRequired)
        .with("capture_allowed", whole && !store.invalid_for_tool)
        .with("usage_available", whole && !by_key)
        .with("refreshable", store.refreshable)
        .with("auth_mode", store.auth_mode)
        .with("plan", store.plan)
        .with("identity", who)
}
