//! Failure classes: what a refusal means for the account, apart from its wording.

use crate::retry_after::RetryAfter;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A saturated usage endpoint answers `Retry-After: 0`; probing sooner keeps it saturated, seconds.
const USAGE_FLOOR_S: u64 = 300;
/// Least wait after any other refusal, seconds.
const FLOOR_S: u64 = 1;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a failure means. The names are stable; scripts and the ledger rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FailureClass { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl FailureClass {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable lower-case name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

classes! {
    /// The 5-hour window is full.
    FiveHourLimit = "session_limit",
    /// The account-wide weekly window is full.
    WeeklyLimit = "weekly_limit",
    /// A daily quota is used up.
    DailyLimit = "daily_limit",
    /// The weekly window of one model is full; other models still work.
    ModelWeeklyLimit = "model_weekly_limit",
    /// A limit of one model is reached; other models still work.
    ModelLimit = "model_limit",
    /// A plan limit is reached, which one was not said: decide from the numbers.
    LimitUnspecified = "limit_unspecified",
    /// Credits, spending cap or payment.
    Billing = "billing",
    /// The plan does not include this.
    PlanIneligible = "plan_ineligible",
    /// Asked to slow down; says nothing of the quota.
    Throttled = "throttled",
    /// The usage endpoint asked to slow down; says nothing of the account.
    UsageEndpointThrottled = "usage_endpoint_throttled",
    /// The provider is at capacity.
    Overloaded = "overloaded",
    /// The provider failed; for a token exchange the outcome is unknown.
    ServerError = "server_error",
    /// A filter in front of the provider answered, not the provider.
    EdgeBlock = "edge_block",
    /// Refused without saying why.
    Forbidden = "forbidden",
    /// Refused by the provider's rules of use.
    Policy = "policy",
    /// The access token is past its time; a refresh mends it.
    AuthExpired = "auth_expired",
    /// The credentials are not accepted.
    AuthInvalid = "auth_invalid",
    /// The token was revoked.
    AuthRevoked = "auth_revoked",
    /// A person must sign in again.
    AuthLoginRequired = "auth_login_required",
    /// The token lacks a scope.
    AuthScope = "auth_scope",
    /// The organisation does not allow this sign-in.
    AuthOrgDisabled = "auth_org_disabled",
    /// An API key stands in the way, or is wrong.
    AuthApiKey = "auth_api_key",
    /// The refresh token is dead.
    InvalidGrant = "invalid_grant",
    /// The client was refused: ours to mend, not the account's.
    InvalidClient = "invalid_client",
    /// The request was malformed: ours to mend.
    InvalidRequest = "invalid_request",
    /// Another process of the tool holds the refresh lock; passes by itself.
    RefreshLockBusy = "refresh_lock_busy",
    /// A running program still holds the former account.
    RestartRequiredAfterSwitch = "restart_required_after_switch",
    /// The tool cannot read its own configuration.
    ConfigInvalid = "config_invalid",
    /// The login ends within days.
    WarningLoginExpiring = "warning_login_expiring",
    /// No answer in time, or none at all.
    Network = "network",
    /// An answer that could not be understood.
    BadOutput = "bad_output",
    /// None of the known ones.
    Unknown = "unknown",
}

impl FailureClass {
    /// Whether the account as a whole is out of quota. A limit of one model is not.
    #[must_use]
    pub const fn limits_account(self) -> bool {
        matches!(
            self,
            Self::FiveHourLimit
                | Self::WeeklyLimit
                | Self::DailyLimit
                | Self::LimitUnspecified
                | Self::Billing
        )
    }

    /// Whether trying again with the same credential can never succeed.
    #[must_use]
    pub const fn permanent(self) -> bool {
        matches!(self, Self::InvalidGrant | Self::AuthRevoked | Self::AuthLoginRequired)
    }

    /// Whether only a person signing in again mends it.
    #[must_use]
    pub const fn needs_sign_in(self) -> bool {
        matches!(self, Self::InvalidGrant | Self::AuthRevoked | Self::AuthLoginRequired)
    }

    /// Whether it says something of the login, its organisation or its plan.
    #[must_use]
    pub const fn concerns_login(self) -> bool {
        matches!(
            self,
            Self::AuthExpired
                | Self::AuthInvalid
                | Self::AuthRevoked
                | Self::AuthLoginRequired
                | Self::AuthScope
                | Self::AuthOrgDisabled
                | Self::AuthApiKey
                | Self::PlanIneligible
                | Self::InvalidGrant
        )
    }

    /// Whether it says nothing of the account and passes by itself.
    #[must_use]
    pub const fn transient(self) -> bool {
        matches!(
            self,
            Self::Throttled
                | Self::UsageEndpointThrottled
                | Self::Overloaded
                | Self::ServerError
                | Self::EdgeBlock
                | Self::RefreshLockBusy
                | Self::Network
                | Self::BadOutput
        )
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The tool renews the bearer when it is next used; a parked login is refreshed.
    LetToolRefresh,
    /// Another account takes over, when one has room.
    UseAnother,
    /// Read the tool's store again, which may hold a newer login; sign in when it does not.
    RereadThenSignIn,
    /// The login is fine: signing in anew would only burn it.
    KeepLogin,
    /// Wait as long as was asked for.
    Wait,
    /// Try again soon.
    Retry,
    /// Nothing to be done by waiting or swapping: show it.
    Tell,
}

impl Remedy {
    /// The stable lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LetToolRefresh => "let_cli_refresh",
            Self::UseAnother => "use_another",
            Self::RereadThenSignIn => "reread_store_then_login",
            Self::KeepLogin => "do_not_relogin",
            Self::Wait => "wait",
            Self::Retry => "retry",
            Self::Tell => "tell",
        }
    }
}

impl FailureClass {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> Remedy {
        if matches!(self, Self::AuthExpired) {
            Remedy::LetToolRefresh
        } else if self.needs_sign_in() || matches!(self, Self::AuthInvalid) {
            Remedy::RereadThenSignIn
        } else if self.limits_account() {
            Remedy::UseAnother
        } else if matches!(self, Self::Forbidden | Self::AuthOrgDisabled) {
            Remedy::KeepLogin
        } else if matches!(self, Self::Overloaded | Self::ServerError | Self::Network) {
            Remedy::Retry
        } else if self.transient() {
            Remedy::Wait
        } else {
            Remedy::Tell
        }
    }

    /// Whether the usage endpoint can answer at all with this credential and plan.
    #[must_use]
    pub const fn usage_readable(self) -> bool {
        !matches!(
            self,
            Self::AuthScope | Self::AuthOrgDisabled | Self::Policy | Self::PlanIneligible
        )
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FailureClass {
    /// The least wait after such a failure, with what the provider `asked` for or without.
    #[must_use]
    pub fn min_wait(self, asked: Option<RetryAfter>) -> Duration {
        let floor = match self {
            Self::UsageEndpointThrottled => USAGE_FLOOR_S,
            _ => FLOOR_S,
        };
        Duration::from_secs(asked.map_or(floor, |asked| asked.seconds().max(floor)))
    }
}

/// A call that brought no value. Holds no body and no header: those may carry secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderError {
    /// What it means.
    pub class: FailureClass,
    /// The HTTP status, when one came.
    pub status: Option<u16>,
    /// How long the provider asked us to stay away.
    pub retry_after: Option<RetryAfter>,
    /// What was being done, in plain words.
    pub doing: &'static str,
}

impl ProviderError {
    /// The least time before the next try of the same kind.
    #[must_use]
    pub fn min_wait(&self) -> Duration {
        self.class.min_wait(self.retry_after)
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.doing, self.class)?;
        if let Some(status) = self.status {
            write!(out, " (HTTP {status})")?;
        }
        out.write_str("; the last known values are kept")
    }
}

impl std::error::Error for ProviderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saturated_usage_endpoint_is_left_alone_for_five_minutes() {
        let zero = RetryAfter::parse(b"0", sluice_engine::Utc(0));
        let wait = FailureClass::UsageEndpointThrottled.min_wait(zero);
        assert_eq!(wait, Duration::from_secs(300));
    }
}
