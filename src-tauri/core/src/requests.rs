//! Requests of front ends: checked, carried out, or refused with a reason.

use super::telling::SNOOZE_S;
use super::{AfterStore, CallId, Core, Effect};
use crate::ports::PortError;
use crate::records::{Query, Record};
use crate::settings::Settings;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use sluice_engine::{Account, AccountId, Now, Policy, Provider, Utc};
use sluice_protocol::limits::{CAUSE_BYTES_MAX, LABEL_CHARS_MAX, PAUSE_MAX_MS, ROWS_MAX};
use sluice_protocol::{Answer, Cause, Code, DecisionFilter, Mode, Request, refused};

impl Core {
    pub(super) fn on_call(&mut self, call: CallId, request: Request, now: Now) {
        match request {
            Request::Status | Request::Watch => self.show(call, now),
            Request::Add { provider, label } => self.begin_adding(call, provider, label),
            Request::Remove { account } => self.remove(call, account),
            Request::Rename { account, label } => self.rename(call, account, &label),
            Request::Reorder { accounts } => self.reorder(call, &accounts),
            Request::SetEnabled { account, enabled } => {
                self.edit(call, account, |found| found.enabled = enabled);
            }
            Request::SetAutomatic { account, automatic } => {
                self.edit(call, account, |found| found.automatic = automatic);
            }
            Request::Swap { to } if self.asked_swaps.has_room() => self.ask_swap(call, to, now),
            Request::Swap { .. } => {
                self.refuse(call, Code::Busy, "Too many swaps are waiting already.")
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
            | Request::Release { .. }) => self.about_runs(call, runs),
            Request::Pause { provider, until_ms } => self.pause(call, provider, until_ms, now),
            Request::Resume { provider } => self.resume(call, provider),
            Request::SetMode { provider, mode } => {
                let value = serde_json::to_value(mode).unwrap_or_default();
                self.set(call, format!("mode.{}", provider.name()), value);
            }
            Request::Stop => self.set(call, "stopped".to_owned(), true.into()),
            Request::Start => self.set(call, "stopped".to_owned(), false.into()),
            Request::Refresh { account } => self.want_numbers(call, account),
            Request::Decisions { .. }
            | Request::Stranded { .. }
            | Request::Replay { .. }
            | Request::Swaps { .. }
            | Request::History { .. } => self.look_up(call, request, now),
            Request::Metrics { show_mail } => self.show_metrics(call, show_mail, now),
            Request::Settings => {
                let (values, idle) = (self.settings.values(), self.settings.idle());
                let idle = idle.into_iter().map(str::to_owned).collect();
                self.answer(call, Answer::Settings { values, idle });
            }
            Request::Set { key, value } => self.set(call, key, value),
            Request::Snooze { cause, until_ms } => self.snooze(call, cause, until_ms, now),
            Request::Quit => {
                self.ending = true;
                self.answer(call, Answer::Done);
                self.effects.push(Effect::Quit);
            }
            request => self.on_wish(call, &request, now),
        }
    }

    pub(super) fn on_restarted(&mut self, call: CallId, result: Result<(), PortError>) {
        match result {
            Ok(()) => self.answer(call, Answer::Done),
            Err(trouble) => self.refuse(call, trouble.code, trouble.text),
        }
    }

    /// What the database answers.
    fn look_up(&mut self, call: CallId, request: Request, now: Now) {
        let query = match request {
            Request::Decisions { only: DecisionFilter { action: Some(action), .. }, .. }
                if !["stay", "swap", "advise"].contains(&action.as_str()) =>
            {
                let text = format!("{action} is no action; there are stay, swap and advise.");
                return self.refuse(call, Code::Invalid, text);
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
                return self.refuse(call, Code::Invalid, "That is nothing to look up.");
            }
        };
        self.look(call, query);
    }

    pub(super) fn answer(&mut self, call: CallId, answer: Answer) {
        self.effects.answer(call, answer);
    }

    pub(super) fn refuse(&mut self, call: CallId, code: Code, text: impl Into<String>) {
        self.answer(call, refused(code, text));
    }

    fn show(&mut self, call: CallId, now: Now) {
        let mut view = crate::view::view(self, now.wall);
        view.revision = self.publishing.revision();
        view.at_ms = now.wall.millis();
        self.answer(call, Answer::View(Box::new(view)));
    }

    /// What concerns lanes and tools at work is carried out beside the loop.
    fn about_runs(&mut self, call: CallId, request: Request) {
        if request == Request::LookAtRuns {
            self.effects.push(Effect::LookAtRuns);
            return self.answer(call, Answer::Done);
        }
        self.effects.push(Effect::AboutRuns { request: Box::new(request), call });
    }

    fn look(&mut self, call: CallId, query: Query) {
        self.effects.push(Effect::Look { query, call });
    }

    pub(super) fn want_decisions_of(&mut self, provider: Provider) {
        if let Some(lane) = self.lane(provider).map(|lane| lane.id) {
            self.lanes.want_decision(lane);
        }
    }

    fn rename(&mut self, call: CallId, account: AccountId, label: &str) {
        let label = match clean_label(label) {
            Ok(label) => label,
            Err(text) => return self.refuse(call, Code::Invalid, text),
        };
        if !self.profiles.rename(account, label) {
            return self.refuse(call, Code::UnknownAccount, "There is no such account.");
        }
        self.stored_answer(call, account);
    }

    fn edit(&mut self, call: CallId, account: AccountId, change: impl FnOnce(&mut Account)) {
        let Some(found) = self.account_mut(account) else {
            return self.refuse(call, Code::UnknownAccount, "There is no such account.");
        };
        change(found);
        self.stored_answer(call, account);
    }

    fn stored_answer(&mut self, call: CallId, account: AccountId) {
        if let Some(kept) = self.kept_account(account) {
            self.effects.store(
                Record::Account(Box::new(kept)),
                AfterStore::Answer(call, Box::new(Answer::Done)),
            );
        }
    }

    fn reorder(&mut self, call: CallId, accounts: &[AccountId]) {
        let known: BTreeSet<_> = self.world.accounts.iter().map(|account| account.id).collect();
        let asked: BTreeSet<_> = accounts.iter().copied().collect();
        if known != asked || asked.len() != accounts.len() {
            return self.refuse(
                call,
                Code::Invalid,
                "The order must name every account exactly once.",
            );
        }
        for (position, id) in (0_i64..).zip(accounts) {
            if let Some(account) = self.account_mut(*id) {
                account.position = position;
            }
        }
        self.effects.store(
            Record::Reordered(accounts.to_vec()),
            AfterStore::Answer(call, Box::new(Answer::Done)),
        );
    }

    fn pause(&mut self, call: CallId, provider: Option<Provider>, until_ms: i64, now: Now) {
        let ahead = until_ms.saturating_sub(now.wall.millis());
        if !(1..=PAUSE_MAX_MS).contains(&ahead) {
            return self.refuse(call, Code::Invalid, "A pause must end within the next 31 days.");
        }
        self.set_pause(call, provider, Some(Utc::from_millis(until_ms)));
    }

    fn resume(&mut self, call: CallId, provider: Option<Provider>) {
        self.set_pause(call, provider, None);
        for provider in self.providers() {
            self.want_decisions_of(provider);
        }
    }

    fn set_pause(&mut self, call: CallId, provider: Option<Provider>, until: Option<Utc>) {
        let ids: Vec<_> = self
            .world
            .lanes
            .iter()
            .filter(|lane| provider.is_none_or(|provider| provider == lane.provider))
            .map(|lane| lane.id)
            .collect();
        let Some(last) = ids.last().copied() else {
            return self.refuse(
                call,
                Code::Unsupported,
                "There is nothing to pause for this provider.",
            );
        };
        for id in ids {
            match until {
                Some(until) => self.world.pause(id, until),
                None => self.world.resume(id),
            }
            let answer = || AfterStore::Answer(call, Box::new(Answer::Done));
            let then = if id == last { answer() } else { AfterStore::Nothing };
            self.store_gates(id, then);
        }
    }

    fn set(&mut self, call: CallId, key: String, value: serde_json::Value) {
        let before = self.settings.clone();
        if let Err(text) = self.settings.set(&key, &value) {
            return self.refuse(call, Code::Invalid, format!("{key} was not changed: {text}."));
        }
        self.obey_settings();
        if key.starts_with("work.") {
            self.effects.push(Effect::ExpandCalendar);
        }
        for provider in self.providers() {
            if before.mode(provider) != self.mode(provider) {
                self.want_decisions_of(provider);
                self.forget_advice(provider);
            }
        }
        if before.stopped && !self.settings.stopped {
            for provider in self.providers() {
                self.read_seat(provider);
            }
        }
        self.effects.store(
            Record::Setting { key, value },
            AfterStore::Answer(call, Box::new(Answer::Done)),
        );
    }

    /// What was advised for the provider's lane is over.
    pub(super) fn forget_advice(&mut self, provider: Provider) {
        let Some(lane) = self.lane(provider).map(|lane| lane.id) else { return };
        if let Some(advice) = self.lanes.take_advice(lane) {
            self.end_cause(&advice.cause);
        }
    }

    /// Carries the person's numbers into the engine's rules.
    pub(super) fn obey_settings(&mut self) {
        let usual = Settings::default();
        // What is not shown under a policy has no effect under it either, wherever it is read.
        let lines = if self.settings.policy == Policy::Tiered { &self.settings } else { &usual };
        let rules = &mut self.world.rules;
        rules.policy = self.settings.policy;
        rules.critical = lines.critical_percent;
        rules.warning = lines.warning_percent;
        rules.check_interval_s = f64::from(self.settings.poll_seconds);
        rules.read_within_s = Some(f64::from(self.settings.poll_seconds));
        rules.billing_ceiling_minor = self.settings.billing_ceiling_minor;
        for lane in &mut self.world.lanes {
            lane.gates.off =
                self.settings.stopped || self.settings.mode(lane.provider) == Mode::Off;
        }
    }

    fn want_numbers(&mut self, call: CallId, account: Option<AccountId>) {
        if self.settings.stopped {
            return self.refuse(
                call,
                Code::Stopped,
                "Sluice is stopped; nothing is read until you start it again.",
            );
        }
        if account.is_some_and(|account| self.account(account).is_none()) {
            return self.refuse(call, Code::UnknownAccount, "There is no such account.");
        }
        if self.options.offline {
            let text = "No driver is running to read anything later: start the tray \
                        (`sluice-app`) or `sluice daemon`, or wait for the numbers (`--wait`).";
            return self.refuse(call, Code::NoDriver, text);
        }
        match account {
            Some(account) => self.polls.want(account),
            None => self.polls.want_all(),
        }
        for provider in self.providers() {
            self.effects.push(Effect::ReadToolNumbers(provider));
        }
        self.answer(call, Answer::Done);
    }

    fn snooze(&mut self, call: CallId, cause: Cause, until_ms: i64, now: Now) {
        let ahead = until_ms.saturating_sub(now.wall.millis());
        let length = cause.to_string().len();
        if length == 0 || length > CAUSE_BYTES_MAX || ahead > PAUSE_MAX_MS {
            return self.refuse(
                call,
                Code::Invalid,
                "A snooze names a cause and ends within 31 days.",
            );
        }
        // The button of a notice that was answered late means an hour from then on.
        let until = Utc::from_millis(until_ms);
        let until = if ahead > 0 { until } else { now.wall.plus_seconds(SNOOZE_S) };
        self.notices.snooze(&cause, until);
        let record = Record::Snooze { cause, until };
        self.effects.store(record, AfterStore::Answer(call, Box::new(Answer::Done)));
    }

    pub(super) fn on_stored(&mut self, then: AfterStore, result: Result<i64, PortError>, now: Now) {
        match (&result, now) {
            (Ok(_), _) => self.end_cause(&Cause::Ledger),
            (Err(trouble), now) => self.tell_ledger(trouble, now),
        }
        match then {
            AfterStore::Nothing => {}
            AfterStore::Tidied => {
                if result == Ok(1) {
                    self.effects.store(Record::Tidy { now: now.wall }, AfterStore::Tidied);
                }
            }
            AfterStore::Found(lane, written) => self.on_found(lane, written, result.ok()),
            AfterStore::Tell(notice, at) => {
                self.effects.push(Effect::Tell { notice, row: result.ok(), at });
            }
            AfterStore::Enrol(provider) => self.on_enrolled(provider, result),
            AfterStore::Decided { lane, number } => {
                if let Ok(row) = result {
                    self.on_decided(lane, row);
                }
                self.on_recorded(number, result, now);
            }
            AfterStore::Answer(call, answer) => match result {
                Ok(_) => self.answer(call, *answer),
                Err(trouble) => self.refuse(
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

    /// Whether a provider is watched at all.
    pub(crate) fn watched(&self, provider: Provider) -> bool {
        !self.settings.stopped && self.mode(provider) != Mode::Off
    }
}

pub(super) fn clean_label(label: &str) -> Result<String, String> {
    let label = label.trim();
    let sane = !label.is_empty()
        && label.chars().count() <= LABEL_CHARS_MAX
        && !label.chars().any(sluice_protocol::text::is_unseen);
    if sane {
        Ok(label.to_owned())
    } else {
        Err(format!("A name has 1 to {LABEL_CHARS_MAX} visible characters."))
    }
}
