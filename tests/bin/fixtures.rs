//! `fixtures DIR…`: replays recordings of provider answers and files against what their manifests
//! expect, and ends with `N passed, M failed`.

#[path = "../../src-tauri/providers/tests/recordings/replay/mod.rs"]
mod replay;

use replay::{Outcome, replay};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let directories: Vec<String> = std::env::args().skip(1).collect();
    if directories.is_empty() {
        eprintln!("usage: fixtures DIR…");
        return ExitCode::from(2);
    }
    let mut all = Outcome::default();
    for directory in &directories {
        match replay(Path::new(directory)) {
            Ok(outcome) => {
                all.passed += outcome.passed;
                all.failed.extend(outcome.failed);
            }
            Err(why) => all.failed.push((directory.clone(), why)),
        }
    }
    for (file, why) in &all.failed {
        println!("{file}: {why}");
    }
    println!("{} passed, {} failed", all.passed, all.failed.len());
    if all.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
