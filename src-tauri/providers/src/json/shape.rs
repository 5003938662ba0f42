//! The form of a document without what is in it: paths and kinds of value, for a report that anybody may
//! read.

use super::clean;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Paths told of one document.
const PATHS_MAX: usize = 256;
/// Levels below the top that are looked at.
const DEPTH_MAX: usize = 8;
/// Elements of a list that are looked at.
const ELEMENTS_MAX: usize = 64;
/// A key longer than this is no field's name.
const KEY_MAX: usize = 40;
/// A key with so many digits is an id.
const DIGITS_MAX: usize = 3;
/// What stands for a key that may be private.
const REDACTED: &str = "*";
/// Fields that tell how full a window is, and when it empties.
const SHARES: [&str; 4] = ["utilization", "used_percent", "percent", "remaining_percent"];
const RESETS: [&str; 4] = ["resets_at", "reset_at", "reset_after_seconds", "resetsAt"];

/// One place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Names of fields, `[]` for the elements of a list: `limits[].percent`.
    pub path: String,
    /// The kinds of value seen there: `null`, `number|string`.
    pub kinds: String,
}

/// The form of a document, by path.
#[must_use]
pub fn of(document: &Value) -> Vec<Field> {
    let mut seen = BTreeMap::new();
    if let Value::Object(map) = document {
        walk_map(map, "", 0, &mut seen);
    }
    let fields = seen.into_iter().map(|(path, kinds): (String, BTreeSet<&str>)| Field {
        path,
        kinds: kinds.into_iter().collect::<Vec<_>>().join("|"),
    });
    fields.collect()
}

/// Whether an object looks like a window: it tells a share or a reset.
pub(crate) fn is_window(value: &Value) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| value.get(name).is_some());
    has(&SHARES) || has(&RESETS)
}

fn walk_map(
    map: &Map<String, Value>,
    path: &str,
    depth: usize,
    seen: &mut BTreeMap<String, BTreeSet<&'static str>>,
) {
    for (key, value) in map {
        let key = harmless(key);
        let below = if path.is_empty() { key } else { format!("{path}.{key}") };
        walk(value, below, depth + 1, seen);
    }
}

fn walk(
    value: &Value,
    path: String,
    depth: usize,
    seen: &mut BTreeMap<String, BTreeSet<&'static str>>,
) {
    if depth > DEPTH_MAX || (seen.len() >= PATHS_MAX && !seen.contains_key(&path)) {
        return;
    }
    seen.entry(path.clone()).or_default().insert(kind(value));
    match value {
        Value::Object(map) => walk_map(map, &path, depth, seen),
        Value::Array(elements) => {
            for element in elements.iter().take(ELEMENTS_MAX) {
                walk(element, format!("{path}[]"), depth + 1, seen);
            }
        }
        _ => {}
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A field's name; what may be an id, a mail address or a text of a person is left out.
fn harmless(key: &str) -> String {
    let plain = key.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'));
    let digits = key.chars().filter(char::is_ascii_digit).count();
    let is_name = plain && !key.is_empty() && key.len() <= KEY_MAX && digits <= DIGITS_MAX;
    if is_name { clean(key) } else { REDACTED.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shape_holds_no_value_and_no_id() {
        let document = json!({
            "five_hour": { "utilization": 41.5, "resets_at": "2026-12-01T10:00:00Z" },
            "limits": [{ "percent": 3, "scope": null }, { "percent": "secret", "scope": {} }],
            "rose@example.test": { "7f0c5a1e-0000-4000-8000-000000000001": true },
        });
        let told: Vec<String> =
            of(&document).iter().map(|field| format!("{}: {}", field.path, field.kinds)).collect();
        assert_eq!(
            told,
            [
                "*: object",
                "*.*: boolean",
                "five_hour: object",
                "five_hour.resets_at: string",
                "five_hour.utilization: number",
                "limits: array",
                "limits[]: object",
                "limits[].percent: number|string",
                "limits[].scope: null|object",
            ]
        );
    }

    #[test]
    fn a_hostile_document_has_a_bounded_shape() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({ "a": deep });
        }
        assert!(of(&deep).len() <= DEPTH_MAX);
        let wide: Map<String, Value> = (0..5_000)
            .map(|at| (format!("k{}", "x".repeat(at % 39) + &(at % 100).to_string()), json!(at)))
            .collect();
        assert!(of(&Value::Object(wide)).len() <= PATHS_MAX);
    }
}
