//! Text and JSON on their way out.

use serde_json::Value;
use sluice_protocol::WindowView;
use sluice_protocol::{text, words};
use std::borrow::Cow;
use std::io::Write as _;

/// One JSON document with its schema first, on standard output.
pub fn document(name: &str, value: Value) {
    let mut whole = serde_json::Map::new();
    whole.insert("schema".to_owned(), Value::String(format!("sluice/{name}/1")));
    if let Value::Object(fields) = value {
        whole.extend(fields.into_iter().filter(|(key, _)| key != "schema"));
    }
    say(&escaped(&Value::Object(whole).to_string()));
}

/// A line on standard output; a closed pipe ends the talk, not the program.
pub fn say(text: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{}", text::lines(text));
}

/// A line on standard error.
pub fn complain(text: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "sluice: {}", text::lines(text));
}

/// The same JSON with what a terminal would obey written as `\u…`; nothing of the value is lost.
fn escaped(json: &str) -> Cow<'_, str> {
    if !json.chars().any(text::is_unseen) {
        return Cow::Borrowed(json);
    }
    let mut units = [0; 2];
    let mut whole = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        if text::is_unseen(char) {
            for unit in char.encode_utf16(&mut units) {
                whole.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            whole.push(char);
        }
    }
    Cow::Owned(whole)
}

/// Lines with columns of equal width; the first row is the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| text::one_line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `in 2 h 5 min`, or a dash.
pub fn until(now_ms: i64, at_ms: Option<i64>) -> String {
    at_ms.map_or_else(
        || "–".to_owned(),
        |at| {
            if at <= now_ms { "now".to_owned() } else { format!("in {}", words::wait(at - now_ms)) }
        },
    )
}

/// When a window resets: `in 2 h 5 min`, or `14:05, not read since`.
pub fn reset(window: Option<WindowView>, now_ms: i64) -> String {
    let Some(window) = window else { return String::new() };
    match window.at(now_ms).emptied_at_ms {
        Some(at) => format!("{}, not read since", clock(at)),
        None => until(now_ms, window.resets_at_ms),
    }
}

fn clock(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(
        || "?".to_owned(),
        |at| at.with_timezone(&chrono::Local).format("%H:%M").to_string(),
    )
}

/// `3 min ago`, or `never`.
pub fn since(now_ms: i64, at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "never".to_owned(), |at| words::ago(now_ms - at))
}

/// An instant in the person's own zone.
pub fn instant(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(
        || "?".to_owned(),
        |at| at.with_timezone(&chrono::Local).format("%m-%d %H:%M:%S").to_string(),
    )
}

/// An instant in the person's own zone with its day: `Sun 22 Nov 2026, 14:05`.
pub fn day(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(
        || "at an unknown time".to_owned(),
        |at| at.with_timezone(&chrono::Local).format("%a %-d %b %Y, %H:%M").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_cannot_steer_the_terminal() {
        let json =
            serde_json::json!({ "plan": "\u{1b}[31mMax\u{9b}2J\u{202e}x", "tag": "\u{e0041}" });
        let written = json.to_string();
        let shown = escaped(&written);
        assert!(!shown.chars().any(text::is_unseen), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), json, "nothing is lost");
        let rows = vec![vec!["a\u{1b}[2J\nb".to_owned(), "c".to_owned()]];
        assert_eq!(table(&rows), "a[2J b  c");
    }

    #[test]
    fn columns_line_up_and_unknown_is_a_dash() {
        let rows = vec![
            vec!["name".to_owned(), "5 h".to_owned()],
            vec!["längeres".to_owned(), words::percent(None)],
            vec!["x".to_owned(), words::percent(0.0)],
        ];
        assert_eq!(table(&rows), "name      5 h\nlängeres  –\nx         0 %");
        assert_eq!(until(1_000, Some(7_501_000)), "in 2 h 5 min");
        assert_eq!(until(1_000, None), "–");
        assert_eq!(since(120_000, Some(0)), "2 min ago");
        assert_eq!(since(1, None), "never");
    }

    #[test]
    fn a_window_past_its_reset_is_empty_and_says_so() {
        let window = WindowView {
            used: Some(100.0),
            resets_at_ms: Some(60_000),
            read_at_ms: Some(0),
            ..WindowView::default()
        };
        assert!(reset(Some(window), 61_000).ends_with(", not read since"));
        assert_eq!(reset(None, 0), "");
    }
}
