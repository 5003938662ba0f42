//! Recordings of Claude.

use super::Case;
use super::facts::{Envelope, Facts, any_json, error_strings, headers, instant};
use http::HeaderMap;
use serde_json::{Value, json};
use sluice_custody::{CredentialState, LoginKind, Secret, credential_state, doors, login_kind};
use sluice_engine::{Plan, Provider};
use sluice_providers::claude::config::{ConfigReading, Unusable, parse_config};
use sluice_providers::claude::control::{
    ControlState, USAGE_REQUESTS, parse_auth_status, parse_control,
};
use sluice_providers::claude::headers::{is_warning, parse_headers, unified_class, unified_reset};
use sluice_providers::claude::signals::{self, Event, Signal};
use sluice_providers::claude::softer::{self, Softer};
use sluice_providers::claude::token::token_facts;
use sluice_providers::claude::{Asked, Identity, UsageReply, classify, parse_profile, parse_usage};
use sluice_providers::json::Odd;
use sluice_providers::reading::rolled_over;
use sluice_providers::{FailureClass, words};

type Read = Option<Result<Facts, String>>;

pub(super) fn read(case: &Case<'_>) -> Read {
    let now = case.now;
    Some(match case.kind {
        "usage_response" => Ok(usage(case)),
        "usage_response_pair" => pair(case),
        "http" => http(case).ok_or_else(|| "no status".to_owned()),
        "profile" => profile(case),
        "usage_cache" | "global_config" => config(case),
        "credential_file" => Ok(credential(case)),
        "error_strings" => error_strings(case, words::CLAUDE),
        "cli_output" => Ok(auth_status(case)),
        "control_protocol" => Ok(control(case)),
        "hook" => Ok(signal(&signals::parse_hook(&case.bytes))),
        "sdk_event" | "transcript" => {
            let usage = signals::limit_event_usage(&case.bytes).usage;
            let event = signal(&signals::parse_stream_line(&case.bytes)).into_map();
            let facts = Facts::default().usage(&usage, now);
            Ok(event.into_iter().fold(facts, |facts, (name, value)| facts.with(&name, value)))
        }
        "statusline" => {
            Ok(Facts::default().usage(&signals::parse_status_line(&case.bytes).usage, now))
        }
        "headers" => {
            let told = headers(&case.json());
            Ok(Facts::default()
                .usage(&parse_headers(&told), now)
                .with("class", unified_class(&told).map(FailureClass::name))
                .with("warning", is_warning(&told))
                .with("softer", softer::of_headers(&told).map(softer_name)))
        }
        "local_state" => local_state(case),
        _ => return None,
    })
}

fn usage(case: &Case<'_>) -> Facts {
    if let Value::Array(answers) = case.json() {
        let good = |answer: &Value| {
            let reply = parse_usage(answer.to_string().as_bytes());
            reply.readable && times_read(&reply)
        };
        return Facts::default().with("parse_all", answers.iter().all(good));
    }
    let reply = parse_usage(&case.bytes);
    let state = if reply.readable { "ok" } else { "bad_output" };
    let facts = usage_facts(&reply, case)
        .with("parse_all", times_read(&reply))
        .with("state", state)
        .with("class", Value::Null)
        .with("usage_available", reply.readable);
    // The body of an error is no usage, whatever it came with.
    match classify(Asked::Usage, 200, &HeaderMap::new(), &case.bytes) {
        Some(class) => facts.class(Some(class)),
        None => facts,
    }
}

fn times_read(reply: &UsageReply) -> bool {
    reply.oddities.iter().all(|oddity| oddity.odd != Odd::BadTime)
}

fn usage_facts(reply: &UsageReply, case: &Case<'_>) -> Facts {
    let extra = reply.extra.as_ref().map(|extra| {
        json!({
            "enabled": extra.enabled,
            "used_minor": extra.used_minor,
            "limit_minor": extra.limit_minor,
            "exponent": extra.exponent,
            "currency": extra.currency,
            "reason": extra.disabled_reason,
        })
    });
    let oddities: Vec<&str> = reply.oddities.iter().map(|oddity| oddity.path.as_str()).collect();
    Facts::default()
        .usage(&reply.usage, case.now)
        .resets(reply.resets.clone(), case.now)
        .with("extra", extra)
        .with("oddities", oddities)
}

fn pair(case: &Case<'_>) -> Result<Facts, String> {
    let answers = case.json();
    let answers = answers.as_array().filter(|answers| answers.len() == 2).ok_or("not a pair")?;
    let read: Vec<UsageReply> =
        answers.iter().map(|answer| parse_usage(answer.to_string().as_bytes())).collect();
    let over = rolled_over(&read[0].usage.short(), &read[1].usage.short())
        || rolled_over(&read[0].usage.long(), &read[1].usage.long());
    Ok(Facts::default().with("rollover", over))
}

/// Whose login the recordings of the token endpoint renew.
const ACCOUNT: &str = "00000000-0000-4000-8000-0000000000a1";
/// In which organisation.
const ORGANIZATION: &str = "00000000-0000-4000-8000-0000000000b1";

const fn softer_name(softer: Softer) -> &'static str {
    match softer {
        Softer::LowPriority => "low_priority",
        Softer::Grace => "grace",
    }
}

fn http(case: &Case<'_>) -> Option<Facts> {
    let answer = Envelope::read(case)?;
    let asked = match (case.name, answer.url.as_str()) {
        (name, url) if name.starts_with("http_token") || url.ends_with("/token") => Asked::Token,
        (name, url) if name.starts_with("http_usage") || url.ends_with("/usage") => Asked::Usage,
        (name, url) if name.starts_with("http_profile") || url.ends_with("/profile") => {
            Asked::Profile
        }
        _ => Asked::Messages,
    };
    let class = classify(asked, answer.status, &answer.headers, &answer.body);
    let mut facts = match (asked, class) {
        (Asked::Usage, None) => usage_facts(&parse_usage(&answer.body), case),
        _ => Facts::default().usage(&parse_headers(&answer.headers), case.now),
    };
    facts = facts
        .class(class)
        .resets_at(unified_reset(&answer.headers))
        .with("warning", is_warning(&answer.headers))
        .with("softer", softer::of_headers(&answer.headers).map(softer_name));
    if let Some(class) = class {
        return Some(facts.wait(answer.retry_after(case.now), class));
    }
    let token = token_facts(&answer.body).filter(|_| asked == Asked::Token).unwrap_or_default();
    let conflict = token.is_for_another(ACCOUNT, ORGANIZATION);
    Some(
        facts
            .with("rotated", token.rotated)
            .with("expires_in", token.expires_in)
            .with("error", conflict.then_some("identity_conflict"))
            .with("capture_allowed", !conflict),
    )
}

/// Who, as the recordings write it: an unknown organisation is the empty text.
fn identity(identity: Option<&Identity>) -> Value {
    identity.map_or(Value::Null, |identity| {
        json!({
            "account": identity.account,
            "org": identity.organization.clone().unwrap_or_default(),
            "email": identity.email,
        })
    })
}

fn plan(facts: Facts, plan: &Plan) -> Facts {
    // The size that the tier names, not that of the plan.
    let size = Plan::told(Provider::Claude, None, plan.rate_limit_tier.clone()).weight;
    facts
        .with("plan", plan.subscription.clone())
        .with("tier", size.map(|size| format!("{size}x")))
        .with("rate_limit_tier", plan.rate_limit_tier.clone())
}

fn profile(case: &Case<'_>) -> Result<Facts, String> {
    let reply = parse_profile(&case.bytes).ok_or("not an object")?;
    let facts = Facts::default().with("identity", identity(Some(&reply.identity)));
    Ok(plan(facts, &reply.plan))
}

fn config(case: &Case<'_>) -> Result<Facts, String> {
    let Some(reading) = parse_config(&case.bytes) else {
        return Ok(Facts::default()
            .with("state", "unreadable_transient")
            .with("identity", Value::Null));
    };
    let state = match (&reading.identity, doors::holds_api_key(&case.bytes)) {
        (Some(_), _) => "ok",
        (None, true) => "api_key",
        (None, false) => "signed_out",
    };
    let facts =
        Facts::default().with("state", state).with("identity", identity(reading.identity.as_ref()));
    let facts = facts.with("usage_available", reading.identity.is_some());
    Ok(cache(plan(facts, &reading.plan), &reading, case))
}

fn cache(facts: Facts, reading: &ConfigReading, case: &Case<'_>) -> Facts {
    let Some(cached) = &reading.cached else {
        return facts.with("usable", false).with("usable_for_live", false).with("reason", "absent");
    };
    let usable = cached.usable(reading.identity.as_ref(), case.now);
    let reason = usable.err().map(|why| match why {
        Unusable::Stale => "stale",
        Unusable::OtherAccount => "other_account",
    });
    let windows = usage_facts(&cached.reply, case).into_map();
    windows
        .into_iter()
        .fold(facts, |facts, (name, value)| facts.with(&name, value))
        .with("age_s", cached.age_s(case.now))
        .with("usable", usable.is_ok())
        .with("usable_for_live", usable.is_ok())
        .with("account", cached.account.clone())
        .with("reason", reason)
}

/// The credential file: its state as custody tells it; the rest from what is not secret in it.
fn credential(case: &Case<'_>) -> Facts {
    let state = credential_state(&Secret::new(case.bytes.clone()), case.now);
    let json = case.json();
    let login = &json["claudeAiOauth"];
    let instant_of = |name: &str| login[name].as_f64().map(|millis| millis / 1e3);
    let now = case.now.0 as f64 / 1e6;
    let ends = instant_of("refreshTokenExpiresAt");
    let past = ends.is_some_and(|ends| ends <= now);
    let name = match state {
        CredentialState::Ok => "ok",
        CredentialState::NeedsRefresh => "needs_refresh",
        CredentialState::LoginRequired => "login_required",
        CredentialState::SignedOut => "signed_out",
        CredentialState::Foreign(_) => "foreign",
        CredentialState::Unreadable(_) => "unreadable_transient",
    };
    let whole = matches!(state, CredentialState::Ok | CredentialState::NeedsRefresh);
    let keys = |known: &[&str]| -> Vec<String> {
        let there = json.as_object().into_iter().flatten().map(|(name, _)| name.clone());
        there.filter(|name| known.contains(&name.as_str())).collect()
    };
    let shared =
        ["mcpOAuth", "mcpOAuthClientConfig", "mcpXaaIdp", "mcpXaaIdpConfig", "pluginSecrets"];
    let read = Plan {
        subscription: login["subscriptionType"].as_str().map(str::to_owned),
        rate_limit_tier: login["rateLimitTier"].as_str().map(str::to_owned),
        weight: None,
    };
    let required = state == CredentialState::LoginRequired;
    let (left, kind) = (ends.map(|ends| ends - now), login_kind(&Secret::new(case.bytes.clone())));
    let near = left.is_some_and(|left| (0.0..=WARNED_AHEAD_S).contains(&left));
    let name = if kind == LoginKind::ApiKey { "api_key" } else { name };
    plan(Facts::default(), &read)
        .with("state", name)
        .with("login_required", required)
        .with("warn", near.then_some("login_expiring"))
        .with("usage_available", kind == LoginKind::Subscription)
        .with("capture_allowed", whole)
        .with("reason", (required && past).then_some("login_deadline_passed"))
        .with("login_deadline", ends)
        .with("access_expires_in_s", instant_of("expiresAt").map(|ends| ends - now))
        .with("normalise", login["scopes"].is_string().then_some("scopes"))
        .with("machine_shared", keys(&shared))
        .with("account_scoped", keys(&["claudeAiOauth", "trustedDeviceToken"]))
}

/// A login's end is told of this long before it, seconds: as `sluice` does.
const WARNED_AHEAD_S: f64 = 7.0 * 86_400.0;

fn auth_status(case: &Case<'_>) -> Facts {
    let status = parse_auth_status(&case.bytes);
    Facts::default()
        .with("logged_in", status.logged_in)
        .with("state", status.by_key.then_some("api_key"))
        .with("usage_available", status.plan.is_some() && !status.by_key)
        .with("identity", identity(status.identity.as_ref()))
        .with("plan", status.plan)
}

fn control(case: &Case<'_>) -> Facts {
    if let Value::Array(lines) = case.json() {
        let ours =
            USAGE_REQUESTS.map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
        let theirs =
            lines.iter().filter_map(|line| serde_json::from_str::<Value>(line.as_str()?).ok());
        let same = theirs.eq(ours);
        return Facts::default().with("spawn", same.then_some("official CLI"));
    }
    let reading = parse_control(&case.bytes);
    let state = match reading.state {
        ControlState::Answered => "ok",
        ControlState::Error => "error",
        ControlState::Incomplete => "incomplete",
        ControlState::SignedOutOrApiKey => "signed_out_or_api_key",
        ControlState::BadOutput => "bad_output",
    };
    let available = reading.state == ControlState::Answered;
    usage_facts(&reading.reply, case)
        .with("state", state)
        .with("plan", reading.plan)
        .with("usage_available", available)
}

fn signal(signal: &Signal) -> Facts {
    let event = signal.event.map(|event| match event {
        Event::LoginCompleted => "login_completed",
        Event::SignedOut => "logout",
        Event::Other => "other",
    });
    let done = signal.event == Some(Event::LoginCompleted);
    Facts::default()
        .class(signal.class)
        .resets_at(signal.resets_at)
        .with("event", event)
        .with("success", done.then_some(true))
        .with("resets_text", signal.said.clone())
        .with("warning", signal.warning)
        .with("softer", signal.softer.map(softer_name))
}

fn local_state(case: &Case<'_>) -> Result<Facts, String> {
    let note = signals::parse_supervisor_note(&case.bytes);
    if let Some(note) = note.filter(|_| case.name.starts_with("daemon")) {
        return Ok(Facts::default()
            .with("advisory_only", true)
            .with("status", note.status)
            .with("since", instant(note.since)));
    }
    let record = signals::parse_process_record(&case.bytes);
    let live = record.as_ref().is_some_and(|record| record.kind.is_some());
    Ok(any_json(case)?
        .with("live_session", live)
        .with("pid", record.as_ref().map(|record| record.pid))
        .with("kind", record.and_then(|record| record.kind)))
}
