//! A click in the tray's menu.

use crate::{ALPHA, in_tray};
use sluice_protocol::Mode;
use sluice_tests::desktop::tray::Line;
use sluice_tests::desktop::{PATIENCE, wait_for};
use sluice_tests::stage::Stage;

#[test]
fn a_click_on_swap_to_makes_the_other_account_live() {
    let (stage, _app) = in_tray(Mode::Advise);
    stage.desktop.click(&["Swap to", "alpha"]);

    let swaps = stage.wait_committed(1, PATIENCE);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA), "the seat holds the other account");
    assert_eq!(swaps.len(), 1);
    assert_eq!(swaps[0].to, stage.account("alpha").id);
    assert!(!swaps[0].reason.is_empty(), "{:?}", swaps[0]);
    let told = stage.desktop.wait_notification("the swap", |told| told.text().contains("alpha"));
    assert!(!told.text().contains("example.test"), "labels only: {told:?}");

    let menu = stage.desktop.wait_menu("alpha marked live", |menu| {
        menu.find(&["● alpha"]).is_some() && menu.find(&["○ beta"]).is_some()
    });
    assert!(menu.find(&["Swap to", "alpha"]).is_none(), "{}", menu.print());
}

#[test]
fn the_menu_shows_every_account_with_its_windows_and_quit_ends_the_program() {
    let (stage, mut app) = in_tray(Mode::Advise);
    let menu = stage.desktop.wait_menu("both accounts with their use", |menu| {
        let shows = |label: &str, weekly: &str| {
            menu.find(&[label]).is_some_and(|line| line.label.contains(weekly))
        };
        shows("○ alpha", "30") && shows("● beta", "40")
    });
    foreseen(&stage, &menu);
    for line in [
        &["Swap to", "alpha"][..],
        &["Mode"],
        &["Pause", "15 minutes"],
        &["Refresh now"],
        &["Open Sluice…"],
        &["Stop everything"],
        &["Quit"],
    ] {
        assert!(menu.find(line).is_some(), "{line:?} is missing:\n{}", menu.print());
    }
    stage.desktop.click_and_forget(&["Quit"]);
    let status = app.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", app.output());
    wait_for("the end of the tray item", PATIENCE, || {
        stage.desktop.tray_items().is_empty().then_some(())
    });
}

/// What will be left of the live account's week stands below its line, and in `sluice status`.
fn foreseen(stage: &Stage, menu: &Line) {
    let live = menu.children.iter().position(|line| line.label.starts_with("● beta"));
    let ahead = &menu.children[live.expect("the live account") + 1].label;
    assert!(ahead.starts_with("↳ ") && ahead.ends_with(" reset"), "{}", menu.print());
    let said = stage.sluice(&["status"]).out;
    assert!(said.contains(ahead.trim_start_matches("↳ ")), "{ahead}: {said}");
}

#[test]
fn the_icon_is_drawn_from_live_numbers() {
    let (stage, _app) = in_tray(Mode::Advise);
    let calm = stage.desktop.tray_property("IconPixmap");
    assert!(calm.len() > 100, "an icon: {calm:.80}");
    crate::use_up(&stage, crate::BETA);
    wait_for("another icon", PATIENCE, || {
        (stage.desktop.tray_property("IconPixmap") != calm).then_some(())
    });
}

#[test]
fn a_second_start_returns_at_once_and_opens_the_window_of_the_first() {
    let (stage, _first) = in_tray(Mode::Advise);
    let mut second =
        stage.desktop.spawn(&sluice_tests::stage::program("sluice-app"), &[], stage.environment());
    let status = second.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", second.output());
    stage.desktop.wait_window("Sluice");
    assert_eq!(stage.desktop.tray_items().len(), 1);
}
