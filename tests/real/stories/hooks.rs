//! Hooks and status line, as the tool calls them.

use super::limits::{three, wait_read};
use super::swaps::{ADA, BOB};
use crate::Ground;
use crate::house::{House, label};
use crate::session::Session;
use crate::terminal::Terminal;
use serde_json::{Value, json};
use sluice_tests::contract::turns::MESSAGES;
use sluice_tests::contract::{Endpoint, Fault};
use sluice_tests::desktop::{Process, wait_for};
use std::time::{Duration, Instant};

const CYD: &str = "cyd@example.test";
/// A driver that was told of a refusal acts at once; one that finds it among what hooks left, within
/// a minute.
const AT_ONCE: Duration = Duration::from_secs(75);

fn hooked(ground: &Ground) -> (House, Process) {
    let house = three(ground);
    let daemon = house.daemon();
    house.done(&["mode", "auto"]);
    house.done(&["hooks", "install", "--yes"]);
    wait_read(&house, &[ADA, CYD, BOB]);
    (house, daemon)
}

/// Fills the live account, prompts, and gives the account that is live afterwards.
fn full(house: &House, session: &mut Session, email: &str, five: f64, week: f64) -> (String, f64) {
    house.fake.world().set_usage(email, five, week);
    let turn = session.prompt("and now?");
    assert_eq!(turn.result()["is_error"], true, "{}", turn.result());
    let start = Instant::now();
    let next = wait_for(&format!("a swap away from {email}"), AT_ONCE, || {
        house.in_store().filter(|live| live != email)
    });
    (next, start.elapsed().as_secs_f64())
}

/// One session meets two full accounts, one after the other, and goes on after both.
pub fn one_session_is_moved_twice(ground: &Ground) -> Value {
    let (house, _daemon) = hooked(ground);
    let mut session = Session::start(&house, &[]);
    session.prompt("one").assert_of(BOB);
    let (second, first_s) = full(&house, &mut session, BOB, 100.0, 60.0);
    session.prompt("two").assert_of(&second);
    let (third, second_s) = full(&house, &mut session, &second, 100.0, 60.0);
    assert_ne!(third, BOB, "back on the full account");
    session.prompt("three").assert_of(&third);
    house.assert_nothing_lost();
    let tenths = |seconds: f64| (seconds * 10.0).round() / 10.0;
    json!({"first_s": tenths(first_s), "second_s": tenths(second_s)})
}

/// A refusal for the week is the week's: the 5-hour window keeps its own numbers.
pub fn a_weekly_refusal_is_the_weeks(ground: &Ground) -> Value {
    let (house, _daemon) = hooked(ground);
    let mut session = Session::start(&house, &[]);
    session.prompt("one").assert_of(BOB);
    full(&house, &mut session, BOB, 12.0, 100.0);
    let bob = house.account("bob");
    let now = house.fake.world().clock.now().millis();
    let hours = |window: &str| {
        let told = house.window("bob", window);
        told["resets_at_ms"].as_i64().map(|at| (at - now) as f64 / 3_600_000.0)
    };
    let short = house.window("bob", "five_hour")["used"].as_f64().unwrap_or_default();
    assert!(short < 90.0, "the week's refusal filled the 5-hour window: {bob}");
    assert!(hours("five_hour").is_none_or(|hours| hours < 5.1), "{bob}");
    let refusal = bob.to_string();
    assert!(!refusal.contains("\"five_hour\",\"refused\""), "{bob}");
    Value::Null
}

/// After a swap the status line's numbers belong to whoever's answer they came from.
pub fn status_line_numbers_are_whose_answer_they_are(ground: &Ground) -> Value {
    let house = super::swaps::two(ground);
    // The only numbers there are come from the status line.
    house.fake.world().fault(Fault::always(Endpoint::Usage, Fault::status(503)));
    let documents = house.log("documents");
    let own = format!("cat >> {0}; echo >> {0}; echo drawn", documents.display());
    let line = format!("sluice hook status-line -- sh -c '{own}'");
    let line = json!({"type": "command", "command": line});
    let settings = json!({"statusLine": line});
    std::fs::write(house.claude.dir.join("settings.json"), settings.to_string()).expect("settings");
    let _daemon = house.daemon();
    house.done(&["hooks", "install", "--yes"]);
    let mut terminal = Terminal::open(&house);
    terminal.wait_shown("drawn");
    for (email, told) in [(BOB, (10.0, 50.0)), (ADA, (33.0, 7.0)), (BOB, (11.0, 51.0))] {
        if house.in_store().as_deref() != Some(email) {
            house.done(&["swap", label(email)]);
        }
        house.fake.world().set_usage(email, told.0, told.1);
        talk_until_drawn(&house, &mut terminal, &documents, told);
    }
    drop(terminal);
    // What hooks left for the driver it looks at once a minute.
    let right = [("ada", (Some(33.0), Some(7.0))), ("bob", (Some(11.0), Some(51.0)))];
    let end = Instant::now() + Duration::from_secs(80);
    while right.iter().any(|(label, told)| numbers(&house, label) != *told) {
        let shown = (numbers(&house, "ada"), numbers(&house, "bob"));
        assert!(Instant::now() < end, "ada's and bob's stayed at {shown:?}");
        std::thread::sleep(Duration::from_millis(250));
    }
    Value::Null
}

/// Prompts until the tool has drawn these numbers. It draws with an answer, and gives up a drawing
/// that takes long: on a busy machine one answer may not be enough.
fn talk_until_drawn(
    house: &House,
    terminal: &mut Terminal,
    documents: &std::path::Path,
    told: (f64, f64),
) {
    for _ in 0..5 {
        let asked = house.asked(MESSAGES).len();
        terminal.type_prompt("hello");
        house.wait_asked(MESSAGES, asked + 1);
        let end = Instant::now() + Duration::from_secs(8);
        while Instant::now() < end {
            if drawn(documents) == (Some(told.0), Some(told.1)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    panic!("{told:?} was never drawn, but {:?}", drawn(documents));
}

/// Short window and week of the newest document the tool gave to its status line.
fn drawn(documents: &std::path::Path) -> (Option<f64>, Option<f64>) {
    let text = std::fs::read_to_string(documents).unwrap_or_default();
    let whole = |line: &str| serde_json::from_str::<Value>(line).ok();
    let newest = text.lines().rev().find_map(whole).unwrap_or_default();
    let window = |name: &str| newest["rate_limits"][name]["used_percentage"].as_f64();
    (window("five_hour"), window("seven_day"))
}

fn numbers(house: &House, label: &str) -> (Option<f64>, Option<f64>) {
    let used = |kind: &str| house.window(label, kind)["used"].as_f64();
    (used("five_hour"), used("seven_day"))
}
