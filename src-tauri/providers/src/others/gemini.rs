//! Gemini's tool: its files and, where other programs recorded them, its answers.

use super::{StoreState, shown_claims};
use crate::failure::FailureClass as Class;
use crate::json::{Oddities, clean};
use crate::words::{Speaker, classify_text};
use serde_json::Value;
use sluice_engine::{Utc, Window};

/// A delay longer than this is no throttle but an end for the day.
const RETRYABLE_S: f64 = 300.0;

/// Who is signed in, from `google_accounts.json`; `None` when nobody is.
#[must_use]
pub fn active_account(bytes: &[u8]) -> Option<String> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    odd.text(document.get("active"), "active")
}

/// The way of signing in, from `settings.json`.
#[must_use]
pub fn auth_kind(bytes: &[u8]) -> Option<String> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    let security = document.get("security").and_then(|it| it.get("auth")?.get("selectedType"));
    odd.text(security.or(document.get("selectedAuthType")), "selectedType")
}

/// The login in `oauth_creds.json` at `now`, and whose it is. No token leaves this function.
#[must_use]
pub fn store_state(bytes: &[u8], now: Utc) -> (StoreState, Option<String>) {
    let mut odd = Oddities::default();
    let Some(document) = odd.document(bytes).filter(Value::is_object) else {
        return (StoreState::Unreadable, None);
    };
    let there = |name: &str| document[name].as_str().is_some_and(|text| !text.is_empty());
    let email = document["id_token"].as_str().and_then(shown_claims);
    let email = email.and_then(|claims| claims["email"].as_str().map(clean));
    let ends = odd.instant(document.get("expiry_date"), "expiry_date");
    let state = match (there("access_token"), there("refresh_token")) {
        (false, false) => StoreState::SignedOut,
        (_, false) => StoreState::LoginRequired,
        (true, true) if ends.is_none_or(|ends| ends > now) => StoreState::Usable,
        (_, true) => StoreState::NeedsRefresh,
    };
    (state, email)
}

/// A quota of one model: percent used and its reset.
pub type ModelQuota = (String, Window);

/// Percent used per model. A fraction that was left out is unknown, not zero.
#[must_use]
pub fn parse_quota(bytes: &[u8]) -> Vec<ModelQuota> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let buckets = document["buckets"].as_array().cloned().unwrap_or_default();
    let rows = buckets.iter().filter_map(|bucket| {
        Some((odd.text(bucket.get("modelId"), "modelId")?, bucket_window(bucket, &mut odd)))
    });
    rows.collect()
}

/// The groups of the successor's summary: group, window (`5h`, `weekly`), reading.
#[must_use]
pub fn parse_summary(bytes: &[u8]) -> Vec<(String, String, Window)> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let groups = document["groups"].as_array().cloned().unwrap_or_default();
    let buckets = groups.iter().filter_map(|group| group["buckets"].as_array()).flatten();
    let rows = buckets.filter_map(|bucket| {
        let id = odd.text(bucket.get("bucketId"), "bucketId")?;
        let (group, window) = id.rsplit_once('-')?;
        Some((group.to_owned(), window.to_owned(), bucket_window(bucket, &mut odd)))
    });
    rows.collect()
}

fn bucket_window(bucket: &Value, odd: &mut Oddities) -> Window {
    let left = bucket.get("remainingFraction").or_else(|| {
        let one = bucket.get("remaining")?;
        if one["case"] == "remainingFraction" {
            one.get("value")
        } else {
            one.get("remainingFraction")
        }
    });
    let left = odd.number(left, "remainingFraction").filter(|left| (0.0..=1.0).contains(left));
    Window {
        // Rounded because 1 − 0.94 is not 0.06 in binary.
        used: left.and_then(|left| sluice_engine::Percent::new(((1.0 - left) * 1e8).round() / 1e6)),
        resets_at: odd.instant(bucket.get("resetTime"), "resetTime"),
    }
}

/// What a tier answer says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tier {
    /// The tier's id; the paid one counts before the current one.
    pub tier: Option<String>,
    /// Credits left.
    pub credits: Option<f64>,
    /// Why no tier can be had.
    pub class: Option<Class>,
}

/// Reads the answer that names the tier.
#[must_use]
pub fn parse_tier(bytes: &[u8]) -> Tier {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let paid = &document["paidTier"];
    let tier = odd.text(paid.get("id"), "paidTier.id");
    let credit = paid["availableCredits"][0].get("creditAmount");
    let reason = document["ineligibleTiers"][0]["reasonCode"].as_str();
    let current = odd.text(document["currentTier"].get("id"), "currentTier.id");
    Tier {
        class: reason.filter(|_| current.is_none() && tier.is_none()).map(|reason| match reason {
            "UNSUPPORTED_CLIENT" => Class::ClientUnsupported,
            "VALIDATION_REQUIRED" => Class::ValidationRequired,
            _ => Class::PlanIneligible,
        }),
        credits: odd.number(credit, "creditAmount"),
        tier: tier.or(current),
    }
}

/// What a refusal means, and the seconds the provider asks to wait.
#[must_use]
pub fn classify(status: u16, body: &[u8]) -> Option<(Class, Option<f64>)> {
    if (200..=299).contains(&status) {
        return None;
    }
    let Some(body) = Oddities::default().document(body).filter(Value::is_object) else {
        let class = if status >= 500 { Class::ServerError } else { Class::EdgeBlock };
        return Some((class, None));
    };
    let none = Vec::new();
    let details = body["error"]["details"].as_array().unwrap_or(&none);
    let retry_s = details.iter().find_map(|detail| {
        let delay = detail["retryDelay"].as_str()?.strip_suffix('s')?.parse::<f64>().ok()?;
        delay.is_finite().then_some(delay)
    });
    let reason = details.iter().find_map(|detail| detail["reason"].as_str());
    let class = reason.and_then(|reason| by_reason(reason, retry_s));
    let class = class.or_else(|| per_day(details).then_some(Class::DailyLimit));
    Some((class.unwrap_or_else(|| by_status(status, &body)), retry_s))
}

fn by_reason(reason: &str, retry_s: Option<f64>) -> Option<Class> {
    Some(match reason {
        "RATE_LIMIT_EXCEEDED" if retry_s.is_some_and(|delay| delay > RETRYABLE_S) => {
            Class::ModelLimit
        }
        "RATE_LIMIT_EXCEEDED" => Class::Throttled,
        "QUOTA_EXHAUSTED" => Class::ModelLimit,
        "MODEL_CAPACITY_EXHAUSTED" | "MODEL_CAPACITY_EXCEEDED" => Class::Overloaded,
        "INSUFFICIENT_G1_CREDITS_BALANCE" => Class::Billing,
        "VALIDATION_REQUIRED" => Class::ValidationRequired,
        "UNSUPPORTED_CLIENT" => Class::ClientUnsupported,
        "API_KEY_INVALID" => Class::AuthApiKey,
        _ => return None,
    })
}

fn per_day(details: &[Value]) -> bool {
    let violations = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
    let ids = violations.filter_map(|violation| violation["quotaId"].as_str());
    ids.into_iter().any(|id| id.contains("PerDay"))
}

fn by_status(status: u16, body: &Value) -> Class {
    if let Some(error) = body["error"].as_str() {
        return match error {
            "invalid_grant" => Class::InvalidGrant,
            "invalid_client" | "unauthorized_client" => Class::InvalidClient,
            _ => Class::InvalidRequest,
        };
    }
    let text = body["error"]["message"].as_str();
    let worded = text.and_then(|text| classify_text(Speaker::Gemini, text));
    worded.unwrap_or(match status {
        401 => Class::AuthExpired,
        403 => Class::Forbidden,
        429 => Class::Throttled,
        500..=599 => Class::ServerError,
        400 => Class::InvalidRequest,
        _ => Class::Unknown,
    })
}
