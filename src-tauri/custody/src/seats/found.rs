//! What a credential file contains, in one shape for every tool.

use crate::login::{AccountKey, Fingerprint, Identity};
use crate::refused::{ForeignLogin, Unreadable};
use crate::secret::Secret;
use crate::vault::{SAME_LOGIN_US, Vintage};
use sluice_engine::{Plan, Provider, Utc};

/// A login found in a credential file, with its own copies of the bytes.
pub(crate) struct FoundLogin {
    /// The account-scoped part, as the vault keeps it.
    pub(crate) credential: Secret,
    /// The access token.
    pub(crate) access: Secret,
    pub(crate) fingerprint: Fingerprint,
    /// Salted hash of the refresh token alone; two files with the same one spend each other's.
    pub(crate) lineage: Option<Fingerprint>,
    pub(crate) access_expires_at: Option<Utc>,
    pub(crate) login_ends_at: Option<Utc>,
    pub(crate) refreshable: bool,
    pub(crate) plan: Plan,
    /// Whose, where the file itself says so.
    pub(crate) identity: Option<Identity>,
}

/// What a credential file says.
#[allow(
    clippy::large_enum_variant,
    reason = "short-lived, one at a time, most often the large one"
)]
pub(crate) enum Found {
    Login(FoundLogin),
    /// A known shape of a file without a login.
    Stub,
    /// Something that may be a login, and none that is kept here.
    Foreign(ForeignLogin),
    Unreadable(Unreadable),
}

impl FoundLogin {
    /// The vintage this login is, under the key of its owner.
    pub(crate) fn into_vintage(
        self,
        provider: Provider,
        key: AccountKey,
        identity: Option<Secret>,
    ) -> Vintage {
        Vintage {
            provider,
            key,
            credential: self.credential,
            identity,
            fingerprint: self.fingerprint,
            access_expires_at: self.access_expires_at,
            login_ends_at: self.login_ends_at,
            refreshable: self.refreshable,
        }
    }
}

/// What came of a successful answer of the token endpoint.
pub(crate) enum Merged {
    New(Box<Vintage>),
    /// It names another account: it must not take this one's place.
    OfAnother(Box<Vintage>),
    Unreadable,
}

/// Both say when the login ends, and it is the same end: refreshing does not move it.
pub(crate) fn same_login(live: &FoundLogin, kept: &Vintage) -> bool {
    match (live.login_ends_at, kept.login_ends_at) {
        (Some(a), Some(b)) => a.0.abs_diff(b.0) <= SAME_LOGIN_US,
        _ => false,
    }
}
