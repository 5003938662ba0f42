//! Logins in a tool's file of a kind that Sluice does not keep. They are named, and left alone.

use crate::json;

/// Deeper than this nobody looks; what lies there could be anything.
const DEPTH_MAX: usize = 16;

/// Whether a JSON value could hold a credential at all: some text that is not empty, wherever inside.
/// What cannot be read could.
pub(crate) fn holds_text(raw: &str) -> bool {
    holds_text_below(raw, DEPTH_MAX)
}

fn holds_text_below(raw: &str, depth: usize) -> bool {
    let raw = raw.trim();
    match raw.as_bytes().first() {
        Some(b'"') => raw != "\"\"",
        Some(b'{' | b'[') if depth == 0 => true,
        Some(b'{') => match json::entries(raw) {
            Some(entries) => entries.iter().any(|entry| holds_text_below(entry.value, depth - 1)),
            None => true,
        },
        Some(b'[') => match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(raw) {
            Ok(items) => items.iter().any(|item| holds_text_below(item.get(), depth - 1)),
            Err(_) => true,
        },
        Some(_) | None => false,
    }
}

/// Whether any entry but the named ones could hold a credential.
pub(crate) fn holds_more_than(entries: &[json::Entry<'_>], known: &[&str]) -> bool {
    let unknown = |entry: &&json::Entry<'_>| !known.contains(&entry.key.as_ref());
    entries.iter().filter(unknown).any(|entry| holds_text(entry.value))
}

#[cfg(test)]
mod tests {
    use super::holds_text;

    #[test]
    fn only_a_text_somewhere_inside_can_be_a_credential() {
        for empty in ["null", "\"\"", "0", "true", "{}", "[]", "{\"a\":{\"b\":[\"\",null,1]}}"] {
            assert!(!holds_text(empty), "{empty}");
        }
        for filled in ["\"x\"", "[[\"x\"]]", "{\"a\":{\"b\":[\"\",\"x\"]}}", " \"x\" "] {
            assert!(holds_text(filled), "{filled}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(holds_text(&deep), "nobody looks so deep");
    }
}
