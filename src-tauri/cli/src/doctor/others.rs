//! Other programs of this user that also write the tools' logins.

use super::Finding;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Programs that swap logins, by the names they run under, and where each keeps its own.
const SWAPPERS: [(&str, &[&str], &[&str]); 7] = [
    (
        "claude-swap",
        &["cswap", "claude-swap"],
        &[".local/share/claude-swap", ".claude-swap-backup"],
    ),
    ("clauth", &["clauth"], &[".clauth"]),
    ("caam", &["caam"], &[".local/share/caam/vault"]),
    ("cux", &["cux"], &[".local/share/cux", ".cux"]),
    ("codex-auth", &["codex-auth"], &[".codex/accounts/registry.json"]),
    ("Codex Switcher", &["codex-switcher"], &[".codex-switcher"]),
    ("CC Switch", &["cc-switch"], &[".cc-switch"]),
];
/// Processes looked at; nobody has more.
const PROCESSES_MAX: usize = 65_536;
/// Bytes of a command line that are looked at.
const COMMAND_MAX: usize = 4_096;

/// Stores of other swappers: what they hold may be the same logins.
pub(super) fn stores() -> Vec<Finding> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else { return Vec::new() };
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let place = |relative: &str| match (&data, relative.strip_prefix(".local/share/")) {
        (Some(data), Some(rest)) => data.join(rest),
        _ => home.join(relative),
    };
    let mut findings = Vec::new();
    for (name, _, places) in SWAPPERS {
        for path in places.iter().map(|relative| place(relative)).filter(|path| path.exists()) {
            findings.push(Finding::warning(
                "other_store",
                format!(
                    "{name} keeps logins in {}. Of a login that both keep, whoever renews it first \
                     spends the other's token.",
                    path.display()
                ),
                format!("Use one of the two per account, or sign in anew in {name}."),
            ));
        }
    }
    findings
}

/// Other swappers at work now.
pub(super) fn programs() -> Vec<Finding> {
    let running = running();
    let mut findings = Vec::new();
    for (name, commands, _) in SWAPPERS {
        let at_work = running.iter().filter(|(_, command)| commands.contains(&command.as_str()));
        findings.extend(at_work.map(|(pid, _)| {
            Finding::warning(
                "other_program",
                format!("{name} is running (process {pid}) and may write the seats, too."),
                "End it, or set Sluice to `sluice mode advise` and let one of the two swap.",
            )
        }));
    }
    findings
}

/// Processes of this user with the name of what they run: the program, or the script that an
/// interpreter was given.
pub(super) fn running() -> BTreeMap<u32, String> {
    let own = rustix::process::geteuid().as_raw();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten().take(PROCESSES_MAX);
    let named = entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let owner = std::os::unix::fs::MetadataExt::uid(&entry.metadata().ok()?);
        (owner == own).then_some(())?;
        let line = read(&entry.path().join("cmdline"))?;
        Some((pid, command(&line)?))
    });
    named.collect()
}

fn read(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(COMMAND_MAX as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The last part of a command line's program; of an interpreter, of its script.
fn command(line: &[u8]) -> Option<String> {
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let last = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let program = last(&words.next()?);
    let interprets = ["python", "node", "bun", "ruby", "sh", "bash"];
    if !interprets.iter().any(|name| program.starts_with(name)) {
        return Some(program);
    }
    let script = words.find(|word| !word.starts_with('-')).map(|word| last(&word));
    Some(script.filter(|script| !script.is_empty()).unwrap_or(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_name_or_its_scripts() {
        let named = |line: &[u8]| command(line).unwrap();
        assert_eq!(named(b"/usr/local/bin/clauth\0daemon\0"), "clauth");
        assert_eq!(named(b"/usr/bin/python3.12\0-u\0/home/me/.local/bin/cswap\0auto\0"), "cswap");
        assert_eq!(named(b"claude\0"), "claude");
        assert_eq!(named(b"bash\0"), "bash");
        assert_eq!(named(b""), "");
    }
}
