//! A plan whose 5-hour window goes away: the story of an account that was all but full on that day.

use crate::{ALPHA, BETA, add_both, brisk, quiet, use_up};
use sluice_protocol::{Mode, NoticeKind, Request, View, WindowKind};
use sluice_tests::contract::{AccountSpec, Setup};
use sluice_tests::desktop::{Node, PATIENCE, Parts, wait_for};
use sluice_tests::stage::Stage;
use std::time::Instant;

/// `alpha` is nearly full for hours, `beta` has room.
fn nearly_full() -> Setup {
    Setup::of(vec![
        AccountSpec { five_hour: 98.0, ..AccountSpec::new(ALPHA, 21.0, 90.0) },
        AccountSpec { five_hour: 10.0, ..AccountSpec::new(BETA, 40.0, 90.0) },
    ])
}

/// Reads `alpha` again and again, as far as the budget of requests goes, until the view fits.
fn read_until(stage: &Stage, what: &str, fits: impl Fn(&View) -> bool) -> View {
    let alpha = stage.account("alpha").id;
    let end = Instant::now() + PATIENCE;
    loop {
        let _busy_or_done = stage.ask(&Request::Refresh { account: Some(alpha) });
        quiet(stage);
        let view = stage.view();
        if fits(&view) {
            return view;
        }
        assert!(Instant::now() < end, "waited in vain for {what}: {view:#?}");
    }
}

fn bars<'node>(shown: &'node [Node], name: &str) -> Vec<&'node str> {
    shown.iter().map(|node| node.text.as_str()).filter(|text| text.starts_with(name)).collect()
}

#[test]
fn a_full_account_whose_plan_loses_its_window_has_room_at_once() {
    let stage = Stage::new(Parts::read_aloud(), brisk(), nearly_full());
    let _app = stage.app(&["--window"]);
    add_both(&stage, Mode::Advise);
    let told = stage.listen();
    let short = |view: &View| {
        let alpha = view.accounts.iter().find(|account| account.label == "alpha");
        alpha.and_then(|account| account.window(&WindowKind::FiveHour))
    };
    assert_eq!(short(&stage.view()).and_then(|window| window.used), Some(98.0));

    stage.fake.world().change_plan(ALPHA, "ultra", 10.0, false);
    read_until(&stage, "an account without a 5-hour window", |view| short(view).is_none());
    let shown = stage
        .desktop
        .wait_read("the one bar of alpha", |node| node.text.starts_with("Weekly: 21 percent used"));
    assert_eq!(bars(&shown, "5-hour:").len(), 1, "beta's: {shown:?}");
    assert_eq!(bars(&shown, "Weekly:").len(), 2, "{shown:?}");
    let listed = stage.sluice(&["accounts"]);
    let row = listed.out.lines().find(|line| line.contains("alpha")).expect("a row of alpha");
    assert!(row.contains("none") && !row.contains("98 %"), "{row}");

    stage.mode(Mode::Auto);
    use_up(&stage, BETA);
    stage.wait_committed(1, PATIENCE);
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));
    wait_for("a tray with the one window of alpha", PATIENCE, || {
        let told = stage.desktop.tray_property("ToolTip");
        (told.contains("alpha") && !told.contains("5-hour")).then_some(())
    });
    // The person signs in again, and the tool tells the plan's name.
    stage.tool.sign_in(stage.fake.world(), ALPHA);
    stage.wait_view("the new plan's name", |view| {
        view.accounts.iter().any(|account| account.plan.as_deref() == Some("Ultra"))
    });
    let explained = stage.sluice(&["explain"]);
    assert!(explained.out.contains("Ultra"), "{explained:?}");
    let of = |kind: NoticeKind| move |notice: &sluice_protocol::Notice| notice.kind == kind;
    let told: Vec<_> = told.try_iter().collect();
    let limits: Vec<_> = told.iter().filter(|notice| of(NoticeKind::Limits)(notice)).collect();
    assert_eq!(limits.len(), 1, "{told:?}");
    assert!(limits[0].title.contains("no 5-hour limit"), "{told:?}");
    assert!(!told.iter().any(of(NoticeKind::Exhausted)), "{told:?}");
}

#[test]
fn a_limit_reset_that_is_spent_is_told_once_and_gives_room() {
    let stage = Stage::new(Parts::all(), brisk(), nearly_full());
    let _app = stage.app(&["--background"]);
    add_both(&stage, Mode::Advise);
    let told = stage.listen();
    let week = |view: &View| {
        let alpha = view.accounts.iter().find(|account| account.label == "alpha");
        alpha.and_then(|account| account.window(&WindowKind::SevenDay)?.used)
    };
    assert_eq!(week(&stage.view()), Some(21.0));
    stage.fake.world().empty_early(ALPHA, true);
    let view = read_until(&stage, "an empty week", |view| week(view) == Some(0.0));
    let alpha = view.accounts.iter().find(|account| account.label == "alpha").expect("alpha");
    assert_eq!(alpha.problem, None);
    assert_eq!(alpha.fell.len(), 2, "both windows: {:?}", alpha.fell);
    quiet(&stage);
    let told: Vec<_> = told.try_iter().filter(|notice| notice.kind == NoticeKind::Fall).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].body.contains("From 98 % to 0 %"), "{told:?}");
}

#[test]
fn limit_resets_are_shown_with_their_end_and_how_to_spend_one() {
    let mut setup = nearly_full();
    setup.accounts[0].resets = Some(2);
    let stage = Stage::new(Parts::read_aloud(), brisk(), setup);
    let _app = stage.app(&["--window"]);
    add_both(&stage, Mode::Advise);
    let view = stage.wait_view("two limit resets of alpha", |view| {
        let alpha = view.accounts.iter().find(|account| account.label == "alpha");
        alpha.and_then(|account| account.resets.as_ref()).is_some_and(|resets| resets.left == 2)
    });
    let beta = view.accounts.iter().find(|account| account.label == "beta").expect("beta");
    assert!(beta.resets.is_none() && beta.resets_withheld, "{beta:?}");
    let line = stage
        .desktop
        .wait_read("the resets of alpha", |node| node.text.contains("2 resets, the first ends"));
    let command = |node: &Node| node.text.contains("/limit-reset");
    assert!(line.iter().any(command), "how to spend one is not said: {line:?}");
    let said = stage.sluice(&["resets"]);
    assert!(said.out.contains("2 resets, the first ends"), "{said:?}");
}
