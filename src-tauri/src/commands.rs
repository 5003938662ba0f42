//! What the page may ask: the current view, and a subset of the driver's requests. The page is the one part
//! with foreign text in a browser engine.
//!
//! Verbs on opaque ids only. Nothing secret comes back, nothing takes a path or an address.

use crate::shell::{Shell, Shown};
use sluice_protocol::{Answer, Refused, Request};
use std::sync::Arc;
use tauri::State;

/// The longest label, in characters.
const LABEL_MAX: usize = 50;
/// The longest id of a run, in bytes.
const ID_MAX: usize = 200;
/// The longest value of a setting as JSON, in bytes.
const SETTING_MAX: usize = 4 * 1024;
/// No pause and no snooze reaches further than this, in milliseconds.
const AHEAD_MAX_MS: i64 = 8 * 24 * 3_600_000;

/// The current view.
#[tauri::command]
pub async fn view(shell: State<'_, Arc<Shell>>) -> Result<Shown, ()> {
    Ok(shell.shown())
}

/// One request to the driver and its answer. A request the page may not make is refused here.
#[tauri::command]
pub async fn call(shell: State<'_, Arc<Shell>>, request: Request) -> Result<Answer, ()> {
    let now_ms = shell.moment().at_ms;
    Ok(match permitted(&request, now_ms) {
        Ok(()) => shell.ask(request).await,
        Err(text) => Answer::Refused(Refused {
            code: "invalid".to_owned(),
            text: format!("{text} Nothing was changed."),
            retry_after_s: None,
        }),
    })
}

/// Whether the page may ask this.
fn permitted(request: &Request, now_ms: i64) -> Result<(), String> {
    let ahead = |until_ms: i64| {
        if (now_ms..=now_ms + AHEAD_MAX_MS).contains(&until_ms) {
            Ok(())
        } else {
            Err("The end lies in the past or more than eight days ahead.".to_owned())
        }
    };
    match request {
        Request::Add { label: Some(label), .. } | Request::Rename { label, .. } => named(label),
        Request::Reorder { accounts } if accounts.len() > 64 => {
            Err("There are at most 64 accounts.".to_owned())
        }
        Request::Pause { until_ms, .. } | Request::Snooze { until_ms, .. } => ahead(*until_ms),
        Request::Decisions { limit, .. } | Request::Swaps { limit }
            if !(1..=1000).contains(limit) =>
        {
            Err("One to 1000 rows can be read at once.".to_owned())
        }
        // Which folder a lane serves is said on the command line: no path comes from the page.
        Request::Release { execution } if execution.len() > ID_MAX => {
            Err("That is no run.".to_owned())
        }
        Request::Release { .. } => Ok(()),
        Request::Set { key, value } => {
            let plain = key.len() <= 64
                && key.bytes().all(|b| b.is_ascii_lowercase() || b"._0123456789".contains(&b));
            if plain && value.to_string().len() <= SETTING_MAX {
                Ok(())
            } else {
                Err("The setting's name or value is malformed.".to_owned())
            }
        }
        Request::Status
        | Request::Add { label: None, .. }
        | Request::Remove { .. }
        | Request::Reorder { .. }
        | Request::SetEnabled { .. }
        | Request::SetAutomatic { .. }
        | Request::Swap { .. }
        | Request::Resume { .. }
        | Request::SetMode { .. }
        | Request::Stop
        | Request::Start
        | Request::Refresh { .. }
        | Request::ReadUsage { .. }
        | Request::Validate { .. }
        | Request::ReadAll
        | Request::RestartTool { .. }
        | Request::Decisions { .. }
        | Request::Swaps { .. }
        | Request::History { .. }
        | Request::PointLane { .. }
        | Request::SetLaneAutomatic { .. }
        | Request::SetCap { .. }
        | Request::Reconcile { .. }
        | Request::LookAtRuns
        | Request::Settings => Ok(()),
        // What is not listed here is for others: streams, hooks, the end of the driver.
        _ => Err("This window may not ask that.".to_owned()),
    }
}

fn named(label: &str) -> Result<(), String> {
    let length = label.trim().chars().count();
    if (1..=LABEL_MAX).contains(&length) && !label.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(format!("A name has 1 to {LABEL_MAX} characters."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_protocol::AccountId;

    const NOW_MS: i64 = 1_000_000;

    #[test]
    fn the_page_cannot_end_the_driver_or_hold_a_stream() {
        for request in [Request::Quit, Request::Watch] {
            assert!(permitted(&request, NOW_MS).is_err(), "{request:?}");
        }
    }

    #[test]
    fn names_are_bounded_and_printable() {
        let rename = |label: &str| {
            permitted(&Request::Rename { account: AccountId(1), label: label.to_owned() }, NOW_MS)
        };
        assert!(rename("Work").is_ok());
        assert!(rename(&"ä".repeat(50)).is_ok());
        for bad in [String::new(), "   ".to_owned(), "ä".repeat(51), "a\nb".to_owned()] {
            assert!(rename(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pauses_end_in_the_near_future() {
        let pause = |until_ms| permitted(&Request::Pause { provider: None, until_ms }, NOW_MS);
        assert!(pause(NOW_MS + 900_000).is_ok());
        assert!(pause(NOW_MS - 1).is_err());
        assert!(pause(i64::MAX).is_err());
    }

    #[test]
    fn settings_have_plain_names_and_short_values() {
        let set = |key: &str, value: serde_json::Value| {
            permitted(&Request::Set { key: key.to_owned(), value }, NOW_MS)
        };
        assert!(set("notify.swap_done", true.into()).is_ok());
        assert!(set("../../etc", true.into()).is_err());
        assert!(set("work_hours", "x".repeat(5000).into()).is_err());
    }

    #[test]
    fn no_more_rows_than_the_limit() {
        assert!(permitted(&Request::Swaps { limit: 0 }, NOW_MS).is_err());
        assert!(permitted(&Request::Swaps { limit: 1000 }, NOW_MS).is_ok());
        assert!(
            permitted(
                &Request::Decisions { limit: 1001, before: None, only: Default::default() },
                NOW_MS
            )
            .is_err()
        );
    }
}
