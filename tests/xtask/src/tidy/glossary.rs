//! The glossary of `ARCHITECTURE.md`: it stays short, the code uses its words, and what its last column
//! gives up for a word names nothing any more.

use super::tree::{File, Files};
use super::{Finding, finding};
use std::collections::BTreeSet;
use std::path::Path;
use syn::Ident;
use syn::visit::{self, Visit};

const PAGE: &str = "src-tauri/ARCHITECTURE.md";
const WORDS_MAX: usize = 30;

/// A row of the table.
struct Word<'a> {
    line: usize,
    word: &'a str,
    /// What the code called it once.
    instead: Vec<&'a str>,
}

/// Too many words, words that the code does not use, and names that the glossary gave up.
pub fn audit(files: &Files, findings: &mut Vec<Finding>) {
    let Some(page) = files.get(PAGE) else {
        return findings.push(finding(Path::new(PAGE), 1, "missing"));
    };
    let words = glossary(&page.text);
    let mut told = |line: usize, text: String| findings.push(finding(&page.path, line, text));
    match words.len() {
        0 => told(1, "no glossary".to_owned()),
        count if count > WORDS_MAX => {
            told(words[WORDS_MAX].line, format!("{count} words; at most {WORDS_MAX}"));
        }
        _ => {}
    }
    let shipped = |file: &&File| file.is("rs") && file.name().starts_with("src-tauri/");
    let mut used = BTreeSet::new();
    for file in files.0.iter().filter(shipped) {
        used.extend(segments(&file.code));
    }
    for word in words.iter().filter(|word| !used.contains(word.word)) {
        told(word.line, format!("no code says `{}`", word.word));
    }
    for file in files.0.iter().filter(shipped) {
        let Ok(syntax) = syn::parse_file(&file.text) else { continue };
        Names { path: &file.path, words: &words, findings }.visit_file(&syntax);
    }
}

fn glossary(page: &str) -> Vec<Word<'_>> {
    let lines = page.lines().enumerate();
    let table = lines.skip_while(|(_, line)| *line != "## Glossary").skip(1);
    let table = table.take_while(|(_, line)| !line.starts_with("## "));
    let rows = table.filter(|(_, line)| line.starts_with("| ")).skip(2);
    rows.filter_map(|(at, line)| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (word, _meaning) = (cells.next()?, cells.next()?);
        let instead = cells.next().unwrap_or_default().split(", ");
        Some(Word {
            line: at + 1,
            word,
            instead: instead.filter(|word| !word.is_empty()).collect(),
        })
    })
    .collect()
}

/// The words that names are made of: `LaneRow` and `lane_row` are `lane` and `row`.
fn segments(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    let mut keep = |word: &mut String| {
        if !word.is_empty() {
            found.insert(std::mem::take(word));
        }
    };
    let mut before = ' ';
    for letter in code.chars() {
        if letter.is_ascii_uppercase() && !before.is_ascii_uppercase() || !letter.is_alphanumeric()
        {
            keep(&mut word);
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    keep(&mut word);
    found
}

/// What a file names: types, their parts, functions and modules.
struct Names<'a> {
    path: &'a Path,
    words: &'a [Word<'a>],
    findings: &'a mut Vec<Finding>,
}

impl Names<'_> {
    fn check(&mut self, name: &Ident) {
        let parts = segments(&name.to_string());
        for word in self.words {
            if let Some(old) = word.instead.iter().find(|old| parts.contains(**old)) {
                let text = format!("`{name}`: the word for `{old}` is `{}`", word.word);
                self.findings.push(finding(self.path, name.span().start().line, text));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Enum(one) => self.check(&one.ident),
            syn::Item::Mod(one) => self.check(&one.ident),
            syn::Item::Struct(one) => self.check(&one.ident),
            syn::Item::Trait(one) => self.check(&one.ident),
            syn::Item::Type(one) => self.check(&one.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.check(name);
        }
        visit::visit_field(self, field);
    }

    fn visit_signature(&mut self, function: &'ast syn::Signature) {
        self.check(&function.ident);
        visit::visit_signature(self, function);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.check(&variant.ident);
        visit::visit_variant(self, variant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "## Glossary\n\n| word | meaning | instead of |\n| --- | --- | --- |\n";

    fn found(rows: &str, code: &str) -> Vec<String> {
        let file = |path: &str, text: String| File {
            path: path.into(),
            code: super::super::text::code_only(&text),
            text,
        };
        let files = Files(vec![
            file(PAGE, format!("{TABLE}{rows}\n## More\n")),
            file("src-tauri/core/src/lanes.rs", code.to_owned()),
        ]);
        let mut findings = Vec::new();
        audit(&files, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_word_that_was_given_up_names_nothing() {
        let rows = "| lane | one live account | seat, perch |\n";
        let told = |name: &str, old: &str| {
            format!("src-tauri/core/src/lanes.rs:1: `{name}`: the word for `{old}` is `lane`")
        };
        for (code, name, old) in [
            ("struct LanePerch;", "LanePerch", "perch"),
            ("fn to_perch(lane: u8) {}", "to_perch", "perch"),
            ("enum Lane { Seat }", "Seat", "seat"),
            ("struct Lane { perch: u8 }", "perch", "perch"),
            ("mod perch { struct Lane; }", "perch", "perch"),
        ] {
            assert_eq!(found(rows, code), [told(name, old)], "{code}");
        }
        assert!(
            found(rows, "/// No perch.\nfn perched(lane: u8) { let perch = lane; }").is_empty()
        );
    }

    #[test]
    fn a_word_that_no_code_says_is_found() {
        let told = [format!("{PAGE}:5: no code says `lane`")];
        assert_eq!(found("| lane | one live account | |\n", "// lane\nstruct Plane;"), told);
    }

    #[test]
    fn the_glossary_stays_short() {
        let rows: String = (0..31).map(|row| format!("| w{row} | a word | |\n")).collect();
        let code: String = (0..31).map(|row| format!("struct W{row};")).collect();
        assert_eq!(found(&rows, &code), [format!("{PAGE}:35: 31 words; at most 30")]);
    }
}
