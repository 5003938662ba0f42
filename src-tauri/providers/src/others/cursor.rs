//! Cursor: its files and, where other programs recorded them, its answers.

use super::{StoreState, shown_claims};
use crate::failure::FailureClass as Class;
use crate::json::Oddities;
use serde_json::Value;
use sluice_engine::Utc;

/// The login in `auth.json` at `now`. No token leaves this function.
#[must_use]
pub fn store_state(bytes: &[u8], now: Utc) -> StoreState {
    let Some(document) = Oddities::default().document(bytes).filter(Value::is_object) else {
        return StoreState::Unreadable;
    };
    let part = |name: &str| document[name].as_str().filter(|text| !text.is_empty());
    let Some(access) = part("accessToken") else {
        return if part("refreshToken").is_some() {
            StoreState::NeedsRefresh
        } else {
            StoreState::SignedOut
        };
    };
    let ends = shown_claims(access).and_then(|claims| claims["exp"].as_i64());
    match (ends.is_some_and(|ends| Utc::from_seconds(ends) <= now), part("refreshToken")) {
        (false, _) => StoreState::Usable,
        (true, Some(_)) => StoreState::NeedsRefresh,
        (true, None) => StoreState::LoginRequired,
    }
}

/// Who is signed in, from `cli-config.json`.
#[must_use]
pub fn tool_email(bytes: &[u8]) -> Option<String> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    odd.text(document.get("authInfo")?.get("email"), "authInfo.email")
}

/// The plan's name.
#[must_use]
pub fn parse_plan(bytes: &[u8]) -> Option<String> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    odd.text(document.get("planInfo")?.get("planName"), "planInfo.planName")
}

/// What a usage answer says, in percent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CursorUsage {
    /// Everything.
    pub total: Option<f64>,
    /// Requests whose model the tool chose.
    pub auto: Option<f64>,
    /// Requests by API.
    pub api: Option<f64>,
    /// The plan, as sent.
    pub plan: Option<String>,
    /// When the billing period ends.
    pub resets_at: Option<Utc>,
    /// No subscription.
    pub ineligible: bool,
}

/// Reads either usage answer. Total.
#[must_use]
pub fn parse_usage(bytes: &[u8]) -> CursorUsage {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let own = &document["individualUsage"];
    let block = [&document["planUsage"], &own["plan"], &own["overall"]];
    let block = block.into_iter().find(|block| block.is_object()).unwrap_or(&Value::Null);
    let mut number = |name: &str| odd.number(block.get(name), name);
    let told = number("totalPercentUsed");
    let used = number("used").or_else(|| number("totalSpend"));
    let share = used.zip(number("limit")).filter(|(_, limit)| *limit > 0.0);
    CursorUsage {
        total: told.or(share.map(|(used, limit)| used / limit * 100.0)),
        auto: number("autoPercentUsed"),
        api: number("apiPercentUsed"),
        plan: odd.text(document.get("membershipType"), "membershipType"),
        resets_at: odd.instant(document.get("billingCycleEnd"), "billingCycleEnd"),
        ineligible: document["enabled"] == false,
    }
}

/// What an answer means: a dead login also comes with a success status.
#[must_use]
pub fn classify(status: u16, body: &[u8]) -> Option<Class> {
    let document = Oddities::default().document(body).filter(Value::is_object);
    let over = document.as_ref().is_some_and(|body| body["shouldLogout"] == true);
    Some(match status {
        _ if over => Class::AuthLoginRequired,
        200..=299 => return None,
        429 => Class::Throttled,
        500..=599 => Class::ServerError,
        _ if document.is_none() => Class::EdgeBlock,
        401 => Class::AuthExpired,
        403 => Class::Forbidden,
        _ => Class::Unknown,
    })
}
