//! Refreshing parked accounts: one at a time under a bounded lock, sealed before anything else.

use crate::secret::Secret;
use crate::vault::VintageRef;
use sluice_engine::{AccountId, Utc};
use zeroize::Zeroizing;

/// The right to refresh one parked account. Dropping it gives the right back.
pub struct RefreshTicket {
    pub(crate) account: AccountId,
    pub(crate) request: Secret,
}

impl RefreshTicket {
    /// Whose login is refreshed.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The request body for the provider's token endpoint (JSON). Hand it on, keep no copy.
    #[must_use]
    pub fn body(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.request.expose().to_vec())
    }
}

/// How a refresh ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The new pair is in the vault.
    Rotated {
        /// Where.
        vintage: VintageRef,
        /// When the new access token ends.
        access_expires_at: Option<Utc>,
    },
    /// The new pair is held in memory because the keychain failed; storing it is tried again with
    /// every further call. Tell the person.
    Unsealed {
        /// The keychain's answer.
        code: &'static str,
    },
    /// The provider refused the login for good: a person must sign in again.
    NeedsSignIn,
    /// The provider refused our request as such (`invalid_client`, malformed); the login is fine.
    OurFault {
        /// Stable code.
        code: &'static str,
    },
    /// An edge filter answered instead of the provider; the login is fine.
    EdgeBlocked,
    /// 429: the login is fine, ask much later.
    Throttled,
    /// 5xx: the token may have been consumed; the next attempt tells.
    ServerError,
    /// A success that could not be read: the token was probably consumed.
    ReplyLost,
}
