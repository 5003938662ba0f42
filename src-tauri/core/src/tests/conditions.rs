//! What is told of the accounts themselves: exhaustion, numbers that are old, an account that is
//! behind, steps and resets.

use super::*;
use crate::records::Record;

fn set(outside: &mut Outside, key: &str, value: impl Into<serde_json::Value>) {
    let answer = outside.ask(Request::Set { key: key.to_owned(), value: value.into() });
    assert_eq!(answer, Answer::Done);
}

fn decisions(outside: &Outside, from: Utc) -> usize {
    let stored = outside.since(from).filter(|effect| {
        matches!(effect, Effect::Store { record, .. } if matches!(**record, Record::Decision { .. }))
    });
    stored.count()
}

/// The live account's 5-hour window is so full and the other's week is used up.
fn used_up(five_hour: f64) -> Outside {
    let mut outside = Outside::pair("advise");
    outside.usage.insert(outside.id("b"), (0.0, 100.0, 20));
    outside.ask(Request::Refresh { account: None });
    outside.advance(600);
    outside.usage.insert(outside.id("a"), (five_hour, 40.0, 100));
    outside.notices.clear();
    // Here a window's end recedes with the clock: long, and it would be another episode.
    outside.advance(1_500);
    outside
}

#[test]
fn exhaustion_is_told_once_with_the_account_that_recovers_first() {
    // A's 5-hour window resets in three hours, B's week in about twenty.
    let outside = used_up(99.5);
    let told = outside.told(NoticeKind::Exhausted);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].title, "A is running out and nobody can take over");
    assert!(told[0].body.contains("A has room again in 3 h."), "{}", told[0].body);

    let outside = used_up(95.0);
    let told = outside.told(NoticeKind::Exhausted);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].body.contains("B has room again in 19 h"), "{}", told[0].body);
}

#[test]
fn ten_looks_at_old_numbers_are_told_and_the_first_new_number_ends_it() {
    let mut outside = Outside::pair("advise");
    let unreachable = PollError::Read(ReadError::Unreachable("no network".to_owned()));
    outside.poll_error.insert(outside.id("a"), unreachable);
    outside.poll_error.insert(outside.id("b"), PollError::Read(ReadError::TokenRefused));
    outside.refresh_error = Some(RefreshReport::NeedsSignIn("refused".to_owned()));
    outside.notices.clear();
    let blind = outside.now.wall;
    let mut looks = 0;
    while outside.told(NoticeKind::Stall).is_empty() {
        outside.advance(60);
        let age = outside.now.wall.seconds_since(blind);
        assert!(
            age < 4.0 * 3_600.0,
            "{:?} {:?}",
            outside.view.last_decision,
            outside.view.accounts[1]
        );
        looks = decisions(&outside, blind.plus_seconds(1_800));
    }
    assert!(looks >= 10, "told after {looks} looks at numbers older than half an hour");
    outside.advance(2 * 3_600);
    assert_eq!(outside.told(NoticeKind::Stall).len(), 1, "once while it lasts");
    assert_eq!(outside.told(NoticeKind::Stall)[0].title, "The live account's numbers are old");
    outside.poll_error.clear();
    outside.advance(3_600);
    assert!(!outside.core.notices.is_open(&Cause::Stall(CLAUDE)));
}

#[test]
fn an_urgent_account_that_is_behind_is_information_and_told_once() {
    let mut outside = Outside::pair("auto");
    set(&mut outside, "policy", "tiered");
    // Announcements of capacity go first; they would take the day's measure.
    set(&mut outside, "notify.drain", false);
    // Both weeks end on the same day, so that neither is more urgent.
    outside.usage.insert(outside.id("a"), (10.0, 20.0, 20));
    outside.usage.insert(outside.id("b"), (0.0, 21.0, 21));
    outside.notices.clear();
    outside.advance(2 * 3_600);
    let told = outside.told(NoticeKind::SameTier);
    assert_eq!(told.len(), 1, "{:?} {:?}", outside.notices, outside.view.last_decision);
    assert_eq!(told[0].title, "B is behind");
    assert!(told[0].actions.is_empty(), "it asks for nothing");
    assert_eq!(outside.swaps().len(), 0);

    let mut near = Outside::pair("auto");
    set(&mut near, "policy", "tiered");
    set(&mut near, "notify.drain", false);
    near.usage.insert(near.id("a"), (10.0, 88.0, 20));
    near.usage.insert(near.id("b"), (0.0, 89.0, 21));
    near.notices.clear();
    near.advance(2 * 3_600);
    assert_eq!(near.told(NoticeKind::SameTier).len(), 0, "{:?}", near.view.last_decision);
}

#[test]
fn a_plan_that_loses_its_5_hour_window_is_told_once() {
    let mut outside = Outside::pair("advise");
    let (a, b) = (outside.id("a"), outside.id("b"));
    // Nothing else is worth a word that day.
    outside.usage.insert(b, (0.0, 20.0, 6 * 24));
    outside.ask(Request::Refresh { account: Some(b) });
    outside.notices.clear();
    for has_short in [true, false, false, false, true, true] {
        outside.usage.insert(a, (10.0, 21.0, 6 * 24));
        if has_short {
            outside.no_short.remove(&a);
        } else {
            outside.no_short.insert(a);
        }
        outside.ask(Request::Refresh { account: Some(a) });
        outside.advance(1_200);
    }
    let titles: Vec<_> =
        outside.told(NoticeKind::Limits).iter().map(|notice| notice.title.clone()).collect();
    assert_eq!(titles, ["A has no 5-hour limit any more", "A has a 5-hour limit now"]);
}

#[test]
fn steps_and_resets_are_told_only_when_wished_and_each_once() {
    let steps = [74.0, 76.0, 77.0, 91.0, 96.0, 97.0, 2.0];
    let play = |outside: &mut Outside| {
        let a = outside.id("a");
        outside.notices.clear();
        for used in steps {
            outside.usage.insert(a, (used, 10.0, 6 * 24));
            outside.ask(Request::Refresh { account: Some(a) });
            outside.advance(1_200);
        }
    };
    let mut silent = Outside::pair("advise");
    play(&mut silent);
    assert_eq!(silent.told(NoticeKind::Threshold).len() + silent.told(NoticeKind::Reset).len(), 0);

    let mut outside = Outside::pair("advise");
    for kind in ["notify.threshold", "notify.reset"] {
        set(&mut outside, kind, true);
    }
    play(&mut outside);
    let titles: Vec<_> =
        outside.told(NoticeKind::Threshold).iter().map(|notice| notice.title.clone()).collect();
    assert_eq!(
        titles,
        [
            "A: 76 % of the 5-hour window used",
            "A: 91 % of the 5-hour window used",
            "A: 96 % of the 5-hour window used"
        ]
    );
    // What empties before its reset is told as that; this one's time has come.
    assert_eq!(outside.told(NoticeKind::Reset), Vec::<&Notice>::new());
    let a = outside.id("a");
    outside.usage.insert(a, (96.0, 10.0, 6 * 24));
    outside.ask(Request::Refresh { account: Some(a) });
    outside.hung.insert(a);
    outside.advance(3 * 3_600);
    outside.hung.remove(&a);
    outside.usage.insert(a, (2.0, 10.0, 6 * 24));
    outside.ask(Request::Refresh { account: Some(a) });
    outside.advance(1_200);
    let resets = outside.told(NoticeKind::Reset);
    assert_eq!(resets.len(), 1, "{resets:?}");
    assert_eq!(resets[0].title, "A: the 5-hour window has reset");
}

#[test]
fn an_episode_stays_the_same_while_its_reset_wanders_about_half_past() {
    let half_past = START.plus_seconds(30 * 60);
    let mut told = crate::notices::Notices::default();
    let drain = |id| move |hour| Cause::Drain { account: AccountId(id), hour };
    let first = told.episode(drain(1), Some(half_past.plus_seconds(-2)));
    told.reopen(first.clone(), START);
    for seconds in [-1_700, -2, 0, 2, 1_700] {
        assert_eq!(told.episode(drain(1), Some(half_past.plus_seconds(seconds))), first);
    }
    assert_ne!(told.episode(drain(1), Some(half_past.plus_seconds(5 * 3_600))), first);
    assert_ne!(told.episode(drain(2), Some(half_past)), first);
    let snoozed = told.episode(drain(2), Some(half_past));
    told.snooze(&snoozed, START.plus_seconds(3_600));
    assert_eq!(told.episode(drain(2), Some(half_past.plus_seconds(-60))), snoozed);
}

#[test]
fn numbers_for_a_collector_are_written_only_when_wished_and_at_a_bounded_pace() {
    let mut outside = Outside::pair("auto");
    let written = |outside: &Outside, from: Utc| -> Vec<Utc> {
        let all = outside.done.iter().filter(|(at, _)| *at >= from);
        all.filter(|(_, effect)| matches!(effect, Effect::Metrics { call: None, .. }))
            .map(|(at, _)| *at)
            .collect()
    };
    outside.advance(3_600);
    assert_eq!(written(&outside, START), []);
    let taken = |outside: &Outside| {
        let away = |(_, effect): &&(Utc, Effect)| matches!(effect, Effect::ForgetMetrics);
        outside.done.iter().filter(away).count()
    };
    assert_eq!(taken(&outside), 1, "what an earlier run may have left, once");
    let from = outside.now.wall;
    set(&mut outside, "metrics.file", true);
    // What changes by the second publishes as often.
    for second in 0..600 {
        outside.usage.insert(outside.id("a"), (f64::from(second) / 10.0, 10.0, 100));
        outside.ask(Request::Rename { account: outside.id("b"), label: format!("B {second}") });
        outside.advance(1);
    }
    let times = written(&outside, from);
    assert_eq!(times[0], from, "at once");
    assert!(times.len() >= 10 && times.len() <= 41, "{} in ten minutes", times.len());
    let gaps = times.windows(2).map(|pair| pair[1].seconds_since(pair[0]));
    assert!(gaps.into_iter().all(|gap| (15.0..=61.0).contains(&gap)));
    let from = outside.now.wall.plus_seconds(1);
    set(&mut outside, "metrics.file", false);
    assert_eq!(taken(&outside), 2, "what would grow old is taken away");
    outside.advance(3_600);
    assert_eq!(written(&outside, from), []);
}

#[test]
fn a_database_that_fails_is_told_as_that_and_a_full_disk_as_full() {
    for (code, need) in [(Code::Disk, Need::Disk), (Code::DiskFull, Need::DiskFull)] {
        let mut outside = Outside::pair("advise");
        let now = outside.now;
        let mut stored = |result| {
            outside.core.handle(Input::Stored { then: AfterStore::Nothing, result }, now);
            outside.core.notices.needs().into_iter().map(|need| need.code).collect::<Vec<_>>()
        };
        let trouble = PortError::new(code, "The database: it failed.");
        assert_eq!(stored(Err(trouble)), [need]);
        assert_eq!(stored(Ok(1)), [], "it works again");
    }
}
