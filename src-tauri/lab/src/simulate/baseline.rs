//! Plain rule sets, to compare the shipped policies with.

use super::physics::{Event, EventKind};
use super::{Orders, Policy, Scenario};

/// Never swaps.
pub(super) struct None;

impl Policy for None {
    fn step(&mut self, _minute: i64, _events: &[Event]) -> Orders {
        Orders::default()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    added: bool,
    five_hour: f64,
    five_hour_ends: Option<i64>,
    seven_day: f64,
    seven_day_ends: Option<i64>,
    full_until: i64,
    asked: Option<i64>,
}

impl Seen {
    fn short(&self, minute: i64) -> f64 {
        if self.five_hour_ends.is_some_and(|end| minute >= end) { 0.0 } else { self.five_hour }
    }

    fn long(&self, minute: i64) -> f64 {
        if self.seven_day_ends.is_some_and(|end| minute >= end) { 0.0 } else { self.seven_day }
    }
}

/// Leaves an account at fixed lines and takes the least used, or the one that resets first.
pub(super) struct Threshold {
    seen: Vec<Seen>,
    active: Vec<usize>,
    leave: Option<(f64, f64)>,
    earliest_reset: bool,
    interval: i64,
    slow: i64,
}

impl Threshold {
    fn new(scenario: &Scenario, leave: Option<(f64, f64)>, earliest_reset: bool) -> Self {
        let seen = scenario.accounts.iter();
        let active = scenario.agents.iter();
        let fastest = scenario.observe.min_poll_interval_min;
        Self {
            seen: seen
                .map(|account| Seen { added: account.available_from <= 0, ..Seen::default() })
                .collect(),
            active: active
                .map(|agent| scenario.index(&agent.initial_account).unwrap_or_default())
                .collect(),
            leave,
            earliest_reset,
            interval: fastest.max(2),
            slow: fastest.max(10),
        }
    }

    /// Moves only when refused, to the least used.
    pub(super) fn react429(scenario: &Scenario) -> Self {
        Self::new(scenario, Option::None, false)
    }

    /// Leaves at 90 % of five hours or 95 % of the week, to the least used.
    pub(super) fn by_thresholds(scenario: &Scenario) -> Self {
        Self::new(scenario, Some((90.0, 95.0)), false)
    }

    /// Leaves at 97 / 99 %, always to the account whose week ends first.
    pub(super) fn edf(scenario: &Scenario) -> Self {
        Self::new(scenario, Some((97.0, 99.0)), true)
    }

    fn learn(&mut self, minute: i64, events: &[Event]) {
        for event in events {
            let seen = &mut self.seen[event.account];
            match &event.kind {
                EventKind::Added => seen.added = true,
                EventKind::Usage {
                    five_hour,
                    five_hour_resets_at,
                    seven_day,
                    seven_day_resets_at,
                    ..
                } => {
                    // No short window, no limit by it.
                    seen.five_hour = five_hour.unwrap_or(0.0);
                    seen.five_hour_ends = *five_hour_resets_at;
                    seen.seven_day = *seven_day;
                    seen.seven_day_ends = Some(*seven_day_resets_at);
                }
                EventKind::Limit { resets_at, .. } => {
                    seen.full_until = resets_at.unwrap_or(minute + 30);
                }
                EventKind::PollError(kind) if kind == "auth" => seen.full_until = minute + 30,
                EventKind::PollError(_) | EventKind::Plan { .. } => {}
            }
        }
    }

    fn usable(&self, minute: i64, account: usize) -> bool {
        let seen = &self.seen[account];
        let (short, long) = self.leave.unwrap_or((100.0, 100.0));
        seen.added
            && minute >= seen.full_until
            && seen.short(minute) < short
            && seen.long(minute) < long
    }

    fn target(&self, minute: i64, agent: usize) -> Option<usize> {
        let taken = |account| {
            self.active.iter().enumerate().any(|(other, &at)| other != agent && at == account)
        };
        let key = |account: usize| {
            let seen = &self.seen[account];
            let order = if self.earliest_reset {
                seen.seven_day_ends.map_or(f64::MAX, |end| (end.max(minute)) as f64)
            } else {
                seen.short(minute) + seen.long(minute)
            };
            (u8::from(taken(account)), order)
        };
        (0..self.seen.len()).filter(|&account| self.usable(minute, account)).min_by(|&a, &b| {
            let (a, b) = (key(a), key(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
    }
}

impl Policy for Threshold {
    fn step(&mut self, minute: i64, events: &[Event]) -> Orders {
        self.learn(minute, events);
        let mut orders = Orders::default();
        for agent in 0..self.active.len() {
            let at = self.active[agent];
            if self.usable(minute, at) {
                continue;
            }
            if let Some(to) = self.target(minute, agent).filter(|&to| to != at) {
                orders.swaps.push((agent, to));
                self.active[agent] = to;
            }
        }
        for account in 0..self.seen.len() {
            let busy = self.active.contains(&account) && self.leave.is_some();
            let every = if busy { self.interval } else { self.slow.max(60) };
            let seen = &mut self.seen[account];
            if seen.added && seen.asked.is_none_or(|asked| minute - asked >= every) {
                seen.asked = Some(minute);
                orders.polls.push(account);
            }
        }
        orders
    }
}
