//! What a person is told: notices and refusals.

use super::Request;
use crate::{Cause, Code, NoticeKind};
use serde::{Deserialize, Deserializer, Serialize};
use sluice_engine::{AccountId, Provider};

/// One message to the person, deduplicated by cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Notice {
    /// What it is about; the same cause is not told twice until it has ended.
    #[cfg_attr(feature = "schema", schemars(with = "String"), ts(type = "string"))]
    pub cause: Cause,
    /// Kind, for the person's switches.
    pub kind: NoticeKind,
    /// One line.
    pub title: String,
    /// One or two sentences; labels only, no mail address.
    pub body: String,
    /// Buttons.
    #[serde(deserialize_with = "understood")]
    pub actions: Vec<NoticeAction>,
}

impl Notice {
    /// A notice without a button.
    #[must_use]
    pub fn new(cause: Cause, title: impl Into<String>, body: impl Into<String>) -> Self {
        let kind = cause.kind();
        Self { cause, kind, title: title.into(), body: body.into(), actions: Vec::new() }
    }

    /// With this button, too.
    #[must_use]
    pub fn with(mut self, action: NoticeAction) -> Self {
        self.actions.push(action);
        self
    }

    /// In place of a stored notice that this version cannot read.
    #[must_use]
    pub fn unreadable(cause: Cause, kind: NoticeKind) -> Self {
        let title = "A notice of another version of Sluice".to_owned();
        let body = format!("It is about “{cause}”. This version cannot show more of it.");
        Self { cause, kind, title, body, actions: Vec::new() }
    }
}

/// A button of a notice and the request it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct NoticeAction {
    /// Stable key (`swap`, `snooze`).
    pub key: String,
    /// The words on it.
    pub label: String,
    /// What it asks for; bound when the notice was made, so that a late click cannot mean another
    /// account.
    pub request: Request,
}

impl NoticeAction {
    fn new(key: &str, label: &str, request: Request) -> Self {
        Self { key: key.to_owned(), label: label.to_owned(), request }
    }

    /// Keeps the login that lies in a seat.
    #[must_use]
    pub fn add(provider: Provider) -> Self {
        Self::new("add", "Add", Request::Add { provider, label: None })
    }

    /// Makes an account live.
    #[must_use]
    pub fn swap(to: AccountId) -> Self {
        Self::new("swap", "Swap now", Request::Swap { to })
    }

    /// The same, to use what would expire.
    #[must_use]
    pub fn route_here(to: AccountId) -> Self {
        Self::new("swap", "Route work here", Request::Swap { to })
    }

    /// Silences a cause.
    #[must_use]
    pub fn snooze(cause: Cause, until_ms: i64) -> Self {
        Self::new("snooze", "Snooze", Request::Snooze { cause, until_ms })
    }

    /// Restarts the tool's background process.
    #[must_use]
    pub fn restart(provider: Provider) -> Self {
        let label = format!("Restart {}", provider.spec().tool);
        Self::new("restart", &label, Request::RestartTool { provider })
    }
}

/// A button of another version is left out, its notice is told.
fn understood<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<NoticeAction>, D::Error> {
    let found = Vec::<serde_json::Value>::deserialize(source)?.into_iter();
    Ok(found.filter_map(|action| serde_json::from_value(action).ok()).collect())
}

/// A refusal: what happened, what was kept, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Refused {
    /// Stable code the front end may branch on.
    pub code: Code,
    /// For people.
    pub text: String,
    /// Worth trying again after so many seconds.
    pub retry_after_s: Option<u64>,
}

impl Refused {
    /// A refusal without a time to try again.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), retry_after_s: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_notice_of_another_version_is_told_as_far_as_it_is_understood() {
        let stored = json!({
            "cause": "moon:3", "kind": "moon", "title": "T", "body": "B",
            "actions": [
                { "key": "fly", "label": "Fly", "request": { "verb": "fly", "to": 3 } },
                { "key": "swap", "label": "Swap now", "request": { "verb": "swap", "to": 3 } },
            ],
            "colour": "red",
        });
        let told: Notice = serde_json::from_value(stored).unwrap();
        let wanted = Notice::new(Cause::Other("moon:3".to_owned()), "T", "B")
            .with(NoticeAction::swap(AccountId(3)));
        assert_eq!(told, wanted);
        assert_eq!(told.kind, NoticeKind::Other);
    }
}
