//! Notices whose server ends before they do.

use crate::{BETA, in_tray, use_up};
use sluice_protocol::Mode;
use sluice_tests::desktop::{PATIENCE, wait_for};

/// A panel that crashes takes its notices with it; its successor counts from one again.
#[test]
fn a_new_notification_server_has_numbers_of_its_own() {
    let (mut stage, mut app) = in_tray(Mode::Advise);
    use_up(&stage, BETA);
    let told = stage.desktop.wait_notification("advice", |told| told.offers("swap"));

    stage.desktop.restart_notifications();
    let mut others = Vec::new();
    while others.last().is_none_or(|number| *number < told.id) {
        others.push(stage.desktop.notify_as_other("not Sluice's"));
    }
    assert!(others.contains(&told.id), "{others:?}: the same number again");
    wait_for("Sluice to forget its numbers", PATIENCE, || {
        app.output().contains("notices have another server").then_some(())
    });
    stage.desktop.invoke(told.id, "swap");
    stage.desktop.invoke(told.id, "default");

    // At its end it takes back every notice of its own.
    stage.desktop.click_and_forget(&["Quit"]);
    assert!(app.wait(PATIENCE).success(), "{}", app.output());
    let shown = stage.desktop.notifications();
    let of_others = || shown.iter().filter(|row| row.app == "another");
    assert_eq!(of_others().count(), others.len());
    assert!(of_others().all(|row| !row.closed), "another program's notice was closed: {shown:#?}");
    assert_eq!(stage.in_seat().as_deref(), Some(BETA), "another program's button swapped");
    let asked_for = app.output().contains("could not be opened");
    assert!(!asked_for && stage.desktop.windows().iter().all(|title| !title.contains("Sluice")));
}
