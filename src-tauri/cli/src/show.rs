//! The text of each answer.

use crate::args::Command;
use crate::names::{find, label, listed};
use crate::outcome::{Outcome, shown, unexpected};
use crate::render::{instant, reset, since, table, until};
use crate::{Exit, ahead, render, resets};
use serde_json::json;
use sluice_driver::{Link, whereabouts};
use sluice_protocol::text;
use sluice_protocol::words::{percent, share};
use sluice_protocol::{
    AccountId, AccountView, Answer, Code, DecisionFilter, DecisionView, Login, Mode, NamedWindow,
    NeedsYou, Outcome as Report, Provider, Refused, ReportOutcome, Request, SwapView, Trigger,
    View, WindowKind, WindowView,
};

fn as_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The whole view.
pub fn status(view: &View) -> Outcome {
    let mut lines = Vec::new();
    if view.stopped {
        lines.push(
            "Stopped: nothing is read and nothing swapped. `sluice start` begins again.".to_owned(),
        );
    }
    if view.first_start {
        lines.push("You have not chosen yet what Sluice may do; it advises. `sluice mode auto` lets it swap.".to_owned());
    }
    for provider in &view.providers {
        let live = provider.live.map_or("nobody".to_owned(), |id| listed(view, id));
        let mut line =
            format!("{}: {} — live: {live}", provider.provider.name(), provider.mode.name());
        if let Some(paused) = provider.paused_until_ms {
            line.push_str(&format!(", automatic swaps rest ({})", until(view.at_ms, Some(paused))));
        }
        lines.push(line);
        if provider.unmanaged_login {
            lines.push(
                "  A login is in use that Sluice does not keep; `sluice add` keeps it.".to_owned(),
            );
        }
        lines.extend(provider.observe_only.iter().map(|text| format!("  {text}")));
        lines.extend(ahead::lines(view, provider).iter().map(|text| format!("  {text}")));
        if let Some(advice) = &provider.advice {
            lines.push(format!(
                "  Advice: {} (`sluice swap {}`)",
                advice.reason,
                label(view, advice.to)
            ));
        }
    }
    lines.extend(view.needs_you.iter().map(|need| format!("! {}", need.text)));
    if !view.accounts.is_empty() {
        lines.push(String::new());
        lines.push(account_table(view, &view.needs_you));
        lines.extend(view.accounts.iter().filter_map(resets::line));
    }
    if let Some(last) = &view.last_decision {
        lines.push(format!("\n{}  {}", instant(last.at_ms), last.sentence));
    }
    shown(as_json(view), lines.join("\n"))
}

/// The accounts.
pub fn accounts(view: &View) -> Outcome {
    let text = if view.accounts.is_empty() {
        "No account is kept yet. Sign in with the tool, then `sluice add`.".to_owned()
    } else {
        let mut lines = vec![account_table(view, &[])];
        lines.extend(view.accounts.iter().filter_map(resets::line));
        lines.join("\n")
    };
    shown(json!({ "accounts": view.accounts }), text)
}

/// `told` is what the person reads above it: that is not said again.
fn account_table(view: &View, told: &[NeedsYou]) -> String {
    let heading = [
        "",
        "no",
        "name",
        "mail",
        "plan",
        "5 h",
        "resets",
        "week",
        "resets",
        "left then",
        "seen",
        "login ends",
        "state",
    ];
    let mut rows = vec![heading.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(view.accounts.iter().map(|account| {
        let [short, week] = WindowKind::ACCOUNT_WIDE.map(|kind| account.window(&kind));
        // A plan without such a window has no number for it.
        let said = |window: Option<WindowView>| {
            window.map_or_else(|| "none".to_owned(), |window| share(window, view.at_ms))
        };
        vec![
            if account.live { "●" } else { " " }.to_owned(),
            account.id.0.to_string(),
            account.label.clone(),
            who(view, account),
            account.plan.clone().unwrap_or_default(),
            said(short),
            reset(short, view.at_ms),
            said(week),
            reset(week, view.at_ms),
            ahead::short(account.forecasts.seven_day),
            since(view.at_ms, account.observed_at_ms),
            until(view.at_ms, account.login_ends_at_ms),
            state(view.at_ms, account, told.iter().any(|need| need.account == Some(account.id))),
        ]
    }));
    table(&rows)
}

/// The mail address, with the organisation where two accounts share one: what tells accounts apart
/// that nobody has named.
fn who(view: &View, account: &AccountView) -> String {
    let Some(mail) = &account.email else { return String::new() };
    let shared = view.accounts.iter().filter(|one| one.email.as_ref() == Some(mail)).count() > 1;
    match account.organization.as_ref().filter(|_| shared) {
        Some(organization) => format!("{mail}, {organization}"),
        None => mail.clone(),
    }
}

fn state(at_ms: i64, account: &AccountView, told: bool) -> String {
    if !account.enabled {
        return "off".to_owned();
    }
    let login = match account.login {
        Login::Valid => "",
        Login::Unverified => "not read yet",
        Login::NeedsSignIn => "signed out",
        Login::Missing => "no login kept",
    };
    let mut parts: Vec<&str> = vec![login];
    if !account.automatic {
        parts.push("by hand only");
    }
    let resting = account.rests_until_ms.filter(|ends| *ends > at_ms);
    let refused =
        resting.map(|ends| format!("refused work, left alone ({})", until(at_ms, Some(ends))));
    parts.extend(refused.as_deref());
    let further: Vec<String> = account.windows.iter().filter_map(further).collect();
    parts.extend(further.iter().map(String::as_str));
    let twin = account.login_health.also_in.as_ref().map(|place| format!("also in {place}"));
    parts.extend(twin.as_deref());
    parts.extend(account.problem.as_deref().filter(|_| !told));
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// A window that has no column: `fortnightly 40 %`, or money as `spend limit 42 % (10.50 of 25.00 EUR)`.
fn further(named: &NamedWindow) -> Option<String> {
    if named.kind.is_own() || named.kind.model().is_some() {
        return None;
    }
    let share = named.window.used.map(|used| format!(" {}", percent(used)));
    let sum = |amount: Option<f64>| amount.map(|amount| format!("{amount:.2}"));
    let money = named.amounts.as_ref().and_then(|amounts| {
        let limit = sum(amounts.limit).map(|limit| format!(" of {limit}")).unwrap_or_default();
        let currency = amounts.currency.as_deref().map(|code| format!(" {code}"));
        Some(format!(" ({}{limit}{})", sum(amounts.used)?, currency.unwrap_or_default()))
    });
    let name = named.kind.label().replace('_', " ");
    let name = text::one_line(&name);
    Some(format!("{name}{}{}", share.unwrap_or_default(), money.unwrap_or_default()))
}

/// One provider's mode.
pub fn mode(view: &View, provider: Provider) -> Outcome {
    let found = view.providers.iter().find(|found| found.provider == provider);
    let mode = found.map_or(Mode::Off, |found| found.mode);
    shown(json!({ "provider": provider, "mode": mode }), mode.name())
}

/// What came of a request that changes something.
pub fn answer(view: &View, answer: Answer) -> Outcome {
    match answer {
        Answer::Done => shown(json!({ "done": true }), ""),
        Answer::Refused(refused) => Outcome::Refused(refused),
        Answer::Account { account } => {
            let text = if view.accounts.iter().any(|known| known.id == account) {
                format!("{} was kept already; its login is up to date.", label(view, account))
            } else {
                format!("Kept as account {}.", account.0)
            };
            shown(json!({ "account": account }), text)
        }
        Answer::Swapped(swap) => {
            // Tools are started from here more often than from where the driver runs.
            let here = std::env::current_dir().ok();
            let caveats = whereabouts::caveats(swap.provider, here.as_deref(), None);
            let told = caveats.iter().map(|caveat| format!("\nBut: {caveat} {}", caveat.helps()));
            let text = format!("{} is live now.{}", label(view, swap.to), told.collect::<String>());
            shown(json!({ "swap": swap, "caveats": caveats }), text)
        }
        Answer::Login(login) => {
            let name = label(view, login.account);
            let text = match login.login {
                Login::Valid => format!("The provider takes the login of {name}."),
                Login::Unverified => format!("The login of {name} is kept; it was not checked."),
                Login::NeedsSignIn => format!("{name} needs you to sign in again."),
                Login::Missing => format!("No login of {name} is kept."),
            };
            shown(json!({ "login": login }), text)
        }
        Answer::Bulk(bulk) => {
            let text = format!(
                "Read {} of {} accounts; {} asked about too lately, {} not read.",
                bulk.read, bulk.total, bulk.throttled, bulk.failed
            );
            shown(json!({ "bulk": bulk }), text)
        }
        Answer::Metrics { text } => {
            let shown_text = text.trim_end().to_owned();
            shown(json!({ "text": text }), shown_text)
        }
        Answer::Reported(told) => {
            let text = reported(view, &told);
            shown(json!({ "report": told }), text)
        }
        other @ (Answer::View(_)
        | Answer::Decisions { .. }
        | Answer::Swaps { .. }
        | Answer::Stranded { .. }
        | Answer::Compared(_)
        | Answer::History { .. }
        | Answer::Grant(_)
        | Answer::Ended { .. }
        | Answer::Reconciled { .. }
        | Answer::Settings { .. }) => Outcome::Refused(unexpected(&other)),
    }
}

fn reported(view: &View, told: &Report) -> String {
    let whom = |id: Option<AccountId>| {
        id.map_or_else(|| "nobody".to_owned(), |account| label(view, account))
    };
    match told.outcome {
        ReportOutcome::Switched => format!("Noted; the lane is on {} now.", whom(told.to)),
        ReportOutcome::Ordered | ReportOutcome::UnderWay => {
            format!("Noted; a swap to {} is under way.", whom(told.to))
        }
        ReportOutcome::Stale => format!("Noted; the lane is on {} already.", whom(told.current)),
        ReportOutcome::Advised => "Noted; another account is advised.".to_owned(),
        ReportOutcome::NoAlternative => {
            "Noted; no other account has room. Nothing was changed.".to_owned()
        }
        ReportOutcome::Resting => {
            let when = until(view.at_ms, told.earliest_ms);
            format!("Noted; automatic swaps rest and go on {when}.")
        }
        ReportOutcome::Disabled => "Noted; automatic swaps are off.".to_owned(),
        ReportOutcome::Unattributed => {
            "It cannot be said which account failed; nothing was noted.".to_owned()
        }
        ReportOutcome::CoolingOnly | ReportOutcome::Ignored | ReportOutcome::Other => {
            "Noted.".to_owned()
        }
    }
}

/// Settings, all or one.
pub async fn settings(link: &Link, key: Option<&str>) -> Outcome {
    let (values, idle) = match link.call(Request::Settings).await {
        Answer::Settings { values, idle } => (values, idle),
        Answer::Refused(refused) => return Outcome::Refused(refused),
        other => return Outcome::Refused(unexpected(&other)),
    };
    let chosen: Vec<_> =
        values.iter().filter(|(name, _)| key.is_none_or(|key| key == *name)).collect();
    if let (Some(key), true) = (key, chosen.is_empty()) {
        let text = format!("There is no setting named {key}; `sluice settings` lists them.");
        return Outcome::Refused(Refused::new(Code::Invalid, text));
    }
    let lines = chosen.iter().filter_map(|(name, value)| match (idle.contains(name), key) {
        (false, _) => Some(format!("{name} = {value}")),
        (true, Some(_)) => Some(format!("{name} = {value} (no effect under the chosen policy)")),
        (true, None) => None,
    });
    let lines: Vec<_> = lines.collect();
    let map: serde_json::Map<_, _> =
        chosen.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    shown(json!({ "settings": map, "idle": idle }), lines.join("\n"))
}

/// Decisions or swaps, newest last.
pub async fn log(link: &Link, view: &View, command: &Command) -> Outcome {
    let Command::Log { swaps, limit, trigger, action, account, .. } = command else {
        return shown(json!({}), "");
    };
    if *swaps {
        return swap_log(link, view, *limit).await;
    }
    let account = match account.as_deref().map(|text| find(view, text)).transpose() {
        Ok(account) => account,
        Err(refused) => return Outcome::Refused(refused),
    };
    let only = DecisionFilter {
        trigger: trigger
            .as_deref()
            .and_then(|name| Trigger::ALL.into_iter().find(|trigger| trigger.name() == name)),
        action: action.as_deref().map(|word| {
            let Ok(action) = word.parse();
            action
        }),
        account,
    };
    match link.call(Request::Decisions { limit: *limit, before: None, only }).await {
        Answer::Decisions { rows } => {
            let lines: Vec<_> = rows.iter().rev().map(decision_line).collect();
            shown(json!({ "decisions": rows }), lines.join("\n"))
        }
        Answer::Refused(refused) => Outcome::Refused(refused),
        other => Outcome::Refused(unexpected(&other)),
    }
}

fn decision_line(row: &DecisionView) -> String {
    let swap = row.swap.map(|number| format!(" (swap {number})")).unwrap_or_default();
    format!(
        "{:>6}  {}  {:<6} {:<20} {}{swap}",
        row.id,
        instant(row.at_ms),
        row.action.name(),
        row.trigger.name(),
        row.sentence
    )
}

async fn swap_log(link: &Link, view: &View, limit: u32) -> Outcome {
    let rows = match link.call(Request::Swaps { limit }).await {
        Answer::Swaps { rows } => rows,
        Answer::Refused(refused) => return Outcome::Refused(refused),
        other => return Outcome::Refused(unexpected(&other)),
    };
    let lines: Vec<_> = rows.iter().rev().map(|row| swap_line(view, row)).collect();
    shown(json!({ "swaps": rows }), lines.join("\n"))
}

fn swap_line(view: &View, row: &SwapView) -> String {
    let from = row.from.map_or("nobody".to_owned(), |id| listed(view, id));
    let why = row.error.as_deref().unwrap_or(&row.reason);
    let decision = row.decision.map(|number| format!(", decision {number}")).unwrap_or_default();
    format!(
        "{:>6}  {}  {:<9} {from} → {}  {}{decision}  {why}",
        row.id,
        instant(row.at_ms),
        row.status.name(),
        listed(view, row.to),
        row.asked_by.name()
    )
}

/// The current view, asked for: the published one may be older.
pub async fn current(link: &Link) -> Result<View, Refused> {
    match link.call(Request::Status).await {
        Answer::View(view) => Ok(*view),
        Answer::Refused(refused) => Err(refused),
        other => Err(unexpected(&other)),
    }
}

/// Prints new rows as they come, until interrupted or the driver ends.
pub async fn follow(link: &Link, command: &Command, json: bool) -> Exit {
    let mut last = 0;
    let mut views = link.views();
    loop {
        let view = match current(link).await {
            Ok(view) => view,
            Err(refused) => {
                render::complain(&refused.text);
                return Exit::Failed;
            }
        };
        if let Outcome::Shown { json: document, .. } = log(link, &view, command).await {
            last = print_new(&document, last, json);
        }
        // A running driver far away does not push views to us; ask again in a moment.
        let changed =
            tokio::time::timeout(std::time::Duration::from_secs(2), views.changed()).await;
        if matches!((changed, link), (Ok(Err(_)), Link::Local(_))) {
            return Exit::Done;
        }
    }
}

fn print_new(document: &serde_json::Value, last: i64, json: bool) -> i64 {
    let rows: Vec<DecisionView> = document
        .get("decisions")
        .and_then(|rows| serde_json::from_value(rows.clone()).ok())
        .unwrap_or_default();
    for row in rows.iter().rev().filter(|row| row.id > last) {
        if json {
            render::document("log", json!({ "decisions": [row] }));
        } else {
            render::say(&decision_line(row));
        }
    }
    rows.iter().map(|row| row.id).max().unwrap_or(last).max(last)
}

#[cfg(test)]
mod tests {
    use super::{reported, state, status};
    use crate::explain::tests::unread;
    use crate::outcome::Outcome as Shown;
    use sluice_protocol::{
        AccountId, Login, NamedWindow, Need, NeedsYou, Outcome, ReportOutcome, View, WindowKind,
        WindowView,
    };

    #[test]
    fn a_refused_login_is_told_once_with_what_helps() {
        let mut account = unread(1, "birch");
        account.login = Login::NeedsSignIn;
        account.problem = Some("It needs you to sign in: the provider refused its login.".into());
        let needs = NeedsYou {
            code: Need::SignIn,
            account: Some(AccountId(1)),
            text: "The provider no longer takes the login of birch. Sign in as it with the tool."
                .to_owned(),
        };
        let view = View { accounts: vec![account], needs_you: vec![needs], ..View::default() };
        let Shown::Shown { text, .. } = status(&view) else { panic!("it is shown") };
        assert_eq!(text.to_lowercase().matches("sign in").count(), 1, "{text}");
        assert!(text.contains("birch") && text.contains("signed out"), "{text}");
    }

    #[test]
    fn an_account_that_refuses_work_says_so_until_it_may_serve() {
        let mut account = unread(1, "birch");
        account.login = Login::Valid;
        account.rests_until_ms = Some(3_600_000);
        let said = state(0, &account, false);
        assert!(said.starts_with("refused work") && said.contains("in 1 h"), "{said}");
        assert_eq!(state(3_600_000, &account, false), "");
    }

    #[test]
    fn money_and_unknown_limits_stand_beside_the_columns() {
        let mut account = unread(1, "birch");
        account.login = Login::Valid;
        let used = WindowView { used: Some(42.0), ..WindowView::default() };
        let amounts = Some(sluice_protocol::Amounts {
            used: Some(10.5),
            limit: Some(25.0),
            currency: Some("EUR".to_owned()),
        });
        let money = WindowKind::money("spend_limit");
        account.windows = vec![
            NamedWindow { kind: money, window: used, amounts },
            NamedWindow::plain(WindowKind::other("fortnightly"), used),
            NamedWindow::plain(WindowKind::named("Opus"), used),
        ];
        let said = state(0, &account, false);
        assert_eq!(said, "spend limit 42 % (10.50 of 25.00 EUR); fortnightly 42 %");
    }

    #[test]
    fn swaps_that_rest_are_not_called_off() {
        let told = |outcome| Outcome { earliest_ms: Some(60_000), ..Outcome::of(outcome) };
        let said = reported(&View::default(), &told(ReportOutcome::Resting));
        assert!(said.contains("rest and go on in 1 min") && !said.contains("off"), "{said}");
        assert!(reported(&View::default(), &told(ReportOutcome::Disabled)).contains("are off"));
    }
}
