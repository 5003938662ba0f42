//! The shipped engine as a policy: events become observations, minutes become instants.

use super::physics::{Event, EventKind};
use super::{Orders, Policy, Scenario};
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Action, Gates, Lane, LaneId, Login, Mono, Now, Observation, Percent, Plan,
    Provider, Source, Usage, Utc, Window, WindowKind, World, world::Settlement,
};

/// Minute 0 of a scenario, a Monday in UTC: 1970-01-05T00:00:00Z.
pub const EPOCH: Utc = Utc::from_seconds(4 * 86_400);

/// Drives a [`World`] on a simulated clock.
pub struct EnginePolicy {
    world: World,
    weights: Vec<f64>,
    in_flight: Vec<bool>,
    asked: Vec<Option<i64>>,
    fastest: i64,
}

fn instant(minute: i64) -> Utc {
    EPOCH.plus_seconds(minute * 60)
}

fn clocks(minute: i64) -> Now {
    Now { wall: instant(minute), mono: Mono(minute * 60_000) }
}

/// A plan of which only the nominal size is known.
fn plan(weight: Option<f64>) -> Plan {
    Plan { weight, ..Plan::default() }
}

/// The account at `index` of a simulated world, switched on and signed in, nothing read of it yet.
#[must_use]
pub fn account(index: usize, weight: Option<f64>) -> Account {
    Account {
        id: AccountId(index as i64 + 1),
        provider: Provider::USUAL,
        plan: plan(weight),
        enabled: true,
        automatic: true,
        login: Login::Valid,
        failures: 0,
        usage: Usage::default(),
        position: index as i64,
    }
}

impl EnginePolicy {
    /// A world with the accounts that exist at minute 0 and one lane per agent.
    #[must_use]
    pub fn new(scenario: &Scenario, horizon: bool) -> Self {
        let mut world = World::default();
        if horizon {
            world.rules.policy = sluice_engine::Policy::Horizon;
        }
        for (index, spec) in scenario.accounts.iter().enumerate() {
            if spec.available_from <= 0 {
                world.accounts.push(account(index, Some(spec.weight)));
            }
        }
        for (index, agent) in scenario.agents.iter().enumerate() {
            let active = scenario.index(&agent.initial_account);
            world.lanes.push(Lane {
                id: LaneId(index as i64 + 1),
                provider: Provider::USUAL,
                active: active.map(|index| AccountId(index as i64 + 1)),
                generation: Default::default(),
                model: None,
                gates: Gates::default(),
            });
        }
        Self {
            world,
            weights: scenario.accounts.iter().map(|spec| spec.weight).collect(),
            in_flight: vec![false; scenario.accounts.len()],
            asked: vec![None; scenario.accounts.len()],
            fastest: scenario.observe.min_poll_interval_min,
        }
    }

    /// The engine's world as it stands.
    #[must_use]
    pub fn world(&mut self) -> &mut World {
        &mut self.world
    }

    fn learn(&mut self, minute: i64, event: &Event) {
        let id = AccountId(event.account as i64 + 1);
        let fact = match &event.kind {
            EventKind::Added => {
                let weight = self.weights[event.account];
                self.world.accounts.push(account(event.account, Some(weight)));
                return;
            }
            EventKind::Plan { weight, .. } => Fact::Plan(plan(Some(*weight))),
            EventKind::Usage { .. } => {
                self.in_flight[event.account] = false;
                let known = self.world.account(id);
                if known.is_some_and(|account| account.login != Login::Valid) {
                    self.tell(minute, minute, id, Source::Endpoint, Fact::Login(Login::Valid));
                }
                usage(&event.kind)
            }
            EventKind::PollError(kind) => {
                self.in_flight[event.account] = false;
                match kind.as_str() {
                    "auth" => Fact::Login(Login::NeedsSignIn),
                    "http429" | "rate" => Fact::Throttled { retry_after_s: None },
                    _ => Fact::Unreachable,
                }
            }
            EventKind::Limit { kind: "auth", .. } => Fact::Login(Login::NeedsSignIn),
            EventKind::Limit { kind, resets_at, .. } => Fact::LimitHit {
                resets_at: resets_at.map(instant),
                window: match *kind {
                    "5h" => WindowKind::FiveHour,
                    "7d" => WindowKind::SevenDay,
                    model => WindowKind::named(model),
                },
            },
        };
        let (at, source) = match &event.kind {
            EventKind::Usage { polled_at, .. } => (*polled_at, Source::Endpoint),
            EventKind::Limit { .. } => (minute, Source::Hook),
            _ => (minute, Source::Endpoint),
        };
        self.tell(minute, at, id, source, fact);
    }

    fn tell(&mut self, minute: i64, at: i64, account: AccountId, source: Source, fact: Fact) {
        let observation = Observation { account, at: instant(at), source, fact };
        self.world.observe(&observation, clocks(minute));
    }
}

/// What the endpoint said in an answer. A short window that is not in it is not named.
fn usage(kind: &EventKind) -> Fact {
    let EventKind::Usage {
        polled_at,
        five_hour,
        five_hour_resets_at,
        seven_day,
        seven_day_resets_at,
        models,
    } = kind
    else {
        return Fact::Unreachable;
    };
    let window = |used: Option<f64>, resets_at: Option<i64>| Window {
        used: used.and_then(Percent::new),
        resets_at: resets_at.map(instant),
    };
    let week = window(Some(*seven_day), Some(*seven_day_resets_at));
    let mut usage = Usage::default().with(WindowKind::SevenDay, week);
    if five_hour.is_some() {
        *usage.of_kind(&WindowKind::FiveHour) = window(*five_hour, *five_hour_resets_at);
    }
    for (model, used) in models {
        usage.add_model(model, window(Some(*used), Some(*seven_day_resets_at)), false);
    }
    usage.observed_at = Some(instant(*polled_at));
    Fact::Usage(usage)
}

impl Policy for EnginePolicy {
    fn step(&mut self, minute: i64, events: &[Event]) -> Orders {
        for event in events {
            self.learn(minute, event);
        }
        let now = clocks(minute);
        let mut orders = Orders::default();
        for lane in 0..self.world.lanes.len() {
            let id = LaneId(lane as i64 + 1);
            if let Action::Swap { to } = self.world.decide(id, now).action {
                orders.swaps.push((lane, (to.0 - 1) as usize));
                let settled = Settlement::Committed { to, by_person: false };
                self.world.settle(id, settled, now);
            }
        }
        for plan in self.world.polls(now) {
            let index = (plan.account.0 - 1) as usize;
            let rested = self.asked[index].is_none_or(|asked| minute - asked >= self.fastest);
            if plan.due <= now.wall && rested && !self.in_flight[index] {
                self.in_flight[index] = true;
                self.asked[index] = Some(minute);
                self.world.requested(plan.account, now, 0.0);
                orders.polls.push(index);
            }
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_window_that_is_not_in_an_answer_is_not_named() {
        let answer = |five_hour| EventKind::Usage {
            polled_at: 5,
            five_hour,
            five_hour_resets_at: None,
            seven_day: 25.0,
            seven_day_resets_at: 100,
            models: Vec::new(),
        };
        let short = |five_hour| match usage(&answer(five_hour)) {
            Fact::Usage(usage) => usage.short(),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(short(None), Window::default());
        assert_eq!(short(Some(0.0)).used, Percent::new(0.0));
    }
}
