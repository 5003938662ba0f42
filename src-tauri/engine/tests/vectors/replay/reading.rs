//! Reading answers and old logs.

use super::shapes;
use serde_json::{Map, Value, json};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::rule::Rule;
use sluice_engine::{
    AccountId, Calendar, Mono, Now, Observation, Percent, Source, Usage, Utc, Window, World,
    explain,
};

/// The engine's answer; `None` when the function is not of this file.
pub fn answer(function: &str, given: &Value) -> Option<Result<Value, String>> {
    Some(match function {
        "trigger_for_reason" => Ok(trigger(given)),
        "usage_cache_updates" => Ok(cache_updates(given)),
        _ => return None,
    })
}

/// One rule of each kind that has a recorded string.
fn kinds() -> [Rule; 5] {
    [
        Rule::HigherTier { best: 0, active: 1 },
        Rule::Preemption { tier: 0, best: (0.0, 1.0), active: (0.0, 1.0) },
        Rule::Drained { used: 0.0, target: 0.0 },
        Rule::ShortCritical { used: 0.0, critical: 0.0 },
        Rule::Projection { used: 0.0, projected: 0.0, minutes: 0.0 },
    ]
}

/// The kind of rule a recorded reason tells of, by its opening words.
pub fn rule_of(reason: &str) -> Option<Rule> {
    kinds().into_iter().find(|rule| reason.starts_with(explain::opening(rule)))
}

fn trigger(given: &Value) -> Value {
    json!(match given["reason"].as_str() {
        None => "tick",
        Some(reason) => rule_of(reason).map_or("tier_aware", |rule| rule.trigger().name()),
    })
}

const KNOWN: f64 = 77.25;
const OLD_RESET: Utc = Utc(77);

/// Feeds the answer to a world that knows both windows and tells what it changed.
fn cache_updates(given: &Value) -> Value {
    let known = Window { used: Percent::new(KNOWN), resets_at: Some(OLD_RESET) };
    let mut world = shapes::world(
        &Value::Null,
        vec![shapes::account(&json!({"id": 1, "cc_access_token": "t"}), 0)],
        Some(1),
        Calendar::default(),
    );
    let usage = &mut world.accounts[0].usage;
    *usage = Usage::of(known, known);
    let mut seen = Usage::default();
    let mut resets = Vec::new();
    for window in WindowKind::ACCOUNT_WIDE {
        let name = window.name();
        match said(&given[name], given.get(name).is_some(), &mut resets) {
            Said::Nothing => {}
            Said::Closed => tell(&mut world, Fact::Closed { window }),
            Said::Numbers(numbers) => *seen.of_kind(&window) = numbers,
        }
    }
    tell(&mut world, Fact::Usage(seen));
    let mut updates = Map::new();
    for kind in WindowKind::ACCOUNT_WIDE {
        let window = world.accounts[0].usage.window(&kind);
        describe(kind.name(), window, given, &resets, &mut updates);
    }
    Value::Object(updates)
}

enum Said {
    Nothing,
    Closed,
    Numbers(Window),
}

/// What the answer says of one window. Resets are opaque texts here; each stands for an instant.
fn said(value: &Value, present: bool, resets: &mut Vec<String>) -> Said {
    if !present {
        return Said::Nothing;
    }
    let (used, reset) = (value["utilization"].as_f64(), value["resets_at"].as_str());
    if used.is_none() && reset.is_none() {
        return Said::Closed;
    }
    let resets_at = reset.map(|reset| {
        resets.push(reset.to_owned());
        Utc(1000 + resets.len() as i64)
    });
    Said::Numbers(Window { used: used.and_then(Percent::new), resets_at })
}

fn tell(world: &mut World, fact: Fact) {
    let at = Utc(500);
    let observation = Observation { account: AccountId(1), at, source: Source::Endpoint, fact };
    world.observe(&observation, Now { wall: at, mono: Mono(0) });
}

fn describe(
    name: &str,
    window: Window,
    given: &Value,
    resets: &[String],
    updates: &mut Map<String, Value>,
) {
    let mut put = |key: String, value: Value| updates.insert(key, value);
    if window == Window::default() {
        put(format!("clear_{name}"), json!(true));
        return;
    }
    if window.used.map(Percent::get) != Some(KNOWN) {
        put(name.to_owned(), given[name]["utilization"].clone());
    }
    match window.resets_at {
        None => drop(put(format!("clear_{name}_reset"), json!(true))),
        Some(OLD_RESET) => {}
        Some(at) => drop(put(format!("{name}_resets_at"), json!(resets[(at.0 - 1001) as usize]))),
    }
}
