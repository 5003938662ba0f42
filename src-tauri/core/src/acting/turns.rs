//! A swap that can wait waits, within a bound, for the end of the turn that a tool is in. What must leave
//! does not wait.

use crate::ports::{Look, SwapOrder};
use crate::telling::Word;
use crate::{Core, Effect};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sluice_engine::{AccountId, LaneId, Now, Provider, Trigger, Utc};
use sluice_protocol::{CapView, LaneView, RunView};

/// How often a turn's end is looked for while a swap waits; our hooks tell of it at once.
const LOOK_S: i64 = 2;

/// Lanes and tools at work, as last looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtWork {
    lanes: Vec<LaneView>,
    runs: Vec<RunView>,
    caps: Vec<CapView>,
}

impl AtWork {
    pub(crate) fn lanes(&self) -> &[LaneView] {
        &self.lanes
    }

    pub(crate) fn runs(&self) -> &[RunView] {
        &self.runs
    }

    pub(crate) fn caps(&self) -> &[CapView] {
        &self.caps
    }
}

/// A decided swap that waits.
#[derive(Clone, Debug)]
struct AfterTurn {
    order: SwapOrder,
    since: Utc,
    look_at: Utc,
}

/// Nothing is interrupted by staying: the branch is a matter of pace.
const fn voluntary(trigger: Trigger) -> bool {
    matches!(
        trigger,
        Trigger::HigherTierEmerged
            | Trigger::IntraTierPreempted
            | Trigger::TierDrained
            | Trigger::PlanImproved
    )
}

/// Decided swaps that wait, by lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct TurnWaits {
    open: BTreeMap<LaneId, AfterTurn>,
}

/// What a look at the waiting swaps asks for.
enum Next {
    /// The bound has passed.
    Go,
    /// Looks for the end of the turn, and again by then.
    Look(Utc),
    Wait(Utc),
}

impl TurnWaits {
    /// The account that a lane waits to swap to.
    pub(crate) fn target(&self, lane: LaneId) -> Option<AccountId> {
        self.open.get(&lane).map(|waiting| waiting.order.to.0)
    }

    /// The newest decision does not want it any more.
    pub(super) fn forget(&mut self, lane: LaneId) {
        self.open.remove(&lane);
    }

    /// Decided again while it waits: the bound counts from the first time.
    fn add(&mut self, lane: LaneId, waiting: AfterTurn) {
        let since = self.open.get(&lane).map_or(waiting.since, |known| known.since);
        self.open.insert(lane, AfterTurn { since, ..waiting });
    }

    fn next(&mut self, lane: LaneId, bound_s: i64, now: Utc) -> Option<Next> {
        let waiting = self.open.get_mut(&lane)?;
        let end = waiting.since.plus_seconds(bound_s);
        if end <= now {
            return Some(Next::Go);
        }
        let looks = waiting.look_at <= now;
        if looks {
            waiting.look_at = now.plus_seconds(LOOK_S);
        }
        let due = waiting.look_at.min(end);
        Some(if looks { Next::Look(due) } else { Next::Wait(due) })
    }

    /// Lanes of providers that are in no turn.
    fn free(&self, mid_turn: &BTreeMap<Provider, u32>) -> Vec<LaneId> {
        let free = self.open.iter().filter(|(_, one)| !mid_turn.contains_key(&one.order.provider));
        free.map(|(lane, _)| *lane).collect()
    }
}

impl Core {
    /// Begins a decided swap, or lets it wait for the end of a turn.
    pub(crate) fn swap_between_turns(&mut self, order: SwapOrder, now: Now) {
        let lane = order.lane;
        if self.settings.turn_wait_seconds == 0 || !voluntary(order.trigger) {
            self.swaps.turn_waits.forget(lane);
            return self.order_swap(order, None, now);
        }
        let (since, look_at) = (now.wall, now.wall.plus_seconds(LOOK_S));
        let waiting = AfterTurn { order, since, look_at };
        self.swaps.turn_waits.add(lane, waiting);
        self.effects.push(Effect::LookAtRuns);
    }

    /// Looks again while a swap waits, and goes when the bound is over.
    pub(crate) fn drive_turns(&mut self, now: Now) {
        let lanes: Vec<LaneId> = self.swaps.turn_waits.open.keys().copied().collect();
        let bound_s = i64::from(self.settings.turn_wait_seconds);
        for lane in lanes {
            match self.swaps.turn_waits.next(lane, bound_s, now.wall) {
                None => {}
                Some(Next::Go) => {
                    tracing::info!("a turn did not end in time; the swap waits no longer");
                    self.go(lane, now);
                }
                Some(Next::Look(due)) => {
                    self.effects.push(Effect::LookAtRuns);
                    self.effects.wake_by(Some(due));
                }
                Some(Next::Wait(due)) => self.effects.wake_by(Some(due)),
            }
        }
    }

    /// Tools at work were looked at.
    pub(crate) fn on_looked(&mut self, look: Look, now: Now) {
        self.on_walls(look.walls, now);
        self.at_work = AtWork { lanes: look.lanes, runs: look.runs, caps: look.caps };
        for (provider, numbers) in look.numbers {
            self.on_tool_numbers(provider, numbers, now);
        }
        for (provider, odd) in look.odd {
            self.mind_part(provider, &odd, now);
        }
        for notice in look.notices {
            self.tell(Word::retold(notice), now);
        }
        for lane in self.swaps.turn_waits.free(&look.mid_turn) {
            self.go(lane, now);
        }
    }

    /// The swap that waited, if the lane is still the one it was decided for.
    fn go(&mut self, lane: LaneId, now: Now) {
        let Some(AfterTurn { order, .. }) = self.swaps.turn_waits.open.remove(&lane) else {
            return;
        };
        if self.still_wanted(&order, now) {
            self.order_swap(order, None, now);
        } else {
            self.lanes.want_decision(lane);
        }
    }
}
