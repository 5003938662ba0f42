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
pub mod answers;
pub mod calendar;
mod canary;
mod chores;
mod deadlines;
mod deciding;
mod effects;
pub mod explain;
mod falling;
mod foreseeing;
mod health;
pub mod hours;
mod keeping;
mod message;
mod notices;
mod outbox;
mod plans;
mod polling;
pub mod ports;
mod publishing;
pub mod records;
mod removing;
mod reports;
mod requests;
mod resets;
mod seats;
pub mod settings;
mod storing;
mod telling;
#[cfg(test)]
mod tests;
mod tokens;
mod view;
mod walls;
mod weeks;
mod wishes;

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
pub use message::{AfterStore, CallId, Effect, Input, Jump, Page, PollError, Port};
pub use outbox::AGE_MAX_S;
pub(crate) use telling::last_days;

use crate::ports::{Loaded, PortError, Recovered, RunReply};
use crate::records::Record;
use crate::seats::Seat;
use crate::settings::Settings;
use crate::telling::Word;
use sluice_engine::{AskedBy, Now, Provider, Trigger, Utc, World};
use sluice_protocol::Code;

/// How the core is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only requests are answered; nothing is polled, refreshed or decided.
    pub offline: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Why an account is to become live.
struct Motive {
    asked_by: AskedBy,
    trigger: Trigger,
    /// In a sentence.
    reason: String,
}

/// The router. It owns the world and what every machine needs; all else is private to the machine that
/// answers for it. An input goes to the machines it concerns, and what they want done is drained.
pub struct Core {
    world: World,
    settings: Settings,
    options: Options,
    effects: effects::Effects,
    /// The driver ends: nothing new is begun.
    ending: bool,
    profiles: accounts::Profiles,
    removals: removing::Removals,
    seats: seats::Seats,
    polls: polling::Polls,
    plans: plans::Plans,
    canary: canary::Canary,
    refreshes: tokens::Refreshes,
    lanes: deciding::Lanes,
    weeks: weeks::Weeks,
    findings: storing::Findings,
    skips: walls::SkipList,
    swaps: acting::Swaps,
    wishes: wishes::Wishes,
    deadlines: deadlines::Deadlines,
    health: health::PortHealth,
    chores: chores::Chores,
    at_work: acting::AtWork,
    notices: notices::Notices,
    foresight: foreseeing::Foresight,
    publishing: publishing::Publishing,
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
        core.notices = notices::Notices::new(loaded.snoozed);
        core.foresight = foreseeing::Foresight::new(loaded.forecast);
        core.canary = canary::Canary::new(loaded.answers);
        core.swaps = acting::Swaps::new(loaded.swaps);
        core.skips = walls::SkipList::new(loaded.walls);
        core.world.lanes = loaded.lanes;
        core.world.memory = loaded.memory;
        core.world.resets = loaded.resets;
        core.world.watches = loaded.watches;
        for kept in loaded.accounts {
            core.take_in(kept);
        }
        core.settings.rule(&mut core.world);
        core.world.restarted();
        for lane in &mut core.world.lanes {
            lane.gates.heal(now.wall);
        }
        core.foresight.look(&core.world, now.wall);
        if !options.offline {
            let (told, untold) = (loaded.told, loaded.untold);
            core.notices.take_up(told, untold, now.wall, &mut core.effects);
        }
        for note in loaded.notes.iter().chain(&notes) {
            core.tell(Word::note(note), now);
        }
        core.after_recovery(recovered, now);
        core.tell_refused_logins(now);
        for provider in core.world.providers() {
            core.seats.look(provider, &mut core.effects);
        }
        if !options.offline {
            core.chores.begin_day(now.wall, &mut core.effects);
        }
        let effects = core.drain(now);
        (core, effects)
    }

    fn empty(settings: Settings, options: Options) -> Self {
        Self {
            world: World::default(),
            settings,
            options,
            effects: effects::Effects::default(),
            ending: false,
            profiles: accounts::Profiles::default(),
            removals: removing::Removals::default(),
            seats: seats::Seats::default(),
            polls: polling::Polls::new(options.seed),
            plans: plans::Plans::default(),
            canary: canary::Canary::default(),
            refreshes: tokens::Refreshes::default(),
            lanes: deciding::Lanes::default(),
            weeks: weeks::Weeks::default(),
            findings: storing::Findings::default(),
            skips: walls::SkipList::default(),
            swaps: acting::Swaps::default(),
            wishes: wishes::Wishes::default(),
            deadlines: deadlines::Deadlines::default(),
            health: health::PortHealth::default(),
            chores: chores::Chores::default(),
            at_work: acting::AtWork::default(),
            notices: notices::Notices::default(),
            foresight: foreseeing::Foresight::default(),
            publishing: publishing::Publishing::default(),
        }
    }

    /// One mutation, then everything that follows from it.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Effect> {
        match input {
            Input::Tick => {}
            Input::Jump(jump) => self.on_jump(jump, now),
            Input::Call { call, request } => self.on_call(call, request, now),
            Input::SeatTouched(provider) => {
                self.seats.look(provider, &mut self.effects);
                self.effects.push(Effect::ReadToolNumbers(provider));
            }
            Input::SeatRead { provider, report } => self.on_seat(provider, report, now),
            Input::SeatSeen { provider, report } => {
                self.seats.glance(provider, &report, &mut self.effects);
            }
            Input::Captured { provider, account, result } => {
                self.on_captured(provider, account, result, now);
            }
            Input::KeptRead { account, result } => self.on_kept(account, result, now),
            Input::Answered { account, beside } => self.on_answered(account, &beside, now),
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
            Input::RunReply { call, reply: RunReply::Answered(answer) } => {
                self.effects.answer(call, answer);
            }
            Input::RunReply { call, reply: RunReply::Live(told) } => {
                self.on_told(call, &told, now);
            }
            Input::Overdue(port) => self.on_overdue(port, now),
            Input::Answering(port) => self.health.answering(port),
            Input::Recovered(found) => self.on_recovered(found, now),
            Input::Restarted { call, result } => self.effects.conclude(call, result),
            Input::SharedLogins(shared_logins) => self.on_shared_logins(&shared_logins, now),
            Input::Due(id) => self.on_due(id, now),
            Input::Health(health) => self.on_health(health, now),
            Input::Calendar(calendar) => {
                self.chores.calendar_came(&calendar, now.wall);
                self.world.calendar = calendar;
            }
        }
        self.drain(now)
    }

    /// When the core wants to be woken at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<Utc> {
        self.effects.wake_at()
    }

    /// Every seat has been looked at once: answers tell the truth from here on.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.health.is_hanging(Port::Seats) || self.seats.are_read()
    }

    /// The person's choices.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Something that must not be torn is under way.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.swaps.is_running() || self.seats.is_capturing_any() || self.refreshes.is_busy()
    }

    fn drain(&mut self, now: Now) -> Vec<Effect> {
        self.effects.sleep();
        if !self.options.offline && !self.settings.stopped && !self.ending {
            self.drive(now);
        }
        self.serve_asked_swaps(now);
        let view = view::view(self, now.wall);
        self.publishing.publish(view, now.wall, &mut self.effects);
        self.measure(now);
        self.effects.take()
    }

    fn drive(&mut self, now: Now) {
        let answers = self.health.keychain_answers();
        self.chores.drive(answers, now.wall, &mut self.effects);
        self.drive_keeping(now);
        self.swaps.drive_recovery(now.wall, &mut self.effects);
        for provider in self.world.providers() {
            self.seats.drive(provider, now.wall, &mut self.effects);
        }
        self.drive_tokens(now);
        self.drive_polls(now);
        self.drive_decisions(now);
        self.drive_turns(now);
        self.drive_vacancies(now);
        self.drive_plans(now);
        self.foresee(now);
        self.advise(now);
        let quiet = self.settings.is_quiet(&self.world.calendar, now.wall);
        self.notices.release(quiet, now.wall, &mut self.effects);
    }

    fn on_overdue(&mut self, port: Port, now: Now) {
        self.health.overdue(port);
        if port == Port::Ledger {
            // Nothing is swapped without a journal.
            let Some(order) = self.swaps.give_up_recording() else { return };
            let text = "The database does not answer; nothing was changed.";
            self.refuse_swap(order, None, PortError::new(Code::Disk, text), now);
        }
    }

    fn on_jump(&mut self, jump: Jump, now: Now) {
        let set_ms = match jump {
            Jump::Woke { set_ms, .. } => set_ms,
            Jump::SetBack { by_ms } => by_ms.saturating_neg(),
        };
        self.world.woke(set_ms / 1_000, now);
        self.effects.push(Effect::ExpandCalendar);
        let providers = self.world.providers();
        self.polls.jumped(&providers, now.wall);
        self.lanes.jumped();
        self.refreshes.jumped();
        self.chores.jumped();
        self.swaps.jumped(now.wall);
        for provider in providers {
            self.seats.look(provider, &mut self.effects);
        }
        let live: Vec<_> = self.world.lanes.iter().filter_map(|lane| lane.active).collect();
        for account in live {
            self.polls.want(account);
        }
    }

    /// Why nothing may be written to a provider's seat now, for people.
    pub(crate) fn observe_only(&self, provider: Provider) -> Option<String> {
        let lane = self.world.lane_of(provider)?;
        if let Some(text) = self.swaps.stuck(lane.id) {
            return Some(text.to_owned());
        }
        if let Some(Seat::Unreadable(text) | Seat::Foreign(text)) = self.seats.seat(provider) {
            return Some(seats::left_alone(text));
        }
        self.health.bar().map(str::to_owned)
    }
}
