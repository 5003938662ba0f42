//! One account at one instant: its tier, target, deficit and headroom, computed from its last numbers.

use crate::account::Account;
use crate::calendar::Calendar;
use crate::decision::Refusal;
use crate::lane::Lane;
use crate::memory::Memory;
use crate::provider::Provider;
use crate::rules::Rules;
use crate::target::Course;
use crate::units::{AccountId, Utc};
use crate::window::Window;
use crate::{target, tier};
use alloc::collections::BTreeMap;

/// One account as the policies see it, independent of any lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Index in the world's list.
    pub slot: usize,
    /// The account.
    pub id: AccountId,
    /// Whose subscription.
    pub provider: Provider,
    /// The person's order.
    pub position: i64,
    /// Damped tier.
    pub tier: u8,
    /// The 5-hour window as it counts now.
    pub short: Window,
    /// Weekly use as it counts now, percent.
    pub used: Option<f64>,
    /// Weekly reset.
    pub reset: Option<Utc>,
    /// Target for the damped tier, percent.
    pub target: Option<f64>,
    /// Target minus use, percent.
    pub deficit: Option<f64>,
    /// Percent that will expire unused.
    pub stranding: Option<f64>,
    /// Percent per hour that are lost unless used.
    pub loss_rate: f64,
    /// The line at which its 5-hour window is critical, percent.
    pub critical: f64,
    /// Why it cannot be chosen by pace, whatever the lane; `None` when it can.
    pub refusal: Refusal,
    /// How good a refuge it is (0 best), for a lane that has to leave; `None` when it is none.
    pub refuge: Option<u8>,
    /// Its numbers are from before the last wake or clock jump.
    pub stale: bool,
    /// A lane has it active.
    pub occupied: bool,
}

impl Standing {
    /// The 5-hour use, percent; unknown reads as nothing used only where a rule says so.
    #[must_use]
    pub fn short_used(&self) -> Option<f64> {
        self.short.used.map(|used| used.get())
    }

    /// Hours to the weekly reset.
    #[must_use]
    pub fn hours(&self, now: Utc) -> Option<f64> {
        self.reset.map(|reset| tier::hours_to(reset, now))
    }

    /// Eligible by pace.
    #[must_use]
    pub fn eligible(&self) -> bool {
        self.refusal == Refusal::Eligible
    }
}

/// What the survey is made of.
pub struct Inputs<'a> {
    /// Every account.
    pub accounts: &'a [Account],
    /// Every lane.
    pub lanes: &'a [Lane],
    /// Their memories.
    pub memories: &'a BTreeMap<AccountId, Memory>,
    /// Working hours.
    pub calendar: &'a Calendar,
    /// The rules in force.
    pub rules: &'a Rules,
    /// Observations from before this count as stale.
    pub distrust_before: Option<Utc>,
    /// The instant.
    pub now: Utc,
}

/// The stranding of one account that is given all working hours (undamped, as recorded).
#[must_use]
pub fn single_stranding(
    used: Option<f64>,
    course: Course,
    now: Utc,
    calendar: &Calendar,
) -> Option<f64> {
    let reset = course.reset;
    let undamped = target::target(tier::instant(reset, now), course, now, calendar);
    let deficit = undamped.zip(used).map(|(target, used)| target - used);
    target::stranding(deficit, target::achievable(reset, now, calendar))
}
