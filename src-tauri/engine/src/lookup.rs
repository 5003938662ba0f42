//! Look-ups in the world: an account or a lane by its number or its provider.

use crate::account::Account;
use crate::lane::Lane;
use crate::provider::Provider;
use crate::units::{AccountId, LaneId};
use crate::world::World;
use alloc::vec::Vec;

impl World {
    /// The account with this number.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn find_account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.id == id)
    }

    /// The lane with this number.
    #[must_use]
    pub fn lane(&self, id: LaneId) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.id == id)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn lane_mut(&mut self, id: LaneId) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.id == id)
    }

    /// The first lane of a provider: the machine's default seat, where the loop owns the world.
    #[must_use]
    pub fn lane_of(&self, provider: Provider) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.provider == provider)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn lane_of_mut(&mut self, provider: Provider) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.provider == provider)
    }

    /// Providers with a lane, in display order.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        let all = Provider::ALL.into_iter();
        all.filter(|provider| self.lane_of(*provider).is_some()).collect()
    }
}
