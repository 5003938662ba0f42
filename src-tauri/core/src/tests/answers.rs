//! The shape of the providers' answers: what is odd is kept, what goes is told.

use super::*;
use crate::answers::Answers;
use crate::ports::{Beside, Field, Oddity, Told};
use sluice_engine::{Plan, Source};

const DAY_S: i64 = 86_400;

fn answer(fields: &[(&str, &str)], odd: &[(&str, &str)]) -> Beside {
    let fields = fields.iter().map(|(path, kinds)| Field {
        path: (*path).to_owned(),
        kinds: (*kinds).to_owned(),
        known: true,
    });
    let odd =
        odd.iter().map(|(path, odd)| Oddity { path: (*path).to_owned(), odd: (*odd).to_owned() });
    Beside { plan: None, told: Told { odd: odd.collect(), fields: fields.collect() } }
}

fn tell(outside: &mut Outside, key: &str, beside: &Beside) {
    let account = outside.id(key);
    outside.input(Input::Answered { account, beside: Box::new(beside.clone()) });
}

fn kept(outside: &Outside) -> Option<Answers> {
    outside.done.iter().rev().find_map(|(_, effect)| match effect {
        Effect::Store { record, .. } => match &**record {
            Record::Answers { answers, .. } => Some((**answers).clone()),
            _ => None,
        },
        _ => None,
    })
}

/// Nothing else is told.
fn quiet() -> Outside {
    let mut outside = Outside::pair("advise");
    for kind in ["notify.drain", "notify.advice", "notify.digest", "notify.same_tier"] {
        outside.ask(Request::Set { key: kind.to_owned(), value: false.into() });
    }
    outside.advance(DAY_S);
    outside.notices.clear();
    outside
}

const WHOLE: [(&str, &str); 3] =
    [("five_hour", "object"), ("five_hour.utilization", "number"), ("limits", "array")];

#[test]
fn a_field_that_no_account_has_for_a_day_is_told_once() {
    let mut outside = quiet();
    let torn = answer(&WHOLE[..1], &[]);
    for _ in 0..4 {
        tell(&mut outside, "a", &answer(&WHOLE, &[]));
        tell(&mut outside, "b", &answer(&WHOLE, &[]));
        outside.advance(3 * 3_600);
    }
    // One account without it is no news.
    for _ in 0..16 {
        tell(&mut outside, "a", &answer(&WHOLE, &[]));
        tell(&mut outside, "b", &torn);
        outside.advance(3 * 3_600);
    }
    assert_eq!(outside.told(NoticeKind::Answers), Vec::<&Notice>::new());
    for _ in 0..100 {
        tell(&mut outside, "a", &torn);
        tell(&mut outside, "b", &torn);
        outside.advance(3 * 3_600);
    }
    let told = outside.told(NoticeKind::Answers);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].body.contains("five_hour.utilization, limits"), "{}", told[0].body);
    let answers = kept(&outside).expect("kept");
    assert_eq!(answers.gone(outside.now.wall).len(), 2);

    // A restart knows what was told.
    let answers = BTreeMap::from([(CLAUDE, answers)]);
    let loaded = Loaded { answers, ..outside.reload() };
    let mut again = Outside::load(loaded, Some("a".to_owned()));
    again.now = outside.now;
    tell(&mut again, "a", &torn);
    again.advance(3_600);
    assert_eq!(again.told(NoticeKind::Answers), Vec::<&Notice>::new());
}

#[test]
fn a_window_under_an_unknown_name_is_told_and_bad_values_are_kept() {
    let mut outside = quiet();
    let odd = [("thirty_day", "unknown_window"), ("limits[].percent", "out_of_range")];
    tell(&mut outside, "a", &answer(&WHOLE, &odd));
    outside.advance(60);
    let told = outside.told(NoticeKind::Answers);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].body.contains("thirty_day"), "{}", told[0].body);
    assert!(!told[0].body.contains("percent"), "{}", told[0].body);
    let answers = kept(&outside).expect("kept");
    let kept: Vec<_> = answers.odd().iter().map(|seen| seen.path.as_str()).collect();
    assert_eq!(kept, ["thirty_day", "limits[].percent"]);
}

#[test]
fn hostile_answers_leave_a_bounded_memory() {
    let mut outside = quiet();
    for round in 0..40 {
        let paths: Vec<String> = (0..32).map(|at| format!("k{round}_{at}")).collect();
        let odd: Vec<_> = paths.iter().map(|path| (path.as_str(), "unknown_field")).collect();
        let fields: Vec<_> = paths.iter().map(|path| (path.as_str(), "number")).collect();
        tell(&mut outside, "a", &answer(&fields, &odd));
    }
    let answers = kept(&outside).expect("kept");
    assert_eq!(answers.odd().len(), 64);
    assert!(serde_json::to_string(&answers).unwrap().len() < 32_000);
}

fn plan(name: &str, tier: &str) -> Plan {
    Plan::told(CLAUDE, Some(name), Some(tier.to_owned()))
}

fn bought(outside: &mut Outside, key: &str, plan: Plan) {
    tell(outside, key, &Beside { plan: Some(plan), ..Beside::default() });
}

#[test]
fn a_plan_that_changes_is_told_once_by_its_name() {
    let mut outside = quiet();
    let a = outside.id("a");
    bought(&mut outside, "a", plan("max", "default_claude_max_20x"));
    outside.advance(3_600);
    assert_eq!(outside.told(NoticeKind::Limits), Vec::<&Notice>::new(), "the first word");
    bought(&mut outside, "a", plan("ultra", "default_claude_ultra"));
    outside.no_short.insert(a);
    for _ in 0..4 {
        outside.ask(Request::Refresh { account: Some(a) });
        outside.advance(1_200);
        bought(&mut outside, "a", plan("ultra", "default_claude_ultra"));
    }
    let told = outside.told(NoticeKind::Limits);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].title, "A is now Ultra: no 5-hour limit");
    let row = outside.view.accounts.iter().find(|row| row.id == a).expect("a");
    assert_eq!(row.plan.as_deref(), Some("Ultra"));
}

#[test]
fn a_plan_that_grows_shrinks_or_is_renamed_has_words_of_its_own() {
    for (from, to, title) in [
        (
            ("pro", "default_claude_ai"),
            ("max", "default_claude_max_5x"),
            "A is now Max 5x: more room",
        ),
        (("max", "default_claude_max_5x"), ("pro", "default_claude_ai"), "A is now Pro: less room"),
        (
            ("max", "default_claude_max_5x"),
            ("max", "default_claude_max"),
            "A is now Max: the same plan under another name",
        ),
        (("max", "x"), ("guild", "x"), "A is now guild: another plan"),
    ] {
        let mut outside = quiet();
        bought(&mut outside, "a", plan(from.0, from.1));
        bought(&mut outside, "a", plan(to.0, to.1));
        outside.advance(3_600);
        let told = outside.told(NoticeKind::Limits);
        let titles: Vec<_> = told.iter().map(|told| told.title.as_str()).collect();
        assert_eq!(titles, [title]);
    }
}

#[test]
fn the_seats_old_word_does_not_undo_the_providers() {
    let mut outside = quiet();
    let a = outside.id("a");
    let seat = |outside: &mut Outside, plan: Plan| {
        let identity = Identity { key: "a".to_owned(), plan, ..Identity::default() };
        let login = SeatLogin { identity, ..SeatLogin::default() };
        let report = SeatReport::Login(Box::new(login));
        outside.shown = Some(report);
        outside.input(Input::SeatTouched(CLAUDE));
        outside.core.world.account(a).unwrap().plan.subscription.clone()
    };
    let (max, ultra) = (plan("max", "default_claude_max_5x"), plan("ultra", "u"));
    assert_eq!(seat(&mut outside, max.clone()).as_deref(), Some("max"), "the first word");
    bought(&mut outside, "a", ultra);
    assert_eq!(seat(&mut outside, max).as_deref(), Some("ultra"), "the same as before");
    assert_eq!(seat(&mut outside, plan("pro", "p")).as_deref(), Some("pro"), "a new sign-in");
}

#[test]
fn a_plan_name_of_ten_kilobytes_is_cut() {
    let mut outside = quiet();
    let a = outside.id("a");
    bought(&mut outside, "a", plan(&"x\u{202e}".repeat(5_000), "t"));
    let row = outside.view.accounts.iter().find(|row| row.id == a).expect("a");
    let shown = row.plan.clone().unwrap_or_default();
    assert!(shown.chars().count() <= 40 && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn what_is_odd_in_a_tools_own_word_counts_once_an_hour() {
    let mut outside = quiet();
    tell(&mut outside, "a", &answer(&WHOLE, &[]));
    let oddity = Oddity { path: "hook.error".to_owned(), odd: "unknown_value".to_owned() };
    let look = |outside: &mut Outside| {
        let odd = vec![(CLAUDE, vec![oddity.clone()])];
        let look = crate::ports::Look { odd, ..crate::ports::Look::default() };
        outside.input(Input::Looked(Box::new(look)));
    };
    let count = |outside: &Outside| {
        let answers = kept(outside).expect("kept");
        assert_eq!(answers.gone(outside.now.wall.plus_seconds(DAY_S)), [], "a part lacks nothing");
        let seen = answers.odd().iter().find(|one| one.path == "hook.error").cloned();
        seen.map(|one| (one.odd, one.count))
    };
    look(&mut outside);
    look(&mut outside);
    assert_eq!(count(&outside), Some(("unknown_value".to_owned(), 1)));
    outside.advance(2 * 3_600);
    look(&mut outside);
    assert_eq!(count(&outside), Some(("unknown_value".to_owned(), 2)));
    // The same of what a tool keeps in a file.
    let (account, usage) = ("a".to_owned(), Usage::default());
    let odd = vec![Oddity { path: "cachedUsageUtilization".to_owned(), ..oddity }];
    let source = Source::ToolCache;
    let numbers = crate::ports::ToolNumbers { account, source, usage, resets: None, odd };
    outside.input(Input::ToolNumbers { provider: CLAUDE, numbers });
    let answers = kept(&outside).expect("kept");
    assert!(answers.odd().iter().any(|one| one.path == "cachedUsageUtilization"));
}
