//! A login that the tool rotates behind our back.

use crate::{ALPHA, BETA, add_both, brisk, two};
use sluice_protocol::Mode;
use sluice_tests::contract::Refreshed;
use sluice_tests::desktop::Parts;
use sluice_tests::stage::Stage;

#[test]
fn a_rotation_between_poll_and_swap_is_what_the_keychain_holds_afterwards() {
    let stage = Stage::new(Parts::headless(), brisk(), two());
    let _daemon = stage.daemon();
    add_both(&stage, Mode::Advise);
    stage.wait_view("both were polled", |view| {
        view.accounts.iter().all(sluice_tests::stage::week_is_known)
    });
    let (_, before) = stage.tool.tokens().unwrap();
    assert_eq!(stage.tool.refresh(stage.fake.world()), Refreshed::Done);
    let (_, rotated) = stage.tool.tokens().unwrap();
    assert_ne!(before, rotated);

    let said = stage.sluice(&["swap", "alpha", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(stage.in_seat().as_deref(), Some(ALPHA));
    assert!(stage.keychain_holds(&rotated), "the rotated login of beta is kept");
    assert!(stage.census(&[ALPHA, BETA]).lost.is_empty());

    let said = stage.sluice(&["swap", "beta", "--json"]);
    assert!(said.code == 0 || said.code == 75, "{said:?}");
    if said.code == 0 {
        assert_eq!(stage.tool.tokens().unwrap().1, rotated, "and it is what comes back");
    }
}
