//! Reads every kept login back: at the start, once a day, when the keychain is back and when something was
//! missing. The index alone is never believed; an item may have gone with its keychain.

use super::{Core, Effect};
use crate::ports::{Health, Kept, Trouble};
use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Login, Now, Provider};

/// What is kept is read back at least this often, seconds.
const KEPT_S: i64 = 24 * 3_600;
/// What could not be read, or is being stored again, is read once more after this, seconds.
const AGAIN_S: i64 = 300;

impl Core {
    pub(super) fn drive_keeping(&mut self, now: Now) {
        if self.options.offline || self.health != Health::Ok {
            return;
        }
        if self.kept_due.is_none_or(|due| due <= now.wall) {
            self.kept_due = Some(now.wall.plus_seconds(KEPT_S));
            let accounts = self.world.accounts.iter();
            let all: Vec<_> = accounts.map(|found| (found.id, found.provider)).collect();
            for (account, provider) in all {
                self.out.push(Effect::ReadKept { provider, account });
            }
        }
        self.wake_by(self.kept_due);
    }

    /// Something that should be kept was not found: everything is read back now.
    pub(super) fn doubt_keeping(&mut self) {
        self.kept_due = None;
    }

    fn read_back_soon(&mut self, now: Now) {
        let soon = now.wall.plus_seconds(AGAIN_S);
        self.kept_due = Some(self.kept_due.map_or(soon, |due| due.min(soon)));
    }

    pub(super) fn on_kept(&mut self, account: AccountId, result: Result<Kept, Trouble>, now: Now) {
        match result {
            Ok(kept) => self.on_held(account, kept),
            Err(trouble) if trouble.code == "no_credential" => self.on_lost(account, now),
            // A store that does not answer says nothing about what it keeps.
            Err(trouble) => {
                tracing::debug!(account = account.0, code = trouble.code, "not read back");
                self.read_back_soon(now);
            }
        }
    }

    fn on_held(&mut self, account: AccountId, kept: Kept) {
        if let Some(card) = self.cards.get_mut(&account)
            && card.kept.is_none()
        {
            card.kept = Some(kept);
        }
        if self.account(account).is_some_and(|found| found.login == Login::Missing) {
            // Its keychain is back.
            self.set_login(account, Login::Unverified);
            self.problem(account, None);
            self.end_cause(&format!("sign_in:{}", account.0));
        }
    }

    /// The store answers and has nothing usable of it.
    fn on_lost(&mut self, account: AccountId, now: Now) {
        let Some(provider) = self.account(account).map(|found| found.provider) else { return };
        if self.capturing.values().any(|busy| *busy == account)
            || self.adding.contains_key(&provider)
        {
            return self.read_back_soon(now);
        }
        if self.is_live(account) && self.keeps_by_itself(provider) {
            return self.store_again(provider, account, now);
        }
        self.set_login(account, Login::Missing);
        let text = self.tell_lost(account, now);
        self.problem(account, Some(text));
    }

    /// It is in its tool's seat: a look there keeps it as if it were new.
    fn store_again(&mut self, provider: Provider, account: AccountId, now: Now) {
        tracing::warn!(
            account = account.0,
            "the store has lost the live login; it is stored again"
        );
        if let Some(book) = self.seats.get_mut(&provider) {
            book.kept_fingerprint = None;
        }
        self.read_seat(provider);
        self.read_back_soon(now);
    }

    fn tell_lost(&mut self, account: AccountId, now: Now) -> String {
        let label = self.label(account).to_owned();
        if self.is_live(account) {
            let text = format!(
                "The store of logins has none of {label} any more. It is live in its tool, so `sluice \
                 add` stores it again."
            );
            // Nobody has to sign in for that.
            let (cause, title) = (
                format!("sign_in:{}", account.0),
                format!("The login of {label} is not kept any more"),
            );
            self.need(&cause, "not_kept", Some(account), &text);
            self.tell(&cause, "sign_in", title, text.clone(), Vec::new(), now);
            return text;
        }
        let text = format!(
            "The store of logins has none of {label} any more; its keychain may have been made anew. \
             Sign in as it with the tool, then `sluice add`; its history is kept."
        );
        self.tell_sign_in_for(account, text.clone(), now);
        text
    }
}
