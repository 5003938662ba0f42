//! The proposal under `horizon`: leave when forced, move when the plan gains enough, else stay.

use super::foresee::{self, Trace};
use super::rollout::{Base, Opening, Outcome, Prices, Rollout};
use super::scene::Scene;
use crate::belief::gauge::minutes;
use crate::belief::index::Index;
use crate::decision::{Candidate, Refusal};
use crate::policy::Proposal;
use crate::rule::Rule;
use crate::survey::Survey;
use crate::tier;
use crate::units::{AccountId, Now};
use crate::world::World;
use alloc::vec::Vec;

/// The rules rollouts continue with; the better of them counts.
pub(super) const BASES: [Base; 2] = [Base { open_first: false }, Base { open_first: true }];

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
}

/// What the plan would do with the lane at `position`.
pub(super) fn decide(world: &mut World, survey: &Survey, position: usize, now: Now) -> Proposal {
    let at = minutes(now.wall);
    world.horizon.advance(&world.lanes, position, at);
    if let Some(woke) = world.woken_at.map(minutes).filter(|woke| *woke <= at) {
        let known = world.horizon.woke_at.unwrap_or(woke);
        world.horizon.woke_at = Some(known.max(woke));
    }
    let rules = (&world.rules, now.wall);
    Index::refresh(&mut world.horizon, &world.accounts, &world.lanes, rules);
    let lane = &world.lanes[position];
    let Some(scene) = Scene::new(world, lane, at) else { return Proposal::default() };
    let waits = lane.gates.waits(scene.forced.as_ref(), now.wall, &world.rules);
    let held = lane.gates.resting(now.wall) || waits.any();
    if held {
        cov_mark::hit!(plan_held);
    }
    let weighs = !held && due(&scene);
    let answer = weighs.then(|| answer(&scene));
    let proposal = proposal(world, survey, &scene, answer.as_ref());
    if let Some(answer) = answer {
        let emerges = scene.forced.is_none() && answer.to.is_some();
        let wants_off = lane.active.filter(|_| emerges);
        let (id, Answer { next_plan, values, dry, .. }) = (lane.id, answer);
        world.horizon.planned(id, at, next_plan, values, dry, wants_off);
    }
    proposal
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
    let every = if scene.busy() { tuning.plan_busy_min } else { tuning.plan_idle_min };
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
    prices: Prices,
    opening: Opening,
) -> (f64, f64) {
    let (mut total, mut undone) = (0.0, 0.0);
    for trace in traces {
        let mut best: Option<Outcome> = None;
        for base in BASES {
            let outcome = rollout.run(opening, base, &trace.steps);
            if best.as_ref().is_none_or(|known| outcome.worth(prices) > known.worth(prices)) {
                best = Some(outcome);
            }
        }
        let best = best.unwrap_or_default();
        total += trace.weight * best.worth(prices);
        undone += trace.weight * best.lost;
    }
    (total, undone)
}

fn weigh(scene: &Scene<'_>, targets: &[usize], answer: &mut Answer) {
    let tuning = &scene.state.tuning;
    let beliefs = scene.beliefs();
    let capacity = scene.pool.slots.iter().map(|slot| slot.long_cap).sum();
    let traces = foresee::traces(&beliefs, tuning, scene.now, scene.busy(), capacity);
    let prices = scene.pool.prices;
    let swap_units = prices.swap_units;
    let unit = swap_units + scene.belief.rate;
    let mut rollout = Rollout::new(&scene.pool);
    let mut value = |to: Option<usize>, back_after: Option<f64>| {
        worth(&mut rollout, &traces, prices, Opening { lane: 0, to, back_after })
    };
    let (stay, undone) = value(None, None);
    answer.undone = undone;
    let mut best: Option<(f64, usize)> = None;
    for &to in targets {
        let slot = &scene.pool.slots[to];
        let late = 1e-6 * (slot.long_ends - scene.now) * swap_units / slot.long_span;
        let closed = !slot.open(scene.now);
        let mut gain = value(Some(to), None).0 - late - stay;
        if closed && scene.forced.is_none() && scene.hot() {
            gain = gain.max(value(Some(to), Some(tuning.touch_min)).0 - late - stay);
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
    let chance = 1.0 - scene.room(to) / (tuning.rushed_min * rate);
    chance.max(0.0) * tuning.recovery_min * rate
}

/// How many swaps' worth a move must gain.
fn hurdle(scene: &Scene<'_>, closed: bool) -> f64 {
    let tuning = &scene.state.tuning;
    let crowd = 1.0 + tuning.gain_crowd * (scene.pool.seats.len() as f64 - 1.0);
    crowd
        * match (&scene.forced, scene.hot(), closed) {
            (Some(_), ..) => f64::NEG_INFINITY,
            (None, false, _) => tuning.gain_idle,
            (None, true, true) => tuning.gain_closed,
            (None, true, false) => tuning.gain_open,
        }
}

/// What the answer proposes: the rule, and every account's value or why it was left out.
fn proposal(
    world: &World,
    survey: &Survey,
    scene: &Scene<'_>,
    answer: Option<&Answer>,
) -> Proposal {
    let known = match answer {
        Some(answer) if !answer.values.is_empty() => &answer.values,
        Some(_) | None => &scene.belief.values,
    };
    let of = |id: AccountId| known.iter().find(|(account, _)| *account == id).map(|one| one.1);
    let to = answer.and_then(|answer| answer.to);
    let mut proposal = Proposal { best: to, unweighed: answer.is_none(), ..Proposal::default() };
    for (at, entry) in scene.entries.iter().enumerate() {
        // The plan weighs accounts by what they are worth; tier, target and stranding are shown all
        // the same.
        let standing = survey.find(entry.id);
        proposal.candidates.push(Candidate {
            account: entry.id,
            tier: standing.map_or(0, |standing| standing.tier),
            target: standing.and_then(|standing| standing.target),
            deficit: standing.and_then(|standing| standing.deficit),
            stranding: standing.and_then(|standing| standing.stranding),
            value: of(entry.id).map(|units| units * 100.0),
            refusal: refusal(scene, at, to),
        });
        if to == Some(entry.id) {
            proposal.against_best = refusal(scene, at, None);
        }
    }
    let top = known.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    proposal.favourite = top.map(|(id, _)| *id);
    let gained = to.map(|to| Rule::Plan {
        gained: 100.0 * of(to).unwrap_or_default(),
        undone: 100.0 * answer.map_or(0.0, |answer| answer.undone),
    });
    proposal.rule = scene.forced.clone().or(gained);
    let tier = |id| world.memory.get(&id).and_then(|memory| memory.tier);
    // A look that found nobody better is a look, too: an emergence ends with it.
    proposal.tier = Some(to.and_then(tier).unwrap_or(tier::EXCLUDED));
    proposal
}

fn refusal(scene: &Scene<'_>, at: usize, to: Option<AccountId>) -> Refusal {
    let entry = scene.entries[at];
    if at == scene.here {
        cov_mark::hit!(plan_active);
        return Refusal::Active;
    }
    if to == Some(entry.id) || entry.refusal != Refusal::Eligible {
        return entry.refusal;
    }
    let slot = &scene.pool.slots[at];
    if entry.paid {
        // Allowed as the last resort, which this is not.
        cov_mark::hit!(plan_paid);
        Refusal::WouldBill
    } else if scene.lane.gates.skips.get(&entry.id).is_some_and(|until| minutes(*until) > scene.now)
    {
        cov_mark::hit!(plan_skipped);
        Refusal::Skipped
    } else if slot.long_left <= 0.015 * slot.short_cap
        || (slot.lacks_short() && !slot.usable(scene.now))
    {
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
