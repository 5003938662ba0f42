//! What is told, how often, and what a restart makes of it.

use super::*;
use crate::records::Record;

fn notice(cause: &str) -> Notice {
    let Ok(cause) = cause.parse();
    Notice::new(cause, "T", "")
}

fn working_day() -> Calendar {
    let midnight = START.plus_seconds(-8 * 3_600);
    let day = |n: i64| midnight.plus_seconds(n * 86_400);
    Calendar {
        spans: (0..400).map(|n| (day(n).plus_seconds(7 * 3_600), day(n + 1))).collect(),
        midnights: (0..400).map(day).collect(),
        weekly_hours: 119.0,
    }
}

#[test]
fn a_notice_is_written_down_before_it_is_shown() {
    let mut outside = Outside::pair("auto");
    outside.usage.insert(outside.id("a"), (99.0, 50.0, 100));
    outside.advance(3_600);
    let mut written = BTreeSet::new();
    let mut shown = 0;
    for (_, effect) in &outside.done {
        match effect {
            Effect::Store { record, .. } => {
                if let Record::Notice { notice, .. } = &**record {
                    written.insert(notice.cause.clone());
                }
            }
            Effect::Tell { notice, row, .. } => {
                assert!(written.contains(&notice.cause) && row.is_some(), "{notice:?}");
                shown += 1;
            }
            _ => {}
        }
    }
    assert!(shown > 0);
}

#[test]
fn what_was_not_shown_is_shown_after_a_restart_unless_it_is_old() {
    let loaded = Loaded {
        lanes: vec![lane()],
        untold: vec![
            (7, START.plus_seconds(-3_600), notice("drain:1:5")),
            (6, START.plus_seconds(-13 * 3_600), notice("exhausted:claude:4")),
        ],
        ..Loaded::default()
    };
    let outside = Outside::load(loaded, None);
    let told: Vec<_> = outside.notices.iter().map(|notice| &notice.cause).collect();
    assert_eq!(told, [&Cause::Drain { account: AccountId(1), hour: 5 }]);
    let rows = outside.done.iter().filter_map(|(_, effect)| match effect {
        Effect::Tell { row, .. } => *row,
        _ => None,
    });
    assert_eq!(rows.collect::<Vec<_>>(), [7], "it keeps its row, so that it is claimed once");
}

#[test]
fn an_episode_is_told_once_also_over_a_restart() {
    let mut outside = Outside::pair("advise");
    outside.input(Input::Calendar(working_day()));
    outside.advance(12 * 3_600);
    let drains: Vec<_> = outside.told(NoticeKind::Drain).into_iter().cloned().collect();
    assert_eq!(drains.len(), 1, "{drains:?}");
    assert!(drains[0].title.starts_with("B: "), "{drains:?}");
    let told = (drains[0].cause.clone(), NoticeKind::Drain, START);
    let usage = outside.usage.clone();
    let loaded = Loaded { told: vec![told], ..outside.reload() };
    let mut again = Outside::load(loaded, Some("a".to_owned()));
    again.usage = usage;
    again.input(Input::Calendar(working_day()));
    again.advance(12 * 3_600);
    assert_eq!(again.told(NoticeKind::Drain).len(), 0, "{:?}", again.told(NoticeKind::Drain));
}

#[test]
fn an_account_that_is_switched_off_is_not_announced() {
    let mut outside = Outside::pair("advise");
    let account = outside.id("b");
    outside.ask(Request::SetEnabled { account, enabled: false });
    outside.notices.clear();
    outside.advance(19 * 3_600);
    assert_eq!(outside.told(NoticeKind::Drain).len(), 0, "{:?}", outside.told(NoticeKind::Drain));
}

#[test]
fn route_work_here_swaps_and_snooze_silences_the_week() {
    let mut outside = Outside::pair("advise");
    outside.advance(12 * 3_600);
    let drain = outside.told(NoticeKind::Drain)[0].clone();
    let keys: Vec<_> = drain.actions.iter().map(|action| action.label.as_str()).collect();
    assert_eq!(keys, ["Route work here", "Snooze"]);
    let snoozed = outside.ask(drain.actions[1].request.clone());
    assert!(matches!(snoozed, Answer::Done), "{snoozed:?}");
    outside.advance(3 * 3_600);
    assert_eq!(outside.told(NoticeKind::Drain).len(), 1);
    let swapped = outside.ask(drain.actions[0].request.clone());
    assert!(matches!(swapped, Answer::Swapped(_)), "{swapped:?}");
    assert_eq!(outside.view.providers[0].live, Some(outside.id("b")));
}

#[test]
fn what_needs_the_person_is_told_however_much_was_told_before() {
    let told = (0..5).map(|n| {
        let advice = Cause::Advice { provider: CLAUDE, to: AccountId(n) };
        (advice, NoticeKind::Advice, START)
    });
    let loaded = Loaded { lanes: vec![lane()], told: told.collect(), ..Loaded::default() };
    let mut outside = Outside::load(loaded, None);
    outside.input(Input::Health(Health::Locked));
    assert_eq!(outside.told(NoticeKind::Keychain).len(), 1);
}

#[test]
fn a_kind_that_is_switched_off_is_not_told() {
    let mut outside = Outside::pair("advise");
    outside.notices.clear();
    outside.ask(Request::Set { key: "notify.drain".to_owned(), value: false.into() });
    outside.advance(12 * 3_600);
    assert_eq!(outside.told(NoticeKind::Drain).len(), 0);
}

#[test]
fn at_most_three_notices_a_day_come_unasked_for_under_horizon() {
    at_most_three("horizon");
}

#[test]
fn at_most_three_notices_a_day_come_unasked_for_under_tiered() {
    at_most_three("tiered");
}

/// Weeks of a person at work on three accounts whose weeks end on different days; nobody clicks.
/// `SLUICE_LONG=1` makes it a year.
fn at_most_three(policy: &str) {
    let days = if std::env::var_os("SLUICE_LONG").is_some() { 365 } else { 8 };
    let mut outside = Outside::empty();
    outside.ask(Request::Set { key: "policy".to_owned(), value: policy.into() });
    for (key, hours) in [("a", 30), ("b", 80), ("c", 150)] {
        outside.sign_in_and_add(key, (0.0, 10.0, hours));
    }
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Auto });
    outside.ask(Request::Resume { provider: None });
    outside.input(Input::Calendar(working_day()));
    let begun = outside.now.wall;
    outside.done.clear();
    let mut told: BTreeMap<i64, Vec<Cause>> = BTreeMap::new();
    let mut kinds: BTreeMap<NoticeKind, usize> = BTreeMap::new();
    for hour in 0..days * 24 {
        let working = (8..20).contains(&(hour % 24));
        outside.burn = if working { 0.9 + 0.5 * ((hour / 24) % 3) as f64 } else { 0.0 };
        weeks_end(&mut outside, hour);
        outside.advance(3_600);
        for (at, effect) in core::mem::take(&mut outside.done) {
            if let Effect::Tell { notice, .. } = effect
                // Each swap is told; that has no measure.
                && notice.kind != NoticeKind::SwapDone
            {
                let day = at.seconds_since(begun) as i64 / 86_400;
                told.entry(day).or_default().push(notice.cause.clone());
                *kinds.entry(notice.kind).or_default() += 1;
            }
        }
    }
    let sum: usize = told.values().map(Vec::len).sum();
    assert!(sum > days as usize / 8, "something was told: {told:?}");
    let worst = told.values().max_by_key(|causes| causes.len());
    assert!(worst.is_some_and(|causes| causes.len() <= 3), "{worst:?}");
    std::println!("{sum} notices in {days} days, by kind: {kinds:?}");
}

/// The live account fills up again and again: swaps follow each other.
fn busy_hours(outside: &mut Outside, hours: i64) -> usize {
    outside.done.clear();
    outside.notices.clear();
    outside.burn = 3.0;
    for hour in 0..hours {
        weeks_end(outside, hour);
        outside.advance(3_600);
    }
    outside.done.iter().filter(|(_, effect)| matches!(effect, Effect::Swap(_))).count()
}

fn swapping() -> Outside {
    let mut outside = Outside::empty();
    for (key, hours) in [("a", 300), ("b", 320), ("c", 350)] {
        outside.sign_in_and_add(key, (0.0, 1.0, hours));
    }
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Auto });
    outside.ask(Request::Resume { provider: None });
    outside.input(Input::Calendar(working_day()));
    outside
}

#[test]
fn each_automatic_swap_is_told_once() {
    let mut outside = swapping();
    let swaps = busy_hours(&mut outside, 10);
    assert!(swaps > 3, "more swaps than the day's measure of notices: {swaps}");
    assert_eq!(outside.told(NoticeKind::SwapDone).len(), swaps, "{:?}", outside.notices);
}

#[test]
fn swaps_of_quiet_hours_are_told_as_one_when_they_end() {
    let mut outside = swapping();
    outside.ask(Request::Set { key: "quiet.hours".to_owned(), value: "08:00-18:00".into() });
    let swaps = busy_hours(&mut outside, 9);
    assert!(swaps > 2, "{swaps}");
    assert_eq!(outside.told(NoticeKind::SwapDone).len(), 0, "it is quiet");
    outside.burn = 0.0;
    outside.advance(3 * 3_600);
    let told = outside.told(NoticeKind::SwapDone);
    assert_eq!(told.len(), 1, "{told:?}");
    let before = format!("{} more swaps came before it", swaps - 1);
    assert!(told[0].body.contains(&before), "{told:?}");
}

#[test]
fn texts_of_others_reach_no_notice_as_they_are() {
    let mut outside = Outside::pair("advise");
    let note = "\u{1b}[2Jcleared\u{202e}".to_owned();
    outside.core.tell(Word::note(&note), outside.now);
    outside.advance(60);
    let told = outside.notices.iter().find(|one| one.body.contains("cleared")).expect("told");
    assert_eq!(told.body, "[2Jcleared");
}

/// Windows empty when their time has come; the simulated provider itself lets them stand.
fn weeks_end(outside: &mut Outside, hour: i64) {
    for (index, usage) in outside.usage.values_mut().enumerate() {
        if (hour + index as i64) % 5 == 0 {
            usage.0 = 0.0;
        }
        if hour >= usage.2 {
            usage.1 = 0.0;
            usage.2 += 7 * 24;
        }
    }
}

/// Weeks of a person who works; the account's weeks end with much left or with nothing. Each week that
/// is announced is announced once, and a disabled account's never.
#[test]
fn over_simulated_weeks_each_episode_is_announced_once_and_none_of_a_disabled_account() {
    let mut outside = Outside::empty();
    for (key, hours) in [("a", 30), ("b", 80), ("c", 150)] {
        outside.sign_in_and_add(key, (0.0, 10.0, hours));
    }
    let off = outside.id("c");
    outside.sign_in("a");
    outside.ask(Request::SetEnabled { account: off, enabled: false });
    outside.input(Input::Calendar(working_day()));
    outside.done.clear();
    let mut announced: BTreeMap<Cause, usize> = BTreeMap::new();
    let days = if std::env::var_os("SLUICE_LONG").is_some() { 84 } else { 11 };
    for hour in 0..days * 24 {
        outside.burn = if (8..20).contains(&(hour % 24)) { 0.4 } else { 0.0 };
        weeks_end(&mut outside, hour);
        outside.advance(3_600);
        for (_, effect) in core::mem::take(&mut outside.done) {
            if let Effect::Tell { notice, .. } = effect
                && notice.kind == NoticeKind::Drain
            {
                *announced.entry(notice.cause.clone()).or_default() += 1;
            }
        }
    }
    let of = |id: AccountId| {
        announced
            .keys()
            .filter(|cause| matches!(cause, Cause::Drain { account, .. } if *account == id))
            .count()
    };
    assert_eq!(of(off), 0, "{announced:?}");
    assert!(of(outside.id("b")) as i64 >= days / 7, "{announced:?}");
    assert!(announced.values().all(|times| *times == 1), "{announced:?}");
}

/// Local days with a change of the clocks: the third has 23 hours, the fifth 25.
fn changing_days() -> (Vec<Utc>, Calendar) {
    let mut midnights = vec![START.plus_seconds(-8 * 3_600)];
    for hours in [24, 24, 23, 24, 25, 24, 24, 24] {
        midnights.push(midnights[midnights.len() - 1].plus_seconds(hours * 3_600));
    }
    let calendar = Calendar {
        spans: midnights.windows(2).map(|day| (day[1].plus_seconds(-15 * 3_600), day[1])).collect(),
        midnights: midnights.clone(),
        weekly_hours: 105.0,
    };
    (midnights, calendar)
}

#[test]
fn quiet_hours_follow_the_wall_clock_over_a_change_of_the_clocks() {
    let (midnights, calendar) = changing_days();
    let mut outside = Outside::pair("advise");
    outside.input(Input::Calendar(calendar));
    outside.ask(Request::Set { key: "quiet.hours".to_owned(), value: "22:00-07:00".into() });
    // Hours after midnight at which it is seven in the morning and ten in the evening.
    for (day, seven, ten) in [(1, 7, 22), (2, 6, 21), (3, 7, 22), (4, 8, 23)] {
        for (hour, before, after) in [(seven, true, false), (ten, false, true)] {
            let at = |seconds: i64| {
                let wall = midnights[day].plus_seconds(hour * 3_600 + seconds);
                outside.core.settings.is_quiet(&outside.core.world.calendar, wall)
            };
            assert_eq!((at(-60), at(60)), (before, after), "day {day}, {hour} h");
        }
    }
}

#[test]
fn a_digest_comes_once_a_day_over_a_change_of_the_clocks() {
    let (midnights, calendar) = changing_days();
    let mut outside = Outside::pair("advise");
    // Something is always about to be lost, and not announced by itself; no other news takes the
    // place of the digest.
    for kind in ["drain", "same_tier"] {
        outside.ask(Request::Set { key: format!("notify.{kind}"), value: false.into() });
    }
    outside.input(Input::Calendar(calendar));
    outside.done.clear();
    let mut told = Vec::new();
    for hour in 0..6 * 24 {
        weeks_end(&mut outside, hour);
        for usage in outside.usage.values_mut() {
            usage.2 = hour / 24 * 24 + 36;
        }
        outside.advance(3_600);
        for (at, effect) in core::mem::take(&mut outside.done) {
            if let Effect::Tell { notice, .. } = effect
                && notice.kind == NoticeKind::Digest
            {
                told.push(midnights.partition_point(|midnight| *midnight <= at));
            }
        }
    }
    let days: BTreeSet<usize> = told.iter().copied().collect();
    assert_eq!(days.len(), told.len(), "one a day: {told:?}");
    assert!(days.contains(&3) && days.contains(&5), "also on the days of the change: {told:?}");
}

/// The account that is not live; its week ends in so many hours.
fn week_that_ends(hours: i64, outage: std::ops::Range<i64>) -> Vec<sluice_engine::forecast::Ended> {
    let mut outside = Outside::pair("advise");
    let id = outside.id("b");
    outside.usage.insert(id, (0.0, 40.0, hours));
    outside.input(Input::Calendar(working_day()));
    for hour in 0..hours + 3 {
        if outage.contains(&hour) {
            outside.poll_error.insert(id, PollError::Late);
        } else {
            outside.poll_error.remove(&id);
        }
        outside.advance(3_600);
    }
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
fn what_was_left_of_a_week_that_nobody_saw_end_is_unknown_and_not_zero() {
    let seen = week_that_ends(40, 0..0);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!((seen[0].unused - 60.0).abs() < 0.5, "{seen:?}");
    let short = week_that_ends(40, 34..43);
    assert_eq!(short.len(), 1, "an idle account's reading of some hours ago is good enough");
    assert!((short[0].unused - 60.0).abs() < 0.5, "{short:?}");
    assert_eq!(week_that_ends(40, 20..43), [], "nothing is claimed after a day without a reading");
}
