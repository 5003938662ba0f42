//! Reading usage: when, with which token, within which budget, and what the answers mean.

use super::wishes::Flag;
use super::{Core, Effect, PollError, Seat};
use crate::ports::{Holder, ReadError, ToolNumbers};
use crate::records::Record;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::observation::Fact;
use sluice_engine::{AccountId, Login, Now, Observation, PollPlan, Provider, Source, Usage, Utc};
use sluice_protocol::Mode;

/// Parked accounts of one provider are read this far apart, seconds.
const PACE_S: i64 = 1;
/// The same in the first minute after a jump of time.
pub(super) const PACE_AFTER_JUMP_S: i64 = 30;
/// Nobody reads the same account twice within this time, not even by wish.
const FLOOR_S: i64 = 20;
/// Share of the interval the plan is moved by, so that machines do not meet.
const JITTER: f64 = 0.1;
/// Pause after our own side failed to give a bearer, doubled with each further failure, seconds.
const BACKOFF_FIRST_S: i64 = 60;
/// The longest such pause.
const BACKOFF_MOST_S: i64 = 900;
/// A refusal that a person must look at is asked again after this time.
const FORBIDDEN_S: i64 = 3_600;

impl Core {
    pub(super) fn drive_polls(&mut self, now: Now) {
        for plan in self.poll_plans(now) {
            let Some(account) = self.account(plan.account) else { continue };
            let provider = account.provider;
            if !account.enabled || self.mode(provider) == Mode::Off {
                continue;
            }
            let Some(holder) = self.holder(plan.account, now) else { continue };
            let due = self.poll_due(&plan, provider, holder, now);
            if let Some(book) = self.polls.get_mut(&plan.account) {
                book.due = Some(due);
            }
            if self.polls.get(&plan.account).is_some_and(|book| book.in_flight) {
                continue;
            }
            if due <= now.wall {
                self.poll(plan.account, provider, holder, now);
            } else {
                self.wake_by(Some(due));
            }
        }
    }

    /// The engine's plan, the live accounts before all others.
    fn poll_plans(&self, now: Now) -> Vec<PollPlan> {
        let mut plans = self.world.polls(now);
        plans.sort_by_key(|plan| (!self.is_live(plan.account), plan.due, plan.account));
        plans
    }

    /// Whose bearer may be used now; `None` while there is none that we may use.
    fn holder(&self, account: AccountId, now: Now) -> Option<Holder> {
        let found = self.account(account)?;
        let book = self.seats.get(&found.provider)?;
        if book.seat == Seat::Unread {
            return None;
        }
        if self.live(found.provider) == Some(account) {
            // Only the tool refreshes the credential of its seat; until then there is nothing to ask with.
            let ended = book.expires_at.is_some_and(|at| at <= now.wall);
            return (!ended).then_some(Holder::Seat(found.provider));
        }
        let usable = found.login.is_usable();
        let ended =
            self.cards.get(&account)?.kept?.access_expires_at.is_some_and(|at| at <= now.wall);
        let moving = self.swap.as_ref().is_some_and(|swap| swap.order.to.0 == account);
        (usable && !ended && !moving).then_some(Holder::Account(account))
    }

    /// Whole seconds until usage of the account may be asked for, by wish; `None`: now.
    pub(super) fn read_wait_s(&self, account: AccountId, now: Now) -> Option<u64> {
        let memory = self.world.memory.get(&account)?;
        let mut due = memory.budget_from(now.wall).max(memory.not_before.unwrap_or(now.wall));
        if let Some(last) = memory.last_request() {
            due = due.max(last.plus_seconds(FLOOR_S));
        }
        let wait = due.seconds_since(now.wall).ceil();
        (wait > 0.0).then_some(wait as u64)
    }

    fn poll_due(&self, plan: &PollPlan, provider: Provider, holder: Holder, now: Now) -> Utc {
        let Some(book) = self.polls.get(&plan.account) else { return plan.due };
        let mut due = plan.due;
        if book.wanted {
            // A wish comes before the plan, not before the budget or the provider's own wish.
            let wait = self.read_wait_s(plan.account, now).unwrap_or(0);
            due = now.wall.plus_seconds(i64::try_from(wait).unwrap_or(i64::MAX));
        }
        due = due.max(book.not_before.unwrap_or(due));
        match holder {
            Holder::Account(_) => self.pace.get(&provider).map_or(due, |pace| due.max(*pace)),
            Holder::Seat(_) => due,
        }
    }

    pub(super) fn poll(
        &mut self,
        account: AccountId,
        provider: Provider,
        holder: Holder,
        now: Now,
    ) {
        let jitter = (self.rng.f64() * 2.0 - 1.0) * JITTER;
        self.world.requested(account, now, jitter);
        let book = self.polls.entry(account).or_default();
        book.in_flight = true;
        book.wanted = false;
        self.flag(Flag::Reading(account));
        if let Holder::Account(_) = holder {
            let woken = self.world.woken_at;
            let jumped = woken.is_some_and(|at| now.wall.seconds_since(at) < 60.0);
            let pace = if jumped { PACE_AFTER_JUMP_S } else { PACE_S };
            self.pace.insert(provider, now.wall.plus_seconds(pace));
        }
        let key = self.key(account);
        self.out.push(Effect::Poll { provider, account, holder, key });
    }

    pub(super) fn on_polled(
        &mut self,
        account: AccountId,
        holder: Holder,
        result: Result<Usage, PollError>,
        now: Now,
    ) {
        let Some(book) = self.polls.get_mut(&account) else { return };
        book.in_flight = false;
        self.unflag(Flag::Reading(account));
        if self.account(account).is_none() {
            return;
        }
        if result.is_ok() {
            self.note_proof(account, now);
        }
        let told = result.clone();
        match result {
            Ok(usage) => self.on_usage(account, Source::Endpoint, usage, now),
            Err(PollError::OtherLogin) => {
                self.unasked(account);
                // It was not asked after all; an ordinary interval would be long for new numbers.
                if let Some(book) = self.polls.get_mut(&account) {
                    book.wanted = true;
                }
                if let Holder::Seat(provider) = holder {
                    self.read_seat(provider);
                }
            }
            Err(PollError::Bearer(trouble)) => {
                self.unasked(account);
                if trouble.code == "no_credential" {
                    self.doubt_keeping();
                }
                self.problem(account, Some(trouble.text));
                self.back_off(account, now);
            }
            Err(PollError::Read(error)) => self.on_read_error(account, holder, error, now),
            Err(PollError::Late) => {
                let error = ReadError::Unreachable("no answer came in time".to_owned());
                self.on_read_error(account, holder, error, now);
            }
        }
        self.wishes_after_poll(account, &told, now);
        self.proof_after_poll(account, &told, now);
        self.after_look(account, now);
    }

    /// Nothing came of a request: no answer will clear the engine's note of it.
    pub(super) fn unasked(&mut self, account: AccountId) {
        if let Some(memory) = self.world.memory.get_mut(&account) {
            memory.asked = false;
        }
    }

    fn on_usage(&mut self, account: AccountId, source: Source, mut usage: Usage, now: Now) {
        let at = usage.observed_at.unwrap_or(now.wall).min(now.wall);
        usage.observed_at = Some(at);
        if let Some(book) = self.polls.get_mut(&account) {
            (book.strikes, book.not_before) = (0, None);
        }
        let before = self.account(account).map(|found| found.usage.clone());
        self.weigh_evidence(account, &usage, at);
        self.observe(Observation { account, at, source, fact: Fact::Usage(usage) }, now);
        if let Some(found) = self.world.accounts.iter().find(|found| found.id == account) {
            self.foresight.read(found);
        }
        if self.awaits_sign_in(account) {
            // An endpoint that answers is no sign-in; what a tool was refused stays refused.
            if let Some(found) = self.account_mut(account) {
                found.login = Login::NeedsSignIn;
            }
        } else {
            self.problem(account, None);
            self.end_cause(&format!("sign_in:{}", account.0));
            if source == Source::Endpoint {
                self.set_login(account, Login::Valid);
            }
        }
        if let Some(before) = before {
            self.tell_milestones(account, &before, now);
        }
    }

    pub(super) fn observe(&mut self, observation: Observation, now: Now) {
        self.world.observe(&observation, now);
        self.store(Record::Observation(Box::new(observation)), super::Then::Nothing);
    }

    fn on_read_error(&mut self, account: AccountId, holder: Holder, error: ReadError, now: Now) {
        let fact = |fact| Observation { account, at: now.wall, source: Source::Endpoint, fact };
        match error {
            ReadError::Unreachable(text) => {
                self.observe(fact(Fact::Unreachable), now);
                self.problem(account, Some(format!("Usage could not be read: {text}")));
            }
            ReadError::Throttled { retry_after_s } => {
                self.observe(fact(Fact::Throttled { retry_after_s }), now);
            }
            ReadError::TokenRefused => {
                self.unasked(account);
                self.on_token_refused(account, holder, now);
            }
            ReadError::Blocked(why, text) => {
                let verdict = sluice_engine::Verdict::Refused { why, until: None };
                self.observe(fact(Fact::Verdict(verdict)), now);
                self.problem(account, Some(format!("Not used for now: {}. {text}", why.words())));
                if let Some(book) = self.polls.get_mut(&account) {
                    book.not_before = Some(now.wall.plus_seconds(FORBIDDEN_S));
                }
            }
            ReadError::Forbidden(text) => {
                self.unasked(account);
                self.problem(account, Some(format!("The provider refuses to tell usage: {text}")));
                if let Some(book) = self.polls.get_mut(&account) {
                    book.not_before = Some(now.wall.plus_seconds(FORBIDDEN_S));
                }
            }
        }
    }

    fn on_token_refused(&mut self, account: AccountId, holder: Holder, now: Now) {
        match holder {
            Holder::Seat(provider) => {
                // The tool may have rotated it meanwhile; if not, only the tool may.
                self.read_seat(provider);
                let text = "The provider refuses the tool's present token; use the tool once, it renews it.";
                self.problem(account, Some(text.to_owned()));
                self.back_off(account, now);
            }
            Holder::Account(_) => self.on_parked_refused(account, now),
        }
    }

    fn on_parked_refused(&mut self, account: AccountId, now: Now) {
        let strikes = self.polls.get(&account).map_or(0, |book| book.strikes);
        if strikes >= 2 {
            self.needs_sign_in(
                account,
                "its token was refused again after it had been renewed",
                now,
            );
            return;
        }
        if let Some(card) = self.cards.get_mut(&account)
            && let Some(kept) = &mut card.kept
        {
            kept.access_expires_at = Some(now.wall);
        }
        self.back_off(account, now);
    }

    fn back_off(&mut self, account: AccountId, now: Now) {
        let Some(book) = self.polls.get_mut(&account) else { return };
        let pause = (BACKOFF_FIRST_S << book.strikes.min(8)).min(BACKOFF_MOST_S);
        book.strikes = book.strikes.saturating_add(1);
        book.not_before = Some(now.wall.plus_seconds(pause));
    }

    pub(super) fn problem(&mut self, account: AccountId, text: Option<String>) {
        if let Some(card) = self.cards.get_mut(&account) {
            card.problem = text;
        }
    }

    pub(super) fn on_tool_numbers(&mut self, provider: Provider, numbers: ToolNumbers, now: Now) {
        let Some(account) = self.world.accounts.iter().map(|found| found.id).find(|id| {
            self.account(*id).is_some_and(|found| found.provider == provider)
                && self
                    .cards
                    .get(id)
                    .is_some_and(|card| belongs(&card.identity.key, &numbers.account))
        }) else {
            return;
        };
        let known = self.account(account).and_then(|found| found.usage.observed_at);
        let newer = numbers
            .usage
            .observed_at
            .is_some_and(|at| known.is_none_or(|known| at > known) && at <= now.wall);
        // Several organisations may share the account part of a key; then nobody is meant for sure.
        let sure = self
            .cards
            .values()
            .filter(|card| belongs(&card.identity.key, &numbers.account))
            .count()
            == 1;
        if newer && sure && !self.settings.stopped && self.mode(provider) != Mode::Off {
            self.on_usage(account, Source::ToolCache, numbers.usage, now);
            self.after_look(account, now);
        }
    }

    /// A look at the live account is what makes a lane decide.
    fn after_look(&mut self, account: AccountId, now: Now) {
        let Some(provider) = self.account(account).map(|found| found.provider) else { return };
        let Some(lane) = self.lane(provider).map(|lane| (lane.id, lane.active)) else { return };
        if lane.1 == Some(account) {
            self.want_decision(lane.0, now);
        }
    }
}

fn belongs(key: &str, account: &str) -> bool {
    key == account || key.split_once('/').is_some_and(|(person, _)| person == account)
}
