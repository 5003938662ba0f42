//! Codex and its own refresh.

use crate::Ground;
use crate::beside::Beside;
use crate::house::House;
use serde_json::{Value, json};
use sluice_tests::contract::{AccountSpec, Setup};
use std::time::{Duration, Instant};

const CARA: &str = "cara@example.test";
const DORA: &str = "dora@example.test";
const TOKEN: &str = "/oauth/token";
/// Codex refreshes below five minutes.
const LEFT_S: i64 = 280;
/// How long the exchange takes.
const EXCHANGE: Duration = Duration::from_secs(6);

const EXEC: [&str; 4] = ["codex", "exec", "--skip-git-repo-check", "hi"];

/// Codex is refreshing the live login; a swap meanwhile loses neither the old nor the new pair.
pub fn a_swap_beside_codexs_refresh_loses_nothing(ground: &Ground) -> Value {
    let spec =
        |email: &str| AccountSpec { five_hour: 5.0, ..AccountSpec::codex(email, 20.0, 96.0) };
    let setup = Setup::of(vec![spec(CARA), spec(DORA)]);
    let usual = setup.access_life_s;
    let house = House::new(ground, setup);
    house.add_codex(CARA);
    house.fake.world().state().tokens.access_life_s = LEFT_S;
    house.add_codex(DORA);
    house.fake.world().state().tokens.access_life_s = usual;
    house.fake.world().hold(TOKEN);
    let run = Beside::start(&house, &EXEC);
    house.wait_asked(TOKEN, 1);
    let start = Instant::now();
    let swap = Beside::start(&house, &["sluice", "swap", "cara"]);
    std::thread::sleep(EXCHANGE);
    house.fake.world().release(TOKEN);
    let ran = run.end();
    assert!(ran.out.contains("answered for"), "{ran:?}");
    let said = swap.end();
    let waited_s = start.elapsed().as_secs_f64();
    assert!(matches!(said.code, 0 | 75), "{said:?}");
    if said.code == 75 {
        assert_eq!(house.in_codex_store().as_deref(), Some(DORA), "{said:?}");
        house.done(&["swap", "cara"]);
    }
    for (name, email) in [("cara", CARA), ("dora", DORA), ("cara", CARA)] {
        if house.in_codex_store().as_deref() != Some(email) {
            house.done(&["swap", name]);
        }
        let said = house.run(&EXEC);
        assert!(said.out.contains(&format!("answered for {email}")), "{said:?}");
    }
    house.assert_nothing_lost();
    json!({"swap_code": said.code, "waited_s": (waited_s * 10.0).round() / 10.0})
}

/// The next run of Codex after a swap is the new account's.
pub fn the_next_run_of_codex_is_the_new_accounts(ground: &Ground) -> Value {
    let setup =
        Setup::of(vec![AccountSpec::codex(CARA, 20.0, 96.0), AccountSpec::codex(DORA, 30.0, 96.0)]);
    let house = House::new(ground, setup);
    house.add_codex(CARA);
    house.add_codex(DORA);
    for (name, email) in [("dora", DORA), ("cara", CARA)] {
        if house.in_codex_store().as_deref() != Some(email) {
            house.done(&["swap", name]);
        }
        let said = house.run(&EXEC);
        assert!(said.out.contains(&format!("answered for {email}")), "{said:?}");
    }
    house.assert_nothing_lost();
    Value::Null
}
