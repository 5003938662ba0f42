//! How long each part of the project is: the lines that ship, Rust and TypeScript, without tests and
//! what a program has written. A line counts whatever stands on it: a comment is read too.

use super::source::{generated, ships, test_only};
use super::text::test_lines;
use super::tree::{File, Files};
use super::{Finding, finding};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest share of all lines that one crate may hold.
const CRATE_SHARE_MAX_PERCENT: f64 = 20.0;

/// The page, which is no crate.
const PAGE: &str = "ui";

/// Crates that hold more than their share.
pub fn shares(files: &Files, findings: &mut Vec<Finding>) {
    above(&counted(files), CRATE_SHARE_MAX_PERCENT, findings);
}

fn above(counted: &BTreeMap<String, usize>, most: f64, findings: &mut Vec<Finding>) {
    for (part, lines) in counted.iter().filter(|(part, _)| *part != PAGE) {
        let share = percent(*lines, counted);
        if share > most {
            let text = format!("{lines} lines, {share:.1} % of all that ship; at most {most} %");
            findings.push(finding(Path::new(part), 1, text));
        }
    }
}

/// One line per part, the longest first.
pub fn table(files: &Files) -> String {
    let counted = counted(files);
    let mut rows: Vec<_> = counted.iter().collect();
    rows.sort_by_key(|(part, lines)| (usize::MAX - **lines, *part));
    let width = rows.iter().map(|(part, _)| part.len()).max().unwrap_or_default();
    let row = |part: &str, lines: usize| {
        format!("{part:width$}  {lines:>6}  {:>5.1} %\n", percent(lines, &counted))
    };
    let all = row("all", counted.values().sum());
    rows.into_iter().map(|(part, lines)| row(part, *lines)).chain([all]).collect()
}

/// Lines by part: the directory of the crate, or the page.
fn counted(files: &Files) -> BTreeMap<String, usize> {
    let tests = test_only(files);
    let mut counted = BTreeMap::new();
    for file in &files.0 {
        let name = file.name();
        let shipped = match part(&name) {
            Some(PAGE) => page_lines(file),
            Some(_) if file.is("rs") && ships(file, &tests) => rust_lines(file),
            _ => 0,
        };
        if let Some(part) = part(&name).filter(|_| shipped > 0) {
            *counted.entry(part.to_owned()).or_default() += shipped;
        }
    }
    counted
}

/// The part a file's path names; `src-tauri` itself is the shell.
fn part(name: &str) -> Option<&str> {
    if name.starts_with("ui/src/") {
        return Some(PAGE);
    }
    let (part, _) = name.split_once("/src/").filter(|(part, _)| part.starts_with("src-tauri"))?;
    Some(part)
}

fn page_lines(file: &File) -> usize {
    let counts = (file.is("ts") || file.is("tsx")) && !generated(file);
    if counts { file.text.lines().count() } else { 0 }
}

fn rust_lines(file: &File) -> usize {
    let tests: usize = test_lines(&file.code).iter().map(ExactSizeIterator::len).sum();
    file.text.lines().count() - tests
}

fn percent(lines: usize, counted: &BTreeMap<String, usize>) -> f64 {
    100.0 * lines as f64 / counted.values().sum::<usize>().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into(), code: code_only(text) }
    }

    fn some() -> Files {
        let tested = "//! a\n\nfn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        Files(vec![
            file("src-tauri/src/main.rs", "fn main() {}\n"),
            file("src-tauri/engine/src/lib.rs", tested),
            file("src-tauri/engine/src/far/below.rs", "//! d\n// e\n"),
            file("src-tauri/engine/tests/all.rs", "fn f() {}\n"),
            file("src-tauri/engine/build.rs", "fn g() {}\n"),
            file("ui/src/app.tsx", "h();\ni();\n"),
            file("ui/src/bindings.ts", "j();\n"),
            file("ui/src/style/a.css", "k {}\n"),
            file("ui/tests/app.test.ts", "l();\n"),
            file("tests/lib.rs", "fn m() {}\n"),
        ])
    }

    #[test]
    fn what_ships_is_counted() {
        let expected = [("src-tauri", 1), ("src-tauri/engine", 5), ("ui", 2)];
        let expected = expected.map(|(part, lines)| (part.to_owned(), lines));
        assert_eq!(counted(&some()), BTreeMap::from(expected));
    }

    #[test]
    fn the_table_begins_with_the_longest() {
        let expected = "\
src-tauri/engine       5   62.5 %
ui                     2   25.0 %
src-tauri              1   12.5 %
all                    8  100.0 %
";
        assert_eq!(table(&some()), expected);
    }

    #[test]
    fn a_crate_above_its_share_is_told_and_the_page_is_not() {
        let mut findings = Vec::new();
        above(&counted(&some()), 20.0, &mut findings);
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["src-tauri/engine:1: 5 lines, 62.5 % of all that ship; at most 20 %"]);
    }
}
