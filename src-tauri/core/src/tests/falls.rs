//! Windows that empty before their reset: told once, kept, and no error.

use super::*;
use sluice_engine::{FallCause, forecast::Ended};

/// `a` is live at 61 % of its week, `b` parked at 40 %; both have been read.
fn used() -> Outside {
    let mut outside = Outside::pair("advise");
    let (a, b) = (outside.id("a"), outside.id("b"));
    outside.usage.insert(a, (30.0, 61.0, 5 * 24));
    outside.usage.insert(b, (0.0, 40.0, 4 * 24));
    outside.ask(Request::Refresh { account: None });
    // Two words a day are told; nothing else shall take their place.
    for kind in ["notify.drain", "notify.advice", "notify.digest", "notify.same_tier"] {
        outside.ask(Request::Set { key: kind.to_owned(), value: false.into() });
    }
    outside.advance(86_400);
    outside.notices.clear();
    outside
}

/// The account's windows empty; its week ends in so many hours from the start.
fn empties(outside: &mut Outside, key: &str, hours: i64) {
    let id = outside.id(key);
    outside.usage.insert(id, (0.0, 0.0, hours));
    outside.ask(Request::Refresh { account: Some(id) });
    outside.advance(60);
}

fn kept_falls(outside: &Outside) -> Vec<(AccountId, WindowKind, FallCause)> {
    let kept = outside.done.iter().filter_map(|(_, effect)| match effect {
        Effect::Store { record, .. } => match &**record {
            Record::Fall { account, fall } => Some((*account, fall.kind.clone(), fall.cause)),
            _ => None,
        },
        _ => None,
    });
    kept.collect()
}

fn stranded(outside: &Outside, id: AccountId) -> Vec<Ended> {
    let ended = outside.done.iter().filter_map(|(_, effect)| match effect {
        Effect::Store { record, .. } => match &**record {
            Record::Stranded(week) if week.account == id => Some(*week),
            _ => None,
        },
        _ => None,
    });
    ended.collect()
}

#[test]
fn a_window_that_falls_early_is_told_once_and_kept() {
    let mut outside = used();
    let a = outside.id("a");
    empties(&mut outside, "a", 8 * 24);
    outside.advance(4 * 3_600);
    let told = outside.told(NoticeKind::Fall);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].title, "A: the 5-hour window and week emptied early");
    assert!(told[0].body.contains("From 61 % to 0 %, "), "{}", told[0].body);
    assert_eq!(outside.told(NoticeKind::Reset), Vec::<&Notice>::new());
    let kept = kept_falls(&outside);
    assert!(kept.contains(&(a, WindowKind::SevenDay, FallCause::Unsaid)), "{kept:?}");
    let row = outside.view.accounts.iter().find(|row| row.id == a).expect("a");
    assert_eq!(row.fell.len(), 2, "{:?}", row.fell);
    assert_eq!(row.problem, None);

    // After a restart it is known.
    let mut loaded = outside.reload();
    let told = outside.told(NoticeKind::Fall).into_iter();
    loaded.told = told.map(|one| (one.cause.clone(), one.kind, outside.now.wall)).collect();
    let usage = outside.usage.clone();
    let mut again = Outside::load(loaded, Some("a".to_owned()));
    again.usage = usage;
    again.ask(Request::Refresh { account: None });
    again.advance(3_600);
    assert_eq!(again.told(NoticeKind::Fall), Vec::<&Notice>::new());
}

#[test]
fn what_was_used_before_a_fall_is_not_lost() {
    // The week begins anew: the reset that would have come never comes, and nothing of it was lost.
    let mut outside = used();
    let a = outside.id("a");
    empties(&mut outside, "a", 8 * 24);
    for _ in 0..5 * 24 {
        outside.advance(3_600);
    }
    assert_eq!(stranded(&outside, a), []);

    // The reset stays: what was left since the fall is what was lost.
    let mut outside = used();
    let a = outside.id("a");
    empties(&mut outside, "a", 5 * 24);
    outside.usage.insert(a, (0.0, 20.0, 5 * 24));
    for _ in 0..4 * 24 {
        outside.advance(3_600);
    }
    let ended = stranded(&outside, a);
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert!((ended[0].unused - 80.0).abs() < 1.0, "{ended:?}");
}

#[test]
fn accounts_that_fall_together_are_told_as_a_promotion() {
    let mut outside = used();
    let (a, b) = (outside.id("a"), outside.id("b"));
    outside.usage.insert(b, (0.0, 0.0, 8 * 24));
    // Whether the others know it is asked at once.
    empties(&mut outside, "a", 8 * 24);
    outside.advance(600);
    let told = outside.told(NoticeKind::Fall);
    assert_eq!(told.len(), 2, "one alone, then the promotion: {told:?}");
    assert_eq!(told[1].title, "Claude: windows emptied early");
    assert!(told[1].body.contains("A and B"), "{}", told[1].body);
    for id in [a, b] {
        let falls = outside.core.world.falls(id);
        assert!(falls.iter().all(|fall| fall.cause == FallCause::Promotion), "{falls:?}");
        assert!(kept_falls(&outside).contains(&(id, WindowKind::SevenDay, FallCause::Promotion)));
    }
}

#[test]
fn the_forecast_begins_anew_after_a_fall() {
    let mut outside = used();
    let a = outside.id("a");
    empties(&mut outside, "a", 8 * 24);
    let row = outside.view.accounts.iter().find(|row| row.id == a).expect("a");
    let week = row.forecasts.seven_day.expect("a forecast");
    assert_eq!(week.resets_at_ms, START.plus_seconds(8 * 24 * 3_600).millis());
    assert!(week.p90 > 45.0, "what was used before is used no more: {week:?}");
}

#[test]
fn a_limit_reset_that_is_gone_names_the_fall() {
    let mut outside = used();
    let a = outside.id("a");
    empties(&mut outside, "a", 5 * 24);
    let now = outside.now;
    outside.core.on_limit_reset_spent(a, now);
    outside.advance(1);
    assert!(kept_falls(&outside).contains(&(a, WindowKind::SevenDay, FallCause::LimitReset)));
}
