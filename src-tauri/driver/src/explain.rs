//! Decisions as sentences for people.

use sluice_engine::{AccountId, Action, Decision, Refusal, Trigger, Utc};

/// A decision in one sentence. `label` names an account; `action` is `stay`, `swap` or `advise`.
#[must_use]
pub fn sentence(decision: &Decision, action: &str, label: impl Fn(AccountId) -> String) -> String {
    let active = decision.active.map_or_else(|| "nobody".to_owned(), &label);
    let lead = match (decision.action, action) {
        (Action::Swap { to }, "advise") => format!("{} should take over from {active}", label(to)),
        (Action::Swap { to }, _) => format!("{} takes over from {active}", label(to)),
        (Action::Stay, _) => format!("{active} stays"),
    };
    let cause = clause(&decision.reason);
    let cause = if cause.is_empty() { plain(decision.trigger).to_owned() } else { cause };
    let held = match decision.trigger {
        Trigger::EmergencePending => ", but it has to last a moment longer before it counts",
        Trigger::ResidencyBlocked => ", but the last swap is too recent",
        Trigger::CooldownBlocked => ", but the last attempt is too recent",
        Trigger::NoTarget => ", but no other account can take over",
        Trigger::SwapAborted
        | Trigger::Tick
        | Trigger::HigherTierEmerged
        | Trigger::IntraTierPreempted
        | Trigger::TierDrained
        | Trigger::ForcedCritical
        | Trigger::BurnRate
        | Trigger::FailureReported
        | Trigger::Manual
        | Trigger::PlanImproved => "",
    };
    format!("{lead}: {cause}{held}.")
}

/// A reason as the tail of a sentence.
fn clause(reason: &str) -> String {
    let mut chars = reason.trim().trim_end_matches('.').chars();
    let first: String = chars.next().map(|char| char.to_lowercase().collect()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

fn plain(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Tick => "nothing speaks for a change",
        Trigger::EmergencePending => "a more urgent account has appeared",
        Trigger::ResidencyBlocked | Trigger::CooldownBlocked => "another account would be better",
        Trigger::NoTarget => "it should be left",
        Trigger::SwapAborted => "a swap was tried lately and failed",
        Trigger::HigherTierEmerged => "its week ends sooner",
        Trigger::IntraTierPreempted => "it loses more per hour",
        Trigger::TierDrained => "the live account has reached its target",
        Trigger::ForcedCritical => "the 5-hour window of the live account is full or nearly so",
        Trigger::BurnRate => "at this pace the 5-hour window is full before the next look",
        Trigger::FailureReported => "the live account refuses work",
        Trigger::Manual => "you asked for it",
        Trigger::PlanImproved => "the plan over all accounts is worth more",
    }
}

/// Why a candidate lost, in a few words.
#[must_use]
pub const fn refusal(refusal: Refusal) -> &'static str {
    sluice_engine::explain::refusal(refusal)
}

/// The instant of so many milliseconds since the epoch.
#[must_use]
pub const fn at_ms(ms: i64) -> Utc {
    Utc::from_millis(ms)
}

/// The time from `now` to `at` in words (`2 h 5 min`).
#[must_use]
pub fn span(now: Utc, at: Utc) -> String {
    let minutes = (at.seconds_since(now) / 60.0).max(0.0) as i64;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
