//! A swap that can wait waits, within a bound, for the end of the turn that a tool is in. What must leave
//! does not wait.

use super::{Core, Effect};
use crate::ports::Look;
use alloc::string::String;
use alloc::vec::Vec;
use sluice_engine::{AccountId, Decision, Generation, LaneId, Now, Provider, Trigger, Utc};

/// How often a turn's end is looked for while a swap waits; our hooks tell of it at once.
const LOOK_S: i64 = 2;

/// A decided swap that waits.
#[derive(Clone, Debug)]
pub(crate) struct AfterTurn {
    provider: Provider,
    generation: Generation,
    pub(crate) to: AccountId,
    trigger: Trigger,
    sentence: String,
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

impl Core {
    /// Begins a decided swap, or lets it wait for the end of a turn.
    pub(super) fn swap_between_turns(
        &mut self,
        lane: LaneId,
        provider: Provider,
        to: AccountId,
        decision: &Decision,
        sentence: String,
        now: Now,
    ) {
        if self.settings.turn_wait_seconds == 0 || !voluntary(decision.trigger) {
            self.after_turn.remove(&lane);
            self.begin_swap(provider, to, decision.trigger, sentence, None, now);
            return;
        }
        // Decided again while it waits: the bound counts from the first time.
        let since = self.after_turn.get(&lane).map_or(now.wall, |waiting| waiting.since);
        let waiting = AfterTurn {
            provider,
            generation: decision.generation,
            to,
            trigger: decision.trigger,
            sentence,
            since,
            look_at: now.wall.plus_seconds(LOOK_S),
        };
        self.after_turn.insert(lane, waiting);
        self.out.push(Effect::LookAtRuns);
    }

    /// The newest decision does not want it any more.
    pub(super) fn stay_after_all(&mut self, lane: LaneId) {
        self.after_turn.remove(&lane);
    }

    /// Looks again while a swap waits, and goes when the bound is over.
    pub(super) fn drive_turns(&mut self, now: Now) {
        let lanes: Vec<LaneId> = self.after_turn.keys().copied().collect();
        let bound = i64::from(self.settings.turn_wait_seconds);
        for lane in lanes {
            let Some(waiting) = self.after_turn.get_mut(&lane) else { continue };
            let end = waiting.since.plus_seconds(bound);
            if end <= now.wall {
                tracing::info!("a turn did not end in time; the swap waits no longer");
                self.go(lane, now);
                continue;
            }
            if waiting.look_at <= now.wall {
                waiting.look_at = now.wall.plus_seconds(LOOK_S);
                self.out.push(Effect::LookAtRuns);
            }
            let due = waiting.look_at.min(end);
            self.wake_by(Some(due));
        }
    }

    /// Tools at work were looked at.
    pub(super) fn on_looked(&mut self, look: Look, now: Now) {
        self.on_walls(look.walls, now);
        self.flying.lanes = look.lanes;
        self.flying.runs = look.runs;
        self.flying.caps = look.caps;
        for (provider, numbers) in look.numbers {
            self.on_tool_numbers(provider, numbers, now);
        }
        for notice in look.notices {
            self.tell_as_it_is(notice, now);
        }
        let free: Vec<LaneId> = self
            .after_turn
            .iter()
            .filter(|(_, waiting)| !look.mid_turn.contains_key(&waiting.provider))
            .map(|(lane, _)| *lane)
            .collect();
        for lane in free {
            self.go(lane, now);
        }
    }

    /// The swap that waited, if the lane is still the one it was decided for.
    fn go(&mut self, lane: LaneId, now: Now) {
        let Some(waiting) = self.after_turn.remove(&lane) else { return };
        let AfterTurn { provider, generation, to, trigger, sentence, .. } = waiting;
        let same = self.lane(provider).is_some_and(|found| found.generation == generation);
        let free = self.under_way().is_none() && self.may_swap(provider, to).is_ok();
        let rests = self.lane(provider).is_some_and(|found| found.gates.paused(now.wall));
        let auto = self.mode(provider) == sluice_protocol::Mode::Auto && !self.settings.stopped;
        if same && free && auto && !rests {
            self.begin_swap(provider, to, trigger, sentence, None, now);
        } else {
            self.want_decision(lane, now);
        }
    }
}
