//! When a lane decides, what its mode makes of the decision, and what is written down.

use super::{Core, LaneBook, Record, Seat, Then};
use crate::explain;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Action, Decision, LaneId, Now, Provider, Refusal, Trigger};
use sluice_protocol::{Advice, DecisionView, Mode};

/// A lane decides at least this often, in poll intervals, also when no numbers come.
const TICK_INTERVALS: f64 = 1.5;
/// Decisions between two records of the engine's memory.
const MEMORY_EVERY: u64 = 10;

impl Core {
    /// Asks for a decision of a lane as soon as nothing it depends on is under way.
    pub(super) fn want_decision(&mut self, lane: LaneId, _now: Now) {
        self.lanes.entry(lane).or_default().pending = true;
    }

    pub(super) fn drive_decisions(&mut self, now: Now) {
        let lanes: Vec<_> = self.world.lanes.iter().map(|lane| (lane.id, lane.provider)).collect();
        for (lane, provider) in lanes {
            let Some(wanted) = self.decision_wanted(lane, provider, now) else { continue };
            if wanted {
                self.decide(lane, provider, now);
            }
        }
    }

    /// `None` when the lane does not decide at all now.
    fn decision_wanted(&mut self, lane: LaneId, provider: Provider, now: Now) -> Option<bool> {
        let found = self.lane(provider)?;
        let (paused_until, active) = (found.gates.paused_until, found.active);
        if self.mode(provider) == Mode::Off || active.is_none() || self.under_way().is_some() {
            return None;
        }
        if let Some(until) = paused_until.filter(|until| *until > now.wall) {
            self.wake_by(Some(until));
            return None;
        }
        if !matches!(self.seats.get(&provider).map(|book| &book.seat), Some(Seat::Known(_))) {
            return None;
        }
        let period = (f64::from(self.settings.poll_seconds) * TICK_INTERVALS) as i64;
        let reading = self.polls.iter().any(|(id, book)| {
            book.in_flight && self.account(*id).is_some_and(|account| account.provider == provider)
        });
        let book = self.lanes.entry(lane).or_default();
        let due = *book.tick_due.get_or_insert(now.wall.plus_seconds(period));
        if reading {
            return Some(false);
        }
        if !book.pending && due > now.wall {
            self.wake_by(Some(due));
            return Some(false);
        }
        book.pending = false;
        book.tick_due = Some(now.wall.plus_seconds(period));
        self.wake_by(Some(now.wall.plus_seconds(period)));
        Some(true)
    }

    pub(super) fn decide(&mut self, lane: LaneId, provider: Provider, now: Now) {
        let before = self.lend_walls(lane, now);
        // Kept as it was before, or a replay would start after the fact.
        let world = serde_json::to_string(&self.world).unwrap_or_default();
        let mut decision = self.world.decide(lane, now);
        self.take_walls_back(lane, before);
        let mode = self.mode(provider);
        let action = match decision.action {
            Action::Stay => "stay",
            Action::Swap { to } => match self.may_swap(provider, to) {
                Err(why) => {
                    decision.action = Action::Stay;
                    decision.trigger = Trigger::SwapAborted;
                    decision.reason = join(&decision.reason, &why);
                    "stay"
                }
                Ok(()) if mode == Mode::Auto => "swap",
                Ok(()) => "advise",
            },
        };
        let sentence = explain::sentence(&decision, action, |id| self.label(id).to_owned());
        let advice =
            (action == "advise").then(|| decision.best.zip(Some(sentence.clone()))).flatten();
        self.remember(lane, provider, &decision, action, &sentence);
        self.take_advice(lane, provider, advice, now);
        self.notice_conditions(lane, provider, &decision, now);
        self.store_lane(lane, now);
        let swap_to = match (action, decision.action) {
            ("swap", Action::Swap { to }) => Some(to),
            _ => None,
        };
        self.store(
            Record::Decision {
                decision: Box::new(decision.clone()),
                provider,
                action,
                sentence: sentence.clone(),
                mode,
                world,
            },
            Then::Decided(lane),
        );
        self.remember_world(action);
        match swap_to {
            Some(to) => self.swap_between_turns(lane, provider, to, &decision, sentence, now),
            None => self.stay_after_all(lane),
        }
    }

    /// The engine's memory is small and is written down with every swap and every few decisions.
    fn remember_world(&mut self, action: &str) {
        self.decisions = self.decisions.wrapping_add(1);
        if action == "swap" || self.decisions.is_multiple_of(MEMORY_EVERY) {
            let memory = Box::new(self.world.memory.clone());
            self.store(Record::Memory(memory), Then::Nothing);
        }
    }

    /// Whether an automatic swap to this account may be done or advised now.
    pub(super) fn may_swap(&self, provider: Provider, to: AccountId) -> Result<(), String> {
        if let Some(text) = self.observe_only(provider) {
            return Err(text);
        }
        if self.refreshing == Some(to) {
            return Err("its login is being renewed at this moment".to_owned());
        }
        Ok(())
    }

    fn remember(
        &mut self,
        lane: LaneId,
        provider: Provider,
        decision: &Decision,
        action: &str,
        sentence: &str,
    ) {
        let target = match decision.action {
            Action::Swap { to } => Some(to),
            Action::Stay => decision.best,
        };
        let view = DecisionView {
            id: 0,
            at_ms: decision.at.millis(),
            provider,
            action: action.to_owned(),
            trigger: decision.trigger,
            active: decision.active,
            target,
            sentence: sentence.to_owned(),
            candidates: decision.candidates.clone(),
        };
        self.lanes.entry(lane).or_default().last = Some(view);
    }

    pub(super) fn take_advice(
        &mut self,
        lane: LaneId,
        provider: Provider,
        advice: Option<(AccountId, String)>,
        now: Now,
    ) {
        let before = self.lanes.get(&lane).and_then(|book| book.advice.clone());
        let Some((to, reason)) = advice else {
            if let Some(before) = before {
                self.end_cause(&advice_cause(provider, before.to));
            }
            if let Some(book) = self.lanes.get_mut(&lane) {
                book.advice = None;
            }
            return;
        };
        if let Some(before) = &before
            && before.to != to
        {
            self.end_cause(&advice_cause(provider, before.to));
        }
        let decision = before.map_or(0, |before| before.decision);
        if let Some(book) = self.lanes.get_mut(&lane) {
            book.advice = Some(Advice { to, reason: reason.clone(), decision });
        }
        self.tell_advice(provider, to, &reason, now);
    }

    pub(super) fn on_decided(&mut self, lane: LaneId, row: i64) {
        let Some(LaneBook { advice, last, .. }) = self.lanes.get_mut(&lane) else { return };
        if let Some(last) = last {
            last.id = row;
        }
        if let Some(advice) = advice {
            advice.decision = row;
        }
    }

    fn notice_conditions(
        &mut self,
        lane: LaneId,
        provider: Provider,
        decision: &Decision,
        now: Now,
    ) {
        let exhausted = decision.trigger == Trigger::NoTarget;
        if exhausted {
            self.tell_exhausted(provider, decision, now);
        }
        self.watch_stall(lane, provider, decision, now);
        self.same_tier(provider, decision, now);
    }

    pub(super) fn stall_count(&mut self, lane: LaneId, stalled: bool) -> u32 {
        let book = self.lanes.entry(lane).or_default();
        book.stalled = if stalled { book.stalled.saturating_add(1) } else { 0 };
        book.stalled
    }
}

/// The cause under which an advised swap is told.
pub(crate) fn advice_cause(provider: Provider, to: AccountId) -> String {
    format!("advice:{}:{}", provider.name(), to.0)
}

fn join(reason: &str, why: &str) -> String {
    if reason.is_empty() { why.to_owned() } else { format!("{reason}; held back: {why}") }
}

/// Whether a candidate could have been chosen.
pub(super) fn eligible(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Outranked | Refusal::None)
}
