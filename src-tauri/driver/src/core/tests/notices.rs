//! What is told, how often, and what a restart makes of it.

use super::*;
use crate::ports::Record;

fn notice(cause: &str, kind: &str) -> Notice {
    Notice {
        cause: cause.to_owned(),
        kind: kind.to_owned(),
        title: "T".to_owned(),
        body: String::new(),
        actions: Vec::new(),
    }
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
            (7, START.plus_seconds(-3_600), notice("drain:1:5", "drain")),
            (6, START.plus_seconds(-13 * 3_600), notice("exhausted:claude:4", "exhausted")),
        ],
        ..Loaded::default()
    };
    let outside = Outside::load(loaded, None);
    let told: Vec<_> = outside.notices.iter().map(|notice| notice.cause.as_str()).collect();
    assert_eq!(told, ["drain:1:5"]);
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
    let drains: Vec<_> = outside.told("drain").into_iter().cloned().collect();
    assert_eq!(drains.len(), 1, "{drains:?}");
    assert!(drains[0].title.starts_with("B: "), "{drains:?}");
    let told = (drains[0].cause.clone(), "drain".to_owned(), START);
    let usage = outside.usage.clone();
    let loaded = Loaded { told: vec![told], ..outside.reload() };
    let mut again = Outside::load(loaded, Some("a".to_owned()));
    again.usage = usage;
    again.input(Input::Calendar(working_day()));
    again.advance(12 * 3_600);
    assert_eq!(again.told("drain").len(), 0, "{:?}", again.told("drain"));
}

#[test]
fn an_account_that_is_switched_off_is_not_announced() {
    let mut outside = Outside::pair("advise");
    let account = outside.id("b");
    outside.ask(Request::SetEnabled { account, enabled: false });
    outside.notices.clear();
    outside.advance(19 * 3_600);
    assert_eq!(outside.told("drain").len(), 0, "{:?}", outside.told("drain"));
}

#[test]
fn route_work_here_swaps_and_snooze_silences_the_week() {
    let mut outside = Outside::pair("advise");
    outside.advance(12 * 3_600);
    let drain = outside.told("drain")[0].clone();
    let keys: Vec<_> = drain.actions.iter().map(|action| action.label.as_str()).collect();
    assert_eq!(keys, ["Route work here", "Snooze"]);
    let snoozed = outside.ask(drain.actions[1].request.clone());
    assert!(matches!(snoozed, Answer::Done), "{snoozed:?}");
    outside.advance(3 * 3_600);
    assert_eq!(outside.told("drain").len(), 1);
    let swapped = outside.ask(drain.actions[0].request.clone());
    assert!(matches!(swapped, Answer::Swapped(_)), "{swapped:?}");
    assert_eq!(outside.view.providers[0].live, Some(outside.id("b")));
}

#[test]
fn what_needs_the_person_is_told_however_much_was_told_before() {
    let told = (0..5).map(|n| (format!("advice:claude:{n}"), "advice".to_owned(), START));
    let loaded = Loaded { lanes: vec![lane()], told: told.collect(), ..Loaded::default() };
    let mut outside = Outside::load(loaded, None);
    outside.input(Input::Health(Health::Locked));
    assert_eq!(outside.told("keychain").len(), 1);
}

#[test]
fn a_kind_that_is_switched_off_is_not_told() {
    let mut outside = Outside::pair("advise");
    outside.notices.clear();
    outside.ask(Request::Set { key: "notify.drain".to_owned(), value: false.into() });
    outside.advance(12 * 3_600);
    assert_eq!(outside.told("drain").len(), 0);
}

/// Weeks of a person at work on three accounts whose weeks end on different days; nobody clicks.
/// `SLUICE_LONG=1` makes it a year.
#[test]
fn at_most_three_notices_a_day_come_unasked_for() {
    let days = if std::env::var_os("SLUICE_LONG").is_some() { 365 } else { 8 };
    let mut outside = Outside::empty();
    for (key, hours) in [("a", 30), ("b", 80), ("c", 150)] {
        outside.sign_in_and_add(key, (0.0, 10.0, hours));
    }
    outside.ask(Request::SetMode { provider: CLAUDE, mode: Mode::Auto });
    outside.ask(Request::Resume { provider: None });
    outside.input(Input::Calendar(working_day()));
    let begun = outside.now.wall;
    outside.done.clear();
    let mut told: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for hour in 0..days * 24 {
        let working = (8..20).contains(&(hour % 24));
        outside.burn = if working { 0.9 + 0.5 * ((hour / 24) % 3) as f64 } else { 0.0 };
        weeks_end(&mut outside, hour);
        outside.advance(3_600);
        for (at, effect) in std::mem::take(&mut outside.done) {
            if let Effect::Tell { notice, .. } = effect {
                let day = at.seconds_since(begun) as i64 / 86_400;
                told.entry(day).or_default().push(notice.cause.clone());
            }
        }
    }
    let sum: usize = told.values().map(Vec::len).sum();
    assert!(sum > days as usize / 4, "something was told: {told:?}");
    let worst = told.values().max_by_key(|causes| causes.len());
    assert!(worst.is_some_and(|causes| causes.len() <= 3), "{worst:?}");
    println!("{sum} notices in {days} days");
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
