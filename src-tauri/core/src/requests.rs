//! Requests of front ends: checked, carried out, or refused with a reason.

use super::accounts::{Profiles, clean_label};
use super::effects::Refusal;
use super::notices::Notices;
use super::storing::gates;
use super::telling::{SNOOZE_S, Word};
use super::{AfterStore, CallId, Core, Effect};
use crate::ports::PortError;
use crate::records::{Query, Record};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use sluice_engine::{Account, AccountId, Now, Provider, Utc, World};
use sluice_protocol::limits::{CAUSE_BYTES_MAX, PAUSE_MAX_MS, ROWS_MAX};
use sluice_protocol::{Answer, Cause, Code, DecisionAction, DecisionFilter, Request};

impl Core {
    pub(super) fn on_call(&mut self, call: CallId, request: Request, now: Now) {
        match request {
            Request::Status | Request::Watch => {
                let view = crate::view::view(self, now.wall);
                self.publishing.show(call, view, now.wall, &mut self.effects);
            }
            Request::Add { provider, label } => self.begin_adding(call, provider, label),
            Request::Remove { account } => self.remove(call, account),
            edits @ (Request::Rename { .. }
            | Request::Reorder { .. }
            | Request::SetEnabled { .. }
            | Request::SetAutomatic { .. }
            | Request::Pause { .. }
            | Request::Resume { .. }
            | Request::Snooze { .. }) => self.on_edit(call, edits, now),
            Request::Swap { to } if self.swaps.has_room() => self.ask_swap(call, to, now),
            Request::Swap { .. } => {
                self.effects.refuse(call, Code::Busy, "Too many swaps are waiting already.")
            }
            Request::PointLane { lane, to, expected_generation: expected } => {
                self.point_lane(call, lane, to, expected, now)
            }
            Request::LeaveWalled { lane, generation } => {
                self.leave_walled(call, lane, generation, now)
            }
            runs @ (Request::LookAtRuns
            | Request::Acquire(_)
            | Request::Started { .. }
            | Request::Finished { .. }
            | Request::Failure(_)
            | Request::BindLane { .. }
            | Request::SetLaneAutomatic { .. }
            | Request::SetCap { .. }
            | Request::Reconcile { .. }
            | Request::Release { .. }) => self.effects.about_runs(call, runs),
            Request::SetMode { provider, mode } => {
                let value = serde_json::to_value(mode).unwrap_or_default();
                self.set(call, format!("mode.{}", provider.name()), value);
            }
            Request::SetResets { account, count, until_ms } => {
                self.set_resets(call, account, (count, until_ms), now)
            }
            Request::Stop => self.set(call, "stopped".to_owned(), true.into()),
            Request::Start => self.set(call, "stopped".to_owned(), false.into()),
            Request::Refresh { account } => self.want_numbers(call, account),
            Request::Decisions { .. }
            | Request::Stranded { .. }
            | Request::Replay { .. }
            | Request::Swaps { .. }
            | Request::History { .. } => self.look_up(call, request, now),
            Request::Metrics { show_mail } => {
                let page = Box::new(crate::view::page(self, show_mail, now.wall));
                self.effects.push(Effect::Metrics { call: Some(call), page });
            }
            Request::Settings => {
                let (values, idle) = (self.settings.values(), self.settings.idle());
                let idle = idle.into_iter().map(str::to_owned).collect();
                self.effects.answer(call, Answer::Settings { values, idle });
            }
            Request::Set { key, value } => self.set(call, key, value),
            Request::Quit => {
                self.ending = true;
                self.effects.answer(call, Answer::Done);
                self.effects.push(Effect::Quit);
            }
            request => self.on_wish(call, &request, now),
        }
    }

    /// What is changed in the state, and answered once it is kept.
    fn on_edit(&mut self, call: CallId, request: Request, now: Now) {
        let (world, effects) = (&mut self.world, &mut self.effects);
        match request {
            Request::Rename { account, label } => {
                effects.keep(call, rename(&mut self.profiles, world, account, &label));
            }
            Request::Reorder { accounts } => effects.keep(call, reorder(world, accounts)),
            Request::SetEnabled { account, enabled } => {
                let change = |found: &mut Account| found.enabled = enabled;
                effects.keep(call, edit(world, &self.profiles, account, change));
            }
            Request::SetAutomatic { account, automatic } => {
                let change = |found: &mut Account| found.automatic = automatic;
                effects.keep(call, edit(world, &self.profiles, account, change));
            }
            Request::Pause { provider, until_ms } => {
                effects.keep(call, pause(world, provider, until_ms, now.wall));
            }
            Request::Resume { provider } => {
                effects.keep(call, set_pause(world, provider, None));
                for provider in world.providers() {
                    self.lanes.want_decision_of(provider, world);
                }
            }
            Request::Snooze { cause, until_ms } => {
                effects.keep(call, snooze(&mut self.notices, cause, until_ms, now.wall));
            }
            other => tracing::error!(?other, "nothing to change"),
        }
    }

    /// What the database answers.
    fn look_up(&mut self, call: CallId, request: Request, now: Now) {
        let query = match request {
            Request::Decisions {
                only: DecisionFilter { action: Some(DecisionAction::Other), .. },
                ..
            } => {
                let known = DecisionAction::TAKEN.map(DecisionAction::name).join(", ");
                let text = format!("There is no such action; those there are: {known}.");
                return self.effects.refuse(call, Code::Invalid, text);
            }
            Request::Decisions { limit, before, only } => {
                Query::Decisions { limit: limit.clamp(1, ROWS_MAX), before, only }
            }
            Request::Swaps { limit } => Query::Swaps { limit: limit.clamp(1, ROWS_MAX) },
            Request::Stranded { since_ms } => Query::Stranded { since: Utc::from_millis(since_ms) },
            Request::Replay { since_ms, policy } => {
                Query::Replay { since: Utc::from_millis(since_ms), until: now.wall, policy }
            }
            Request::History { account, since_ms } => {
                Query::History { account, since: Utc::from_millis(since_ms) }
            }
            other => {
                tracing::error!(?other, "not a look-up");
                return self.effects.refuse(call, Code::Invalid, "That is nothing to look up.");
            }
        };
        self.effects.push(Effect::Look { query, call });
    }

    fn set(&mut self, call: CallId, key: String, value: serde_json::Value) {
        let before = self.settings.clone();
        if let Err(text) = self.settings.set(&key, &value) {
            return self.effects.refuse(
                call,
                Code::Invalid,
                format!("{key} was not changed: {text}."),
            );
        }
        self.settings.rule(&mut self.world);
        if key.starts_with("work.") {
            self.effects.push(Effect::ExpandCalendar);
        }
        for provider in self.world.providers() {
            if before.mode(provider) != self.settings.mode(provider) {
                self.lanes.want_decision_of(provider, &self.world);
                if let Some(over) = self.lanes.forget_advice(provider, &self.world) {
                    self.notices.end(&over.cause);
                }
            }
        }
        if before.stopped && !self.settings.stopped {
            for provider in self.world.providers() {
                self.seats.look(provider, &mut self.effects);
            }
        }
        self.effects.store(
            Record::Setting { key, value },
            AfterStore::Answer(call, Box::new(Answer::Done)),
        );
    }

    fn want_numbers(&mut self, call: CallId, account: Option<AccountId>) {
        if self.settings.stopped {
            return self.effects.refuse(
                call,
                Code::Stopped,
                "Sluice is stopped; nothing is read until you start it again.",
            );
        }
        if account.is_some_and(|account| self.world.account(account).is_none()) {
            return self.effects.refuse(call, Code::UnknownAccount, "There is no such account.");
        }
        if self.options.offline {
            let text = "No driver is running to read anything later: start the tray \
                        (`sluice-app`) or `sluice daemon`, or wait for the numbers (`--wait`).";
            return self.effects.refuse(call, Code::NoDriver, text);
        }
        match account {
            Some(account) => self.polls.want(account),
            None => self.polls.want_all(),
        }
        for provider in self.world.providers() {
            self.effects.push(Effect::ReadToolNumbers(provider));
        }
        self.effects.answer(call, Answer::Done);
    }

    pub(super) fn on_stored(&mut self, then: AfterStore, result: Result<i64, PortError>, now: Now) {
        match (&result, now) {
            (Ok(_), _) => self.notices.end(&Cause::Ledger),
            (Err(trouble), now) => self.tell(Word::ledger(trouble), now),
        }
        match then {
            AfterStore::Nothing => {}
            AfterStore::Tidied => {
                if result == Ok(1) {
                    self.effects.store(Record::Tidy { now: now.wall }, AfterStore::Tidied);
                }
            }
            AfterStore::Found(lane, written) => {
                self.findings.stored(lane, written, result.ok(), &mut self.world);
                // Page *At work* shows the lanes as the ledger has them.
                self.effects.push(Effect::LookAtRuns);
            }
            AfterStore::Tell(notice, at) => {
                self.effects.push(Effect::Tell { notice, row: result.ok(), at });
            }
            AfterStore::Enrol(provider) => self.on_enrolled(provider, result),
            AfterStore::Read { account, wishes } => {
                self.wishes_after_reading(account, &wishes, now)
            }
            AfterStore::Decided { lane, number } => {
                if let Ok(row) = result {
                    self.lanes.stored(lane, row);
                }
                self.on_recorded(number, result, now);
            }
            AfterStore::Answer(call, answer) => match result {
                Ok(_) => self.effects.answer(call, *answer),
                Err(trouble) => self.effects.refuse(
                    call,
                    trouble.code,
                    format!(
                        "It holds until Sluice ends, but could not be written down: {}",
                        trouble.text
                    ),
                ),
            },
        }
    }
}

/// The label of an account is changed.
fn rename(
    profiles: &mut Profiles,
    world: &World,
    account: AccountId,
    label: &str,
) -> Result<Option<Record>, Refusal> {
    let label = clean_label(label).map_err(|text| (Code::Invalid, text))?;
    if !profiles.rename(account, label) {
        return Err(no_such_account());
    }
    Ok(kept(profiles, world, account))
}

/// What the engine sees of an account is changed.
fn edit(
    world: &mut World,
    profiles: &Profiles,
    account: AccountId,
    change: impl FnOnce(&mut Account),
) -> Result<Option<Record>, Refusal> {
    world.find_account_mut(account).map(change).ok_or_else(no_such_account)?;
    Ok(kept(profiles, world, account))
}

fn kept(profiles: &Profiles, world: &World, account: AccountId) -> Option<Record> {
    profiles.to_keep(account, world).map(|kept| Record::Account(Box::new(kept)))
}

fn no_such_account() -> Refusal {
    (Code::UnknownAccount, "There is no such account.".to_owned())
}

fn reorder(world: &mut World, accounts: Vec<AccountId>) -> Result<[Record; 1], Refusal> {
    let known: BTreeSet<_> = world.accounts.iter().map(|account| account.id).collect();
    let asked: BTreeSet<_> = accounts.iter().copied().collect();
    if known != asked || asked.len() != accounts.len() {
        let text = "The order must name every account exactly once.";
        return Err((Code::Invalid, text.to_owned()));
    }
    for (position, id) in (0_i64..).zip(&accounts) {
        if let Some(account) = world.find_account_mut(*id) {
            account.position = position;
        }
    }
    Ok([Record::Reordered(accounts)])
}

fn pause(
    world: &mut World,
    provider: Option<Provider>,
    until_ms: i64,
    now: Utc,
) -> Result<Vec<Record>, Refusal> {
    let ahead = until_ms.saturating_sub(now.millis());
    if !(1..=PAUSE_MAX_MS).contains(&ahead) {
        let text = "A pause must end within the next 31 days.";
        return Err((Code::Invalid, text.to_owned()));
    }
    set_pause(world, provider, Some(Utc::from_millis(until_ms)))
}

fn set_pause(
    world: &mut World,
    provider: Option<Provider>,
    until: Option<Utc>,
) -> Result<Vec<Record>, Refusal> {
    let meant = world.lanes.iter().filter(|lane| provider.is_none_or(|one| one == lane.provider));
    let ids: Vec<_> = meant.map(|lane| lane.id).collect();
    if ids.is_empty() {
        let text = "There is nothing to pause for this provider.";
        return Err((Code::Unsupported, text.to_owned()));
    }
    for id in &ids {
        match until {
            Some(until) => world.pause(*id, until),
            None => world.resume(*id),
        }
    }
    Ok(ids.into_iter().filter_map(|id| gates(world, id)).collect())
}

fn snooze(
    notices: &mut Notices,
    cause: Cause,
    until_ms: i64,
    now: Utc,
) -> Result<[Record; 1], Refusal> {
    let ahead = until_ms.saturating_sub(now.millis());
    let length = cause.to_string().len();
    if length == 0 || length > CAUSE_BYTES_MAX || ahead > PAUSE_MAX_MS {
        let text = "A snooze names a cause and ends within 31 days.";
        return Err((Code::Invalid, text.to_owned()));
    }
    // The button of a notice that was answered late means an hour from then on.
    let until = if ahead > 0 { Utc::from_millis(until_ms) } else { now.plus_seconds(SNOOZE_S) };
    notices.snooze(&cause, until);
    Ok([Record::Snooze { cause, until }])
}
