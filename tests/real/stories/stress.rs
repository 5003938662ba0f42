//! Many prompts and many swaps at once, with bearers so short that every request refreshes.

use super::swaps::{ADA, BOB, spec};
use crate::Ground;
use crate::house::{House, label};
use crate::session::Session;
use serde_json::{Value, json};
use sluice_tests::contract::Setup;
use std::sync::atomic::{AtomicBool, Ordering};

/// Less than the five minutes below which the tool refreshes.
const SHORT_S: i64 = 200;
const SWAPS: usize = 24;

/// Ends the sessions when it goes, also in a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// No prompt fails, no used token is presented, no lock stays, both logins live.
pub fn sessions_and_swaps_beside_short_logins(ground: &Ground) -> Value {
    let accounts = vec![spec(ADA, 20.0, 7.0), spec(BOB, 10.0, 50.0)];
    let setup = Setup { access_life_s: SHORT_S, ..Setup::of(accounts) };
    let house = House::new(ground, setup);
    house.add(ADA);
    house.add(BOB);
    let over = AtomicBool::new(false);
    let (prompts, given_way) = std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut session = Session::start(&house, &[]);
                    let mut prompts = 0_u64;
                    while !over.load(Ordering::Relaxed) {
                        let turn = session.prompt("go on");
                        assert_eq!(turn.result()["is_error"], false, "{}", turn.result());
                        assert!(turn.text().starts_with("answered for"), "{}", turn.result());
                        prompts += 1;
                    }
                    prompts
                })
            })
            .collect();
        // Whatever ends the swaps ends the sessions, or they would prompt for ever.
        let end = End(&over);
        let mut given_way = 0_u64;
        let mut done = 0;
        while done < SWAPS && !sessions.iter().any(|session| session.is_finished()) {
            let next = if house.in_store().as_deref() == Some(BOB) { ADA } else { BOB };
            let said = house.sluice(&["swap", label(next)]);
            match said.code {
                0 => done += 1,
                75 => given_way += 1,
                _ => panic!("{said:?}"),
            }
        }
        drop(end);
        let prompts = sessions.into_iter().map(|session| session.join().expect("a session"));
        (prompts.sum::<u64>(), given_way)
    });
    let refreshes = house.fake.world().state().tokens.counts.exchanges;
    house.assert_whole(&[ADA, BOB]);
    house.assert_no_secret();
    json!({"prompts": prompts, "swaps": SWAPS, "given_way": given_way, "refreshes": refreshes})
}
