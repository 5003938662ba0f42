//! A notification server that hangs.

use crate::{ALPHA, BETA, in_tray};
use sluice_protocol::{Answer, Mode, Request};
use sluice_tests::desktop::PATIENCE;
use sluice_tests::pace::quickest;
use std::time::Duration;

#[test]
fn a_notification_server_that_never_answers_delays_no_swap_no_answer_and_no_end() {
    let (stage, mut app) = in_tray(Mode::Advise);
    stage.desktop.hang_notifications();
    for (label, email, count) in [("alpha", ALPHA, 1), ("beta", BETA, 2)] {
        let said = stage.sluice(&["swap", label, "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(stage.wait_committed(count, PATIENCE).len(), count);
        assert_eq!(stage.in_seat().as_deref(), Some(email));
        let took = quickest(5, || assert!(matches!(stage.ask(&Request::Status), Answer::View(_))));
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    stage.desktop.wait_menu("the menu follows", |menu| menu.find(&["● beta"]).is_some());
    stage.desktop.click_and_forget(&["Quit"]);
    // Waiting for the server would never end.
    app.wait(PATIENCE);
}
