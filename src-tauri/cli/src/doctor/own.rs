//! Sluice's own side: the vault, the request budget, the database, the environment.

use super::{Finding, Names};
use crate::render::since;
use sluice_driver::checkup::{
    self, Checkup, Exposed, Health, Holding, Retention, SCHEMA_VERSION, VaultKey,
};
use sluice_driver::{Paths, whereabouts};
use sluice_protocol::{AccountView, Provider, View};
use sluice_providers::endpoints;

const MEGABYTE: f64 = 1_000_000.0;
/// A disk with less room than this may soon refuse a write, bytes.
const ROOM_LEAST: u64 = 100 * 1_000_000;

/// Where the logins are kept, and whether it answers.
pub(super) fn vault(paths: &Paths) -> Option<Finding> {
    let (chosen, health) = match checkup::vault(paths) {
        Ok(found) => found,
        Err(text) => {
            let remedy = "Nothing was changed; bring the key back, or see `sluice vault`.";
            return Some(Finding::error("vault", text, remedy));
        }
    };
    let place = match chosen {
        None => "the system's keychain",
        Some(VaultKey::Passphrase | VaultKey::File { .. }) => "the encrypted file vault",
    };
    let (text, remedy) = match health {
        Health::Ok => return Some(Finding::ok("vault", format!("Logins: {place} answers."))),
        Health::Locked => ("is locked", "Unlock it; Sluice carries on by itself."),
        Health::Absent => (
            "does not answer: there is none",
            "Start one (GNOME Keyring, KWallet, KeePassXC), or choose `sluice vault file` on a \
             machine without a desktop.",
        ),
        Health::Hanging => {
            ("did not answer within three seconds", "Unlock or restart it; Sluice only watches.")
        }
    };
    Some(Finding::error("vault", format!("Logins: {place} {text}."), remedy))
}

/// Whether the store gives back what its index names; said by [`vault`] where it does not answer.
pub(super) fn kept(paths: &Paths, view: &View, names: Names) -> Vec<Finding> {
    let Ok(kept) = checkup::kept(paths) else { return Vec::new() };
    let lost = |account: &&AccountView| {
        matches!(kept.get(&account.id), Some(Holding::Gone | Holding::Odd))
    };
    let lost: Vec<&AccountView> = view.accounts.iter().filter(lost).collect();
    if lost.is_empty() && !kept.is_empty() {
        let text = format!("Every kept login ({}) was read back from its store.", kept.len());
        return vec![Finding::ok("kept", text)];
    }
    let told = lost.into_iter().map(|account| {
        let name = names.of(account);
        let text = format!("{name}: the store of logins has none of it any more.");
        let remedy = if account.live {
            "It is live in its tool: `sluice add` stores it again."
        } else {
            "Sign in as it with the tool, then `sluice add`; its history stays."
        };
        Finding::error("kept", text, remedy)
    });
    told.collect()
}

/// Files and directories of the seats that others may look into.
pub(super) fn exposed() -> Vec<Finding> {
    let told = checkup::exposed().into_iter().map(|found| {
        let Exposed { path, is_directory, others, .. } = found;
        let path = path.display();
        let (text, remedy) = if is_directory {
            let text = format!("Other users may look into {path} (their rights: {others:02o}).");
            (text, format!("`chmod 700 {path}` makes it private."))
        } else {
            let text = format!("Other users may read the login in {path} (their rights: {others:02o}).");
            (text, format!("`chmod 600 {path}` makes it private; whoever read it can use it, so sign in anew if you share this machine."))
        };
        Finding::warning("exposed_seat", text, remedy)
    });
    told.collect()
}

/// What the hour's budget of each account still allows.
pub(super) fn budgets(paths: &Paths, view: &View, names: Names) -> Vec<Finding> {
    let Ok(left) = checkup::budgets(paths, sluice_protocol::Instant::from_millis(view.at_ms))
    else {
        return Vec::new();
    };
    let of = |account: &sluice_protocol::AccountView| {
        let left = *left.get(&account.id)?;
        let name = names.of(account);
        let text = format!("{name}: {left} requests for usage are left in this hour.");
        Some(if left > 0 {
            Finding::ok("budget", text)
        } else {
            Finding::warning("budget", text, "Numbers come from local signals until then.")
        })
    };
    view.accounts.iter().filter_map(of).collect()
}

/// What of the providers' answers was not as expected: by path, never by value.
pub(super) fn answers(paths: &Paths, now_ms: i64) -> Vec<Finding> {
    let Ok(known) = checkup::answers(paths) else { return Vec::new() };
    let now = sluice_protocol::Instant::from_millis(now_ms);
    known.into_iter().flat_map(|(provider, answers)| of_provider(provider, &answers, now)).collect()
}

fn of_provider(
    provider: Provider,
    answers: &checkup::Answers,
    now: sluice_protocol::Instant,
) -> Vec<Finding> {
    let family = provider.spec().family;
    let gone = answers.gone(now).into_iter().map(|(path, last)| {
        let text = format!(
            "{family}'s answers have no {path} any more; it was last there {}.",
            since(now.millis(), Some(last.millis()))
        );
        Finding::warning("answer_field_gone", text, REPORT)
    });
    let odd = answers.odd().iter().map(|seen| {
        let place = if seen.path.is_empty() { "a whole answer" } else { &seen.path };
        let text = format!(
            "{family}'s answers: {place}: {} ({} times, last {}).",
            odd_words(&seen.odd),
            seen.count,
            since(now.millis(), Some(seen.last.millis()))
        );
        match seen.odd.as_str() {
            "unknown_field" => Finding::ok("answer_field_new", text),
            checkup::UNKNOWN_WINDOW => Finding::warning("answer_window_new", text, REPORT),
            _ => Finding::warning("answer_odd", text, LEFT_OUT),
        }
    });
    let told: Vec<Finding> = gone.chain(odd).collect();
    if told.is_empty() {
        let text = format!("{family}'s answers are as expected.");
        return vec![Finding::ok("answers", text)];
    }
    told
}

const REPORT: &str =
    "`sluice export --shape` prints the form of the answers, without any value, for a report.";
const LEFT_OUT: &str = "It was left out; what else the answer says counts.";

/// What is odd, in words; a word of another version as it is.
fn odd_words(odd: &str) -> &str {
    match odd {
        "not_json" => "it is no JSON",
        "bad_text" => "it holds what no text can",
        "too_large" => "it is too large",
        "duplicate_key" => "it stands there twice",
        "unknown_field" => "it is new",
        checkup::UNKNOWN_WINDOW => "it is new and looks like a window, which is not used",
        "unknown_value" => "its value is not known",
        "wrong_type" => "it is of another kind than it was",
        "out_of_range" => "its number cannot be",
        "bad_time" => "its time cannot be",
        "contradiction" => "it contradicts another part",
        other => other,
    }
}

/// The database's size, soundness, version and age.
pub(super) fn database(paths: &Paths, now_ms: i64) -> Vec<Finding> {
    if !paths.database().exists() {
        return vec![Finding::ok(
            "database",
            "Nothing is kept yet; the first start makes a database.",
        )];
    }
    let mut findings = match checkup::database(paths) {
        Ok(found) => vec![soundness(paths, &found), extent(&found, now_ms)],
        Err(text) => vec![Finding::error(
            "database",
            format!("The database cannot be read: {text}."),
            "Start Sluice once: it repairs what it can and keeps a damaged file aside.",
        )],
    };
    findings.extend(room(paths));
    findings
}

fn soundness(paths: &Paths, found: &Checkup) -> Finding {
    match &found.damage {
        Some(damage) => Finding::error(
            "database",
            format!("The database {} is damaged: {damage}.", paths.database().display()),
            "Quit Sluice and start it again: the damaged file is kept aside, accounts and the \
             journal come back from their copy.",
        ),
        None if found.whole => {
            Finding::ok("database", format!("The database is sound (tables {SCHEMA_VERSION})."))
        }
        None => Finding::ok("database", "The database showed no damage in five seconds' look."),
    }
}

fn extent(found: &Checkup, now_ms: i64) -> Finding {
    let keep = Retention::default();
    let oldest = since(now_ms, found.oldest_decision.map(|at| at.millis()));
    let text = format!(
        "The database takes {:.1} MB ({:.1} MB in use); {} decisions, the oldest {oldest}. Kept: \
         decisions {} days, activity {} days, at most {:.0} MB.",
        found.bytes_on_disk as f64 / MEGABYTE,
        found.bytes_in_use as f64 / MEGABYTE,
        found.decisions,
        keep.decisions_days,
        keep.requests_days,
        keep.bytes_max as f64 / MEGABYTE,
    );
    if found.bytes_in_use > keep.bytes_max {
        let remedy = "Old rows go by themselves while Sluice runs.";
        return Finding::warning("database_size", text, remedy);
    }
    Finding::ok("database_size", text)
}

fn room(paths: &Paths) -> Option<Finding> {
    let found = rustix::fs::statvfs(paths.home()).ok()?;
    if found.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Some(Finding::error(
            "disk",
            format!("The disk of {} is read-only.", paths.home().display()),
            "Mount it for writing; until then nothing is swapped.",
        ));
    }
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    (free < ROOM_LEAST).then(|| {
        Finding::warning(
            "disk",
            format!("Only {:.0} MB are free for Sluice's data.", free as f64 / MEGABYTE),
            "Make room: a swap that cannot be written down is not begun.",
        )
    })
}

/// What of this process's own surroundings changes how tools or Sluice behave.
pub(super) fn surroundings() -> Vec<Finding> {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let here = std::env::current_dir().ok();
    let caveats = Provider::ALL
        .into_iter()
        .flat_map(|provider| whereabouts::caveats(provider, here.as_deref(), None));
    let shadows =
        caveats.map(|caveat| Finding::warning(caveat.code(), caveat.to_string(), caveat.helps()));
    let overrides = endpoints::VARIABLES.into_iter().chain(["SLUICE_DEMO_CLOCK"]);
    let overrides = overrides.filter(set).map(|name| {
        let text = format!("{name} is set: this is a test set-up, not the real providers.");
        Finding::warning("environment", text, "Unset it to watch your own accounts.")
    });
    shadows.chain(overrides).collect()
}
