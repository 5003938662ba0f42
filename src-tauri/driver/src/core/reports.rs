//! What tools report against the live account: one generation is left once, however many report.

use super::{CallId, Core, Seat};
use crate::api::{Answer, Mode};
use crate::link::refused;
use sluice_engine::observation::Fact;
use sluice_engine::{AccountId, Generation, Now, Observation, Provider, Source, Utc};

/// A report older than this is remembered by the ledger and moves nothing any more, seconds.
const LATE_S: f64 = 600.0;
/// A window's name longer than this is none.
const WINDOW_MAX: usize = 80;

/// A report as it was told.
pub(super) struct Told {
    pub(super) account: AccountId,
    pub(super) generation: Generation,
    pub(super) auth: bool,
    pub(super) window: String,
    pub(super) failed_at: Utc,
    pub(super) resets_at: Option<Utc>,
}

impl Core {
    pub(super) fn on_report(&mut self, call: CallId, told: Told, now: Now) {
        let Some(provider) = self.account(told.account).map(|account| account.provider) else {
            return self.answer(call, refused("unknown_account", "There is no such account."));
        };
        let outcome = if told.window.len() > WINDOW_MAX {
            return self.answer(call, refused("invalid", "That is no name of a window."));
        } else {
            self.take_report(provider, &told, now)
        };
        let Some(lane) = self.lane(provider) else { return };
        let answer = Answer::Reported {
            outcome: outcome.to_owned(),
            current: lane.active,
            generation: lane.generation,
        };
        self.answer(call, answer);
    }

    fn take_report(&mut self, provider: Provider, told: &Told, now: Now) -> &'static str {
        let Some(lane) = self.lane(provider).cloned() else { return "disabled" };
        // The guard: before anything is learnt or chosen. What was launched under another
        // generation says nothing of the account that is active now.
        if lane.active != Some(told.account) || lane.generation != told.generation {
            return "stale";
        }
        if self.under_way().is_some() {
            return "under_way";
        }
        if now.wall.seconds_since(told.failed_at) > LATE_S {
            return "stale";
        }
        if told.auth {
            self.needs_sign_in(told.account, "a tool reported that its login is refused", now);
        } else {
            let fact = Fact::LimitHit { resets_at: told.resets_at, window: told.window.clone() };
            let at = told.failed_at.min(now.wall);
            let source = Source::Hook;
            self.observe(Observation { account: told.account, at, source, fact }, now);
        }
        let known =
            matches!(self.seats.get(&provider).map(|book| &book.seat), Some(Seat::Known(_)));
        let paused = lane.gates.paused_until.is_some_and(|until| until > now.wall);
        if self.settings.stopped || self.mode(provider) == Mode::Off || paused || !known {
            return "disabled";
        }
        self.decide(lane.id, provider, now);
        let advised = self.lanes.get(&lane.id).is_some_and(|book| book.advice.is_some());
        match (self.under_way().is_some(), advised) {
            (true, _) => "ordered",
            (false, true) => "advised",
            (false, false) => "no_alternative",
        }
    }
}
