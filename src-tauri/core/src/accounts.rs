//! An account beside what the engine sees: its label, its key and the state of its login.

use super::{Card, Core};
use crate::ports::KeptAccount;
use alloc::string::String;
use sluice_engine::{AccountId, Login};

impl Core {
    pub(crate) fn label(&self, account: AccountId) -> &str {
        self.cards.get(&account).map_or("an account that is gone", |card| &card.label)
    }

    pub(super) fn key(&self, account: AccountId) -> String {
        self.cards.get(&account).map(|card| card.identity.key.clone()).unwrap_or_default()
    }

    pub(super) fn take_in(&mut self, kept: KeptAccount) {
        let card = Card {
            identity: kept.identity,
            label: kept.label,
            kept: kept.kept,
            proven_at: None,
            also_in: None,
            refused: false,
            problem: None,
        };
        self.cards.insert(kept.account.id, card);
        self.polls.entry(kept.account.id).or_default();
        self.world.accounts.push(kept.account);
    }

    pub(super) fn kept_account(&self, id: AccountId) -> Option<KeptAccount> {
        let card = self.cards.get(&id)?;
        Some(KeptAccount {
            account: self.account(id)?.clone(),
            identity: card.identity.clone(),
            label: card.label.clone(),
            kept: card.kept,
        })
    }

    pub(super) fn set_login(&mut self, id: AccountId, login: Login) {
        let refused = login.is_usable() && self.awaits_sign_in(id);
        let Some(account) = self.account_mut(id) else { return };
        if account.login == login || refused {
            return;
        }
        account.login = login;
        self.store_account(id);
    }
}
