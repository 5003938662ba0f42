//! What a decision costs, and how the cost grows with accounts and lanes.

use super::{Row, Unit, timed};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Gates, Generation, Lane, LaneId, Login, Mono, Now, Observation, Percent,
    Plan, Policy, Provider, Rules, Source, Usage, Utc, Window, World, belief,
};
use std::time::Instant;

const NOW: Utc = Utc::from_seconds(1_780_000_000);
const MINUTE_S: i64 = 60;
const DAY_S: i64 = 86_400;
/// The lanes have been watched so long before a decision of `horizon` is measured, which weighs
/// what it remembers of past days.
const WATCHED_DAYS: i64 = 8;
/// Their accounts were read this often while they worked.
const READ_EVERY_S: i64 = 10 * MINUTE_S;
/// The law of growth is read from here on: with fewer accounts each lane's list of candidates, which
/// is bounded, still grows as well.
const LAW_FROM: i64 = 100;
/// Accounts and lanes of the growth curve.
const SIZES: [(i64, i64); 4] = [(10, 1), (100, 10), (1_000, 100), (10_000, 1_000)];

/// Every figure of both policies.
#[must_use]
pub fn rows() -> Vec<Row> {
    let past = past();
    let mut rows =
        vec![decision(Policy::Tiered, None, 20_000), decision(Policy::Horizon, Some(&past), 2_000)];
    rows.extend(growth(Policy::Tiered, None));
    rows.extend(growth(Policy::Horizon, Some(&past)));
    rows
}

/// One decision of a person with 12 accounts and 4 lanes. Each is the first of its world, so that
/// no policy gets away with an answer it still has.
fn decision(policy: Policy, past: Option<&belief::History>, runs: usize) -> Row {
    let settled = settled(12, 4, policy, past);
    let mut taken = Vec::with_capacity(runs);
    for run in 0..runs {
        let mut world = settled.clone();
        let lane = LaneId(run as i64 % 4 + 1);
        let begun = Instant::now();
        std::hint::black_box(world.decide(lane, clocks(NOW)));
        taken.push(begun.elapsed());
        assert!(policy == Policy::Tiered || planned(&world, lane), "horizon made a plan");
    }
    Row::times(&format!("engine.decide.{}.12x4", name(policy)), taken).in_unit(Unit::Microseconds)
}

/// All lanes decided: accounts and lanes grow tenfold from row to row. The floor of a row is what
/// n log n makes of the row of [`LAW_FROM`], n being the accounts.
fn growth(policy: Policy, past: Option<&belief::History>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut first: Option<(f64, f64)> = None;
    for (accounts, lanes) in SIZES {
        let settled = settled(accounts, lanes, policy, past);
        let runs = if accounts > 1_000 && policy == Policy::Horizon { 7 } else { 20 };
        let mut worlds: Vec<World> = (0..runs).map(|_| settled.clone()).collect();
        let taken = timed(runs, |run| {
            std::hint::black_box(worlds[run].decide_all(clocks(NOW)));
        });
        let planned = |world: &World| (1..=lanes).all(|lane| planned(world, LaneId(lane)));
        assert!(policy == Policy::Tiered || planned(&worlds[0]), "horizon made its plans");
        let row = Row::times(&format!("engine.decide.{}.{accounts}x{lanes}", name(policy)), taken);
        let work = accounts as f64 * (accounts as f64).log2();
        rows.push(match first {
            Some((took, worked)) => row.over(took * work / worked),
            None => {
                first = (accounts >= LAW_FROM).then_some((row.p50, work));
                row
            }
        });
    }
    rows
}

/// The curve for the eye: one bar per size, and how it stands to n log n.
#[must_use]
pub fn curve(rows: &[Row]) -> String {
    let mut text = String::new();
    for policy in [Policy::Tiered, Policy::Horizon] {
        let measured = SIZES.map(|(accounts, lanes)| {
            let name = format!("engine.decide.{}.{accounts}x{lanes}", name(policy));
            rows.iter().find(|row| row.name == name).map(|row| (accounts, lanes, row))
        });
        if measured[0].is_some() {
            text += &format!("\n{}: all lanes decided, ms at p50 (logarithmic)\n", name(policy));
        }
        for (accounts, lanes, row) in measured.into_iter().flatten() {
            // Eight columns for each power of ten from a microsecond on.
            let columns = ((row.p50 * 1e3).max(1.0).log10() * 8.0) as usize;
            let law = row.ratio.map_or_else(String::new, |ratio| {
                format!("  {ratio:.2} of n log n from {LAW_FROM} accounts on")
            });
            let bar = "#".repeat(columns);
            text += &format!("{accounts:>6} x {lanes:<5} {:>10.3}  {bar}{law}\n", row.p50);
        }
    }
    text
}

const fn name(policy: Policy) -> &'static str {
    match policy {
        Policy::Tiered => "tiered",
        Policy::Horizon => "horizon",
    }
}

fn clocks(wall: Utc) -> Now {
    Now { wall, mono: Mono(wall.millis()) }
}

fn planned(world: &World, lane: LaneId) -> bool {
    world.horizon.lanes.get(&lane).is_some_and(|belief| belief.next_plan > 0.0)
}

/// A world shortly before a decision. For `horizon` its lanes work, its pool ran dry lately (else
/// it would not look for anything better) and no plan is in hand.
fn settled(accounts: i64, lanes: i64, policy: Policy, past: Option<&belief::History>) -> World {
    let mut world = world(accounts, lanes, policy);
    if policy == Policy::Tiered {
        // The first look makes each account's memory; a running program has it.
        world.decide_all(clocks(NOW.plus_seconds(-MINUTE_S)));
        return world;
    }
    for ago in [10, 1] {
        let at = NOW.plus_seconds(-ago * MINUTE_S);
        for id in 1..=accounts {
            let mut usage = world.accounts[id as usize - 1].usage.clone();
            if id <= lanes && ago > 1 {
                let less = usage.short().used.map_or(0.0, |used| used.get() - 2.0);
                usage.of_kind(&WindowKind::FiveHour).used = Percent::new(less.max(0.0));
            }
            read(&mut world, id, usage, at);
        }
        world.decide(LaneId(1), clocks(at));
    }
    for belief in world.horizon.lanes.values_mut() {
        (belief.next_plan, belief.values) = (0.0, Vec::new());
        if let Some(past) = past {
            belief.history = past.clone();
        }
    }
    world.horizon.pressure = 2.0;
    world.horizon.last_dry = Some(NOW.plus_seconds(-3_600).0 as f64 / 60e6);
    world
}

/// What a lane remembers that has worked eight hours on each of the last days.
fn past() -> belief::History {
    let mut world = world(2, 1, Policy::Horizon);
    let begin = NOW.plus_seconds(-WATCHED_DAYS * DAY_S);
    for step in 0..WATCHED_DAYS * DAY_S / READ_EVERY_S {
        let at = begin.plus_seconds(step * READ_EVERY_S);
        let (day, of_day) = (step * READ_EVERY_S / DAY_S, step * READ_EVERY_S % DAY_S);
        let worked = (of_day.clamp(9 * 3_600, 17 * 3_600) - 9 * 3_600) as f64 / 3_600.0;
        let window = |used: f64, ends: i64| Window {
            used: Percent::new(used),
            resets_at: Some(at.plus_seconds(ends)),
        };
        let usage = Usage {
            observed_at: Some(at),
            ..Usage::of(
                window(worked * 8.0, 5 * 3_600),
                window(day as f64 * 8.0 + worked, 3 * DAY_S),
            )
        };
        read(&mut world, 1, usage, at);
        world.decide(LaneId(1), clocks(at));
    }
    world.horizon.lanes.remove(&LaneId(1)).map(|belief| belief.history).unwrap_or_default()
}

fn read(world: &mut World, id: i64, usage: Usage, at: Utc) {
    let fact = Fact::Usage(usage);
    let observation = Observation { account: AccountId(id), at, source: Source::Endpoint, fact };
    world.observe(&observation, clocks(at));
}

/// Accounts of every tier and use; the lanes sit on the first ones.
fn world(accounts: i64, lanes: i64, policy: Policy) -> World {
    let mut rng = fastrand::Rng::with_seed(42);
    let days = (-1..16).map(|day| NOW.plus_seconds(day * DAY_S));
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
        observed_at: Some(NOW.plus_seconds(-DAY_S)),
        ..Usage::of(window(5.0), window(168.0))
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
