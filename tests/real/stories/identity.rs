//! `.claude.json` and the store as the tool writes them.

use super::swaps::{ADA, BOB, two};
use crate::Ground;
use crate::house::json_file;
use crate::session::Session;
use serde_json::{Value, json};
use sluice_tests::desktop::wait_for;
use std::time::{Duration, Instant};

const PROFILE: &str = "/api/oauth/profile";

/// The tool's profile read is on its way over a swap: it writes the outgoing account's identity
/// over the new one's, and that is mended.
pub fn an_identity_written_back_is_mended(ground: &Ground) -> Value {
    let house = two(ground);
    let _daemon = house.daemon();
    house.fake.world().hold(PROFILE);
    let mut session = Session::start(&house, &[]);
    session.send("one");
    wait_for("the tool's profile read", Duration::from_secs(30), || {
        let asked = house.asked(PROFILE);
        asked.iter().any(|one| one.agent.starts_with("claude-code/")).then_some(())
    });
    house.done(&["swap", "ada"]);
    assert_eq!(house.identity().as_deref(), Some(ADA));
    house.fake.world().release(PROFILE);
    let released = Instant::now();
    // The tool writes within moments; a mend may be as quick, and then it is not seen.
    let mut fought = false;
    while released.elapsed() < Duration::from_secs(2) {
        fought |= house.identity().as_deref() == Some(BOB);
        std::thread::sleep(Duration::from_millis(5));
    }
    session.hear();
    wait_for("ada's identity beside ada's login", Duration::from_secs(45), || {
        (house.identity().as_deref() == Some(ADA)).then_some(())
    });
    assert_eq!(house.in_store().as_deref(), Some(ADA));
    json!({"written_back": fought, "mended_within_s": released.elapsed().as_secs()})
}

/// What the tool adds to a login it uses comes back with the login, and costs no second profile.
pub fn what_the_tool_adds_to_a_login_is_kept(ground: &Ground) -> Value {
    let house = two(ground);
    let run = |email: &str| {
        let said = house.run(&["claude", "-p", "hi"]);
        assert!(said.out.contains(email), "{said:?}");
    };
    // What it adds it adds beside the first turn, which a short run may not wait for.
    let mut session = Session::start(&house, &[]);
    session.prompt("one").assert_of(BOB);
    let added = |name: &str| json_file(&house.claude.store())["claudeAiOauth"][name].clone();
    let source = wait_for("what the tool adds", Duration::from_secs(10), || {
        Some(added("subscriptionTypeSource")).filter(|source| !source.is_null())
    });
    drop(session);
    house.done(&["swap", "ada"]);
    run(ADA);
    house.done(&["swap", "bob"]);
    assert_eq!(added("subscriptionTypeSource"), source, "{}", json_file(&house.claude.config));
    let fetched = &json_file(&house.claude.config)["oauthAccount"]["profileFetchedAt"];
    assert!(fetched.is_number() || fetched.is_string(), "when the profile was read is forgotten");
    let profiles = house.asked(PROFILE).len();
    run(BOB);
    assert_eq!(house.asked(PROFILE).len(), profiles, "the profile is read again after each swap");
    house.assert_whole(&[ADA, BOB]);
    Value::Null
}
