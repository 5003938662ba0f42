//! What stands outside the policies: what bars an account under every policy, and what holds a decided
//! swap back (emergence, residency, cooldown, failure backoff). Without gates a policy may swap at each
//! reading.

use crate::account::{Account, Login};
use crate::decision::Refusal;
use crate::lane::Gates;
use crate::limits::FULL_PERCENT;
use crate::rule::Rule;
use crate::rules::Rules;
use crate::units::{Percent, Utc};
use crate::usage::Usage;
use crate::window::WindowKind;

pub use crate::rule::Pull;

/// Failed reads in a row that exclude an account where failures count.
const FAILURES_LIMIT: u32 = 3;

/// What counts now of an account's two windows, percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// The 5-hour window.
    pub short: Option<f64>,
    /// The week.
    pub week: Option<f64>,
}

impl Shares {
    /// Those that the last reading leaves at `now`.
    #[must_use]
    pub fn read(usage: &Usage, now: Utc) -> Self {
        let share = |kind| usage.shown(&kind, now).used.map(Percent::get);
        Self { short: share(WindowKind::FiveHour), week: share(WindowKind::SevenDay) }
    }

    fn full(self) -> bool {
        [self.short, self.week].into_iter().flatten().any(|used| used >= FULL_PERCENT)
    }
}

/// Why no lane may choose the account, whatever its room and whichever policy decides.
#[must_use]
pub fn refused(account: &Account, shares: Shares, rules: &Rules, now: Utc) -> Refusal {
    if !account.enabled {
        cov_mark::hit!(disabled);
        Refusal::Disabled
    } else if !rules.offline_keeps_eligible && account.failures >= FAILURES_LIMIT {
        cov_mark::hit!(failing);
        Refusal::Failing
    } else if account.login == Login::NeedsSignIn {
        cov_mark::hit!(needs_sign_in);
        Refusal::NeedsSignIn
    } else if account.login == Login::Missing {
        cov_mark::hit!(no_credential);
        Refusal::NoCredential
    } else if !account.automatic {
        cov_mark::hit!(not_automatic);
        Refusal::NotAutomatic
    } else {
        barred(&account.usage, shares, rules, now)
    }
}

/// Why a lane must leave the account, whatever its room and whichever policy decides: its login does
/// not work, its provider refuses it, or further use would bill more than the person allows.
#[must_use]
pub fn must_leave(account: &Account, shares: Shares, rules: &Rules, now: Utc) -> Option<Rule> {
    if rules.react_to_refusals && !account.login.is_usable() {
        return Some(Rule::LoginRefused);
    }
    let usage = &account.usage;
    if let Some(why) = usage.blocked(now) {
        return Some(Rule::Blocked { why });
    }
    let bills = would_bill(usage, shares, rules) && !may_bill(usage, rules);
    bills.then_some(Rule::WouldBill)
}

/// Why the provider's word or money keeps every policy off the account, whatever its room.
#[must_use]
pub fn barred(usage: &Usage, shares: Shares, rules: &Rules, now: Utc) -> Refusal {
    if usage.blocked(now).is_some() {
        cov_mark::hit!(blocked);
        Refusal::Blocked
    } else if would_bill(usage, shares, rules) && !may_bill(usage, rules) {
        cov_mark::hit!(would_bill);
        Refusal::WouldBill
    } else {
        Refusal::Eligible
    }
}

/// Further use of the account would be billed: paying is on, and a window is full or there is none.
#[must_use]
pub fn would_bill(usage: &Usage, shares: Shares, rules: &Rules) -> bool {
    rules.guard_billing
        && usage.credits.as_ref().is_some_and(|credits| credits.enabled)
        && (shares.full() || usage.windowless())
}

/// The person's ceiling and the account's own limit allow more paid use.
#[must_use]
pub fn may_bill(usage: &Usage, rules: &Rules) -> bool {
    let Some(ceiling) = rules.billing_ceiling_minor else { return false };
    usage.credits.as_ref().is_some_and(|credits| {
        // What was spent is unknown: unknown is never zero.
        credits.used_minor.is_some_and(|spent| {
            spent < ceiling && credits.limit_minor.is_none_or(|limit| spent < limit)
        })
    })
}

/// Further use is paid, and the person allows it: the last resort of every policy.
#[must_use]
pub fn paid(usage: &Usage, shares: Shares, rules: &Rules) -> bool {
    would_bill(usage, shares, rules) && may_bill(usage, rules)
}

/// Counts consecutive looks at an emergence, keyed by the best candidate's tier; says whether the
/// rule may pass. One blind look (no rule, no candidate) does not restart the count.
pub fn persisted(streak: &mut Option<(u8, u32)>, pull: Pull, best: Option<u8>, looks: u32) -> bool {
    match (pull, best) {
        (Pull::Nothing, None) => false,
        (Pull::Nothing | Pull::Decisive, _) => {
            *streak = None;
            pull == Pull::Decisive
        }
        (Pull::Emerging, None) => {
            *streak = None;
            false
        }
        (Pull::Emerging, Some(tier)) => {
            let count = match *streak {
                Some((kept, count)) if kept == tier => count.saturating_add(1),
                Some(_) | None => 1,
            };
            *streak = Some((tier, count));
            count >= looks
        }
    }
}

/// Seconds of pause left after `failures` failed attempts in a row, the last `elapsed_s` ago:
/// `first` doubled with each, at most `cap`.
#[must_use]
pub fn backoff_left(failures: u32, elapsed_s: f64, first: f64, cap: f64) -> f64 {
    if failures == 0 {
        return 0.0;
    }
    let doublings = (failures - 1).min(32);
    let pause = (first * (1_u64 << doublings) as f64).min(cap);
    (pause - elapsed_s).max(0.0)
}

/// Automatic swaps of one lane within an hour, whatever forces them: what cooldown alone allows.
const HOURLY_MOST: usize = 12;
const HOUR_S: f64 = 3_600.0;

/// What a departure has to wait for, seconds; 0 where nothing holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waits {
    /// The residency minimum.
    pub residency_s: f64,
    /// The cooldown, or an hour with too many swaps.
    pub cooldown_s: f64,
    /// The failure backoff.
    pub backoff_s: f64,
}

impl Waits {
    /// Whether anything holds it.
    #[must_use]
    pub fn any(self) -> bool {
        self.residency_s.max(self.cooldown_s).max(self.backoff_s) > 0.0
    }
}

impl Gates {
    /// Whether automatic swaps of the lane are off or rest.
    #[must_use]
    pub fn resting(&self, now: Utc) -> bool {
        self.off || self.paused(now)
    }

    /// What a departure by `rule` has to wait for; `None` is one that nothing calls for yet.
    #[must_use]
    pub fn waits(&self, rule: Option<&Rule>, now: Utc, rules: &Rules) -> Waits {
        let voluntary = rule.is_none_or(Rule::waits_for_residency);
        let cooldown_s = self.cooldown_left(now, rules);
        Waits {
            residency_s: if voluntary { self.residency_left(now, rules) } else { 0.0 },
            cooldown_s: match (rules.refusal_skips_cooldown, rule.is_some_and(Rule::refusal)) {
                (true, true) => self.hour_left(now),
                (true, false) => cooldown_s.max(self.hour_left(now)),
                (false, _) => cooldown_s,
            },
            backoff_s: self.backoff_left(now, rules),
        }
    }

    /// Takes note of a swap that was committed at `at`. What a person asked for is left alone for
    /// `protect_s` seconds.
    pub fn settled(&mut self, at: Utc, protect_s: Option<i64>) {
        self.skips.clear();
        let Some(protect_s) = protect_s else { return self.committed(at) };
        self.last_attempt = Some(at);
        self.last_committed = Some(at);
        self.streak = None;
        // Only ever extends: a longer pause of the person's own stays.
        self.paused_until = self.paused_until.max(Some(at.plus_seconds(protect_s)));
    }

    /// Takes note of an automatic swap that was committed at `now`.
    fn committed(&mut self, now: Utc) {
        self.last_attempt = Some(now);
        self.last_committed = Some(now);
        self.streak = None;
        self.failed_attempts = 0;
        self.last_failure = None;
        self.recent.retain(|at| now.seconds_since(*at) < HOUR_S);
        self.recent.push(now);
    }

    /// Seconds until a lane that left refusals without a cooldown may swap again: an hour sees no
    /// more automatic swaps than the cooldown alone would allow.
    #[must_use]
    pub fn hour_left(&self, now: Utc) -> f64 {
        let ages = self.recent.iter().map(|at| now.seconds_since(*at));
        let mut within = ages.filter(|age| *age < HOUR_S).rev();
        within.nth(HOURLY_MOST - 1).map_or(0.0, |oldest| HOUR_S - oldest)
    }

    /// Seconds of residency still owed.
    #[must_use]
    pub fn residency_left(&self, now: Utc, rules: &Rules) -> f64 {
        left(self.last_committed, now, rules.residency_s)
    }

    /// Seconds of cooldown left.
    #[must_use]
    pub fn cooldown_left(&self, now: Utc, rules: &Rules) -> f64 {
        left(self.last_attempt, now, rules.cooldown_s)
    }

    /// Seconds of failure backoff left.
    #[must_use]
    pub fn backoff_left(&self, now: Utc, rules: &Rules) -> f64 {
        let elapsed = self.last_failure.map_or(f64::MAX, |at| now.seconds_since(at));
        backoff_left(self.failed_attempts, elapsed, rules.backoff_first_s, rules.backoff_cap_s)
    }

    /// Whether automatic swaps rest.
    #[must_use]
    pub fn paused(&self, now: Utc) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// Clocks that stand in the future (the wall clock was set back) start now: a jump costs at
    /// most one period, never the length of the jump.
    pub fn heal(&mut self, now: Utc) {
        for clock in [&mut self.last_attempt, &mut self.last_committed, &mut self.last_failure] {
            *clock = clock.map(|at| at.min(now));
        }
        self.recent.iter_mut().for_each(|at| *at = (*at).min(now));
    }

    /// Shifts every clock by the distance the wall clock jumped, so that periods keep their length.
    pub fn shift(&mut self, seconds: i64) {
        for clock in [
            &mut self.last_attempt,
            &mut self.last_committed,
            &mut self.last_failure,
            &mut self.paused_until,
        ] {
            *clock = clock.map(|at| at.plus_seconds(seconds));
        }
        self.recent.iter_mut().for_each(|at| *at = at.plus_seconds(seconds));
    }
}

fn left(since: Option<Utc>, now: Utc, period_s: f64) -> f64 {
    since.map_or(0.0, |since| (period_s - now.seconds_since(since)).max(0.0))
}
