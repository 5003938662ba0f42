//! Why a seat, or a file in it, is left alone, and what a person can do about it.

use serde::{Deserialize, Serialize};
use sluice_engine::Provider;
use std::path::PathBuf;

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

/// A way of signing in that is no subscription's login: never read as empty, never replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ForeignLogin {
    /// An API key, paid by use.
    #[error("holds an API key, which is no subscription's login")]
    ApiKey,
    /// A token that a person has made and pasted (a personal access token, an agent's identity).
    #[error("holds an access token that was made by hand, which is no subscription's login")]
    AccessToken,
    /// Tokens that another program hands to the tool and renews itself.
    #[error("holds tokens that another program hands to the tool and renews itself")]
    HandedOver,
    /// A token without the means to renew it (`claude setup-token`).
    #[error(
        "holds a token that cannot be renewed and does not say whose it is (as `claude setup-token` \
         makes them)"
    )]
    SetupToken,
    /// Something filled that is not known.
    #[error("holds something that Sluice does not know; it may be a login")]
    Unknown,
}

impl ForeignLogin {
    /// What a person can do to have this seat managed.
    #[must_use]
    pub fn helps(self, provider: Provider) -> String {
        let sign_in = provider.spec().sign_in_command();
        match (self, provider.spec().sign_out_command()) {
            (Self::Unknown, Some(sign_out)) => format!(
                "If you do not need it, run `{sign_out}`, then sign in with `{sign_in}` and add that \
                 login."
            ),
            (Self::Unknown, None) => format!(
                "If you do not need it, move the file away, then sign in with `{sign_in}` and add \
                 that login."
            ),
            (_, Some(_)) => format!(
                "To use a subscription here, sign in with `{sign_in}`, then add that login."
            ),
            (_, None) => format!(
                "To use a subscription here, keep a copy of what you need, sign in with \
                 `{sign_in}`, then add that login."
            ),
        }
    }
}

/// Why a login in the tool's file is not what the tool uses. Such a seat is only watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "barred", rename_all = "snake_case")]
pub enum Barred {
    /// The tool keeps its login in the system's keyring, or wherever it finds room for it.
    #[error(
        "the tool keeps its login in the system's keyring and not in its file \
         (cli_auth_credentials_store in {})",
        config.display()
    )]
    Keyring {
        /// The configuration that says so.
        config: PathBuf,
    },
    /// The tool keeps its login in memory only.
    #[error(
        "the tool keeps its login in memory only (cli_auth_credentials_store in {})",
        config.display()
    )]
    Memory {
        /// The configuration that says so.
        config: PathBuf,
    },
    /// The tool takes API keys only, and would sign out whatever else it finds.
    #[error(
        "the tool is told to take API keys only (forced_login_method in {}) and would delete any \
         other login",
        config.display()
    )]
    KeysOnly {
        /// The configuration that says so.
        config: PathBuf,
    },
    /// The configuration cannot be read, so nobody knows.
    #[error("{} is not understood, so it cannot be told where the tool keeps its login", config.display())]
    Unknown {
        /// The configuration.
        config: PathBuf,
    },
}

impl Barred {
    /// What a person can do to have this seat managed.
    #[must_use]
    pub const fn helps(&self) -> &'static str {
        match self {
            Self::Keyring { .. } | Self::Memory { .. } => {
                "Sluice only watches; to let it swap, set cli_auth_credentials_store = \"file\" \
                 there and sign in with `codex login` again."
            }
            Self::KeysOnly { .. } => "To use a subscription here, take that line out.",
            Self::Unknown { .. } => "Mend that file; Sluice only watches until then.",
        }
    }
}
