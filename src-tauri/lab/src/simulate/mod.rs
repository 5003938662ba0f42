//! Scenarios of the formats `quota-sim/1` and `quota-sim/2`: a recorded demand on simulated accounts,
//! run by a policy. The second adds window shapes that differ between accounts and change in mid-run;
//! a file of the first runs as it always did.
//!
//! The physics are exact and minute-based; a policy sees only the events that the format delivers.
//! `tiered` and `horizon` are the shipped engine itself, driven through
//! [`sluice_engine::World`] on a simulated clock.

mod baseline;
mod check;
mod engine;
mod journal;
mod physics;
mod scenario;
mod windows;

pub use engine::{EPOCH, EnginePolicy, account};
pub use journal::{Claims, Log};
pub use physics::{Event, EventKind, Totals};
pub use scenario::{
    AccountSpec, AgentSpec, Costs, EarlyReset, Emptied, LONG_MIN, ModelSpec, Observe, PlanChange,
    SHORT_MIN, Scenario, Span,
};
pub use windows::Ended;

use physics::Physics;

/// The names `run` understands, in the order they are listed to people.
pub const POLICIES: [&str; 6] = ["horizon", "tiered", "none", "react429", "threshold", "edf"];

/// What a policy asks for in one minute: agents moved and accounts read.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Agent index to account index.
    pub swaps: Vec<(usize, usize)>,
    /// Account indexes to read.
    pub polls: Vec<usize>,
}

/// A rule set under simulation. It may keep only what `step` showed it.
pub trait Policy {
    /// Minute `minute` begins; `events` are what became known. Answers with swaps and polls.
    fn step(&mut self, minute: i64, events: &[Event]) -> Orders;
}

/// Sees a run from beside it: what the policy is shown, where the agents are, and the truth.
pub trait Witness {
    /// A minute has been served; `events` is what became known in it and `active` the account of
    /// each agent. Windows that ended at its beginning come first.
    fn minute(&mut self, minute: i64, ended: &[Ended], events: &[Event], active: &[usize]);
}

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The file is not a scenario of a known format, or breaks its rules.
    #[error("not a quota-sim scenario: {0}")]
    Scenario(String),
    /// No policy has this name.
    #[error("unknown policy \"{0}\"; known are horizon, tiered, none, react429, threshold, edf")]
    Policy(String),
}

/// Runs the policy called `name` on a scenario.
///
/// # Errors
/// [`SimulateError::Policy`] when no policy has that name, [`SimulateError::Scenario`] when the
/// scenario refers to an account it does not define.
pub fn run(scenario: &Scenario, name: &str) -> Result<Log, SimulateError> {
    let mut policy = policy(scenario, name)?;
    Ok(run_policy(scenario, name, policy.as_mut()))
}

/// [`run`] with somebody looking on.
///
/// # Errors
/// As [`run`].
pub fn run_witnessed(
    scenario: &Scenario,
    name: &str,
    witness: &mut dyn Witness,
) -> Result<Log, SimulateError> {
    let mut policy = policy(scenario, name)?;
    Ok(run_beside(scenario, name, policy.as_mut(), Some(witness)))
}

fn policy(scenario: &Scenario, name: &str) -> Result<Box<dyn Policy>, SimulateError> {
    scenario.check()?;
    Ok(match name {
        "horizon" | "tiered" => Box::new(EnginePolicy::new(scenario, name == "horizon")),
        "none" => Box::new(baseline::None),
        "react429" => Box::new(baseline::Threshold::react429(scenario)),
        "threshold" => Box::new(baseline::Threshold::by_thresholds(scenario)),
        "edf" => Box::new(baseline::Threshold::edf(scenario)),
        other => return Err(SimulateError::Policy(other.to_owned())),
    })
}

/// Runs any policy on a checked scenario and writes its event log.
pub fn run_policy(scenario: &Scenario, name: &str, policy: &mut dyn Policy) -> Log {
    run_beside(scenario, name, policy, None)
}

fn run_beside(
    scenario: &Scenario,
    name: &str,
    policy: &mut dyn Policy,
    mut witness: Option<&mut dyn Witness>,
) -> Log {
    let mut physics = Physics::new(scenario);
    let mut log = Log::new(&scenario.name, name);
    for minute in 0..scenario.horizon_min {
        let events = physics.begin(minute);
        let orders = policy.step(minute, &events);
        for &(agent, account) in &orders.swaps {
            if physics.swap(minute, agent, account) {
                log.swap(minute, &scenario.agents[agent].id, &scenario.accounts[account].id);
            }
        }
        let mut polls = orders.polls;
        polls.sort_unstable();
        polls.dedup();
        for account in polls {
            physics.poll(minute, account);
            log.poll(minute, &scenario.accounts[account].id);
        }
        physics.serve(minute);
        let ended = physics.take_ended();
        if let Some(witness) = &mut witness {
            witness.minute(minute, &ended, &events, &physics.active());
        }
    }
    log.close(physics.totals());
    log
}
