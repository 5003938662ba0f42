//! Adding the login in a seat: the seat is looked into, a new login gets its row, then its credential is kept.

use crate::deadlines::Task;
use crate::effects::{Effects, Refusal};
use crate::ports::{Identity, Kept, KeptAccount, PortError};
use crate::records::Record;
use crate::{AfterStore, CallId, Core};
use alloc::collections::BTreeMap;
use alloc::string::String;
use sluice_engine::limits::ACCOUNTS_MAX;
use sluice_engine::{Account, AccountId, Login, Now, Provider, Usage};
use sluice_protocol::{Answer, Cause, Code};

/// A login that is being added.
#[derive(Clone, Debug)]
struct Addition {
    call: CallId,
    label: Option<String>,
    identity: Option<Identity>,
    /// The account that was made for it.
    fresh: Option<AccountId>,
}

/// What is being added, by seat.
#[derive(Clone, Debug, Default)]
pub(super) struct Additions {
    open: BTreeMap<Provider, Addition>,
}

impl Additions {
    pub(super) fn is_open(&self, provider: Provider) -> bool {
        self.open.contains_key(&provider)
    }

    pub(super) fn refuse(
        &mut self,
        provider: Provider,
        (code, text): Refusal,
        effects: &mut Effects,
    ) {
        if let Some(adding) = self.open.remove(&provider) {
            effects.refuse(adding.call, code, text);
        }
    }
}

impl Core {
    pub(crate) fn begin_adding(&mut self, call: CallId, provider: Provider, label: Option<String>) {
        let label = match label.map(|label| crate::accounts::clean_label(&label)) {
            Some(Err(text)) => return self.effects.refuse(call, Code::Invalid, text),
            Some(Ok(label)) => Some(label),
            None => None,
        };
        if self.world.lane_of(provider).is_none() {
            return self.effects.refuse(
                call,
                Code::Unsupported,
                format!("{} is not supported here yet.", provider.name()),
            );
        }
        let swapping = self.swaps.is_running_for(provider);
        if swapping || self.seats.additions.is_open(provider) || self.seats.is_capturing(provider) {
            return self.effects.refuse(
                call,
                Code::Busy,
                "The seat is being worked on; try again in a moment.",
            );
        }
        if self.world.accounts.len() >= ACCOUNTS_MAX {
            return self.effects.refuse(
                call,
                Code::Invalid,
                format!("Sluice keeps at most {ACCOUNTS_MAX} accounts."),
            );
        }
        let addition = Addition { call, label, identity: None, fresh: None };
        self.seats.additions.open.insert(provider, addition);
        self.deadlines.add(Task::Adding(provider), &mut self.effects);
        self.seats.look(provider, &mut self.effects);
    }

    /// The seat was read and holds a login: it gets a row, then its credential is kept.
    pub(crate) fn go_on_adding(
        &mut self,
        provider: Provider,
        identity: Identity,
        known: Option<AccountId>,
        now: Now,
    ) {
        let label =
            self.seats.additions.open.get(&provider).and_then(|adding| adding.label.clone());
        let Some(account) = known else {
            let label = label.unwrap_or_else(|| self.profiles.free_label(provider));
            if let Some(adding) = self.seats.additions.open.get_mut(&provider) {
                if adding.identity.is_some() {
                    return;
                }
                (adding.identity, adding.label) = (Some(identity.clone()), Some(label.clone()));
            }
            let position =
                self.world.accounts.iter().map(|found| found.position + 1).max().unwrap_or(0);
            let record = Record::NewAccount { provider, identity, label, position, at: now.wall };
            return self.effects.store(record, AfterStore::Enrol(provider));
        };
        if label.is_some_and(|label| self.profiles.rename(account, label)) {
            self.profiles.store(account, &self.world, &mut self.effects);
        }
        if !self.seats.is_capturing(provider) {
            self.seats.capture(provider, account, self.profiles.key(account), &mut self.effects);
        }
    }

    pub(crate) fn on_enrolled(&mut self, provider: Provider, result: Result<i64, PortError>) {
        let Some(adding) = self.seats.additions.open.get_mut(&provider) else { return };
        let id = match result {
            Ok(row) => AccountId(row),
            Err(trouble) => {
                let refusal = (trouble.code, trouble.text);
                return self.seats.additions.refuse(provider, refusal, &mut self.effects);
            }
        };
        adding.fresh = Some(id);
        let (identity, label) = (adding.identity.take().unwrap_or_default(), adding.label.clone());
        let position =
            self.world.accounts.iter().map(|found| found.position + 1).max().unwrap_or(0);
        let account = Account {
            id,
            provider,
            plan: identity.plan.clone(),
            enabled: true,
            automatic: true,
            login: Login::Unverified,
            failures: 0,
            usage: Usage::default(),
            position,
        };
        let label = label.unwrap_or_default();
        self.take_in(KeptAccount { account, identity, label, kept: None });
        self.notices.end(&Cause::Unmanaged(provider));
        self.seats.capture(provider, id, self.profiles.key(id), &mut self.effects);
        if self.options.offline {
            return;
        }
        // Its numbers are wanted at once, not at the next round.
        self.polls.want(id);
    }

    pub(crate) fn finish_adding(
        &mut self,
        provider: Provider,
        account: AccountId,
        result: Result<Kept, PortError>,
        now: Now,
    ) {
        let Some(adding) = self.seats.additions.open.remove(&provider) else { return };
        self.deadlines.remove(Task::Adding(provider));
        match result {
            Ok(_) => {
                self.skips.sign_in(account, now.wall, &mut self.effects);
                self.set_login(account, Login::Unverified);
                self.profiles.store(account, &self.world, &mut self.effects);
                self.now_known(provider, account, now);
                if !self.options.offline {
                    self.lanes.want_decision_of(provider, &self.world);
                }
                self.effects.answer(adding.call, Answer::Account { account });
            }
            Err(trouble) => {
                if adding.fresh == Some(account) {
                    self.drop_account(account, now);
                }
                self.effects.refuse(adding.call, trouble.code, trouble.text);
            }
        }
    }
}
