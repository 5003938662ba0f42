//! Text and JSON on their way out.

use serde_json::Value;
use std::io::Write as _;

/// One JSON document with its schema first, on standard output.
pub fn document(name: &str, value: Value) {
    let mut whole = serde_json::Map::new();
    whole.insert("schema".to_owned(), Value::String(format!("sluice/{name}/1")));
    if let Value::Object(fields) = value {
        whole.extend(fields.into_iter().filter(|(key, _)| key != "schema"));
    }
    say(&Value::Object(whole).to_string());
}

/// A line on standard output; a closed pipe ends the talk, not the program.
pub fn say(text: &str) {
    let _closed = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line on standard error.
pub fn complain(text: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "sluice: {text}");
}

/// Lines with columns of equal width; the first row is the heading.
pub fn table(rows: &[Vec<String>]) -> String {
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

/// `42 %`, or a dash for what is unknown.
pub fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0} %"))
}

/// `in 2 h 5 min`, or a dash.
pub fn until(now_ms: i64, at_ms: Option<i64>) -> String {
    at_ms.map_or_else(
        || "–".to_owned(),
        |at| {
            if at <= now_ms { "now".to_owned() } else { format!("in {}", span(at - now_ms)) }
        },
    )
}

/// `3 min ago`, or `never`.
pub fn since(now_ms: i64, at_ms: Option<i64>) -> String {
    at_ms.map_or_else(|| "never".to_owned(), |at| format!("{} ago", span((now_ms - at).max(0))))
}

fn span(ms: i64) -> String {
    use sluice_driver::explain;
    explain::span(explain::at_ms(0), explain::at_ms(ms))
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
    fn columns_line_up_and_unknown_is_a_dash() {
        let rows = vec![
            vec!["name".to_owned(), "5 h".to_owned()],
            vec!["längeres".to_owned(), percent(None)],
            vec!["x".to_owned(), percent(Some(0.0))],
        ];
        assert_eq!(table(&rows), "name      5 h\nlängeres  –\nx         0 %");
        assert_eq!(until(1_000, Some(7_501_000)), "in 2 h 5 min");
        assert_eq!(until(1_000, None), "–");
        assert_eq!(since(120_000, Some(0)), "2 min ago");
        assert_eq!(since(1, None), "never");
    }
}
