//! `cargo xtask test`: every test of the project, counted; once, or many times beside a load.

use crate::run::{self, Failure};
use crate::setup;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Most busy processes that are started beside the suite.
const LOAD_MAX: u32 = 64;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// How often the suite runs, from one build.
    repeat: u32,
    /// Busy processes beside it.
    load: u32,
    /// Words for `cargo test`.
    rest: Vec<String>,
}

impl Wish {
    fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut wish = Self { repeat: 1, load: 0, rest: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = |least: u32, most: u32| {
                let number = words.next().and_then(|word| word.parse().ok());
                number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
                    Failure::Usage(format!("{word} needs a number from {least} to {most}"))
                })
            };
            match word.as_str() {
                "--repeat" => wish.repeat = number(1, 1_000)?,
                "--load" => wish.load = number(0, LOAD_MAX)?,
                _ => wish.rest.push(word.clone()),
            }
        }
        Ok(wish)
    }
}

/// Processes that do nothing but keep a processor busy; they end with this value.
struct Load(Vec<Child>);

impl Load {
    fn start(many: u32) -> Result<Self, Failure> {
        let mut load = Self(Vec::new());
        for _ in 0..many {
            // Without its parent each ends by itself, however the parent ended.
            let busy = "while kill -0 $PPID 2>/dev/null; do \
                        i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done";
            let started = Command::new("sh").args(["-c", busy]).spawn();
            load.0.push(started.map_err(|error| Failure::Failed(format!("a busy sh: {error}")))?);
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for busy in &mut self.0 {
            let _ended = busy.kill();
            let _status = busy.wait();
        }
    }
}

/// Sets up, builds everything once, runs every test as often as wished and prints the total last.
pub fn everything(words: &[String]) -> Result<(), Failure> {
    let wish = Wish::parse(words)?;
    setup::everything()?;
    run::cargo(&["build", "--workspace", "--all-targets", "--locked"])?;
    let _load = Load::start(wish.load)?;
    let (mut all, mut whole) = (Count { ended_well: true, ..Count::default() }, 0);
    for number in 1..=wish.repeat {
        let begun = Instant::now();
        let count = once(&wish.rest)?;
        whole += u32::from(count.is_whole());
        if wish.repeat > 1 {
            let (took, total) = (begun.elapsed().as_secs(), count.total());
            println!("\nrun {number} of {}: {total} in {took} s", wish.repeat);
        }
        all.join(count);
    }
    println!();
    for name in &all.names {
        println!("failed: {name}");
    }
    match wish.repeat {
        1 => println!("{}", all.total()),
        many => println!("{}; {whole} of {many} runs whole, load {}", all.total(), wish.load),
    }
    if all.is_whole() {
        return Ok(());
    }
    Err(Failure::Failed(format!("{} tests failed", all.failed)))
}

/// Every test once.
fn once(rest: &[String]) -> Result<Count, Failure> {
    let mut command = run::cargo_command();
    command.args(["test", "--workspace", "--all-targets", "--no-fail-fast", "--locked"]).args(rest);
    let mut count = counted(&mut command)?;
    count.join(page()?);
    Ok(count)
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    ended_well: bool,
    /// What failed.
    names: BTreeSet<String>,
}

/// The page's own tests, where it has any.
fn page() -> Result<Count, Failure> {
    let ui = run::root().join("ui");
    let package = std::fs::read_to_string(ui.join("package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
    if package["scripts"]["test"].is_null() {
        return Ok(Count { ended_well: true, ..Count::default() });
    }
    counted(setup::npm(&ui).args(["run", "--silent", "test"]))
}

/// Runs a test program, passes its output on, and adds up what it says.
fn counted(command: &mut std::process::Command) -> Result<Count, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(error.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut count = Count::default();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            let line = line.map_err(failed)?;
            println!("{line}");
            count.add(&line);
        }
    }
    count.ended_well = child.wait().map_err(failed)?.success();
    Ok(count)
}

impl Count {
    fn is_whole(&self) -> bool {
        self.failed == 0 && self.ended_well
    }

    fn total(&self) -> String {
        let crashed =
            if self.failed == 0 && !self.ended_well { ", and not to the end" } else { "" };
        format!("{} passed, {} failed{crashed}", self.passed, self.failed)
    }

    fn join(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ended_well &= other.ended_well;
        self.names.extend(other.names);
    }

    /// Cargo's `test result: ok. 5 passed; 1 failed; …` and node's `# pass 5`, `# fail 1`.
    fn add(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            for part in rest.split([';', '.']) {
                let mut words = part.split_whitespace();
                let number = words.next().and_then(|word| word.parse::<u64>().ok());
                match (number, words.next()) {
                    (Some(number), Some("passed")) => self.passed += number,
                    (Some(number), Some("failed")) => self.failed += number,
                    _ => {}
                }
            }
        } else if let Some(name) = failed(line) {
            self.names.insert(name.to_owned());
        } else if let Some(number) = after(line, "pass ") {
            self.passed += number;
        } else if let Some(number) = after(line, "fail ") {
            self.failed += number;
        }
    }
}

/// The name in cargo's `test a::b ... FAILED` and node's `✖ a (1.5ms)` or `not ok 3 - a`.
fn failed(line: &str) -> Option<&str> {
    let cargo = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
    let line = line.trim_start();
    let spoken = line.strip_prefix("✖ ").and_then(|rest| rest.rsplit_once(" (")).map(|(it, _)| it);
    let counted = line.strip_prefix("not ok ").and_then(|rest| rest.split_once(" - "));
    cargo.or(spoken).or(counted.map(|(_, name)| name))
}

/// Node marks its totals with `#` or `ℹ`.
fn after(line: &str, word: &str) -> Option<u64> {
    let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?;
    rest.strip_prefix(word)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_cargo_and_node_are_added_up() {
        let mut count = Count::default();
        count.add("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        count.add("test result: FAILED. 2 passed; 3 failed; 0 ignored; finished in 0.54s");
        count.add("# pass 7");
        count.add("ℹ fail 1");
        count.add("test tidy ... ok");
        assert_eq!((count.passed, count.failed), (14, 4));
        assert!(count.names.is_empty());
    }

    #[test]
    fn what_failed_is_named_once() {
        let mut all = Count { ended_well: true, ..Count::default() };
        for run in [["test a::b ... FAILED", "✖ the page (1.5ms)"], ["test a::b ... FAILED", ""]]
        {
            let mut count = Count { ended_well: true, ..Count::default() };
            count.add("test result: FAILED. 2 passed; 1 failed; 0 ignored");
            run.iter().for_each(|line| count.add(line));
            all.join(count);
        }
        assert!(!all.is_whole());
        assert_eq!(all.total(), "4 passed, 2 failed");
        assert_eq!(all.names.iter().collect::<Vec<_>>(), ["a::b", "the page"]);
        assert_eq!(failed("not ok 3 - a bound"), Some("a bound"));
    }

    #[test]
    fn the_long_form_is_told_from_words_for_cargo() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let wish = Wish::parse(&words("--repeat 10 --load 6 -- window")).unwrap();
        assert_eq!(wish, Wish { repeat: 10, load: 6, rest: words("-- window") });
        for nonsense in ["--repeat", "--repeat 0", "--load x", "--load 65"] {
            assert!(matches!(Wish::parse(&words(nonsense)), Err(Failure::Usage(_))), "{nonsense}");
        }
    }

    #[test]
    fn a_load_keeps_processors_busy_and_ends() {
        let load = Load::start(2).unwrap();
        let pids: Vec<u32> = load.0.iter().map(Child::id).collect();
        let lives = |pid: &u32| std::path::Path::new(&format!("/proc/{pid}")).exists();
        assert!(pids.iter().all(lives));
        drop(load);
        assert!(!pids.iter().any(lives));
    }
}
