//! The decision of one lane under `tiered`: candidate, departure rule, gates.

use crate::choose::{REFUGE_PAID, REFUGE_ROOMY, REFUGE_UNKNOWN};
use crate::decision::{Action, Candidate, Decision, Refusal, Trigger};
use crate::explain::{self, Hold};
use crate::gates;
use crate::lane::Lane;
use crate::limits::ACCOUNTS_MAX;
use crate::rule::Rule;
use crate::rules::Rules;
use crate::standing::Standing;
use crate::survey::Survey;
use crate::tier;
use crate::tiered;
use crate::units::AccountId;
use crate::world::World;
use alloc::string::String;
use alloc::vec::Vec;

/// A tighter refuge must have this much more 5-hour room than the account it relieves, percent.
const REFUGE_GAIN: f64 = 5.0;

/// What a policy answers for a lane before the gates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// The rule that fired.
    pub rule: Option<Rule>,
    /// Where to go, or the best candidate when no rule fired.
    pub best: Option<AccountId>,
    /// The best candidate's damped tier, for persistence.
    pub tier: Option<u8>,
    /// What each account is worth over staying, where the policy reckons that.
    pub values: Vec<(AccountId, f64)>,
}

/// Policy `tiered` for one lane.
#[must_use]
pub fn tiered(world: &World, survey: &Survey, lane: &Lane) -> Proposal {
    let Some(active) = lane.active.and_then(|id| survey.find(id)) else {
        return Proposal::default();
    };
    let account = &world.accounts[active.slot];
    let best = survey.eligible().find(|standing| suits(world, survey, lane, standing));
    let seat = tiered::Seat {
        account,
        active,
        best,
        burn: world.memory.get(&active.id).map(|memory| memory.burn).unwrap_or_default(),
        model: needed_model(lane, survey),
        rules: &world.rules,
        now: survey.now,
    };
    let rule = tiered::departure(&seat);
    let target = match &rule {
        Some(rule) if best.is_none() => refuge(world, survey, lane, active, rule),
        Some(_) | None => best,
    };
    Proposal {
        rule,
        best: target.map(|standing| standing.id),
        tier: target.map(|standing| standing.tier),
        values: Vec::new(),
    }
}

/// The model the lane needs: configured, or asked for by a request that was refused lately.
fn needed_model<'a>(lane: &'a Lane, survey: &Survey) -> Option<&'a str> {
    let wanted = lane.gates.wanted_model.as_ref().filter(|(_, until)| *until > survey.now);
    lane.model.as_deref().or(wanted.map(|(model, _)| model.as_str()))
}

/// The lane's own filters on top of the account's.
#[must_use]
pub fn lane_refusal(world: &World, survey: &Survey, lane: &Lane, standing: &Standing) -> Refusal {
    if Some(standing.id) == lane.active {
        cov_mark::hit!(active);
        return Refusal::Active;
    }
    // Old numbers are the last reason: what else is against the account outlasts a reading.
    if !matches!(standing.refusal, Refusal::None | Refusal::Stale) {
        return standing.refusal;
    }
    let account = &world.accounts[standing.slot];
    let exhausted = needed_model(lane, survey)
        .is_some_and(|model| tiered::model_full(account, model, survey.now, &world.rules));
    let skipped = lane.gates.skips.get(&standing.id).is_some_and(|until| *until > survey.now);
    if exhausted {
        cov_mark::hit!(model_exhausted);
        Refusal::ModelExhausted
    } else if skipped {
        cov_mark::hit!(skipped);
        Refusal::Skipped
    } else {
        standing.refusal
    }
}

fn suits(world: &World, survey: &Survey, lane: &Lane, standing: &Standing) -> bool {
    standing.provider == lane.provider
        && !(world.rules.spread_lanes && standing.occupied)
        && lane_refusal(world, survey, lane, standing) == Refusal::None
}

/// Where to go when the active account must be left and nobody is behind target.
fn refuge<'a>(
    world: &World,
    survey: &'a Survey,
    lane: &Lane,
    active: &Standing,
    rule: &Rule,
) -> Option<&'a Standing> {
    let blocked = matches!(
        rule,
        Rule::Refused { .. } | Rule::LoginRefused | Rule::WouldBill | Rule::Blocked { .. }
    );
    let account = |standing: &Standing| &world.accounts[standing.slot];
    let projected = matches!(rule, Rule::Projection { .. });
    let serves = |standing: &&Standing| {
        let relieves = match standing.refuge {
            Some(REFUGE_ROOMY) => true,
            Some(REFUGE_UNKNOWN | REFUGE_PAID) => blocked,
            Some(_) | None => blocked || relief(standing, active),
        };
        relieves
            && !(projected && standing.stale)
            && standing.provider == lane.provider
            && Some(standing.id) != lane.active
            && lane.gates.skips.get(&standing.id).is_none_or(|until| *until <= survey.now)
            && needed_model(lane, survey).is_none_or(|model| {
                !tiered::model_full(account(standing), model, survey.now, &world.rules)
            })
    };
    let free = |standing: &&Standing| !(world.rules.spread_lanes && standing.occupied);
    survey.refuges().filter(free).find(serves).or_else(|| survey.refuges().find(serves))
}

fn relief(standing: &Standing, active: &Standing) -> bool {
    let used = |standing: &Standing| standing.short_used().unwrap_or(0.0);
    let week = |standing: &Standing| standing.used.unwrap_or(0.0);
    used(standing) + REFUGE_GAIN <= used(active) && week(standing) + 1.0 <= 100.0
        || week(standing) + REFUGE_GAIN <= week(active) && used(standing) <= used(active)
}

/// Runs a proposal through the gates and writes the decision down. Changes the lane's gates only.
pub fn gated(world: &World, survey: &Survey, lane: &mut Lane, proposal: Proposal) -> Decision {
    let (rules, now) = (&world.rules, survey.now);
    let active = lane.active.and_then(|id| survey.find(id));
    let candidates = candidates(world, survey, lane, &proposal);
    let mut decision = Decision {
        at: now,
        lane: lane.id,
        generation: lane.generation,
        active: lane.active,
        action: Action::Stay,
        trigger: Trigger::Tick,
        reason: String::new(),
        best: proposal.best,
        candidates,
    };
    let Some(active) = active else {
        cov_mark::hit!(no_active);
        decision.reason = explain::hold(&Hold::NoActive, None, rules);
        return decision;
    };
    if lane.gates.off || lane.gates.paused(now) {
        cov_mark::hit!(resting);
        let hold = Hold::Resting { minutes: resting_minutes(lane, survey) };
        decision.reason = explain::hold(&hold, proposal.rule.as_ref(), rules);
        return decision;
    }
    let (trigger, hold) = passed(world, lane, survey, active, &proposal);
    decision.trigger = trigger;
    decision.reason = explain::hold(&hold, proposal.rule.as_ref(), rules);
    if let (Hold::Nothing, Some(to)) = (&hold, proposal.best) {
        decision.action = Action::Swap { to };
        lane.gates.last_target = Some(to);
    }
    decision
}

fn resting_minutes(lane: &Lane, survey: &Survey) -> Option<f64> {
    lane.gates.paused_until.map(|until| until.seconds_since(survey.now) / 60.0)
}

/// The gates in their order; the first that holds names the trigger.
fn passed(
    world: &World,
    lane: &mut Lane,
    survey: &Survey,
    active: &Standing,
    proposal: &Proposal,
) -> (Trigger, Hold) {
    let (rules, now) = (&world.rules, survey.now);
    let Some(rule) = persistent(lane, active, proposal, rules) else {
        return quiet(world, lane, active, proposal);
    };
    let gates = &lane.gates;
    let residency = gates.residency_left(now, rules);
    if residency > 0.0 && rule.waits_for_residency() {
        cov_mark::hit!(residency_blocked);
        return (Trigger::ResidencyBlocked, Hold::Residency { seconds: residency });
    }
    let cooldown = match (rules.refusal_skips_cooldown, rule.refusal()) {
        (true, true) => gates.hour_left(now),
        (true, false) => gates.cooldown_left(now, rules).max(gates.hour_left(now)),
        (false, _) => gates.cooldown_left(now, rules),
    };
    if cooldown > 0.0 {
        cov_mark::hit!(cooldown_blocked);
        return (Trigger::CooldownBlocked, Hold::Cooldown { seconds: cooldown });
    }
    if proposal.best.is_none() {
        cov_mark::hit!(no_target);
        return (Trigger::NoTarget, Hold::NoTarget);
    }
    let backoff = gates.backoff_left(now, rules);
    if backoff > 0.0 {
        let failures = gates.failed_attempts;
        cov_mark::hit!(backoff);
        return (Trigger::SwapAborted, Hold::Backoff { seconds: backoff, failures });
    }
    (rule.trigger(), Hold::Nothing)
}

/// The rule, unless it is an emergence that has not persisted yet. A T0 candidate over an account
/// of T2 or worse does not have to.
fn persistent<'a>(
    lane: &mut Lane,
    active: &Standing,
    proposal: &'a Proposal,
    rules: &Rules,
) -> Option<&'a Rule> {
    let pull = proposal.rule.as_ref().map_or(gates::Pull::Nothing, Rule::pull);
    let fast = pull == gates::Pull::Emerging && proposal.tier == Some(0) && active.tier >= 2;
    if !fast {
        let looks = rules.persistence_looks;
        let streak = &mut lane.gates.streak;
        if !gates::persisted(streak, pull, proposal.tier, looks) {
            return None;
        }
    }
    proposal.rule.as_ref()
}

/// Why nothing happens although nothing blocks it.
fn quiet(world: &World, lane: &Lane, active: &Standing, proposal: &Proposal) -> (Trigger, Hold) {
    let (Some(best), Some(best_tier)) = (proposal.best, proposal.tier) else {
        let plan = world.accounts[active.slot].plan.tag();
        cov_mark::hit!(no_candidate);
        return (Trigger::Tick, Hold::NoCandidate { plan });
    };
    match lane.gates.streak {
        Some((tier, count)) if tier == best_tier && tier < tier::EXCLUDED && count > 0 => {
            let looks = world.rules.persistence_looks;
            let (best_tier, active_tier) = (best_tier, active.tier);
            cov_mark::hit!(emergence_pending);
            (
                Trigger::EmergencePending,
                Hold::Emergence { count, looks, best, best_tier, active_tier },
            )
        }
        Some(_) | None => {
            cov_mark::hit!(not_better);
            (Trigger::Tick, Hold::NotBetter { best, best_tier })
        }
    }
}

/// Everybody of the lane's provider as they stood, the best first; the active account always.
fn candidates(world: &World, survey: &Survey, lane: &Lane, proposal: &Proposal) -> Vec<Candidate> {
    let mine = |standing: &&Standing| standing.provider == lane.provider;
    let mut listed = Vec::with_capacity(survey.standings.len().min(ACCOUNTS_MAX + 2));
    let first = survey.ordered().filter(mine).take(ACCOUNTS_MAX);
    listed.extend(first.map(|standing| candidate(world, survey, lane, standing, proposal)));
    for id in [lane.active, proposal.best].into_iter().flatten() {
        let missing = !listed.iter().any(|candidate: &Candidate| candidate.account == id);
        if let Some(standing) = survey.find(id).filter(|_| missing) {
            listed.push(candidate(world, survey, lane, standing, proposal));
        }
    }
    listed
}

fn candidate(
    world: &World,
    survey: &Survey,
    lane: &Lane,
    standing: &Standing,
    proposal: &Proposal,
) -> Candidate {
    let own = lane_refusal(world, survey, lane, standing);
    let refusal = if proposal.best == Some(standing.id) {
        Refusal::None
    } else if own == Refusal::None {
        cov_mark::hit!(outranked);
        Refusal::Outranked
    } else {
        own
    };
    let value = proposal.values.iter().find(|(id, _)| *id == standing.id).map(|(_, value)| *value);
    Candidate {
        account: standing.id,
        tier: standing.tier,
        target: standing.target,
        deficit: standing.deficit,
        stranding: standing.stranding,
        value,
        refusal,
    }
}
