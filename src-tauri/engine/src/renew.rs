//! When a kept login is renewed, and how long a renewal that failed rests.

use crate::units::Utc;

/// A login on demand is renewed this long before it expires, seconds.
pub const RENEW_AHEAD_S: i64 = 300;
/// A parked login is renewed this long before it expires, seconds: early enough to try several times.
pub const RENEW_AHEAD_PARKED_S: i64 = 7_200;

/// How a renewal failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalFailure {
    /// The provider knows the refresh token no more.
    InvalidGrant,
    /// No connection.
    Network,
    /// The request never left this machine.
    NotSent,
    /// The request left and no readable answer came: the token may be used up.
    ReplyLost,
    /// The provider asked to slow down.
    Throttled,
    /// The provider failed.
    Server,
    /// Anything else.
    Other,
}

/// Seconds during which a renewal that failed is not tried again.
#[must_use]
pub const fn renewal_rest_s(failure: RenewalFailure) -> u64 {
    match failure {
        RenewalFailure::InvalidGrant => 600,
        RenewalFailure::Network | RenewalFailure::NotSent => 60,
        RenewalFailure::ReplyLost => 900,
        RenewalFailure::Throttled | RenewalFailure::Server => 120,
        RenewalFailure::Other => 300,
    }
}

/// Whether a kept login is due for renewal: only where it is `renewable`, by us and with what is kept
/// of it; an unknown expiry counts as due.
#[must_use]
pub fn renewal_due(renewable: bool, expires_at: Option<Utc>, ahead_s: i64, now: Utc) -> bool {
    renewable && expires_at.is_none_or(|expires| expires < now.plus_seconds(ahead_s))
}
