//! When a lane decides, what its mode makes of the decision, and what is written down.

use super::effects::Effects;
use super::telling::Word;
use super::{AfterStore, Core, Motive, Record};
use crate::explain;
use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::skip::Softer;
use sluice_engine::{
    Account, AccountId, Action, AskedBy, Decision, LaneId, Now, Provider, Trigger, Utc, World,
};
use sluice_protocol::{Advice, Cause, DecisionAction, DecisionView, Mode};

/// A lane decides at least this often, in poll intervals, also when no numbers come.
const TICK_INTERVALS: f64 = 1.5;
/// A swap that something passing stood in the way of is tried again after this, seconds.
pub(super) const AGAIN_S: i64 = 60;
/// Stalled decisions in a row that are told.
const STALLED_LOOKS: u32 = 10;
/// Numbers older than this count as stalled, seconds.
const STALE_S: f64 = 1_800.0;
/// Decisions between two records of the engine's memory.
const MEMORY_EVERY: u64 = 10;

/// The decisions of one lane.
#[derive(Clone, Debug, Default)]
struct Decisions {
    /// One is to be taken as soon as nothing is under way.
    pending: bool,
    /// One is taken by then even when no numbers come.
    due: Option<Utc>,
    advice: Option<Advice>,
    last: Option<DecisionView>,
    /// Decisions in a row that found nothing to judge by.
    stalled: u32,
}

/// When each lane decides, and what it decided last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    known: BTreeMap<LaneId, Decisions>,
    /// Decisions since the start.
    count: u64,
}

impl Lanes {
    /// Asks for a decision as soon as nothing it depends on is under way.
    pub(super) fn want_decision(&mut self, lane: LaneId) {
        self.known.entry(lane).or_default().pending = true;
    }

    /// The same of a provider's lane.
    pub(super) fn want_decision_of(&mut self, provider: Provider, world: &World) {
        if let Some(lane) = world.lane_of(provider) {
            self.want_decision(lane.id);
        }
    }

    /// A look at the live account is what makes a lane decide.
    pub(super) fn after_look(&mut self, account: AccountId, world: &World) {
        let Some(found) = world.account(account) else { return };
        let lane = world.lane_of(found.provider).filter(|lane| lane.active == Some(account));
        if let Some(lane) = lane {
            self.want_decision(lane.id);
        }
    }

    /// What kept a decided swap from happening may soon be over.
    pub(super) fn decide_again(&mut self, lane: LaneId, now: Utc) {
        self.decide_by(lane, now.plus_seconds(AGAIN_S));
    }

    /// Asks for a decision by then.
    pub(super) fn decide_by(&mut self, lane: LaneId, at: Utc) {
        self.known.entry(lane).or_default().due = Some(at);
    }

    /// Whether the lane decides now; it does so every `period_s`, too. `rests` while numbers are read.
    fn is_due(
        &mut self,
        lane: LaneId,
        (period_s, rests): (i64, bool),
        now: Utc,
        effects: &mut Effects,
    ) -> bool {
        let next = now.plus_seconds(period_s);
        let lane = self.known.entry(lane).or_default();
        let due = *lane.due.get_or_insert(next);
        if rests {
            return false;
        }
        if !lane.pending && due > now {
            effects.wake_by(Some(due));
            return false;
        }
        lane.pending = false;
        lane.due = Some(next);
        effects.wake_by(Some(next));
        true
    }

    pub(crate) fn advice(&self, lane: LaneId) -> Option<&Advice> {
        self.known.get(&lane)?.advice.as_ref()
    }

    pub(super) fn take_advice(&mut self, lane: LaneId) -> Option<Advice> {
        self.known.get_mut(&lane)?.advice.take()
    }

    /// What was advised for the provider's lane is over: that was it.
    pub(super) fn forget_advice(&mut self, provider: Provider, world: &World) -> Option<Advice> {
        self.take_advice(world.lane_of(provider)?.id)
    }

    fn set_advice(&mut self, lane: LaneId, advice: Advice) {
        self.known.entry(lane).or_default().advice = Some(advice);
    }

    pub(crate) fn last_decision(&self, lane: LaneId) -> Option<&DecisionView> {
        self.known.get(&lane)?.last.as_ref()
    }

    /// The newest decision of all lanes.
    pub(crate) fn newest_decision(&self) -> Option<&DecisionView> {
        self.known.values().filter_map(|lane| lane.last.as_ref()).max_by_key(|last| last.at_ms)
    }

    fn set_last_decision(&mut self, lane: LaneId, last: DecisionView) {
        self.known.entry(lane).or_default().last = Some(last);
    }

    /// The decision was written down in this row.
    pub(super) fn stored(&mut self, lane: LaneId, row: i64) {
        let Some(Decisions { advice, last, .. }) = self.known.get_mut(&lane) else { return };
        if let Some(last) = last {
            last.id = row;
        }
        if let Some(advice) = advice {
            advice.decision = row;
        }
    }

    /// Which of this run's decisions the next one is.
    fn count(&mut self) -> u64 {
        self.count = self.count.wrapping_add(1);
        self.count
    }

    /// Decisions in a row that found nothing to judge by.
    pub(super) fn count_stalled(&mut self, lane: LaneId, stalled: bool) -> u32 {
        let lane = self.known.entry(lane).or_default();
        lane.stalled = if stalled { lane.stalled.saturating_add(1) } else { 0 };
        lane.stalled
    }

    /// Another account is live: what was advised and planned is over.
    pub(super) fn swapped(&mut self, lane: LaneId) {
        let lane = self.known.entry(lane).or_default();
        lane.advice = None;
        lane.due = None;
    }

    /// Instants that now lie ahead would hold decisions up for as long as the jump.
    pub(super) fn jumped(&mut self) {
        self.known.values_mut().for_each(|lane| lane.due = None);
    }
}

impl Core {
    pub(super) fn drive_decisions(&mut self, now: Now) {
        let lanes: Vec<_> = self.world.lanes.iter().map(|lane| (lane.id, lane.provider)).collect();
        for (lane, provider) in lanes {
            if self.decides(lane, provider, now) {
                self.decide(lane, provider, AskedBy::Driver, now);
            }
        }
    }

    fn decides(&mut self, lane: LaneId, provider: Provider, now: Now) -> bool {
        let Some(found) = self.world.lane_of(provider) else { return false };
        let (paused_until, active) = (found.gates.paused_until, found.active);
        if self.settings.mode(provider) == Mode::Off
            || active.is_none()
            || self.swaps.under_way().is_some()
        {
            return false;
        }
        if let Some(until) = paused_until.filter(|until| *until > now.wall) {
            self.effects.wake_by(Some(until));
            return false;
        }
        if self.seats.live(provider).is_none() {
            return false;
        }
        let period = (f64::from(self.settings.poll_seconds) * TICK_INTERVALS) as i64;
        let of_provider = |account: &Account| account.provider == provider;
        let reading =
            self.polls.reading().any(|id| self.world.account(id).is_some_and(of_provider));
        self.lanes.is_due(lane, (period, reading), now.wall, &mut self.effects)
    }

    pub(super) fn decide(&mut self, lane: LaneId, provider: Provider, asked_by: AskedBy, now: Now) {
        let before = self.skips.apply(lane, &mut self.world, now.wall);
        // Kept as it was before, or a replay would start after the fact.
        let world = serde_json::to_string(&self.world).unwrap_or_default();
        let mut decision = self.world.decide(lane, now);
        if let Some(found) = self.world.lane_mut(lane) {
            // They are not the lane's to keep.
            found.gates.skips = before;
        }
        let wanted = match decision.action {
            Action::Swap { to } => Some(to),
            Action::Stay => None,
        };
        self.weeks.decided(&self.world, lane, wanted, now.wall);
        let mode = self.settings.mode(provider);
        let softer = self.softer(lane, now.wall);
        let action = match decision.action {
            Action::Stay => DecisionAction::Stay,
            Action::Swap { to } => match self.may_swap(provider, to) {
                Err(why) => {
                    decision.action = Action::Stay;
                    decision.trigger = Trigger::SwapAborted;
                    decision.reason = join(&decision.reason, &why);
                    DecisionAction::Stay
                }
                Ok(()) if mode == Mode::Auto && softer.is_none() => DecisionAction::Swap,
                Ok(()) => DecisionAction::Advise,
            },
        };
        let label = |id| self.profiles.label(id).to_owned();
        let mut sentence = explain::sentence(&decision, action, label);
        if let (DecisionAction::Advise, Some((account, how))) = (action, softer) {
            sentence.push_str(&explain::going_on(self.profiles.label(account), how, now.wall));
        }
        let advises = action == DecisionAction::Advise;
        let advice = advises.then(|| decision.best.zip(Some(sentence.clone()))).flatten();
        self.take_advice(lane, provider, advice, now);
        self.notice_conditions(lane, provider, &decision, now);
        self.findings.store(lane, &self.world, now.wall, &mut self.effects);
        let swap_to = match (action, decision.action) {
            (DecisionAction::Swap, Action::Swap { to }) => Some(to),
            _ => None,
        };
        let motive = Motive { asked_by, trigger: decision.trigger, reason: sentence.clone() };
        let number = self.record_decision(decision, (provider, action), sentence, Some(world));
        match swap_to.and_then(|to| self.order(provider, to, motive, now)) {
            Some(order) => self.swaps.record(order, number),
            None => self.swaps.stop_waiting_for_turn(lane),
        }
    }

    /// How work on the live account goes on although it refuses more, and until when. A swap would end
    /// that, so it is advised and never forced.
    fn softer(&self, lane: LaneId, now: Utc) -> Option<(AccountId, (Softer, Utc))> {
        let lane = self.world.lane(lane)?;
        let account = lane.active?;
        Some((account, self.skips.goes_on(account, now, lane.model.as_deref())?))
    }

    /// The account for a seat that nobody is signed in to, which the engine does not look at.
    pub(super) fn decide_to_fill(
        &mut self,
        provider: Provider,
        to: AccountId,
        sentence: String,
        now: Now,
    ) {
        let trigger = Trigger::FailureReported;
        let motive = Motive { asked_by: AskedBy::Driver, trigger, reason: sentence.clone() };
        let Some(order) = self.order(provider, to, motive, now) else { return };
        let decision = Decision {
            at: now.wall,
            lane: order.lane,
            generation: order.generation,
            active: None,
            action: Action::Swap { to },
            trigger,
            reason: String::new(),
            best: Some(to),
            candidates: Vec::new(),
        };
        let made = (provider, DecisionAction::Swap);
        let number = self.record_decision(decision, made, sentence, None);
        self.swaps.record(order, number);
    }

    /// Writes a decision down and says which of this run's it is. The engine's memory is small and is
    /// written with every swap and every few decisions.
    fn record_decision(
        &mut self,
        decision: Decision,
        (provider, action): (Provider, DecisionAction),
        sentence: String,
        world: Option<String>,
    ) -> u64 {
        let number = self.lanes.count();
        let (lane, mode) = (decision.lane, self.settings.mode(provider));
        self.lanes.set_last_decision(lane, shown(provider, &decision, action, &sentence));
        let decision = Box::new(decision);
        let record = Record::Decision { decision, provider, action, sentence, mode, world };
        self.effects.store(record, AfterStore::Decided { lane, number });
        if action == DecisionAction::Swap || number.is_multiple_of(MEMORY_EVERY) {
            let memory = Box::new(self.world.memory.clone());
            self.effects.store(Record::Memory(memory), AfterStore::Nothing);
            let watches = Box::new(self.world.watches.clone());
            self.effects.store(Record::Watches(watches), AfterStore::Nothing);
        }
        number
    }

    /// Whether an automatic swap to this account may be done or advised now.
    pub(super) fn may_swap(&self, provider: Provider, to: AccountId) -> Result<(), String> {
        if let Some(text) = self.observe_only(provider) {
            return Err(text);
        }
        if self.refreshes.is_busy_with(to) {
            return Err("its login is being renewed at this moment".to_owned());
        }
        Ok(())
    }

    pub(super) fn take_advice(
        &mut self,
        lane: LaneId,
        provider: Provider,
        advice: Option<(AccountId, String)>,
        now: Now,
    ) {
        let before = self.lanes.take_advice(lane);
        let to = advice.as_ref().map(|(to, _)| *to);
        if let Some(before) = before.as_ref().filter(|before| Some(before.to) != to) {
            self.notices.end(&before.cause);
        }
        let Some((to, reason)) = advice else { return };
        let decision = before.map_or(0, |before| before.decision);
        let cause = Cause::Advice { provider, to };
        let advice = Advice { to, reason: reason.clone(), decision, cause };
        self.lanes.set_advice(lane, advice);
        let word = self.texts().advice(provider, to, &reason, now.wall);
        self.tell(word, now);
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
            let word = self.texts().exhausted(provider, decision, now.wall);
            self.tell(word, now);
            self.tell_reset_left(provider, now);
        }
        let stalled = is_stalled(&self.world, provider, decision, now.wall);
        if self.lanes.count_stalled(lane, stalled) >= STALLED_LOOKS {
            self.tell(Word::stalled(provider), now);
        } else if !stalled {
            self.notices.end(&Cause::Stall(provider));
        }
        if let Some(word) = self.texts().same_tier(provider, decision) {
            self.tell(word, now);
        }
    }
}

fn join(reason: &str, why: &str) -> String {
    if reason.is_empty() { why.to_owned() } else { format!("{reason}; held back: {why}") }
}

/// The decision as front ends have it, before it has a row.
fn shown(
    provider: Provider,
    decision: &Decision,
    action: DecisionAction,
    sentence: &str,
) -> DecisionView {
    let target = match decision.action {
        Action::Swap { to } => Some(to),
        Action::Stay => decision.best,
    };
    DecisionView {
        id: 0,
        at_ms: decision.at.millis(),
        provider,
        action,
        trigger: decision.trigger,
        active: decision.active,
        target,
        sentence: sentence.to_owned(),
        swap: None,
        candidates: decision.candidates.clone(),
    }
}

/// Nothing can be judged: the live account's numbers are old, and no other account stands out.
fn is_stalled(world: &World, provider: Provider, decision: &Decision, now: Utc) -> bool {
    let active = decision.active.and_then(|id| world.account(id));
    let seen = active.and_then(|account| account.usage.observed_at);
    let old = seen.is_none_or(|seen| now.seconds_since(seen) > STALE_S);
    let others = world.accounts.iter().filter(|account| account.provider == provider).count() > 1;
    decision.action == Action::Stay && decision.best.is_none() && old && others
}
