//! The settings window: made when asked for, gone when closed.

use crate::{ALPHA, BETA, add_both, brisk, quiet, two, use_up};
use sluice_protocol::{Mode, View};
use sluice_tests::contract::FakeClock;
use sluice_tests::desktop::{PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;
use std::path::Path;

const HOUR_MS: i64 = 3_600_000;

#[test]
fn closing_the_window_destroys_the_webview_while_automatic_swaps_go_on() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let mut app = stage.app(&["--window"]);
    add_both(&stage, Mode::Auto);
    stage.desktop.wait_window("Sluice");
    wait_for("a web process", PATIENCE, || (webviews(app.pid()) > 0).then_some(()));

    stage.desktop.close_window("Sluice");
    wait_for("the end of the web process", PATIENCE, || (webviews(app.pid()) == 0).then_some(()));
    assert!(app.ended().is_none(), "the tray goes on");

    use_up(&stage, BETA);
    stage.wait_committed(1, PATIENCE);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));

    stage.desktop.click(&["Open Sluice…"]);
    stage.desktop.wait_window("Sluice");
    wait_for("a web process again", PATIENCE, || (webviews(app.pid()) > 0).then_some(()));
}

/// Nobody works on `alpha`, so it is read twice a day; who opens the window sees how it stands now.
#[test]
fn opening_the_window_reads_what_was_not_read_for_long() {
    let stage = Stage::new(Parts::all(), FakeClock::starting_now(600.0), two());
    let _app = stage.app(&["--background"]);
    add_both(&stage, Mode::Advise);
    quiet(&stage);
    let alpha = |view: &View| {
        let found = view.accounts.iter().find(|account| account.label.contains("alpha"));
        found.and_then(|account| account.observed_at_ms).unwrap_or_default()
    };
    let now = || stage.fake.world().clock.now().millis();
    wait_for("an hour", PATIENCE, || (now() - alpha(&stage.view()) > HOUR_MS).then_some(()));

    stage.desktop.click(&["Open Sluice…"]);
    let before = alpha(&stage.view());
    let read = stage.wait_view("alpha is read", |view| alpha(view) > before);
    assert!(alpha(&read) - before < 10 * HOUR_MS, "the window asked; it was due after twelve");
}

#[test]
fn nothing_of_the_web_runs_before_the_window_is_asked_for() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let app = stage.app(&["--background"]);
    let _item = stage.desktop.tray_item();
    assert_eq!(webviews(app.pid()), 0);
    assert!(!stage.desktop.windows().iter().any(|title| title.contains("Sluice")));
}

#[test]
fn the_window_shows_the_accounts_and_no_address_outside_their_page() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let window = stage.app_in_window();
    stage.wait_driver();
    add_both(&stage, Mode::Advise);
    let text = window.wait_text("alpha", PATIENCE);
    assert!(text.contains("beta"), "{text}");
    let globals = window.run("return typeof window.__TAURI__");
    assert_eq!(globals, "undefined", "no global API object");
}

#[test]
fn each_login_shows_its_end_and_the_reading_of_all_says_how_it_went() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let window = stage.app_in_window();
    stage.wait_driver();
    add_both(&stage, Mode::Advise);
    let text = window.wait_text("sign in again by", PATIENCE);
    assert!(text.contains("Login ") && text.contains(" old"), "{text}");

    window.click(".page-head .actions button");
    wait_for("the end of the reading", PATIENCE, || {
        let text = window.text();
        let told = [" read.", " read, "].iter().any(|end| text.contains(end));
        (told && text.contains("Refresh all")).then_some(())
    });
    assert_eq!(stage.view().bulk, None);
}

#[test]
fn a_swap_leads_to_its_decision_and_the_decision_back() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let window = stage.app_in_window();
    stage.wait_driver();
    add_both(&stage, Mode::Auto);
    use_up(&stage, BETA);
    let swap = stage.wait_committed(1, PATIENCE).remove(0);
    let decision = swap.decision.expect("the decision behind it");
    window.click("nav button:nth-of-type(4)");
    let swap = format!("swap-{}", swap.id);
    let decision = format!("decision-{decision}");
    for (from, to) in [(&swap, &decision), (&decision, &swap)] {
        let lead = format!("#{from} .lead");
        wait_for("the lead", PATIENCE, || {
            let there = window.run(&format!("return document.querySelector('{lead}') !== null"));
            (there == true).then_some(())
        });
        window.click(&lead);
        wait_for("the row that was led to", PATIENCE, || {
            (window.run("return document.activeElement.id") == to.as_str()).then_some(())
        });
    }
}

/// Web processes below `pid`.
fn webviews(pid: u32) -> usize {
    let parent_of = |stat: &str| -> Option<u32> {
        // pid (name) state parent …; the name may contain anything.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let mut found = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        if stat.contains("(WebKitWebProces") && below(&stat, pid, parent_of) {
            found += 1;
        }
    }
    found
}

fn below(stat: &str, ancestor: u32, parent_of: impl Fn(&str) -> Option<u32>) -> bool {
    let mut stat = stat.to_owned();
    for _ in 0..8 {
        match parent_of(&stat) {
            Some(parent) if parent == ancestor => return true,
            Some(parent) if parent > 1 => {
                let path = Path::new("/proc").join(parent.to_string()).join("stat");
                let Ok(next) = std::fs::read_to_string(path) else { return false };
                stat = next;
            }
            _ => return false,
        }
    }
    false
}
