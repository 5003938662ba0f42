//! One line about the live account, for who has no room for more: a tool's status line, and panels of
//! desktops.

use crate::args::{HookArgs, HookEvent};
use crate::names::label;
use crate::{Exit, ahead, hook, render};
use serde_json::{Value, json};
use sluice_driver::Paths;
use sluice_driver::lanes::{SeatInUse, seat_in_use};
use sluice_driver::socket::{Client, Found};
use sluice_engine::limits::{NEARLY_FULL_PERCENT, USED_UP_PERCENT};
use sluice_ledger::Ledger;
use sluice_protocol::words::{share, wait};
use sluice_protocol::{AccountView, NamedWindow, Provider, ProviderView, View, WindowKind, text};
use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A driver that does not answer within this is not waited for: the tool is.
const PATIENCE: Duration = Duration::from_millis(100);
/// A panel looks for a driver this often while there is none.
const AGAIN: Duration = Duration::from_secs(5);

/// Prints the line for the session whose tool calls, beside the person's own where there is one. The
/// document that the tool gives is taken in as by `sluice hook status-line`.
pub async fn status_line(paths: &Paths, then: Vec<OsString>) -> Exit {
    hook::run(paths, &HookArgs { event: HookEvent::StatusLine, then });
    let found = tokio::time::timeout(PATIENCE, Client::find(paths, false)).await;
    let Ok(Found::Driver(client)) = found else { return Exit::Done };
    let view = View::clone(&client.views().borrow());
    if let Some(line) = of_session(paths, &view) {
        render::say(&line);
    }
    Exit::Done
}

/// The line of the account that this session uses; none where it is nobody's that Sluice keeps.
fn of_session(paths: &Paths, view: &View) -> Option<String> {
    let ledger = Ledger::attach(&paths.database()).ok()?;
    let live = || provider(view)?.live;
    let id = match seat_in_use(&ledger, paths, Provider::HOOKED).ok()? {
        SeatInUse::Default => live()?,
        SeatInUse::Own(id) => id,
        SeatInUse::Foreign(_) => return None,
    };
    let account = view.accounts.iter().find(|account| account.id == id)?;
    Some(line(view, account))
}

/// The provider whose tool has a status line.
fn provider(view: &View) -> Option<&ProviderView> {
    view.providers.iter().find(|one| one.provider == Provider::HOOKED)
}

/// `work · 5-hour 64 %, 1 h 42 min · week 78 %, 1 d 4 h · full in 25 min · next: personal`.
fn line(view: &View, account: &AccountView) -> String {
    let mut parts = vec![text::short(&account.label)];
    parts.extend(account.own_windows().map(|named| window(named, view.at_ms)));
    let of = view.providers.iter().find(|one| one.live == Some(account.id));
    if let Some(run_out) = of.and_then(|one| one.run_out.as_ref()) {
        parts.push(format!("full in {}", wait(run_out.at_ms - view.at_ms)));
    }
    if view.stopped {
        parts.push("stopped".to_owned());
    } else if let Some(advice) = of.and_then(|one| one.advice.as_ref()) {
        parts.push(format!("next: {}", text::short(&label(view, advice.to))));
    }
    parts.join(" · ")
}

fn window(named: &NamedWindow, now_ms: i64) -> String {
    let name = match named.kind {
        WindowKind::FiveHour => "5-hour",
        WindowKind::SevenDay => "week",
        WindowKind::Other(_) | WindowKind::Money(_) | WindowKind::Model(_) => named.kind.label(),
    };
    let shown = named.window.at(now_ms);
    let left = shown.resets_at_ms.filter(|at| *at > now_ms).map(|at| wait(at - now_ms));
    let left = left.map_or_else(String::new, |left| format!(", {left}"));
    format!("{name} {}{left}", share(named.window, now_ms))
}

/// One JSON line per change for a panel of a desktop, until it stops listening. Keys are those of
/// Waybar's own modules: `text`, `alt`, `tooltip`, `class`, `percentage`.
pub async fn feed(paths: &Paths) -> Exit {
    let mut last = Value::Null;
    loop {
        let Found::Driver(client) = Client::find(paths, true).await else {
            if !told(
                &mut last,
                json!({ "text": "", "alt": "off", "class": "off",
                "tooltip": "Sluice is not running." }),
            ) {
                return Exit::Done;
            }
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let (tell, mut news) = mpsc::channel(1);
        let following = tokio::spawn(follow(client, tell));
        while let Some(view) = news.recv().await {
            if !told(&mut last, item(&view)) {
                following.abort();
                return Exit::Done;
            }
        }
    }
}

/// Hands each view on until the driver is gone.
async fn follow(client: Client, tell: mpsc::Sender<Arc<View>>) {
    let mut views = client.views();
    let handing = tokio::spawn(async move {
        loop {
            let view = Arc::clone(&views.borrow_and_update());
            if tell.send(view).await.is_err() || views.changed().await.is_err() {
                return;
            }
        }
    });
    client.gone().await;
    // What is on its way gets no further, and whoever listens hears the end.
    handing.abort();
}

/// Prints what is new; false when nobody reads any more.
fn told(last: &mut Value, item: Value) -> bool {
    if *last == item {
        return true;
    }
    let line = format!("{item}\n");
    *last = item;
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok()
}

fn item(view: &View) -> Value {
    let live: Vec<&AccountView> = view.accounts.iter().filter(|account| account.live).collect();
    let text: Vec<String> = live.iter().map(|account| line(view, account)).collect();
    let fullest = live.iter().filter_map(|account| tightest(account, view.at_ms)).reduce(f64::max);
    let class = match fullest {
        _ if view.stopped => "stopped",
        _ if !view.needs_you.is_empty() => "attention",
        None => "unknown",
        Some(used) if used >= USED_UP_PERCENT => "full",
        Some(used) if used >= NEARLY_FULL_PERCENT => "near",
        Some(_) => "room",
    };
    let mut tooltip: Vec<String> = view.needs_you.iter().map(|need| need.text.clone()).collect();
    for provider in &view.providers {
        tooltip.extend(ahead::lines(view, provider));
    }
    tooltip.extend(view.accounts.iter().map(|account| {
        let windows = account.own_windows().map(|named| window(named, view.at_ms));
        let windows = windows.collect::<Vec<_>>().join(" · ");
        let dot = if account.live { "●" } else { "○" };
        format!("{dot} {}: {windows}", text::short(&account.label))
    }));
    let tooltip: Vec<String> = tooltip.iter().map(|line| text::one_line(line)).collect();
    json!({
        "text": text.join("  "),
        "alt": class,
        "class": class,
        "tooltip": tooltip.join("\n"),
        "percentage": fullest.map(|used| used.round() as i64),
    })
}

/// The fullest of the windows that the account as a whole lives by, percent.
fn tightest(account: &AccountView, now_ms: i64) -> Option<f64> {
    account.own_windows().filter_map(|named| named.window.at(now_ms).used).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::tests::unread;
    use sluice_protocol::{AccountId, Advice, Mode, RunOutView, WindowView};

    const HOUR_MS: i64 = 3_600_000;

    fn open(kind: WindowKind, used: f64, hours: i64) -> NamedWindow {
        let window = WindowView {
            used: Some(used),
            resets_at_ms: Some(hours * HOUR_MS),
            ..WindowView::default()
        };
        NamedWindow { kind, window, amounts: None }
    }

    /// `work` is live and `personal` is not.
    fn seen(windows: Vec<NamedWindow>) -> View {
        let provider = ProviderView {
            provider: Provider::Claude,
            mode: Mode::Advise,
            paused_until_ms: None,
            live: Some(AccountId(1)),
            unmanaged_login: false,
            observe_only: None,
            next_poll_at_ms: None,
            advice: None,
            after_turn: None,
            run_out: None,
        };
        let live = AccountView { live: true, windows, ..unread(1, "work") };
        let accounts = vec![live, unread(2, "personal")];
        View { providers: vec![provider], accounts, ..View::default() }
    }

    #[test]
    fn the_line_says_how_full_how_long_and_what_is_next() {
        let windows =
            vec![open(WindowKind::FiveHour, 64.0, 2), open(WindowKind::SevenDay, 78.0, 28)];
        let mut view = seen(windows);
        let said = |view: &View| line(view, &view.accounts[0]);
        assert_eq!(said(&view), "work · 5-hour 64 %, 2 h · week 78 %, 1 d 4 h");
        let (window, at_ms) = (WindowKind::FiveHour, HOUR_MS / 2);
        view.providers[0].run_out = Some(RunOutView { window, at_ms });
        let (to, reason, cause) = (AccountId(2), String::new(), Default::default());
        view.providers[0].advice = Some(Advice { to, reason, decision: 1, cause });
        assert!(said(&view).ends_with("full in 30 min · next: personal"), "{}", said(&view));
        view.at_ms = 3 * HOUR_MS;
        assert!(said(&view).contains("5-hour ≈ 0 % · week"), "it has emptied: {}", said(&view));
    }

    #[test]
    fn without_a_short_window_only_the_week_is_named() {
        let view = seen(vec![open(WindowKind::SevenDay, 12.0, 100)]);
        assert_eq!(line(&view, &view.accounts[0]), "work · week 12 %, 4 d 4 h");
    }

    #[test]
    fn a_panel_gets_the_fullest_window_and_every_account() {
        let windows =
            vec![open(WindowKind::FiveHour, 99.4, 2), open(WindowKind::SevenDay, 40.0, 28)];
        let mut view = seen(windows);
        let shown = item(&view);
        assert_eq!((&shown["class"], &shown["percentage"]), (&json!("full"), &json!(99)));
        let tooltip = shown["tooltip"].as_str().unwrap_or_default();
        assert!(tooltip.contains("● work") && tooltip.contains("○ personal"), "{tooltip}");
        view.stopped = true;
        assert_eq!(item(&view)["class"], "stopped");
        let nobody = View::default();
        assert_eq!(
            (&item(&nobody)["class"], &item(&nobody)["text"]),
            (&json!("unknown"), &json!(""))
        );
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut last = item(&View::default());
        let same = last.clone();
        assert!(told(&mut last, same.clone()));
        assert_eq!(last, same);
    }
}
