//! Folds an observation into the world. A late or repeated one must not undo a newer one.

use crate::account::{Account, Login};
use crate::limits::{FULL_PERCENT, NEARLY_FULL_PERCENT, REFUSALS_MAX};
use crate::memory::{Memory, RefusedWindow};
use crate::observation::{Fact, Observation, Source};
use crate::poll;
use crate::rules::Rules;
use crate::units::{Now, Percent, Utc};
use crate::verdict::Verdict;
use crate::window::{ModelWindow, Usage, Window};
use crate::world::World;
use alloc::string::String;

/// A refused window whose reset is unknown counts as full so long, seconds.
const REFUSAL_UNKNOWN_S: i64 = 3600;
/// A reading this much later than a refusal may contradict it, seconds: endpoints lag behind.
const REFUSAL_LAG_S: f64 = 300.0;
/// A reset moved by more than this is another window, seconds.
const SAME_WINDOW_S: f64 = 600.0;
/// A refused model is taken as what the lane needs for so long, seconds.
const MODEL_WANTED_S: i64 = 3_600;

/// Folds one observation in. Facts about unknown accounts are dropped.
pub fn fold(world: &mut World, observation: &Observation, now: Now) {
    let Some(account) = world.accounts.iter_mut().find(|account| account.id == observation.account)
    else {
        return;
    };
    let memory = world.memory.entry(observation.account).or_default();
    // A sender's clock may run ahead; what it says is true now at the latest.
    let at = observation.at.min(now.wall);
    match &observation.fact {
        Fact::Usage(_) if observation.undatable(now) => {
            answered(memory, observation.source, now);
        }
        Fact::Usage(usage) => {
            answered(memory, observation.source, now);
            usage_seen(account, memory, usage, at, observation.source, &world.rules);
        }
        Fact::Unreachable => {
            answered(memory, observation.source, now);
            account.failures = account.failures.saturating_add(1);
        }
        Fact::Throttled { retry_after_s } => {
            answered(memory, observation.source, now);
            memory.throttled = memory.throttled.saturating_add(1);
            let pause = poll::throttle_pause_s(memory.throttled, *retry_after_s);
            let until = at.plus_seconds(i64::try_from(pause).unwrap_or(i64::MAX));
            memory.not_before = memory.not_before.max(Some(until));
        }
        Fact::LimitHit { resets_at, window } => {
            limit_hit(account, memory, window, *resets_at, at);
            let known = matches!(window.as_str(), "five_hour" | "seven_day");
            for lane in world.lanes.iter_mut().filter(|_| !known) {
                if lane.active == Some(observation.account) {
                    lane.gates.wanted_model =
                        Some((window.clone(), at.plus_seconds(MODEL_WANTED_S)));
                }
            }
        }
        Fact::Verdict(verdict) => {
            answered(memory, observation.source, now);
            verdict_seen(account, *verdict, at);
        }
        Fact::Closed { window } => close(account, memory, window),
        Fact::Login(login) => account.login = *login,
        Fact::Plan(plan) => account.plan = plan.clone(),
    }
}

/// The endpoint answered. An answer nobody noted as a request still used up the budget.
fn answered(memory: &mut Memory, source: Source, now: Now) {
    if source == Source::Endpoint && !core::mem::take(&mut memory.asked) {
        memory.requested(now.wall);
    }
}

fn usage_seen(
    account: &mut Account,
    memory: &mut Memory,
    seen: &Usage,
    at: Utc,
    source: Source,
    rules: &Rules,
) {
    if source == Source::Endpoint {
        account.failures = 0;
        memory.throttled = 0;
        memory.not_before = None;
        if account.login != Login::Missing {
            account.login = Login::Valid;
        }
    }
    let known = &mut account.usage;
    if known.observed_at.is_some_and(|last| last > at) {
        return;
    }
    known.take(seen, at, source == Source::Endpoint);
    settle_refusals(known, memory, at);
    if rules.measure_observations {
        let used = |window: &Window| window.used.map(Percent::get);
        if let (Some(short), Some(week)) = (used(&known.five_hour), used(&known.seven_day)) {
            memory.burn.look(short, week, at);
        }
    }
}

/// The provider refused (or allowed) the account as a whole without telling numbers.
fn verdict_seen(account: &mut Account, verdict: Verdict, at: Utc) {
    // The shares stay as old as they are.
    if account.usage.observed_at.is_none_or(|last| last <= at) {
        account.usage.verdict = Some(verdict.said(at));
    }
}

fn close(account: &mut Account, memory: &mut Memory, name: &str) {
    let usage = &mut account.usage;
    match name {
        "five_hour" => usage.five_hour = Window::default(),
        "seven_day" => usage.seven_day = Window::default(),
        model => usage.models.retain(|known| known.model != model),
    }
    memory.refusals.retain(|refusal| refusal.window != name);
}

fn limit_hit(
    account: &mut Account,
    memory: &mut Memory,
    window: &str,
    resets_at: Option<Utc>,
    at: Utc,
) {
    let usage = &mut account.usage;
    let known = match window {
        "five_hour" => &mut usage.five_hour,
        "seven_day" => &mut usage.seven_day,
        model => {
            usage.take_model(&full_model(model, resets_at), false);
            remember_refusal(memory, window, resets_at, None, at);
            return;
        }
    };
    if resets_at.is_some() {
        known.resets_at = resets_at;
    }
    remember_refusal(memory, window, resets_at, known.resets_at, at);
}

fn full_model(model: &str, resets_at: Option<Utc>) -> ModelWindow {
    let used = Percent::new(FULL_PERCENT);
    ModelWindow { model: model.into(), window: Window { used, resets_at }, binding: true }
}

fn remember_refusal(
    memory: &mut Memory,
    window: &str,
    said: Option<Utc>,
    known: Option<Utc>,
    at: Utc,
) {
    let until = said
        .or_else(|| known.filter(|reset| *reset > at))
        .unwrap_or_else(|| at.plus_seconds(REFUSAL_UNKNOWN_S));
    memory.refusals.retain(|refusal| refusal.window != window);
    if memory.refusals.len() >= REFUSALS_MAX {
        memory.refusals.retain(|refusal| refusal.until > at);
    }
    if memory.refusals.len() < REFUSALS_MAX {
        memory.refusals.push(RefusedWindow { window: String::from(window), at, until });
    }
}

/// Drops refusals that a later reading contradicts, and keeps the others visible in the models. One
/// whose window seems to have ended is kept until a reading says so: the clock may run ahead.
fn settle_refusals(usage: &mut Usage, memory: &mut Memory, at: Utc) {
    memory.refusals.retain(|refusal| {
        let window = match refusal.window.as_str() {
            "five_hour" => Some(&mut usage.five_hour),
            "seven_day" => Some(&mut usage.seven_day),
            name => usage
                .models
                .iter_mut()
                .find(|model| model.model == name)
                .map(|model| &mut model.window),
        };
        let Some(window) = window else { return true };
        let emptied = window
            .resets_at
            .is_some_and(|reset| reset.seconds_since(refusal.until) > SAME_WINDOW_S);
        let contradicted = at.seconds_since(refusal.at) >= REFUSAL_LAG_S
            && window.used.is_some_and(|used| used.get() < NEARLY_FULL_PERCENT);
        let stands = !emptied && !contradicted;
        if stands && refusal.until > at {
            window.used = Percent::new(FULL_PERCENT);
        }
        stands
    });
}
