//! Swaps: ordered here, carried out by custody, settled here. A swap takes seconds, and the loop goes on
//! meanwhile.

mod asking;
mod proving;
mod recording;
mod recovering;
mod turns;

use super::deadlines::Task;
use super::deciding::AGAIN_S;
use super::effects::Effects;
use super::storing::gates;
use super::telling::Word;
use super::{AfterStore, CallId, Core, Effect, Motive};
use crate::ports::{PortError, RefreshReport, SwapOrder, SwapReport};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::world::Settlement;
use sluice_engine::{AccountId, Lane, LaneId, Now, Provider, Utc};
use sluice_protocol::{Answer, Cause, Code, Refused, SwapStatus, SwapView};
pub(crate) use turns::AtWork;

/// A foreign write this soon after a swap undoes it, seconds.
const UNDONE_S: f64 = 60.0;
/// Swaps done again after that, before the seat is left alone.
const UNDONE_MAX: u32 = 2;
/// Waits of altogether this long, seconds, are nothing anybody need hear of.
const WAITS_UNTOLD_S: f64 = 900.0;

/// The swap under way.
#[derive(Clone, Debug)]
struct Running {
    order: SwapOrder,
    call: Option<CallId>,
    /// It keeps no button locked any more; nothing else is begun all the same.
    overdue: bool,
}

/// The last swap of ours, whose seat is still watched for somebody putting the old login back.
#[derive(Clone, Copy, Debug)]
struct Last {
    lane: LaneId,
    from: AccountId,
    to: AccountId,
    at: Utc,
    /// How often in a row it was undone.
    undone: u32,
}

/// The swap under way with what comes before and after it, and those of the last day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Swaps {
    running: Option<Running>,
    asked: asking::AskedSwaps,
    recording: recording::Recording,
    turn_waits: turns::TurnWaits,
    proofs: proving::Proofs,
    recovery: recovering::Recovery,
    /// When swaps of ours were committed.
    done: VecDeque<Utc>,
    last: Option<Last>,
    /// Since when something passing has stood in the way of every swap of a lane.
    waits_since: BTreeMap<LaneId, Utc>,
}

impl Swaps {
    pub(super) fn new(done: Vec<Utc>) -> Self {
        Self { done: done.into(), ..Self::default() }
    }

    /// The order that is being carried out.
    pub(super) fn running(&self) -> Option<&SwapOrder> {
        self.running.as_ref().map(|running| &running.order)
    }

    pub(super) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn is_running_for(&self, provider: Provider) -> bool {
        self.running().is_some_and(|order| order.provider == provider)
    }

    /// It keeps no button locked any more.
    pub(crate) fn is_overdue(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.overdue)
    }

    /// The swap that is being carried out, or waits for its decision's row or the proof of its target.
    pub(crate) fn under_way(&self) -> Option<&SwapOrder> {
        self.running().or(self.proofs.order()).or(self.recorded())
    }

    /// Another person may ask for a swap and wait.
    pub(super) fn has_room(&self) -> bool {
        self.asked.has_room()
    }

    /// The swap whose decision is being written down.
    pub(super) fn recorded(&self) -> Option<&SwapOrder> {
        self.recording.order()
    }

    /// A decided swap waits for the row of its decision.
    pub(super) fn record(&mut self, order: SwapOrder, number: u64) {
        self.recording.add(order, number);
    }

    /// The ledger does not answer: that swap is given up.
    pub(super) fn give_up_recording(&mut self) -> Option<SwapOrder> {
        self.recording.give_up()
    }

    /// The account that a lane waits to swap to, at the end of a turn.
    pub(crate) fn after_turn(&self, lane: LaneId) -> Option<AccountId> {
        self.turn_waits.target(lane)
    }

    /// The newest decision does not want the waiting swap any more.
    pub(super) fn stop_waiting_for_turn(&mut self, lane: LaneId) {
        self.turn_waits.forget(lane);
    }

    /// It is this account's login that is being proven.
    pub(super) fn is_proving(&self, account: AccountId) -> bool {
        self.proofs.is_about(account)
    }

    /// The proof that ends without an answer.
    pub(super) fn proof_is_due(&mut self, id: u64) -> Option<proving::Ended> {
        self.proofs.due(id)
    }

    /// The account's tokens were exchanged, or not: the proof that ends with that.
    pub(super) fn proof_after_renewal(
        &mut self,
        account: AccountId,
        report: &RefreshReport,
    ) -> Option<proving::Ended> {
        self.proofs.after_renewal(account, report)
    }

    /// Why nothing is written to the seat of this lane.
    pub(crate) fn stuck(&self, lane: LaneId) -> Option<&str> {
        self.recovery.stuck(lane)
    }

    /// An open swap is looked at again in a while.
    pub(super) fn recover_later(&mut self, now: Utc) {
        self.recovery.later(now);
    }

    pub(super) fn drive_recovery(&mut self, now: Utc, effects: &mut Effects) {
        self.recovery.drive(self.running.is_some(), now, effects);
    }

    /// What waits is looked at now: its instant may lie far ahead.
    pub(super) fn jumped(&mut self, now: Utc) {
        self.recovery.jumped(now);
    }

    /// Nobody waits any more for the swap that was decided then.
    pub(super) fn stop_waiting(&mut self, decided_at: Utc) -> Option<CallId> {
        let running = self.running.as_mut().filter(|found| found.order.at == decided_at)?;
        running.overdue = true;
        running.call.take()
    }

    pub(crate) fn count_since(&self, day: Utc) -> usize {
        self.done.iter().filter(|at| **at > day).count()
    }

    fn committed(&mut self, order: &SwapOrder, now: Utc) {
        self.done.push_back(now);
        self.waits_since.remove(&order.lane);
        let (lane, to) = (order.lane, order.to.0);
        let Some((from, _)) = order.from else { return };
        let same = self.last.filter(|last| last.lane == lane && last.to == to);
        let undone = same.map_or(0, |last| last.undone);
        self.last = Some(Last { lane, from, to, at: now, undone });
    }

    /// The seat shows an account that did not come from us. How often in a row our last swap was undone
    /// by that, and to whom it was; `None` when it was another change.
    fn note_undone(
        &mut self,
        lane: LaneId,
        found: AccountId,
        now: Utc,
    ) -> Option<(u32, AccountId)> {
        let last = self.last.as_mut().filter(|last| {
            let near = now.seconds_since(last.at) <= UNDONE_S;
            last.lane == lane && last.from == found && near
        })?;
        last.undone += 1;
        Some((last.undone, last.to))
    }

    /// So long something has stood in the way of every swap of this lane, seconds.
    fn waits(&mut self, lane: LaneId, now: Utc) -> f64 {
        now.seconds_since(*self.waits_since.entry(lane).or_insert(now))
    }
}

impl Core {
    /// An order as things stand; `None` for a provider without a lane.
    pub(super) fn order(
        &self,
        provider: Provider,
        to: AccountId,
        motive: Motive,
        now: Now,
    ) -> Option<SwapOrder> {
        let lane = self.world.lane_of(provider)?;
        let order = SwapOrder {
            lane: lane.id,
            generation: lane.generation,
            provider,
            from: None,
            to: (to, self.profiles.key(to)),
            trigger: motive.trigger,
            reason: motive.reason,
            asked_by: motive.asked_by,
            decision: None,
            gates: lane.gates.clone(),
            protect_s: None,
            at: now.wall,
        };
        Some(self.renewed_order(order, now))
    }

    /// The order as it has to be now: who leaves, under which generation and gates.
    fn renewed_order(&self, order: SwapOrder, now: Now) -> SwapOrder {
        let Some(lane) = self.world.lane_of(order.provider) else { return order };
        let from =
            self.seats.live(order.provider).map(|account| (account, self.profiles.key(account)));
        SwapOrder {
            generation: lane.generation,
            from,
            gates: lane.gates.clone(),
            protect_s: order.by_person().then(|| self.world.protect_s()),
            at: now.wall,
            ..order
        }
    }

    pub(super) fn carry_out_swap(&mut self, order: SwapOrder, call: Option<CallId>, now: Now) {
        let order = self.renewed_order(order, now);
        self.skips.probe(order.to.0, order.at, &mut self.effects);
        self.deadlines.add(Task::Swapping(order.at), &mut self.effects);
        self.swaps.running = Some(Running { order: order.clone(), call, overdue: false });
        self.effects.push(Effect::Swap(Box::new(order)));
    }

    pub(super) fn on_swapped(&mut self, report: SwapReport, now: Now) {
        let Some(Running { order, call, overdue: _ }) = self.swaps.running.take() else {
            return;
        };
        self.deadlines.remove(Task::Swapping(order.at));
        let mut retry_after_s = None;
        let view = match report {
            SwapReport::Committed { row, settled, lingering, caveats } => {
                let residency_seconds = settled.as_ref().and_then(|found| found.residency_seconds);
                self.read_back(&order, settled.map(|found| found.lane), now);
                self.on_committed(&order, row, (lingering, &caveats), now);
                Ok(swap_view(&order, row, residency_seconds))
            }
            SwapReport::Failed { row, trouble } => {
                let to = order.to.0;
                let begun = row.map_or(Settlement::Failed, |_| Settlement::Unwritten { to });
                self.world.settle(order.lane, begun, now);
                let word = self.texts().swap_failed(&order, &trouble);
                self.tell(word, now);
                Err(trouble)
            }
            SwapReport::Waits { trouble } => {
                self.world.settle(order.lane, Settlement::Stale, now);
                self.wait_to_swap(&order, &trouble, now);
                retry_after_s = Some(AGAIN_S.unsigned_abs());
                let text = format!("{} Ask again in {AGAIN_S} seconds.", trouble.text);
                Err(PortError::new(trouble.code, text))
            }
            SwapReport::Stale { text } => {
                self.world.settle(order.lane, Settlement::Stale, now);
                // The ledger may know the lane otherwise: it says how.
                self.findings.add(order.lane);
                Err(PortError::new(Code::Stale, text))
            }
            SwapReport::Stuck { row: _, text } => {
                self.world.settle(order.lane, Settlement::Failed, now);
                self.swaps.recovery.stick(order.lane, text.clone());
                self.tell(Word::stuck(order.lane, &text), now);
                self.swaps.recover_later(now.wall);
                Err(PortError::new(Code::StuckSwap, text))
            }
        };
        if view.is_err() {
            self.findings.store(order.lane, &self.world, now.wall, &mut self.effects);
        }
        self.seats.look(order.provider, &mut self.effects);
        self.effects.push(Effect::LookAtRuns);
        if let Some(call) = call {
            let answer = match view {
                Ok(view) => Answer::Swapped(view),
                Err(PortError { code, text }) => {
                    Answer::Refused(Refused { code, text, retry_after_s })
                }
            };
            self.effects.answer(call, answer);
        }
    }

    /// A swap that something passing stood in the way of is decided anew soon. A person is told when
    /// it does not pass.
    fn wait_to_swap(&mut self, order: &SwapOrder, trouble: &PortError, now: Now) {
        if order.by_person() {
            return;
        }
        self.lanes.decide_again(order.lane, now.wall);
        if self.swaps.waits(order.lane, now.wall) >= WAITS_UNTOLD_S {
            let word = self.texts().swap_failed(order, trouble);
            self.tell(word, now);
        }
    }

    /// The lane as the settlement left it. What the person said of it meanwhile holds, and is written
    /// down again: the ledger drops what names a generation that is gone.
    fn read_back(&mut self, order: &SwapOrder, row: Option<Lane>, now: Now) {
        let Some(meanwhile) = self.world.lane_of(order.provider).cloned() else { return };
        let Some(mut row) = row else {
            // Not settled, so the ledger has the old one: recovery finds the new login in the seat.
            if let Some(lane) = self.world.lane_of_mut(order.provider) {
                lane.active = Some(order.to.0);
            }
            return self.swaps.recovery.now(now.wall);
        };
        let changed = meanwhile.gates != order.gates;
        if changed {
            let protected = order.protect_s.zip(row.gates.last_committed);
            let protected = protected.map(|(span_s, at)| at.plus_seconds(span_s));
            row.gates.paused_until = meanwhile.gates.paused_until.max(protected);
        }
        self.world.read_back(row, order.by_person());
        if changed {
            let gates = gates(&self.world, order.lane);
            gates.into_iter().for_each(|record| self.effects.store(record, AfterStore::Nothing));
        }
    }

    fn on_committed(
        &mut self,
        order: &SwapOrder,
        row: i64,
        (lingering, caveats): (bool, &[String]),
        now: Now,
    ) {
        let to = order.to.0;
        let arriving = self.profiles.kept(to).and_then(|kept| kept.access_expires_at);
        let leaving = self.seats.swapped(order.provider, to, arriving);
        if let Some((from, _)) = &order.from {
            // What left the seat was captured, so the vault has the rotation the seat had.
            self.profiles.park(*from, leaving);
        }
        self.swaps.committed(order, now.wall);
        self.lanes.swapped(order.lane);
        self.notices.end(&Cause::Advice { provider: order.provider, to });
        self.notices.end(&Cause::SwapFailed(order.provider));
        let word = self.texts().swap_done(order, row, (lingering, caveats));
        self.tell(word, now);
    }

    /// Somebody put the old login back a moment after our swap. Says whether that was it: the lane
    /// then decides afresh, and after two times in a row the seat is left to its writer.
    pub(super) fn was_undone(&mut self, lane: LaneId, found: AccountId, now: Now) -> bool {
        let Some((times, to)) = self.swaps.note_undone(lane, found, now.wall) else { return false };
        tracing::warn!(times, "another program put the former login back after a swap");
        if times > UNDONE_MAX {
            let text = format!(
                "Another program keeps putting {} back after a swap to {}. Nothing more is written; end \
                 that program, then start Sluice anew. Every login is kept.",
                self.profiles.label(found),
                self.profiles.label(to)
            );
            self.swaps.recovery.stick(lane, text.clone());
            self.tell(Word::stuck(lane, &text), now);
        } else {
            self.lanes.want_decision(lane);
        }
        true
    }
}

fn swap_view(order: &SwapOrder, row: i64, residency_seconds: Option<i64>) -> SwapView {
    SwapView {
        id: row,
        at_ms: order.at.millis(),
        provider: order.provider,
        from: order.from.as_ref().map(|(account, _)| *account),
        to: order.to.0,
        asked_by: order.asked_by,
        decision: order.decision,
        trigger: order.trigger,
        reason: order.reason.clone(),
        status: SwapStatus::Committed,
        residency_seconds,
        error: None,
    }
}
