//! Replays recorded vectors: `vectors PATH…`, files or folders. Ends with `N passed, M failed`.

#[path = "../../src-tauri/engine/tests/vectors/replay/mod.rs"]
mod replay;

use replay::{Tally, replay_path};
use std::path::Path;
use std::process::ExitCode;

/// Differences printed at most; the count is always whole.
const SHOWN: usize = 50;

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        eprintln!("usage: vectors PATH…   (files of vectors, or folders of *.jsonl files)");
        return ExitCode::from(2);
    }
    let mut total = Tally::default();
    for path in &paths {
        match replay_path(Path::new(path)) {
            Ok(tally) => total.add(tally),
            Err(error) => total.failures.push((path.clone(), error)),
        }
    }
    for (id, difference) in total.failures.iter().take(SHOWN) {
        println!("{id}: {difference}");
    }
    println!("{} passed, {} failed", total.passed, total.failures.len());
    if total.failures.is_empty() && total.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
