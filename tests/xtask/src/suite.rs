//! `cargo xtask test`: every test of the project, counted.

use crate::run::{self, Failure};
use crate::setup;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Sets up, builds everything once, runs every test and prints the total.
pub fn everything(rest: &[String]) -> Result<(), Failure> {
    setup::everything()?;
    run::cargo(&["build", "--workspace", "--all-targets", "--locked"])?;
    let mut command = run::cargo_command();
    command.args(["test", "--workspace", "--all-targets", "--no-fail-fast", "--locked"]).args(rest);
    let rust = counted(&mut command)?;
    let page = page()?;
    let (passed, failed) = (rust.passed + page.passed, rust.failed + page.failed);
    println!("\n{passed} passed, {failed} failed");
    if failed > 0 || !rust.ended_well || !page.ended_well {
        return Err(Failure::Failed(format!("{failed} tests failed")));
    }
    Ok(())
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    ended_well: bool,
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
        } else if let Some(number) = after(line, "pass ") {
            self.passed += number;
        } else if let Some(number) = after(line, "fail ") {
            self.failed += number;
        }
    }
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
    }
}
