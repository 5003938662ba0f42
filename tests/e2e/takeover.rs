//! The tray always finds a driver: it becomes one when another ends, and tries again by itself when
//! something was in its way.

use crate::{add_both, brisk, two};
use sluice_driver::{Paths, lock};
use sluice_protocol::Mode;
use sluice_tests::desktop::{PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_tray_takes_over_from_a_daemon_that_was_killed() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let mut daemon = stage.daemon();
    add_both(&stage, Mode::Advise);
    let mut app = stage.app(&["--background"]);
    let both = |menu: &sluice_tests::desktop::tray::Line| {
        menu.find(&["○ alpha"]).is_some() && menu.find(&["● beta"]).is_some()
    };
    stage.desktop.wait_menu("what the daemon tells", both);
    let _killed = daemon.kill();
    // Its own driver answers on the same socket, and acts.
    stage.wait_driver();
    stage.desktop.click(&["Stop everything"]);
    stage.wait_view("stopped", |view| view.stopped);
    // And the other way round: a tray that ends leaves the way free.
    stage.desktop.click_and_forget(&["Quit"]);
    assert!(app.wait(PATIENCE).success());
    let _daemon = stage.daemon();
    assert!(stage.view().stopped);
}

/// Says that something has ended.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_status_bar_in_a_loop_costs_the_tray_no_driver() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    for _ in 0..3 {
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Also where something fails: the others would go on for ever.
            let end = OnDrop(&ended);
            for _ in 0..2 {
                scope.spawn(|| {
                    while !ended.load(Ordering::SeqCst) {
                        assert_eq!(stage.sluice(&["status"]).code, 0);
                    }
                });
            }
            let mut app = stage.app(&["--background"]);
            wait_for("a tray with a driver", PATIENCE, || {
                let menu = stage.desktop.tray_menu();
                menu.find(&["Stop everything"]).is_some().then_some(())
            });
            drop(end);
            stage.desktop.click_and_forget(&["Quit"]);
            assert!(app.wait(PATIENCE).success());
        });
    }
}

#[test]
fn a_tray_that_found_the_lock_taken_says_so_and_tries_again() {
    let stage = Stage::new(Parts::all(), brisk(), two());
    let held = lock::take(&Paths::at(stage.data()), "somebody else");
    let held = held.expect("the lock of a new directory");
    let _app = stage.app_unawaited(&["--background"]);
    stage.desktop.wait_menu("who is in the way", |menu| menu.print().contains("somebody else"));
    drop(held);
    stage.wait_driver();
    stage.desktop.wait_menu("a driver", |menu| menu.find(&["Stop everything"]).is_some());
}
