//! Decisions as sentences for people.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use sluice_engine::skip::Softer;
use sluice_engine::{AccountId, Action, Decision, Utc};
use sluice_protocol::branch::because;
use sluice_protocol::{DecisionAction, words};

/// A decision in one sentence. `label` names an account; `action` is what is made of it.
#[must_use]
pub fn sentence(
    decision: &Decision,
    action: DecisionAction,
    label: impl Fn(AccountId) -> String,
) -> String {
    let active = decision.active.map_or_else(|| "nobody".to_owned(), &label);
    let lead = match (decision.action, action) {
        // Who is left comes first: "its" in the cause is the account that was live.
        (Action::Swap { to }, DecisionAction::Advise) => {
            format!("{active} should hand over to {}", label(to))
        }
        (Action::Swap { to }, _) => format!("{active} hands over to {}", label(to)),
        (Action::Stay, _) => format!("{active} stays"),
    };
    let cause = clause(&decision.reason);
    let cause = if cause.is_empty() { because(decision.trigger).to_owned() } else { cause };
    format!("{lead}: {cause}.")
}

/// What a swap would end: work that goes on although the window is used up. A sentence to follow another.
pub(crate) fn going_on(label: &str, (how, until): (Softer, Utc), now: Utc) -> String {
    let span = words::span(now, until);
    match how {
        Softer::LowPriority => {
            format!(" {label} goes on at low priority for {span} more; swapping now ends that.")
        }
        Softer::Grace => format!(" {label} may finish its turn; swapping now ends that."),
    }
}

/// A reason as the tail of a sentence.
fn clause(reason: &str) -> String {
    let mut chars = reason.trim().trim_end_matches('.').chars();
    let first: String = chars.next().map(|char| char.to_lowercase().collect()).unwrap_or_default();
    format!("{first}{}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::fmt::Write as _;
    use sluice_engine::{Generation, LaneId, Trigger};

    fn told(trigger: Trigger, action: DecisionAction) -> String {
        let swaps = action != DecisionAction::Stay;
        let decision = Decision {
            at: Utc(0),
            lane: LaneId(1),
            generation: Generation(1),
            active: Some(AccountId(1)),
            action: if swaps { Action::Swap { to: AccountId(2) } } else { Action::Stay },
            trigger,
            reason: String::new(),
            best: Some(AccountId(2)),
            candidates: Vec::new(),
        };
        let name = |id: AccountId| if id.0 == 1 { "Work" } else { "Home" }.to_owned();
        sentence(&decision, action, name)
    }

    #[test]
    fn every_branch_is_told_in_a_sentence_a_stranger_understands() {
        let mut all = String::new();
        for trigger in Trigger::ALL {
            let stays = |action: &DecisionAction| *action == DecisionAction::Stay;
            for action in
                DecisionAction::TAKEN.into_iter().filter(|it| stays(it) == trigger.stays())
            {
                writeln!(all, "{} {action}: {}", trigger.name(), told(trigger, action)).unwrap();
            }
        }
        insta::assert_snapshot!("sentences", all);
    }
}
