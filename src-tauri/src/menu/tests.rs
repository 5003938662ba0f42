//! The menu read as text. `#` cannot be clicked, `[…]` is greyed, `>` opens a submenu.

use super::*;
use crate::fixture::{self, NOW_MS};
use chrono::FixedOffset;
use sluice_protocol::WindowKind;
use sluice_protocol::{AccountId, ForecastView, Need, NeedsYou, RunOutView, Swapping};

fn moment() -> Moment {
    Moment { at_ms: NOW_MS, offset: FixedOffset::east_opt(3600).expect("offset") }
}

fn text(view: &View) -> String {
    menu(view, moment()).to_string()
}

fn first_entry(view: &View, label: &str) -> (bool, Act) {
    fn find(items: &[Item], wanted: &str) -> Option<(bool, Act)> {
        items.iter().find_map(|item| match item {
            Item::Entry { label, enabled, act } if label == wanted => Some((*enabled, act.clone())),
            Item::Sub { items, .. } => find(items, wanted),
            _ => None,
        })
    }
    find(&menu(view, moment()).items, label).unwrap_or_else(|| panic!("no entry {label}"))
}

#[test]
fn an_ordinary_afternoon() {
    assert_eq!(
        text(&fixture::view()),
        "\
# Work is live
---
● Work — 5h 42 % · 7d 71 % · 7d resets in 3 d 4 h
○ Personal — 5h 0 % · 7d 18 % · 7d resets in 20 h
○ Studio — signed out
---
Swap to >
    Personal
    [Studio]
Mode >
    ( ) Off
    ( ) Advise
    (*) Automatic
Pause >
    15 minutes
    1 hour
    Until tomorrow
Refresh now
---
Open Sluice…
Stop everything
---
Quit
"
    );
}

#[test]
fn a_lane_shows_its_account_and_its_submenu_points_it_at_another() {
    let mut view = fixture::view();
    view.lanes = vec![fixture::lane(1, "default", 1), fixture::lane(7, "shop", 1)];
    view.runs = vec![fixture::run("r1", 7), fixture::run("r2", 7), fixture::run("r3", 1)];
    let lines = text(&view);
    let block = "Lanes >\n    shop — Work · 2 at work >\n        (*) Work\n        ( ) Personal\n";
    assert!(lines.contains(block), "{lines}");
    assert!(!lines.contains("default"), "the machine's own seat has its own lines");
    let Some(Item::Sub { items, .. }) = lane_menu(&view) else { panic!("no lanes") };
    let Item::Sub { items, .. } = &items[0] else { panic!("no lane") };
    let Item::Choice { options, .. } = &items[0] else { panic!("no choice") };
    let asked = Act::Ask(Request::PointLane {
        lane: sluice_protocol::LaneId(7),
        to: Some(AccountId(2)),
        expected_generation: Some(sluice_protocol::Generation(4)),
    });
    assert_eq!(options[1].1, asked);
    view.lanes[1].ready.clear();
    assert!(text(&view).contains("# No account has a seat of its own yet"));
    view.lanes.truncate(1);
    assert_eq!(lane_menu(&view), None);
}

#[test]
fn accounts_that_nobody_named_are_told_apart_in_every_list() {
    let mut view = fixture::view();
    for (id, account) in (1..).zip(&mut view.accounts) {
        account.label = format!("Claude {id}");
        account.email = Some(format!("person{id}@example.test"));
        account.organization = Some("Acme".to_owned());
    }
    view.lanes = vec![fixture::lane(7, "shop", 1)];
    let lines = text(&view);
    for line in [
        "○ Claude 2 — person2@example.test (Acme) — ",
        "Swap to >\n    Claude 2 — person2@example.test (Acme)\n",
        "    shop — Claude 1 — person1@example.test (Acme) >\n",
        "        (*) Claude 1 — person1@example.test (Acme)\n",
        "        ( ) Claude 2 — person2@example.test (Acme)\n",
    ] {
        assert!(lines.contains(line), "{line} in\n{lines}");
    }
    assert!(!tooltip(&view, moment()).contains('@'), "no list");
}

#[test]
fn what_lies_ahead_of_the_live_account_stands_below_it() {
    let mut view = fixture::view();
    let unused = |p50: f64, hours: i64| ForecastView {
        p50,
        p90: p50 + 20.0,
        low: 0.0,
        high: 99.0,
        resets_at_ms: NOW_MS + hours * 3_600_000,
    };
    view.accounts[0].forecasts.seven_day = Some(unused(34.0, 76));
    view.accounts[1].forecasts.seven_day = Some(unused(60.0, 20));
    // It is Sunday, two in the afternoon.
    let block = "7d resets in 3 d 4 h\n# ↳ about 34 % unused at Wednesday's reset\n○ Personal";
    assert!(text(&view).contains(block), "{}", text(&view));
    assert_eq!(text(&view).matches("unused").count(), 1, "only the live account's");
    let at_ms = NOW_MS + 25 * 60_000;
    view.providers[0].run_out = Some(RunOutView { window: WindowKind::named("five_hour"), at_ms });
    view.accounts[0].forecasts.seven_day = Some(unused(0.2, 20));
    let block = "# ↳ full in 25 min at this pace\n# ↳ nothing unused at tomorrow's reset\n";
    assert!(text(&view).contains(block), "{}", text(&view));
    view.providers[0].run_out = Some(RunOutView { window: WindowKind::named("seven_day"), at_ms });
    assert!(text(&view).contains("# ↳ week full in 25 min at this pace\n"));
    view.accounts[0].forecasts.seven_day = Some(unused(34.0, 0));
    assert!(!text(&view).contains("unused"), "a week that has ended is not foretold");
}

#[test]
fn a_swap_that_waits_for_the_end_of_a_turn_is_said() {
    let mut view = fixture::view();
    view.providers[0].after_turn = Some(AccountId(2));
    assert!(text(&view).contains("# Personal comes after this turn"));
}

#[test]
fn everything_that_waits_for_the_person_stands_on_top() {
    let mut view = fixture::view();
    view.first_start = true;
    view.providers[0].mode = Mode::Advise;
    view.providers[0].unmanaged_login = true;
    view.providers[0].observe_only = Some("The keychain is locked.".to_owned());
    view.providers[0].advice = Some(fixture::advice(2, "resets first"));
    view.needs_you = vec![NeedsYou {
        code: Need::SignIn,
        account: Some(AccountId(3)),
        text: "Studio's login was refused.".to_owned(),
    }];
    let lines: Vec<String> = text(&view).lines().take(7).map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "# Work is live",
            "Choose what Sluice may do…",
            "Advised: swap to Personal",
            "Keep the login found in Claude Code",
            "Claude Code: watching only…",
            "⚠ Studio: sign in again…",
            "---",
        ]
    );
    let (enabled, act) = first_entry(&view, "Advised: swap to Personal");
    assert!(enabled);
    assert_eq!(act, Act::Ask(Request::Swap { to: AccountId(2) }));
}

/// Two of them were worded for a code that nobody sent, three had no words.
#[test]
fn every_need_has_words_of_its_own_in_the_menu() {
    let worded = |code, account| {
        let mut view = fixture::view();
        view.needs_you = vec![NeedsYou { code, account, text: String::new() }];
        text(&view).lines().nth(1).unwrap_or_default().to_owned()
    };
    let one = |code| worded(code, None);
    assert_eq!(one(Need::Disk), "⚠ Sluice: the database cannot be written…");
    assert_eq!(one(Need::DiskFull), "⚠ Sluice: the disk is full…");
    assert_eq!(one(Need::UnmanagedLogin), "⚠ Sluice: a new login is not kept yet…");
    assert_eq!(one(Need::Note), "⚠ Sluice: there is something to know…");
    let twin = worded(Need::SharedLogin, Some(AccountId(2)));
    assert_eq!(twin, "⚠ Personal: its login is used twice…");
    for need in Need::ALL {
        let said = one(*need).contains("needs you");
        assert_eq!(said, *need == Need::Other, "{need}");
    }
}

#[test]
fn stopped_greys_whatever_would_act_and_offers_the_way_back() {
    let mut view = fixture::view();
    view.stopped = true;
    let text = text(&view);
    assert!(text.starts_with("# Stopped: nothing is polled or swapped\n"));
    for greyed in ["[Personal]", "[15 minutes]", "[Refresh now]", "Start again"] {
        assert!(text.contains(greyed), "{greyed} in\n{text}");
    }
    assert!(!text.contains("Stop everything"));
}

#[test]
fn a_pause_shows_its_end_and_an_old_one_does_not() {
    let mut view = fixture::view();
    view.providers[0].paused_until_ms = Some(NOW_MS + 15 * 60_000);
    assert!(text(&view).contains("Resume (paused until 14:15)"));
    view.providers[0].paused_until_ms = Some(NOW_MS);
    assert!(!text(&view).contains("Resume"));
}

#[test]
fn a_pause_ends_so_long_after_the_click() {
    let until = |rest: Rest| match rest.request(moment()) {
        Request::Pause { provider: None, until_ms } => until_ms - NOW_MS,
        other => panic!("{other:?}"),
    };
    assert_eq!(until(Rest::Minutes(15)), 15 * 60_000);
    // 14:00 local to 06:00 local.
    assert_eq!(until(Rest::Tomorrow), 16 * 3_600_000);
}

#[test]
fn nothing_can_be_swapped_while_a_swap_runs() {
    let mut view = fixture::view();
    view.swapping =
        Some(Swapping { provider: Provider::Claude, from: Some(AccountId(1)), to: AccountId(2) });
    assert!(text(&view).starts_with("# Swapping to Personal…\n"));
    assert!(!first_entry(&view, "Personal").0);
}

#[test]
fn several_providers_are_told_apart() {
    let mut view = fixture::view();
    let mut codex = view.providers[0].clone();
    codex.provider = Provider::Codex;
    codex.mode = Mode::Off;
    codex.live = Some(AccountId(4));
    view.providers.push(codex);
    let mut account = fixture::account(4, "Lab", true, (1.0, 1.0), (2.0, 2.0));
    account.provider = Provider::Codex;
    view.accounts.push(account);
    let text = text(&view);
    assert!(text.starts_with("# Work and Lab are live\n"));
    assert!(text.contains("    Personal (Claude Code)\n"));
    assert!(text.contains("    Codex >\n        (*) Off\n"));
}

#[test]
fn an_empty_view_is_a_whole_menu() {
    let text = text(&View::default());
    assert!(text.contains("# No account is live\n---\n# No account yet\n"));
    assert!(text.contains("Swap to >\n"));
}

#[test]
fn the_tooltip_says_what_the_icon_means() {
    let tooltip = tooltip(&fixture::view(), moment());
    assert_eq!(tooltip, "Work is live\n5h 42 % · 7d 71 % · 7d resets in 3 d 4 h");
}

#[test]
fn no_mail_address_reaches_the_tray() {
    let view = fixture::view();
    assert!(!text(&view).contains('@'));
    assert!(!tooltip(&view, moment()).contains('@'));
}
