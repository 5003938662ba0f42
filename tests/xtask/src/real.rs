//! `cargo xtask real`: the real tools from npm, each in a folder of its own under `target`, and the
//! stories that are played with them.

use crate::run::{self, Failure};
use crate::setup;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one place that says which versions are meant.
const VERSIONS: &str = "tests/real/versions.json";
/// Namespaces, loopback in them, and a terminal.
const PACKAGES: [&str; 4] = ["iproute2", "util-linux", "bsdutils", "mount"];

/// Installs what is missing, builds, plays.
pub fn everything(rest: &[String]) -> Result<(), Failure> {
    let latest = rest.iter().any(|word| word == "--latest");
    let rest = rest.iter().filter(|word| *word != "--latest").cloned();
    setup::packages(&PACKAGES)?;
    if !run::exists("npm") {
        return Err(Failure::Failed("npm is missing; the tools come from it".into()));
    }
    let mut words = Vec::new();
    for (package, version) in versions(latest)? {
        words.push("--tools".to_owned());
        words.push(installed(&package, &version)?.to_string_lossy().into_owned());
    }
    words.extend(rest);
    run::cargo(&["build", "--workspace", "--bin", "sluice", "--bin", "real"])?;
    run::built("real", &words)
}

/// Packages with the versions that are pinned, or with the newest there are.
fn versions(latest: bool) -> Result<Vec<(String, String)>, Failure> {
    let failed = |why: String| Failure::Failed(format!("{VERSIONS}: {why}"));
    let text = std::fs::read_to_string(run::root().join(VERSIONS));
    let text = text.map_err(|error| failed(error.to_string()))?;
    let pinned: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let newest = |package: &str| {
        let said = run::output(Command::new("npm").args(["view", package, "version"]))?;
        Ok(said.trim().to_owned())
    };
    let chosen = pinned.into_iter().map(|(package, version)| {
        let version = if latest { newest(&package)? } else { version };
        Ok((package, version))
    });
    chosen.collect()
}

/// The folder with the package's programs, installed unless it was before.
fn installed(package: &str, version: &str) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(error.to_string());
    let name = package.rsplit('/').next().unwrap_or(package);
    let folder = run::target_directory()?.join("real-tools").join(format!("{name}-{version}"));
    let programs = folder.join("node_modules/.bin");
    let whole = folder.join("whole");
    if !whole.is_file() {
        // Half of an installation is none.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        install(&folder, &format!("{package}@{version}"))?;
        std::fs::write(&whole, version).map_err(failed)?;
    }
    Ok(programs)
}

fn install(folder: &Path, what: &str) -> Result<(), Failure> {
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["install", "--no-audit", "--no-fund", "--prefix", ".", what]);
    run::succeed(&mut npm)
}
