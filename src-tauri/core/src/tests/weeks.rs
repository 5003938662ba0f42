//! The plan for the coming week, as front ends have it.

use super::*;
use sluice_protocol::SpanView;

const QUARTER_S: i64 = 900;
const WEEK_MS: i64 = 7 * 86_400_000;

fn planning(mode: &str) -> Outside {
    let mut outside = Outside::pair(mode);
    assert_eq!(outside.view.week.stretches, [], "tiered plans nothing");
    let policy = Request::Set { key: "policy".to_owned(), value: "horizon".into() };
    assert_eq!(outside.ask(policy), Answer::Done);
    outside.advance(1_800);
    outside
}

#[test]
fn the_plan_of_the_week_is_shown_from_the_live_account_on() {
    let mut outside = planning("advise");
    let told = outside.view.week.stretches.clone();
    assert_eq!(told.first().map(|first| first.account), Some(outside.id("a")), "{told:?}");
    let (from, until) = (told[0].from_ms, told[told.len() - 1].until_ms);
    assert!((WEEK_MS - 900_000..=WEEK_MS).contains(&(until - from)), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].until_ms == pair[1].from_ms), "{told:?}");

    // Another one is live: what was planned from the former one on is over.
    outside.sign_in("b");
    let first = outside.view.week.stretches.first().map(|first| first.account);
    assert_ne!(first, Some(outside.id("a")));

    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Off });
    assert_eq!(outside.view.week.stretches, [], "nobody decides, nothing is planned");
}

#[test]
fn a_plan_stands_for_a_quarter_of_an_hour() {
    let mut outside = planning("advise");
    let mut changes = 0;
    let mut last = outside.view.week.clone();
    for _ in 0..12 {
        outside.advance(300);
        changes += usize::from(outside.view.week != last);
        last = outside.view.week.clone();
    }
    assert!((1..=4).contains(&changes), "{changes} plans within an hour");
    assert!(last.stretches[0].from_ms % (QUARTER_S * 1_000) == 0);
}

#[test]
fn the_week_has_the_working_hours_ahead() {
    let mut outside = Outside::pair("advise");
    let at = |hours: i64| START.plus_seconds(hours * 3_600);
    let spans = vec![(at(-20), at(-12)), (at(-1), at(8)), (at(23), at(32)), (at(200), at(208))];
    outside.input(Input::Calendar(Calendar { spans, ..Calendar::default() }));
    let span = |from, until| SpanView { from_ms: at(from).millis(), until_ms: at(until).millis() };
    assert_eq!(outside.view.week.work, [span(-1, 8), span(23, 32)]);
}
