//! What each mode may do by itself.

use crate::{ALPHA, BETA, add_both, in_tray, quiet, two, use_up};
use sluice_protocol::{Answer, AskedBy, DecisionAction, Mode, Request};
use sluice_tests::contract::{FakeClock, Setup, Work};
use sluice_tests::desktop::{Notification, PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;

#[test]
fn advise_asks_and_the_button_swaps() {
    let (stage, _app) = in_tray(Mode::Advise);
    use_up(&stage, BETA);

    let told =
        stage.desktop.wait_notification("advice", |told| told.offers("swap") && !told.closed);
    assert!(told.text().contains("alpha"), "{told:?}");
    assert!(told.offers("snooze"), "{told:?}");
    let refused = |told: &Notification| told.text().contains("refused");
    assert!(!stage.desktop.notifications().iter().any(refused), "nobody refused a login");
    assert_eq!(stage.in_seat().as_deref(), Some(BETA), "nothing happens before the click");
    assert!(stage.swaps().is_empty());

    stage.desktop.press_until(&told, "swap", || !stage.swaps().is_empty());
    stage.wait_committed(1, PATIENCE);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));
    stage.desktop.wait_notification("the swap", |n| n.id != told.id && n.text().contains("alpha"));
}

/// A week at work in seconds: advice is due again and again, and nobody clicks.
#[test]
fn advise_never_writes_a_credential_by_itself() {
    let setup = Setup { work: Work::steady(150.0, 0.2), ..two() };
    let stage = Stage::new(Parts::headless(), FakeClock::starting_now(3_600.0), setup);
    let _daemon = stage.daemon();
    add_both(&stage, Mode::Advise);
    let before = seat(&stage);
    // The tool itself never refreshes here: every write would be ours.
    let bearer = stage.tool.tokens().unwrap().0;
    let advised = || match stage.ask(&Request::Decisions {
        limit: 1_000,
        before: None,
        only: Default::default(),
    }) {
        Answer::Decisions { rows } => {
            Some(rows.iter().filter(|row| row.action == DecisionAction::Advise).count())
                .filter(|n| *n >= 3)
        }
        other => panic!("{other:?}"),
    };
    wait_for("three pieces of advice", PATIENCE, || {
        stage.fake.world().work(Some(&bearer));
        advised()
    });
    assert_eq!(seat(&stage), before, "the seat's files are untouched");
    assert!(stage.swaps().is_empty(), "{:?}", stage.swaps());
}

/// Every file of the seat with its bytes.
fn seat(stage: &Stage) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    sluice_tests::stage::census::files_below(&stage.tool.dir)
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn auto_swaps_by_itself_and_says_so() {
    let (stage, _app) = in_tray(Mode::Auto);
    use_up(&stage, BETA);
    let swaps = stage.wait_committed(1, PATIENCE);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));
    assert!(!swaps[0].reason.is_empty());
    assert_eq!(swaps[0].asked_by, AskedBy::Driver);
    let decision = swaps[0].decision.expect("the decision behind it");
    let why = stage.sluice(&["explain", &decision.to_string(), "--json"]);
    assert_eq!(why.json()["decision"]["swap"], swaps[0].id, "{why:?}");
    stage.desktop.wait_notification("the swap", |told| told.text().contains("alpha"));
}

#[test]
fn off_polls_nothing_and_swaps_nothing() {
    let stage = Stage::new(Parts::headless(), FakeClock::starting_now(3_600.0), two());
    let _daemon = stage.daemon();
    add_both(&stage, Mode::Advise);
    stage.mode(Mode::Off);
    quiet(&stage);
    let asked = || {
        let state = stage.fake.world().state();
        state.accounts.iter().map(|a| a.requests.values().sum::<u64>()).sum::<u64>()
    };
    let before = asked();
    stage.fake.world().set_usage(BETA, 100.0, 60.0);
    let start = stage.fake.world().clock.now();
    wait_for("six hours", PATIENCE, || {
        (stage.fake.world().clock.now().seconds_since(start) > 6.0 * 3_600.0).then_some(())
    });
    assert_eq!(asked(), before);
    assert!(stage.swaps().is_empty());
}
