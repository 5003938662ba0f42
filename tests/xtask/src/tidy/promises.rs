//! `SECURITY.md`: each line of *holds* names what fails when it stops holding, and that exists.

use super::tree::Files;
use super::{Finding, finding};
use std::path::Path;

const PAGE: &str = "SECURITY.md";

/// Promises without a test, and tests that are named and do not exist.
pub fn audit(files: &Files, findings: &mut Vec<Finding>) {
    let Some(page) = files.get(PAGE) else {
        return findings.push(finding(Path::new(PAGE), 1, "missing"));
    };
    let lines: Vec<&str> = page.text.lines().collect();
    let from = lines.iter().position(|line| *line == "## Holds").unwrap_or(lines.len());
    let to = lines.iter().position(|line| *line == "## Does not hold").unwrap_or(lines.len());
    if from >= to {
        return findings.push(finding(
            &page.path,
            1,
            "no section of what holds before what does not",
        ));
    }
    let mut told = |line: usize, text: String| findings.push(finding(&page.path, line + 1, text));
    for (at, line) in lines.iter().enumerate().take(to).skip(from) {
        if !line.starts_with("- ") {
            continue;
        }
        let proof = lines.get(at + 1).filter(|next| next.starts_with("  "));
        let named = proof.map(|proof| quoted(proof)).unwrap_or_default();
        if named.is_empty() {
            told(at, "a promise that names no test".to_owned());
        }
        for name in named.into_iter().filter(|name| !exists(files, name)) {
            told(at + 1, format!("there is no test `{name}`"));
        }
    }
}

/// The words in back quotes.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// A test function, a file of tests (`refresh` is `tests/refresh.rs` of some crate), a figure of the
/// fault harness's line, or a type whose examples must not compile.
fn exists(files: &Files, name: &str) -> bool {
    let function = format!("fn {name}(");
    let file = format!("/{name}.rs");
    let folder = format!("/{name}/main.rs");
    let figure = format!("\"{name}\"");
    files.0.iter().filter(|one| one.is("rs")).any(|one| {
        let path = format!("/{}", one.name());
        let tests = path.contains("/tests/");
        let type_name = name.strip_prefix("custody::");
        (tests && (path.ends_with(&file) || path.ends_with(&folder)))
            || one.code.contains(&function)
            || (path.ends_with("/tests/crash/main.rs") && one.text.contains(&figure))
            || type_name.is_some_and(|name| {
                one.text.contains(&format!("pub struct {name}("))
                    && one.text.contains("compile_fail")
            })
    })
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::super::tree::File;
    use super::*;

    fn told(page: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File {
            path: path.into(),
            text: text.into(),
            code: code_only(text),
        };
        let tests = file("src-tauri/custody/tests/swap.rs", "#[test]\nfn it_holds() {}\n");
        let mut findings = Vec::new();
        audit(&Files(vec![file(PAGE, page), tests]), &mut findings);
        findings.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_promise_needs_a_test_and_the_test_must_exist() {
        let page =
            |proof: &str| format!("## Holds\n- A promise.\n{proof}\n## Does not hold\n- x\n");
        assert!(told(&page("  `swap`: `it_holds`.")).is_empty());
        assert_eq!(told(&page("  `swap`: `it_fails`.")), ["there is no test `it_fails`"]);
        assert_eq!(told(&page("  Believe us.")), ["a promise that names no test"]);
        assert_eq!(told(&page("")), ["a promise that names no test"]);
        assert_eq!(told("# Security\n").len(), 1);
    }
}
