//! Running other programs, from the root of the project, with what they print in plain sight.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Why a command ended badly.
#[derive(Debug)]
pub enum Failure {
    /// The words on the command line make no sense.
    Usage(String),
    /// Said once, at the end.
    Failed(String),
    /// A program that explained itself; its exit code is ours.
    Child(u8),
}

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap_or_else(|_| ".".into())
}

/// Cargo's own name for itself, so that a chosen toolchain stays chosen.
fn cargo_program() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Runs `cargo` with these words.
pub fn cargo(words: &[&str]) -> Result<(), Failure> {
    succeed(cargo_command().args(words))
}

/// A `cargo` that has yet to be told what to do.
pub fn cargo_command() -> Command {
    let mut command = Command::new(cargo_program());
    command.current_dir(root());
    command
}

/// Runs a program of the tests' crate, built as far as needed.
pub fn command(name: &str, rest: &[String], how: &[&str]) -> Result<(), Failure> {
    let mut command = cargo_command();
    command.args(["run", "--quiet", "--package", "sluice-tests"]).args(how);
    command.args(["--bin", name, "--"]).args(rest);
    explained(&mut command)
}

/// Becomes a program that `cargo build --workspace` has just built: a signal meant for it reaches it,
/// and its end is ours.
pub fn built(name: &str, rest: &[String]) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let program = target_directory()?.join("debug").join(name);
    let mut command = Command::new(program);
    let error = command.args(rest).current_dir(root()).exec();
    Err(Failure::Failed(format!("{}: {error}", line(&command))))
}

/// Where cargo builds.
pub fn target_directory() -> Result<PathBuf, Failure> {
    let metadata = metadata()?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| Failure::Failed("cargo metadata names no target directory".into()))
}

/// `cargo metadata` with every dependency.
pub fn metadata() -> Result<serde_json::Value, Failure> {
    let text = output(cargo_command().args(["metadata", "--format-version=1", "--locked"]))?;
    serde_json::from_str(&text).map_err(|error| Failure::Failed(format!("cargo metadata: {error}")))
}

/// Runs a program; anything but success is a failure that names it.
pub fn succeed(command: &mut Command) -> Result<(), Failure> {
    let status = status(command)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{} {status}", line(command))))
    }
}

/// Runs a program only to know whether it succeeds.
pub fn quietly(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs a program that explains its own failures.
fn explained(command: &mut Command) -> Result<(), Failure> {
    match status(command)?.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Child(u8::try_from(code).unwrap_or(1))),
        None => Err(Failure::Failed(format!("{} was killed", line(command)))),
    }
}

/// Runs a program and takes what it prints.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| Failure::Failed(format!("{}: {error}", line(command))))?;
    if !output.status.success() {
        return Err(Failure::Failed(format!("{} {}", line(command), output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A program of this name is on the path.
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    eprintln!("    $ {}", line(command));
    command.status().map_err(|error| Failure::Failed(format!("{}: {error}", line(command))))
}

fn line(command: &Command) -> String {
    let words = command.get_args().map(|word| word.to_string_lossy());
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(program.to_string_lossy()).chain(words).collect::<Vec<_>>().join(" ")
}
