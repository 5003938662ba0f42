//! What another policy would have made of the recorded weeks.
//!
//! The work that was done is read off the recorded samples and becomes the demand of a simulated
//! world with the same accounts and resets. In it the recorded swaps are made again, and then the
//! policy runs: both on the same physics, so that only their choices differ. One unit is one
//! percent of the week of the smallest plan. A policy begins without memory.

use crate::simulate::{
    self, AccountSpec, AgentSpec, Costs, Event, LONG_MIN, Observe, Orders, Policy, SHORT_MIN,
    Scenario, Span,
};
use sluice_engine::limits::READ_FULL_PERCENT;
use sluice_engine::{
    AccountId, Percent, Provider, Source, Utc, Window, capacity_ratio, same_reset,
};
use sluice_ledger::{DEFAULT_LANE, Ledger, Sample};
use sluice_protocol::{Compared, SwapStatus, Tally};
use std::collections::BTreeMap;

/// Minutes in which work is gathered.
const BIN: i64 = 5;
/// Work between two readings further apart is taken to be of the last so many minutes.
const GAP_MIN: i64 = 60;
/// Work goes on so long after an account was full, minutes, at the pace before.
const REFUSED_MIN: i64 = 120;
/// Looked back at most, minutes.
const PAST_MAX: i64 = 28 * 1_440;
/// Swaps looked at.
const SWAPS_MAX: u32 = 20_000;

/// What the ledger recorded between two instants.
#[derive(Clone, Debug)]
pub struct Past {
    since: Utc,
    until: Utc,
    accounts: Vec<(AccountId, Provider, f64)>,
    samples: Vec<Sample>,
    /// Minute, account that left, account that came.
    swaps: Vec<(i64, Provider, Option<AccountId>, AccountId)>,
    active: BTreeMap<Provider, AccountId>,
}

impl Past {
    /// Reads what was recorded; holds the database no longer than that.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read(ledger: &Ledger, since: Utc, until: Utc) -> sluice_ledger::Result<Self> {
        let since = since.max(until.plus_seconds(-PAST_MAX * 60));
        let accounts = ledger.accounts()?.into_iter();
        let minute = |at: Utc| (at.seconds_since(since) / 60.0) as i64;
        let swaps = ledger.swaps(SWAPS_MAX, None)?.into_iter();
        let mut swaps: Vec<_> = swaps
            .filter(|row| row.status == SwapStatus::Committed && row.swap.at >= since)
            .filter(|row| row.swap.at < until)
            .map(|row| (minute(row.swap.at), row.swap.provider, row.swap.from, row.swap.to))
            .collect();
        swaps.reverse();
        let lanes = ledger.lanes()?.into_iter().filter(|row| row.name == DEFAULT_LANE);
        Ok(Self {
            since,
            until,
            accounts: accounts.map(|row| (row.id, row.provider, row.plan.size())).collect(),
            samples: ledger.samples(None, since, until)?,
            swaps,
            active: lanes.filter_map(|row| Some((row.lane.provider, row.lane.active?))).collect(),
        })
    }

    fn minute(&self, at: Utc) -> i64 {
        (at.seconds_since(self.since) / 60.0) as i64
    }

    fn length(&self) -> i64 {
        self.minute(self.until)
    }

    /// The world of one provider; `None` when nothing of it was recorded.
    fn scenario(&self, provider: Provider) -> Option<Scenario> {
        let mut accounts = Vec::new();
        let mut work = BTreeMap::new();
        for (id, _, weight) in self.accounts.iter().filter(|one| one.1 == provider) {
            let samples: Vec<_> = self.samples.iter().filter(|one| one.account == *id).collect();
            let Some(spec) = self.account(*id, *weight, &samples) else { continue };
            self.gather(&spec, &samples, &mut work);
            accounts.push(spec);
        }
        let first = self.swaps.iter().find(|swap| swap.1 == provider).and_then(|swap| swap.2);
        let initial = first.or(self.active.get(&provider).copied())?.0.to_string();
        let known = accounts.iter().any(|account| account.id == initial);
        if !known || work.is_empty() {
            return None;
        }
        let span = |(bin, units): (&i64, &f64)| Span {
            start: bin * BIN,
            end: (bin + 1) * BIN,
            rate: units / BIN as f64,
            model: None,
        };
        let demand = work.iter().map(span).collect();
        let short =
            |account: &AccountSpec| account.c5.unwrap_or(account.c7 / capacity_ratio(0.0, 0.0));
        let smallest = accounts.iter().map(short).fold(f64::MAX, f64::min);
        Some(Scenario {
            format: "quota-sim/2".to_owned(),
            name: format!("recorded-{}", provider.name()),
            family: String::new(),
            seed: 0,
            horizon_min: self.length(),
            accounts,
            agents: vec![AgentSpec { id: "work".to_owned(), initial_account: initial, demand }],
            costs: Costs {
                swap_units: 0.02 * smallest,
                swap_pause_min: 0.3,
                cache_ttl_min: 60,
                recovery_min: 3,
            },
            observe: observed(),
        })
    }

    fn account(&self, id: AccountId, weight: f64, samples: &[&Sample]) -> Option<AccountSpec> {
        let first = samples.first()?;
        let used = |window: &Window| window.used.map_or(0.0, Percent::get);
        let reset = samples.iter().find_map(|one| one.usage.long().resets_at)?;
        let (c7, ratio) = (100.0 * weight, ratio(samples));
        let opened = first.usage.short().resets_at.map(|at| self.minute(at) - SHORT_MIN);
        let opened = opened.filter(|opened| *opened > -SHORT_MIN && *opened <= 0);
        let c5 = c7 / ratio;
        let (had, changes) = self.short_windows(samples);
        let opened = opened.filter(|_| had);
        Some(AccountSpec {
            id: id.0.to_string(),
            plan: String::new(),
            weight,
            c5: had.then_some(c5),
            c7,
            span5: SHORT_MIN,
            span7: LONG_MIN,
            weekly_reset_at: self.minute(reset),
            used7_0: c7 * used(&first.usage.long()) / 100.0,
            used5_0: opened.map_or(0.0, |_| c5 * used(&first.usage.short()) / 100.0),
            window5_open_at: opened,
            models: None,
            available_from: 0,
            invalid: Vec::new(),
            short_changes: changes
                .into_iter()
                .map(|(minute, has)| (minute, has.then_some(c5)))
                .collect(),
            plan_changes: Vec::new(),
            early_resets: Vec::new(),
        })
    }

    /// Whether an account had a 5-hour window at first, and the minutes at which that changed. Only the
    /// endpoint names every window; one answer without it is no loss yet.
    fn short_windows(&self, samples: &[&Sample]) -> (bool, Vec<(i64, bool)>) {
        let whole = samples.iter().filter(|one| one.source == Source::Endpoint);
        let named: Vec<(i64, bool)> = whole
            .map(|one| (self.minute(one.at), one.usage.short() != Window::default()))
            .collect();
        let Some(first) = named.windows(2).find(|pair| pair[0].1 == pair[1].1) else {
            return (samples.iter().any(|one| one.usage.short() != Window::default()), Vec::new());
        };
        let had = first[0].1;
        let (mut has, mut changes) = (had, Vec::new());
        for pair in named.windows(2) {
            if pair[0].1 == pair[1].1 && pair[0].1 != has {
                has = pair[0].1;
                let last = changes.last().map_or(0, |(minute, _)| *minute);
                if pair[0].0 > last && pair[0].0 < self.length() {
                    changes.push((pair[0].0, has));
                }
            }
        }
        (had, changes)
    }

    /// Adds what was used of an account between its readings, and what was refused while it was
    /// full and still the live one.
    fn gather(&self, spec: &AccountSpec, samples: &[&Sample], work: &mut BTreeMap<i64, f64>) {
        for pair in samples.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            let (from, to) = (self.minute(before.at), self.minute(after.at));
            let units = used_between(before, after, spec);
            let from = from.max(to - GAP_MIN);
            if to > from && units > 0.0 {
                spread(work, from, to, units);
            }
            let full = |sample: &Sample| {
                [sample.usage.short(), sample.usage.long()]
                    .iter()
                    .any(|window| window.used.is_some_and(|used| used.get() >= READ_FULL_PERCENT))
            };
            if full(after) && !full(before) && to > from {
                let rate = units / (to - from) as f64;
                let left = self.left_after(spec, to).min(to + REFUSED_MIN).min(self.length());
                if left > to {
                    spread(work, to, left, rate * (left - to) as f64);
                }
            }
        }
    }

    /// When the account was left after `minute`; at once if it was not the live one.
    fn left_after(&self, spec: &AccountSpec, minute: i64) -> i64 {
        let is = |id: Option<AccountId>| id.is_some_and(|id| id.0.to_string() == spec.id);
        let mut live = self
            .swaps
            .first()
            .map_or_else(|| self.active.values().any(|id| is(Some(*id))), |first| is(first.2));
        for (at, _, from, to) in &self.swaps {
            if *at > minute && is(*from) {
                return if live { *at } else { minute };
            }
            if *at <= minute {
                live = is(Some(*to)) || (live && !is(*from));
            }
        }
        if live { i64::MAX } else { minute }
    }
}

fn observed() -> Observe {
    Observe {
        min_poll_interval_min: 3,
        resolution_pct: 1.0,
        noise_pct: 0.0,
        publish_delay_min: 0,
        latency_min: 0,
        latency_jitter_min: 0,
        error_prob: 0.0,
        limit_signal: true,
        limit_signal_delay_min: 0,
        outages: Vec::new(),
    }
}

fn same(a: &Window, b: &Window) -> bool {
    a.resets_at.zip(b.resets_at).is_some_and(|(a, b)| same_reset(a, b))
}

fn rise(a: &Window, b: &Window) -> Option<f64> {
    Some((b.used?.get() - a.used?.get()).max(0.0))
}

/// Units used between two readings: by the 5-hour window where it stayed the same, because it
/// moves more for the same work, else by the week.
fn used_between(before: &Sample, after: &Sample, spec: &AccountSpec) -> f64 {
    let (a, b) = (&before.usage, &after.usage);
    if let Some(c5) = spec.c5.filter(|_| same(&a.short(), &b.short())) {
        return rise(&a.short(), &b.short()).unwrap_or(0.0) * c5 / 100.0;
    }
    let fresh = b.long().used.map_or(0.0, Percent::get);
    let week = if same(&a.long(), &b.long()) { rise(&a.long(), &b.long()) } else { Some(fresh) };
    week.unwrap_or(0.0) * spec.c7 / 100.0
}

/// Weekly over 5-hour capacity, from readings between which neither window ended.
fn ratio(samples: &[&Sample]) -> f64 {
    let (mut short, mut week) = (0.0, 0.0);
    for pair in samples.windows(2) {
        let (a, b) = (&pair[0].usage, &pair[1].usage);
        if same(&a.short(), &b.short()) && same(&a.long(), &b.long()) {
            short += rise(&a.short(), &b.short()).unwrap_or(0.0);
            week += rise(&a.long(), &b.long()).unwrap_or(0.0);
        }
    }
    capacity_ratio(short, week)
}

fn spread(work: &mut BTreeMap<i64, f64>, from: i64, to: i64, units: f64) {
    let each = units / (to - from) as f64;
    for minute in from.max(0)..to {
        *work.entry(minute / BIN).or_default() += each;
    }
}

/// Makes the recorded swaps again.
struct Again {
    swaps: Vec<(i64, usize)>,
    next: usize,
}

impl Policy for Again {
    fn step(&mut self, minute: i64, _events: &[Event]) -> Orders {
        let mut orders = Orders::default();
        while let Some((_, to)) = self.swaps.get(self.next).filter(|swap| swap.0 <= minute) {
            orders.swaps.push((0, *to));
            self.next += 1;
        }
        orders
    }
}

/// Runs the recorded swaps and the policy over the recorded work.
///
/// # Errors
/// In words, when no policy has that name or nothing was recorded.
pub fn compare(past: &Past, policy: &str) -> Result<Compared, String> {
    let mut compared = Compared {
        policy: policy.to_owned(),
        since_ms: past.since.millis(),
        until_ms: past.until.millis(),
        ..Compared::default()
    };
    let worlds: Vec<_> = Provider::ALL
        .into_iter()
        .filter_map(|provider| Some((provider, past.scenario(provider)?)))
        .collect();
    if worlds.is_empty() {
        return Err("No work was recorded in that time; choose an earlier beginning.".to_owned());
    }
    for (provider, scenario) in &worlds {
        let swaps = past.swaps.iter().filter(|swap| swap.1 == *provider);
        let swaps = swaps
            .filter_map(|(at, _, _, to)| Some((*at, scenario.index(&to.0.to_string())?)))
            .collect();
        let mut again = Again { swaps, next: 0 };
        let recorded = simulate::run_policy(scenario, "recorded", &mut again);
        let instead = simulate::run(scenario, policy).map_err(|error| error.to_string())?;
        compared.recorded.add(&tally(scenario, &recorded));
        compared.instead.add(&tally(scenario, &instead));
    }
    Ok(compared)
}

fn tally(scenario: &Scenario, log: &simulate::Log) -> Tally {
    let spans = scenario.agents.iter().flat_map(|agent| &agent.demand);
    let wanted: f64 = spans
        .map(|span| span.rate * (span.end.min(scenario.horizon_min) - span.start).max(0) as f64)
        .sum();
    Tally {
        served: log.claimed.served,
        stranded: log.claimed.stranded,
        interrupted: (wanted - log.claimed.served).max(0.0),
        interrupted_min: log.claimed.interrupted_min,
        swaps: log.claimed.swaps as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_engine::{Source, Usage};

    const START: Utc = Utc::from_seconds(1_795_262_400);

    fn sample(account: i64, minute: i64, short: f64, week: f64) -> Sample {
        let at = START.plus_seconds(minute * 60);
        let window = |used: f64, minute: i64| Window {
            used: Percent::new(used),
            resets_at: Some(START.plus_seconds(minute * 60)),
        };
        let own = Usage::of(window(short, 300), window(week, 2_880));
        let usage = Usage { observed_at: Some(at), ..own };
        Sample { account: AccountId(account), at, source: Source::Endpoint, usage }
    }

    /// The first account is worked full within two hours; the second, empty, was never gone to.
    fn past() -> Past {
        let mut samples: Vec<_> = (0..=24)
            .map(|step| sample(1, step * 5, (4.2 * step as f64).min(100.0), 0.42 * step as f64))
            .collect();
        samples.extend([sample(2, 1, 0.0, 0.0), sample(2, 120, 0.0, 0.0)]);
        Past {
            since: START,
            until: START.plus_seconds(3 * 86_400),
            accounts: vec![
                (AccountId(1), Provider::Claude, 1.0),
                (AccountId(2), Provider::Claude, 1.0),
            ],
            samples,
            swaps: Vec::new(),
            active: BTreeMap::from([(Provider::Claude, AccountId(1))]),
        }
    }

    #[test]
    fn a_policy_that_swaps_serves_what_was_refused() {
        let compared = compare(&past(), "threshold").unwrap();
        let (recorded, instead) = (compared.recorded, compared.instead);
        assert!(recorded.interrupted > 1.0, "{recorded:?}");
        assert!(instead.interrupted < 0.5 * recorded.interrupted, "{instead:?}");
        assert!(instead.swaps >= 1.0 && recorded.swaps == 0.0);
        let wanted = recorded.served + recorded.interrupted;
        assert!((wanted - instead.served - instead.interrupted).abs() < 1e-6, "the same work");
        assert!(recorded.stranded > instead.stranded);
    }

    #[test]
    fn an_account_without_a_5_hour_window_gets_none_made_up() {
        let mut past = past();
        for sample in &mut past.samples {
            let week = sample.usage.long();
            let bare = Usage::default().with(sluice_engine::WindowKind::SevenDay, week);
            // From the second hour on the second account has one, too.
            if sample.account == AccountId(1) {
                sample.usage = Usage { observed_at: sample.usage.observed_at, ..bare };
            }
        }
        let scenario = past.scenario(Provider::Claude).unwrap();
        assert_eq!(scenario.accounts[0].c5, None);
        assert!(scenario.accounts[1].c5.is_some());
        assert!(scenario.costs.swap_units.is_finite());
        // Its plan loses the window after an hour.
        let mut past = self::past();
        for sample in past.samples.iter_mut().filter(|one| one.at >= START.plus_seconds(3_600)) {
            let week = sample.usage.long();
            let bare = Usage::default().with(sluice_engine::WindowKind::SevenDay, week);
            sample.usage = Usage { observed_at: sample.usage.observed_at, ..bare };
        }
        let scenario = past.scenario(Provider::Claude).unwrap();
        assert!(scenario.accounts[0].c5.is_some());
        assert_eq!(scenario.accounts[0].short_changes, [(60, None)]);
        assert!(compare(&past, "horizon").unwrap().instead.served > 0.0);
    }

    #[test]
    fn never_swapping_is_what_was_recorded_when_nobody_swapped() {
        let compared = compare(&past(), "none").unwrap();
        assert_eq!(compared.recorded, compared.instead);
    }

    #[test]
    fn an_unknown_policy_and_an_empty_past_are_refused_in_words() {
        assert!(compare(&past(), "magic").unwrap_err().contains("magic"));
        let empty = Past { samples: Vec::new(), ..past() };
        assert!(compare(&empty, "edf").unwrap_err().contains("No work"));
    }
}
