//! The decision under `horizon`: leave when forced, move when the plan gains enough, else stay.

use super::foresee::{self, Trace};
use super::rollout::{Base, Opening, Outcome, Rollout};
use super::scene::{Force, Scene};
use crate::belief::gauge::minutes;
use crate::belief::index::Index;
use crate::decision::{Action, Candidate, Decision, Refusal, Trigger};
use crate::gates::{self, Pull};
use crate::tier;
use crate::units::{AccountId, LaneId, Now};
use crate::world::World;
use alloc::{format, string::String, vec::Vec};

/// The rules rollouts continue with; the better of them counts.
const BASES: [Base; 2] = [Base { open_first: false }, Base { open_first: true }];

/// What a plan came to for one lane.
#[derive(Default)]
struct Answer {
    to: Option<AccountId>,
    /// Account, and units gained by going there.
    values: Vec<(AccountId, f64)>,
    /// Units of work left undone over the planned days by staying, weighted.
    undone: f64,
    next_plan: f64,
    /// A forced lane found no account with room to speak of.
    dry: Option<bool>,
    /// The plan wants a move that nothing forces.
    emerges: bool,
    /// Such a move has been the plan's at so many looks, of so many.
    looks: Option<(u32, u32)>,
}

/// Decides for one lane.
#[must_use]
pub fn decide(world: &mut World, lane: LaneId, now: Now) -> Decision {
    let at = minutes(now.wall);
    let Some(position) = world.lanes.iter().position(|candidate| candidate.id == lane) else {
        return blank(lane, now);
    };
    world.lanes[position].gates.heal(now.wall);
    world.horizon.advance(&world.lanes, position, at);
    if let Some(woke) = world.woken_at.map(minutes).filter(|woke| *woke <= at) {
        let known = world.horizon.woke_at.unwrap_or(woke);
        world.horizon.woke_at = Some(known.max(woke));
    }
    let rules = (&world.rules, now.wall);
    Index::refresh(&mut world.horizon, &world.accounts, &world.lanes, rules);
    let found = &world.lanes[position];
    let mut decision = blank(lane, now);
    decision.generation = found.generation;
    decision.active = found.active;
    let Some(scene) = Scene::new(world, found, at) else { return decision };
    let held = hold(world, &scene, now);
    let mut answer = if held.is_none() && due(&scene) { Some(answer(&scene)) } else { None };
    let mut streak = found.gates.streak;
    if let Some(answer) = &mut answer {
        persist(world, &scene, answer, &mut streak);
    }
    explain(&mut decision, &scene, answer.as_ref(), held);
    if let Some(answer) = answer {
        let wants_off = found.active.filter(|_| answer.emerges);
        let Answer { next_plan, values, dry, .. } = answer;
        world.horizon.planned(lane, at, next_plan, values, dry, wants_off);
    }
    world.lanes[position].gates.streak = streak;
    decision
}

/// A move that nothing forces has to be the plan's at two looks in a row, like every emergence.
fn persist(world: &World, scene: &Scene<'_>, answer: &mut Answer, streak: &mut Option<(u8, u32)>) {
    let tier = |id: AccountId| {
        let known = world.memory.get(&id).and_then(|memory| memory.tier);
        known.unwrap_or(tier::EXCLUDED)
    };
    let emerges = scene.forced.is_none() && answer.to.is_some();
    let pull = if emerges { Pull::Emerging } else { Pull::Decisive };
    answer.emerges = emerges;
    let looks = world.rules.persistence_looks;
    if !gates::persisted(streak, pull, answer.to.map(tier), looks) {
        answer.to = None;
        answer.looks = streak.map(|(_, seen)| (seen, looks));
    }
}

/// The gate that keeps the lane where it is, if one does.
fn hold(world: &World, scene: &Scene<'_>, now: Now) -> Option<Trigger> {
    let (gates, rules) = (&scene.lane.gates, &world.rules);
    if gates.off || gates.paused(now.wall) {
        cov_mark::hit!(plan_resting);
        return Some(Trigger::Tick);
    }
    if gates.backoff_left(now.wall, rules) > 0.0 {
        cov_mark::hit!(plan_backoff);
        return Some(Trigger::SwapAborted);
    }
    let stuck = scene.forced.is_some_and(Force::stuck);
    let cooldown = if stuck { 0.0 } else { gates.cooldown_left(now.wall, rules) };
    if cooldown.max(gates.hour_left(now.wall)) > 0.0 {
        cov_mark::hit!(plan_cooldown);
        return Some(Trigger::CooldownBlocked);
    }
    if scene.forced.is_none() && gates.residency_left(now.wall, rules) > 0.0 {
        cov_mark::hit!(plan_residency);
        return Some(Trigger::ResidencyBlocked);
    }
    None
}

/// Whether it is time to think: forced, just begun to work, the interval is over, or the lane is
/// still where the last plan did not want it: a move that waits is looked at until it is made.
fn due(scene: &Scene<'_>) -> bool {
    let belief = scene.belief;
    let waits = belief.wants_off.is_some() && belief.wants_off == scene.lane.active;
    scene.forced.is_some() || belief.woke || waits || scene.now >= belief.next_plan
}

fn answer(scene: &Scene<'_>) -> Answer {
    let tuning = &scene.state.tuning;
    let every = if scene.busy() { tuning.plan_busy } else { tuning.plan_idle };
    let mut answer = Answer { next_plan: scene.now + every, ..Answer::default() };
    if scene.forced.is_none() && !may_move(scene) {
        return answer;
    }
    let targets = scene.targets();
    if scene.forced.is_some() && scene.busy() {
        answer.dry = Some(!targets.iter().any(|&at| scene.room(at) > scene.ample(at)));
    }
    if targets.is_empty() {
        // Never to an account known to be full, not even to wait there.
        return answer;
    }
    weigh(scene, &targets, &mut answer);
    answer
}

/// Whether a lane that need not leave may look for something better.
fn may_move(scene: &Scene<'_>) -> bool {
    let woken = scene.state.woke_at;
    let fresh = woken.is_none_or(|woke| scene.entries[scene.here].seen_at > Some(woke));
    fresh && (!scene.hot() || scene.pressure() >= scene.state.tuning.pressure_gate)
}

/// Weighted worth of an opening over all demands.
fn worth(
    rollout: &mut Rollout<'_>,
    traces: &[Trace],
    swap_units: f64,
    opening: Opening,
) -> (f64, f64) {
    let (mut total, mut undone) = (0.0, 0.0);
    let worth = |outcome: &Outcome| outcome.served - swap_units * outcome.hot_swaps;
    for trace in traces {
        let mut best: Option<Outcome> = None;
        for base in BASES {
            let outcome = rollout.run(opening, base, &trace.steps);
            if best.as_ref().is_none_or(|known| worth(&outcome) > worth(known)) {
                best = Some(outcome);
            }
        }
        let best = best.unwrap_or_default();
        total += trace.weight * worth(&best);
        undone += trace.weight * best.lost;
    }
    (total, undone)
}

fn weigh(scene: &Scene<'_>, targets: &[usize], answer: &mut Answer) {
    let tuning = &scene.state.tuning;
    let mut beliefs = Vec::with_capacity(4);
    beliefs.push(scene.belief);
    let others = scene.others.iter().filter_map(|id| scene.state.lanes.get(id));
    beliefs.extend(others);
    beliefs.truncate(scene.pool.seats.len());
    let capacity = scene.pool.slots.iter().map(|slot| slot.long_cap).sum();
    let traces = foresee::traces(&beliefs, tuning, scene.now, scene.busy(), capacity);
    let swap_units = scene.pool.prices.swap_units;
    let unit = swap_units + scene.belief.rate;
    let mut rollout = Rollout::new(&scene.pool);
    let mut value = |to: Option<usize>, back_after: Option<f64>| {
        worth(&mut rollout, &traces, swap_units, Opening { lane: 0, to, back_after })
    };
    let (stay, undone) = value(None, None);
    answer.undone = undone;
    let mut best: Option<(f64, usize)> = None;
    for &to in targets {
        let slot = &scene.pool.slots[to];
        let late = 1e-6 * (slot.long_ends - scene.now) * swap_units / 10_080.0;
        let closed = !slot.open(scene.now);
        let mut gain = value(Some(to), None).0 - late - stay;
        if closed && scene.forced.is_none() && scene.hot() {
            gain = gain.max(value(Some(to), Some(tuning.touch)).0 - late - stay);
        }
        gain -= rush(scene, to);
        answer.values.push((scene.entries[to].id, gain));
        let minutes = if closed { 6.0 } else { 20.0 };
        let enough = scene.forced.is_some() || scene.room(to) >= minutes * scene.belief.rate;
        let hurdle = hurdle(scene, closed) * unit;
        if gain > hurdle && enough && best.is_none_or(|(known, _)| gain > known) {
            best = Some((gain, to));
        }
    }
    answer.to = best.map(|(_, at)| scene.entries[at].id);
}

/// Units a refusal is expected to cost on an account that the present rate may use up before a
/// reading tells: the sooner, the surer.
fn rush(scene: &Scene<'_>, to: usize) -> f64 {
    let (tuning, rate) = (&scene.state.tuning, scene.belief.rate);
    if !scene.busy() || rate <= 0.0 {
        return 0.0;
    }
    let chance = 1.0 - scene.room(to) / (tuning.rushed * rate);
    chance.max(0.0) * tuning.recovery * rate
}

/// How many swaps' worth a move must gain.
fn hurdle(scene: &Scene<'_>, closed: bool) -> f64 {
    let tuning = &scene.state.tuning;
    match (scene.forced, scene.hot(), closed) {
        (Some(_), ..) => f64::NEG_INFINITY,
        (None, false, _) => tuning.gain_idle,
        (None, true, true) => tuning.gain_closed,
        (None, true, false) => tuning.gain_open,
    }
}

fn blank(lane: LaneId, now: Now) -> Decision {
    Decision {
        at: now.wall,
        lane,
        generation: crate::units::Generation::default(),
        active: None,
        action: Action::Stay,
        trigger: Trigger::Tick,
        reason: String::new(),
        best: None,
        candidates: Vec::new(),
    }
}

/// Writes the answer down: branch, words, and every account's value or why it was left out.
fn explain(
    decision: &mut Decision,
    scene: &Scene<'_>,
    answer: Option<&Answer>,
    held: Option<Trigger>,
) {
    let known = match answer {
        Some(answer) if !answer.values.is_empty() => &answer.values,
        Some(_) | None => &scene.belief.values,
    };
    let to = answer.and_then(|answer| answer.to);
    for at in 0..scene.entries.len() {
        let id = scene.entries[at].id;
        let value = known.iter().find(|(account, _)| *account == id).map(|(_, value)| *value);
        decision.candidates.push(Candidate {
            account: id,
            tier: 0,
            target: None,
            deficit: None,
            stranding: None,
            value: value.map(|units| units * 100.0),
            refusal: refusal(scene, at, to),
        });
    }
    let top = known.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    decision.best = to.or(top.map(|(id, _)| *id));
    decision.trigger = match (to, held) {
        (Some(_), _) => match scene.forced {
            Some(Force::Refused | Force::Short | Force::ShortFull) => Trigger::ForcedCritical,
            Some(Force::Long | Force::LongFull) => Trigger::TierDrained,
            Some(Force::Unusable | Force::Blocked(_) | Force::Billing) => Trigger::FailureReported,
            None => Trigger::PlanImproved,
        },
        (None, Some(held)) if scene.forced.is_some() => held,
        (None, _) if scene.forced.is_some() => {
            cov_mark::hit!(plan_no_target);
            Trigger::NoTarget
        }
        (None, _) if answer.is_some_and(|answer| answer.looks.is_some()) => {
            cov_mark::hit!(plan_emerging);
            Trigger::EmergencePending
        }
        (None, _) => Trigger::Tick,
    };
    if let Some(to) = to {
        decision.action = Action::Swap { to };
    }
    decision.reason = words(scene, answer, to, held);
}

fn refusal(scene: &Scene<'_>, at: usize, to: Option<AccountId>) -> Refusal {
    let entry = scene.entries[at];
    if at == scene.here {
        cov_mark::hit!(plan_active);
        return Refusal::Active;
    }
    if to == Some(entry.id) || entry.refusal != Refusal::None {
        return entry.refusal;
    }
    let slot = &scene.pool.slots[at];
    if scene.lane.gates.skips.get(&entry.id).is_some_and(|until| minutes(*until) > scene.now) {
        cov_mark::hit!(plan_skipped);
        Refusal::Skipped
    } else if slot.long_left <= 0.015 * slot.short_cap {
        cov_mark::hit!(plan_no_weekly_headroom);
        Refusal::NoWeeklyHeadroom
    } else if !slot.usable(scene.now) {
        cov_mark::hit!(plan_no_short_headroom);
        Refusal::NoShortHeadroom
    } else {
        cov_mark::hit!(plan_outranked);
        Refusal::Outranked
    }
}

/// The branch in words.
fn words(
    scene: &Scene<'_>,
    answer: Option<&Answer>,
    to: Option<AccountId>,
    held: Option<Trigger>,
) -> String {
    let cause = match scene.forced {
        Some(Force::Refused) => "it refused work",
        Some(Force::Unusable) => "its login does not work",
        Some(Force::Blocked(why)) => why.words(),
        Some(Force::Billing) => "using it further would cost extra money",
        Some(Force::ShortFull) => "its 5-hour window is full",
        Some(Force::LongFull) => "its week is used up",
        Some(Force::Short) => "its 5-hour window is about to be full",
        Some(Force::Long) => "its week is about to be used up",
        None => "",
    };
    let gain = answer.and_then(|answer| {
        let value = answer.values.iter().find(|(id, _)| Some(*id) == to)?;
        Some((100.0 * value.1, 100.0 * answer.undone))
    });
    match (to, scene.forced, gain) {
        (None, None, _) => {
            answer.and_then(|answer| answer.looks).map_or_else(String::new, |(seen, looks)| {
                format!(
                    "over the days ahead another account would get more work done, but that counts \
                     only when it lasts (seen at {seen} of {looks} looks)"
                )
            })
        }
        (None, Some(_), _) => match held {
            Some(Trigger::SwapAborted) => format!("{cause}, but the last attempt failed"),
            Some(_) => format!("{cause}, but the last attempt is too recent"),
            None => format!("{cause}, but no other account can take over"),
        },
        (Some(_), Some(_), _) => String::from(cause),
        (Some(_), None, Some((gain, undone))) => format!(
            "over the days ahead that gets more work done, worth {gain:.0} % of a Pro plan's 5-hour \
             window; staying would leave {undone:.0} % of one undone"
        ),
        (Some(_), None, None) => String::from("over the days ahead that gets more work done"),
    }
}
