//! What the world remembers of an account besides its last numbers: requests sent within the hour, windows
//! that refused work. It is stored, so that a restart renews no budget.

use crate::burn::Burn;
use crate::limits::{REQUESTS_REMEMBERED, USAGE_REQUESTS_PER_HOUR};
use crate::rules::Rules;
use crate::units::Utc;
use crate::window::WindowKind;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Seconds of the request budget's rolling window.
const HOUR_S: i64 = 3600;
/// At this interval the budget of an hour is spent evenly, seconds.
pub(crate) const PACE_S: f64 = 3_600.0 / USAGE_REQUESTS_PER_HOUR as f64;

/// The memory of one account. Serialised into the ledger so that a restart forgets nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Damped tier of the last look; `None` when it was excluded.
    pub tier: Option<u8>,
    /// Burn record.
    pub burn: Burn,
    /// Windows that refused work and have not emptied since.
    pub refusals: Vec<RefusedWindow>,
    /// Usage requests of the last hour, oldest first.
    pub requests: Vec<Utc>,
    /// A request is under way, noted by the driver and not yet answered.
    pub asked: bool,
    /// Share (−0.15 to 0.15) by which the next interval differs, drawn by the driver.
    pub jitter: f64,
    /// 429 answers in a row.
    pub throttled: u32,
    /// No request before this.
    pub not_before: Option<Utc>,
}

/// A window that refused a real request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedWindow {
    /// Which.
    pub window: WindowKind,
    /// When it refused.
    pub at: Utc,
    /// Until when it counts as full.
    pub until: Utc,
}

impl Memory {
    /// Notes a request to the usage endpoint.
    pub fn requested(&mut self, now: Utc) {
        self.requests.retain(|at| now.seconds_since(*at) < HOUR_S as f64 && *at <= now);
        if self.requests.len() >= REQUESTS_REMEMBERED {
            self.requests.remove(0);
        }
        self.requests.push(now);
    }

    /// The last request.
    #[must_use]
    pub fn last_request(&self) -> Option<Utc> {
        self.requests.last().copied()
    }

    /// Requests in the rolling hour before `now`.
    #[must_use]
    pub fn requests_in_hour(&self, now: Utc) -> usize {
        self.sent(now).filter(|at| now.seconds_since(*at) < HOUR_S as f64).count()
    }

    /// The requests until `now`, the last one first. What claims to be later is from before the clock was
    /// set back: it holds nothing up.
    fn sent(&self, now: Utc) -> impl Iterator<Item = Utc> {
        self.requests.iter().rev().copied().filter(move |at| *at <= now)
    }

    /// The first instant from `now` on at which the budget allows a request.
    #[must_use]
    pub fn budget_from(&self, now: Utc) -> Utc {
        let oldest = self.sent(now).nth(USAGE_REQUESTS_PER_HOUR as usize - 1);
        oldest.map_or(now, |oldest| oldest.plus_seconds(HOUR_S).max(now))
    }

    /// The first instant from `now` on at which a request leaves enough of the budget to go on asking as
    /// often as the live account has to be read: what is spent early is missed late. Any account may be
    /// live by then.
    #[must_use]
    pub fn lasting_from(&self, now: Utc, rules: &Rules) -> Utc {
        let free = self.budget_from(now);
        let Some(within_s) = rules.read_within_s else { return free };
        let every_s = within_s.max(PACE_S) as i64;
        let Some(last) = self.sent(now).next() else { return free };
        // At that pace it lasts, whatever was spent before.
        let paced = last.plus_seconds(every_s).max(free);
        let older = self.sent(now).map(|sent| sent.plus_seconds(HOUR_S).max(free));
        let lasting = core::iter::once(free).chain(older).filter(|at| self.lasts(*at, every_s));
        let lasting = lasting.min();
        lasting.unwrap_or(paced).min(paced)
    }

    /// Whether the budget lasts for requests at `at` and every so many seconds from there on.
    fn lasts(&self, at: Utc, every_s: i64) -> bool {
        (0..HOUR_S / every_s).all(|step| {
            let then = at.plus_seconds(step * every_s);
            self.requests_in_hour(then) + (step as usize) < USAGE_REQUESTS_PER_HOUR as usize
        })
    }

    /// This window refused work and counts as full at `now`.
    #[must_use]
    pub fn refuses(&self, window: &WindowKind, now: Utc) -> bool {
        self.refusals.iter().any(|refusal| refusal.until > now && refusal.window == *window)
    }
}
