//! Policy `tiered` for one lane: the departure rule, and where to go.

use crate::choose::{REFUGE_PAID, REFUGE_ROOMY, REFUGE_UNKNOWN};
use crate::decision::{Candidate, Refusal};
use crate::explain::Hold;
use crate::lane::Lane;
use crate::limits::{ACCOUNTS_MAX, FULL_PERCENT};
use crate::policy::{Proposal, Strategy, Wish};
use crate::poll;
use crate::rule::Rule;
use crate::standing::Standing;
use crate::survey::Survey;
use crate::tiered;
use crate::units::{AccountId, Now};
use crate::world::World;
use alloc::vec::Vec;

/// A tighter refuge must have this much more 5-hour room than the account it relieves, percent.
const REFUGE_GAIN: f64 = 5.0;
/// What the week of a refuge with more room in its 5-hour window has left at least.
const RELIEF_WEEK_PERCENT: f64 = 1.0;

/// Policy `tiered`.
pub(crate) struct Tiered;

impl Strategy for Tiered {
    fn decide(&self, world: &mut World, survey: &Survey, index: usize, _now: Now) -> Proposal {
        let lane = &world.lanes[index];
        let mut proposal = tiered(world, survey, lane);
        proposal.candidates = candidates(world, survey, lane, proposal.best);
        proposal
    }

    fn polls(&self, world: &World, now: Now) -> Vec<Wish> {
        poll::wishes(world, &world.survey(now.wall))
    }
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
    let best = target.map(|standing| standing.id);
    let quiet = match (&rule, target) {
        (Some(_), _) => Default::default(),
        (None, Some(target)) => {
            cov_mark::hit!(not_better);
            Hold::NotBetter { best: target.id, best_tier: target.tier }
        }
        (None, None) => {
            cov_mark::hit!(no_candidate);
            Hold::NoCandidate { plan: account.plan.tag() }
        }
    };
    let tier = target.map(|standing| standing.tier);
    Proposal { rule, best, tier, favourite: best, quiet, ..Proposal::default() }
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
    if !matches!(standing.refusal, Refusal::Eligible | Refusal::Stale) {
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
        && lane_refusal(world, survey, lane, standing) == Refusal::Eligible
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
    used(standing) + REFUGE_GAIN <= used(active)
        && week(standing) + RELIEF_WEEK_PERCENT <= FULL_PERCENT
        || week(standing) + REFUGE_GAIN <= week(active) && used(standing) <= used(active)
}

/// Everybody of the lane's provider as they stood, the best first; the active account always.
fn candidates(
    world: &World,
    survey: &Survey,
    lane: &Lane,
    best: Option<AccountId>,
) -> Vec<Candidate> {
    let mine = |standing: &&Standing| standing.provider == lane.provider;
    let mut listed = Vec::with_capacity(survey.standings.len().min(ACCOUNTS_MAX + 2));
    let first = survey.ordered().filter(mine).take(ACCOUNTS_MAX);
    listed.extend(first.map(|standing| candidate(world, survey, lane, standing, best)));
    for id in [lane.active, best].into_iter().flatten() {
        let missing = !listed.iter().any(|candidate: &Candidate| candidate.account == id);
        if let Some(standing) = survey.find(id).filter(|_| missing) {
            listed.push(candidate(world, survey, lane, standing, best));
        }
    }
    listed
}

fn candidate(
    world: &World,
    survey: &Survey,
    lane: &Lane,
    standing: &Standing,
    best: Option<AccountId>,
) -> Candidate {
    let own = lane_refusal(world, survey, lane, standing);
    let refusal = if best == Some(standing.id) {
        Refusal::Eligible
    } else if own == Refusal::Eligible {
        cov_mark::hit!(outranked);
        Refusal::Outranked
    } else {
        own
    };
    Candidate {
        account: standing.id,
        tier: standing.tier,
        target: standing.target,
        deficit: standing.deficit,
        stranding: standing.stranding,
        value: None,
        refusal,
    }
}
