//! Reads every kept login back: at the start, once a day, when the keychain is back and when something was
//! missing. The index alone is never believed; an item may have gone with its keychain.

use super::{Core, Effect};
use crate::ports::{Kept, PortError};
use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Login, Now};
use sluice_protocol::{Cause, Code};

impl Core {
    pub(super) fn drive_keeping(&mut self, now: Now) {
        if self.options.offline || !self.health.keychain_answers() {
            return;
        }
        if self.chores.is_read_back_due(now.wall) {
            let accounts = self.world.accounts.iter();
            let all: Vec<_> = accounts.map(|found| (found.id, found.provider)).collect();
            for (account, provider) in all {
                self.effects.push(Effect::ReadKept { provider, account });
            }
        }
        self.effects.wake_by(self.chores.read_back_due());
    }

    pub(super) fn on_kept(
        &mut self,
        account: AccountId,
        result: Result<Kept, PortError>,
        now: Now,
    ) {
        match result {
            Ok(kept) => self.on_held(account, kept),
            Err(trouble) if trouble.code == Code::NoCredential => self.on_lost(account, now),
            // A store that does not answer says nothing about what it keeps.
            Err(trouble) => {
                tracing::debug!(account = account.0, code = trouble.code.name(), "not read back");
                self.chores.read_back_soon(now.wall);
            }
        }
    }

    fn on_held(&mut self, account: AccountId, kept: Kept) {
        self.profiles.keep_first(account, kept);
        if self.world.account(account).is_some_and(|found| found.login == Login::Missing) {
            // Its keychain is back.
            self.set_login(account, Login::Unverified);
            self.profiles.set_problem(account, None);
            self.notices.end(&Cause::SignIn(account));
        }
    }

    /// The store answers and has nothing usable of it.
    fn on_lost(&mut self, account: AccountId, now: Now) {
        let Some(provider) = self.world.account(account).map(|found| found.provider) else {
            return;
        };
        if self.seats.is_capturing_for(account) || self.seats.is_adding(provider) {
            return self.chores.read_back_soon(now.wall);
        }
        let live = self.seats.is_live(account);
        if live && !self.options.offline && self.settings.watches(provider) {
            // It is in its tool's seat: a look there keeps it as if it were new.
            tracing::warn!(
                account = account.0,
                "the store has lost the live login; it is stored again"
            );
            self.seats.forget_kept(provider);
            self.seats.look(provider, &mut self.effects);
            return self.chores.read_back_soon(now.wall);
        }
        self.set_login(account, Login::Missing);
        let word = self.texts().lost(account, live);
        self.profiles.set_problem(account, Some(word.text().to_owned()));
        self.tell(word, now);
    }
}
