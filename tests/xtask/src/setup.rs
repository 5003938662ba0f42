//! What a fresh Debian 12 with Rust and Node lacks, and only that. `cargo xtask check` installs
//! nothing: it only asks whether everything is there.

use crate::run::{self, Failure};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// What building and checking need.
const BUILD: [&str; 3] = ["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev"];
/// What running needs, and the desktop the tests click on.
const DESKTOP: [&str; 21] = [
    "libayatana-appindicator3-1",
    "xvfb",
    "openbox",
    "wmctrl",
    "xdotool",
    "imagemagick",
    "x11-utils",
    "x11-apps",
    "dbus",
    "dbus-bin",
    "libglib2.0-bin",
    "gnome-keyring",
    "libsecret-tools",
    "webkit2gtk-driver",
    "fonts-dejavu-core",
    "adwaita-icon-theme",
    "at-spi2-core",
    "xfce4-panel",
    "xfce4-notifyd",
    "strace",
    "python3-prometheus-client",
];

/// Everything that any other command but `real` needs, so that none of them has to install anything.
pub fn whole() -> Result<(), Failure> {
    components()?;
    everything()?;
    run::cargo(&["fetch", "--locked"])
}

/// What a build and the tests on a desktop need: packages, then the window's page.
pub fn everything() -> Result<(), Failure> {
    packages(&BUILD)?;
    packages(&DESKTOP)?;
    modules()?;
    page()
}

/// Nothing that a build and its checks need is missing. Installs nothing; the page is built.
pub fn there() -> Result<(), Failure> {
    none_missing(&BUILD)?;
    if !modules_are_there() {
        return Err(Failure::Failed(hint("the page's modules are missing or old")));
    }
    page()
}

fn none_missing(wanted: &[&str]) -> Result<(), Failure> {
    match missing(wanted)[..] {
        [] => Ok(()),
        ref missing => {
            Err(Failure::Failed(hint(&format!("missing packages: {}", missing.join(" ")))))
        }
    }
}

fn hint(trouble: &str) -> String {
    format!("{trouble}; `cargo xtask setup` installs what is missing")
}

/// The formatter and the linter of the toolchain in use.
fn components() -> Result<(), Failure> {
    let there = |command: &str| run::quietly(run::cargo_command().args([command, "--version"]));
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !there(command) {
            run::succeed(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// Installs those of `wanted` that are not there.
pub fn packages(wanted: &[&str]) -> Result<(), Failure> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("    missing packages: {}", missing.join(" "));
    run::succeed(as_root("apt-get")?.args(["-qq", "update"]))?;
    run::succeed(
        as_root("apt-get")?
            .args(["-qq", "install", "--yes", "--no-install-recommends"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Those of `wanted` that are not installed.
fn missing<'a>(wanted: &[&'a str]) -> Vec<&'a str> {
    if !run::exists("dpkg-query") {
        eprintln!("    no dpkg here: the packages {wanted:?} are assumed to be there");
        return Vec::new();
    }
    wanted.iter().copied().filter(|name| !installed(name)).collect()
}

fn installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", package])
        .output()
        .is_ok_and(|out| out.stdout == b"installed")
}

fn as_root(program: &str) -> Result<Command, Failure> {
    let id = run::output(Command::new("id").arg("-u"))?;
    if id.trim() == "0" {
        return Ok(Command::new(program));
    }
    if !run::exists("sudo") {
        let text = "packages are missing and there is neither root nor sudo to install them";
        return Err(Failure::Failed(text.into()));
    }
    let mut command = Command::new("sudo");
    command.arg("--preserve-env=DEBIAN_FRONTEND").arg(program);
    Ok(command)
}

/// The page's modules, where they are not those that the list names.
fn modules() -> Result<(), Failure> {
    if !modules_are_there() {
        let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run::succeed(npm(&run::root().join("ui")).args(words))?;
    }
    Ok(())
}

fn modules_are_there() -> bool {
    let ui = run::root().join("ui");
    let read = |name: &str| {
        let text = std::fs::read_to_string(ui.join(name)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    };
    agree(&read("package-lock.json"), &read("node_modules/.package-lock.json"))
}

/// Every package of the list is installed in its version; optional ones are for other systems.
fn agree(listed: &Value, installed: &Value) -> bool {
    let Some(packages) = listed["packages"].as_object() else { return false };
    packages.iter().filter(|(name, _)| !name.is_empty()).all(|(name, facts)| {
        let there = &installed["packages"][name.as_str()];
        there["version"] == facts["version"] || (there.is_null() && facts["optional"] == true)
    })
}

/// The built page, when it is older than what it is made of.
fn page() -> Result<(), Failure> {
    let ui = run::root().join("ui");
    let sources = ["src", "index.html", "package.json", "vite.config.ts", "package-lock.json"];
    let changed = sources.iter().map(|name| newest(&ui.join(name))).max().flatten();
    if changed > newest(&ui.join("dist/index.html")) {
        run::succeed(npm(&ui).args(["run", "build"]))?;
    }
    Ok(())
}

/// `npm` in the page's directory.
pub fn npm(ui: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(ui);
    command
}

/// The youngest file in or under `path`; `None` when there is none.
fn newest(path: &Path) -> Option<SystemTime> {
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_file() {
        return metadata.modified().ok();
    }
    let entries = std::fs::read_dir(path).ok()?;
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_package_is_named_and_not_installed() {
        let told = none_missing(&["dpkg", "sluice-no-such-package"]);
        let Err(Failure::Failed(text)) = told else { panic!("{told:?}") };
        assert_eq!(
            text,
            "missing packages: sluice-no-such-package; `cargo xtask setup` installs what is missing"
        );
        none_missing(&["dpkg"]).unwrap();
    }

    #[test]
    fn modules_are_compared_with_the_list_and_not_by_age() {
        let listed = json!({ "packages": {
            "": { "version": "0.1.0" },
            "node_modules/a": { "version": "1.0.0" },
            "node_modules/b": { "version": "2.0.0", "optional": true },
        }});
        let installed = |a: &str| json!({ "packages": { "node_modules/a": { "version": a } } });
        assert!(agree(&listed, &installed("1.0.0")));
        assert!(!agree(&listed, &installed("1.0.1")));
        assert!(!agree(&listed, &Value::Null));
        assert!(!agree(&Value::Null, &installed("1.0.0")));
    }
}
