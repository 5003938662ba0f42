//! What Claude Code tells on its own: status line, hooks, stream events, transcripts, records.

use super::headers::claim_class;
use super::softer::{self, Softer};
use crate::failure::FailureClass as Class;
use crate::json::{Odd, Oddities, Oddity, under};
use crate::spoken::{Spoken, reset_said, reset_words};
use crate::words::{self, classify_text, reset_in_text};
use serde_json::{Map, Value};
use sluice_engine::{Amounts, Percent, Usage, Utc, Window, WindowKind};

/// Something the tool told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// What happened, when it was no failure.
    pub event: Option<Event>,
    /// What failed; `None` when nothing did.
    pub class: Option<Class>,
    /// When the refusing limit empties.
    pub resets_at: Option<Utc>,
    /// The same as it was shown to the person; which instant that is depends on a time zone.
    pub spoken: Option<Spoken>,
    /// The same word for word, to be shown.
    pub said: Option<String>,
    /// It warns, and nothing is refused yet.
    pub warning: bool,
    /// The session may go on in spite of the refusal.
    pub softer: Option<Softer>,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
}

/// Numbers that a tool told beside its work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// The windows it spoke of: a part of all.
    pub usage: Usage,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
}

/// Events that are no failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A login was completed in some process.
    LoginCompleted,
    /// The person signed out.
    SignedOut,
    /// Anything else.
    Other,
}

/// Reads the JSON the tool hands to a status line: percent of 0 … 100, seconds since the epoch. It
/// carries no identity; attribute it by the directory it came from.
#[must_use]
pub fn parse_status_line(bytes: &[u8]) -> Numbers {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    let limits = document.as_ref().and_then(|document| document.get("rate_limits"));
    let limits = odd.object(limits, "rate_limits");
    let usage = limits.map(|limits| status_windows(limits, &mut odd)).unwrap_or_default();
    Numbers { usage, oddities: odd.into_vec() }
}

fn status_windows(limits: &Map<String, Value>, odd: &mut Oddities) -> Usage {
    for (name, value) in limits {
        if !["five_hour", "seven_day", "spend_limit"].contains(&name.as_str()) {
            odd.unknown_field(name, value);
        }
    }
    let spent = spend_limit(limits, odd);
    let mut window = |name: &str| {
        odd.object(limits.get(name), name).map_or_else(Window::default, |map| Window {
            used: odd.percent(map.get("used_percentage"), &under(name, "used_percentage")),
            resets_at: odd.instant(map.get("resets_at"), &under(name, "resets_at")),
        })
    };
    let mut usage = Usage::of(window("five_hour"), window("seven_day"));
    if let Some((window, amounts)) = spent {
        usage.add(WindowKind::money("spend_limit"), window, Some(amounts));
    }
    usage
}

/// The ceiling of money in a status line.
fn spend_limit(limits: &Map<String, Value>, odd: &mut Oddities) -> Option<(Window, Amounts)> {
    let map = odd.object(limits.get("spend_limit"), "spend_limit")?;
    let mut sum = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| map.get(*name));
        odd.number(value, &under("spend_limit", names[0]))
    };
    let amounts = Amounts {
        used: sum(["used", "used_dollars"]),
        limit: sum(["limit", "limit_dollars"]),
        currency: odd.text(map.get("currency"), "spend_limit.currency"),
    };
    let used = odd.percent(map.get("used_percentage"), "spend_limit.used_percentage");
    let resets_at = odd.instant(map.get("resets_at"), "spend_limit.resets_at");
    Some((Window { used: used.or_else(|| amounts.share()), resets_at }, amounts))
}

/// Reads the JSON the tool hands to a hook. Total.
#[must_use]
pub fn parse_hook(bytes: &[u8]) -> Signal {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    for name in
        ["hook_event_name", "error", "last_assistant_message", "notification_type", "reason"]
    {
        let _text = odd.text(document.get(name), name);
    }
    let mut signal = read_hook(&document);
    if signal.class == Some(Class::Unknown)
        && document["error"].is_string()
        && document["error"] != "unknown"
    {
        odd.note("error", Odd::UnknownValue);
    }
    signal.oddities = odd.into_vec();
    signal
}

fn read_hook(document: &Value) -> Signal {
    let text = |name: &str| document[name].as_str();
    match text("hook_event_name") {
        Some("StopFailure") => Signal {
            class: Some(hook_class(text("error"), text("last_assistant_message"))),
            resets_at: text("last_assistant_message").and_then(reset_in_text),
            softer: text("last_assistant_message").and_then(softer::in_text),
            ..shown_reset(text("last_assistant_message"))
        },
        Some("Notification") if text("notification_type") == Some("auth_success") => {
            happened(Event::LoginCompleted)
        }
        Some("SessionEnd") if text("reason") == Some("logout") => happened(Event::SignedOut),
        _ => happened(Event::Other),
    }
}

/// The reset in what was shown to the person.
fn shown_reset(shown: Option<&str>) -> Signal {
    Signal {
        spoken: shown.and_then(reset_said),
        said: shown.and_then(reset_words),
        ..Signal::default()
    }
}

fn happened(event: Event) -> Signal {
    Signal { event: Some(event), ..Signal::default() }
}

/// The class behind a hook's `error`; the shown text only refines what the field leaves open.
fn hook_class(error: Option<&str>, shown: Option<&str>) -> Class {
    let worded = shown.and_then(|shown| classify_text(words::CLAUDE, shown));
    match error {
        // The field covers quota and throttling alike.
        Some("rate_limit") => {
            let which = worded.filter(|worded| refined(Class::Throttled, Some(*worded)) == *worded);
            which.unwrap_or(Class::LimitUnspecified)
        }
        Some("overloaded") => Class::Overloaded,
        // Not being let in is no fault of the login: signing in anew would not help.
        Some("authentication_failed") => match worded {
            Some(
                class @ (Class::Forbidden
                | Class::Policy
                | Class::AuthOrgDisabled
                | Class::AuthScope
                | Class::AuthApiKey),
            ) => class,
            _ => Class::AuthLoginRequired,
        },
        Some("oauth_org_not_allowed") => Class::AuthOrgDisabled,
        Some("billing_error") => Class::Billing,
        Some("invalid_request") => match worded {
            Some(class @ (Class::Policy | Class::Billing | Class::AuthOrgDisabled)) => class,
            _ => Class::InvalidRequest,
        },
        Some("model_not_found") => Class::InvalidRequest,
        Some("server_error") => match worded {
            Some(class @ (Class::RefreshLockBusy | Class::Overloaded)) => class,
            _ => Class::ServerError,
        },
        Some(_) => Class::Unknown,
        None => worded.unwrap_or(Class::Unknown),
    }
}

/// Reads one line of the tool's output stream or transcript. Only what is marked as a failure
/// counts; text that quotes one does not.
#[must_use]
pub fn parse_stream_line(bytes: &[u8]) -> Signal {
    let document = Oddities::default().document(bytes).unwrap_or_default();
    match document["type"].as_str() {
        Some("rate_limit_event") => {
            document["rate_limit_info"].as_object().map_or_else(Signal::default, read_limit_event)
        }
        Some("result") if document["is_error"] == true => {
            let shown = document["result"].as_str();
            let softer = shown.and_then(softer::in_text);
            Signal { class: Some(result_class(&document)), softer, ..shown_reset(shown) }
        }
        _ if document["isApiErrorMessage"] == true => {
            let shown = document["message"]["content"][0]["text"].as_str();
            let error = document["error"].as_str();
            let softer = shown.and_then(softer::in_text);
            Signal { class: Some(hook_class(error, shown)), softer, ..shown_reset(shown) }
        }
        _ => Signal::default(),
    }
}

fn read_limit_event(info: &Map<String, Value>) -> Signal {
    let status = info.get("status").and_then(Value::as_str);
    if status != Some("rejected") {
        let warning = status == Some("allowed_warning");
        return Signal { warning, ..happened(Event::Other) };
    }
    let kind = info.get("rateLimitType").and_then(Value::as_str);
    let resets_at = Oddities::default().instant(info.get("resetsAt"), "resetsAt");
    let class = match kind {
        Some(kind) => claim_class(kind).unwrap_or(Class::LimitUnspecified),
        None if resets_at.is_some() => Class::LimitUnspecified,
        // The tool says the same of a server that is busy: where no limit is named, none is reached.
        None => Class::Throttled,
    };
    Signal { class: Some(class), resets_at, softer: softer::of_event(info), ..Signal::default() }
}

/// What one line of the tool's output stream tells of windows; `None` where it is no such event or says
/// nothing.
#[must_use]
pub fn parse_limit_event(bytes: &[u8]) -> Option<Numbers> {
    let name = b"\"rate_limit_event\"";
    // Most lines are long and are something else.
    if !bytes.windows(name.len()).any(|part| part == name) {
        return None;
    }
    let document = Oddities::default().document(bytes)?;
    let told = (document["type"] == "rate_limit_event").then(|| limit_event_usage(bytes))?;
    (told != Numbers::default()).then_some(told)
}

/// The windows a limit event tells of: a share of 0 … 1, or percent when it is above 1.
#[must_use]
pub fn limit_event_usage(bytes: &[u8]) -> Numbers {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let info = &document["rate_limit_info"];
    let mut window = |map: &Value, path: &str| {
        let share = odd.number(map.get("utilization"), path);
        // Above one it is percent; a share of all use is never above a hundred thousand.
        let percent = share.map(|share| if share > 1.0 { share } else { share * 100.0 });
        Window {
            used: percent.and_then(Percent::told),
            resets_at: odd.instant(map.get("resetsAt"), path),
        }
    };
    let mut usage = Usage::default();
    let kind = WindowKind::named(info["rateLimitType"].as_str().unwrap_or_default());
    if kind.is_own() {
        usage = usage.with(kind, window(info, "utilization"));
    }
    // Newer tools tell both windows with every event.
    for kind in WindowKind::ACCOUNT_WIDE {
        let told = &info["unifiedWindows"][kind.name()];
        if told.is_object() {
            let told = window(told, "unifiedWindows");
            let known = usage.of_kind(&kind);
            known.used = told.used.or(known.used);
            known.resets_at = told.resets_at.or(known.resets_at);
        }
    }
    Numbers { usage, oddities: odd.into_vec() }
}

/// What failed in a turn: by the fields that are made for it, and by the wording only as far as they
/// leave it open.
fn result_class(result: &Value) -> Class {
    let text = |name: &str| result[name].as_str();
    let worded = text("result").and_then(|shown| classify_text(words::CLAUDE, shown));
    let told = text("api_error").and_then(error_class);
    let told = told.or_else(|| text("api_error_type").and_then(error_class));
    let told = told.or_else(|| result["api_error_status"].as_u64().map(status_class));
    match told {
        Some(told) => refined(told, worded),
        None => worded.unwrap_or(Class::Unknown),
    }
}

/// The class behind the name of an API error; `None` for names that are not known.
fn error_class(name: &str) -> Option<Class> {
    Some(match name {
        "usage_limit_reached" | "usage_limit" => Class::LimitUnspecified,
        "rate_limit_error" | "rate_limit" => Class::Throttled,
        "overloaded_error" | "overloaded" => Class::Overloaded,
        "api_error" | "timeout_error" | "server_error" => Class::ServerError,
        "authentication_error" | "authentication_failed" => Class::AuthInvalid,
        "oauth_token_revoked" | "token_revoked" => Class::AuthRevoked,
        "oauth_org_not_allowed" => Class::AuthOrgDisabled,
        "permission_error" => Class::Forbidden,
        "billing_error" => Class::Billing,
        "invalid_request_error" | "invalid_request" | "model_not_found" => Class::InvalidRequest,
        _ => return None,
    })
}

const fn status_class(status: u64) -> Class {
    match status {
        401 => Class::AuthExpired,
        402 => Class::Billing,
        403 => Class::Forbidden,
        429 => Class::Throttled,
        529 => Class::Overloaded,
        408 | 500..=599 => Class::ServerError,
        400 | 422 => Class::InvalidRequest,
        _ => Class::Unknown,
    }
}

/// A wording tells which kind of what the fields say; it never makes something else of it.
pub(super) fn refined(told: Class, worded: Option<Class>) -> Class {
    let Some(worded) = worded else { return told };
    let limit = worded.limits_account()
        || matches!(worded, Class::ModelLimit | Class::ModelWeeklyLimit | Class::Throttled);
    let same = match told {
        // The field covers quota and throttling alike.
        Class::Throttled => limit,
        Class::LimitUnspecified => limit && worded != Class::Throttled,
        Class::AuthInvalid | Class::AuthExpired | Class::Forbidden => {
            worded.concerns_login() || matches!(worded, Class::Forbidden | Class::Policy)
        }
        Class::InvalidRequest => matches!(
            worded,
            Class::Policy | Class::Billing | Class::AuthOrgDisabled | Class::PlanIneligible
        ),
        Class::ServerError => matches!(worded, Class::RefreshLockBusy | Class::Overloaded),
        Class::Unknown => true,
        _ => false,
    };
    if same { worded } else { told }
}

/// A record the tool keeps of a running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// Process id.
    pub pid: u32,
    /// `interactive`, `bg`, `daemon`, …
    pub kind: Option<String>,
    /// When it started.
    pub started_at: Option<Utc>,
    /// It is in the middle of a turn.
    pub busy: bool,
}

/// Reads `sessions/<pid>.json`; `None` when it names no process. That the process still lives is
/// for the caller to check.
#[must_use]
pub fn parse_process_record(bytes: &[u8]) -> Option<ProcessRecord> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    let map = odd.object(Some(&document), "")?;
    let pid = map.get("pid")?.as_u64().and_then(|pid| u32::try_from(pid).ok());
    Some(ProcessRecord {
        pid: pid.filter(|pid| *pid > 1)?,
        kind: odd.text(map.get("kind"), "kind"),
        started_at: odd.instant(map.get("startedAt"), "startedAt"),
        busy: map.get("status").and_then(Value::as_str) == Some("busy"),
    })
}

/// What the tool's supervisor noted about signing in: advice only, it is never taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorNote {
    /// `auth_required`, …
    pub status: String,
    /// Since when; a newer login outdates it.
    pub since: Option<Utc>,
}

/// Reads `daemon-auth-status.json`.
#[must_use]
pub fn parse_supervisor_note(bytes: &[u8]) -> Option<SupervisorNote> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    Some(SupervisorNote {
        status: odd.text(document.get("status"), "status")?,
        since: odd.instant(document.get("since"), "since"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(line: &str) -> Option<Class> {
        parse_stream_line(line.as_bytes()).class
    }

    fn result(fields: &str, text: &str) -> Option<Class> {
        class(&format!(r#"{{"type":"result","is_error":true,"result":"{text}"{fields}}}"#))
    }

    #[test]
    fn a_rejection_that_names_no_limit_is_throttling() {
        let event = |info: &str| {
            class(&format!(
                r#"{{"type":"rate_limit_event","rate_limit_info":{{"status":"rejected"{info}}}}}"#
            ))
        };
        assert_eq!(event(r#","isUsingOverage":false"#), Some(Class::Throttled));
        assert_eq!(event(r#","rateLimitType":"five_hour""#), Some(Class::FiveHourLimit));
        assert_eq!(event(r#","rateLimitType":"ten_day""#), Some(Class::LimitUnspecified));
        assert_eq!(event(r#","resetsAt":1795435200"#), Some(Class::LimitUnspecified));
    }

    #[test]
    fn the_fields_of_a_failed_turn_come_before_its_wording() {
        let limit = r#","api_error":"usage_limit_reached","api_error_type":"rate_limit_error","api_error_status":429"#;
        let busy =
            r#","api_error":null,"api_error_type":"rate_limit_error","api_error_status":429"#;
        let weekly = "You've hit your weekly limit \u{b7} resets Dec 3, 9:02pm (UTC)";
        for (fields, text, wanted) in [
            (limit, "Etwas ist passiert", Class::LimitUnspecified),
            (limit, weekly, Class::WeeklyLimit),
            (limit, "OAuth token revoked", Class::LimitUnspecified),
            (
                busy,
                "Server is temporarily limiting requests (not your usage limit)",
                Class::Throttled,
            ),
            (busy, "Etwas ist passiert", Class::Throttled),
            (r#","api_error_status":429"#, weekly, Class::WeeklyLimit),
            (r#","api_error_status":529"#, weekly, Class::Overloaded),
            (r#","api_error_status":500"#, "Invalid API key", Class::ServerError),
            (r#","api_error_type":"billing_error""#, weekly, Class::Billing),
            (
                r#","api_error_status":401"#,
                "Failed to authenticate. API Error: 401 Invalid authentication credentials",
                Class::AuthInvalid,
            ),
            ("", weekly, Class::WeeklyLimit),
        ] {
            assert_eq!(result(fields, text), Some(wanted), "{fields} {text}");
        }
    }

    #[test]
    fn a_refused_login_is_known_with_a_colon_too() {
        let text = "Failed to authenticate: OAuth token revoked. Please log in again or contact your administrator.";
        assert_eq!(classify_text(words::CLAUDE, text), Some(Class::AuthRevoked));
        assert_eq!(result(r#","api_error_status":403"#, text), Some(Class::AuthRevoked));
        assert_eq!(result("", text), Some(Class::AuthRevoked));
    }

    #[test]
    fn what_is_odd_about_a_tools_own_word_is_listed() {
        let named = |oddities: &[Oddity]| -> Vec<String> {
            oddities.iter().map(|one| format!("{} {}", one.path, one.odd.name())).collect()
        };
        let status = r#"{"rate_limits":{"five_hour":{"used_percentage":-3},"thirty_day":{"used_percent":1}}}"#;
        let wanted = ["thirty_day unknown_window", "five_hour.used_percentage out_of_range"];
        assert_eq!(named(&parse_status_line(status.as_bytes()).oddities), wanted);
        let hook =
            r#"{"hook_event_name":"StopFailure","error":"moon_phase","last_assistant_message":7}"#;
        let wanted = ["last_assistant_message wrong_type", "error unknown_value"];
        assert_eq!(named(&parse_hook(hook.as_bytes()).oddities), wanted);
        let event = r#"{"type":"rate_limit_event","rate_limit_info":{"unifiedWindows":{"five_hour":{"utilization":"much"}}}}"#;
        let told = parse_limit_event(event.as_bytes()).unwrap();
        assert_eq!(named(&told.oddities), ["unifiedWindows wrong_type"]);
        assert_eq!(parse_limit_event(b"{\"type\":\"assistant\"}"), None);
    }

    #[test]
    fn half_a_character_hides_no_signal() {
        let status =
            r#"{"session_name":"cut \ud83d","rate_limits":{"five_hour":{"used_percentage":42}}}"#;
        let used = parse_status_line(status.as_bytes()).usage.short().used.map(Percent::get);
        assert_eq!(used, Some(42.0));
        let hook = r#"{"hook_event_name":"StopFailure","error":"billing_error","last_assistant_message":"\ud83d"}"#;
        assert_eq!(parse_hook(hook.as_bytes()).class, Some(Class::Billing));
        let line =
            r#"{"type":"result","is_error":true,"api_error_status":529,"result":"\udc00 cut"}"#;
        assert_eq!(class(line), Some(Class::Overloaded));
        let config = r#"{"tip":"\ud83d","oauthAccount":{"accountUuid":"a"}}"#;
        let read = crate::claude::config::parse_config(config.as_bytes()).unwrap();
        assert_eq!(read.identity.and_then(|identity| identity.account).as_deref(), Some("a"));
    }
}
