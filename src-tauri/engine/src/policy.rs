//! What a policy answers. What holds for every policy stands outside, once: `gates` (who may be
//! chosen, what must be left, what holds a swap back, what may be billed), `gating` (the order of the
//! gates) and `schedule` (the clamps, the jitter and the budget of readings).

use crate::decision::{Candidate, Refusal};
use crate::explain::Hold;
use crate::rule::Rule;
use crate::survey::Survey;
use crate::units::{AccountId, LaneId, Now, Utc};
use crate::world::World;
use alloc::vec::Vec;

/// One way to choose accounts.
pub trait Strategy {
    /// What it would do with the lane at `index`. It may change what it has learned, nothing else.
    fn decide(&self, world: &mut World, survey: &Survey, index: usize, now: Now) -> Proposal;

    /// When it would like to read each account; whoever it leaves out is not read.
    fn polls(&self, world: &World, now: Now) -> Vec<Wish>;

    /// Who it means to have live over the coming week, if the lane goes to `to` now or stays; nothing
    /// where it does not plan ahead.
    fn course(
        &self,
        _world: &World,
        _lane: LaneId,
        _to: Option<AccountId>,
        _now: Utc,
    ) -> Vec<Stretch> {
        Vec::new()
    }
}

/// An account that is meant to be live for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Which.
    pub account: AccountId,
    /// It becomes live then, or is live since before.
    pub from: Utc,
    /// The next one takes its place then, or the days looked at end.
    pub until: Utc,
}

/// What a policy answers for a lane before the gates.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The rule that fired.
    pub rule: Option<Rule>,
    /// Where to go, or the best candidate when no rule fired.
    pub best: Option<AccountId>,
    /// The best candidate's damped tier, for persistence.
    pub tier: Option<u8>,
    /// The policy did not weigh the candidates, since it is not time or a gate holds anyway: the look
    /// says nothing of what persists.
    pub unweighed: bool,
    /// Every account considered, as if the lane went to `best`.
    pub candidates: Vec<Candidate>,
    /// The best candidate to be shown where the lane stays.
    pub favourite: Option<AccountId>,
    /// What is against `best` where the lane stays.
    pub against_best: Refusal,
    /// What is to be said where no rule fired.
    pub quiet: Hold,
}

impl Default for Proposal {
    fn default() -> Self {
        Self {
            rule: None,
            best: None,
            tier: None,
            unweighed: false,
            candidates: Vec::new(),
            favourite: None,
            against_best: Refusal::Eligible,
            quiet: Default::default(),
        }
    }
}

/// When a policy would like to read an account, before the clamps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Which account.
    pub account: AccountId,
    /// The last answer or request that counts; without one it is read now.
    pub since: Option<Utc>,
    /// So long after that, seconds.
    pub interval_s: f64,
    /// Not before, however long ago the last one was: a pause after failed readings.
    pub not_before: Option<Utc>,
}
