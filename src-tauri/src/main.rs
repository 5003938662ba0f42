//! Sluice in the tray: arguments, one instance per data directory, start.
//!
//! The shell is the only crate that knows Tauri. It reaches the driver through [`sluice_driver::Link`]
//! and shows plain values; no secret passes through here.

mod app;
#[cfg(test)]
mod approved;
mod commands;
mod driver;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod generated;
mod icon;
mod instance;
#[cfg(target_os = "linux")]
mod issuer;
#[cfg(not(target_os = "linux"))]
#[path = "issuer_native.rs"]
mod issuer;
mod menu;
mod notify;
mod shell;
mod standing;
mod tray;
mod windows;
mod words;

use app::Opening;
use std::process::ExitCode;

const USAGE: &str = "\
sluice-app [--window | --background]

  --window      open the settings window at the start
  --background  start without a window, for the login items
  --version     print the version

Without an option the window opens at the very first start, and where no panel
shows tray icons. A second start opens the window of the first.
";

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Plain,
    Window,
    Background,
    Version,
    Usage,
    Unknown,
}

impl Start {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let start = match arguments.next().as_deref() {
            None => Self::Plain,
            Some("--background") => Self::Background,
            Some("--window") => Self::Window,
            Some("--version") => Self::Version,
            Some("--help" | "-h") => Self::Usage,
            Some(_) => Self::Unknown,
        };
        if arguments.next().is_some() { Self::Unknown } else { start }
    }
}

fn main() -> ExitCode {
    match Start::parse(std::env::args().skip(1)) {
        Start::Version => say(&format!("sluice-app {}\n", env!("CARGO_PKG_VERSION")), 0),
        Start::Usage => say(USAGE, 0),
        Start::Unknown => say(USAGE, 2),
        Start::Plain => run(Opening::WhereNeeded),
        Start::Window => run(Opening::AtOnce),
        Start::Background => run(Opening::OnDemand),
    }
}

#[allow(clippy::print_stdout, reason = "the answer to a question on the command line")]
fn say(text: &str, code: u8) -> ExitCode {
    print!("{text}");
    ExitCode::from(code)
}

fn run(opening: Opening) -> ExitCode {
    let paths = sluice_driver::Paths::from_env();
    // Before anything in it is opened, a log included; the start then ends with the reason.
    let ours = |paths: &&sluice_driver::Paths| sluice_driver::lock::check_home(paths).is_ok();
    let file = paths.as_ref().filter(ours).map(|paths| (paths, "tray"));
    let _log = sluice_driver::logs::begin("info,zbus=warn", file);
    match app::run(opening) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "Sluice cannot start");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Start;

    #[test]
    fn arguments() {
        let parse = |text: &str| Start::parse(text.split_whitespace().map(str::to_owned));
        assert_eq!(parse(""), Start::Plain);
        assert_eq!(parse("--background"), Start::Background);
        assert_eq!(parse("--window"), Start::Window);
        assert_eq!(parse("--version"), Start::Version);
        assert_eq!(parse("--help"), Start::Usage);
        assert_eq!(parse("--window --background"), Start::Unknown);
        assert_eq!(parse("https://example.com"), Start::Unknown);
    }
}
