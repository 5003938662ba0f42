//! Policy `horizon`: one plan over all accounts, their windows and the expected work.

mod cadence;
mod course;
mod foresee;
mod plan;
mod rollout;
mod scene;

use crate::policy::{Proposal, Strategy, Stretch, Wish};
use crate::survey::Survey;
use crate::units::{AccountId, LaneId, Now, Utc};
use crate::world::World;
use alloc::vec::Vec;

/// Policy `horizon`.
pub(crate) struct Horizon;

impl Strategy for Horizon {
    fn decide(&self, world: &mut World, survey: &Survey, index: usize, now: Now) -> Proposal {
        plan::decide(world, survey, index, now)
    }

    fn polls(&self, world: &World, now: Now) -> Vec<Wish> {
        cadence::wishes(world, now)
    }

    fn course(&self, world: &World, lane: LaneId, to: Option<AccountId>, now: Utc) -> Vec<Stretch> {
        course::course(world, lane, to, now)
    }
}
