//! Where each tool keeps its login, and how its files are read and written.

pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod foreign;
pub(crate) mod found;
pub(crate) mod look;

use crate::vault::Fingerprint;
use crate::whereabouts::Barred;
use foreign::ForeignLogin;
use serde::{Deserialize, Serialize};
use sluice_engine::{Plan, Provider, Utc};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Claude Code's global configuration where an early version has left it: as long as it is there it
/// is the one that is used.
const LEGACY_CONFIG: &str = ".config.json";

/// Whom the provider knows an account as. Claude: account uuid, `/`, organisation uuid. Codex:
/// account (workspace), `/`, person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountKey(pub String);

/// Who is signed in, as the tool's configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The key accounts are told apart by.
    pub key: AccountKey,
    /// Mail address; for the accounts page only.
    pub email: Option<String>,
    /// Organisation's name.
    pub organization: Option<String>,
}

/// A login found in a seat; no secret in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatLogin {
    /// Whose.
    pub identity: Identity,
    /// Salted hash of the credential.
    pub fingerprint: Fingerprint,
    /// When the access token ends.
    pub access_expires_at: Option<Utc>,
    /// When the login itself ends, however often it is refreshed.
    pub login_ends_at: Option<Utc>,
    /// What was bought.
    pub plan: Plan,
    /// The tool's configuration names another account.
    pub misnamed: bool,
}

/// Why a file was not understood. None of these is ever overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// Zero bytes: a writer is at work, or the file was cut.
    #[error("is empty")]
    Empty,
    /// Ends in the middle of its JSON.
    #[error("ends in the middle")]
    Torn,
    /// More than is read of a file of its kind.
    #[error(
        "holds {:.1} MB, more than the {:.0} MB that are read of such a file",
        megabytes(*bytes),
        megabytes(*bytes_max)
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// What is read at most.
        bytes_max: u64,
    },
    /// Not UTF-8 text.
    #[error("is not text")]
    NotText,
    /// Text, but not the JSON that belongs there.
    #[error("is not the JSON that belongs there")]
    NotJson,
    /// Begins with a byte-order mark, which the tools do not read.
    #[error("begins with a byte-order mark, which the tool does not read")]
    ByteOrderMark,
    /// One of the two tokens of a login, the other emptied or missing.
    #[error("holds only a part of a login")]
    HalfLogin,
    /// A directory, pipe, device or socket.
    #[error("is not a regular file")]
    NotRegular,
    /// A link that leads nowhere or in circles.
    #[error("is a link that leads nowhere")]
    DanglingLink,
    /// Owned by another user.
    #[error("belongs to another user")]
    ForeignOwner,
    /// Anybody may write it, or its directory.
    #[error("may be written by everybody")]
    WorldWritable,
    /// Not permitted to read it.
    #[error("may not be read")]
    NoPermission,
    /// The owner took the right to write it away.
    #[error("is read-only")]
    ReadOnly,
    /// Some other error of the file system.
    #[error("could not be read")]
    Io,
    /// The configuration beside it does not say whose login it is.
    #[error("holds a login, but the tool's configuration does not say whose")]
    NoIdentity,
    /// The login names a workspace that several people may share, and not the person.
    #[error("holds a login that names a workspace, but not which of its members")]
    NoPerson,
}

impl Unreadable {
    /// What a person can do about it.
    #[must_use]
    pub const fn helps(self) -> &'static str {
        match self {
            Self::Empty | Self::Torn | Self::HalfLogin => {
                "The tool may be writing it at this moment; if it stays so, sign in with the tool \
                 again."
            }
            Self::ByteOrderMark => {
                "Save the file as UTF-8 without that mark, or sign in with the tool again."
            }
            Self::TooLarge { .. } => {
                "See what has filled it (Claude Code keeps what was typed under `projects`) and shorten \
                 it while the tool is closed; the tool itself may become slow with it, too."
            }
            Self::NotText | Self::NotJson => {
                "Restore it from a backup, or move it away and sign in with the tool again."
            }
            Self::NotRegular | Self::DanglingLink => {
                "Put a plain file, or a link to one, in its place, or sign in with the tool again."
            }
            Self::ForeignOwner => "Make it, and the folder it lies in, yours (`chown`).",
            Self::WorldWritable => {
                "Take that right away: `chmod 700` for the folder, `chmod 600` for the file."
            }
            Self::NoPermission => "Give yourself the right to read it (`chmod u+r`).",
            Self::ReadOnly => "Give yourself the right to write it (`chmod u+w`).",
            Self::Io => "Look at the disk; it is tried again by itself.",
            Self::NoIdentity => {
                "Start the tool once, so that it writes down who is signed in; a login that was \
                 copied here needs that file (`.claude.json`), too."
            }
            Self::NoPerson => {
                "Sign in with a current version of the tool: two members of one workspace are two \
                 accounts, and they must not be taken for each other."
            }
        }
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What a seat holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "seat", rename_all = "snake_case")]
pub enum SeatState {
    /// No file.
    Absent,
    /// A file that is left alone, and why.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: Unreadable,
    },
    /// Signed out: an empty shape that is known.
    Stub,
    /// A login of a kind that Sluice does not keep.
    Foreign {
        /// In which file.
        path: PathBuf,
        /// Of which kind.
        what: ForeignLogin,
    },
    /// The tool's configuration says that it does not use a login in this file.
    Barred(Barred),
    /// A login.
    Login(SeatLogin),
}

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
    /// Codex.
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
