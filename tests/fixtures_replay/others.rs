//! Recordings of the tools that are only shown.

use super::Case;
use super::facts::{Envelope, Facts, any_json, error_strings, window};
use serde_json::{Map, Value, json};
use sluice_engine::{Percent, Window};
use sluice_providers::claude::token::token_facts;
use sluice_providers::others::copilot::{DeviceLogin, Quota};
use sluice_providers::others::{StoreState, copilot, cursor, gemini, opencode};
use sluice_providers::words::Speaker;

type Read = Option<Result<Facts, String>>;

fn percent(window: &Window) -> Value {
    json!(window.used.map(Percent::get))
}

const fn state_name(state: StoreState) -> &'static str {
    match state {
        StoreState::Usable => "ok",
        StoreState::NeedsRefresh => "needs_refresh",
        StoreState::LoginRequired => "login_required",
        StoreState::SignedOut => "signed_out",
        StoreState::Unreadable => "unreadable_transient",
    }
}

fn store(state: StoreState) -> Facts {
    let whole = matches!(state, StoreState::Usable | StoreState::NeedsRefresh);
    Facts::default()
        .with("state", state_name(state))
        .with("login_required", state == StoreState::LoginRequired)
        .with("capture_allowed", whole)
}

pub(super) fn gemini(case: &Case<'_>) -> Read {
    Some(Ok(match case.kind {
        "error_strings" => return Some(error_strings(case, Speaker::Gemini)),
        "credential_file" => {
            let (state, email) = gemini::store_state(&case.bytes, case.now);
            store(state).with("identity", email.map(|email| json!({"email": email})))
        }
        "local_state" if case.name.starts_with("settings") => {
            Facts::default().with("auth", gemini::auth_kind(&case.bytes))
        }
        "local_state" => {
            let email = gemini::active_account(&case.bytes);
            let state = if email.is_some() { "ok" } else { "signed_out" };
            let identity = email.map(|email| json!({"email": email}));
            Facts::default().with("state", state).with("identity", identity)
        }
        "profile" => {
            let tier = gemini::parse_tier(&case.bytes);
            Facts::default().class(tier.class).with("tier", tier.tier).with("credits", tier.credits)
        }
        "usage_response" => gemini_usage(case),
        "http" => {
            let answer = Envelope::read(case)?;
            let refused = gemini::classify(answer.status, &answer.body);
            let token = token_facts(&answer.body).unwrap_or_default();
            Facts::default()
                .class(refused.map(|(class, _)| class))
                .with("retry_s", refused.and_then(|(_, wait)| wait))
                .with("rotated", token.rotated)
                .with("expires_in", token.expires_in)
        }
        _ => return None,
    }))
}

fn gemini_usage(case: &Case<'_>) -> Facts {
    let mut groups: Map<String, Value> = Map::new();
    for (group, name, window) in gemini::parse_summary(&case.bytes) {
        let entry = groups.entry(group).or_insert_with(|| json!({}));
        entry[name] = percent(&window);
    }
    let quota = gemini::parse_quota(&case.bytes);
    let used: Map<String, Value> =
        quota.iter().map(|(model, window)| (model.clone(), percent(window))).collect();
    let full = |window: &Window| window.used.is_some_and(|used| used.get() >= 100.0);
    let exhausted: Vec<&str> =
        quota.iter().filter(|(_, window)| full(window)).map(|(model, _)| model.as_str()).collect();
    Facts::default().with("groups", groups).with("pct_used", used).with("exhausted", exhausted)
}

pub(super) fn copilot(case: &Case<'_>) -> Read {
    Some(Ok(match case.kind {
        "credential_file" => {
            let login = copilot::editor_login(&case.bytes);
            let state = if login.is_some() { "ok" } else { "signed_out" };
            let identity = login.map(|login| json!({"login": login}));
            Facts::default().with("identity", identity).with("state", state)
        }
        "local_state" => {
            let (accounts, active) = copilot::tool_logins(&case.bytes);
            Facts::default().with("accounts", accounts).with("active", active)
        }
        "profile" => {
            let user = copilot::parse_user(&case.bytes);
            let identity = user.map(|(login, id)| json!({"login": login, "id": id}));
            Facts::default().with("identity", identity)
        }
        "usage_response" => copilot_usage(case),
        "login" => device_login(case),
        "http" => {
            let answer = Envelope::read(case)?;
            Facts::default().class(copilot::classify(answer.status, &answer.body))
        }
        "error_strings" => return Some(error_strings(case, Speaker::Other)),
        _ => return None,
    }))
}

fn copilot_usage(case: &Case<'_>) -> Facts {
    let usage = copilot::parse_usage(&case.bytes);
    let mut facts = Facts::default()
        .with("plan", usage.plan.clone())
        .with("resets", usage.resets.clone())
        .with("credits_used", usage.credits_used)
        .with("fallback_bucket", usage.fallback());
    for (name, quota) in
        [("premium", "premium_interactions"), ("chat", "chat"), ("completions", "completions")]
    {
        let quota = usage.quota(quota);
        let unlimited = (quota == Some(Quota::Unlimited)).then_some("unlimited");
        let used = match quota {
            Some(Quota::Used(used)) => Some(used),
            _ => None,
        };
        facts = facts.with(name, unlimited).with(&format!("{name}_pct_used"), used);
    }
    facts
}

fn device_login(case: &Case<'_>) -> Facts {
    let step = copilot::parse_device_login(&case.bytes);
    let interval = match step {
        DeviceLogin::SlowDown(seconds) => Some(seconds),
        _ => None,
    };
    Facts::default()
        .with("pending", matches!(step, DeviceLogin::Pending | DeviceLogin::SlowDown(_)))
        .with("terminal", step == DeviceLogin::Ended)
        .with("done", step == DeviceLogin::Done)
        .with("interval", interval)
}

pub(super) fn cursor(case: &Case<'_>) -> Read {
    Some(Ok(match case.kind {
        "credential_file" => store(cursor::store_state(&case.bytes, case.now)),
        "local_state" => {
            let identity = cursor::tool_email(&case.bytes).map(|email| json!({"email": email}));
            Facts::default().with("identity", identity)
        }
        "profile" => Facts::default().with("plan", cursor::parse_plan(&case.bytes)),
        "usage_response" => {
            let usage = cursor::parse_usage(&case.bytes);
            let class = usage.ineligible.then_some("plan_ineligible");
            Facts::default()
                .with("total_pct", usage.total)
                .with("auto_pct", usage.auto)
                .with("api_pct", usage.api)
                .with("plan", usage.plan)
                .with("class", class)
                .resets_at(usage.resets_at)
        }
        "http" => {
            let answer = Envelope::read(case)?;
            let token = token_facts(&answer.body).unwrap_or_default();
            Facts::default()
                .class(cursor::classify(answer.status, &answer.body))
                .with("rotated", token.rotated)
        }
        "error_strings" => return Some(error_strings(case, Speaker::Other)),
        _ => return None,
    }))
}

pub(super) fn opencode(case: &Case<'_>) -> Read {
    Some(Ok(match case.kind {
        "credential_file" => {
            let Some(entries) = opencode::parse_auth(&case.bytes) else {
                return Some(Ok(Facts::default().with("state", "unreadable_transient")));
            };
            Facts::default()
                .with("state", if entries.known.is_empty() { "signed_out" } else { "ok" })
                .with("providers", entries.known.len())
                .with("preserve", entries.other)
        }
        "usage_response" => {
            let usage = opencode::parse_usage(&case.bytes);
            let shown = |part: &Option<Window>| {
                part.as_ref().map_or(Value::Null, |part| window(part, case.now))
            };
            Facts::default()
                .with("session", shown(&usage.rolling))
                .with("weekly", shown(&usage.weekly))
                .with("monthly", shown(&usage.monthly))
        }
        "http" => {
            let answer = Envelope::read(case)?;
            Facts::default().class(opencode::classify(answer.status, &answer.body))
        }
        "error_strings" => return Some(error_strings(case, Speaker::Other)),
        "local_state" => return Some(any_json(case)),
        _ => return None,
    }))
}
