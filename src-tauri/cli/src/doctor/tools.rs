//! The official tools: their locks, our hooks in their settings, their versions.

use super::{Finding, others};
use crate::hooks::{self, Standing};
use sluice_driver::{Paths, checkup};
use sluice_protocol::{Provider, View};
use std::time::Duration;

/// The longest a tool may take to name its version.
const VERSION_DEADLINE: Duration = Duration::from_secs(3);
/// Of what a tool prints as its version, so much is shown, characters.
const VERSION_MAX: usize = 60;

/// Who may hold a lock.
fn at_work(pids: &[String]) -> String {
    match pids {
        [] => "no Claude Code of yours is running".to_owned(),
        [one] => format!("Claude Code is running as process {one}"),
        several => format!("Claude Code is running as processes {}", several.join(", ")),
    }
}

/// Locks of the tools that are taken.
pub(super) fn locks() -> Vec<Finding> {
    let taken = checkup::locks();
    if taken.is_empty() {
        return vec![Finding::ok("locks", "None of Claude Code's locks is taken.")];
    }
    let tools = others::running().into_iter().filter(|(_, command)| command == "claude");
    let pids: Vec<String> = tools.map(|(pid, _)| pid.to_string()).collect();
    let who = at_work(&pids);
    let finding = |lock: checkup::TakenLock| {
        let (path, age) = (lock.path.display(), lock.age.as_secs());
        if lock.stale {
            Finding::warning(
                "stale_lock",
                format!("{path} was renewed last {age} s ago: left behind by a crash; {who}."),
                "The next swap takes it over by itself. If it comes back, end Claude Code and \
                 remove the directory.",
            )
        } else {
            Finding::ok("lock", format!("{path} is held now, renewed {age} s ago; {who}."))
        }
    };
    taken.into_iter().map(finding).collect()
}

/// Whom the tools' configurations name, beside whose login is in the seat.
pub(super) fn names(paths: &Paths) -> Vec<Finding> {
    let misnamed = match checkup::misnamed(paths) {
        Ok(misnamed) => misnamed,
        Err(text) => {
            tracing::debug!(%text, "whom the tools' configurations name could not be seen");
            return Vec::new();
        }
    };
    let finding = |provider: Provider| {
        Finding::warning(
            "misnamed",
            format!(
                "{}: the tool's configuration names another account than its login belongs to, so \
                 the tool shows that one.",
                provider.name()
            ),
            "Sluice puts it right within half a minute while the tray or `sluice daemon` runs; a \
             swap does, too.",
        )
    };
    misnamed.into_iter().map(finding).collect()
}

/// Our hooks in Claude Code's settings.
pub(super) fn hooks() -> Option<Finding> {
    let standing = match hooks::standing() {
        Ok(standing) => standing,
        Err(text) => {
            let remedy = "Mend the file; Sluice leaves what it does not understand as it is.";
            return Some(Finding::warning("hooks", text, remedy));
        }
    };
    Some(match (&standing, standing.trouble()) {
        (Standing::Absent, _) => Finding::ok(
            "hooks",
            "Sluice's hooks are not installed; turns and refusals are seen later without them \
             (`sluice hooks install`).",
        ),
        (_, None) => Finding::ok("hooks", "Sluice's hooks are installed, current, and answer."),
        (Standing::SwitchedOff(_), Some(trouble)) => Finding::warning(
            "hooks",
            trouble,
            "Turns and refusals are seen later without them, until that is taken back.",
        ),
        (_, Some(trouble)) => {
            Finding::warning("hooks", trouble, "`sluice hooks install` puts them right.")
        }
    })
}

/// Versions of the tools, each asked with a deadline.
pub(super) async fn versions(view: &View) -> Vec<Finding> {
    let asked = Provider::ALL.map(|provider| tokio::spawn(version(provider.spec().program)));
    let told = |provider: Provider, version: Version| {
        let name = provider.spec().tool;
        let wanted = view.accounts.iter().any(|account| account.provider == provider);
        match version {
            Version::Is(text) => Finding::ok("version", format!("{name}: {text}.")),
            Version::Missing if wanted => Finding::warning(
                "version",
                format!("{name} is not on the PATH, though accounts of it are kept."),
                "Install it, or start Sluice where it is found.",
            ),
            Version::Missing => Finding::ok("version", format!("{name} is not on the PATH.")),
            Version::Failed(why) => Finding::warning(
                "version",
                format!("{name} did not name its version: {why}."),
                "Run it by hand; a broken tool cannot renew its login.",
            ),
        }
    };
    let mut found = Vec::new();
    for (provider, asked) in Provider::ALL.into_iter().zip(asked) {
        let version = asked.await.unwrap_or_else(|error| Version::Failed(error.to_string()));
        found.push(told(provider, version));
    }
    found
}

enum Version {
    Is(String),
    Missing,
    Failed(String),
}

async fn version(program: &'static str) -> Version {
    let mut command = tokio::process::Command::new(program);
    command.arg("--version").stdin(std::process::Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(VERSION_DEADLINE, command.output()).await {
        Err(_) => Version::Failed(format!("no answer in {} s", VERSION_DEADLINE.as_secs())),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Version::Missing,
        Ok(Err(error)) => Version::Failed(error.to_string()),
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let line = text.lines().next().unwrap_or_default().trim();
            let line: String =
                line.chars().filter(|char| !char.is_control()).take(VERSION_MAX).collect();
            if output.status.success() && !line.is_empty() {
                Version::Is(line)
            } else {
                Version::Failed(format!("it ended with {}", output.status))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::at_work;

    #[test]
    fn who_may_hold_a_lock_is_named() {
        let named =
            |pids: &[&str]| at_work(&pids.iter().map(|pid| (*pid).to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&[]), "no Claude Code of yours is running");
        assert_eq!(named(&["7"]), "Claude Code is running as process 7");
        assert_eq!(named(&["7", "9"]), "Claude Code is running as processes 7, 9");
    }
}
