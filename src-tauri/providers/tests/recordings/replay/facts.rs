//! What was read, under the names the manifests use.

use super::Case;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use sluice_engine::Resets;
use sluice_engine::grant::Said;
use sluice_engine::{Metered, Source, Usage, Utc, Window, WindowKind};
use sluice_providers::reading::{Phase, account_limited, exhausted, phase_at, settled};
use sluice_providers::spoken::reset_words;
use sluice_providers::words::{self, classify_text};
use sluice_providers::{FailureClass, RetryAfter};

/// Facts of one recording; a later one of the same name replaces an earlier one.
#[derive(Debug, Default)]
pub(crate) struct Facts(Map<String, Value>);

impl Facts {
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The windows of an account.
    pub(crate) fn usage(self, usage: &Usage, now: Utc) -> Self {
        let scoped: Vec<Value> = usage
            .models()
            .map(|(model, metered)| {
                let mut shown = window(&metered.window, now);
                shown["name"] = json!(model);
                shown
            })
            .collect();
        let unknown = |metered: &&Metered| matches!(metered.kind, WindowKind::Other(_));
        let money = usage.further().find(|metered| metered.amounts.is_some());
        let share = money.and_then(|money| settled(&money.window, now).used);
        let share = share.map(sluice_engine::Percent::get);
        let spend = money
            .and_then(|money| money.amounts.as_ref())
            .map(|amounts| json!({"used": amounts.used, "limit": amounts.limit, "pct": share}));
        self.with("session", window(&usage.short(), now))
            .with("spend", spend)
            .with("spend_pct", share)
            .with("unknown_rows", usage.further().filter(unknown).count())
            .with("weekly", window(&usage.long(), now))
            .with("scoped", scoped)
            .with("account_limited", account_limited(usage, now))
    }

    /// Limit resets in hand: their number, the first end, and whether they are not told to us.
    pub(crate) fn resets(self, said: Option<Said>, now: Utc) -> Self {
        let mut resets = Resets::default();
        if let Some(said) = said {
            resets.take(&said, Source::Endpoint, now);
        }
        let end = resets.first_end(now).map(|end| end.millis() / 1_000);
        self.with("reset_credits", resets.left(now))
            .with("reset_ends_at", end)
            .with("resets_withheld", resets.withheld)
    }

    /// A failure, or that there was none.
    pub(crate) fn class(self, class: Option<FailureClass>) -> Self {
        let of = |get: fn(FailureClass) -> bool| class.map(get);
        self.with("class", class.map(FailureClass::name))
            .with("account_limited", class.is_some_and(FailureClass::limits_account))
            .with("permanent", class.is_some_and(FailureClass::permanent))
            .with("transient", class.is_some_and(FailureClass::transient))
            .with("login_required", class.is_some_and(FailureClass::needs_sign_in))
            .with("usage_available", of(FailureClass::usage_readable))
            .with("keep_last_good", class.is_some())
            .with("action", class.map(|class| class.remedy().name()))
    }

    pub(crate) fn resets_at(self, at: Option<Utc>) -> Self {
        self.with("resets_at", instant(at))
    }

    /// The wait after a failure.
    pub(crate) fn wait(self, asked: Option<RetryAfter>, class: FailureClass) -> Self {
        let least = class.min_wait(asked).as_secs();
        self.with("retry_s", asked.map(RetryAfter::seconds)).with("min_wait_s", least)
    }
}

/// Seconds since the epoch, with the fraction.
pub(crate) fn instant(at: Option<Utc>) -> Value {
    at.map_or(Value::Null, |at| json!(at.0 as f64 / 1e6))
}

/// A window at an instant; null when nothing is known of it.
pub(crate) fn window(window: &Window, now: Utc) -> Value {
    let state = match phase_at(window, now) {
        Phase::Unknown => return Value::Null,
        Phase::NotStarted => "not_started",
        Phase::Running => "running",
        Phase::Elapsed => "window_elapsed",
    };
    let used = settled(window, now).used.map(sluice_engine::Percent::get);
    json!({
        "pct": used,
        "resets_at": instant(window.resets_at),
        "state": state,
        "exhausted": exhausted(window, now),
    })
}

/// An answer as the recordings hold it: status, headers, body.
pub(crate) struct Envelope {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) url: String,
}

impl Envelope {
    pub(crate) fn read(case: &Case<'_>) -> Option<Self> {
        let json = case.json();
        let body = match (json.get("body"), json["body_text"].as_str()) {
            (_, Some(text)) => text.as_bytes().to_vec(),
            (Some(body), None) => body.to_string().into_bytes(),
            (None, None) => Vec::new(),
        };
        Some(Self {
            status: u16::try_from(json["status"].as_u64()?).ok()?,
            headers: headers(&json["headers"]),
            body,
            url: json["request"]["url"].as_str().unwrap_or_default().to_owned(),
        })
    }

    pub(crate) fn retry_after(&self, now: Utc) -> Option<RetryAfter> {
        RetryAfter::parse(self.headers.get("retry-after")?.as_bytes(), now)
    }
}

/// Headers from an object of texts.
pub(crate) fn headers(json: &Value) -> HeaderMap {
    let pairs = json.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((name, HeaderValue::from_str(&text).ok()?))
    });
    pairs.collect()
}

/// A list of texts, each with its class: all must be told right.
pub(crate) fn error_strings(case: &Case<'_>, wordings: words::Table) -> Result<Facts, String> {
    let list = case.json();
    let list = list.as_array().ok_or("not a list")?;
    for entry in list {
        let text = entry["text"].as_str().ok_or("an entry without text")?;
        let class = classify_text(wordings, text).map(FailureClass::name);
        let warns = class == Some("warning_login_expiring");
        let said = reset_words(text);
        let told = entry.get("resets_text").is_none_or(|wanted| wanted.as_str() == said.as_deref());
        if !told || entry.get("warning").is_some_and(|wanted| *wanted != warns) {
            return Err(format!("{text:?} says {said:?} and warns: {warns}"));
        }
        if class != entry["class"].as_str() {
            return Err(format!("{text:?} is {class:?}, expected {}", entry["class"]));
        }
    }
    Ok(Facts::default().with("parse_all", true))
}

/// A recording that only has to be JSON.
pub(crate) fn any_json(case: &Case<'_>) -> Result<Facts, String> {
    let value: Result<Value, _> = serde_json::from_slice(&case.bytes);
    value.map(|_| Facts::default()).map_err(|error| error.to_string())
}
