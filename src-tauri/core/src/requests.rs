//! Requests of front ends: checked, carried out, or refused with a reason.

use super::telling::SNOOZE_S;
use super::wishes::Flag;
use super::{Adding, CallId, Core, Effect, Then};
use crate::ports::{Identity, Kept, KeptAccount, Trouble};
use crate::records::{Query, Record};
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::limits::ACCOUNTS_MAX;
use sluice_engine::{Account, AccountId, Login, Now, Provider, Usage, Utc};
use sluice_protocol::refused;
use sluice_protocol::{Answer, DecisionFilter, Mode, Request};

/// Rows of one answer.
const ROWS_MAX: u32 = 1_000;
/// Characters of a label.
const LABEL_MAX: usize = 50;
/// The longest pause, milliseconds.
const PAUSE_MAX_MS: i64 = 31 * 86_400_000;
/// Characters of a notice's cause.
const CAUSE_MAX: usize = 100;
/// Askers waiting for a renewal to end.
const WAITING_MAX: usize = 8;

impl Core {
    pub(super) fn on_call(&mut self, call: CallId, request: Request, now: Now) {
        match request {
            Request::Status | Request::Watch => self.show(call, now),
            Request::Add { provider, label } => self.begin_adding(call, provider, label, now),
            Request::Remove { account } => self.remove(call, account),
            Request::Rename { account, label } => self.rename(call, account, &label),
            Request::Reorder { accounts } => self.reorder(call, &accounts),
            Request::SetEnabled { account, enabled } => {
                self.edit(call, account, |found| found.enabled = enabled);
            }
            Request::SetAutomatic { account, automatic } => {
                self.edit(call, account, |found| found.automatic = automatic);
            }
            Request::Swap { to } if self.waiting.len() < WAITING_MAX => {
                self.ask_swap(call, to, now)
            }
            Request::Swap { .. } => {
                self.refuse(call, "busy", "Too many swaps are waiting already.")
            }
            Request::PointLane { lane, to, expected_generation: expected } => {
                self.point_lane(call, lane, to, expected, now)
            }
            Request::LeaveWalled { lane, generation } => {
                self.leave_walled(call, lane, generation, now)
            }
            flight @ (Request::LookAtRuns
            | Request::Acquire(_)
            | Request::Started { .. }
            | Request::Finished { .. }
            | Request::Failure(_)
            | Request::BindLane { .. }
            | Request::SetLaneAutomatic { .. }
            | Request::SetCap { .. }
            | Request::Reconcile { .. }
            | Request::Release { .. }) => self.fly(call, flight),
            Request::Pause { provider, until_ms } => self.pause(call, provider, until_ms, now),
            Request::Resume { provider } => self.resume(call, provider, now),
            Request::SetMode { provider, mode } => {
                let value = serde_json::to_value(mode).unwrap_or_default();
                self.set(call, format!("mode.{}", provider.name()), value, now);
            }
            Request::Stop => self.set(call, "stopped".to_owned(), true.into(), now),
            Request::Start => self.set(call, "stopped".to_owned(), false.into(), now),
            Request::Refresh { account } => self.want_numbers(call, account),
            Request::Decisions { .. }
            | Request::Stranded { .. }
            | Request::Replay { .. }
            | Request::Swaps { .. }
            | Request::History { .. } => self.look_up(call, request, now),
            Request::Metrics { show_mail } => self.show_metrics(call, show_mail, now),
            Request::Settings => {
                self.answer(call, Answer::Settings { values: self.settings.values() });
            }
            Request::Set { key, value } => self.set(call, key, value, now),
            Request::Snooze { cause, until_ms } => self.snooze(call, cause, until_ms, now),
            Request::Quit => {
                self.ending = true;
                self.answer(call, Answer::Done);
                self.out.push(Effect::Quit);
            }
            request => self.on_wish(call, &request, now),
        }
    }

    pub(super) fn on_restarted(&mut self, call: CallId, result: Result<(), Trouble>) {
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
                return self.refuse(call, "invalid", text);
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
                return self.refuse(call, "invalid", "That is nothing to look up.");
            }
        };
        self.look(call, query);
    }

    pub(super) fn answer(&mut self, call: CallId, answer: Answer) {
        self.out.push(Effect::Answer(call, Box::new(answer)));
    }

    fn refuse(&mut self, call: CallId, code: &str, text: impl Into<String>) {
        self.answer(call, refused(code, text));
    }

    fn show(&mut self, call: CallId, now: Now) {
        let mut view = crate::view::view(self, now.wall);
        view.revision = self.revision;
        view.at_ms = now.wall.millis();
        self.answer(call, Answer::View(Box::new(view)));
    }

    /// What concerns lanes and tools at work is carried out beside the loop.
    fn fly(&mut self, call: CallId, request: Request) {
        if request == Request::LookAtRuns {
            self.out.push(Effect::LookAtRuns);
            return self.answer(call, Answer::Done);
        }
        self.out.push(Effect::Fly { request: Box::new(request), call });
    }

    fn look(&mut self, call: CallId, query: Query) {
        self.out.push(Effect::Look { query, call });
    }

    fn begin_adding(&mut self, call: CallId, provider: Provider, label: Option<String>, _now: Now) {
        let label = match label.map(|label| clean_label(&label)) {
            Some(Err(text)) => return self.refuse(call, "invalid", text),
            Some(Ok(label)) => Some(label),
            None => None,
        };
        if self.lane(provider).is_none() {
            return self.refuse(
                call,
                "unsupported",
                format!("{} is not supported here yet.", provider.name()),
            );
        }
        let swapping = self.swap.as_ref().is_some_and(|swap| swap.order.provider == provider);
        if swapping || self.adding.contains_key(&provider) || self.capturing.contains_key(&provider)
        {
            return self.refuse(
                call,
                "busy",
                "The seat is being worked on; try again in a moment.",
            );
        }
        if self.world.accounts.len() >= ACCOUNTS_MAX {
            return self.refuse(
                call,
                "invalid",
                format!("Sluice keeps at most {ACCOUNTS_MAX} accounts."),
            );
        }
        self.adding.insert(provider, Adding { call, label, identity: None, fresh: None });
        self.flag(Flag::Adding(provider));
        self.read_seat(provider);
    }

    pub(super) fn refuse_add(&mut self, provider: Provider, code: &str, text: String) {
        if let Some(adding) = self.adding.remove(&provider) {
            self.refuse(adding.call, code, text);
        }
    }

    /// The seat was read and holds a login: it gets a row, then its credential is kept.
    pub(super) fn go_on_adding(
        &mut self,
        provider: Provider,
        identity: Identity,
        known: Option<AccountId>,
        now: Now,
    ) {
        let label = self.adding.get(&provider).and_then(|adding| adding.label.clone());
        let Some(account) = known else {
            let label = label.unwrap_or_else(|| self.free_label(provider));
            if let Some(adding) = self.adding.get_mut(&provider) {
                if adding.identity.is_some() {
                    return;
                }
                (adding.identity, adding.label) = (Some(identity.clone()), Some(label.clone()));
            }
            let position =
                self.world.accounts.iter().map(|found| found.position + 1).max().unwrap_or(0);
            let record = Record::NewAccount { provider, identity, label, position, at: now.wall };
            return self.store(record, Then::Enrol(provider));
        };
        if let Some((card, label)) = self.cards.get_mut(&account).zip(label) {
            card.label = label;
            self.store_account(account);
        }
        if !self.capturing.contains_key(&provider) {
            self.capture(provider, account);
        }
    }

    fn free_label(&self, provider: Provider) -> String {
        let taken: BTreeSet<&str> = self.cards.values().map(|card| card.label.as_str()).collect();
        let mut free =
            (1..=ACCOUNTS_MAX + 1).map(|number| sluice_protocol::label::given(provider, number));
        free.find(|label| !taken.contains(label.as_str())).unwrap_or_default()
    }

    fn on_enrolled(&mut self, provider: Provider, result: Result<i64, Trouble>) {
        let Some(adding) = self.adding.get_mut(&provider) else { return };
        let id = match result {
            Ok(row) => AccountId(row),
            Err(trouble) => return self.refuse_add(provider, trouble.code, trouble.text),
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
        self.end_cause(&format!("unmanaged:{}", provider.name()));
        self.capture(provider, id);
        if self.options.offline {
            return;
        }
        // Its numbers are wanted at once, not at the next round.
        if let Some(book) = self.polls.get_mut(&id) {
            book.wanted = true;
        }
    }

    fn want_decisions_of(&mut self, provider: Provider, now: Now) {
        if let Some(lane) = self.lane(provider).map(|lane| lane.id) {
            self.want_decision(lane, now);
        }
    }

    pub(super) fn finish_adding(
        &mut self,
        provider: Provider,
        account: AccountId,
        result: Result<Kept, Trouble>,
        now: Now,
    ) {
        let Some(adding) = self.adding.remove(&provider) else { return };
        self.unflag(Flag::Adding(provider));
        match result {
            Ok(_) => {
                self.signed_in(account, now);
                self.set_login(account, Login::Unverified);
                self.store_account(account);
                self.now_known(provider, account, now);
                if !self.options.offline {
                    self.want_decisions_of(provider, now);
                }
                self.answer(adding.call, Answer::Account { account });
            }
            Err(trouble) => {
                if adding.fresh == Some(account) {
                    self.drop_account(account, now);
                }
                self.refuse(adding.call, trouble.code, trouble.text);
            }
        }
    }

    fn drop_account(&mut self, account: AccountId, now: Now) {
        self.world.accounts.retain(|found| found.id != account);
        self.cards.remove(&account);
        self.polls.remove(&account);
        self.refresh_not_before.remove(&account);
        self.store(Record::Removed { account, at: now.wall }, Then::Nothing);
    }

    fn remove(&mut self, call: CallId, account: AccountId) {
        let Some(provider) = self.account(account).map(|found| found.provider) else {
            return self.refuse(call, "unknown_account", "There is no such account.");
        };
        if self.is_live(account) {
            if self.look_first(provider, call, Request::Remove { account }) {
                return;
            }
            let text =
                "It is live. Swap to another account first; its login stays kept until then.";
            return self.refuse(call, "live_account", text);
        }
        let swapping = self.under_way().is_some_and(|order| {
            order.to.0 == account || order.from.as_ref().is_some_and(|from| from.0 == account)
        });
        if swapping || self.refreshing == Some(account) || self.removing.contains_key(&account) {
            return self.refuse(call, "busy", "It is being worked on; try again in a moment.");
        }
        self.removing.insert(account, Some(call));
        self.flag(Flag::Removing(account));
        self.out.push(Effect::Forget(account));
    }

    pub(super) fn on_forgotten(
        &mut self,
        account: AccountId,
        result: Result<(), Trouble>,
        now: Now,
    ) {
        let Some(call) = self.removing.remove(&account) else { return };
        self.unflag(Flag::Removing(account));
        if let Err(trouble) = result {
            if let Some(call) = call {
                self.refuse(call, trouble.code, trouble.text);
            }
            return;
        }
        self.end_cause(&format!("sign_in:{}", account.0));
        self.drop_account(account, now);
        if let Some(call) = call {
            self.answer(call, Answer::Done);
        }
    }

    fn rename(&mut self, call: CallId, account: AccountId, label: &str) {
        let label = match clean_label(label) {
            Ok(label) => label,
            Err(text) => return self.refuse(call, "invalid", text),
        };
        let Some(card) = self.cards.get_mut(&account) else {
            return self.refuse(call, "unknown_account", "There is no such account.");
        };
        card.label = label;
        self.stored_answer(call, account);
    }

    fn edit(&mut self, call: CallId, account: AccountId, change: impl FnOnce(&mut Account)) {
        let Some(found) = self.account_mut(account) else {
            return self.refuse(call, "unknown_account", "There is no such account.");
        };
        change(found);
        self.stored_answer(call, account);
    }

    fn stored_answer(&mut self, call: CallId, account: AccountId) {
        if let Some(kept) = self.kept_account(account) {
            self.store(Record::Account(Box::new(kept)), Then::Answer(call, Box::new(Answer::Done)));
        }
    }

    fn reorder(&mut self, call: CallId, accounts: &[AccountId]) {
        let known: BTreeSet<_> = self.world.accounts.iter().map(|account| account.id).collect();
        let asked: BTreeSet<_> = accounts.iter().copied().collect();
        if known != asked || asked.len() != accounts.len() {
            return self.refuse(call, "invalid", "The order must name every account exactly once.");
        }
        for (position, id) in (0_i64..).zip(accounts) {
            if let Some(account) = self.account_mut(*id) {
                account.position = position;
            }
        }
        self.store(
            Record::Reordered(accounts.to_vec()),
            Then::Answer(call, Box::new(Answer::Done)),
        );
    }

    fn pause(&mut self, call: CallId, provider: Option<Provider>, until_ms: i64, now: Now) {
        let ahead = until_ms.saturating_sub(now.wall.millis());
        if !(1..=PAUSE_MAX_MS).contains(&ahead) {
            return self.refuse(call, "invalid", "A pause must end within the next 31 days.");
        }
        self.set_pause(call, provider, Some(Utc::from_millis(until_ms)), now);
    }

    fn resume(&mut self, call: CallId, provider: Option<Provider>, now: Now) {
        self.set_pause(call, provider, None, now);
        for provider in self.providers() {
            self.want_decisions_of(provider, now);
        }
    }

    fn set_pause(
        &mut self,
        call: CallId,
        provider: Option<Provider>,
        until: Option<Utc>,
        now: Now,
    ) {
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
                "unsupported",
                "There is nothing to pause for this provider.",
            );
        };
        for id in ids {
            match until {
                Some(until) => self.world.pause(id, until),
                None => self.world.resume(id),
            }
            let answer = || Then::Answer(call, Box::new(Answer::Done));
            let then = if id == last { answer() } else { Then::Nothing };
            self.store_lane_then(id, then, now);
        }
    }

    fn set(&mut self, call: CallId, key: String, value: serde_json::Value, now: Now) {
        let before = self.settings.clone();
        if let Err(text) = self.settings.set(&key, &value) {
            return self.refuse(call, "invalid", format!("{key} was not changed: {text}."));
        }
        self.obey_settings();
        if key.starts_with("work.") {
            self.out.push(Effect::ExpandCalendar);
        }
        for provider in self.providers() {
            if before.mode(provider) != self.mode(provider) {
                self.want_decisions_of(provider, now);
                self.forget_advice(provider);
            }
        }
        if before.stopped && !self.settings.stopped {
            for provider in self.providers() {
                self.read_seat(provider);
            }
        }
        self.store(Record::Setting { key, value }, Then::Answer(call, Box::new(Answer::Done)));
    }

    fn forget_advice(&mut self, provider: Provider) {
        let Some(lane) = self.lane(provider).map(|lane| lane.id) else { return };
        if let Some(advice) = self.lanes.get_mut(&lane).and_then(|book| book.advice.take()) {
            self.end_cause(&super::deciding::advice_cause(provider, advice.to));
        }
    }

    /// Carries the person's numbers into the engine's rules.
    pub(super) fn obey_settings(&mut self) {
        let rules = &mut self.world.rules;
        rules.policy = self.settings.policy;
        rules.critical = self.settings.critical_percent;
        rules.warning = self.settings.warning_percent;
        rules.check_interval_s = f64::from(self.settings.poll_seconds);
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
                "stopped",
                "Sluice is stopped; nothing is read until you start it again.",
            );
        }
        if account.is_some_and(|account| self.account(account).is_none()) {
            return self.refuse(call, "unknown_account", "There is no such account.");
        }
        if self.options.offline {
            let text = "No driver is running to read anything later: start the tray \
                        (`sluice-app`) or `sluice daemon`, or wait for the numbers (`--wait`).";
            return self.refuse(call, "no_driver", text);
        }
        for (id, book) in &mut self.polls {
            if account.is_none_or(|account| account == *id) {
                book.wanted = true;
            }
        }
        for provider in self.providers() {
            self.out.push(Effect::ReadToolNumbers(provider));
        }
        self.answer(call, Answer::Done);
    }

    fn snooze(&mut self, call: CallId, cause: String, until_ms: i64, now: Now) {
        let ahead = until_ms.saturating_sub(now.wall.millis());
        if cause.is_empty() || cause.len() > CAUSE_MAX || ahead > PAUSE_MAX_MS {
            return self.refuse(call, "invalid", "A snooze names a cause and ends within 31 days.");
        }
        // The button of a notice that was answered late means an hour from then on.
        let until = Utc::from_millis(until_ms);
        let until = if ahead > 0 { until } else { now.wall.plus_seconds(SNOOZE_S) };
        self.told.snooze(&cause, until);
        let record = Record::Snooze { cause, until };
        self.store(record, Then::Answer(call, Box::new(Answer::Done)));
    }

    pub(super) fn on_stored(&mut self, then: Then, result: Result<i64, Trouble>, now: Now) {
        match (&result, now) {
            (Ok(_), _) => self.end_cause("ledger"),
            (Err(trouble), now) => self.tell_ledger(trouble, now),
        }
        match then {
            Then::Nothing => {}
            Then::Tidied => {
                if result == Ok(1) {
                    self.store(Record::Tidy { now: now.wall }, Then::Tidied);
                }
            }
            Then::Lane(lane, written) => {
                if let Ok(row) = result
                    && let Some(lane) = self.world.lanes.iter_mut().find(|found| found.id == lane)
                    && lane.generation == written
                {
                    lane.generation.0 = row.unsigned_abs();
                }
            }
            Then::Tell(notice, at) => {
                self.out.push(Effect::Tell { notice, row: result.ok(), at });
            }
            Then::Enrol(provider) => self.on_enrolled(provider, result),
            Then::Decided(lane) => {
                if let Ok(row) = result {
                    self.on_decided(lane, row);
                }
            }
            Then::Answer(call, answer) => match result {
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

fn clean_label(label: &str) -> Result<String, String> {
    let label = label.trim();
    let sane = !label.is_empty()
        && label.chars().count() <= LABEL_MAX
        && !label.chars().any(sluice_protocol::text::is_unseen);
    if sane {
        Ok(label.to_owned())
    } else {
        Err(format!("A name has 1 to {LABEL_MAX} visible characters."))
    }
}
