//! `sluice forecast`: what will be left of each window, and what was.

use crate::names::listed;
use crate::outcome::{Outcome, unexpected};
use crate::render::{instant, table, until};
use chrono::{DateTime, Local, Offset as _, TimeZone as _, Utc};
use serde_json::json;
use sluice_driver::Link;
use sluice_protocol::outlook;
use sluice_protocol::words::percent;
use sluice_protocol::{
    AccountView, Answer, ForecastView, ProviderView, Request, StrandedView, View, WindowKind,
};

/// Weeks that ended within so many days are listed.
const PAST_DAYS: i64 = 35;

/// The forecasts and the weeks that have ended.
pub async fn forecast(link: &Link, view: &View) -> Outcome {
    let since_ms = view.at_ms - PAST_DAYS * 86_400_000;
    let past = match link.call(Request::Stranded { since_ms }).await {
        Answer::Stranded { rows } => rows,
        Answer::Refused(refused) => return Outcome::Refused(refused),
        other => return Outcome::Refused(unexpected(&other)),
    };
    let ahead: Vec<_> = view
        .accounts
        .iter()
        .map(|account| json!({ "account": account.id, "forecasts": account.forecasts }))
        .collect();
    let run_out: Vec<_> = view.providers.iter().filter_map(|one| one.run_out.clone()).collect();
    Outcome::Shown {
        json: json!({ "accounts": ahead, "run_out": run_out, "past": past }),
        text: words(view, &past),
    }
}

fn words(view: &View, past: &[StrandedView]) -> String {
    let mut told: Vec<String> = Vec::new();
    for provider in &view.providers {
        let live = provider.live.map_or_else(String::new, |id| listed(view, id));
        told.extend(lines(view, provider).into_iter().map(|text| format!("{live}: {text}")));
    }
    let lacks = |account: &AccountView| account.window(&WindowKind::FiveHour).is_none();
    // Where no account has a 5-hour window, the week takes its place.
    let shorts = !view.accounts.iter().all(lacks);
    let heading = ["name", "5 h left unused", "resets", "week left unused", "resets"];
    let shown = |cells: [String; 5]| {
        let kept = cells.into_iter().enumerate().filter(|(at, _)| shorts || ![1, 2].contains(at));
        kept.map(|(_, cell)| cell).collect::<Vec<_>>()
    };
    let mut rows = vec![shown(heading.map(str::to_owned))];
    rows.extend(view.accounts.iter().map(|account| {
        let (short, week) = (account.forecasts.five_hour, account.forecasts.seven_day);
        let said = |one: Option<ForecastView>| one.map_or("–".to_owned(), |one| one.words());
        let ends = |one: Option<ForecastView>| until(view.at_ms, one.map(|one| one.resets_at_ms));
        let (left, resets) = if lacks(account) {
            ("none".to_owned(), String::new())
        } else {
            (said(short), ends(short))
        };
        shown([listed(view, account.id), left, resets, said(week), ends(week)])
    }));
    told.push(table(&rows));
    if !past.is_empty() {
        let mut rows = vec![
            ["week ended", "name", "was left", "foreseen a day before"].map(str::to_owned).to_vec(),
        ];
        rows.extend(past.iter().map(|week| {
            vec![
                instant(week.resets_at_ms),
                listed(view, week.account),
                percent(week.unused),
                percent(week.p50),
            ]
        }));
        told.push(format!("\n{}", table(&rows)));
    }
    told.join("\n")
}

/// What lies ahead of a provider's live account, the sentences of the tray.
pub fn lines(view: &View, provider: &ProviderView) -> Vec<String> {
    let live = view.accounts.iter().find(|account| Some(account.id) == provider.live);
    let offset = |at: DateTime<Local>| *at.offset();
    let here = Local.timestamp_millis_opt(view.at_ms).single().map_or(Utc.fix(), offset);
    live.map_or_else(Vec::new, |live| outlook::ahead(provider, live, view.at_ms, here))
}

/// `34 %`, or a dash: the week's forecast in the table of accounts.
pub fn short(said: Option<ForecastView>) -> String {
    percent(said.map(|said| said.p50))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_protocol::AccountId;

    #[test]
    fn a_week_that_ended_stands_beside_what_was_foreseen() {
        let view = View::default();
        let past = [StrandedView {
            account: AccountId(3),
            resets_at_ms: 0,
            unused: 12.4,
            p50: Some(15.0),
            p90: Some(30.0),
        }];
        let text = words(&view, &past);
        assert!(text.contains("account 3") && text.contains("12 %") && text.contains("15 %"));
    }
}
