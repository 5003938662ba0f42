//! Limit resets: when they are asked for, what is told of them, what a person says.

use super::*;
use sluice_engine::grant::{Grant, Said};

const DAY_S: i64 = 86_400;

fn grant(left: u32, ends_at: Utc) -> Said {
    let frees = vec![WindowKind::FiveHour];
    Said::Grants(vec![Grant { left, ends_at: Some(ends_at), frees, ..Grant::default() }])
}

/// When an account was asked for resets, too.
fn asked(outside: &Outside, id: AccountId) -> Vec<Utc> {
    let polls = outside.done.iter().filter_map(|(at, effect)| match effect {
        Effect::Poll { account, asks: Asks { resets: true, .. }, .. } if *account == id => {
            Some(*at)
        }
        _ => None,
    });
    polls.collect()
}

fn shown(outside: &Outside, id: AccountId) -> AccountView {
    outside.view.accounts.iter().find(|one| one.id == id).expect("it is kept").clone()
}

#[test]
fn they_are_asked_for_once_a_day_also_over_a_restart() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    outside.advance(2 * DAY_S + 3_600);
    let days = asked(&outside, a);
    assert_eq!(days.len(), 3, "{days:?}");
    for pair in days.windows(2) {
        assert!(pair[1].seconds_since(pair[0]) >= DAY_S as f64, "{days:?}");
    }
    let noted = outside.done.iter().position(|(_, effect)| match effect {
        Effect::Store { record, .. } => matches!(**record, Record::ResetsAsked { .. }),
        _ => false,
    });
    let sent = outside
        .done
        .iter()
        .position(|(_, e)| matches!(e, Effect::Poll { asks: Asks { resets: true, .. }, .. }));
    assert!(noted < sent, "written down before it goes");
    let mut kept = outside.reload();
    let known = sluice_engine::Resets { asked_at: Some(START), ..Default::default() };
    kept.resets = BTreeMap::from([(a, known)]);
    let mut again = Outside::load(kept, Some("a".to_owned()));
    again.advance(DAY_S - 60);
    assert_eq!(asked(&again, a), []);
    again.advance(3_600);
    assert_eq!(asked(&again, a).len(), 1);
}

#[test]
fn what_is_withheld_is_unknown_and_asked_for_once_a_week() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    // Asked first before anybody could say so.
    outside.said.insert(a, Said::Withheld);
    outside.advance(DAY_S + 3_600);
    let mut kept = outside.reload();
    let known = kept.resets.get_mut(&a).expect("it was asked for");
    assert!(known.withheld);
    let days = |day: i64| Some(START.plus_seconds(-day * DAY_S));
    known.asked_at = days(5);
    let mut later = Outside::load(kept.clone(), Some("a".to_owned()));
    later.advance(DAY_S);
    assert_eq!(asked(&later, a), [], "not within the week");
    kept.resets.get_mut(&a).expect("it was asked for").asked_at = days(7);
    let mut later = Outside::load(kept, Some("a".to_owned()));
    later.advance(3_600);
    assert_eq!(asked(&later, a).len(), 1);
    let view = shown(&outside, a);
    assert_eq!((view.resets, view.resets_withheld), (None, true), "unknown is not none");
}

#[test]
fn a_refused_question_is_put_again_without_it() {
    let mut outside = Outside::pair("advise");
    let a = outside.id("a");
    outside.advance(DAY_S + 60);
    outside.done.clear();
    outside.advance(60);
    let before = shown(&outside, a).observed_at_ms;
    let refused = PollError::Read(ReadError::Forbidden("not for you".to_owned()));
    outside.resets_error = Some(refused);
    outside.advance(DAY_S);
    assert!(!asked(&outside, a).is_empty());
    let view = shown(&outside, a);
    assert!(view.observed_at_ms > before, "its usage is read all the same");
    assert_eq!(view.problem, None);
}

#[test]
fn the_end_is_told_seven_three_and_one_day_before() {
    let mut outside = Outside::empty();
    let a = outside.sign_in_and_add("a", (10.0, 10.0, 6 * 24));
    for days in [8, 7, 3, 1] {
        let end = outside.now.wall.plus_seconds(days * DAY_S - 60);
        let resets = Some(grant(2, end));
        let usage = outside.numbers(a);
        let (holder, result) = (Holder::Seat(CLAUDE), Ok(Reading { usage, resets }));
        outside.input(Input::Polled { account: a, holder, result });
        let view = shown(&outside, a).resets.expect("told");
        assert_eq!((view.left, view.ends_at_ms), (2, Some(end.millis())));
        // No more than two notices a day.
        outside.advance(if days == 8 { 1_800 } else { DAY_S });
    }
    let told = outside.told(NoticeKind::LimitReset);
    let days: Vec<u8> = told
        .iter()
        .filter_map(|notice| match notice.cause {
            Cause::ResetEnds { days, .. } => Some(days),
            _ => None,
        })
        .collect();
    assert_eq!(days, [7, 3, 1], "{:?}", outside.notices);
    assert!(told[0].title.starts_with("A: 2 limit resets end in "), "{}", told[0].title);
    assert!(told[0].body.contains("the 5-hour window"), "{}", told[0].body);
    assert!(told[0].body.contains("/limit-reset in Claude Code"), "{}", told[0].body);
    let mut resets = sluice_engine::Resets::default();
    let said = grant(1, START.plus_seconds(DAY_S - 60));
    resets.take(&said, sluice_engine::Source::Endpoint, START);
    let kept = Loaded { resets: BTreeMap::from([(a, resets)]), ..outside.reload() };
    let told = |told| {
        let mut outside = Outside::load(Loaded { told, ..kept.clone() }, Some("a".to_owned()));
        outside.advance(600);
        let told = outside.told(NoticeKind::LimitReset).into_iter();
        told.map(|notice| (notice.cause.clone(), notice.kind, START)).collect::<Vec<_>>()
    };
    let once = told(Vec::new());
    assert_eq!(once.len(), 1);
    assert_eq!(told(once), [], "once is once, also over a restart");
}

#[test]
fn a_person_tells_what_no_provider_does_and_takes_it_back() {
    let mut outside = Outside::pair("advise");
    let b = outside.id("b");
    let end = outside.now.wall.plus_seconds(20 * DAY_S).millis();
    let set = |count, until_ms| Request::SetResets { account: b, count, until_ms };
    assert_eq!(outside.ask(set(Some(2), Some(end))), Answer::Done);
    outside.advance(60);
    let view = shown(&outside, b).resets.expect("told");
    let by = sluice_engine::Source::Person;
    assert_eq!((view.left, view.ends_at_ms, view.said_by), (2, Some(end), by));
    let counsel = view.counsel.expect("a fifth of its week could be freed");
    assert_eq!(counsel.window, WindowKind::SevenDay);
    let past = outside.now.wall.plus_seconds(-1).millis();
    assert_eq!(code(&outside.ask(set(Some(2), Some(past)))), Code::Invalid);
    assert_eq!(outside.ask(set(None, None)), Answer::Done);
    outside.advance(60);
    assert_eq!(shown(&outside, b).resets, None);
    let nobody = Request::SetResets { account: AccountId(99), count: Some(1), until_ms: None };
    assert_eq!(code(&outside.ask(nobody)), Code::UnknownAccount);
}

#[test]
fn one_in_hand_is_told_when_nobody_has_room() {
    let mut outside = Outside::pair("auto");
    let (a, b) = (outside.id("a"), outside.id("b"));
    let end = outside.now.wall.plus_seconds(30 * DAY_S).millis();
    let set = Request::SetResets { account: b, count: Some(1), until_ms: Some(end) };
    outside.ask(set);
    outside.usage.insert(a, (100.0, 60.0, 100));
    outside.usage.insert(b, (100.0, 60.0, 100));
    outside.advance(3_600);
    assert!(!outside.told(NoticeKind::Exhausted).is_empty());
    let told = outside.told(NoticeKind::LimitReset);
    assert_eq!(told.len(), 1, "once an episode: {told:?}");
    assert_eq!(told[0].title, "B has 1 limit reset in hand");
    assert!(told[0].body.contains("/limit-reset in Claude Code"));
    assert_eq!(told[0].actions, [], "Sluice spends none");
}
