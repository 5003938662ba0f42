//! What lies where: decided names at the top, no orphan file, no command the pages invent.

use super::text::code_only;
use super::{Finding, finding, relative};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// Relative to the root.
    pub path: PathBuf,
    /// As it stands.
    pub text: String,
    /// For Rust: code only.
    pub code: String,
}

impl File {
    /// The path as text with `/`.
    pub fn name(&self) -> String {
        self.path.to_string_lossy().replace('\\', "/")
    }

    /// It has this extension.
    pub fn is(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|found| found == extension)
    }
}

/// Every text file that belongs to the project.
pub struct Files(pub Vec<File>);

const SKIPPED: [&str; 6] = ["target", "node_modules", "dist", ".git", "gen", "corpora"];
const TEXT: [&str; 12] =
    ["rs", "toml", "md", "ts", "tsx", "css", "html", "json", "jsonl", "sql", "mjs", "sh"];

impl Files {
    /// Reads the tree below `root`.
    pub fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        collect(root, root, &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self(files)
    }

    /// One file by name.
    pub fn get(&self, name: &str) -> Option<&File> {
        self.0.iter().find(|file| file.name() == name)
    }
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<File>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(root, &path, files);
            }
            continue;
        }
        let known = path.extension().is_some_and(|e| TEXT.iter().any(|t| e == *t));
        if !known && name != "run" {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let code = if name.ends_with(".rs") { code_only(&text) } else { String::new() };
        files.push(File { path: relative(root, &path), text, code });
    }
}

const TOP: [&str; 15] = [
    "Cargo.toml",
    "Cargo.lock",
    "src-tauri",
    "ui",
    "icons",
    "packaging",
    "tests",
    "target",
    "clippy.toml",
    "rustfmt.toml",
    "deny.toml",
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

/// Only decided names at the top.
pub fn top_level(root: &Path, findings: &mut Vec<Finding>) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let fits = name.starts_with('.') || name.starts_with("LICENSE-");
        if !fits && !TOP.contains(&name.as_str()) {
            findings.push(finding(Path::new(&name), 1, "not one of the decided top-level names"));
        }
    }
}

/// Every Rust file is a target of its crate or a module of another file.
pub fn orphans(files: &Files, findings: &mut Vec<Finding>) {
    let mut reached: BTreeSet<PathBuf> = BTreeSet::new();
    for file in &files.0 {
        let folder = file.path.parent().unwrap_or(Path::new(""));
        if file.path.ends_with("Cargo.toml") {
            for root in ["src/lib.rs", "src/main.rs", "build.rs"] {
                reached.insert(folder.join(root));
            }
            reached.extend(assigned(&file.text).map(|path| clean(&folder.join(path))));
        }
        if file.is("rs") {
            reached.extend(assigned(&file.text).map(|path| clean(&folder.join(path))));
            for module in modules(&file.code) {
                for base in [folder.to_path_buf(), folder.join(stem(&file.path))] {
                    reached.insert(base.join(format!("{module}.rs")));
                    reached.insert(base.join(&module).join("mod.rs"));
                }
            }
        }
    }
    for file in files.0.iter().filter(|file| file.is("rs")) {
        let name = file.name();
        // A crate's own integration tests are found by cargo.
        let found_by_cargo = name.starts_with("src-tauri/") && name.contains("/tests/");
        if !found_by_cargo && !reached.contains(&file.path) {
            findings.push(finding(&file.path, 1, "no crate reaches this file"));
        }
    }
}

/// Values of `path = "…"`, in manifests and in attributes.
fn assigned(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("path = \"").filter_map(|(at, key)| {
        let rest = &text[at + key.len()..];
        rest.find('"').map(|end| &rest[..end])
    })
}

fn modules(code: &str) -> impl Iterator<Item = String> {
    code.lines().filter_map(|line| {
        let line = line.trim().strip_suffix(';')?;
        let (_, name) = line.split_once("mod ")?;
        let first = line.split_whitespace().next()?;
        (first == "mod" || first.starts_with("pub") || first.starts_with("#["))
            .then(|| name.trim().to_owned())
    })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// Commands on the pages for people exist.
pub fn commands(files: &Files, findings: &mut Vec<Finding>) {
    let ours = files.get("tests/xtask/src/main.rs").map(|file| file.text.as_str()).unwrap_or("");
    let command_line: String = files
        .0
        .iter()
        .filter(|file| file.name().starts_with("src-tauri/cli/src/"))
        .map(|file| file.code.to_lowercase())
        .collect();
    for page in files.0.iter().filter(|file| file.is("md")) {
        for (at, line) in page.text.lines().enumerate() {
            for word in words_after(line, "cargo xtask ") {
                if !ours.contains(&format!("\"{word}\"")) {
                    findings.push(finding(&page.path, at + 1, format!("no `cargo xtask {word}`")));
                }
            }
            for word in words_after(line, "`sluice ") {
                let known = command_line.split(|c: char| !c.is_alphanumeric()).any(|w| w == word);
                if !known {
                    findings.push(finding(&page.path, at + 1, format!("no `sluice {word}`")));
                }
            }
        }
    }
}

fn words_after<'a>(line: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(start).filter_map(move |(at, _)| {
        let rest = &line[at + start.len()..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_paths_are_found() {
        let code = "mod a;\npub mod b;\npub(crate) mod c;\n#[cfg(test)] mod d;\nlet x = mod_e;\n";
        assert_eq!(modules(code).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(assigned("path = \"bin/x.rs\"").collect::<Vec<_>>(), ["bin/x.rs"]);
        assert_eq!(clean(Path::new("tests/./a/../b.rs")), Path::new("tests/b.rs"));
    }

    #[test]
    fn commands_are_read_off_a_page() {
        let found: Vec<_> =
            words_after("run `cargo xtask demo` or cargo xtask test.", "cargo xtask ").collect();
        assert_eq!(found, ["demo", "test"]);
    }
}
