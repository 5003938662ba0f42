//! The house rules, checked from source text and `cargo metadata`; also a test, so that nobody can
//! forget to run it.

mod circles;
mod commands;
mod edges;
mod fields;
mod glossary;
mod lines;
mod marks;
mod modules;
mod promises;
mod providers;
mod source;
mod supply;
mod text;
mod tree;

use serde_json::Value;
use std::path::{Path, PathBuf};

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Relative to the root.
    pub path: String,
    /// 1 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Every breach in the project.
pub fn everything(root: &Path, metadata: &Value) -> Vec<Finding> {
    let files = tree::Files::read(root);
    let mut findings = Vec::new();
    tree::top_level(root, &mut findings);
    tree::orphans(&files, &mut findings);
    tree::commands(&files, &mut findings);
    source::rules(&files, &mut findings);
    promises::audit(&files, &mut findings);
    providers::audit(&files, &mut findings);
    marks::audit(&files, &mut findings);
    commands::audit(&files, &mut findings);
    edges::walls(metadata, &mut findings);
    fields::owned(&files, &mut findings);
    glossary::audit(&files, &mut findings);
    circles::circles(&files, root, metadata, &mut findings);
    lines::shares(&files, &mut findings);
    supply::chain(&files, metadata, &mut findings);
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

/// The shipped lines of each part of the project, as a table.
pub fn lines(root: &Path) -> String {
    lines::table(&tree::Files::read(root))
}

fn finding(path: &Path, line: usize, text: impl Into<String>) -> Finding {
    Finding { path: path.to_string_lossy().into_owned(), line, text: text.into() }
}

/// A path relative to the root.
fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}

#[cfg(test)]
mod tests {
    use crate::run;

    #[test]
    fn the_project_is_tidy() {
        let findings = super::everything(&run::root(), &run::metadata().unwrap());
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "\n{}", told.join("\n"));
    }
}
