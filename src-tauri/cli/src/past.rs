//! Commands that look back: they read the database beside a running driver and change nothing.

use crate::args::Format;
use crate::ask::Outcome;
use crate::render::{instant, table};
use crate::{Exit, render};
use serde_json::json;
use sluice_driver::api::{Policy, Refused};
use sluice_driver::{Paths, explain, export, replay};

/// Takes recorded decisions again.
pub fn replay(paths: &Paths, days: u32, policy: Option<Policy>, json: bool) -> Exit {
    let outcome = match replay::replay(paths, since(days), policy) {
        Err(text) => {
            Outcome::Refused(Refused { code: "disk".to_owned(), text, retry_after_s: None })
        }
        Ok(found) => {
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
                    vec![
                        one.decision.to_string(),
                        instant(one.at_ms),
                        one.was.clone(),
                        one.now.clone(),
                    ]
                }));
                lines.push(table(&rows));
            }
            let json = serde_json::to_value(&found).unwrap_or_default();
            Outcome::Shown { json, text: lines.join("\n") }
        }
    };
    crate::ask::finish("replay", outcome, json)
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
            render::say("at_ms,kind,account,host,path,status,budget_left");
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
                ];
                render::say(&cells.join(","));
            }
        }
    }
    Exit::Done
}

/// A cell that a table program takes as text, never as a formula.
fn cell(text: &str) -> String {
    let quoted = text.replace('"', "\"\"");
    if quoted.starts_with(['=', '+', '-', '@']) {
        format!("\"'{quoted}\"")
    } else {
        format!("\"{quoted}\"")
    }
}

fn since(days: u32) -> sluice_driver::api::Instant {
    let now = sluice_driver::clock::Clock::from_env()
        .unwrap_or(sluice_driver::clock::Clock::real())
        .now();
    explain::at_ms(now.wall.millis() - i64::from(days) * 86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(cell("usage"), "\"usage\"");
        assert_eq!(cell("a\"b"), "\"a\"\"b\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}
