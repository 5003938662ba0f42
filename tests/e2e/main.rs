//! The real application on a real desktop stack: what a person sees, clicks and keeps.

mod activity;
mod codex;
mod crash;
mod deaf;
mod demo;
mod lanes;
mod metrics;
mod modes;
mod notices;
mod pages;
mod plans;
mod rotation;
mod shipped;
mod stop;
mod takeover;
mod tray;
mod window;

use sluice_protocol::{Answer, Mode, Request};
use sluice_tests::contract::{AccountSpec, FakeClock, Setup};
use sluice_tests::desktop::{Parts, Process};
use sluice_tests::stage::Stage;

/// The account added first.
const ALPHA: &str = "alpha@example.test";
/// The account added second, whose login is in the seat at the start.
const BETA: &str = "beta@example.test";

/// Two accounts with room, nobody at work.
fn two() -> Setup {
    Setup::of(vec![AccountSpec::new(ALPHA, 30.0, 90.0), AccountSpec::new(BETA, 40.0, 90.0)])
}

/// Half a minute a second: what is read at most every 20 s is read often enough for a test.
fn brisk() -> FakeClock {
    FakeClock::starting_now(30.0)
}

/// A stage with the application in the tray, both accounts added, `beta` live.
fn in_tray(mode: Mode) -> (Stage, Process) {
    in_tray_on(brisk(), mode)
}

fn in_tray_on(clock: FakeClock, mode: Mode) -> (Stage, Process) {
    let stage = Stage::new(Parts::all(), clock, two());
    let app = stage.app(&["--background"]);
    add_both(&stage, mode);
    (stage, app)
}

fn add_both(stage: &Stage, mode: Mode) {
    stage.add(ALPHA);
    stage.add(BETA);
    stage.mode(mode);
    assert_eq!(stage.in_seat().as_deref(), Some(BETA));
}

/// Waits until every account has been read and nothing is being read.
fn quiet(stage: &Stage) {
    stage.wait_view("no request under way", |view| {
        view.accounts
            .iter()
            .all(|account| sluice_tests::stage::week_is_known(account) && !account.refreshing)
    });
}

/// Uses up the live account's short window: every policy wants to leave it now.
fn use_up(stage: &Stage, email: &str) {
    // An answer that is on its way would still show the old numbers.
    quiet(stage);
    stage.fake.world().set_usage(email, 100.0, 60.0);
    assert_eq!(stage.ask(&Request::Refresh { account: None }), Answer::Done);
}
