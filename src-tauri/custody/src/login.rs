//! What a login is known by and what a seat holds. No secret in any of it, so it may leave this crate.

use crate::refused::{Barred, ForeignLogin, Unreadable};
use serde::{Deserialize, Serialize};
use sluice_engine::{Plan, Utc};
use std::path::PathBuf;

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

/// Salted SHA-256 of a credential, as 64 hex digits. The salt belongs to one data directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

/// Which rotation of an account's credential is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VintageRef {
    /// Grows by one with each rotation; also part of the keychain item's name.
    pub vintage: u64,
    /// What it holds.
    pub fingerprint: Fingerprint,
    /// When it was stored.
    pub stored_at: Utc,
}

/// A login found in a seat; no secret in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatLogin {
    /// The person and account it belongs to.
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
        /// What is wrong with it.
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
