//! `cargo xtask check`: everything that can be known without running the program. It installs nothing.

use crate::run::{self, Failure};
use crate::{setup, tidy};
use std::process::Command;

/// Every check; the first failure ends it.
pub fn everything() -> Result<(), Failure> {
    setup::there()?;
    run::cargo(&["fmt", "--all", "--check"])?;
    tidy(&[])?;
    supply()?;
    alone()?;
    run::cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    run::succeed(&mut stored(GENERATED))?;
    page()?;
    eprintln!("    check: clean");
    Ok(())
}

/// The house rules, or with `--lines` how long each part of the project is.
pub fn tidy(words: &[String]) -> Result<(), Failure> {
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--lines"] => {
            print!("{}", tidy::lines(&run::root()));
            return Ok(());
        }
        _ => return Err(Failure::Usage("tidy knows `--lines`, and nothing else".into())),
    }
    let findings = tidy::everything(&run::root(), &run::metadata()?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => {
            eprintln!("    tidy: clean");
            Ok(())
        }
        count => Err(Failure::Failed(format!("{count} findings"))),
    }
}

/// Licences, sources and bans, by cargo-deny where it is installed and by `tidy` where it is not.
fn supply() -> Result<(), Failure> {
    if run::exists("cargo-deny") {
        return run::cargo(&["deny", "check", "bans", "licenses", "sources"]);
    }
    eprintln!(
        "    cargo-deny is not installed: licences, sources and bans were checked by tidy instead \
         (advisories were not; `cargo install --locked cargo-deny` adds them)"
    );
    Ok(())
}

/// The engine and the core by themselves: a feature another crate switches on cannot hide that they
/// reach for `std`.
fn alone() -> Result<(), Failure> {
    run::cargo(&["check", "--package", "sluice-engine", "--package", "sluice-core", "--locked"])
}

/// What is generated for the page: its types and its filter.
const GENERATED: (&str, &str) = ("sluice-app", "what_the_page_is_made");
/// Tests that compare with a file, each in its package: what is generated, sentences and tables about
/// decisions, the schema of each version.
const STORED: [(&str, &str); 4] = [
    GENERATED,
    ("sluice-core", "every_branch_is_told"),
    ("sluice-cli", "explain"),
    ("sluice-ledger", "every_version_is_what_it_was"),
];

/// Writes anew what is generated or recorded for tests; the person reads the difference.
pub fn accept() -> Result<(), Failure> {
    STORED.into_iter().try_for_each(|one| run::succeed(stored(one).env("INSTA_UPDATE", "always")))
}

fn stored((package, test): (&str, &str)) -> Command {
    let mut command = run::cargo_command();
    command.args(["test", "--quiet", "--locked", "--package", package, test]);
    command
}

/// The page's types, lints and format.
fn page() -> Result<(), Failure> {
    run::succeed(setup::npm(&run::root().join("ui")).args(["run", "check"]))
}
