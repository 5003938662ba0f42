//! Refreshes parked logins: one at a time under a bounded lock. The answer is stored before anything else,
//! because the old token is spent.

use crate::Custody;
use crate::error::CustodyError;
use crate::lease::KernelLock;
use crate::login::{SeatState, VintageRef};
use crate::seats::found::Merged;
use crate::seats::{merge_reply, tool};
use crate::secret::Secret;
use crate::vault::Vintage;
use crate::{clock, live};
use serde::Deserialize;
use serde_json::value::RawValue;
use sluice_engine::renew::{RenewalFailure, renewal_rest_s};
use sluice_engine::{AccountId, Utc};
use std::sync::PoisonError;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest wait for an account that is being refreshed or swapped by somebody else.
pub(crate) const ACCOUNT_PATIENCE: Duration = Duration::from_secs(60);
/// Tries to store a new pair before it is held in memory.
const SEAL_TRIES: u32 = 3;

/// The right to refresh one parked account. Dropping it gives the right back.
pub struct RefreshTicket {
    account: AccountId,
    request: Secret,
    /// What the request was made of; the keychain may be locked when the answer arrives.
    kept: Vintage,
    _lock: KernelLock,
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
        /// The vintage that holds the new pair.
        vintage: VintageRef,
        /// When the new access token ends.
        access_expires_at: Option<Utc>,
    },
    /// The new pair is held in memory because the keychain failed; storing it is tried again with
    /// every further call. Tell the person.
    Unsealed {
        /// Stable code of the failure.
        code: &'static str,
    },
    /// The new pair is in the vault, and its access token cannot be sent: it is kept, because the old
    /// one is spent, and never placed.
    Unsendable {
        /// The vintage that holds the new pair.
        vintage: VintageRef,
    },
    /// The answer is for another account or organisation. It is kept apart, under no account; the login
    /// that was kept stays as it was, and is not presented again.
    IdentityConflict,
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

impl RefreshOutcome {
    /// Seconds to wait before the account is tried again.
    #[must_use]
    pub const fn cooldown_s(&self) -> u64 {
        renewal_rest_s(match self {
            Self::Rotated { .. } => return 0,
            Self::NeedsSignIn => RenewalFailure::InvalidGrant,
            Self::Throttled => RenewalFailure::Throttled,
            Self::ServerError => RenewalFailure::Server,
            Self::ReplyLost => RenewalFailure::ReplyLost,
            Self::Unsealed { .. }
            | Self::Unsendable { .. }
            | Self::IdentityConflict
            | Self::OurFault { .. }
            | Self::EdgeBlocked => RenewalFailure::Other,
        })
    }
}

impl Custody {
    pub(crate) fn begin(
        &self,
        account: AccountId,
        patience: Duration,
    ) -> Result<RefreshTicket, CustodyError> {
        self.flush_unsealed()?;
        let lock = self.account_lock(account, patience)?;
        // Read after the lock: whoever held it before may have been faster.
        let (current, vintage) = self.vault.load(account)?;
        self.check_parked(account, &vintage)?;
        if self.lineages.is_refused(account, &current.fingerprint) {
            return Err(CustodyError::KeptUnusable("the provider has refused it"));
        }
        if vintage.login_ends_at.is_some_and(|ends| ends <= clock::login_now()) {
            return Err(CustodyError::KeptUnusable("the login has reached its end"));
        }
        let request = tool(vintage.provider)
            .refresh_request(&vintage)
            .ok_or(CustodyError::KeptUnusable("it cannot be refreshed"))?;
        Ok(RefreshTicket { account, request, kept: vintage, _lock: lock })
    }

    /// A credential that a tool may be holding is never refreshed: fails closed on every doubt.
    fn check_parked(&self, account: AccountId, vintage: &Vintage) -> Result<(), CustodyError> {
        match self.inspect_seat(vintage.provider) {
            // A key or a token of another kind: none of the logins that are kept is in use there.
            SeatState::Absent | SeatState::Stub | SeatState::Foreign { .. } => Ok(()),
            SeatState::Barred(why) => Err(CustodyError::Barred { why }),
            SeatState::Login(login) => {
                let is_live = login.identity.key == vintage.key
                    || self.vault.holds(account, &login.fingerprint)?;
                if is_live { Err(CustodyError::InUse(account)) } else { Ok(()) }
            }
            SeatState::Unreadable { path, why } => Err(CustodyError::SeatUnreadable { path, why }),
        }
    }

    pub(crate) fn finish(
        &self,
        ticket: &RefreshTicket,
        status: u16,
        body: Zeroizing<Vec<u8>>,
    ) -> RefreshOutcome {
        let body = Secret::from(body);
        if status == 200 {
            return self.keep_reply(ticket, &body);
        }
        let outcome = classify(status, &body);
        if outcome == RefreshOutcome::NeedsSignIn {
            // A token that was refused is never presented again: it may be spent by somebody whose
            // login would end with it.
            let refused = self.lineages.refused(ticket.account, &ticket.kept.fingerprint);
            if let Err(error) = refused {
                tracing::warn!(code = error.code(), "a refusal was not remembered");
            }
        }
        outcome
    }

    fn keep_reply(&self, ticket: &RefreshTicket, body: &Secret) -> RefreshOutcome {
        let new = match merge_reply(&ticket.kept, body, clock::login_now(), &self.salt) {
            Merged::New(new) => *new,
            Merged::OfAnother(new) => return self.set_apart(ticket, &new),
            Merged::Unreadable => return RefreshOutcome::ReplyLost,
        };
        let access_expires_at = new.access_expires_at;
        let mut code = "";
        for attempt in 0..SEAL_TRIES {
            if attempt > 0 {
                clock::rest(100 * u64::from(attempt));
            }
            match self.vault.offer_successor(ticket.account, &new) {
                Ok(sealed) => {
                    let vintage = sealed.current().clone();
                    let learnt = self.lineages.learn(ticket.account, &new.key, new.login_ends_at);
                    let spent = self.note_spent(ticket.account, &ticket.kept, &new);
                    if let Err(error) = learnt.and(spent) {
                        tracing::warn!(code = error.code(), "a sign-in was not remembered");
                    }
                    if !live::is_sendable(&new, &self.salt) {
                        return RefreshOutcome::Unsendable { vintage };
                    }
                    return RefreshOutcome::Rotated { vintage, access_expires_at };
                }
                Err(error) => code = error.code(),
            }
        }
        // A received successor is never discarded: it waits in memory for the keychain.
        let mut unsealed = self.unsealed.lock().unwrap_or_else(PoisonError::into_inner);
        unsealed.push((ticket.account, new));
        RefreshOutcome::Unsealed { code }
    }

    /// The answer is another account's: what is kept stays, and the pair that came is kept apart, because
    /// a token that was handed out is thrown away by nobody but its owner.
    fn set_apart(&self, ticket: &RefreshTicket, new: &Vintage) -> RefreshOutcome {
        if let Err(error) = self.vault.set_apart(ticket.account, new) {
            tracing::warn!(code = error.code(), "the login of another account was not kept");
        }
        let refused = self.lineages.refused(ticket.account, &ticket.kept.fingerprint);
        if let Err(error) = refused {
            tracing::warn!(code = error.code(), "a conflict was not remembered");
        }
        RefreshOutcome::IdentityConflict
    }

    /// Stores what a failing keychain refused earlier. Called at the start of each operation.
    pub(crate) fn flush_unsealed(&self) -> Result<(), CustodyError> {
        let mut unsealed = self.unsealed.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((account, vintage)) = unsealed.first() {
            self.vault.offer_successor(*account, vintage)?;
            unsealed.remove(0);
        }
        Ok(())
    }
}

/// What a refusal of the token endpoint means.
pub(crate) fn classify(status: u16, body: &Secret) -> RefreshOutcome {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
        #[serde(borrow, default)]
        code: Option<&'a RawValue>,
    }
    match status {
        429 => return RefreshOutcome::Throttled,
        500..=599 => return RefreshOutcome::ServerError,
        201..=399 => return RefreshOutcome::ReplyLost,
        _ => {}
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal<'_>>(body.expose()) else {
        return RefreshOutcome::EdgeBlocked;
    };
    let word = |raw: Option<&RawValue>| -> Option<String> {
        #[derive(Deserialize)]
        struct Coded {
            code: Option<String>,
        }
        let raw = raw?.get();
        serde_json::from_str::<String>(raw)
            .ok()
            .or_else(|| serde_json::from_str::<Coded>(raw).ok().and_then(|coded| coded.code))
    };
    let code = word(refusal.error).or_else(|| word(refusal.code)).unwrap_or_default();
    match code.as_str() {
        "invalid_grant"
        | "refresh_token_expired"
        | "refresh_token_reused"
        | "refresh_token_invalidated" => RefreshOutcome::NeedsSignIn,
        "invalid_client" | "unauthorized_client" => {
            RefreshOutcome::OurFault { code: "invalid_client" }
        }
        _ if refusal.error.is_none() && refusal.code.is_none() => RefreshOutcome::EdgeBlocked,
        _ => RefreshOutcome::OurFault { code: "invalid_request" },
    }
}
