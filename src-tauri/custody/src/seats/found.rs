//! One way to read, build and refresh a credential, whatever the tool.

use super::foreign::ForeignLogin;
use super::{Identity, Unreadable, claude, codex};
use crate::seats::AccountKey;
use crate::secret::Secret;
use crate::vault::{Fingerprint, Salt, Vintage};
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

/// What came of a successful answer of the token endpoint.
pub(crate) enum Merged {
    New(Box<Vintage>),
    Unreadable,
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
