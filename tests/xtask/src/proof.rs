//! `cargo xtask coverage` and `cargo xtask mutants`: how much of the engine its tests see.
//!
//! Both work on a small copy of the tree: the engine, those of its tests that need no simulator, and
//! the one file of the core that these need. What a mutant costs is its build, and here no other
//! crate is built again for it.

use crate::run::{self, Failure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Least share of the engine's lines that its tests run, percent.
const LINES_LEAST: &str = "98";
/// Decisions of the longest test: enough to notice, and it is run some thousand times.
const DECISIONS: &str = "300";
/// A mutant whose tests run longer than this hangs, seconds.
const PATIENCE_S: &str = "120";

const CORE: &str = "\
[package]
name = \"sluice-core\"
version.workspace = true
edition.workspace = true

[dependencies]
sluice-engine = { workspace = true }
chrono = { workspace = true }
chrono-tz = { workspace = true }
serde = { workspace = true }
";

const WORKSPACE: &str = "\
[workspace]
resolver = \"2\"
members = [\"src-tauri/engine\", \"src-tauri/core\"]
";

/// Building counts more than running here.
const PROFILES: &str = "
[profile.dev]
debug = false
opt-level = 1

[profile.dev.package.\"*\"]
opt-level = 2
";

/// Line coverage of the engine by its own tests; fails under 98 %.
pub fn coverage(rest: &[String]) -> Result<(), Failure> {
    tool("cargo-llvm-cov", &["llvm-cov", "--version"])?;
    run::succeed(Command::new("rustup").args(["component", "add", "llvm-tools"]))?;
    let tree = tree()?;
    // The horizon of what is measured is the engine; the calendar and the tests are only its means.
    let mut command = run::cargo_command();
    command.current_dir(&tree).env_remove("CARGO_TARGET_DIR");
    command.args(["llvm-cov", "--workspace", "--ignore-filename-regex", "core/|tests/"]);
    command.args(["--show-missing-lines", "--fail-under-lines", LINES_LEAST]).args(rest);
    run::succeed(&mut command)
}

/// Changes the engine in every small way there is and runs its tests on each; words are passed on
/// (`--shard 0/10`, `--file src-tauri/engine/src/tier.rs`, `--list`).
pub fn mutants(rest: &[String]) -> Result<(), Failure> {
    tool("cargo-mutants", &["mutants", "--version"])?;
    let tree = tree()?;
    let mut command = run::cargo_command();
    command.current_dir(&tree).env_remove("CARGO_TARGET_DIR");
    // The unchanged engine is run first and writes down how it lives; each mutant is held against it.
    let recorded = tree.join("recorded.txt");
    match fs::remove_file(&recorded) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::Failed(format!("{}: {error}", recorded.display())));
        }
        Ok(()) | Err(_) => {}
    }
    command.env("SLUICE_DECISIONS", DECISIONS).env("SLUICE_RECORDED", recorded);
    command.args(["mutants", "--in-place", "--package", "sluice-engine", "--test-workspace=true"]);
    command.args(["--timeout", PATIENCE_S, "--no-times", "--colors", "never"]).args(rest);
    run::succeed(&mut command)
}

fn tool(program: &str, probe: &[&str]) -> Result<(), Failure> {
    if run::output(run::cargo_command().args(probe)).is_ok() {
        return Ok(());
    }
    eprintln!("    {program} is not installed: it is built now, which takes some minutes");
    run::cargo(&["install", "--locked", program])
}

/// The small tree, made anew from the sources; what was built in it stays.
fn tree() -> Result<PathBuf, Failure> {
    let tree = run::target_directory()?.join("proof");
    lay(&run::root(), &tree)?;
    Ok(tree)
}

fn lay(root: &Path, tree: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", tree.display()));
    match fs::remove_dir_all(tree.join("src-tauri")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    for part in ["src", "tests/cases", "tests/vectors"] {
        let part = Path::new("src-tauri/engine").join(part);
        copy(&root.join(&part), &tree.join(&part)).map_err(failed)?;
    }
    let core = tree.join("src-tauri/core");
    let manifest = manifest(&fs::read_to_string(root.join("Cargo.toml")).map_err(failed)?)?;
    let write = |path: PathBuf, text: &str| -> std::io::Result<()> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)
    };
    write(tree.join("Cargo.toml"), &manifest).map_err(failed)?;
    write(core.join("Cargo.toml"), CORE).map_err(failed)?;
    write(
        core.join("src/lib.rs"),
        "#![no_std]\n#[macro_use]\nextern crate alloc;\npub mod calendar;\n",
    )
    .map_err(failed)?;
    let engine = "src-tauri/engine/Cargo.toml";
    let whole = fs::read_to_string(root.join(engine)).map_err(failed)?;
    // The forecasts' weeks are the simulator's: they stay behind, and it with them.
    let needed = whole.lines().filter(|line| !line.starts_with("sluice-lab"));
    write(tree.join(engine), &needed.map(|line| format!("{line}\n")).collect::<String>())
        .map_err(failed)?;
    for file in ["src-tauri/core/src/calendar.rs", "Cargo.lock"] {
        fs::copy(root.join(file), tree.join(file)).map_err(failed)?;
    }
    Ok(())
}

/// The workspace's manifest with two members and profiles of its own; versions and lints stay.
fn manifest(whole: &str) -> Result<String, Failure> {
    let from = whole.find("[workspace.package]");
    let to = whole.find("[profile.").unwrap_or(whole.len());
    let shared = from.and_then(|from| whole.get(from..to));
    let shared = shared.ok_or_else(|| Failure::Failed("Cargo.toml has another shape".into()))?;
    let lints = shared.find("[workspace.lints").unwrap_or(shared.len());
    // A mutant may well be warned about; only its tests decide.
    let lints_allowed = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
    Ok(format!("{WORKSPACE}\n{}{lints_allowed}{PROFILES}", &shared[..lints]))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_tree_keeps_versions_and_drops_profiles() {
        let whole = "[workspace]\nmembers = [\"a\"]\n\n[workspace.package]\nedition = \"2024\"\n\n\
                     [workspace.dependencies]\nlibm = \"0.2\"\n\n[workspace.lints.rust]\n\
                     missing_docs = \"warn\"\n\n[profile.dev]\ndebug = true\n";
        let small = manifest(whole).unwrap();
        assert!(small.starts_with(WORKSPACE) && small.ends_with(PROFILES));
        assert!(small.contains("edition = \"2024\"") && small.contains("libm = \"0.2\""));
        assert!(!small.contains("members = [\"a\"]") && !small.contains("missing_docs"));
        assert!(!small.contains("debug = true"));
        assert!(manifest("[package]\n").is_err());
    }

    #[test]
    fn the_small_tree_holds_all_that_its_members_name() {
        let tree = std::env::temp_dir().join(format!("sluice-proof-{}", std::process::id()));
        lay(&run::root(), &tree).unwrap();
        let mut command = run::cargo_command();
        command.current_dir(&tree).args(["metadata", "--format-version=1", "--offline"]);
        let told = command.output().unwrap();
        fs::remove_dir_all(&tree).unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told["workspace_members"].as_array().map(Vec::len), Some(2));
    }
}
