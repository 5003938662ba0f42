//! Where each tool keeps its login, and how its files are read and written.

pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod foreign;
pub(crate) mod found;
pub(crate) mod look;

use crate::secret::Secret;
use crate::vault::{Salt, Vintage};
use found::{Found, Merged};
use sluice_engine::{Provider, Utc};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Claude Code's global configuration where an early version has left it: as long as it is there it
/// is the one that is used.
const LEGACY_CONFIG: &str = ".config.json";

/// Claude Code's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaudeSeat {
    /// The directory of `.credentials.json` and of the refresh locks (`~/.claude`).
    pub dir: PathBuf,
    /// The global configuration that names the account (`~/.claude.json`).
    pub config: PathBuf,
}

/// Codex's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodexSeat {
    /// `$CODEX_HOME` (`~/.codex`), the directory of `auth.json`.
    pub home: PathBuf,
}

/// The default seats of this machine's user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    /// Claude Code.
    pub claude: Option<ClaudeSeat>,
    /// Codex's seat; `None` where no home is known.
    pub codex: Option<CodexSeat>,
}

/// The folder that a tool keeps its settings in: as its own variable says, else the usual one below
/// `home`. The one answer for everybody who asks; a variable that is set but empty counts as unset.
#[must_use]
pub fn tool_home(
    provider: Provider,
    home: &Path,
    var: impl Fn(&str) -> Option<OsString>,
) -> PathBuf {
    let (name, usual) = match provider {
        Provider::Claude => ("CLAUDE_CONFIG_DIR", ".claude"),
        Provider::Codex => ("CODEX_HOME", ".codex"),
    };
    filled(var(name)).unwrap_or_else(|| home.join(usual))
}

fn filled(value: Option<OsString>) -> Option<PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from)
}

impl Seats {
    /// The seats as the tools themselves find them from the environment.
    ///
    /// `var` reads an environment variable; empty counts as unset, as the tools have it. But
    /// `CLAUDE_SECURESTORAGE_CONFIG_DIR` set and empty means the usual store.
    #[must_use]
    pub fn from_env(home: &Path, var: impl Fn(&str) -> Option<OsString>) -> Self {
        let claude_home = tool_home(Provider::Claude, home, &var);
        let dir = match var("CLAUDE_SECURESTORAGE_CONFIG_DIR") {
            Some(empty) if empty.is_empty() => home.join(".claude"),
            named => filled(named).unwrap_or_else(|| claude_home.clone()),
        };
        let legacy = claude_home.join(LEGACY_CONFIG);
        let config = match filled(var("CLAUDE_CONFIG_DIR")) {
            _ if legacy.is_file() => legacy,
            Some(named) => named.join(claude::CONFIG),
            None => home.join(claude::CONFIG),
        };
        Self {
            claude: Some(ClaudeSeat { dir, config }),
            codex: Some(CodexSeat { home: tool_home(Provider::Codex, home, &var) }),
        }
    }

    /// The file that holds the provider's login.
    #[must_use]
    pub fn credential_path(&self, provider: Provider) -> Option<PathBuf> {
        match provider {
            Provider::Claude => self.claude.as_ref().map(|seat| seat.dir.join(claude::FILE)),
            Provider::Codex => self.codex.as_ref().map(|seat| seat.home.join(codex::FILE)),
        }
    }
}

/// Reads a credential file's bytes; total.
pub(crate) fn examine(provider: Provider, bytes: &Secret, salt: &Salt) -> Found {
    match provider {
        Provider::Claude => claude::examine(bytes, salt),
        Provider::Codex => codex::examine(bytes, salt),
    }
}

/// The bytes that make `vintage` live over what lies in the seat now.
pub(crate) fn compose(
    provider: Provider,
    live: Option<&Secret>,
    vintage: &Vintage,
) -> Option<Secret> {
    match provider {
        Provider::Claude => claude::compose(live, vintage),
        Provider::Codex => Some(Secret::new(vintage.credential.expose().to_vec())),
    }
}

/// The body of the refresh request; `None` when the credential has no means for it.
pub(crate) fn refresh_request(vintage: &Vintage) -> Option<Secret> {
    match vintage.provider {
        Provider::Claude => claude::refresh_request(vintage),
        Provider::Codex => codex::refresh_request(vintage),
    }
}

/// The credential after a refresh: what the answer names is new, everything else is kept.
pub(crate) fn merge_reply(kept: &Vintage, body: &Secret, now: Utc, salt: &Salt) -> Merged {
    let merged = match kept.provider {
        Provider::Claude => claude::merge_reply(kept, body, now),
        Provider::Codex => codex::merge_reply(kept, body, now),
    };
    let Some(credential) = merged else { return Merged::Unreadable };
    match examine(kept.provider, &credential, salt) {
        Found::Login(login) => {
            let block = kept.identity.as_ref().map(|raw| Secret::new(raw.expose().to_vec()));
            Merged::New(Box::new(login.into_vintage(kept.provider, kept.key.clone(), block)))
        }
        Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => Merged::Unreadable,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::Seats;
    use std::path::Path;

    fn claude(home: &Path, vars: &[(&str, &str)]) -> (String, String) {
        let found = Seats::from_env(home, |name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        });
        let seat = found.claude.unwrap();
        let below = |path: &Path| path.strip_prefix(home).unwrap_or(path).display().to_string();
        (below(&seat.dir), below(&seat.config))
    }

    #[test]
    fn set_but_empty_is_as_unset_and_an_own_store_is_one_directory() {
        let home = tempfile::tempdir().unwrap();
        let usual = (".claude".to_owned(), ".claude.json".to_owned());
        assert_eq!(claude(home.path(), &[]), usual);
        assert_eq!(claude(home.path(), &[("CLAUDE_CONFIG_DIR", "")]), usual);
        let own = claude(home.path(), &[("CLAUDE_CONFIG_DIR", "/x")]);
        assert_eq!(own, ("/x".to_owned(), "/x/.claude.json".to_owned()));
        let store = "CLAUDE_SECURESTORAGE_CONFIG_DIR";
        let apart = claude(home.path(), &[("CLAUDE_CONFIG_DIR", "/x"), (store, "/y")]);
        assert_eq!(apart, ("/y".to_owned(), "/x/.claude.json".to_owned()));
        let usual_store = claude(home.path(), &[("CLAUDE_CONFIG_DIR", "/x"), (store, "")]);
        assert_eq!(usual_store, (".claude".to_owned(), "/x/.claude.json".to_owned()));
        for set in [None, Some("")] {
            let found = Seats::from_env(home.path(), |name| {
                set.filter(|_| name == "CODEX_HOME").map(Into::into)
            });
            assert_eq!(found.codex.unwrap().home, home.path().join(".codex"));
        }
    }

    #[test]
    fn a_configuration_left_by_an_early_version_is_the_one_used() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".claude")).unwrap();
        std::fs::write(home.path().join(".claude/.config.json"), "{}").unwrap();
        assert_eq!(claude(home.path(), &[]).1, ".claude/.config.json");
    }
}
