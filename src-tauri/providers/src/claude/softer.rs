//! Softer walls: a session whose window is used up may go on at low priority, or finish its turn. Headers,
//! events and the tool's own words tell of it.

use super::headers::text;
use http::HeaderMap;
use serde_json::{Map, Value};
pub use sluice_engine::skip::Softer;

/// What a tool says in words.
#[must_use]
pub fn in_text(text: &str) -> Option<Softer> {
    let lower = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["low priority", "low-priority", "lower priority"]) {
        Some(Softer::LowPriority)
    } else if says(&["grace period", "finish this turn", "finish your turn"]) {
        Some(Softer::Grace)
    } else {
        None
    }
}

/// What is offered or under way.
fn is_on(said: Option<&str>) -> bool {
    matches!(said, Some("offered" | "available" | "active" | "allowed" | "true" | "1"))
}

/// What headers say of it.
#[must_use]
pub fn of_headers(headers: &HeaderMap) -> Option<Softer> {
    let on = |sort: &str| {
        ["status", "offer"].iter().any(|name| is_on(text(headers, &format!("{sort}-{name}"))))
    };
    let slow = on("slow").then_some(Softer::LowPriority);
    slow.or_else(|| on("grace").then_some(Softer::Grace))
}

/// The event offers to go on, or says that it does.
pub(super) fn of_event(info: &Map<String, Value>) -> Option<Softer> {
    let on = |names: [&str; 2]| {
        let said = names.iter().find_map(|name| info.get(*name));
        said.is_some_and(|said| {
            let status = said.get("status").or(said.get("offer")).unwrap_or(said);
            status == true || is_on(status.as_str())
        })
    };
    let slow = on(["slow", "lowPriority"]).then_some(Softer::LowPriority);
    slow.or_else(|| on(["grace", "gracePeriod"]).then_some(Softer::Grace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_may_go_on_says_how() {
        let told = |name: &str, value: &str| {
            let mut headers = HeaderMap::new();
            let name =
                http::HeaderName::try_from(format!("{}{name}", super::super::headers::PREFIX))
                    .unwrap();
            headers.insert(name, value.parse().unwrap());
            of_headers(&headers)
        };
        assert_eq!(told("slow-offer", "available"), Some(Softer::LowPriority));
        assert_eq!(told("slow-status", "active"), Some(Softer::LowPriority));
        assert_eq!(told("grace-status", "active"), Some(Softer::Grace));
        assert_eq!(told("slow-status", "exhausted"), None);
        assert_eq!(told("status", "rejected"), None);
    }

    #[test]
    fn the_tools_words_and_events_say_it_too() {
        let words = "You've hit your session limit \u{b7} continuing at low priority until 3:45pm";
        assert_eq!(in_text(words), Some(Softer::LowPriority));
        assert_eq!(in_text("Limit reached, finish your turn"), Some(Softer::Grace));
        assert_eq!(in_text("You've hit your session limit"), None);
        let event = |text: &str| {
            of_event(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap())
        };
        assert_eq!(event(r#"{"slow":{"offer":"available"}}"#), Some(Softer::LowPriority));
        assert_eq!(event(r#"{"grace":{"status":"active"}}"#), Some(Softer::Grace));
        assert_eq!(event(r#"{"slow":{"status":"exhausted"}}"#), None);
    }
}
