//! Where each tool keeps its login, and how its files are read and written.

pub(crate) mod claude;
pub(crate) mod codex;
pub(crate) mod found;
pub(crate) mod look;

use crate::vault::Fingerprint;
use serde::{Deserialize, Serialize};
use sluice_engine::{Plan, Provider, Utc};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Whom the provider knows an account as. Claude: account uuid, `/`, organisation uuid.
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
        /// Why.
        why: Unreadable,
    },
    /// A file without a usable login: signed out.
    Stub,
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

impl Seats {
    /// The seats as the tools themselves find them from the environment.
    ///
    /// `var` reads an environment variable; empty counts as unset, as the tools have it.
    #[must_use]
    pub fn from_env(home: &Path, var: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name| var(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let claude_dir = path("CLAUDE_CONFIG_DIR");
        let claude_home = claude_dir.clone().unwrap_or_else(|| home.join(".claude"));
        let secure = path("CLAUDE_SECURESTORAGE_CONFIG_DIR");
        let config = claude_dir.unwrap_or_else(|| home.to_path_buf()).join(".claude.json");
        Self {
            claude: Some(ClaudeSeat { dir: secure.unwrap_or(claude_home), config }),
            codex: Some(CodexSeat {
                home: path("CODEX_HOME").unwrap_or_else(|| home.join(".codex")),
            }),
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
