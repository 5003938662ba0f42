//! `kill -9` of the application in the middle of a swap.

use crate::{ALPHA, BETA, in_tray_on};
use sluice_protocol::{Answer, Mode, Request, SwapStatus};
use sluice_tests::contract::FakeClock;
use sluice_tests::desktop::{PATIENCE, Process, wait_for};
use sluice_tests::stage::{Stage, program};
use std::time::{Duration, Instant};

const KILLS: u32 = 10;

#[test]
fn ten_kills_spread_over_a_swap_lose_nothing() {
    // Fast enough that no cooldown is waited for, slow enough that no login expires.
    let (stage, mut app) = in_tray_on(FakeClock::starting_now(600.0), Mode::Advise);
    let whole = undisturbed(&stage);
    for kill in 0..KILLS {
        let to = other(&stage);
        let mut asked = ask_swap(&stage, &to);
        // The point of the kill is the span itself.
        std::thread::sleep(whole * kill / KILLS);
        app.kill();
        asked.end(Duration::from_secs(2));
        assert!(stage.in_seat().is_some(), "kill {kill}: the seat holds one whole credential");

        app = stage.app(&["--background"]);
        let settled = wait_for("no open intent", PATIENCE, || {
            let swaps = stage.swaps();
            swaps.iter().all(|swap| swap.status != SwapStatus::Pending).then_some(swaps)
        });
        let seat = stage.in_seat().expect("a whole credential after recovery");
        let live = stage.wait_view("a live account", |view| view.accounts.iter().any(|a| a.live));
        let live = live.accounts.into_iter().find(|account| account.live).map(|a| a.label);
        assert_eq!(live.as_deref(), seat.split('@').next(), "kill {kill}: {settled:#?}");
        let census = stage.census(&[ALPHA, BETA]);
        assert!(census.lost.is_empty(), "kill {kill}: {census:?}");
    }
    let state = stage.fake.world().state();
    assert_eq!(state.tokens.counts.lost_lineages, 0);
}

/// How long a swap takes from the wish to its settlement.
fn undisturbed(stage: &Stage) -> Duration {
    let to = other(stage);
    let start = Instant::now();
    let said = stage.sluice(&["swap", &to, "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    start.elapsed()
}

/// The label of the account that is not live.
fn other(stage: &Stage) -> String {
    let in_seat = stage.in_seat().expect("a login in the seat");
    let to = if in_seat == ALPHA { "beta" } else { "alpha" };
    let id = stage.account(to).id;
    // A gate may still be closed from the last round.
    wait_for("an open gate", PATIENCE, || {
        let view = stage.view();
        let ready = view.swapping.is_none() && view.accounts.iter().any(|a| a.id == id && !a.live);
        (ready && !cooling(stage)).then_some(())
    });
    to.into()
}

/// The newest swap is younger than the cooldown of the stage's clock.
fn cooling(stage: &Stage) -> bool {
    let now = stage.fake.world().clock.now().millis();
    let Answer::Swaps { rows } = stage.ask(&Request::Swaps { limit: 1 }) else { return true };
    rows.first().is_some_and(|swap| now - swap.at_ms < 700_000)
}

fn ask_swap(stage: &Stage, to: &str) -> Process {
    stage.desktop.spawn(&program("sluice"), &["swap", to, "--json"], stage.environment())
}
