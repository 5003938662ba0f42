//! The kill switch.

use crate::{ALPHA, BETA, in_tray_on, use_up};
use sluice_protocol::{Answer, Mode, Request};
use sluice_tests::contract::FakeClock;
use sluice_tests::desktop::{PATIENCE, wait_for};
use sluice_tests::stage::Stage;

#[test]
fn the_kill_switch_stops_polls_and_swaps_and_survives_a_restart() {
    let (stage, mut app) = in_tray_on(FakeClock::starting_now(1_800.0), Mode::Auto);
    stage.desktop.click(&["Stop everything"]);
    stage.wait_view("stopped", |view| view.stopped);
    // It acts before it is on disk. The ledger does one thing after the other: an answer from it means
    // that the stop is written.
    let written =
        stage.ask(&Request::Decisions { limit: 1, before: None, only: Default::default() });
    assert!(matches!(written, Answer::Decisions { .. }), "{written:?}");
    app.kill();

    stage.fake.world().set_usage(BETA, 100.0, 60.0);
    let _app = stage.app(&["--background"]);
    assert!(stage.view().stopped, "still stopped after a restart");
    let before = requests(&stage);
    let start = stage.fake.world().clock.now();
    wait_for("three hours", PATIENCE, || {
        (stage.fake.world().clock.now().seconds_since(start) > 3.0 * 3_600.0).then_some(())
    });
    assert_eq!(requests(&stage), before, "nothing was polled");
    assert!(stage.swaps().is_empty(), "nothing was swapped");
    assert_eq!(stage.in_seat().as_deref(), Some(BETA));
    assert!(!stage.desktop.tray_menu().find(&["Swap to", "alpha"]).is_some_and(|l| l.enabled));

    stage.desktop.click(&["Start again"]);
    stage.wait_view("started", |view| !view.stopped);
    use_up(&stage, BETA);
    stage.wait_committed(1, PATIENCE);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));
}

fn requests(stage: &Stage) -> u64 {
    let state = stage.fake.world().state();
    state.accounts.iter().map(|account| account.requests.values().sum::<u64>()).sum()
}
