//! Folds an observation into the world. A late or repeated one must not undo a newer one.

use crate::account::{Account, Login};
use crate::fall::Watch;
use crate::limits::{FULL_PERCENT, NEARLY_FULL_PERCENT, REFUSALS_MAX};
use crate::memory::{Memory, RefusedWindow};
use crate::observation::{Fact, Observation, Source};
use crate::poll;
use crate::rules::Rules;
use crate::units::{Now, Percent, Utc};
use crate::usage::Usage;
use crate::verdict::Verdict;
use crate::window::{Window, WindowKind};
use crate::world::World;

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
            let watch = world.watches.entry(observation.account).or_default();
            let seen = (usage, at, observation.source);
            usage_seen(account, (memory, watch), seen, &world.rules);
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
            let Some(model) = window.model() else { return };
            for lane in &mut world.lanes {
                if lane.active == Some(observation.account) {
                    let until = at.plus_seconds(MODEL_WANTED_S);
                    lane.gates.wanted_model = Some((model.into(), until));
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
        Fact::Resets(said) => {
            let resets = world.resets.entry(observation.account).or_default();
            resets.take(said, observation.source, at);
        }
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
    (memory, watch): (&mut Memory, &mut Watch),
    (seen, at, source): (&Usage, Utc, Source),
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
    let whole = source == Source::Endpoint;
    let fallen = watch.read(seen, at, whole);
    known.take(seen, at, whole);
    // What was given back refuses nothing.
    memory.refusals.retain(|refusal| !fallen.contains(&refusal.window));
    settle_refusals(known, memory, at);
    if rules.measure_observations {
        let used = |window: &Window| window.used.map(Percent::get);
        let (short, week) = (used(&known.short()), used(&known.long()));
        // Without the week, or with a short window that is there and says nothing, nothing is measured.
        if week.is_some() && (short.is_some() || known.lacks(&WindowKind::FiveHour)) {
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

fn close(account: &mut Account, memory: &mut Memory, kind: &WindowKind) {
    account.usage.close(kind);
    memory.refusals.retain(|refusal| refusal.window != *kind);
}

fn limit_hit(
    account: &mut Account,
    memory: &mut Memory,
    kind: &WindowKind,
    resets_at: Option<Utc>,
    at: Utc,
) {
    // A model's window is known by its refusal alone; the account's own have readings.
    let used = kind.model().and_then(|_| Percent::new(FULL_PERCENT));
    let known = account.usage.refuse(kind, Window { used, resets_at }, at);
    let known = known.resets_at.filter(|_| kind.model().is_none());
    remember_refusal(memory, kind, resets_at, known, at);
}

fn remember_refusal(
    memory: &mut Memory,
    kind: &WindowKind,
    said: Option<Utc>,
    known: Option<Utc>,
    at: Utc,
) {
    let until = said
        .or_else(|| known.filter(|reset| *reset > at))
        .unwrap_or_else(|| at.plus_seconds(REFUSAL_UNKNOWN_S));
    memory.refusals.retain(|refusal| refusal.window != *kind);
    if memory.refusals.len() >= REFUSALS_MAX {
        memory.refusals.retain(|refusal| refusal.until > at);
    }
    if memory.refusals.len() < REFUSALS_MAX {
        memory.refusals.push(RefusedWindow { window: kind.clone(), at, until });
    }
}

/// Drops refusals that a later reading contradicts, and keeps the others visible in the models. One
/// whose window seems to have ended is kept until a reading says so: the clock may run ahead.
fn settle_refusals(usage: &mut Usage, memory: &mut Memory, at: Utc) {
    memory.refusals.retain(|refusal| {
        let kind = &refusal.window;
        if !usage.lists(kind) && (kind.model().is_some() || usage.lacks(kind)) {
            // Of a model nobody else speaks; a window that the provider took away refuses nothing.
            return kind.model().is_some();
        }
        // What this reading left out speaks against nothing: it is as old as it was.
        let read_at = usage.read_at(kind).unwrap_or(at);
        let window = usage.of_kind(kind);
        let emptied = window
            .resets_at
            .is_some_and(|reset| reset.seconds_since(refusal.until) > SAME_WINDOW_S);
        let contradicted = read_at.seconds_since(refusal.at) >= REFUSAL_LAG_S
            && window.used.is_some_and(|used| used.get() < NEARLY_FULL_PERCENT);
        let stands = !emptied && !contradicted;
        if stands && refusal.until > at {
            window.used = Percent::new(FULL_PERCENT);
        }
        stands
    });
}
