//! Conditions that the person hears of unasked: capacity that will expire, a lane that has nothing to go
//! on, a better account that is not urgent enough. Apart from `decide`, because none of them moves a lane.

use crate::decision::{Action, Decision};
use crate::forecast::{Kind, Outlook};
use crate::survey::Survey;
use crate::units::{AccountId, Utc};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Stranding below this is not worth a word, percent.
const STRANDING_LEAST: f64 = 2.0;
/// A deficit below this is not worth a word, percent.
const DEFICIT_LEAST: f64 = 15.0;
/// The active account's numbers are stale past this age, seconds.
pub const STALL_AGE_S: f64 = 1800.0;

/// What is left of a week must be more than this to be worth a word, percent.
pub const WORTH: f64 = 2.0;
/// The last day: announced if even the lower end of the band leaves so much, seconds and percent.
const DAY_S: f64 = 86_400.0;
const WORTH_EARLY: f64 = 5.0;
/// The last half day: announced if three in five agree, seconds.
const HALF_DAY_S: f64 = 43_200.0;

/// Whether a forecast of a weekly window is worth announcing now.
#[must_use]
pub fn will_expire(said: &Outlook, now: Utc) -> bool {
    let left = said.resets_at.seconds_since(now);
    let sure = if left <= HALF_DAY_S { said.likely > WORTH } else { said.low > WORTH_EARLY };
    said.window == Kind::SevenDay && left > 0.0 && left <= DAY_S && sure
}

/// Capacity that will expire unused within a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expiring {
    /// The account with capacity left.
    pub account: AccountId,
    /// Percent of its week that will be left.
    pub stranding: f64,
    /// Percent behind its target.
    pub deficit: f64,
    /// When it expires.
    pub resets_at: Utc,
}

/// Every T0 account with capacity that the working hours left cannot use, the soonest first. Under
/// joint stranding the hours are given out once, so the sum over the accounts is what will be lost.
#[must_use]
pub fn expiring(survey: &Survey) -> Vec<Expiring> {
    let mut found: Vec<Expiring> = survey
        .standings
        .iter()
        .filter(|standing| standing.tier == 0)
        .filter_map(|standing| {
            Some(Expiring {
                account: standing.id,
                stranding: standing.stranding.filter(|percent| *percent > STRANDING_LEAST)?,
                deficit: standing.deficit?,
                resets_at: standing.reset?,
            })
        })
        .collect();
    found.sort_by_key(|expiring| (expiring.resets_at, expiring.account));
    found
}

/// One look at which nothing could be done although something should: (a) nobody to go to and the
/// active account's numbers are old, (b) a rule fired and there is no other account or no candidate.
#[must_use]
pub fn stalled(
    swap: bool,
    best: bool,
    others: bool,
    fired: bool,
    age_s: f64,
    stale_s: f64,
) -> bool {
    if swap {
        return false;
    }
    let blind = !best && others && age_s > stale_s;
    let stuck = fired && (!others || !best);
    blind || stuck
}

/// A candidate is far behind its target and close to its reset, and no rule moves the lane there.
#[must_use]
pub fn worth_a_word(swap: bool, fired: bool, best: Option<(u8, Option<f64>)>) -> bool {
    let Some((tier, deficit)) = best else { return false };
    !swap && !fired && tier <= 1 && deficit.is_some_and(|deficit| deficit >= DEFICIT_LEAST)
}

/// [`worth_a_word`] of a finished decision.
#[must_use]
pub fn same_tier(decision: &Decision, survey: &Survey) -> Option<AccountId> {
    let best = decision.best?;
    let standing = survey.find(best)?;
    let swap = decision.action != Action::Stay;
    let fired = decision.trigger != crate::decision::Trigger::Tick;
    worth_a_word(swap, fired, Some((standing.tier, standing.deficit))).then_some(best)
}
