//! Reading usage: when, with which token, within which budget, and what the answers mean.

use super::deadlines::Task;
use super::effects::Effects;
use super::plans::Says;
use super::seats::{Seat, Seats};
use super::{AfterStore, Core, Effect, PollError};
use crate::ports::{Asks, Beside, Holder, ReadError, ToolNumbers};
use crate::records::Record;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sluice_engine::observation::{Fact, Reading};
use sluice_engine::provider::ResetSource;
use sluice_engine::{
    AccountId, Login, Now, Observation, PollPlan, Provider, Source, Usage, Utc, World,
};
use sluice_protocol::{Cause, Code, Mode};

/// Parked accounts of one provider are read this far apart, seconds.
const PACE_S: i64 = 1;
/// The same in the first minute after a jump of time.
const PACE_AFTER_JUMP_S: i64 = 30;
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

/// The reading of one account.
#[derive(Clone, Debug, Default)]
struct Poll {
    in_flight: bool,
    /// Our own side had nothing to ask with; not before this.
    not_before: Option<Utc>,
    wanted: bool,
    /// Failures of our own side in a row.
    strikes: u32,
    /// When it is read next, as far as known.
    due: Option<Utc>,
    /// The reading under way asks for limit resets, too.
    asks_resets: bool,
}

/// Readings of usage: under way, wanted, put off.
#[derive(Debug)]
pub(crate) struct Polls {
    accounts: BTreeMap<AccountId, Poll>,
    /// Parked accounts of a provider are not read before this.
    pace: BTreeMap<Provider, Utc>,
    random: fastrand::Rng,
}

impl Polls {
    pub(super) fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { accounts: BTreeMap::new(), pace: BTreeMap::new(), random }
    }

    pub(super) fn add(&mut self, id: AccountId) {
        self.accounts.entry(id).or_default();
    }

    pub(super) fn remove(&mut self, id: AccountId) {
        self.accounts.remove(&id);
    }

    pub(crate) fn is_reading(&self, id: AccountId) -> bool {
        self.accounts.get(&id).is_some_and(|poll| poll.in_flight)
    }

    /// The accounts whose reading is under way.
    pub(super) fn reading(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.iter().filter(|(_, poll)| poll.in_flight).map(|(id, _)| *id)
    }

    /// When the account is read next, as far as known.
    pub(crate) fn due(&self, id: AccountId) -> Option<Utc> {
        self.accounts.get(&id).and_then(|poll| poll.due)
    }

    fn strikes(&self, id: AccountId) -> u32 {
        self.accounts.get(&id).map_or(0, |poll| poll.strikes)
    }

    /// It is read as soon as budget and provider allow.
    pub(super) fn want(&mut self, id: AccountId) {
        self.accounts.entry(id).or_default().wanted = true;
    }

    /// The same of every account.
    pub(super) fn want_all(&mut self) {
        self.accounts.values_mut().for_each(|poll| poll.wanted = true);
    }

    /// What made us put a reading off is over.
    pub(super) fn put_off_no_more(&mut self, id: AccountId) {
        if let Some(poll) = self.accounts.get_mut(&id) {
            poll.not_before = None;
        }
    }

    fn put_off(&mut self, id: AccountId, until: Utc) {
        if let Some(poll) = self.accounts.get_mut(&id) {
            poll.not_before = Some(until);
        }
    }

    /// Our own side failed: each further failure doubles the pause.
    fn back_off(&mut self, id: AccountId, now: Utc) {
        let Some(poll) = self.accounts.get_mut(&id) else { return };
        let pause = (BACKOFF_FIRST_S << poll.strikes.min(8)).min(BACKOFF_MOST_S);
        poll.strikes = poll.strikes.saturating_add(1);
        poll.not_before = Some(now.plus_seconds(pause));
    }

    /// Numbers came.
    fn succeeded(&mut self, id: AccountId) {
        if let Some(poll) = self.accounts.get_mut(&id) {
            (poll.strikes, poll.not_before) = (0, None);
        }
    }

    /// When the account is read: by the plan, or by `wish` where somebody wants it; parked accounts of
    /// a provider one after the other.
    fn schedule(&mut self, plan: &PollPlan, wish: Utc, parked: Option<Provider>) -> Utc {
        let Some(poll) = self.accounts.get_mut(&plan.account) else { return plan.due };
        let mut due = if poll.wanted { wish } else { plan.due };
        due = due.max(poll.not_before.unwrap_or(due));
        let pace = parked.and_then(|provider| self.pace.get(&provider));
        due = pace.map_or(due, |pace| due.max(*pace));
        poll.due = Some(due);
        due
    }

    /// A share by which the plan is moved.
    fn jitter(&mut self) -> f64 {
        (self.random.f64() * 2.0 - 1.0) * JITTER
    }

    fn begin(&mut self, id: AccountId, asks_resets: bool) {
        let poll = self.accounts.entry(id).or_default();
        poll.asks_resets = asks_resets;
        poll.in_flight = true;
        poll.wanted = false;
    }

    fn asked_resets(&self, id: AccountId) -> bool {
        self.accounts.get(&id).is_some_and(|poll| poll.asks_resets)
    }

    /// Says whether the account is still there.
    fn end(&mut self, id: AccountId) -> bool {
        self.accounts.get_mut(&id).map(|poll| poll.in_flight = false).is_some()
    }

    /// Nobody waits for it any more: its row leaves its state of being read. A late answer is still
    /// taken.
    pub(super) fn stop(&mut self, id: AccountId, world: &mut World) {
        if let Some(poll) = self.accounts.get_mut(&id) {
            poll.in_flight = false;
            poll.wanted = false;
        }
        unasked(world, id);
    }

    /// Instants that now lie ahead would block for as long as the jump. Parked accounts follow one by
    /// one: at most two requests in the first minute.
    pub(super) fn jumped(&mut self, providers: &[Provider], now: Utc) {
        self.accounts.values_mut().for_each(|poll| poll.not_before = None);
        let pace = now.plus_seconds(PACE_AFTER_JUMP_S);
        self.pace = providers.iter().map(|provider| (*provider, pace)).collect();
    }
}

impl Core {
    pub(super) fn drive_polls(&mut self, now: Now) {
        for plan in plans(&self.world, &self.seats, now) {
            let Some(account) = self.world.account(plan.account) else { continue };
            let provider = account.provider;
            if !account.enabled || self.settings.mode(provider) == Mode::Off {
                continue;
            }
            let Some(holder) = self.holder(plan.account, now) else { continue };
            let parked = matches!(holder, Holder::Account(_)).then_some(provider);
            // A wish comes before the plan, not before the budget or the provider's own wish.
            let wait = wish_wait_s(&self.world, plan.account, now.wall).unwrap_or(0);
            let wish = now.wall.plus_seconds(i64::try_from(wait).unwrap_or(i64::MAX));
            let due = self.polls.schedule(&plan, wish, parked);
            if self.polls.is_reading(plan.account) {
                continue;
            }
            if due <= now.wall {
                let whose = (plan.account, provider);
                let resets = self.asks_resets(whose, now.wall);
                self.poll(plan.account, provider, holder, (resets, now));
            } else {
                self.effects.wake_by(Some(due));
            }
        }
    }

    /// Whose bearer may be used now; `None` while there is none that we may use.
    fn holder(&self, account: AccountId, now: Now) -> Option<Holder> {
        let found = self.world.account(account)?;
        if *self.seats.seat(found.provider)? == Seat::Unread {
            return None;
        }
        if self.seats.live(found.provider) == Some(account) {
            // Only the tool refreshes the credential of its seat; until then there is nothing to ask with.
            let ended = self.seats.token_ended(found.provider, now.wall);
            return (!ended).then_some(Holder::Seat(found.provider));
        }
        let usable = found.login.is_usable();
        let ended = self.profiles.kept(account)?.access_expires_at.is_some_and(|at| at <= now.wall);
        let moving = self.swaps.running().is_some_and(|order| order.to.0 == account);
        (usable && !ended && !moving).then_some(Holder::Account(account))
    }

    /// `resets`: limit resets are asked for, too.
    pub(super) fn poll(
        &mut self,
        account: AccountId,
        provider: Provider,
        holder: Holder,
        (resets, now): (bool, Now),
    ) {
        let jitter = self.polls.jitter();
        self.world.requested(account, now, jitter);
        if resets && provider.spec().resets.source == ResetSource::Apart {
            // They are a request of their own.
            self.world.requested(account, now, jitter);
        }
        self.polls.begin(account, resets);
        self.deadlines.add(Task::Reading(account), &mut self.effects);
        if let Holder::Account(_) = holder {
            let woken = self.world.woken_at;
            let jumped = woken.is_some_and(|at| now.wall.seconds_since(at) < 60.0);
            let pace = if jumped { PACE_AFTER_JUMP_S } else { PACE_S };
            self.polls.pace.insert(provider, now.wall.plus_seconds(pace));
        }
        let key = self.profiles.key(account);
        let plan = self.plans.ask(account, now.wall);
        // The tool of a seat knows the seat's login alone, and tells the windows: whatever else is due is the
        // provider's to say.
        let windows_alone = !plan && !resets;
        let tool = self.settings.ask_tool && windows_alone && matches!(holder, Holder::Seat(_));
        let asks = Asks { resets, plan, tool };
        self.effects.push(Effect::Poll { provider, account, holder, key, asks });
    }

    /// What came with the numbers of an account.
    pub(super) fn on_answered(&mut self, account: AccountId, beside: &Beside, now: Now) {
        if let Some(plan) = &beside.plan {
            self.on_plan(account, plan, Says::Provider, now);
        }
        self.mind_answer(account, &beside.told, now);
    }

    pub(super) fn on_polled(
        &mut self,
        account: AccountId,
        holder: Holder,
        result: Result<Reading, PollError>,
        now: Now,
    ) {
        if !self.polls.end(account) {
            return;
        }
        self.deadlines.remove(Task::Reading(account));
        if self.world.account(account).is_none() {
            return;
        }
        if result.is_ok() {
            self.profiles.note_proof(account, now.wall);
        }
        let told = result.clone();
        match result {
            Ok(reading) => {
                let wishes = self.wishes.for_numbers(account);
                let then = AfterStore::Read { account, wishes };
                self.on_reading((account, Source::Endpoint), reading, then, now);
            }
            Err(PollError::Read(ReadError::Forbidden(_) | ReadError::Blocked(..)))
                if self.polls.asked_resets(account) =>
            {
                // It may be the question for resets that is refused; a plain one tells.
                unasked(&mut self.world, account);
                self.polls.want(account);
            }
            Err(PollError::OtherLogin) => {
                unasked(&mut self.world, account);
                // It was not asked after all; an ordinary interval would be long for new numbers.
                self.polls.want(account);
                if let Holder::Seat(provider) = holder {
                    self.seats.look(provider, &mut self.effects);
                }
            }
            Err(PollError::Bearer(trouble)) => {
                unasked(&mut self.world, account);
                if trouble.code == Code::NoCredential {
                    self.chores.read_back_now();
                }
                self.profiles.set_problem(account, Some(trouble.text));
                self.polls.back_off(account, now.wall);
            }
            Err(PollError::Read(error)) => self.on_read_error(account, holder, error, now),
            Err(PollError::Late) => {
                let error = ReadError::Unreachable("no answer came in time".to_owned());
                self.on_read_error(account, holder, error, now);
            }
        }
        if let Err(error) = &told {
            self.wishes_after_failure(account, error, now);
        }
        self.proof_after_poll(account, &told, now);
        self.lanes.after_look(account, &self.world);
    }

    /// Numbers came of a source; `then` follows once they are kept.
    fn on_reading(
        &mut self,
        (account, source): (AccountId, Source),
        reading: Reading,
        then: AfterStore,
        now: Now,
    ) {
        // First: what falls with it may be the reset that was spent.
        if let Some(said) = reading.resets {
            self.on_resets(account, source, said, now);
        }
        self.on_usage((account, source), reading.usage, then, now);
    }

    fn on_usage(
        &mut self,
        (account, source): (AccountId, Source),
        mut usage: Usage,
        then: AfterStore,
        now: Now,
    ) {
        let at = usage.observed_at.unwrap_or(now.wall).min(now.wall);
        usage.observed_at = Some(at);
        self.polls.succeeded(account);
        let mut before = self.world.account(account).map(|found| found.usage.clone());
        self.skips.weigh(account, &usage, at, &mut self.effects);
        let observation = Observation { account, at, source, fact: Fact::Usage(usage) };
        self.world.observe(&observation, now);
        self.effects.store(Record::Observation(Box::new(observation)), then);
        if let Some(before) = &mut before {
            self.on_falls(account, at, before, now);
        }
        if let Some(found) = self.world.account(account) {
            self.foresight.read(found);
        }
        if self.skips.awaits_sign_in(account) {
            // An endpoint that answers is no sign-in; what a tool was refused stays refused.
            if let Some(found) = self.world.find_account_mut(account) {
                found.login = Login::NeedsSignIn;
            }
        } else {
            self.profiles.set_problem(account, None);
            self.notices.end(&Cause::SignIn(account));
            if source == Source::Endpoint {
                self.set_login(account, Login::Valid);
            }
        }
        if let Some(before) = before {
            self.on_limits(account, &before, now);
            for word in self.texts().milestones(account, &before) {
                self.tell(word, now);
            }
        }
    }

    fn on_read_error(&mut self, account: AccountId, holder: Holder, error: ReadError, now: Now) {
        let fact = |fact| Observation { account, at: now.wall, source: Source::Endpoint, fact };
        match error {
            ReadError::Unreachable(text) => {
                observe(&mut self.world, &mut self.effects, fact(Fact::Unreachable), now);
                self.profiles
                    .set_problem(account, Some(format!("Usage could not be read: {text}")));
            }
            ReadError::Throttled { retry_after_s } => {
                observe(
                    &mut self.world,
                    &mut self.effects,
                    fact(Fact::Throttled { retry_after_s }),
                    now,
                );
            }
            ReadError::TokenRefused => {
                unasked(&mut self.world, account);
                self.on_token_refused(account, holder, now);
            }
            ReadError::Blocked(why, text) => {
                let verdict = sluice_engine::Verdict::Refused { why, until: None };
                observe(&mut self.world, &mut self.effects, fact(Fact::Verdict(verdict)), now);
                self.profiles.set_problem(
                    account,
                    Some(format!("Not used for now: {}. {text}", why.words())),
                );
                self.polls.put_off(account, now.wall.plus_seconds(FORBIDDEN_S));
            }
            ReadError::Forbidden(text) => {
                unasked(&mut self.world, account);
                self.profiles.set_problem(
                    account,
                    Some(format!("The provider refuses to tell usage: {text}")),
                );
                self.polls.put_off(account, now.wall.plus_seconds(FORBIDDEN_S));
            }
        }
    }

    fn on_token_refused(&mut self, account: AccountId, holder: Holder, now: Now) {
        match holder {
            Holder::Seat(provider) => {
                // The tool may have rotated it meanwhile; if not, only the tool may.
                self.seats.look(provider, &mut self.effects);
                let text = "The provider refuses the tool's present token; use the tool once, it renews it.";
                self.profiles.set_problem(account, Some(text.to_owned()));
                self.polls.back_off(account, now.wall);
            }
            Holder::Account(_) if self.polls.strikes(account) >= 2 => {
                let why = "its token was refused again after it had been renewed";
                self.needs_sign_in(account, why, now);
            }
            Holder::Account(_) => {
                self.profiles.set_token_end(account, Some(now.wall));
                self.polls.back_off(account, now.wall);
            }
        }
    }

    pub(super) fn on_tool_numbers(&mut self, provider: Provider, numbers: ToolNumbers, now: Now) {
        self.mind_part(provider, &numbers.odd, now);
        let is_meant = |key: &str| numbers.are_of(key);
        let found = self.profiles.with_key(&self.world.accounts, provider, is_meant);
        let Some(account) = found else { return };
        let known = self.world.account(account).and_then(|found| found.usage.observed_at);
        let newer = numbers
            .usage
            .observed_at
            .is_some_and(|at| known.is_none_or(|known| at > known) && at <= now.wall);
        // Several organisations may share the account part of a key; then nobody is meant for sure.
        let sure = self.profiles.count_with_key(is_meant) == 1;
        if newer && sure && !self.settings.stopped && self.settings.mode(provider) != Mode::Off {
            let reading = Reading { usage: numbers.usage, resets: numbers.resets };
            self.on_reading((account, numbers.source), reading, AfterStore::Nothing, now);
            self.lanes.after_look(account, &self.world);
        }
    }
}

/// The engine's plan, the live accounts before all others.
fn plans(world: &World, seats: &Seats, now: Now) -> Vec<PollPlan> {
    let mut plans = world.polls(now);
    plans.sort_by_key(|plan| (!seats.is_live(plan.account), plan.due, plan.account));
    plans
}

/// Folds an observation into the world, and writes it down.
pub(super) fn observe(
    world: &mut World,
    effects: &mut Effects,
    observation: Observation,
    now: Now,
) {
    world.observe(&observation, now);
    effects.store(Record::Observation(Box::new(observation)), AfterStore::Nothing);
}

/// Nothing came of a request: no answer will clear the engine's note of it.
fn unasked(world: &mut World, account: AccountId) {
    if let Some(memory) = world.memory.get_mut(&account) {
        memory.asked = false;
    }
}

/// Whole seconds until usage of the account may be asked for, by wish; `None`: now.
pub(super) fn wish_wait_s(world: &World, account: AccountId, now: Utc) -> Option<u64> {
    let memory = world.memory.get(&account)?;
    let mut due = memory.lasting_from(now, &world.rules).max(memory.not_before.unwrap_or(now));
    if let Some(last) = memory.last_request() {
        due = due.max(last.plus_seconds(FLOOR_S));
    }
    let wait = due.seconds_since(now).ceil();
    (wait > 0.0).then_some(wait as u64)
}
