//! A provider stands by name in its homes alone; everybody else asks its spec. So a third one is added in
//! the places that `ARCHITECTURE.md` lists, and nowhere else.

use super::source::{generated, ships, test_only};
use super::text::test_lines;
use super::tree::{File, Files};
use super::{Finding, finding};

/// Where the type is.
const SPEC: &str = "src-tauri/engine/src/provider.rs";

/// Files, and folders with a `/` at their end, that may name a provider.
const HOMES: [&str; 8] = [
    SPEC,
    // Its seat.
    "src-tauri/custody/src/seats/mod.rs",
    "src-tauri/custody/src/seats/claude.rs",
    "src-tauri/custody/src/seats/codex.rs",
    // Its addresses, its answers, and what its tool tells.
    "src-tauri/providers/src/endpoints.rs",
    "src-tauri/providers/src/tool.rs",
    "src-tauri/providers/src/claude/",
    "src-tauri/providers/src/codex/",
];

/// Every provider that is named outside its homes.
pub fn audit(files: &Files, findings: &mut Vec<Finding>) {
    let variants = files.get(SPEC).map(|file| variants(&file.code)).unwrap_or_default();
    if variants.is_empty() {
        let text = "no variants of `Provider` are found here; the rule on its homes checks nothing";
        findings.push(finding(SPEC.as_ref(), 1, text));
    }
    let tests = test_only(files);
    for file in files.0.iter().filter(|file| !is_home(file)) {
        if file.is("rs") && ships(file, &tests) {
            code(file, &variants, findings);
        }
        if (file.is("ts") || file.is("tsx")) && file.name().starts_with("ui/src/") {
            page(file, &variants, findings);
        }
    }
}

fn is_home(file: &File) -> bool {
    let name = file.name();
    HOMES.iter().any(|home| name == *home || home.ends_with('/') && name.starts_with(home))
}

/// The names in `pub enum Provider { … }`.
fn variants(code: &str) -> Vec<String> {
    let body = code.split_once("pub enum Provider {").and_then(|(_, rest)| rest.split_once('}'));
    let names = body.into_iter().flat_map(|(body, _)| body.split(','));
    names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// A variant, or an import that lets one be named alone.
fn code(file: &File, variants: &[String], findings: &mut Vec<Finding>) {
    let exempt = test_lines(&file.code);
    for (at, line) in file.code.lines().enumerate() {
        let is_test = exempt.iter().any(|range| range.contains(&at));
        for named in line.split("Provider::").skip(1).filter(|_| !is_test) {
            let word: String =
                named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if variants.contains(&word) || named.starts_with(['{', '*']) {
                let text =
                    "a provider by name: ask `Provider::spec`, or say it in one of its homes";
                findings.push(finding(&file.path, at + 1, text));
            }
        }
    }
}

/// The same as the page would write it.
fn page(file: &File, variants: &[String], findings: &mut Vec<Finding>) {
    if generated(file) || file.name().ends_with(".web.ts") {
        return;
    }
    for (at, line) in file.text.lines().enumerate() {
        let quoted = |name: &String| line.contains(&format!("\"{}\"", name.to_lowercase()));
        if variants.iter().any(quoted) {
            let text = "a provider by name: `PROVIDERS` and `USUAL_PROVIDER` in the bindings know";
            findings.push(finding(&file.path, at + 1, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::*;

    const ENUM: &str =
        "pub enum Provider {\n    /// One.\n    Claude,\n    /// Two.\n    Codex,\n}\n";

    fn told(path: &str, text: &str) -> usize {
        let file = |path: &str, text: &str| File {
            path: path.into(),
            text: text.into(),
            code: code_only(text),
        };
        let mut findings = Vec::new();
        audit(&Files(vec![file(SPEC, ENUM), file(path, text)]), &mut findings);
        findings.len()
    }

    #[test]
    fn a_provider_is_named_in_its_homes_alone() {
        let code = "fn a(p: Provider) -> bool { p == Provider::Codex }\n";
        assert_eq!(told("src-tauri/driver/src/a.rs", code), 1);
        assert_eq!(told("src-tauri/custody/src/seats/codex.rs", code), 0);
        assert_eq!(told("src-tauri/providers/src/codex/mod.rs", code), 0);
        assert_eq!(told("tests/e2e/main.rs", code), 0);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
        assert_eq!(told("src-tauri/driver/src/a.rs", &tested), 0);
    }

    #[test]
    fn neither_an_import_nor_the_page_goes_round_it() {
        let file = "src-tauri/driver/src/a.rs";
        assert_eq!(told(file, "use sluice_engine::Provider::Claude as THEIRS;\n"), 1);
        assert_eq!(told(file, "use sluice_engine::Provider::{self, Codex};\n"), 1);
        assert_eq!(told(file, "use sluice_engine::Provider::*;\n"), 1);
        assert_eq!(told(file, "for one in Provider::ALL { one.spec(); }\n"), 0);
        assert_eq!(told("ui/src/a.tsx", "const one = provider === \"claude\";\n"), 1);
        assert_eq!(told("ui/src/backend.web.ts", "const one = \"claude\";\n"), 0);
    }

    #[test]
    fn a_rule_that_finds_no_variant_says_so() {
        let mut findings = Vec::new();
        audit(&Files(Vec::new()), &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
