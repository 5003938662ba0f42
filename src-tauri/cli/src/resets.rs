//! `sluice resets`: limit resets in hand, and what a person says of them.

use crate::names::find;
use crate::outcome::{Outcome, shown};
use crate::render::{since, table};
use chrono::{DateTime, Local, NaiveDate};
use serde_json::json;
use sluice_protocol::{AccountId, AccountView, Code, Refused, Request, ResetsView, View};

const DAY_MS: i64 = 86_400_000;

/// What is known of one account's resets, or of all.
pub fn show(view: &View, account: Option<&str>) -> Outcome {
    let one = match account.map(|text| find(view, text)).transpose() {
        Ok(one) => one,
        Err(refused) => return Outcome::Refused(refused),
    };
    let meant = |account: &&AccountView| one.is_none_or(|id| id == account.id);
    let accounts: Vec<&AccountView> = view.accounts.iter().filter(meant).collect();
    let rows: Vec<Vec<String>> = accounts
        .iter()
        .map(|account| {
            let known = account.resets.as_ref();
            vec![
                account.id.0.to_string(),
                account.label.clone(),
                text(account),
                known.map_or_else(String::new, |known| {
                    format!("{}, {}", said_by(known), since(view.at_ms, Some(known.read_at_ms)))
                }),
            ]
        })
        .collect();
    let documents: Vec<_> = accounts
        .iter()
        .map(|account| {
            json!({ "id": account.id, "label": account.label, "resets": account.resets,
                "withheld": account.resets_withheld })
        })
        .collect();
    let mut text = table(&rows);
    let told = accounts
        .iter()
        .filter_map(|one| one.resets.as_ref()?.counsel.as_ref().map(|found| (one, found)));
    for (account, found) in told {
        text.push_str(&format!("\n{}:{}", account.label, sentence(&found.words(time))));
    }
    if let Some(account) = accounts.iter().find(|one| one.resets.as_ref().is_some_and(any)) {
        text.push_str(&format!("\n{}", how(account)));
    }
    shown(json!({ "accounts": documents }), text)
}

/// `2 resets, the first ends 22 Oct`, or why that is not known.
pub fn text(account: &AccountView) -> String {
    match &account.resets {
        Some(resets) => resets.words(day),
        None if account.resets_withheld => "not told to Sluice".to_owned(),
        None => "unknown".to_owned(),
    }
}

/// One line under the accounts of `sluice status`; `None` where there is nothing in hand.
pub fn line(account: &AccountView) -> Option<String> {
    let resets = account.resets.as_ref().filter(|known| any(known))?;
    let counsel = resets.counsel.as_ref().map(|found| sentence(&found.words(time)));
    Some(format!("{}: {}.{}", account.label, resets.words(day), counsel.unwrap_or_default()))
}

/// ` Use it before Fri 18:00.`
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!(" {first}{}.", chars.as_str())
}

/// `Fri 22 Oct 18:00`, in the person's zone.
fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(
        || "an unknown time".to_owned(),
        |at| at.with_timezone(&Local).format("%a %-d %b %H:%M").to_string(),
    )
}

/// How a person spends one.
fn how(account: &AccountView) -> String {
    let spec = account.provider.spec();
    format!("To spend one, type {} in {}; Sluice never does.", spec.resets.command, spec.tool)
}

fn any(resets: &ResetsView) -> bool {
    resets.left > 0
}

fn said_by(resets: &ResetsView) -> &'static str {
    use sluice_engine::Source;
    match resets.said_by {
        Source::Endpoint => "the provider",
        Source::Person => "you",
        Source::ToolCache | Source::StatusLine | Source::SessionLog | Source::Hook => "the tool",
    }
}

/// `22 Oct`, in the person's zone.
fn day(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(
        || "at an unknown time".to_owned(),
        |at| at.with_timezone(&Local).format("%-d %b").to_string(),
    )
}

/// What a person says of an account's resets; `count` absent takes back what is known.
pub fn set(
    account: AccountId,
    count: Option<u32>,
    until: Option<&str>,
    now_ms: i64,
) -> Result<Request, Refused> {
    let wrong = |text: &str| {
        let told = format!(
            "{text} is no day (2026-12-22), instant or span (12d, 36h); nothing was changed."
        );
        Refused::new(Code::Invalid, told)
    };
    let until_ms = until.map(|text| end(text, now_ms).ok_or_else(|| wrong(text))).transpose()?;
    Ok(Request::SetResets { account, count, until_ms })
}

/// Milliseconds since the epoch at which `2026-12-22` is over, of an RFC 3339 instant, or in `12d`.
fn end(text: &str, now_ms: i64) -> Option<i64> {
    let ahead = |unit: char, ms: i64| {
        let number = text.strip_suffix(unit)?.parse::<i64>().ok().filter(|number| *number > 0)?;
        now_ms.checked_add(number.checked_mul(ms)?)
    };
    if let Some(ms) = ahead('d', DAY_MS).or_else(|| ahead('h', DAY_MS / 24)) {
        return Some(ms);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.timestamp_millis());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let over = day.and_hms_opt(23, 59, 0)?.and_local_timezone(Local).latest()?;
    Some(over.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_an_instant_or_a_span() {
        let now = 1_000_000;
        assert_eq!(end("12d", now), Some(now + 12 * DAY_MS));
        assert_eq!(end("36h", now), Some(now + 36 * 3_600_000));
        assert_eq!(end("1970-01-02T00:00:00Z", now), Some(DAY_MS));
        let day = end("2026-12-22", now).and_then(DateTime::from_timestamp_millis).unwrap();
        let local = day.with_timezone(&Local);
        assert_eq!(local.format("%Y-%m-%d %H:%M").to_string(), "2026-12-22 23:59");
        for wrong in ["", "-3d", "tomorrow", "2026-13-01", "99999999999999999d"] {
            let refused = set(AccountId(1), Some(1), Some(wrong), now).unwrap_err();
            assert_eq!(refused.code, Code::Invalid, "{wrong}");
        }
    }
}
