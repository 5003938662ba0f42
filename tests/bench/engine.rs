//! What a decision of policy `tiered` costs.

use super::{Row, timed};
use sluice_engine::{
    Account, AccountId, Gates, Generation, Lane, LaneId, Login, Mono, Now, Percent, Plan, Policy,
    Provider, Rules, Usage, Utc, Window, World,
};

const NOW: Utc = Utc::from_seconds(1_780_000_000);

/// One decision of a person with 12 accounts and 4 lanes, in microseconds.
#[must_use]
pub fn decision(policy: Policy, runs: usize) -> Row {
    let mut world = world(12, 4, policy);
    let taken = timed(runs, |run| {
        std::hint::black_box(world.decide(LaneId(run as i64 % 4 + 1), clocks(run)));
    });
    let mut row = Row::times(&format!("engine.decide.{}.12x4", name(policy)), taken);
    (row.unit, row.p50, row.p99) = ("us", row.p50 * 1e3, row.p99 * 1e3);
    row
}

/// All lanes decided over so many accounts, in milliseconds.
#[must_use]
pub fn all_lanes(policy: Policy, accounts: i64, lanes: i64, runs: usize) -> Row {
    let mut world = world(accounts, lanes, policy);
    // The first look makes each account's memory; a running program has it.
    world.decide_all(clocks(0));
    let taken = timed(runs, |run| {
        std::hint::black_box(world.decide_all(clocks(run)));
    });
    Row::times(&format!("engine.decide.{}.{accounts}x{lanes}", name(policy)), taken)
}

/// The growth curve: accounts and lanes grow tenfold from row to row.
#[must_use]
pub fn growth(policy: Policy, runs: usize) -> Vec<Row> {
    [(100, 10), (1_000, 100), (10_000, 1_000)]
        .into_iter()
        .map(|(accounts, lanes)| all_lanes(policy, accounts, lanes, runs))
        .collect()
}

/// Every figure of policy `tiered`.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = vec![decision(Policy::Tiered, 20_000)];
    rows.extend(growth(Policy::Tiered, 20));
    rows
}

const fn name(policy: Policy) -> &'static str {
    match policy {
        Policy::Tiered => "tiered",
        Policy::Horizon => "horizon",
    }
}

fn clocks(run: usize) -> Now {
    let wall = NOW.plus_seconds(run as i64);
    Now { wall, mono: Mono(wall.millis()) }
}

/// Accounts of every tier and use; the lanes sit on the first ones.
fn world(accounts: i64, lanes: i64, policy: Policy) -> World {
    let mut rng = fastrand::Rng::with_seed(42);
    let days = (-1..16).map(|day| NOW.plus_seconds(day * 86_400));
    let calendar = sluice_engine::Calendar {
        spans: days.clone().map(|day| (day, day.plus_seconds(17 * 3600))).collect(),
        midnights: days.collect(),
        weekly_hours: 119.0,
    };
    World {
        accounts: (1..=accounts).map(|id| account(&mut rng, id)).collect(),
        lanes: (1..=lanes).map(lane).collect(),
        calendar,
        rules: Rules { policy, ..Rules::default() },
        ..World::default()
    }
}

fn account(rng: &mut fastrand::Rng, id: i64) -> Account {
    let mut window = |hours: f64| Window {
        used: Percent::new(rng.f64() * 100.0),
        resets_at: Some(NOW.plus_seconds((rng.f64() * hours * 3600.0) as i64)),
    };
    let usage = Usage {
        five_hour: window(5.0),
        seven_day: window(168.0),
        observed_at: Some(NOW),
        ..Usage::default()
    };
    Account {
        id: AccountId(id),
        provider: Provider::Claude,
        plan: Plan { rate_limit_tier: Some("default_claude_max_20x".into()), ..Plan::default() },
        enabled: true,
        automatic: true,
        login: Login::Valid,
        failures: 0,
        usage,
        position: id,
    }
}

fn lane(id: i64) -> Lane {
    Lane {
        id: LaneId(id),
        provider: Provider::Claude,
        active: Some(AccountId(id)),
        generation: Generation::default(),
        model: None,
        gates: Gates::default(),
    }
}
