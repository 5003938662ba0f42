//! The shell's commands: every one is declared in its build script, so that none is allowed to the
//! page by default.

use super::tree::{File, Files};
use super::{Finding, finding};
use std::path::Path;

const BUILD: &str = "src-tauri/build.rs";
const SOURCES: &str = "src-tauri/src/";

/// Commands that are defined and not declared, and the other way round.
pub fn audit(files: &Files, findings: &mut Vec<Finding>) {
    let declared = files.get(BUILD).map(declared).unwrap_or_default();
    let mut known = Vec::new();
    for file in files.0.iter().filter(|file| file.is("rs") && file.name().starts_with(SOURCES)) {
        for (line, name) in defined(file) {
            if !declared.contains(&name) {
                let text = format!("the command `{name}` is not declared in {BUILD}");
                findings.push(finding(&file.path, line, text));
            }
            known.push(name);
        }
    }
    for name in declared.iter().filter(|name| !known.contains(name)) {
        let text = format!("`{name}` is declared and no command of the shell");
        findings.push(finding(Path::new(BUILD), 1, text));
    }
}

/// The names in `const COMMANDS`.
fn declared(build: &File) -> Vec<&str> {
    let list = build.text.split("const COMMANDS").nth(1).and_then(|rest| rest.split(';').next());
    list.unwrap_or_default().split('"').skip(1).step_by(2).collect()
}

/// Functions marked as commands: line, from 1, and name.
fn defined(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let marked = |line: &str| line.trim_start().starts_with("#[tauri::command");
    let lines = file.code.lines().enumerate();
    lines.filter(move |(_, line)| marked(line)).filter_map(|(at, _)| {
        let rest = file.code.lines().skip(at).find_map(|line| line.split_once("fn "))?.1;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some((at + 1, &rest[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::*;

    #[test]
    fn every_command_is_declared_so_that_none_is_allowed_by_default() {
        let told = |build: &str, source: &str| {
            let file = |path: &str, text: &str| File {
                path: path.into(),
                text: text.into(),
                code: code_only(text),
            };
            let files = Files(vec![file(BUILD, build), file("src-tauri/src/commands.rs", source)]);
            let mut findings = Vec::new();
            audit(&files, &mut findings);
            findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>()
        };
        let build = "const COMMANDS: &[&str] = &[\"call\", \"view\"];";
        let view = "#[tauri::command]\npub async fn view(shell: Shell) {}\n";
        let call = "#[tauri::command(async)]\n#[allow(unused)]\npub fn call() {}\n";
        assert!(told(build, &format!("{view}{call}fn other() {{}}\n")).is_empty());
        assert_eq!(told(build, view), ["`call` is declared and no command of the shell"]);
        let one = "const COMMANDS: &[&str] = &[\"view\"];";
        let undeclared = told(one, &format!("{view}{call}"));
        assert_eq!(undeclared, ["the command `call` is not declared in src-tauri/build.rs"]);
    }
}
