//! `sluice explain`: one decision, for somebody who has never seen the code.

use crate::names::{label, listed};
use crate::outcome::{Outcome, shown, unexpected};
use crate::{render, resets};
use serde_json::json;
use sluice_driver::Link;
use sluice_engine::Candidate;
use sluice_engine::limits::USED_UP_PERCENT;
use sluice_protocol::words;
use sluice_protocol::{
    AccountView, Answer, Code, DecisionAction, DecisionFilter, DecisionView, Refusal, Refused,
    Request, Trigger, View,
};

/// Wide enough for a terminal of the usual width.
const LINE: usize = 96;

/// One decision in a paragraph and a table.
pub async fn explain(link: &Link, view: &View, decision: Option<&str>) -> Outcome {
    let refused = |code: Code, text: &str| Outcome::Refused(Refused::new(code, text));
    let number = match decision {
        None | Some("latest") => None,
        Some(text) => match text.parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => {
                return refused(Code::Invalid, "A decision is named by its number, or `latest`.");
            }
        },
    };
    let before = number.map(|number| number.saturating_add(1));
    let only = DecisionFilter::default();
    let row = match link.call(Request::Decisions { limit: 1, before, only }).await {
        Answer::Decisions { rows } => rows.into_iter().next(),
        Answer::Refused(refused) => return Outcome::Refused(refused),
        other => return Outcome::Refused(unexpected(&other)),
    };
    let Some(row) = row.filter(|row| number.is_none_or(|number| number == row.id)) else {
        return refused(Code::Unknown, "There is no such decision; `sluice log` lists them.");
    };
    let text = explained(view, &row, &render::day(row.at_ms));
    shown(json!({ "decision": row, "text": text }), text)
}

/// The decision of `when`, in words.
fn explained(view: &View, row: &DecisionView, when: &str) -> String {
    let tool = row.provider.spec().tool;
    let swap = row.swap.map(|number| format!(" In `sluice log --swaps` it is swap {number}."));
    let swap = swap.unwrap_or_default();
    let paragraph = folded(&format!("{} {}{swap}", row.sentence, next(view, row)));
    let head = format!("Decision {} for {tool}, {when}\n\n{paragraph}\n\n", row.id);
    if row.candidates.is_empty() {
        return head + "What each account looked like then is not kept any more.";
    }
    let (table, keys) = compared(view, row);
    let compared =
        |account: &&AccountView| row.candidates.iter().any(|one| one.account == account.id);
    let resets = view.accounts.iter().filter(compared).filter_map(resets::line);
    let resets: String = resets.map(|line| format!("\n\n{}", folded(&line))).collect();
    format!("{head}{table}\n\n{}{resets}", folded(&keys))
}

/// What follows from it.
fn next(view: &View, row: &DecisionView) -> String {
    let to = row.target.map_or_else(|| "the other account".to_owned(), |to| label(view, to));
    match (row.trigger, row.action) {
        (_, DecisionAction::Advise) => format!(
            "Nothing was changed, because Sluice only advises here; `sluice swap {to}` does it."
        ),
        (_, DecisionAction::Swap) if !row.provider.spec().running_sessions_follow => format!(
            "New {} sessions use {to}; those that are open keep the former account until they are \
             started again.",
            row.provider.spec().tool
        ),
        (_, DecisionAction::Swap) => format!(
            "Once that is done, terminals and editors use {to} from their next request on; `sluice log \
             --swaps` shows whether it was. It stays for at least 15 minutes, unless it refuses work \
             or runs full before."
        ),
        (Trigger::EmergencePending, _) => {
            "If the next look, a few minutes later, says the same, it counts.".to_owned()
        }
        (Trigger::ResidencyBlocked | Trigger::CooldownBlocked, _) => {
            "When that time is over it is decided anew.".to_owned()
        }
        (Trigger::NoTarget, _) => {
            "As soon as another account has room again, it takes over.".to_owned()
        }
        (Trigger::SwapAborted, _) => {
            "It is tried again by itself; after a failure there is a pause of one to ten minutes."
                .to_owned()
        }
        _ => "It is looked at again when there are new numbers, a few minutes later.".to_owned(),
    }
}

/// Every account as it stood, and what the columns mean.
fn compared(view: &View, row: &DecisionView) -> (String, String) {
    let gains = row.candidates.iter().any(|one| one.value.is_some());
    let plan = |id| view.accounts.iter().find(|one| one.id == id)?.plan.clone();
    let plans = row.candidates.iter().any(|one| plan(one.account).is_some());
    let mut heading = vec!["account"];
    if plans {
        heading.push("plan");
    }
    heading.extend(["week used", "share by now", "week ends"]);
    if gains {
        heading.push("gain");
    }
    heading.push("verdict");
    let mut rows = vec![heading.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(row.candidates.iter().map(|one| {
        let used = one.target.zip(one.deficit).map(|(target, behind)| target - behind);
        let mut cells = vec![listed(view, one.account)];
        if plans {
            cells.push(plan(one.account).unwrap_or_default());
        }
        cells.extend([words::percent(used), words::percent(one.target), ends(one.tier).to_owned()]);
        if gains {
            cells.push(one.value.map_or_else(|| "–".to_owned(), gain));
        }
        cells.push(verdict(row, one, used).to_owned());
        cells
    }));
    // What will be left unused is the forecast's to say, and stands in `sluice forecast` alone.
    let mut keys =
        "Share by now: what of the week would be used by now if it were used evenly.".to_owned();
    if gains {
        keys.push_str(
            " Gain: how much more work gets done over the days ahead by moving there now, in percent \
             of a Pro plan's 5-hour window.",
        );
    }
    for told in &row.candidates {
        let found = view.accounts.iter().find(|one| one.id == told.account);
        for fall in found.map_or(&[][..], |found| &found.fell) {
            keys.push_str(&format!(
                " The {} of {} emptied early. {} {}",
                sluice_protocol::kind_name(&fall.kind),
                label(view, told.account),
                fall.words(),
                sluice_protocol::FallView::because(fall.cause)
            ));
        }
    }
    (render::table(&rows), keys)
}

const fn ends(tier: u8) -> &'static str {
    match tier {
        0 => "within a day",
        1 => "within 2 days",
        2 => "within 4 days",
        3 => "later",
        _ => "–",
    }
}

fn gain(value: f64) -> String {
    let whole = value.round();
    if whole == 0.0 { words::percent(0.0) } else { format!("{whole:+.0} %") }
}

fn verdict(row: &DecisionView, one: &Candidate, used: Option<f64>) -> &'static str {
    let best = row.target == Some(one.account);
    match (one.refusal, row.action) {
        (Refusal::Active, DecisionAction::Swap) => "was live",
        (Refusal::Eligible, DecisionAction::Swap) => "takes over",
        (Refusal::Eligible, DecisionAction::Advise) => "should take over",
        (Refusal::Eligible, _) => "is the best of the others",
        (Refusal::Outranked, DecisionAction::Stay) if best => "is the best of the others",
        (Refusal::NotBehind, _) if used.is_some_and(|used| used >= USED_UP_PERCENT) => {
            "has used up its week"
        }
        (refusal, _) => sluice_engine::explain::refusal(refusal),
    }
}

/// Broken into lines between words, never between a number and its percent sign.
fn folded(text: &str) -> String {
    let (mut whole, mut width) = (String::new(), 0);
    for word in text.replace(" %", "\u{a0}%").split(' ') {
        let letters = word.chars().count();
        if width > 0 && width + 1 + letters > LINE {
            whole.push('\n');
            width = 0;
        } else if width > 0 {
            whole.push(' ');
            width += 1;
        }
        whole.push_str(word);
        width += letters;
    }
    whole.replace('\u{a0}', " ")
}

#[cfg(test)]
pub(crate) mod tests;
