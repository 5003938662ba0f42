//! Limit resets of Codex: a number in its usage answers, and a list where it is asked for one. The app
//! server writes the same in its own spelling.

use crate::claude::resets::{count, ordered};
use crate::json::{Odd, Oddities, Oddity, under};
use serde_json::{Map, Value};
use sluice_engine::WindowKind;
use sluice_engine::grant::{GRANTS_MAX, Grant, Said};

/// Where it stands in every answer.
const PATH: &str = "rate_limit_reset_credits";

/// The answer of the endpoint that lists resets in hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResetsReply {
    /// What it says; `None`: nothing.
    pub said: Option<Said>,
    /// Departures from the known shape.
    pub oddities: Vec<Oddity>,
}

/// Reads the answer that lists resets in hand. Total.
#[must_use]
pub fn parse_resets(bytes: &[u8]) -> ResetsReply {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    let said = read(document.as_ref(), &mut odd);
    ResetsReply { said, oddities: odd.into_vec() }
}

/// What a block of an answer says of resets.
pub(super) fn read(value: Option<&Value>, odd: &mut Oddities) -> Option<Said> {
    let map = odd.object(value, PATH)?;
    let path = under(PATH, "available_count");
    let number = odd.number(either(map, "available_count", "availableCount"), &path);
    let counted = number.and_then(|number| count(number, &path, odd));
    let Some(Value::Array(rows)) = map.get("credits") else {
        return counted.map(Said::Count);
    };
    if rows.len() > GRANTS_MAX {
        odd.note(&under(PATH, "credits"), Odd::OutOfRange);
    }
    let grants: Vec<Grant> =
        rows.iter().take(GRANTS_MAX).filter_map(|row| grant(row, odd)).collect();
    let listed = u32::try_from(grants.len()).unwrap_or(u32::MAX);
    // A list that was left out, or cut, says less than the number.
    match counted {
        Some(counted) if counted != listed => {
            odd.note(&path, Odd::Contradiction);
            Some(Said::Count(counted))
        }
        _ => Some(Said::Grants(grants)),
    }
}

/// One reset in hand; `None` for what was spent or cannot be.
fn grant(row: &Value, odd: &mut Oddities) -> Option<Grant> {
    let path = "rate_limit_reset_credits.credits[]";
    let map = odd.object(Some(row), path)?;
    let status = odd.text(map.get("status"), &under(path, "status"));
    if status.is_some_and(|status| status != "available") {
        return None;
    }
    let mut time = |snake: &str, camel: &str| {
        let value = either(map, snake, camel);
        let read = odd.instant(value, &under(path, snake));
        (value.is_none_or(Value::is_null) || read.is_some()).then_some(read)
    };
    let (starts_at, ends_at) =
        time("granted_at", "grantedAt").zip(time("expires_at", "expiresAt"))?;
    let grant = Grant {
        id: odd.text(map.get("id"), &under(path, "id")).unwrap_or_default(),
        left: 1,
        starts_at,
        ends_at,
        paused: false,
        usable_now: None,
        // It empties what the account has.
        frees: WindowKind::ACCOUNT_WIDE.to_vec(),
    };
    ordered(grant, path, odd)
}

fn either<'v>(map: &'v Map<String, Value>, snake: &str, camel: &str) -> Option<&'v Value> {
    map.get(snake).or_else(|| map.get(camel))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> (Option<Said>, Vec<Odd>) {
        let reply = parse_resets(text.as_bytes());
        (reply.said, reply.oddities.into_iter().map(|oddity| oddity.odd).collect())
    }

    #[test]
    fn a_number_and_a_list_are_read_in_both_spellings() {
        assert_eq!(listed(r#"{"available_count":2}"#), (Some(Said::Count(2)), vec![]));
        assert_eq!(
            listed(r#"{"availableCount":0,"credits":null}"#),
            (Some(Said::Count(0)), vec![])
        );
        for text in [
            r#"{"available_count":1,"credits":[{"id":"a","status":"available",
                "granted_at":"2026-11-16T12:00:00Z","expires_at":"2026-11-28T12:00:00Z"},
                {"id":"b","status":"redeemed"}]}"#,
            r#"{"availableCount":1,"credits":[{"id":"a","status":"available",
                "grantedAt":1794830400,"expiresAt":1795867200}]}"#,
        ] {
            let (said, odd) = listed(text);
            let Some(Said::Grants(grants)) = said else { panic!("{text}") };
            assert_eq!((grants.len(), odd), (1, vec![]));
            let end = crate::json::written_instant("2026-11-28T12:00:00Z");
            assert_eq!((grants[0].left, grants[0].ends_at), (1, end));
        }
        assert_eq!(listed("[]"), (None, vec![Odd::WrongType]));
        assert_eq!(listed(r#"{"available_count":-1}"#), (None, vec![Odd::OutOfRange]));
    }

    #[test]
    fn a_list_that_says_another_number_says_no_end() {
        let text = r#"{"available_count":2,"credits":[{"id":"a","status":"available"}]}"#;
        assert_eq!(listed(text), (Some(Said::Count(2)), vec![Odd::Contradiction]));
        let ended = r#"{"available_count":0,"credits":[{"id":"a","status":"available",
            "granted_at":"2026-11-28T12:00:00Z","expires_at":"2026-11-16T12:00:00Z"}]}"#;
        assert_eq!(listed(ended), (Some(Said::Grants(Vec::new())), vec![Odd::Contradiction]));
    }
}
