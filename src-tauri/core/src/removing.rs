//! Removing an account: first what is kept of its login, then the account. Its history stays.

use super::deadlines::Task;
use super::{AfterStore, CallId, Core, Effect};
use crate::ports::PortError;
use crate::records::Record;
use alloc::collections::BTreeMap;
use sluice_engine::{AccountId, Now};
use sluice_protocol::{Answer, Cause, Code, Request};

/// What is being removed, and who still waits for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Removals {
    open: BTreeMap<AccountId, Option<CallId>>,
}

impl Removals {
    fn is_open(&self, account: AccountId) -> bool {
        self.open.contains_key(&account)
    }

    /// Nobody waits for it any more; it goes on all the same.
    pub(super) fn stop_waiting(&mut self, account: AccountId) -> Option<CallId> {
        self.open.get_mut(&account).and_then(Option::take)
    }
}

impl Core {
    pub(super) fn drop_account(&mut self, account: AccountId, now: Now) {
        self.world.accounts.retain(|found| found.id != account);
        self.world.resets.remove(&account);
        self.profiles.remove(account);
        self.polls.remove(account);
        self.plans.forget(account);
        self.canary.forget(account);
        self.world.watches.remove(&account);
        self.refreshes.put_off_no_more(account);
        self.effects.store(Record::Removed { account, at: now.wall }, AfterStore::Nothing);
    }

    pub(super) fn remove(&mut self, call: CallId, account: AccountId) {
        let Some(provider) = self.world.account(account).map(|found| found.provider) else {
            return self.effects.refuse(call, Code::UnknownAccount, "There is no such account.");
        };
        if self.seats.is_live(account) {
            if self.look_first(provider, call, Request::Remove { account }) {
                return;
            }
            let text =
                "It is live. Swap to another account first; its login stays kept until then.";
            return self.effects.refuse(call, Code::LiveAccount, text);
        }
        let swapping = self.swaps.under_way().is_some_and(|order| {
            order.to.0 == account || order.from.as_ref().is_some_and(|from| from.0 == account)
        });
        if swapping || self.refreshes.is_busy_with(account) || self.removals.is_open(account) {
            return self.effects.refuse(
                call,
                Code::Busy,
                "It is being worked on; try again in a moment.",
            );
        }
        self.removals.open.insert(account, Some(call));
        self.deadlines.add(Task::Removing(account), &mut self.effects);
        self.effects.push(Effect::Forget(account));
    }

    pub(super) fn on_forgotten(
        &mut self,
        account: AccountId,
        result: Result<(), PortError>,
        now: Now,
    ) {
        let Some(call) = self.removals.open.remove(&account) else { return };
        self.deadlines.remove(Task::Removing(account));
        if let Err(trouble) = result {
            if let Some(call) = call {
                self.effects.refuse(call, trouble.code, trouble.text);
            }
            return;
        }
        self.notices.end(&Cause::SignIn(account));
        self.drop_account(account, now);
        if let Some(call) = call {
            self.effects.answer(call, Answer::Done);
        }
    }
}
