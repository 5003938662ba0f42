//! The skip list: which account may not be chosen after a failure, and what readmits it. A failure that a
//! tool reports is newer than any reading.

use crate::breaker::Breaker;
use crate::limits::NEARLY_FULL_PERCENT;
use crate::units::{Percent, Utc};
use crate::usage::Usage;
use crate::window::WindowKind;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// An account is left alone for this long after a failure without a known reset.
pub const SKIP_SECONDS: i64 = 2 * 3_600;
/// A reading must be this much later than the failure to speak against it: endpoints lag behind. And every
/// window it names must say less than [`NEARLY_FULL_PERCENT`].
pub const EVIDENCE_LAG_SECONDS: f64 = 300.0;
/// Providers empty a window a little after the instant they name.
pub const RESET_MARGIN_SECONDS: i64 = 120;
/// How long a grace is believed in, seconds: it lets a turn end, and nobody says how long that takes.
pub const GRACE_SECONDS: i64 = 600;

/// A failure that says something of the account. Overload, throttling by the minute, server errors
/// and refused requests do not, and have no variant here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
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
}

/// How a session may go on after its window is used up. Another account in its place would end that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Softer {
    /// At low priority, until the window empties.
    LowPriority,
    /// Long enough to finish its turn.
    Grace,
}

impl Softer {
    /// The stable snake-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowPriority => "low_priority",
            Self::Grace => "grace",
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
    /// How a session on it may go on all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub softer: Option<Softer>,
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

    /// How a session on the account may go on although it is out, and until when: then another account in
    /// its place would end what still works. A later refusal that offers nothing takes it back.
    #[must_use]
    pub fn goes_on(&self, now: Utc, model: Option<&str>) -> Option<(Softer, Utc)> {
        let (softer, out) = (self.softer?, self.out(now, model)?);
        let (Out::Until(until), FailureKind::RateLimit) = (out, self.kind) else { return None };
        let end = match softer {
            // The window itself is empty at its reset; the margin behind it is for new work.
            Softer::LowPriority => {
                self.resets_at.filter(|at| *at > self.failed_at).unwrap_or(until)
            }
            Softer::Grace => until.min(self.failed_at.plus_seconds(GRACE_SECONDS)),
        };
        (now < end).then_some((softer, end))
    }

    /// Whether a reading of `at` is positive evidence that the account serves again. Only a full window
    /// is lifted by numbers: a refused login waits for the person, and a plan that does not pay says
    /// nothing of its money here. A reading that names no window proves nothing.
    #[must_use]
    pub fn lifted_by(&self, usage: &Usage, at: Utc) -> bool {
        if self.kind != FailureKind::RateLimit
            || at.seconds_since(self.failed_at) < EVIDENCE_LAG_SECONDS
        {
            return false;
        }
        let account_wide = WindowKind::ACCOUNT_WIDE.map(|kind| usage.window(&kind));
        let shares = account_wide.into_iter().filter_map(|window| window.used.map(Percent::get));
        let full = shares.clone().any(|used| used >= NEARLY_FULL_PERCENT);
        let named = self
            .model
            .as_deref()
            .map(|name| usage.window(&WindowKind::named(name)).used.map(Percent::get));
        match named {
            Some(model) => !full && model.is_some_and(|used| used < NEARLY_FULL_PERCENT),
            None => !full && shares.count() > 0,
        }
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

/// What stands between an account and being chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wall {
    /// Its last failure.
    pub skip: Option<Skip>,
    /// Its refused logins in a row.
    pub breaker: Breaker,
}

impl Wall {
    /// How long the account is out for work that needs `model` (`None`: any model).
    #[must_use]
    pub fn out(&self, now: Utc, model: Option<&str>) -> Option<Out> {
        let skipped = self.skip.as_ref().and_then(|skip| skip.out(now, model));
        skipped.or_else(|| self.breaker.closed_until(now).map(Out::Until))
    }

    /// Its login was refused, and nobody has signed in since.
    #[must_use]
    pub fn awaits_sign_in(&self) -> bool {
        let out = self.skip.as_ref().and_then(|skip| skip.out(skip.failed_at, None));
        out == Some(Out::UntilSignIn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Utc = Utc::from_seconds(1_790_000_000);

    fn skip(kind: FailureKind, resets_in: Option<i64>) -> Skip {
        let resets_at = resets_in.map(|seconds| T0.plus_seconds(seconds));
        Skip { kind, model: None, failed_at: T0, resets_at, served_at: None, softer: None }
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
    fn a_reading_lifts_a_full_window_only_when_it_is_late_and_low_enough() {
        use crate::window::Window;
        let window = |used| Window { used: Percent::new(used), resets_at: None };
        let reading = |five, week| Usage::of(window(five), window(week));
        let failed = skip(FailureKind::RateLimit, None);
        let (soon, late) = (T0.plus_seconds(299), T0.plus_seconds(300));
        assert!(failed.lifted_by(&reading(10.0, 94.9), late));
        assert!(!failed.lifted_by(&reading(10.0, 94.9), soon), "it may lag behind");
        assert!(!failed.lifted_by(&reading(10.0, 95.0), late));
        assert!(!failed.lifted_by(&Usage::default(), late), "unknown is no evidence");
        assert!(!skip(FailureKind::Auth, None).lifted_by(&reading(1.0, 1.0), late));
        assert!(!skip(FailureKind::Billing, None).lifted_by(&reading(1.0, 1.0), late));
        let mut of_model = failed.clone();
        of_model.model = Some("opus".into());
        let mut usage = reading(10.0, 10.0);
        assert!(!of_model.lifted_by(&usage, late), "the model's window is not named");
        usage.add_model("opus", window(20.0), false);
        assert!(of_model.lifted_by(&usage, late));
    }

    #[test]
    fn what_goes_on_does_so_until_the_reset_or_for_a_turn() {
        let softened = |softer, resets_in| Skip {
            softer: Some(softer),
            ..skip(FailureKind::RateLimit, resets_in)
        };
        let after = |seconds| T0.plus_seconds(seconds);
        let slow = softened(Softer::LowPriority, Some(9_000));
        assert_eq!(slow.goes_on(after(8_999), None), Some((Softer::LowPriority, after(9_000))));
        assert_eq!(slow.goes_on(after(9_000), None), None);
        assert!(slow.out(after(9_000), None).is_some(), "it is no target yet");
        let grace = softened(Softer::Grace, Some(9_000));
        assert_eq!(grace.goes_on(after(599), None), Some((Softer::Grace, after(600))));
        assert_eq!(grace.goes_on(after(600), None), None);
        assert_eq!(skip(FailureKind::RateLimit, Some(9_000)).goes_on(after(1), None), None);
        let refused = Skip { kind: FailureKind::Auth, ..slow.clone() };
        assert_eq!(refused.goes_on(after(1), None), None);
        // A refusal that offers nothing is newer.
        let hard = Skip { failed_at: after(60), ..skip(FailureKind::RateLimit, None) };
        assert_eq!(slow.and(hard).goes_on(after(61), None), None);
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
}
