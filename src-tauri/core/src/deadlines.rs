//! What is under way locks a button or holds others up, and only for so long: then the button works again,
//! whatever hangs. A late result is still taken.

use super::Core;
use super::effects::Effects;
use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use sluice_engine::{AccountId, Provider, Utc};
use sluice_protocol::Code;

/// The longest that something under way holds others up, seconds.
const HELD_UP_S: u32 = 240;

/// Something under way that holds others up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Reading(AccountId),
    Refreshing(AccountId),
    Adding(Provider),
    Removing(AccountId),
    /// The swap that was decided then.
    Swapping(Utc),
}

/// The deadline of everything under way, by its reminder.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    open: BTreeMap<u64, Task>,
}

impl Deadlines {
    pub(super) fn add(&mut self, task: Task, effects: &mut Effects) {
        self.open.insert(effects.remind(HELD_UP_S), task);
    }

    /// It has ended.
    pub(super) fn remove(&mut self, ended: Task) {
        self.open.retain(|_, task| *task != ended);
    }

    /// The task that has passed its deadline.
    pub(super) fn due(&mut self, id: u64) -> Option<Task> {
        self.open.remove(&id)
    }
}

impl Core {
    pub(super) fn unlock(&mut self, task: Task) {
        match task {
            Task::Reading(account) => {
                if self.polls.is_reading(account) {
                    self.polls.stop(account, &mut self.world);
                }
            }
            Task::Refreshing(account) => {
                if self.refreshes.end(account) {
                    let text = "Its login could not be renewed: no answer within four minutes.";
                    self.profiles.set_problem(account, Some(text.to_owned()));
                }
            }
            Task::Adding(provider) => {
                let text = "The seat did not answer; what it holds was left as it is.";
                let refusal = (Code::Timeout, text.to_owned());
                self.seats.refuse_adding(provider, refusal, &mut self.effects);
            }
            Task::Removing(account) => {
                if let Some(call) = self.removals.stop_waiting(account) {
                    let text = "The keychain did not answer; the account goes when it does.";
                    self.effects.refuse(call, Code::Timeout, text);
                }
            }
            Task::Swapping(at) => {
                if let Some(call) = self.swaps.stop_waiting(at) {
                    let text = "The swap has not answered; nothing else is begun until it does.";
                    self.effects.refuse(call, Code::Timeout, text);
                }
            }
        }
    }
}
