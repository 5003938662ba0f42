//! A policy's proposal on its way through the gates: what comes out is the decision.

use crate::decision::{Action, Decision, Refusal, Trigger};
use crate::explain::{self, Hold};
use crate::gates::{self, Pull};
use crate::lane::Lane;
use crate::policy::Proposal;
use crate::rule::Rule;
use crate::standing::Standing;
use crate::survey::Survey;
use crate::units::{Generation, LaneId, Utc};
use crate::world::World;
use alloc::string::String;
use alloc::vec::Vec;

/// Runs a proposal through the gates and writes the decision down. Changes the lane's gates only.
#[must_use]
pub fn gated(world: &World, survey: &Survey, lane: &mut Lane, proposal: Proposal) -> Decision {
    let now = survey.now;
    let active = lane.active.and_then(|id| survey.find(id));
    let (trigger, hold) = match active {
        None => {
            cov_mark::hit!(no_active);
            (Trigger::Tick, Hold::NoActive)
        }
        Some(_) if lane.gates.resting(now) => {
            cov_mark::hit!(resting);
            let until = lane.gates.paused_until;
            let minutes = until.map(|until| until.seconds_since(now) / 60.0);
            (Trigger::Tick, Hold::Resting { minutes })
        }
        Some(active) => passed(world, lane, survey, active, &proposal),
    };
    let rule = active.and(proposal.rule.as_ref());
    let mut decision = Decision {
        at: now,
        lane: lane.id,
        generation: lane.generation,
        active: lane.active,
        action: Action::Stay,
        trigger,
        reason: explain::hold(&hold, rule, &world.rules),
        best: proposal.favourite,
        candidates: proposal.candidates,
    };
    let Some(best) = proposal.best else { return decision };
    if hold == Hold::Nothing {
        decision.action = Action::Swap { to: best };
        decision.best = Some(best);
        lane.gates.last_target = Some(best);
    } else if proposal.against_best != Refusal::Eligible {
        let listed = decision.candidates.iter_mut().find(|one| one.account == best);
        listed.into_iter().for_each(|one| one.refusal = proposal.against_best);
    }
    decision
}

/// A decision about a lane that is not there.
pub(crate) fn nothing(lane: LaneId, at: Utc) -> Decision {
    Decision {
        at,
        lane,
        generation: Generation::default(),
        active: None,
        action: Action::Stay,
        trigger: Trigger::Tick,
        reason: String::new(),
        best: None,
        candidates: Vec::new(),
    }
}

/// The gates in their order; the first that holds names the trigger.
fn passed(
    world: &World,
    lane: &mut Lane,
    survey: &Survey,
    active: &Standing,
    proposal: &Proposal,
) -> (Trigger, Hold) {
    if let Some(pending) = emerging(world, lane, active, proposal) {
        return pending;
    }
    let Some(rule) = &proposal.rule else { return quiet(proposal) };
    let waits = lane.gates.waits(Some(rule), survey.now, &world.rules);
    let failed = || {
        cov_mark::hit!(backoff);
        let failures = lane.gates.failed_attempts;
        (Trigger::SwapAborted, Hold::Backoff { seconds: waits.backoff_s, failures })
    };
    if proposal.unweighed && waits.backoff_s > 0.0 {
        // Whether there is somebody to go to was not asked, for this reason.
        return failed();
    }
    if waits.residency_s > 0.0 {
        cov_mark::hit!(residency_blocked);
        return (Trigger::ResidencyBlocked, Hold::Residency { seconds: waits.residency_s });
    }
    if waits.cooldown_s > 0.0 {
        cov_mark::hit!(cooldown_blocked);
        return (Trigger::CooldownBlocked, Hold::Cooldown { seconds: waits.cooldown_s });
    }
    if proposal.best.is_none() {
        cov_mark::hit!(no_target);
        return (Trigger::NoTarget, Hold::NoTarget);
    }
    if waits.backoff_s > 0.0 {
        return failed();
    }
    (rule.trigger(), Hold::Nothing)
}

/// Counts the look at an emergence; answers where it has not persisted yet.
fn emerging(
    world: &World,
    lane: &mut Lane,
    active: &Standing,
    proposal: &Proposal,
) -> Option<(Trigger, Hold)> {
    let (rule, looks) = (proposal.rule.as_ref(), world.rules.persistence_looks);
    if proposal.unweighed || rule.is_some_and(Rule::outruns) {
        return None;
    }
    let pull = rule.map_or(Pull::Nothing, Rule::pull);
    let streak = &mut lane.gates.streak;
    if gates::persisted(streak, pull, proposal.tier, looks) || pull != Pull::Emerging {
        return None;
    }
    let (best_tier, count) = (*streak)?;
    let (best, active_tier) = (proposal.best?, active.tier);
    cov_mark::hit!(emergence_pending);
    Some((
        Trigger::EmergencePending,
        Hold::Emergence { count, looks, best, best_tier, active_tier },
    ))
}

/// Nothing happens although nothing blocks it.
fn quiet(proposal: &Proposal) -> (Trigger, Hold) {
    (Trigger::Tick, proposal.quiet.clone())
}
