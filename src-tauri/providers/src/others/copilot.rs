//! GitHub Copilot: its files and, where other programs recorded them, its answers.

use crate::failure::FailureClass as Class;
use crate::json::Oddities;
use serde_json::Value;

/// Who is signed in, from an editor's `apps.json` or `hosts.json`. No token leaves this function.
#[must_use]
pub fn editor_login(bytes: &[u8]) -> Option<String> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    let hosts = document.as_object()?;

    hosts
        .iter()
        .filter(|(host, _)| host.as_str() == "github.com" || host.starts_with("github.com:"))
        .find_map(|(_, entry)| odd.text(entry.get("user"), "user"))
}

/// Everybody signed in with the command-line tool, and who is active.
#[must_use]
pub fn tool_logins(bytes: &[u8]) -> (Vec<String>, Option<String>) {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let users = document["loggedInUsers"].as_array().cloned().unwrap_or_default();
    let names = users.iter().filter_map(|user| odd.text(user.get("login"), "login"));
    let names: Vec<String> = names.collect();
    let active = odd.text(document["lastLoggedInUser"].get("login"), "login");
    (names, active)
}

/// Who a token belongs to: name and number.
#[must_use]
pub fn parse_user(bytes: &[u8]) -> Option<(String, Option<u64>)> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    Some((odd.text(document.get("login"), "login")?, document["id"].as_u64()))
}

/// A quota.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quota {
    /// Without bound.
    Unlimited,
    /// Percent used; above 100 is overage.
    Used(f64),
}

/// What the usage answer says. A quota that was not said is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopilotUsage {
    /// The plan, as sent.
    pub plan: Option<String>,
    /// When the quotas reset, a date.
    pub resets: Option<String>,
    /// Quotas by name.
    pub quotas: Vec<(String, Quota)>,
    /// Credits used, an absolute count.
    pub credits_used: Option<f64>,
}

impl CopilotUsage {
    /// The quota called `name`.
    #[must_use]
    pub fn quota(&self, name: &str) -> Option<Quota> {
        self.quotas.iter().find(|(known, _)| known == name).map(|(_, quota)| *quota)
    }

    /// The quota that stands in for premium requests under a name this version does not know.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        let known = ["premium_interactions", "chat", "completions"];
        let unknown = self.quotas.iter().find(|(name, _)| !known.contains(&name.as_str()));
        let unknown = unknown.filter(|_| self.quota("premium_interactions").is_none());
        unknown.map(|(name, _)| name.as_str())
    }
}

/// Reads the usage answer. Total.
#[must_use]
pub fn parse_usage(bytes: &[u8]) -> CopilotUsage {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let date = |name: &str| document[name].as_str().map(|text| text.chars().take(10).collect());
    let mut usage = CopilotUsage {
        plan: odd.text(document.get("copilot_plan"), "copilot_plan"),
        resets: date("quota_reset_date").or_else(|| date("limited_user_reset_date")),
        ..CopilotUsage::default()
    };
    for (name, snapshot) in document["quota_snapshots"].as_object().into_iter().flatten() {
        if let Some(quota) = read_snapshot(snapshot, &mut odd) {
            usage.quotas.push((crate::json::clean(name), quota));
        }
        if usage.credits_used.is_none() {
            usage.credits_used = odd.number(snapshot.get("credits_used"), "credits_used");
        }
    }
    for (name, left) in document["limited_user_quotas"].as_object().into_iter().flatten() {
        let left = odd.number(Some(left), name);
        let whole = odd.number(document["monthly_quotas"].get(name), name);
        if let Some(used) = left.zip(whole).and_then(|(left, whole)| share(left, whole)) {
            usage.quotas.push((crate::json::clean(name), Quota::Used(used)));
        }
    }
    usage
}

fn share(left: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (whole - left) / whole * 100.0)
}

fn read_snapshot(snapshot: &Value, odd: &mut Oddities) -> Option<Quota> {
    let map = odd.object(Some(snapshot), "quota_snapshots")?;
    let whole = odd.number(map.get("entitlement"), "entitlement");
    let left = odd.number(map.get("remaining"), "remaining");
    let unlimited = odd.boolean(map.get("unlimited"), "unlimited") == Some(true);
    if unlimited || whole == Some(-1.0) {
        return Some(Quota::Unlimited);
    }
    // Nothing left of nothing is a placeholder, not a number.
    if whole == Some(0.0) && left == Some(0.0) {
        return None;
    }
    let percent = odd.number(map.get("percent_remaining"), "percent_remaining");
    let used = percent.map(|left| 100.0 - left);
    used.or_else(|| share(left?, whole?)).map(Quota::Used)
}

/// What a refusal means.
#[must_use]
pub fn classify(status: u16, body: &[u8]) -> Option<Class> {
    let readable = Oddities::default().document(body).is_some_and(|body| body.is_object());
    Some(match status {
        200..=299 => return None,
        429 => Class::Throttled,
        500..=599 => Class::ServerError,
        _ if !readable => Class::EdgeBlock,
        401 => Class::AuthLoginRequired,
        403 => Class::AuthScope,
        404 => Class::PlanIneligible,
        _ => Class::Unknown,
    })
}

/// How the tool's sign-in by code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceLogin {
    /// The person has not typed the code yet.
    Pending,
    /// Ask less often: every so many seconds.
    SlowDown(u64),
    /// Over; start again.
    Ended,
    /// Signed in.
    Done,
    /// The code to be typed was handed out.
    Begun,
    /// Not understood.
    Unclear,
}

/// Reads an answer of the sign-in by code. No token leaves this function.
#[must_use]
pub fn parse_device_login(bytes: &[u8]) -> DeviceLogin {
    let document = Oddities::default().document(bytes).unwrap_or_default();
    match document["error"].as_str() {
        Some("authorization_pending") => DeviceLogin::Pending,
        Some("slow_down") => DeviceLogin::SlowDown(document["interval"].as_u64().unwrap_or(10)),
        Some(_) => DeviceLogin::Ended,
        None if document["access_token"].is_string() => DeviceLogin::Done,
        None if document["user_code"].is_string() => DeviceLogin::Begun,
        None => DeviceLogin::Unclear,
    }
}
