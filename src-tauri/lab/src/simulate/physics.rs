//! What really happens: windows, serving, refusals, and the answers to reads.

use super::scenario::{Scenario, Span};
use super::windows::{Account, EPS, Ended, Offer};
use std::collections::BTreeMap;

/// Sums over a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Units served.
    pub served: f64,
    /// Units demanded and not served.
    pub lost: f64,
    /// Minutes interrupted.
    pub interrupted_min: f64,
    /// Units unused at the ordinary ends of long windows.
    pub stranded: f64,
    /// Swaps that changed something.
    pub swaps: u64,
    /// Swaps with a warm cache.
    pub hot_swaps: u64,
    /// Requests that were refused.
    pub limit_hits: u64,
}

/// One fact that became known.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Account index.
    pub account: usize,
    /// What happened.
    pub kind: EventKind,
}

/// What became known.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// A read was answered.
    Usage {
        /// Minute of the request.
        polled_at: i64,
        /// Percent of the short window; `None`: the account has none.
        five_hour: Option<f64>,
        /// Its end, `None` while closed.
        five_hour_resets_at: Option<i64>,
        /// Percent of the long window.
        seven_day: f64,
        /// Its next end.
        seven_day_resets_at: i64,
        /// Percent of each model's long window.
        models: Vec<(String, f64)>,
    },
    /// A read failed: `rate`, `http429`, `auth`, or the outage's kind.
    PollError(String),
    /// An agent was refused: `5h`, `7d`, `model` or `auth`.
    Limit {
        /// Agent index.
        agent: usize,
        /// The binding limit.
        kind: &'static str,
        /// When it lifts, where known.
        resets_at: Option<i64>,
    },
    /// The account now exists.
    Added,
    /// The account is of another plan from now on.
    Plan {
        /// Its name.
        plan: String,
        /// Its nominal size.
        weight: f64,
    },
}

struct Agent<'a> {
    spans: Vec<&'a Span>,
    next: usize,
    active: usize,
    last_use: Option<i64>,
    owes: bool,
    blocked_until: i64,
}

/// The simulated world.
pub(super) struct Physics<'a> {
    scenario: &'a Scenario,
    accounts: Vec<Account<'a>>,
    agents: Vec<Agent<'a>>,
    /// The last request for each account.
    asked: Vec<Option<i64>>,
    queue: BTreeMap<i64, Vec<Event>>,
    totals: Totals,
    ended: Vec<Ended>,
}

fn splitmix64(value: u64) -> u64 {
    let x = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The format's reproducible draw in `[0, 1)`.
fn u01(seed: u64, salt: u64, account: usize, minute: i64) -> f64 {
    let x = splitmix64(seed ^ salt.wrapping_mul(0xD134_2543_DE82_EF95));
    let x = splitmix64(x ^ (account as u64).wrapping_mul(0x9E37_79B1));
    let x = splitmix64(x ^ minute as u64);
    (x >> 11) as f64 / 9_007_199_254_740_992.0
}

impl<'a> Physics<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let accounts = scenario.accounts.iter().enumerate().map(Account::new).collect();
        let agents = scenario.agents.iter().map(|agent| {
            let mut spans: Vec<_> = agent.demand.iter().collect();
            spans.sort_by_key(|span| (span.start, span.end));
            Agent {
                spans,
                next: 0,
                active: scenario.index(&agent.initial_account).unwrap_or_default(),
                last_use: None,
                owes: false,
                blocked_until: 0,
            }
        });
        let agents = agents.collect();
        let mut queue: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
        queue.insert(i64::MAX, Vec::new());
        Self {
            scenario,
            accounts,
            agents,
            asked: vec![None; scenario.accounts.len()],
            queue,
            totals: Totals::default(),
            ended: Vec::new(),
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The account each agent is on.
    pub(super) fn active(&self) -> Vec<usize> {
        self.agents.iter().map(|agent| agent.active).collect()
    }

    /// Windows that ended since this was asked last.
    pub(super) fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// Resets due at `minute`, then the events due.
    pub(super) fn begin(&mut self, minute: i64) -> Vec<Event> {
        let keep = self.scenario.observe.publish_delay_min.max(0) as usize + 1;
        for account in &mut self.accounts {
            self.totals.stranded += account.pass(minute, &mut self.ended);
            account.remember(keep);
        }
        let mut due = self.queue.remove(&minute).unwrap_or_default();
        for (account, spec) in self.scenario.accounts.iter().enumerate() {
            if spec.available_from > 0 && spec.available_from == minute {
                due.push(Event { account, kind: EventKind::Added });
            }
        }
        for (account, spec) in self.scenario.accounts.iter().enumerate() {
            if let Some(change) = spec.plan_change(minute) {
                let kind = EventKind::Plan { plan: change.plan.clone(), weight: change.weight };
                due.push(Event { account, kind });
            }
        }
        due
    }

    /// Moves an agent; `false` when it was there already or the account does not exist yet.
    pub(super) fn swap(&mut self, minute: i64, agent: usize, account: usize) -> bool {
        let known = minute >= self.scenario.accounts[account].available_from;
        let agent = &mut self.agents[agent];
        if !known || agent.active == account {
            return false;
        }
        agent.active = account;
        self.totals.swaps += 1;
        agent.owes =
            agent.last_use.is_some_and(|last| minute - last <= self.scenario.costs.cache_ttl_min);
        self.totals.hot_swaps += u64::from(agent.owes);
        true
    }

    /// Sends a read; the answer arrives later.
    pub(super) fn poll(&mut self, minute: i64, index: usize) {
        let observe = &self.scenario.observe;
        let seed = self.scenario.seed;
        let mut at = minute + 1 + observe.latency_min;
        if observe.latency_jitter_min > 0 {
            let width = (observe.latency_jitter_min + 1) as f64;
            at += (u01(seed, 3, index, minute) * width) as i64;
        }
        if minute < self.scenario.accounts[index].available_from {
            return;
        }
        let last = self.asked[index].replace(minute);
        let soon = last.is_some_and(|last| minute - last < observe.min_poll_interval_min);
        let outage = observe.outages.iter().find(|(from, to, _)| *from <= minute && minute < *to);
        let kind = if soon {
            EventKind::PollError("rate".to_owned())
        } else if let Some((_, _, kind)) = outage {
            EventKind::PollError(kind.clone())
        } else if u01(seed, 4, index, minute) < observe.error_prob {
            EventKind::PollError("http429".to_owned())
        } else if !self.accounts[index].valid(minute) {
            EventKind::PollError("auth".to_owned())
        } else {
            self.usage(minute, index)
        };
        self.queue.entry(at).or_default().push(Event { account: index, kind });
    }

    fn usage(&self, minute: i64, index: usize) -> EventKind {
        let observe = &self.scenario.observe;
        let account = &self.accounts[index];
        let gauge = account.reported(minute);
        let resolution = observe.resolution_pct;
        let round = |value: f64| (value.clamp(0.0, 100.0) / resolution + 0.5).floor() * resolution;
        let noise = |salt| {
            if observe.noise_pct > 0.0 {
                (2.0 * u01(self.scenario.seed, salt, index, minute) - 1.0) * observe.noise_pct
            } else {
                0.0
            }
        };
        let five_hour = account.short_capacity().map(|capacity| match gauge.opened {
            Some(_) => round(100.0 * gauge.used5 / capacity + noise(1)),
            None => 0.0,
        });
        let models = account.buckets().iter().zip(&gauge.models);
        EventKind::Usage {
            polled_at: minute,
            five_hour,
            five_hour_resets_at: account.short_end(&gauge),
            seven_day: round(100.0 * gauge.used7 / account.long_capacity() + noise(2)),
            seven_day_resets_at: account.long_end(),
            models: models
                .map(|((name, capacity), used)| {
                    ((*name).to_owned(), round(100.0 * used / capacity))
                })
                .collect(),
        }
    }

    /// Serves one minute of every agent, in file order.
    pub(super) fn serve(&mut self, minute: i64) {
        for index in 0..self.agents.len() {
            self.serve_agent(minute, index);
        }
    }

    fn serve_agent(&mut self, minute: i64, index: usize) {
        let costs = self.scenario.costs;
        let agent = &mut self.agents[index];
        while agent.next < agent.spans.len() && agent.spans[agent.next].end <= minute {
            agent.next += 1;
        }
        let Some(span) = agent.spans.get(agent.next).copied() else { return };
        if span.start > minute || span.rate <= 0.0 {
            return;
        }
        let demand = span.rate;
        if minute < agent.blocked_until {
            self.totals.lost += demand;
            self.totals.interrupted_min += 1.0;
            return;
        }
        let account = &mut self.accounts[agent.active];
        let rebuild = if agent.owes { Some(costs.swap_units) } else { None };
        let Offer { room, over, kind } = account.offer(minute, span.model.as_deref(), rebuild);
        let mut want = demand;
        if agent.owes && (room > EPS || over > EPS) {
            want = demand * (1.0 - costs.swap_pause_min);
            agent.owes = false;
        }
        let served = want.min(room);
        let used = served + over;
        if used > EPS {
            account.burn(minute, span.model.as_deref(), used);
            agent.last_use = Some(minute);
        }
        self.totals.served += served;
        self.totals.lost += demand - served;
        self.totals.interrupted_min += (demand - served) / demand;
        if served < want - EPS {
            agent.blocked_until = minute + 1 + costs.recovery_min;
            self.totals.limit_hits += 1;
            self.refuse(minute, index, kind);
        }
    }

    fn refuse(&mut self, minute: i64, agent: usize, kind: &'static str) {
        let observe = &self.scenario.observe;
        if !observe.limit_signal && kind != "auth" {
            return;
        }
        let index = self.agents[agent].active;
        let resets_at = self.accounts[index].lifts(kind);
        let event = Event { account: index, kind: EventKind::Limit { agent, kind, resets_at } };
        let at = minute + 1 + observe.limit_signal_delay_min;
        self.queue.entry(at).or_default().push(event);
    }
}
