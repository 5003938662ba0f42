//! The branches of decisions in words, for lists and for sentences. The page gets them by generation.

use sluice_engine::Trigger;

/// The branch of a decision, for a list.
#[must_use]
pub const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Tick => "no rule fired",
        Trigger::EmergencePending => "waiting whether a more urgent account persists",
        Trigger::ResidencyBlocked => "the live account has not been live long enough",
        Trigger::CooldownBlocked => "resting after the last attempt",
        Trigger::NoTarget => "a rule fired, no account is eligible",
        Trigger::SwapAborted => "resting after a failed swap",
        Trigger::HigherTierEmerged => "a more urgent account",
        Trigger::IntraTierPreempted => "an equally urgent account loses more per hour",
        Trigger::TierDrained => "the live account reached its target",
        Trigger::ForcedCritical => "the 5-hour window is nearly full",
        Trigger::BurnRate => "the 5-hour window fills up before the next look",
        Trigger::FailureReported => "a tool was refused work",
        Trigger::Manual => "you asked",
        Trigger::PlanImproved => "the plan over all accounts is better",
        Trigger::Other => "a rule of another version",
    }
}

/// The branch of a decision, as the end of a sentence about the live account.
#[must_use]
pub const fn because(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Tick => "nothing speaks for a change",
        Trigger::EmergencePending => {
            "a more urgent account has appeared, but that counts only when it lasts"
        }
        Trigger::ResidencyBlocked => {
            "another account would be better, but the last swap is too recent"
        }
        Trigger::CooldownBlocked => {
            "another account would be better, but the last attempt is too recent"
        }
        Trigger::NoTarget => "it should be left, but no other account can take over",
        Trigger::SwapAborted => "a swap was tried lately and failed",
        Trigger::HigherTierEmerged => "the week of the other one ends sooner",
        Trigger::IntraTierPreempted => "the other one loses more of its week with every hour",
        Trigger::TierDrained => "it has used its share of the week by now",
        Trigger::ForcedCritical => "its 5-hour window is full or nearly so",
        Trigger::BurnRate => "at this pace its 5-hour window is full before the next look",
        Trigger::FailureReported => "it refuses work",
        Trigger::Manual => "you asked for it",
        Trigger::PlanImproved => "over the days ahead that gets more work done",
        Trigger::Other => "a rule of another version of Sluice said so",
    }
}
