//! `cargo xtask fuzz`: coverage-guided fuzzing of every parser, target after target in one process at a
//! time, and the processor time it took.

use crate::run::{self, Failure};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What makes the compiler tell the fuzzer which edges ran and what was compared.
const WATCHED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Flags work for the program alone, and not for what is built to build it, only with a target named.
const MACHINE: &str = "x86_64-unknown-linux-gnu";
/// Longest input, bytes: longer than what any tool was seen to write on a line.
const INPUT_MAX: usize = 128 * 1024;
/// Longest input that is kept in the repository, bytes.
const KEPT_MAX: usize = 2 * 1024;
/// A turn of one target, seconds of the wall.
const TURN_S: u64 = 60;
/// Ticks of `/proc/self/stat` in a second.
const TICKS: f64 = 100.0;
/// Whose sources name the words of the provider's answers.
const WORDS_IN: [&str; 5] = [
    "src-tauri/providers/src",
    "src-tauri/custody/src/seats",
    "src-tauri/protocol/src",
    "src-tauri/core/src/settings",
    "src-tauri/lab/src/simulate",
];

struct Wish {
    /// Processor seconds altogether.
    seconds: u64,
    /// Keep the grown corpora in the repository, made small.
    keep: bool,
    /// Only these targets.
    only: Vec<String>,
}

impl Wish {
    fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut wish = Self { seconds: 600, keep: false, only: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seconds" => {
                    let number = words.next().and_then(|word| word.parse().ok());
                    wish.seconds =
                        number.ok_or_else(|| Failure::Usage("--seconds needs a number".into()))?;
                }
                "--keep" => wish.keep = true,
                name if !name.starts_with('-') => wish.only.push(name.to_owned()),
                other => return Err(Failure::Usage(format!("no option {other}"))),
            }
        }
        Ok(wish)
    }
}

/// Builds, then gives each target its turns until the processor time is used.
pub fn everything(words: &[String]) -> Result<(), Failure> {
    let wish = Wish::parse(words)?;
    let place = Place::ready()?;
    let targets = place.targets(&wish.only)?;
    let begun = children_s();
    let mut found = BTreeSet::new();
    while children_s() - begun < wish.seconds as f64 {
        for target in &targets {
            let before = children_s();
            let whole = place.turn(target)?;
            println!("{target} {:.1} s", children_s() - before);
            let _shown = std::io::stdout().flush();
            if !whole {
                found.insert(target.clone());
            }
            if children_s() - begun >= wish.seconds as f64 {
                break;
            }
        }
    }
    let spent = children_s() - begun;
    if wish.keep {
        targets.iter().try_for_each(|target| place.keep(target))?;
    }
    println!(
        "{{\"targets\":{},\"processor_s\":{spent:.0},\"found\":{}}}",
        targets.len(),
        found.len()
    );
    if found.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = found.into_iter().collect();
    Err(Failure::Failed(format!("found something in {}", names.join(", "))))
}

/// Where the program, its words and its corpora lie.
struct Place {
    program: PathBuf,
    words: PathBuf,
    /// What grows while it runs.
    grown: PathBuf,
    /// What is kept in the repository.
    kept: PathBuf,
    /// What breaks a target.
    broken: PathBuf,
}

impl Place {
    fn ready() -> Result<Self, Failure> {
        let target = run::target_directory()?.join("fuzz");
        let manifest = run::root().join("tests/fuzz/Cargo.toml");
        let mut build = run::cargo_command();
        build.arg("build").arg("--manifest-path").arg(manifest);
        build.args(["--release", "--locked", "--target", MACHINE, "--target-dir"]).arg(&target);
        run::succeed(build.env("RUSTFLAGS", WATCHED))?;
        let place = Self {
            program: target.join(MACHINE).join("release/fuzz"),
            words: target.join("words"),
            grown: target.join("corpus"),
            kept: run::root().join("tests/fuzz/corpus"),
            broken: target.join("broken"),
        };
        std::fs::write(&place.words, dictionary()).map_err(failed)?;
        Ok(place)
    }

    /// The names of the targets, as the folders of the corpora have them.
    fn targets(&self, only: &[String]) -> Result<Vec<String>, Failure> {
        let mut names: Vec<String> = folders(&self.kept);
        names.retain(|name| only.is_empty() || only.contains(name));
        names.sort();
        match names.is_empty() {
            true => Err(Failure::Usage("no such target".into())),
            false => Ok(names),
        }
    }

    /// One turn of one target; false when it found something.
    fn turn(&self, target: &str) -> Result<bool, Failure> {
        let grown = self.grown.join(target);
        let broken = self.broken.join(target);
        for folder in [&grown, &broken] {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let status = self
            .fuzzer(target)
            .args([format!("-max_total_time={TURN_S}"), format!("-max_len={INPUT_MAX}")])
            .args(["-len_control=20", "-use_value_profile=1", "-reload=0", "-timeout=20"])
            .args(["-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"])
            .arg(format!("-artifact_prefix={}/", broken.display()))
            .arg(format!("-dict={}", self.words.display()))
            .args([&grown, &self.kept.join(target)])
            .status()
            .map_err(failed)?;
        Ok(status.success())
    }

    /// Puts the smallest inputs that reach as much as all of them into the repository.
    fn keep(&self, target: &str) -> Result<(), Failure> {
        let (kept, merged) = (self.kept.join(target), self.grown.join(format!("{target}.least")));
        let _old = std::fs::remove_dir_all(&merged);
        std::fs::create_dir_all(&merged).map_err(failed)?;
        let mut merge = self.fuzzer(target);
        merge.args(["-set_cover_merge=1", &format!("-max_len={KEPT_MAX}"), "-verbosity=0"]);
        run::succeed(merge.args([&merged, &self.grown.join(target), &kept]))?;
        std::fs::remove_dir_all(&kept).map_err(failed)?;
        std::fs::create_dir_all(&kept).map_err(failed)?;
        for entry in std::fs::read_dir(&merged).map_err(failed)?.flatten() {
            std::fs::copy(entry.path(), kept.join(entry.file_name())).map_err(failed)?;
        }
        std::fs::remove_dir_all(&merged).map_err(failed)
    }

    fn fuzzer(&self, target: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("SLUICE_FUZZ_TARGET", target).env("RUST_BACKTRACE", "1").env("TZ", "UTC");
        command.stdin(Stdio::null());
        command
    }
}

fn failed(error: std::io::Error) -> Failure {
    Failure::Failed(error.to_string())
}

fn folders(at: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(at).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Processor seconds of all children that have ended.
fn children_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    // Fields 16 and 17 of the whole line: user and system time of the children.
    let ticks =
        rest.split_whitespace().skip(13).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

/// The quoted words of the sources that read answers: what a parser compares with, the fuzzer tries.
fn dictionary() -> String {
    let mut words = BTreeSet::new();
    for folder in WORDS_IN {
        collect(&run::root().join(folder), &mut words);
    }
    words.iter().enumerate().map(|(at, word)| format!("w{at}=\"{word}\"\n")).collect()
}

fn collect(at: &Path, words: &mut BTreeSet<String>) {
    if at.is_dir() {
        let entries = std::fs::read_dir(at).into_iter().flatten().flatten();
        entries.for_each(|entry| collect(&entry.path(), words));
        return;
    }
    if at.extension().is_none_or(|extension| extension != "rs") {
        return;
    }
    let text = std::fs::read_to_string(at).unwrap_or_default();
    // Tests hold whole answers; those are in the corpora.
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let plain = |word: &&str| {
        (2..=48).contains(&word.len())
            && word.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'{'))
    };
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        words.extend(line.split('"').skip(1).step_by(2).filter(plain).map(str::to_owned));
    }
}
