//! Limit resets in Claude's usage answers: the block `cedar_ember`, there only where it was asked for.

use crate::json::{Odd, Oddities, under};
use serde_json::{Map, Value};
use sluice_engine::WindowKind;
use sluice_engine::grant::{GRANTS_MAX, Grant, LEFT_MAX, Said};

/// The field.
const BLOCK: &str = "cedar_ember";
/// Fields of the block, and of a grant. The last two say what it frees, in the words of `limits`.
const BLOCK_FIELDS: [&str; 3] = ["eligible", "ineligible_reason", "grants"];
const GRANT_FIELDS: [&str; 8] =
    ["id", "resets_left", "starts_at", "ends_at", "paused", "usable_now", "kind", "scope"];

/// What the answer says of resets; `None`: nothing.
pub(super) fn read(answer: &Map<String, Value>, odd: &mut Oddities) -> Option<Said> {
    let block = odd.object(answer.get(BLOCK), BLOCK)?;
    odd.unknown_fields(block, BLOCK, &BLOCK_FIELDS);
    let eligible = odd.boolean(block.get("eligible"), "cedar_ember.eligible");
    let reason = odd.text(block.get("ineligible_reason"), "cedar_ember.ineligible_reason");
    let rows = match block.get("grants") {
        Some(Value::Array(rows)) => Some(rows),
        None | Some(Value::Null) => None,
        Some(_) => {
            odd.note("cedar_ember.grants", Odd::WrongType);
            None
        }
    };
    let rows = rows.map(|rows| grants(rows, odd));
    match (eligible, rows) {
        (_, Some(grants)) if !grants.is_empty() => Some(Said::Grants(grants)),
        // Only who may have some and has none has none.
        (Some(true), Some(_)) => Some(Said::Grants(Vec::new())),
        (Some(false), _) if reason.as_deref() == Some("surface") => Some(Said::Withheld),
        _ => None,
    }
}

fn grants(rows: &[Value], odd: &mut Oddities) -> Vec<Grant> {
    if rows.len() > GRANTS_MAX {
        odd.note("cedar_ember.grants", Odd::OutOfRange);
    }
    rows.iter().take(GRANTS_MAX).filter_map(|row| grant(row, odd)).collect()
}

fn grant(row: &Value, odd: &mut Oddities) -> Option<Grant> {
    let path = "cedar_ember.grants[]";
    let at = |field: &str| under(path, field);
    let map = odd.object(Some(row), path)?;
    odd.unknown_fields(map, path, &GRANT_FIELDS);
    let starts_at = time(map, "starts_at", odd)?;
    let ends_at = time(map, "ends_at", odd)?;
    let left = odd.number(map.get("resets_left"), &at("resets_left"))?;
    let grant = Grant {
        id: odd.text(map.get("id"), &at("id")).unwrap_or_default(),
        left: count(left, &at("resets_left"), odd)?,
        starts_at,
        ends_at,
        paused: odd.boolean(map.get("paused"), &at("paused")).unwrap_or(false),
        usable_now: odd.boolean(map.get("usable_now"), &at("usable_now")),
        frees: frees(map, odd),
    };
    ordered(grant, path, odd)
}

/// An instant that may be absent; a grant with a bad one is dropped.
fn time(
    map: &Map<String, Value>,
    field: &str,
    odd: &mut Oddities,
) -> Option<Option<sluice_engine::Utc>> {
    let value = map.get(field);
    let read = odd.instant(value, &under("cedar_ember.grants[]", field));
    let said = value.is_some_and(|value| !value.is_null());
    (!said || read.is_some()).then_some(read)
}

/// A number of resets.
pub(crate) fn count(number: f64, path: &str, odd: &mut Oddities) -> Option<u32> {
    let fits = (0.0..=f64::from(LEFT_MAX)).contains(&number) && number.fract() == 0.0;
    if !fits {
        odd.note(path, Odd::OutOfRange);
    }
    fits.then_some(number as u32)
}

/// A grant that ends before it begins is none.
pub(crate) fn ordered(grant: Grant, path: &str, odd: &mut Oddities) -> Option<Grant> {
    let ordered = grant.starts_at.zip(grant.ends_at).is_none_or(|(start, end)| start < end);
    if !ordered {
        odd.note(path, Odd::Contradiction);
    }
    ordered.then_some(grant)
}

/// The windows that it empties, as far as it says.
fn frees(map: &Map<String, Value>, odd: &mut Oddities) -> Vec<WindowKind> {
    let path = "cedar_ember.grants[].kind";
    let model = map.get("scope").and_then(|scope| scope.get("model")?.get("display_name"));
    if let Some(model) = odd.text(model, "cedar_ember.grants[].scope.model.display_name") {
        return vec![WindowKind::Model(model)];
    }
    match odd.text(map.get("kind"), path).as_deref() {
        Some("session" | "five_hour") => vec![WindowKind::FiveHour],
        Some("weekly_all" | "seven_day") => vec![WindowKind::SevenDay],
        Some("both" | "all") => WindowKind::ACCOUNT_WIDE.to_vec(),
        Some(_) => {
            odd.note(path, Odd::UnknownValue);
            Vec::new()
        }
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::claude::usage::parse_usage;
    use crate::json::Odd;
    use sluice_engine::grant::Said;

    fn read(block: &str) -> (Option<Said>, Vec<Odd>) {
        let text = format!(r#"{{"five_hour":{{"utilization":12}},"cedar_ember":{block}}}"#);
        let reply = parse_usage(text.as_bytes());
        assert!(reply.usage.short().used.is_some(), "the windows count whatever the block is");
        (reply.resets, reply.oddities.into_iter().map(|oddity| oddity.odd).collect())
    }

    #[test]
    fn what_is_not_told_is_not_zero() {
        assert_eq!(read("null").0, None);
        assert_eq!(
            read(r#"{"eligible":false,"ineligible_reason":"surface"}"#).0,
            Some(Said::Withheld)
        );
        assert_eq!(read(r#"{"eligible":false,"ineligible_reason":"moon","grants":[]}"#).0, None);
        assert_eq!(read(r#"{"eligible":true}"#).0, None);
        let none = read(r#"{"eligible":true,"ineligible_reason":null,"grants":[]}"#);
        assert_eq!(none, (Some(Said::Grants(Vec::new())), Vec::new()));
    }

    #[test]
    fn a_grant_that_cannot_be_is_dropped_and_told() {
        let good =
            r#"{"id":"g","resets_left":2,"starts_at":null,"ends_at":"2026-12-22T00:00:00Z"}"#;
        for (bad, odd) in [
            (r#"{"resets_left":-1}"#, Odd::OutOfRange),
            (r#"{"resets_left":1.5}"#, Odd::OutOfRange),
            (r#"{"resets_left":1e9}"#, Odd::OutOfRange),
            (r#"{"resets_left":"many"}"#, Odd::WrongType),
            (r#"{"resets_left":[2]}"#, Odd::WrongType),
            (r#"{"resets_left":1,"ends_at":"soon"}"#, Odd::BadTime),
            (r#"{"resets_left":1,"ends_at":9e18}"#, Odd::BadTime),
            (r#"{"resets_left":1,"ends_at":{}}"#, Odd::WrongType),
            (
                r#"{"resets_left":1,"starts_at":"2026-12-22T00:00:00Z","ends_at":"2026-12-01T00:00:00Z"}"#,
                Odd::Contradiction,
            ),
            ("7", Odd::WrongType),
        ] {
            let (said, told) = read(&format!(r#"{{"eligible":true,"grants":[{bad},{good}]}}"#));
            let Some(Said::Grants(grants)) = said else { panic!("{bad}: {said:?}") };
            assert_eq!((grants.len(), grants[0].left), (1, 2), "{bad}");
            assert_eq!(told, [odd], "{bad}");
        }
        for block in ["7", "[]", r#"{"eligible":"yes","grants":{}}"#] {
            let (said, told) = read(block);
            assert_eq!(said, None, "{block}");
            assert!(told.contains(&Odd::WrongType), "{block}");
        }
        let rows = vec![good; 1_000].join(",");
        let (said, told) = read(&format!(r#"{{"eligible":true,"grants":[{rows}]}}"#));
        let Some(Said::Grants(grants)) = said else { panic!("none of a thousand") };
        assert_eq!((grants.len(), told), (16, vec![Odd::OutOfRange]));
    }
}
