//! opencode: its file of logins, and its own subscription's answers.

use crate::failure::FailureClass as Class;
use crate::json::{Oddities, clean};
use serde_json::Value;
use sluice_engine::Window;

/// Kinds of entries opencode itself reads.
const KINDS: [&str; 3] = ["oauth", "api", "wellknown"];

/// What `auth.json` holds. No key or token leaves this function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Providers with a login opencode understands.
    pub known: Vec<String>,
    /// Entries of other kinds: skipped by opencode, and to be kept by anybody who rewrites the file.
    pub other: Vec<String>,
}

/// Reads `auth.json`; `None` when it is not readable now.
#[must_use]
pub fn parse_auth(bytes: &[u8]) -> Option<Entries> {
    let document = Oddities::default().document(bytes)?;
    let mut entries = Entries::default();
    for (name, entry) in document.as_object()? {
        let kind = entry["type"].as_str().unwrap_or_default();
        let list = if KINDS.contains(&kind) { &mut entries.known } else { &mut entries.other };
        list.push(clean(name));
    }
    Some(entries)
}

/// The windows of opencode's own subscription; one that was not said is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GoUsage {
    /// The rolling window.
    pub rolling: Option<Window>,
    /// The weekly window.
    pub weekly: Option<Window>,
    /// The monthly window.
    pub monthly: Option<Window>,
}

/// Reads the usage answer. Total.
#[must_use]
pub fn parse_usage(bytes: &[u8]) -> GoUsage {
    let mut odd = Oddities::default();
    let document = odd.document(bytes).unwrap_or_default();
    let mut window = |name: &str| {
        let map = odd.object(document["usage"].get(name), name)?;
        Some(Window {
            used: odd.percent(map.get("percent"), name),
            resets_at: odd.instant(map.get("resetsAt"), name),
        })
    };
    GoUsage { rolling: window("rolling"), weekly: window("weekly"), monthly: window("monthly") }
}

/// What a refusal means.
#[must_use]
pub fn classify(status: u16, body: &[u8]) -> Option<Class> {
    let document = Oddities::default().document(body).filter(Value::is_object);
    let kind = document.as_ref().and_then(|body| body["error"]["type"].as_str());
    Some(match (status, kind) {
        (200..=299, _) => return None,
        (429, _) => Class::Throttled,
        (500..=599, _) => Class::ServerError,
        _ if document.is_none() => Class::EdgeBlock,
        (403, Some("EntitlementError")) => Class::PlanIneligible,
        (401, _) => Class::AuthLoginRequired,
        (403, _) => Class::Forbidden,
        _ => Class::Unknown,
    })
}
