//! The real tools: Claude Code and Codex as npm gives them, with made-up logins, against the fake
//! provider, in a network namespace that knows loopback and nothing else.
//!
//! `cargo xtask real [--latest] [--only WORD]` installs the tools and starts this.

mod beside;
mod cage;

mod front;
mod house;
mod session;
mod stories;
mod terminal;

use front::Front;
use serde_json::{Map, Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// What every story stands on.
pub struct Ground {
    /// TLS in front of the provider of the story that is played.
    pub front: Front,
    /// Folders with the tools' programs.
    pub tools: Vec<PathBuf>,
    /// The stories' homes stay, for a look.
    pub keep: bool,
}

struct Options {
    inside: bool,
    keep: bool,
    only: Option<String>,
    tools: Vec<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { inside: false, keep: false, only: None, tools: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--inside" => options.inside = true,
            "--keep" => options.keep = true,
            "--only" => options.only = Some(words.next().ok_or("--only needs a word")?),
            "--tools" => {
                let folder = words.next().ok_or("--tools needs a directory")?;
                let folder = std::path::absolute(&folder).map_err(|error| error.to_string())?;
                options.tools.push(folder);
            }
            other => return Err(format!("'{other}' is not understood")),
        }
    }
    if options.tools.is_empty() {
        return Err("no tools; `cargo xtask real` installs them".to_owned());
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("real: {why}");
            return 2.into();
        }
    };
    let done = if options.inside { play(&options) } else { cage::enter() };
    match done {
        Ok(code) => code,
        Err(why) => {
            eprintln!("real: {why}");
            1.into()
        }
    }
}

/// Plays every story that is asked for, one after the other.
fn play(options: &Options) -> Result<ExitCode, String> {
    let home =
        tempfile::Builder::new().prefix("sluice-real").tempdir().map_err(|e| e.to_string())?;
    cage::furnish(home.path())?;
    let ground = Ground {
        front: Front::open(home.path())?,
        tools: options.tools.clone(),
        keep: options.keep,
    };
    let versions = house::versions(&ground)?;
    let (mut passed, mut failed, mut figures) = (0, 0, Map::new());
    let asked = |name: &str| options.only.as_ref().is_none_or(|word| name.contains(word));
    for story in stories::ALL.iter().filter(|story| asked(story.name)) {
        let start = Instant::now();
        let told = catch_unwind(AssertUnwindSafe(|| (story.play)(&ground)));
        let seconds = start.elapsed().as_secs_f64();
        let word = if told.is_ok() { "ok" } else { "FAILED" };
        println!("story {} ... {word} ({seconds:.1} s)", story.name);
        match told {
            Ok(figure) => {
                passed += 1;
                if !figure.is_null() {
                    figures.insert(story.name.to_owned(), figure);
                }
            }
            Err(_) => failed += 1,
        }
    }
    println!("\n{passed} passed, {failed} failed");
    let told = json!({
        "schema": "sluice/real/1", "versions": versions, "passed": passed, "failed": failed,
        "figures": Value::Object(figures),
    });
    println!("{told}");
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { 1.into() })
}
