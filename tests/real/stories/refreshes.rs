//! Swaps beside the tool's own refresh: real locks, real order of writing.

use super::swaps::{ADA, BOB, spec};
use crate::Ground;
use crate::beside::Beside;
use crate::house::House;
use crate::session::Session;
use serde_json::{Value, json};
use sluice_tests::contract::Setup;
use sluice_tests::desktop::wait_for;
use std::time::Duration;

const TOKEN: &str = "/v1/oauth/token";
/// The bearer ends so soon that the tool refreshes it before anything else.
const NEARLY_OVER_S: i64 = 96;

/// Two accounts; the live one's bearer is nearly over and the tool's exchange is on its way.
fn refreshing(ground: &Ground) -> (House, Session) {
    let setup = Setup::of(vec![spec(ADA, 33.0, 7.0), spec(BOB, 10.0, 50.0)]);
    let usual = setup.access_life_s;
    let house = House::new(ground, setup);
    house.add(ADA);
    house.fake.world().state().tokens.access_life_s = NEARLY_OVER_S;
    house.add(BOB);
    house.fake.world().state().tokens.access_life_s = usual;
    house.fake.world().hold(TOKEN);
    let mut session = Session::start(&house, &[]);
    session.send("one");
    let asked = house.wait_asked(TOKEN, 1);
    assert_eq!(asked[0].account.as_deref(), Some(BOB), "{asked:?}");
    wait_for("the tool's lock", Duration::from_secs(5), || {
        house.locks().contains(".oauth_refresh.lock").then_some(())
    });
    (house, session)
}

/// A swap waits for the tool's refresh and keeps the login it rotated.
pub fn a_swap_waits_for_the_tools_own_refresh(ground: &Ground) -> Value {
    let (house, mut session) = refreshing(ground);
    let swap = Beside::start(&house, &["sluice", "swap", "ada"]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(house.in_store().as_deref(), Some(BOB), "swapped under the tool's locks");
    house.fake.world().release(TOKEN);
    let said = swap.end();
    assert_eq!(said.code, 0, "{said:?}");
    session.hear();
    session.prompt("two").assert_of(ADA);
    drop(session);
    assert_eq!(house.in_store().as_deref(), Some(ADA));
    assert_eq!(house.identity().as_deref(), Some(ADA));
    house.assert_whole(&[ADA, BOB]);
    house.assert_no_secret();
    Value::Null
}

/// A refresh that takes longer than a swap may wait: it says so, changes nothing, works later.
pub fn a_swap_gives_way_to_a_long_refresh(ground: &Ground) -> Value {
    let (house, mut session) = refreshing(ground);
    let start = std::time::Instant::now();
    let said = house.sluice(&["swap", "ada"]);
    let waited_s = start.elapsed().as_secs_f64();
    assert_eq!(said.code, 75, "{said:?}");
    house.fake.world().release(TOKEN);
    session.hear().assert_of(BOB);
    house.done(&["swap", "ada"]);
    session.prompt("two").assert_of(ADA);
    drop(session);
    house.assert_whole(&[ADA, BOB]);
    json!({"waited_s": (waited_s * 10.0).round() / 10.0})
}
