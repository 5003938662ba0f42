//! Commands that look back: they read the database beside a running driver and change nothing.

use crate::args::Format;
use crate::outcome::{Outcome, finish};
use crate::render::{instant, table};
use crate::{Exit, render};
use serde_json::json;
use sluice_driver::{Paths, export};
use sluice_lab::{compare, replay};
use sluice_protocol::{Code, Compared, Instant, Refused, RuleSet, text};

/// Takes recorded decisions again, and with a policy compares what it would have come to.
pub fn replay(
    paths: &Paths,
    from: Option<&str>,
    days: u32,
    rule: Option<RuleSet>,
    json: bool,
) -> Exit {
    finish("replay", replayed(paths, from, days, rule), json)
}

fn replayed(paths: &Paths, from: Option<&str>, days: u32, rule: Option<RuleSet>) -> Outcome {
    let now = now();
    let refused = |code: Code, text: String| Outcome::Refused(Refused::new(code, text));
    let since = match from.map(|text| beginning(text, now.millis())) {
        None => Instant::from_millis(now.millis() - i64::from(days) * 86_400_000),
        Some(Some(ms)) => Instant::from_millis(ms),
        Some(None) => {
            let text =
                "A beginning is a day (2026-11-15), an instant or an age (7d, 12h).".to_owned();
            return refused(Code::Invalid, text);
        }
    };
    let mut document = serde_json::Map::new();
    let mut parts = Vec::new();
    if let Some(rule) = rule {
        match compared(paths, since, now, rule) {
            Ok(found) => {
                parts.push(comparison(&found));
                document.insert("compared".to_owned(), json!(found));
            }
            Err(text) => parts.push(text),
        }
    }
    let policy = rule.and_then(RuleSet::policy);
    if rule.is_none() || policy.is_some() {
        let found = match replay::replay(&paths.database(), since, policy) {
            Ok(found) => found,
            Err(text) => return refused(Code::Disk, text),
        };
        parts.push(decisions(&found));
        if let serde_json::Value::Object(fields) = json!(found) {
            document.extend(fields);
        }
    }
    Outcome::Shown { json: document.into(), text: parts.join("\n\n") }
}

fn compared(
    paths: &Paths,
    since: Instant,
    until: Instant,
    rule: RuleSet,
) -> Result<Compared, String> {
    use sluice_ledger::Ledger;
    let ledger = Ledger::attach(&paths.database()).map_err(|error| error.to_string())?;
    let past = compare::Past::read(&ledger, since, until).map_err(|error| error.to_string())?;
    drop(ledger);
    compare::compare(&past, rule.name())
}

/// The two runs side by side, in units (percent of the week of the smallest plan).
fn comparison(found: &Compared) -> String {
    let mut rows = vec![["", "as it was", &found.policy, "difference"].map(str::to_owned).to_vec()];
    let mut row = |name: &str, was: f64, instead: f64| {
        let cell = |value: f64| format!("{value:.1}");
        let cells = [name.to_owned(), cell(was), cell(instead), format!("{:+.1}", instead - was)];
        rows.push(cells.to_vec());
    };
    let (was, instead) = (&found.recorded, &found.instead);
    row("served", was.served, instead.served);
    row("stranded", was.stranded, instead.stranded);
    row("interrupted", was.interrupted, instead.interrupted);
    row("interrupted, minutes", was.interrupted_min, instead.interrupted_min);
    row("swaps", was.swaps, instead.swaps);
    format!(
        "The work recorded from {} to {}, once with the swaps that were made and once under {}; units are \
         percent of the week of the smallest plan.\n{}",
        instant(found.since_ms),
        instant(found.until_ms),
        found.policy,
        table(&rows)
    )
}

fn decisions(found: &replay::Replayed) -> String {
    let mut lines = vec![format!(
        "{} decisions taken again, {} came out the same, {} otherwise; {} were damaged, {} have no \
         world any more.",
        found.decisions,
        found.same,
        found.decisions - found.same,
        found.damaged,
        found.without_world
    )];
    if !found.different.is_empty() {
        let mut rows = vec![["no", "when", "was", "now"].map(str::to_owned).to_vec()];
        rows.extend(found.different.iter().map(|one| {
            vec![one.decision.to_string(), instant(one.at_ms), one.was.clone(), one.now.clone()]
        }));
        lines.push(table(&rows));
    }
    lines.join("\n")
}

/// Milliseconds since the epoch of `2026-11-15`, an RFC 3339 instant, or `7d` and `12h` ago.
fn beginning(text: &str, now_ms: i64) -> Option<i64> {
    let age = |unit: char, ms: i64| {
        let number = text.strip_suffix(unit)?.parse::<i64>().ok().filter(|number| *number > 0)?;
        now_ms.checked_sub(number.checked_mul(ms)?)
    };
    if let Some(ms) = age('d', 86_400_000).or_else(|| age('h', 3_600_000)) {
        return Some(ms);
    }
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_millis());
    }
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let midnight = day.and_hms_opt(0, 0, 0)?.and_local_timezone(chrono::Local).earliest()?;
    Some(midnight.timestamp_millis())
}

/// Prints the activity.
pub fn export(paths: &Paths, days: u32, format: Format) -> Exit {
    let activity = match export::activity(paths, since(days)) {
        Ok(activity) => activity,
        Err(text) => {
            render::complain(&text);
            return Exit::Failed;
        }
    };
    match format {
        Format::Json => render::document("export", json!(activity)),
        Format::Csv => {
            render::say("at_ms,kind,account,host,path,status,budget_left,note");
            for row in &activity.requests {
                let number =
                    |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
                let cells = [
                    row.at_ms.to_string(),
                    cell(&row.kind),
                    number(row.account),
                    cell(&row.host),
                    cell(&row.path),
                    number(row.status.map(i64::from)),
                    number(row.budget_left.map(i64::from)),
                    cell(row.note.as_deref().unwrap_or_default()),
                ];
                render::say(&cells.join(","));
            }
        }
    }
    Exit::Done
}

/// Prints the form of the providers' last answers: paths and kinds of value.
pub fn shape(paths: &Paths) -> Exit {
    let answers = match sluice_driver::checkup::answers(paths) {
        Ok(answers) => answers,
        Err(text) => {
            render::complain(&text);
            return Exit::Failed;
        }
    };
    let providers = answers.iter().map(|(provider, answers)| {
        let fields = answers.shape().iter().map(|(path, kinds)| (path.clone(), json!(kinds)));
        (provider.name().to_owned(), serde_json::Value::Object(fields.collect()))
    });
    let providers: serde_json::Map<String, serde_json::Value> = providers.collect();
    render::document("shape", json!({ "providers": providers }));
    Exit::Done
}

/// A cell that a table program takes as text, never as a formula.
fn cell(text: &str) -> String {
    // First: what is taken out on the way to the terminal must not uncover a formula.
    let quoted = text::one_line(text).replace('"', "\"\"");
    if quoted.trim_start().starts_with(['=', '+', '-', '@']) {
        format!("\"'{quoted}\"")
    } else {
        format!("\"{quoted}\"")
    }
}

fn now() -> Instant {
    let clock = sluice_driver::clock::Clock::from_env();
    clock.unwrap_or(sluice_driver::clock::Clock::real()).now().wall
}

fn since(days: u32) -> Instant {
    Instant::from_millis(now().millis() - i64::from(days) * 86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(cell("usage"), "\"usage\"");
        assert_eq!(cell("a\"b"), "\"a\"\"b\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        for hidden in ["\u{1b}=1+1", "\u{200b}=1+1", "\u{202e}\u{7}=1+1"] {
            assert_eq!(cell(hidden), "\"'=1+1\"", "{hidden:?}");
        }
        assert_eq!(cell("\t=1+1"), "\"' =1+1\"");
    }

    #[test]
    fn a_beginning_is_a_day_an_instant_or_an_age() {
        let now = 1_795_262_400_000;
        assert_eq!(beginning("7d", now), Some(now - 7 * 86_400_000));
        assert_eq!(beginning("12h", now), Some(now - 12 * 3_600_000));
        assert_eq!(beginning("1970-01-02T00:00:00Z", now), Some(86_400_000));
        assert!(beginning("2026-11-15", now).is_some());
        for wrong in ["", "-3d", "yesterday", "2026-13-01", "99999999999999999d"] {
            assert_eq!(beginning(wrong, now), None, "{wrong}");
        }
    }
}
