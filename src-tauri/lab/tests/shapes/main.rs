//! Window shapes that differ between accounts and change in mid-run, on small worlds made by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod observation;
mod parsing;
mod physics;
mod policies;

use serde_json::{Value, json};
use sluice_lab::simulate::{Event, EventKind, Log, Orders, Policy, Scenario, run_policy};

/// A quarter of a unit a minute for 400 minutes on one of two accounts: the short window of the first
/// is full after 20, and nothing ends in its own time.
fn plain() -> Value {
    json!({
        "format": "quota-sim/2", "name": "hand", "family": "shape", "seed": 7, "horizon_min": 400,
        "accounts": [
            { "id": "a1", "plan": "max5", "weight": 5.0, "c5": 5.0, "c7": 20.0, "weekly_reset_at": 5000 },
            { "id": "a2", "plan": "max5", "weight": 5.0, "c5": 5.0, "c7": 20.0, "weekly_reset_at": 6000 }
        ],
        "agents": [{ "id": "m1", "initial_account": "a1", "demand": [[0, 400, 0.25]] }],
        "costs": { "swap_units": 0.4, "swap_pause_min": 0.5, "cache_ttl_min": 60, "recovery_min": 3 },
        "observe": {
            "min_poll_interval_min": 1, "resolution_pct": 0.125, "limit_signal": true,
            "limit_signal_delay_min": 0
        }
    })
}

/// `world` with more or other keys in its first account.
fn first(mut world: Value, keys: Value) -> Value {
    let account = world["accounts"][0].as_object_mut().unwrap();
    account.extend(keys.as_object().unwrap().clone());
    world
}

fn horizon(mut world: Value, minutes: i64) -> Value {
    world["horizon_min"] = minutes.into();
    world
}

fn demand(mut world: Value, spans: Value) -> Value {
    world["agents"][0]["demand"] = spans;
    world
}

fn observe(mut world: Value, keys: Value) -> Value {
    let observe = world["observe"].as_object_mut().unwrap();
    observe.extend(keys.as_object().unwrap().clone());
    world
}

fn read(world: &Value) -> Scenario {
    Scenario::parse(world.to_string().as_bytes()).unwrap()
}

/// Swaps the agent and reads accounts when told to, and keeps what it hears.
#[derive(Default)]
struct Script {
    /// Minute, account.
    swaps: Vec<(i64, usize)>,
    /// Minute, account.
    polls: Vec<(i64, usize)>,
    /// Minute, event.
    heard: Vec<(i64, Event)>,
}

impl Policy for Script {
    fn step(&mut self, minute: i64, events: &[Event]) -> Orders {
        self.heard.extend(events.iter().map(|event| (minute, event.clone())));
        let now = |list: &[(i64, usize)]| -> Vec<usize> {
            list.iter().filter(|(at, _)| *at == minute).map(|(_, account)| *account).collect()
        };
        let swaps = now(&self.swaps).into_iter().map(|account| (0, account)).collect();
        Orders { swaps, polls: now(&self.polls) }
    }
}

/// Runs a world without swaps, reading the first account at these minutes.
fn run(world: &Value, polls: &[i64]) -> (Log, Script) {
    play(world, &[], &polls.iter().map(|minute| (*minute, 0)).collect::<Vec<_>>())
}

fn play(world: &Value, swaps: &[(i64, usize)], polls: &[(i64, usize)]) -> (Log, Script) {
    let mut script = Script { swaps: swaps.to_vec(), polls: polls.to_vec(), ..Script::default() };
    let log = run_policy(&read(world), "script", &mut script);
    (log, script)
}

impl Script {
    /// Minute of the hit, kind and end of every limit; the signal takes one minute.
    fn limits(&self) -> Vec<(i64, &'static str, Option<i64>)> {
        let limit = |(minute, event): &(i64, Event)| match event.kind {
            EventKind::Limit { kind, resets_at, .. } => Some((minute - 1, kind, resets_at)),
            _ => None,
        };
        self.heard.iter().filter_map(limit).collect()
    }

    /// Minute of the request, the short window's share and end, the long one's share and end.
    fn readings(&self) -> Vec<Reading> {
        let reading = |(_, event): &(i64, Event)| match event.kind {
            EventKind::Usage {
                polled_at,
                five_hour,
                five_hour_resets_at,
                seven_day,
                seven_day_resets_at,
                ..
            } => Some((
                polled_at,
                (five_hour, five_hour_resets_at),
                (seven_day, seven_day_resets_at),
            )),
            _ => None,
        };
        self.heard.iter().filter_map(reading).collect()
    }
}

/// As [`Script::readings`] has it.
type Reading = (i64, (Option<f64>, Option<i64>), (f64, i64));
