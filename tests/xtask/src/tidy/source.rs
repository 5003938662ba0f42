//! Rules about the text of the sources.

use super::text::{block_end, test_lines};
use super::tree::{File, Files};
use super::{Finding, finding};
use std::collections::BTreeSet;
use std::path::PathBuf;

const LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Words that must not occur in code that ships, why not, and the files where they may: each by
/// name, so that a new one is a decision.
struct Ban {
    words: &'static [&'static str],
    except: &'static [&'static str],
    why: &'static str,
}

const BANS: [Ban; 7] = [
    Ban {
        words: &["SystemTime::now", "Utc::now", "Local::now"],
        except: &[
            "src-tauri/driver/src/clock.rs",
            // When a vintage was stored.
            "src-tauri/custody/src/clock.rs",
            // The name of a damaged file that is kept aside.
            "src-tauri/ledger/src/open.rs",
            // `Retry-After` may be a date.
            "src-tauri/providers/src/client.rs",
        ],
        why: "what decides is told the time by the driver's clock",
    },
    Ban {
        words: &["Instant::now"],
        except: &[
            "src-tauri/driver/src/clock.rs",
            // Deadlines of locks and of the tool that was launched.
            "src-tauri/custody/src/clock.rs",
            "src-tauri/ground/src/locks.rs",
            "src-tauri/cli/src/run",
            // The tool waits for its hook.
            "src-tauri/cli/src/hook",
        ],
        why: "deadlines are the driver's, or stand in the files named here",
    },
    Ban {
        words: &["std::fs", "File::open", "File::create", "tokio::fs", "OpenOptions"],
        except: &[
            // Files of ours and of others for everybody, and credentials.
            "src-tauri/ground/src/",
            "src-tauri/custody/src/files.rs",
            // The database, its locks, its spool, and what /proc says about a run.
            "src-tauri/ledger/src/",
            // The data directory's lock and socket.
            "src-tauri/driver/src/lock.rs",
            "src-tauri/driver/src/socket.rs",
            "src-tauri/driver/src/run.rs",
            // The log's older files, and the collector's file when it goes.
            "src-tauri/driver/src/logs.rs",
            "src-tauri/driver/src/metrics.rs",
            // What WebKit laid down for the window is taken away.
            "src-tauri/src/windows.rs",
            // Other programs' stores and processes are looked for, and never opened.
            "src-tauri/cli/src/doctor",
            // The tools' records of their processes are listed.
            "src-tauri/driver/src/adapters/turns.rs",
            // An account's own seat: its directory, and whose sign-in came of it.
            "src-tauri/cli/src/lane.rs",
            // The tool's settings and transcripts, for hooks.
            "src-tauri/cli/src/hook",
            // The caller's own channels, and what /proc says of ignored signals.
            "src-tauri/cli/src/run",
            // Whether two names are one directory.
            "src-tauri/driver/src/lanes.rs",
            // Scenarios in, logs out.
            "src-tauri/cli/src/simulate.rs",
            "src-tauri/cli/src/generate.rs",
        ],
        why: "files are touched in the files named here; credentials only in custody/src/files.rs",
    },
    Ban {
        words: &["select!"],
        except: &[
            "src-tauri/driver/src/run.rs",
            "src-tauri/driver/src/socket.rs",
            "src-tauri/driver/src/watch.rs",
            "src-tauri/driver/src/runs.rs",
            "src-tauri/cli/src/daemon.rs",
            "src-tauri/cli/src/run",
            "src-tauri/src/app.rs",
            "src-tauri/src/notify.rs",
        ],
        why: "one loop per program selects; what decides awaits nothing",
    },
    Ban { words: &["extern crate std"], except: &[], why: "the engine cannot" },
    Ban {
        words: &["process::exit"],
        except: &["src-tauri/cli/src/main.rs", "src-tauri/src/main.rs"],
        why: "only a main function ends the program",
    },
    Ban {
        words: &["danger_accept_invalid_certs", "set_var(", "remove_var("],
        except: &[],
        why: "unsafe by its effect",
    },
];

/// Words the glossary does not use in names.
const NAMES: [&str; 4] = ["manager", "service", "helper", "util"];

/// Every rule on every file.
pub fn rules(files: &Files, findings: &mut Vec<Finding>) {
    let tests = test_only(files);
    for file in &files.0 {
        machine_paths(file, findings);
        if file.is("rs") || file.is("ts") || file.is("tsx") || file.is("css") {
            length(file, findings);
        }
        if file.is("ts") || file.is("tsx") {
            page(file, findings);
        }
        if file.is("rs") {
            functions(file, findings);
            names(file, findings);
            if ships(file, &tests) {
                bans(file, findings);
            }
        }
    }
}

/// Files that are modules only of tests.
pub fn test_only(files: &Files) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in files.0.iter().filter(|file| file.is("rs")) {
        let folder = file.path.parent().map(PathBuf::from).unwrap_or_default();
        let stem = file.path.file_stem().unwrap_or_default();
        let lines: Vec<&str> = file.code.lines().collect();
        for range in test_lines(&file.code) {
            for line in &lines[range] {
                let name = line.trim().strip_suffix(';').and_then(|l| l.split_once("mod "));
                if let Some((_, name)) = name {
                    for base in [folder.clone(), folder.join(stem)] {
                        found.insert(base.join(format!("{name}.rs")));
                        found.insert(base.join(name).join("mod.rs"));
                    }
                }
            }
        }
    }
    found
}

/// Rust that is part of a program people run.
pub fn ships(file: &File, tests: &BTreeSet<PathBuf>) -> bool {
    let name = file.name();
    name.starts_with("src-tauri/")
        && !name.contains("/tests/")
        && !name.ends_with("build.rs")
        && !tests.contains(&file.path)
}

fn length(file: &File, findings: &mut Vec<Finding>) {
    let lines = file.text.lines().count();
    if lines > LINES_MAX && !generated(file) {
        findings.push(finding(&file.path, 1, format!("{lines} lines; at most {LINES_MAX}")));
    }
}

/// Written by a program.
pub fn generated(file: &File) -> bool {
    file.name() == "ui/src/bindings.ts"
}

/// As clippy counts: lines of the body that hold code.
fn functions(file: &File, findings: &mut Vec<Finding>) {
    let lines: Vec<&str> = file.code.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let mut words = line.split_whitespace().skip_while(|word| {
            word.starts_with("pub") || ["async", "const", "unsafe", "extern"].contains(word)
        });
        if words.next() != Some("fn") {
            continue;
        }
        let body = &lines[at..block_end(&lines, at)];
        let count = body.iter().filter(|line| !line.trim().is_empty()).count().saturating_sub(2);
        if count > FUNCTION_LINES_MAX {
            let text = format!("a function of {count} lines; at most {FUNCTION_LINES_MAX}");
            findings.push(finding(&file.path, at + 1, text));
        }
    }
}

fn bans(file: &File, findings: &mut Vec<Finding>) {
    let exempt = test_lines(&file.code);
    let name = file.name();
    for (at, line) in file.code.lines().enumerate() {
        if exempt.iter().any(|range| range.contains(&at)) {
            continue;
        }
        for ban in BANS.iter().filter(|ban| !ban.except.iter().any(|e| name.starts_with(e))) {
            if let Some(word) = ban.words.iter().find(|word| line.contains(*word)) {
                findings.push(finding(&file.path, at + 1, format!("`{word}`: {}", ban.why)));
            }
        }
    }
}

fn names(file: &File, findings: &mut Vec<Finding>) {
    for (at, line) in file.code.lines().enumerate() {
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            if !["struct", "enum", "trait", "mod", "fn", "type", "union"].contains(&word) {
                continue;
            }
            let Some(named) = words.next() else { break };
            let named: String =
                named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if let Some(bad) = NAMES.iter().find(|bad| named.to_lowercase().contains(*bad)) {
                let text = format!("`{named}`: the glossary has a better word than '{bad}'");
                findings.push(finding(&file.path, at + 1, text));
            }
        }
    }
}

/// The page's own walls: one file talks to the shell, nothing writes markup.
fn page(file: &File, findings: &mut Vec<Finding>) {
    let name = file.name();
    for (at, line) in file.text.lines().enumerate() {
        if line.contains("@tauri-apps") && name != "ui/src/backend.tauri.ts" {
            let text = "only backend.tauri.ts talks to the shell";
            findings.push(finding(&file.path, at + 1, text));
        }
        let markup = [
            "dangerouslySetInnerHTML",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "new Function",
            "document.write",
        ];
        if let Some(word) = markup.iter().find(|word| line.contains(*word)) {
            findings.push(finding(&file.path, at + 1, format!("`{word}`: text nodes only")));
        }
    }
}

/// Nothing may know the machine it was written on.
fn machine_paths(file: &File, findings: &mut Vec<Finding>) {
    // Put together so that this file does not find itself.
    let places = [["/wor", "k/"], ["/tmp", "/t/"], ["/roo", "t/"]].map(|parts| parts.concat());
    for (at, line) in file.text.lines().enumerate() {
        if let Some(place) = places.iter().find(|place| line.contains(place.as_str())) {
            findings.push(finding(&file.path, at + 1, format!("a path of one machine: {place}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::code_only;
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        let file = File { path: path.into(), text: text.into(), code: code_only(text) };
        let mut findings = Vec::new();
        rules(&Files(vec![file]), &mut findings);
        findings.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_clock_is_found_where_it_ships_and_only_there() {
        let text = "fn a() { let t = Instant::now(); }\n";
        assert_eq!(told("src-tauri/ledger/src/lib.rs", text).len(), 1);
        assert!(told("src-tauri/driver/src/clock.rs", text).is_empty());
        assert!(told("tests/sim/mod.rs", text).is_empty());
        let tested = format!("#[cfg(test)]\nmod tests {{\n{text}}}\n");
        assert!(told("src-tauri/ledger/src/lib.rs", &tested).is_empty());
        assert!(told("src-tauri/ledger/src/lib.rs", "// Instant::now\n").is_empty());
    }

    #[test]
    fn lengths_are_bounded() {
        let long = format!("fn a() {{\n{}}}\n", "x();\n".repeat(71));
        assert_eq!(told("tests/a.rs", &long), ["a function of 71 lines; at most 70"]);
        assert!(told("tests/a.rs", &format!("fn a() {{\n{}}}\n", "x();\n".repeat(70))).is_empty());
        assert_eq!(told("tests/a.rs", &"//\n".repeat(601)), ["601 lines; at most 600"]);
    }

    #[test]
    fn the_page_writes_no_markup_and_evaluates_no_text() {
        for banned in
            ["dangerouslySetInnerHTML", "innerHTML", "insertAdjacentHTML", "eval(", "new Function"]
        {
            assert_eq!(told("ui/src/app.tsx", &format!("{banned} x;\n")).len(), 1, "{banned}");
            assert!(told("ui/src/app.css", &format!("{banned} x;\n")).is_empty());
        }
    }

    #[test]
    fn names_and_walls_of_the_page() {
        assert_eq!(told("src-tauri/src/a.rs", "struct SwapManager;\n").len(), 1);
        assert_eq!(told("ui/src/app.tsx", "import x from '@tauri-apps/api';\n").len(), 1);
        assert_eq!(told("ui/src/app.tsx", "a.innerHTML = b;\n").len(), 1);
        assert!(told("ui/src/backend.tauri.ts", "import x from '@tauri-apps/api';\n").is_empty());
    }
}
