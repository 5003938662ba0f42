//! What Codex tells on its own: app server, logs, headers.

use super::usage::{Balance, CodexUsage, add_scoped, read_credits, read_windows, read_word};
use crate::claude::signals::Signal;
use crate::failure::FailureClass as Class;
use crate::json::{Oddities, under, written_instant};
use crate::spoken::{reset_said, reset_words};
use crate::words::{self, classify_text};
use http::HeaderMap;
use serde_json::{Map, Value, json};
use sluice_engine::Utc;

/// A message of the app server.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Who is signed in; `None` when nobody is.
    Account(Option<AccountNote>),
    /// The numbers. A notice is sparse: what it leaves out has not changed.
    Limits {
        /// The numbers.
        usage: Box<CodexUsage>,
        /// Merge into what is known instead of replacing it.
        sparse: bool,
    },
    /// A turn failed.
    Failed(Class),
    /// A login was begun: show this to the person.
    Login(LoginStep),
    /// A login ended, well or not.
    LoginEnded(bool),
    /// Anything else.
    Other,
}

/// Who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountNote {
    /// `chatgpt`, `apiKey`.
    pub kind: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// The plan, as sent.
    pub plan: Option<String>,
}

/// What the person has to do to sign in with the official tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginStep {
    /// Open the address.
    OpenAddress,
    /// Type the code.
    ShowCode,
}

/// Reads one line of the app server. Total.
#[must_use]
pub fn parse_message(bytes: &[u8]) -> Message {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let error = &document["params"]["turn"]["error"];
    if error.is_object() {
        return Message::Failed(turn_class(error));
    }
    if document["error"].is_object() {
        return Message::Failed(turn_class(&document["error"]));
    }
    let method = document["method"].as_str();
    let params = &document["params"];
    match method {
        Some("account/login/completed") => return Message::LoginEnded(params["success"] == true),
        Some("account/updated") => return Message::Account(read_update(params, &mut odd)),
        _ => {}
    }
    let sparse = method == Some("account/rateLimits/updated");
    let holder = if sparse { params } else { &document["result"] };
    let Some(map) = holder.as_object() else {
        return Message::Other;
    };
    if let Some(account) = map.get("account") {
        return Message::Account(odd.object(Some(account), "account").map(|account| AccountNote {
            kind: odd.text(account.get("type"), "account.type"),
            email: odd.text(account.get("email"), "account.email"),
            plan: odd.text(account.get("planType"), "account.planType"),
        }));
    }
    if map.get("rateLimits").is_some_and(Value::is_object) {
        return Message::Limits { usage: Box::new(read_limits(map, &mut odd)), sparse };
    }
    match map {
        map if map.contains_key("authUrl") => Message::Login(LoginStep::OpenAddress),
        map if map.contains_key("userCode") => Message::Login(LoginStep::ShowCode),
        _ => Message::Other,
    }
}

/// Reads one line of a run without a person. The same wording comes twice: as `error`, which may also be
/// a try that is repeated, and with the turn that failed. Total.
#[must_use]
pub fn parse_event_line(bytes: &[u8]) -> Signal {
    let document = Oddities::default().document(bytes).unwrap_or_default();
    let message = document["error"]["message"].as_str().or_else(|| document["message"].as_str());
    let class = match (document["type"].as_str(), parse_message(bytes)) {
        (_, Message::Failed(class)) => Some(class),
        (Some("error"), _) => message.and_then(|text| classify_text(words::CODEX, text)),
        _ => None,
    };
    let (spoken, said) = (message.and_then(reset_said), message.and_then(reset_words));
    Signal { class, spoken, said, ..Signal::default() }
}

/// A notice that the account changed: without a way of signing in, nobody is.
fn read_update(params: &Value, odd: &mut Oddities) -> Option<AccountNote> {
    let kind = odd.text(params.get("authMode"), "authMode")?;
    Some(AccountNote {
        kind: Some(kind),
        email: None,
        plan: odd.text(params.get("planType"), "planType"),
    })
}

pub(super) fn read_limits(map: &Map<String, Value>, odd: &mut Oddities) -> CodexUsage {
    let mut reading = CodexUsage { readable: true, ..CodexUsage::default() };
    let main = odd.object(map.get("rateLimits"), "rateLimits").cloned().unwrap_or_default();
    read_windows(&main, "rateLimits", None, &mut reading, odd);
    reading.plan = odd.text(main.get("planType"), "rateLimits.planType");
    reading.credits = read_credits(main.get("credits"), odd);
    read_word(map, Some(&main), &mut reading, odd);
    reading.resets = super::resets::read(map.get("rateLimitResetCredits"), odd);
    reading.settle(None);
    let own = main.get("limitId").and_then(Value::as_str).unwrap_or("codex").to_owned();
    if let Some(all) = odd.object(map.get("rateLimitsByLimitId"), "rateLimitsByLimitId") {
        for (id, limit) in all.iter().filter(|(id, _)| **id != own) {
            let Some(limit) = odd.object(Some(limit), "rateLimitsByLimitId") else {
                continue;
            };
            let name = odd.text(limit.get("limitName"), "rateLimitsByLimitId.limitName");
            let name = name.unwrap_or_else(|| crate::json::clean(id));
            add_scoped(name, limit, None, &mut reading, odd);
        }
    }
    reading
}

/// The class of a failed turn; the names come in several spellings.
fn turn_class(error: &Value) -> Class {
    let told = error.get("codexErrorInfo").or_else(|| error.get("codex_error_info"));
    let info = match told.unwrap_or(&Value::Null) {
        Value::String(name) => name.clone(),
        Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let plain: String = info.chars().filter(char::is_ascii_alphanumeric).collect();
    let worded = error["message"].as_str().and_then(|text| classify_text(words::CODEX, text));
    match plain.to_ascii_lowercase().as_str() {
        "usagelimitexceeded" => match worded {
            Some(class @ (Class::Billing | Class::ModelLimit)) => class,
            _ => Class::LimitUnspecified,
        },
        "ratelimitexceeded" => Class::Throttled,
        "unauthorized" => worded.unwrap_or(Class::AuthInvalid),
        "serveroverloaded" => Class::Overloaded,
        "internalservererror" => Class::ServerError,
        "badrequest" => Class::InvalidRequest,
        _ => worded.unwrap_or(Class::Unknown),
    }
}

/// Reads one line of a log of Codex; `None` when it holds no limits. Relative times count from the
/// line's own time.
#[must_use]
pub fn parse_log_line(bytes: &[u8]) -> Option<CodexUsage> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    let payload = &document["payload"];
    if payload["type"] != "token_count" {
        return None;
    }
    let at = odd.instant(document.get("timestamp"), "timestamp");
    let limits = odd.object(payload.get("rate_limits"), "rate_limits")?;
    let mut reading = CodexUsage { readable: true, ..CodexUsage::default() };
    if let Some(name) = odd.text(limits.get("limit_id"), "rate_limits.limit_id")
        && name != "codex"
    {
        // A limit of one model says nothing of the account.
        let shown = odd.text(limits.get("limit_name"), "rate_limits.limit_name");
        add_scoped(shown.unwrap_or(name), limits, at, &mut reading, &mut odd);
        reading.usage.observed_at = at;
        reading.oddities = odd.into_vec();
        return Some(reading);
    }
    read_windows(limits, "rate_limits", at, &mut reading, &mut odd);
    reading.plan = odd.text(limits.get("plan_type"), "rate_limits.plan_type");
    reading.credits = read_credits(limits.get("credits"), &mut odd);
    read_word(limits, None, &mut reading, &mut odd);
    reading.settle(at);
    reading.usage.observed_at = at;
    reading.oddities = odd.into_vec();
    Some(reading)
}

/// The failure in one line of a log; `None` when it holds none.
#[must_use]
pub fn parse_log_failure(bytes: &[u8]) -> Option<Class> {
    let document = Oddities::default().document(bytes)?;
    let payload = &document["payload"];
    let failed = matches!(payload["type"].as_str(), Some("error" | "stream_error"));
    failed.then(|| turn_class(payload))
}

/// Reads the limits in the headers of an answer that arrived at `now`.
#[must_use]
pub fn parse_headers(headers: &HeaderMap, now: Utc) -> CodexUsage {
    let text = |name: String| headers.get(name).and_then(|it| it.to_str().ok()).map(str::trim);
    let mut limits = Map::new();
    for slot in ["primary", "secondary"] {
        let field = |name: &str| text(format!("x-codex-{slot}-{name}"));
        let end = field("reset-at").filter(|it| written_instant(it).is_some());
        let mut window = Map::new();
        window.insert("used_percent".to_owned(), json!(field("used-percent")));
        window.insert("window_minutes".to_owned(), json!(field("window-minutes")));
        window.insert("reset_at".to_owned(), json!(end));
        window.insert("reset_after_seconds".to_owned(), json!(field("reset-after-seconds")));
        limits.insert(slot.to_owned(), Value::Object(window));
    }
    let mut odd = Oddities::default();
    let mut reading = CodexUsage { readable: true, ..CodexUsage::default() };
    read_windows(&limits, &under("", "x-codex"), Some(now), &mut reading, &mut odd);
    let credit = |name: &str| text(format!("x-codex-credits-{name}"));
    let unlimited = credit("unlimited").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let balance = credit("balance").and_then(|it| it.parse::<f64>().ok());
    reading.credits = match (unlimited, balance.filter(|it| it.is_finite())) {
        (true, _) => Some(Balance::Unlimited),
        (false, Some(balance)) => Some(Balance::Left(Some(balance))),
        (false, None) => None,
    };
    reading.reached = text("x-codex-rate-limit-reached-type".to_owned())
        .map(crate::json::clean)
        .filter(|kind| !kind.is_empty());
    reading.settle(Some(now));
    reading.oddities = odd.into_vec();
    reading
}

/// What `codex doctor --json` says of the login: whether a variable of the environment outranks it.
#[must_use]
pub fn doctor_env_override(bytes: &[u8]) -> Option<bool> {
    let document = Oddities::default().document(bytes)?;
    let map = document.as_object()?;
    let named = map.get("auth env vars present").and_then(Value::as_str);
    Some(named.is_some_and(|names| !matches!(names.trim(), "" | "none" | "None")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_engine::{Block, Verdict};

    fn line(limits: &Value) -> CodexUsage {
        let line = json!({"timestamp": "2026-11-21T12:00:00Z",
            "payload": {"type": "token_count", "rate_limits": limits}});
        parse_log_line(line.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_verdict_is_read_in_every_spelling() {
        let refused = |why| Some(Verdict::Refused { why, until: None });
        let window = json!({"used_percent": 12, "window_minutes": 300});
        let log =
            line(&json!({"primary": window, "rate_limit_reached_type": "rate_limit_reached"}));
        assert_eq!(log.usage.verdict, refused(Block::Limit));
        let answer = json!({"id": 1, "result": {"rateLimits": {"primary": window,
            "spendControl": {"reached": true}}}});
        let Message::Limits { usage, .. } = parse_message(answer.to_string().as_bytes()) else {
            panic!("no limits");
        };
        assert_eq!(usage.usage.verdict, refused(Block::Spending));
        let mut headers = HeaderMap::new();
        headers.insert("x-codex-rate-limit-reached-type", "secondary".parse().unwrap());
        let now = Utc::from_seconds(1_795_262_400);
        assert_eq!(parse_headers(&headers, now).usage.verdict, refused(Block::Limit));
    }

    #[test]
    fn a_models_limit_in_a_log_says_nothing_of_the_account() {
        let full = json!({"used_percent": 100, "window_minutes": 300, "resets_at": 1_795_269_600});
        let log = line(&json!({"limit_id": "codex_bengalfox", "limit_name": "Spark",
            "primary": full, "rate_limit_reached_type": "rate_limit_reached"}));
        assert_eq!((log.usage.short().used, log.usage.verdict), (None, None));
        let models: Vec<&str> = log.usage.models().map(|(model, _)| model).collect();
        assert_eq!(models, ["Spark"]);
    }
}
