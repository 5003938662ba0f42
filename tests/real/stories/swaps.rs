//! Swaps under a running session.

use crate::Ground;
use crate::house::House;
use crate::session::Session;
use serde_json::{Value, json};
use sluice_tests::contract::turns::MESSAGES;
use sluice_tests::contract::{AccountSpec, Setup};

pub const ADA: &str = "ada@example.test";
pub const BOB: &str = "bob@example.test";

/// Two accounts with room; the login of the second is in the store.
pub fn two(ground: &Ground) -> House {
    let house = House::new(ground, Setup::of(vec![spec(ADA, 33.0, 7.0), spec(BOB, 10.0, 50.0)]));
    house.add(ADA);
    house.add(BOB);
    house
}

/// An account with both windows running.
pub fn spec(email: &str, five_hour: f64, seven_day: f64) -> AccountSpec {
    AccountSpec { five_hour, ..AccountSpec::new(email, seven_day, 96.0) }
}

/// A session follows a swap with its very next request, there and back.
pub fn the_next_request_is_the_new_accounts(ground: &Ground) -> Value {
    let house = two(ground);
    let mut session = Session::start(&house, &[]);
    session.prompt("one").assert_of(BOB);
    house.done(&["swap", "ada"]);
    session.prompt("two").assert_of(ADA);
    house.done(&["swap", "bob"]);
    session.prompt("three").assert_of(BOB);
    drop(session);
    house.assert_whole(&[ADA, BOB]);
    house.assert_no_secret();
    Value::Null
}

/// The request under way ends on the old account, the turn's next goes out on the new one.
pub fn a_turn_goes_on_under_a_swap(ground: &Ground) -> Value {
    let house = two(ground);
    let mut session = Session::start(&house, &[]);
    session.prompt("one").assert_of(BOB);
    let before = house.asked(MESSAGES).len();
    let note = house.work().join("note.txt");
    house.fake.world().call_next("Read", json!({"file_path": note}));
    house.fake.world().hold(MESSAGES);
    session.send("read the note");
    house.wait_asked(MESSAGES, before + 1);
    house.done(&["swap", "ada"]);
    house.fake.world().release(MESSAGES);
    let turn = session.hear();
    turn.assert_of(ADA);
    let payers: Vec<_> =
        house.asked(MESSAGES)[before..].iter().map(|one| one.account.clone()).collect();
    assert_eq!(payers.first(), Some(&Some(BOB.to_owned())), "{payers:?}");
    assert_eq!(payers.last(), Some(&Some(ADA.to_owned())), "{payers:?}");
    house.assert_whole(&[ADA, BOB]);
    Value::Null
}
