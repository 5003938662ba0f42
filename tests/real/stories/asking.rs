//! The tool asked for its own limits: no prompt, no session that stays, nothing lost.

use super::swaps::BOB;
use crate::Ground;
use crate::house::{PATIENCE, json_file};
use serde_json::{Value, json};
use sluice_tests::contract::turns::MESSAGES;
use sluice_tests::desktop::wait_for;

/// Where usage stands.
const USAGE: &str = "/api/oauth/usage";

/// With the setting on the live account's numbers come through the tool, those of the parked one from the
/// provider.
pub fn the_tool_tells_its_own_limits(ground: &Ground) -> Value {
    let house = super::swaps::two(ground);
    house.fake.world().set_usage(BOB, 37.0, 64.0);
    let _daemon = house.daemon();
    let folders = |path: &std::path::Path| {
        let document = json_file(path);
        document["projects"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>())
    };
    let before = folders(&house.claude.config);
    house.done(&["settings", "ask_tool", "true"]);
    house.fake.world().set_usage(BOB, 38.0, 65.0);
    let by_tool = || {
        let asked = house.asked(USAGE).into_iter();
        asked.filter(|one| !one.agent.contains("sluice")).count()
    };
    wait_for("numbers through the tool", 8 * PATIENCE, || {
        let _busy_or_done = house.sluice(&["refresh", "bob"]);
        let used = house.window("bob", "five_hour")["used"].as_f64();
        (used == Some(38.0) && by_tool() > 0).then_some(())
    });
    assert!(house.asked(MESSAGES).is_empty(), "it was prompted");
    wait_for("the tool's end", PATIENCE, || {
        let sessions = std::fs::read_dir(house.claude.dir.join("sessions")).ok();
        sessions.is_none_or(|mut left| left.next().is_none()).then_some(())
    });
    assert_eq!(folders(&house.claude.config), before, "a folder was entered");
    house.assert_nothing_lost();
    json!({"asked_by_tool": by_tool()})
}
