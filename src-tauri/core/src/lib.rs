//! The state machine: one owner of the world, one mutation at a time, no input or output inside.
//!
//! [`Core::handle`] takes one input, changes the state once, then drains everything that follows
//! from it as effects. It reads no clock, takes no lock and awaits nothing, so a year of its life
//! runs in a test within seconds.

#![no_std]

#[macro_use]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod accounts;
mod acting;
pub mod calendar;
mod deciding;
pub mod explain;
mod foreseeing;
pub mod hours;
mod keeping;
mod looking;
mod measuring;
mod message;
mod outbox;
mod polling;
pub mod ports;
mod proving;
pub mod records;
mod reports;
mod requests;
mod seats;
pub mod settings;
mod storing;
mod telling;
#[cfg(test)]
mod tests;
mod tokens;
mod turns;
mod vacant;
mod view;
mod walls;
mod wishes;

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
pub use message::{CallId, Effect, Input, Jump, Page, PollError, Port, Then};
pub use outbox::AGE_MAX_S;
pub(crate) use telling::login_warning;

use crate::ports::{Health, Identity, Kept, Loaded, Recovered, SwapOrder};
use crate::records::Record;
use crate::settings::Settings;
use alloc::collections::{BTreeMap, VecDeque};
use sluice_engine::skip::Wall;
use sluice_engine::{Account, AccountId, Lane, LaneId, Now, Provider, Utc, World};
use sluice_protocol::{CapView, LaneView, Mode, RunView, View};

/// Other places are looked into for logins we keep this often, seconds.
const TWINS_S: i64 = 3_600;

/// Who an account is, beside what the engine sees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Card {
    pub(crate) identity: Identity,
    pub(crate) label: String,
    /// What is known of its kept credential.
    pub(crate) kept: Option<Kept>,
    /// When the provider took its login last.
    pub(crate) proven_at: Option<Utc>,
    /// The provider refused to exchange its tokens: they are never presented again.
    pub(crate) refused: bool,
    /// Another place that holds the same login.
    pub(crate) also_in: Option<String>,
    /// The last thing that went wrong, for people.
    pub(crate) problem: Option<String>,
}

/// What is known of a seat.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Seat {
    /// Not read yet.
    #[default]
    Unread,
    /// Empty or logged out.
    Empty,
    /// Not understood; never overwritten.
    Unreadable(String),
    /// A login of a kind that is not kept; never replaced.
    Foreign(String),
    /// An account we keep.
    Known(AccountId),
    /// A login we do not keep.
    Unmanaged,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SeatBook {
    pub(crate) seat: Seat,
    reading: bool,
    read_again: bool,
    due: Option<Utc>,
    /// The rotation last seen in the seat.
    fingerprint: Option<String>,
    /// The rotation last kept.
    kept_fingerprint: Option<String>,
    pub(crate) expires_at: Option<Utc>,
    /// Found in the seat, waiting for `add`.
    found: Option<Identity>,
    /// Nobody is signed in there.
    vacancy: Option<vacant::Vacancy>,
    /// The tool's configuration named another account: until then that is being looked after.
    misnamed_until: Option<Utc>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct PollBook {
    pub(crate) in_flight: bool,
    /// Our own side had nothing to ask with; not before this.
    not_before: Option<Utc>,
    wanted: bool,
    strikes: u32,
    /// When it is read next, as far as known.
    pub(crate) due: Option<Utc>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct LaneBook {
    /// A decision is to be taken as soon as nothing is under way.
    pending: bool,
    /// A decision is taken by then even when no numbers come.
    tick_due: Option<Utc>,
    pub(crate) advice: Option<sluice_protocol::Advice>,
    pub(crate) last: Option<sluice_protocol::DecisionView>,
    /// A swap could neither finish nor undo: nothing is written until a person has looked.
    pub(crate) stuck: Option<String>,
    stalled: u32,
    /// Since when something passing has stood in the way of every swap.
    waits_since: Option<Utc>,
}

#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) order: SwapOrder,
    call: Option<CallId>,
    /// It keeps no button locked any more; nothing else is begun all the same.
    pub(crate) overdue: bool,
}

/// Lanes and tools at work, as last looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flying {
    pub(crate) lanes: Vec<LaneView>,
    pub(crate) runs: Vec<RunView>,
    pub(crate) caps: Vec<CapView>,
}

/// How the core is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only requests are answered; nothing is polled, refreshed or decided.
    pub offline: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// The owner of the world.
pub struct Core {
    pub(crate) world: World,
    pub(crate) cards: BTreeMap<AccountId, Card>,
    pub(crate) settings: Settings,
    pub(crate) seats: BTreeMap<Provider, SeatBook>,
    pub(crate) polls: BTreeMap<AccountId, PollBook>,
    pub(crate) lanes: BTreeMap<LaneId, LaneBook>,
    pub(crate) swap: Option<Running>,
    /// A swap whose target is being proven.
    pub(crate) proving: Option<proving::Proving>,
    wishes: BTreeMap<u64, wishes::Wish>,
    pub(crate) bulk: Option<wishes::Bulk>,
    bulk_ended: Option<Utc>,
    flags: BTreeMap<u64, wishes::Flag>,
    reminders: u64,
    pub(crate) health: Health,
    pub(crate) hanging: BTreeMap<Port, Utc>,
    pub(crate) swaps: VecDeque<Utc>,
    /// What failures left standing between accounts and being chosen.
    walls: BTreeMap<AccountId, Wall>,
    /// Swaps that wait for the end of a turn.
    pub(crate) after_turn: BTreeMap<LaneId, turns::AfterTurn>,
    pub(crate) flying: Flying,
    refreshing: Option<AccountId>,
    refresh_not_before: BTreeMap<AccountId, Utc>,
    capturing: BTreeMap<Provider, AccountId>,
    adding: BTreeMap<Provider, Adding>,
    removing: BTreeMap<AccountId, Option<CallId>>,
    waiting: VecDeque<(CallId, AccountId)>,
    looking: looking::Looking,
    pace: BTreeMap<Provider, Utc>,
    told: telling::Told,
    outbox: outbox::Outbox,
    foresight: foreseeing::Foresight,
    measured: measuring::Measured,
    calendar_until: Option<Utc>,
    /// When other places are looked into for logins we keep.
    twins_due: Option<Utc>,
    /// When what is kept is read back next; `None`: now.
    kept_due: Option<Utc>,
    /// When an open swap that could not be settled is looked at again.
    recover_due: Option<Utc>,
    options: Options,
    rng: fastrand::Rng,
    decisions: u64,
    /// The last swap of ours, while a foreign writer may still undo it.
    fresh: Option<Fresh>,
    /// The driver ends: nothing new is begun.
    ending: bool,
    revision: u64,
    published: View,
    next: Option<Utc>,
    out: Vec<Effect>,
}

/// A swap of ours whose seat is still watched for somebody putting the old login back.
#[derive(Clone, Copy, Debug)]
struct Fresh {
    lane: LaneId,
    from: AccountId,
    to: AccountId,
    at: Utc,
    clobbers: u32,
}

#[derive(Clone, Debug)]
struct Adding {
    call: CallId,
    label: Option<String>,
    identity: Option<Identity>,
    fresh: Option<AccountId>,
}

impl Core {
    /// Starts from what the ledger keeps and what recovery did; nothing was asked of any network.
    #[must_use]
    pub fn new(
        loaded: Loaded,
        recovered: &[Recovered],
        options: Options,
        now: Now,
    ) -> (Self, Vec<Effect>) {
        let (settings, notes) = Settings::from_rows(&loaded.settings);
        let mut core = Self::empty(settings, options);
        core.told.snoozed = loaded.snoozed;
        core.foresight = foreseeing::Foresight::new(loaded.forecast);
        core.swaps = loaded.swaps.into();
        core.walls = loaded.walls;
        core.world.lanes = loaded.lanes;
        core.world.memory = loaded.memory;
        for kept in loaded.accounts {
            core.take_in(kept);
        }
        for lane in &core.world.lanes {
            core.lanes.entry(lane.id).or_default();
        }
        core.obey_settings();
        core.world.restarted();
        for lane in &mut core.world.lanes {
            lane.gates.heal(now.wall);
        }
        core.look_ahead(now.wall);
        core.take_up_notices(loaded.told, loaded.untold, now);
        for note in loaded.notes.iter().chain(&notes) {
            core.tell_note(note, now);
        }
        core.after_recovery(recovered, now);
        core.tell_refused_logins(now);
        for provider in core.providers() {
            core.read_seat(provider);
        }
        if !options.offline {
            core.out.push(Effect::ExpandCalendar);
            core.store(Record::Tidy { now: now.wall }, Then::Tidied);
        }
        let effects = core.drain(now);
        (core, effects)
    }

    fn empty(settings: Settings, options: Options) -> Self {
        Self {
            world: World::default(),
            cards: BTreeMap::new(),
            settings,
            seats: BTreeMap::new(),
            polls: BTreeMap::new(),
            lanes: BTreeMap::new(),
            swap: None,
            proving: None,
            wishes: BTreeMap::new(),
            bulk: None,
            bulk_ended: None,
            flags: BTreeMap::new(),
            reminders: 0,
            health: Health::Ok,
            hanging: BTreeMap::new(),
            swaps: VecDeque::new(),
            walls: BTreeMap::new(),
            after_turn: BTreeMap::new(),
            flying: Flying::default(),
            refreshing: None,
            refresh_not_before: BTreeMap::new(),
            capturing: BTreeMap::new(),
            adding: BTreeMap::new(),
            removing: BTreeMap::new(),
            waiting: VecDeque::new(),
            looking: looking::Looking::default(),
            pace: BTreeMap::new(),
            told: telling::Told::default(),
            outbox: outbox::Outbox::default(),
            foresight: foreseeing::Foresight::default(),
            measured: measuring::Measured::default(),
            calendar_until: None,
            twins_due: None,
            kept_due: None,
            recover_due: None,
            options,
            rng: fastrand::Rng::with_seed(options.seed),
            decisions: 0,
            fresh: None,
            ending: false,
            revision: 0,
            published: View::default(),
            next: None,
            out: Vec::new(),
        }
    }

    /// One mutation, then everything that follows from it.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Effect> {
        match input {
            Input::Tick => {}
            Input::Jump(jump) => self.on_jump(jump, now),
            Input::Call { call, request } => self.on_call(call, request, now),
            Input::SeatTouched(provider) => {
                self.read_seat(provider);
                self.out.push(Effect::ReadToolNumbers(provider));
            }
            Input::SeatRead { provider, report } => self.on_seat(provider, report, now),
            Input::SeatSeen { provider, report } => self.on_seat_seen(provider, &report),
            Input::Captured { provider, account, result } => {
                self.on_captured(provider, account, result, now);
            }
            Input::KeptRead { account, result } => self.on_kept(account, result, now),
            Input::Polled { account, holder, result } => {
                self.on_polled(account, holder, result, now);
            }
            Input::ToolNumbers { provider, numbers } => {
                self.on_tool_numbers(provider, numbers, now)
            }
            Input::Refreshed { account, report } => self.on_refreshed(account, report, now),
            Input::Swapped(report) => self.on_swapped(report, now),
            Input::Forgotten { account, result } => self.on_forgotten(account, result, now),
            Input::Stored { then, result } => self.on_stored(then, result, now),
            Input::Looked(look) => self.on_looked(*look, now),
            Input::Flown { call, flown } => self.on_flown(call, flown, now),
            Input::Overdue(port) => {
                self.hanging.entry(port).or_insert(now.wall);
            }
            Input::Answering(port) => {
                self.hanging.remove(&port);
            }
            Input::Recovered(found) => self.on_recovered(found, now),
            Input::Restarted { call, result } => self.on_restarted(call, result),
            Input::Twins(twins) => self.on_twins(twins, now),
            Input::Due(id) => self.on_due(id, now),
            Input::Health(health) => self.on_health(health, now),
            Input::Calendar(calendar) => {
                self.calendar_until = calendar.midnights.iter().copied().find(|at| *at > now.wall);
                self.world.calendar = calendar;
            }
        }
        self.drain(now)
    }

    /// When the core wants to be woken at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<Utc> {
        self.next
    }

    /// Every seat has been looked at once: answers tell the truth from here on.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.hanging.contains_key(&Port::Seats)
            || self.seats.values().all(|book| book.seat != Seat::Unread)
    }

    /// The person's choices.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Something that must not be torn is under way.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.swap.is_some() || !self.capturing.is_empty() || self.refreshing.is_some()
    }

    fn drain(&mut self, now: Now) -> Vec<Effect> {
        self.next = None;
        if !self.options.offline && !self.settings.stopped && !self.ending {
            self.drive(now);
        }
        self.serve_waiting(now);
        self.publish(now);
        self.measure(now);
        core::mem::take(&mut self.out)
    }

    fn drive(&mut self, now: Now) {
        if self.calendar_until.is_some_and(|until| until <= now.wall) {
            self.calendar_until = None;
            self.out.push(Effect::ExpandCalendar);
            self.store(Record::Tidy { now: now.wall }, Then::Tidied);
        }
        self.wake_by(self.calendar_until);
        match self.twins_due.filter(|due| *due > now.wall) {
            Some(due) => self.wake_by(Some(due)),
            None if self.health == Health::Ok => {
                self.twins_due = Some(now.wall.plus_seconds(TWINS_S));
                self.out.push(Effect::LookForTwins);
                self.wake_by(self.twins_due);
            }
            None => {}
        }
        self.drive_keeping(now);
        self.drive_recovery(now);
        self.drive_seats(now);
        self.drive_tokens(now);
        self.drive_polls(now);
        self.drive_decisions(now);
        self.drive_turns(now);
        self.drive_vacancies(now);
        self.foresee(now);
        self.advise(now);
        self.release_held(now);
    }

    fn wake_by(&mut self, due: Option<Utc>) {
        self.next = match (self.next, due) {
            (Some(known), Some(due)) => Some(known.min(due)),
            (known, due) => known.or(due),
        };
    }

    fn publish(&mut self, now: Now) {
        let mut view = crate::view::view(self, now.wall);
        view.revision = self.published.revision;
        view.at_ms = self.published.at_ms;
        if view == self.published && self.revision > 0 {
            return;
        }
        self.revision += 1;
        view.revision = self.revision;
        view.at_ms = now.wall.millis();
        self.published = view.clone();
        self.out.push(Effect::Publish(Box::new(view)));
    }

    fn on_jump(&mut self, jump: Jump, now: Now) {
        let set_ms = match jump {
            Jump::Woke { set_ms, .. } => set_ms,
            Jump::SetBack { by_ms } => by_ms.saturating_neg(),
        };
        self.world.woke(set_ms / 1_000, now);
        self.out.push(Effect::ExpandCalendar);
        // Instants that now lie ahead would block for as long as the jump.
        for book in self.polls.values_mut() {
            book.not_before = None;
        }
        for lane in self.lanes.values_mut() {
            lane.tick_due = None;
        }
        self.refresh_not_before.clear();
        self.twins_due = None;
        self.recover_due = self.recover_due.map(|_| now.wall);
        self.pace.clear();
        for provider in self.providers() {
            self.read_seat(provider);
            // Parked accounts follow one by one: at most two requests in the first minute.
            self.pace.insert(provider, now.wall.plus_seconds(polling::PACE_AFTER_JUMP_S));
        }
        let live: Vec<_> = self.world.lanes.iter().filter_map(|lane| lane.active).collect();
        for account in live {
            self.polls.entry(account).or_default().wanted = true;
        }
    }

    /// Providers with a lane, in display order.
    pub(crate) fn providers(&self) -> Vec<Provider> {
        Provider::ALL
            .into_iter()
            .filter(|provider| self.world.lanes.iter().any(|lane| lane.provider == *provider))
            .collect()
    }

    /// The lane of the machine's default seat of a provider.
    pub(crate) fn lane(&self, provider: Provider) -> Option<&Lane> {
        self.world.lanes.iter().find(|lane| lane.provider == provider)
    }

    pub(crate) fn lane_mut(&mut self, provider: Provider) -> Option<&mut Lane> {
        self.world.lanes.iter_mut().find(|lane| lane.provider == provider)
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.world.accounts.iter().find(|account| account.id == id)
    }

    fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.world.accounts.iter_mut().find(|account| account.id == id)
    }

    /// The account in a provider's seat, as far as the seat has been read.
    pub(crate) fn live(&self, provider: Provider) -> Option<AccountId> {
        match self.seats.get(&provider).map(|book| &book.seat) {
            Some(Seat::Known(account)) => Some(*account),
            Some(_) | None => None,
        }
    }

    pub(crate) fn is_live(&self, account: AccountId) -> bool {
        Provider::ALL.into_iter().any(|provider| self.live(provider) == Some(account))
    }

    pub(crate) fn mode(&self, provider: Provider) -> Mode {
        self.settings.mode(provider)
    }

    /// Why nothing may be written to a provider's seat now, for people.
    pub(crate) fn observe_only(&self, provider: Provider) -> Option<String> {
        let lane = self.lane(provider)?;
        if let Some(text) = self.lanes.get(&lane.id).and_then(|book| book.stuck.clone()) {
            return Some(text);
        }
        let seat = self.seats.get(&provider).map(|book| &book.seat);
        if let Some(Seat::Unreadable(text) | Seat::Foreign(text)) = seat {
            return Some(looking::left_alone(text));
        }
        let text = match self.health {
            Health::Ok if self.hanging.contains_key(&Port::Moves) => {
                "The last swap has not answered yet; nothing else is started."
            }
            Health::Ok if self.hanging.contains_key(&Port::Ledger) => {
                "The database does not answer; without a journal nothing is swapped."
            }
            Health::Ok => return None,
            Health::Locked => {
                "The keychain (or the file vault) is locked. Unlock it; Sluice only watches until then."
            }
            Health::Absent => {
                "There is no keychain. Start one (for example gnome-keyring); Sluice only watches \
                 until then."
            }
            Health::Hanging => "The keychain does not answer. Sluice only watches until it does.",
        };
        Some(text.to_owned())
    }
}
