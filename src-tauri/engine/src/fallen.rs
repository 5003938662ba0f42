//! What the world knows of windows that emptied early: of one account, and of several together.

use crate::fall::{Fall, FallCause, Watch};
use crate::units::{AccountId, Utc};
use crate::world::World;
use alloc::vec::Vec;

impl World {
    /// The account's last falls, oldest first.
    #[must_use]
    pub fn falls(&self, account: AccountId) -> &[Fall] {
        self.watches.get(&account).map_or(&[][..], Watch::falls)
    }

    /// The account's windows that were seen to fall with its reading of `at`.
    #[must_use]
    pub fn fell_at(&self, account: AccountId, at: Utc) -> Vec<Fall> {
        self.falls(account).iter().filter(|fall| fall.at == at).cloned().collect()
    }

    /// A limit reset of the account was seen to be gone at `at`: what fell about then fell by it.
    pub fn limit_reset_spent(&mut self, account: AccountId, at: Utc) {
        self.watches.entry(account).or_default().spent(at);
    }

    /// The account fell at `at`; where others of its provider did so lately and nobody said why, the
    /// provider gave it.
    pub(crate) fn fell_together(&mut self, account: AccountId, at: Utc) {
        let Some(provider) = self.account(account).map(|found| found.provider) else { return };
        let peers = self.accounts.iter().filter(|one| one.provider == provider);
        let fell: Vec<AccountId> = peers
            .map(|peer| peer.id)
            .filter(|id| {
                let watch = self.watches.get_mut(id);
                watch.is_some_and(|watch| watch.may_be_promotion(at).next().is_some())
            })
            .collect();
        if fell.len() < 2 || !fell.contains(&account) {
            return;
        }
        for id in fell {
            if let Some(watch) = self.watches.get_mut(&id) {
                let falls = watch.may_be_promotion(at);
                falls.for_each(|fall| fall.cause = FallCause::Promotion);
            }
        }
    }
}
