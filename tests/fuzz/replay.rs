//! Every input that fuzzing has kept, once more: what was mended stays mended. A program and no test, so
//! that the sources it borrows are built as they ship.

mod limits;
#[path = "../../src-tauri/cli/src/render.rs"]
#[allow(dead_code)]
mod render;
#[allow(dead_code)]
mod run;
#[path = "../../src-tauri/cli/src/hooks/splice.rs"]
#[allow(dead_code)]
mod splice;
mod targets;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// An unoptimised build is slower than the fuzzed one.
const LONGEST: Duration = Duration::from_millis(500);
/// What all inputs together may take in the repository, bytes.
const CORPUS_MAX: u64 = 1_500_000;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let (mut passed, mut failed, mut size) = (0, 0, 0);
    let mut say = |name: &str, well: bool| {
        println!("{name} {}", if well { "ok" } else { "FAILED" });
        if well { passed += 1 } else { failed += 1 }
    };
    for (name, target) in targets::TARGETS {
        let inputs = inputs(&corpus.join(name));
        size += inputs.iter().map(|input| input.len() as u64).sum::<u64>();
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let all = || inputs.iter().for_each(|input| limits::within(LONGEST, *target, input));
        say(name, !inputs.is_empty() && std::panic::catch_unwind(all).is_ok());
    }
    if wanted.is_empty() {
        say("the_corpora_stay_small", size <= CORPUS_MAX);
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("{word}: {passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn inputs(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("an input can be read")).collect()
}
