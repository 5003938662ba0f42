//! A decision in words: the recorded strings, because the vectors compare them, or sentences for people.

use crate::decision::Refusal;
use crate::limits::FULL_PERCENT;
use crate::rule::{Force, Rule};
use crate::rules::Rules;
use crate::tier;
use crate::tiered::FULL_MARGIN_MOST;
use crate::units::AccountId;
use crate::window::WindowKind;
use alloc::format;
use alloc::string::{String, ToString};

/// What kept the lane where it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Hold {
    /// No rule fired, and there is nothing to say about it.
    #[default]
    Quiet,
    /// Nothing: the swap goes ahead.
    Nothing,
    /// The lane has no active account.
    NoActive,
    /// Automatic swaps are off or rest.
    Resting {
        /// For so many minutes.
        minutes: Option<f64>,
    },
    /// No rule fired, nobody is eligible.
    NoCandidate {
        /// The active plan's tag.
        plan: String,
    },
    /// No rule fired, the best candidate is no better.
    NotBetter {
        /// The best candidate.
        best: AccountId,
        /// Its tier.
        best_tier: u8,
    },
    /// An emergence has not persisted yet.
    Emergence {
        /// Looks so far.
        count: u32,
        /// Looks needed.
        looks: u32,
        /// The candidate.
        best: AccountId,
        /// Its tier.
        best_tier: u8,
        /// The active account's.
        active_tier: u8,
    },
    /// The residency minimum is not over.
    Residency {
        /// Seconds of residency left.
        seconds: f64,
    },
    /// The cooldown is not over.
    Cooldown {
        /// Seconds of cooldown left.
        seconds: f64,
    },
    /// Nobody is eligible.
    NoTarget,
    /// The failure backoff is not over.
    Backoff {
        /// Seconds of backoff left.
        seconds: f64,
        /// Failed attempts in a row.
        failures: u32,
    },
}

/// The reason of a decision: the rule that fired and what held it back.
#[must_use]
pub fn hold(hold: &Hold, rule: Option<&Rule>, rules: &Rules) -> String {
    if rules.plain_words { plain_hold(hold, rule) } else { recorded_hold(hold, rule) }
}

fn recorded_hold(hold: &Hold, rule: Option<&Rule>) -> String {
    let warranted = || format!("swap warranted ({})", rule.map(recorded).unwrap_or_default());
    match hold {
        Hold::Nothing => rule.map(recorded).unwrap_or_default(),
        Hold::Quiet | Hold::NoActive | Hold::Resting { .. } => String::new(),
        Hold::NoCandidate { plan } => {
            let plan = if plan.is_empty() { "unset" } else { plan.trim() };
            format!("stay: no candidate has deficit (tier {plan})")
        }
        Hold::NotBetter { best, best_tier } => {
            format!("stay: best is same/lower tier (best id={} tier={best_tier})", best.0)
        }
        Hold::Emergence { count, looks, best, best_tier, active_tier } => format!(
            "stay: emergence streak {count}/{looks}, awaiting confirmation \
             (best id={} tier={best_tier} vs active tier={active_tier})",
            best.0
        ),
        Hold::Residency { seconds } => {
            format!("{} but minimum residency active ({seconds:.0}s remaining)", warranted())
        }
        Hold::Cooldown { seconds } => {
            format!("{} but cooldown active ({seconds:.0}s remaining)", warranted())
        }
        Hold::NoTarget => format!("{} but no eligible target", warranted()),
        Hold::Backoff { seconds, failures } => format!(
            "{} but failure backoff active ({seconds:.0}s remaining after {failures} failed \
             attempt(s))",
            warranted()
        ),
    }
}

/// The opening words of a rule's recorded string; they tell the rules apart in old logs.
#[must_use]
pub const fn opening(rule: &Rule) -> &'static str {
    match rule {
        Rule::HigherTier { .. } => "higher tier emerged",
        Rule::Preemption { .. } => "intra-tier preemption",
        Rule::Drained { .. } => "drained",
        Rule::ShortCritical { .. } => "5h critical",
        Rule::Projection { .. } => "burn-rate projection",
        Rule::Refused { .. } => "refused",
        Rule::LoginRefused => "login refused",
        Rule::WouldBill => "would bill",
        Rule::Blocked { .. } => "blocked by its provider",
        Rule::Plan { .. } => "plan",
        Rule::Forced(_) => "plan must leave",
    }
}

/// A rule as the recorded program writes it.
#[must_use]
pub fn recorded(rule: &Rule) -> String {
    let opening = opening(rule);
    match rule {
        Rule::HigherTier { best, active } => {
            format!("{opening}: {} candidate vs active {}", tier::name(*best), tier::name(*active))
        }
        Rule::Preemption { tier, best, active } => format!(
            "{opening}: T{tier} candidate losing {:.1}% in {:.1}h vs active {:.1}% in {:.1}h",
            best.0, best.1, active.0, active.1
        ),
        Rule::Drained { used, target } => {
            format!("{opening}: 7d usage {used:.1}% >= tier target {target:.1}%")
        }
        Rule::ShortCritical { used, critical } => {
            format!("{opening}: {used:.1}% >= {critical:.0}%")
        }
        Rule::Projection { used, projected, minutes } => {
            format!("{opening}: {used:.1}% -> {projected:.1}% in {}min", *minutes as i64)
        }
        Rule::Refused { window } => format!("{opening}: {}", window.name()),
        Rule::LoginRefused | Rule::WouldBill | Rule::Blocked { .. } => opening.to_string(),
        Rule::Plan { .. } | Rule::Forced(_) => format!("{opening}: {}", plain(rule)),
    }
}

/// A rule as a clause about the active account, without a full stop.
#[must_use]
pub fn plain(rule: &Rule) -> String {
    match rule {
        Rule::HigherTier { best, active } => {
            format!("another account's week {}, its own {}", ends(*best), ends(*active))
        }
        Rule::Preemption { best, active, .. } => format!(
            "left alone, another account loses {:.0} % of its week in {}, this one {:.0} % in {}",
            best.0,
            hours(best.1),
            active.0,
            hours(active.1)
        ),
        Rule::Drained { used, target } if *target >= FULL_PERCENT - FULL_MARGIN_MOST => {
            format!("its week is used up ({used:.0} %)")
        }
        Rule::Drained { used, target } => {
            format!("its week is {used:.0} % used and by now {target:.0} % is its share")
        }
        Rule::ShortCritical { used, critical } => {
            format!(
                "its 5-hour window is {used:.0} % used, past the {critical:.0} % at which Sluice moves on"
            )
        }
        Rule::Projection { used, projected, minutes } => format!(
            "its 5-hour window is {used:.0} % used and would reach {:.0} % in {minutes:.0} min",
            projected.min(100.0)
        ),
        Rule::Refused { window } => match window {
            WindowKind::FiveHour => "its 5-hour window is full".to_string(),
            WindowKind::SevenDay => "its week is used up".to_string(),
            WindowKind::Model(model) => format!("its week of {model} is used up"),
            WindowKind::Other(_) | WindowKind::Money(_) => {
                format!("its limit \u{201c}{}\u{201d} is used up", window.label())
            }
        },
        Rule::LoginRefused => "its login was refused".to_string(),
        Rule::Blocked { why } => why.words().to_string(),
        Rule::WouldBill => "using it further would cost extra money".to_string(),
        Rule::Plan { gained, undone } => format!(
            "over the days ahead that gets more work done, worth {gained:.0} % of a Pro plan's \
             5-hour window; staying would leave {undone:.0} % of one undone"
        ),
        Rule::Forced(force) => forced(*force).to_string(),
    }
}

const fn forced(force: Force) -> &'static str {
    match force {
        Force::Refused => "it refused work",
        Force::Unusable => "its login does not work",
        Force::ShortFull => "its 5-hour window is full",
        Force::LongFull => "its week is used up",
        Force::Paid => "all its use costs extra money",
        Force::Short => "its 5-hour window is about to be full",
        Force::Long => "its week is about to be used up",
    }
}

fn plain_hold(hold: &Hold, rule: Option<&Rule>) -> String {
    let because = match rule {
        Some(Rule::Plan { .. }) if *hold != Hold::Nothing => {
            "over the days ahead another account would get more work done".to_string()
        }
        Some(rule) => plain(rule),
        None => String::new(),
    };
    let but = match hold {
        Hold::Nothing => return because,
        Hold::Quiet => return String::new(),
        Hold::NoActive => return "no account is live here".to_string(),
        Hold::Resting { minutes: Some(minutes) } if *minutes > 0.0 => {
            return format!("automatic swaps rest for {:.0} more min", minutes.max(1.0));
        }
        Hold::Resting { .. } => return "automatic swaps are off".to_string(),
        Hold::NoCandidate { .. } => return "no other account has to be used first".to_string(),
        Hold::NotBetter { .. } => return "no other account would lose more by waiting".to_string(),
        Hold::NoTarget => "no other account can take over".to_string(),
        Hold::Emergence { count, looks, .. } => {
            format!("that counts only when it lasts (seen at {count} of {looks} looks)")
        }
        Hold::Residency { seconds } => {
            format!("the last swap is too recent ({} to wait)", span(*seconds))
        }
        Hold::Cooldown { seconds } => {
            format!("the last attempt is too recent ({} to wait)", span(*seconds))
        }
        Hold::Backoff { seconds, failures } => {
            let times = if *failures == 1 { "attempt" } else { "attempts" };
            format!("{failures} {times} failed (the next one in {})", span(*seconds))
        }
    };
    if because.is_empty() { but } else { format!("{because}, but {but}") }
}

fn ends(tier: u8) -> &'static str {
    match tier {
        0 => "ends within a day",
        1 => "ends within two days",
        2 => "ends within four days",
        3 => "lasts more than four days",
        _ => "has no known end",
    }
}

fn hours(hours: f64) -> String {
    if hours < 48.0 { format!("{hours:.0} h") } else { format!("{:.0} days", hours / 24.0) }
}

fn span(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
}

/// Why an account was not chosen, as the end of "… was not chosen: it …".
#[must_use]
pub const fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Active => "is live now",
        Refusal::Disabled => "is switched off",
        Refusal::Failing => "could not be read several times in a row",
        Refusal::NeedsSignIn => "needs a new sign-in",
        Refusal::NoCredential => "has no login that Sluice keeps",
        Refusal::NotAutomatic => "is excluded from automatic swaps",
        Refusal::NoReset => "has no known weekly reset",
        Refusal::UsageUnknown => "has not been read yet",
        Refusal::NotBehind => "has used its share by now",
        Refusal::NoWeeklyHeadroom => "has too little of its week left",
        Refusal::NoShortHeadroom => "has too little of its 5-hour window left",
        Refusal::Skipped => "could not be swapped to a moment ago",
        Refusal::ModelExhausted => "has used up the model that is needed",
        Refusal::WouldBill => "would cost extra money",
        Refusal::Blocked => "is refused by its provider",
        Refusal::Stale => "has not been read since this computer woke up",
        Refusal::Outranked => "could be used, and another is better",
        Refusal::Eligible => "is the best",
    }
}
