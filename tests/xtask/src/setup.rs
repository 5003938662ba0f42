//! What a fresh Debian 12 with Rust and Node lacks, and only that.

use crate::run::{self, Failure};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// Build, run, and the desktop the tests click on.
const PACKAGES: [&str; 24] = [
    "build-essential",
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
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

/// Packages, then the window's page.
pub fn everything() -> Result<(), Failure> {
    packages(&PACKAGES)?;
    page()
}

/// Installs those of `wanted` that are not there.
pub fn packages(wanted: &[&str]) -> Result<(), Failure> {
    if !run::exists("dpkg-query") {
        eprintln!("    no dpkg here: the packages {wanted:?} are assumed to be there");
        return Ok(());
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(name)).collect();
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

/// The page's packages and the page, each only when older than what it is made of.
pub fn page() -> Result<(), Failure> {
    let ui = run::root().join("ui");
    if !ui.join("package.json").is_file() {
        return Err(Failure::Failed("ui/package.json is missing".into()));
    }
    if newest(&ui.join("package-lock.json")) > newest(&ui.join("node_modules/.package-lock.json")) {
        run::succeed(npm(&ui).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    }
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
