//! Notices whose server ends before they do.

use crate::{BETA, in_tray, use_up};
use sluice_protocol::Mode;
use sluice_tests::desktop::{Notification, PATIENCE, Process, wait_for};
use sluice_tests::stage::Stage;

/// A panel that crashes takes its notices with it; its successor counts from one again, and gives
/// another program the number that Sluice's advice had.
fn with_another_server() -> (Stage, Process, Notification) {
    let (mut stage, app) = in_tray(Mode::Advise);
    use_up(&stage, BETA);
    let told = stage.desktop.wait_notification("advice", |told| told.offers("swap"));
    stage.desktop.restart_notifications();
    let mut last = 0;
    while last < told.id {
        last = stage.desktop.notify_as_other("not Sluice's");
    }
    let others = stage.desktop.notifications();
    assert!(others.iter().any(|other| other.id == told.id && other.app == "another"), "{others:?}");
    wait_for("news of the other server", PATIENCE, || {
        app.output().contains("notices have another server").then_some(())
    });
    (stage, app, told)
}

#[test]
fn a_button_of_another_programs_notice_is_not_sluices() {
    let (mut stage, app, told) = with_another_server();
    stage.desktop.invoke(told.id, "swap");
    // Whoever has heard the one has heard the other; and what was clicked before a click in the menu
    // has reached the driver when that has.
    let news = || app.output().matches("notices have another server").count();
    let before = news();
    stage.desktop.restart_notifications();
    wait_for("news of a third server", PATIENCE, || (news() > before + 1).then_some(()));
    stage.desktop.click(&["Pause", "15 minutes"]);
    let view = stage.wait_view("paused", |view| view.providers[0].paused_until_ms.is_some());
    let beta = stage.account("beta").id;
    assert_eq!((view.swapping, view.providers[0].live), (None, Some(beta)), "it swapped");
    assert!(stage.desktop.windows().iter().all(|title| !title.contains("Sluice")));
}

#[test]
fn another_programs_notice_is_not_closed_at_the_end() {
    let (stage, mut app, _told) = with_another_server();
    // At its end it takes back every notice of its own.
    stage.desktop.click_and_forget(&["Quit"]);
    assert!(app.wait(PATIENCE).success(), "{}", app.output());
    let shown = stage.desktop.notifications();
    let of_others = || shown.iter().filter(|row| row.app == "another");
    assert!(of_others().count() > 0);
    assert!(of_others().all(|row| !row.closed), "another program's notice was closed: {shown:#?}");
}
