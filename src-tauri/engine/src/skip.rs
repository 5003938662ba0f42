//! The skip list: which account may not be chosen after a failure, and what readmits it.

use crate::units::Utc;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// An account is left alone for this long after a failure without a known reset.
pub const SKIP_SECONDS: i64 = 2 * 3_600;
/// Providers empty a window a little after the instant they name.
pub const RESET_MARGIN_SECONDS: i64 = 120;

/// A failure that says something of the account. Overload, throttling by the minute, server errors
/// and refused requests do not, and have no variant here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A usage window is full.
    RateLimit,
    /// The plan does not pay for more.
    Billing,
    /// The login is refused.
    Auth,
}

impl FailureKind {
    /// The stable snake-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Billing => "billing",
            Self::Auth => "auth",
        }
    }

    /// Reads the error class of a tool's structured failure. Every other class, known or not, is
    /// no failure of the account.
    #[must_use]
    pub fn of_tool_error(class: &str) -> Option<Self> {
        match class {
            "rate_limit" => Some(Self::RateLimit),
            "billing_error" => Some(Self::Billing),
            "authentication_failed" | "oauth_org_not_allowed" => Some(Self::Auth),
            _ => None,
        }
    }
}

/// The newest failure of an account and what has been learnt since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skip {
    /// What kind.
    pub kind: FailureKind,
    /// The one model it concerned; `None` is the whole account.
    pub model: Option<String>,
    /// When it failed.
    pub failed_at: Utc,
    /// When the full window empties, if the provider said.
    pub resets_at: Option<Utc>,
    /// Newest positive evidence that the account serves: a served request, or a sign-in.
    pub served_at: Option<Utc>,
}

/// How long an account is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Out {
    /// Until then.
    Until(Utc),
    /// Until a person signs in again.
    UntilSignIn,
}

impl Skip {
    /// Whether the account is out for work that needs `model` (`None`: any model).
    #[must_use]
    pub fn out(&self, now: Utc, model: Option<&str>) -> Option<Out> {
        if self.served_at.is_some_and(|served| served > self.failed_at) {
            return None;
        }
        if self.kind == FailureKind::Auth {
            return Some(Out::UntilSignIn);
        }
        if let (Some(full), Some(needed)) = (self.model.as_deref(), model)
            && full != needed
        {
            return None;
        }
        let until = match self.resets_at.filter(|reset| *reset > self.failed_at) {
            Some(reset) => reset.plus_seconds(RESET_MARGIN_SECONDS),
            None => self.failed_at.plus_seconds(SKIP_SECONDS),
        };
        (now < until).then_some(Out::Until(until))
    }

    /// Folds another failure of the same account in. The newer one counts, but a refused login
    /// stays refused and a known reset is not forgotten for an unknown one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (older, mut newer) =
            if other.failed_at >= self.failed_at { (self, other) } else { (other, self) };
        newer.served_at = newer.served_at.max(older.served_at);
        let answered = newer.served_at.is_some_and(|served| served > older.failed_at);
        if answered {
            return newer;
        }
        if older.kind == FailureKind::Auth {
            newer.kind = FailureKind::Auth;
        }
        if newer.resets_at.is_none() {
            newer.resets_at = older.resets_at.filter(|reset| *reset > newer.failed_at);
        }
        if older.model != newer.model {
            newer.model = None;
        }
        newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Utc = Utc::from_seconds(1_790_000_000);

    fn skip(kind: FailureKind, resets_in: Option<i64>) -> Skip {
        let resets_at = resets_in.map(|seconds| T0.plus_seconds(seconds));
        Skip { kind, model: None, failed_at: T0, resets_at, served_at: None }
    }

    #[test]
    fn two_hours_without_a_reset() {
        let failed = skip(FailureKind::RateLimit, None);
        let end = T0.plus_seconds(SKIP_SECONDS);
        assert_eq!(failed.out(T0.plus_seconds(3_600), None), Some(Out::Until(end)));
        assert_eq!(failed.out(end, None), None);
    }

    #[test]
    fn a_known_reset_is_shorter_or_longer_than_two_hours() {
        for reset in [600, 5 * 3_600] {
            let failed = skip(FailureKind::RateLimit, Some(reset));
            let end = T0.plus_seconds(reset + RESET_MARGIN_SECONDS);
            assert_eq!(failed.out(T0.plus_seconds(reset), None), Some(Out::Until(end)));
            assert_eq!(failed.out(end, None), None);
        }
        // A reset before the failure is no information.
        let odd = skip(FailureKind::RateLimit, Some(-60));
        assert!(odd.out(T0.plus_seconds(3_600), None).is_some());
    }

    #[test]
    fn only_evidence_younger_than_the_failure_readmits() {
        let mut failed = skip(FailureKind::RateLimit, None);
        failed.served_at = Some(T0.plus_seconds(-1));
        assert!(failed.out(T0.plus_seconds(1), None).is_some());
        failed.served_at = Some(T0.plus_seconds(1));
        assert_eq!(failed.out(T0.plus_seconds(1), None), None);
    }

    #[test]
    fn a_refused_login_waits_for_the_person() {
        let mut refused = skip(FailureKind::Auth, None);
        assert_eq!(refused.out(T0.plus_seconds(90 * 86_400), None), Some(Out::UntilSignIn));
        let folded = refused.clone().and(skip(FailureKind::RateLimit, Some(60)));
        assert_eq!(folded.kind, FailureKind::Auth);
        refused.served_at = Some(T0.plus_seconds(60));
        assert_eq!(refused.out(T0.plus_seconds(61), None), None);
    }

    #[test]
    fn a_full_model_leaves_other_models() {
        let mut full = skip(FailureKind::RateLimit, Some(3_600));
        full.model = Some("opus".into());
        assert_eq!(full.out(T0, Some("sonnet")), None);
        assert!(full.out(T0, Some("opus")).is_some());
        assert!(full.out(T0, None).is_some());
    }

    #[test]
    fn a_known_reset_survives_a_later_failure_that_names_none() {
        let known = skip(FailureKind::RateLimit, Some(5 * 3_600));
        let mut later = skip(FailureKind::RateLimit, None);
        later.failed_at = T0.plus_seconds(60);
        for folded in [known.clone().and(later.clone()), later.and(known.clone())] {
            assert_eq!(folded.resets_at, known.resets_at);
            assert_eq!(folded.failed_at, T0.plus_seconds(60));
        }
    }

    #[test]
    fn only_four_classes_are_failures_of_the_account() {
        let known =
            ["rate_limit", "billing_error", "authentication_failed", "oauth_org_not_allowed"];
        assert!(known.iter().all(|class| FailureKind::of_tool_error(class).is_some()));
        for class in [
            "overloaded",
            "server_error",
            "model_not_found",
            "invalid_request",
            "max_output_tokens",
            "unknown",
            "",
            "Rate_Limit",
            "something new",
        ] {
            assert_eq!(FailureKind::of_tool_error(class), None, "{class}");
        }
    }
}
