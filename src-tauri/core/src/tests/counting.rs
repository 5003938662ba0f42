//! Every setting makes a difference under each policy, or is not shown under the one that does not
//! read it. A setting without a story here fails.

use super::*;
use crate::calendar::{self, DemandProfile};
use crate::settings::Settings;
use alloc::borrow::ToOwned as _;
use alloc::string::ToString as _;
use chrono::{Datelike as _, Days};
use chrono_tz::Tz;
use serde_json::{Value, json};
use sluice_engine::{Credits, Policy};

const POLICIES: [Policy; 2] = [Policy::Tiered, Policy::Horizon];
const HOUR_S: i64 = 3_600;

fn set(outside: &mut Outside, key: &str, value: Value) {
    let request = Request::Set { key: key.to_owned(), value };
    assert_eq!(outside.ask(request), Answer::Done, "{key}");
}

/// A pair under a policy, with one setting changed.
fn pair(mode: &str, policy: Policy, change: &Change) -> Outside {
    let mut outside = Outside::pair(mode);
    set(&mut outside, "policy", json!(policy));
    if let Some((key, value)) = change {
        set(&mut outside, key, value.clone());
    }
    outside
}

type Change = Option<(String, Value)>;
/// What a person would see of it, as text.
type Story = fn(Policy, &Change) -> String;

/// What a setting is changed to, and where that shows; `None` for a setting nobody thought of.
fn story(key: &str) -> Option<(Value, Story)> {
    let day = chrono::DateTime::from_timestamp(START.0 / 1_000_000, 0)?.date_naive();
    // A day of the week on which nothing of the next two days falls.
    let later = ((day.weekday().num_days_from_monday() + 4) % 7) as usize;
    let mut week = vec![""; 7];
    week[later] = "09:00-10:00";
    let of_notices = key.strip_prefix("notify.");
    if let Some(kind) = of_notices {
        let Ok(kind) = kind.parse();
        return Some((json!(!Settings::default().tells(kind)), told));
    }
    Some(match key {
        "stopped" => (json!(true), live_readings),
        "mode.claude" => (json!("advise"), swaps_of_a_full_one),
        "mode.codex" => (json!("off"), codex_readings),
        "work.hours" => (json!("09:00-10:00"), targets),
        "work.days" => (json!([later + 1]), targets),
        "work.week" => (json!(week), targets),
        "work.exceptions" => {
            (json!({ day.to_string(): "", (day + Days::new(1)).to_string(): "" }), targets)
        }
        "work.learn" => (json!(false), targets_of_use),
        "work.zone" => (json!("Pacific/Auckland"), targets),
        "critical_percent" => (json!(99), swaps_of_a_critical_one),
        "warning_percent" => (json!(20), first_swap_of_a_fast_one),
        "poll_seconds" => (json!(180), live_readings),
        "turn_wait_seconds" => (json!(0), first_swap_in_a_turn),
        "policy" => (json!("tiered"), parked_readings),
        "billing_ceiling_minor" => (json!(500), swap_to_a_paid_one),
        "quiet.hours" => (json!("00:00-23:59"), told),
        "metrics.file" => (json!(true), numbers_written),
        "ask_tool" => (json!(true), readings_of_the_tool),
        _ => return None,
    })
}

#[test]
fn every_setting_counts_under_each_policy_or_is_not_shown() {
    for key in Settings::default().values().keys() {
        let (value, story) = story(key).unwrap_or_else(|| panic!("{key} has no story"));
        let mut counts = 0;
        for policy in POLICIES {
            let change = Some((key.clone(), value.clone()));
            // The policy itself is changed to the other one.
            let change = if key == "policy" && policy == Policy::Tiered {
                Some((key.clone(), json!("horizon")))
            } else {
                change
            };
            let (usual, changed) = (story(policy, &None), story(policy, &change));
            let idle = Settings { policy, ..Settings::default() }.idle().contains(&key.as_str());
            assert_eq!(usual == changed, idle, "{key} under {policy:?}: {usual} and {changed}");
            counts += usize::from(!idle);
        }
        assert!(counts > 0, "{key} does nothing at all");
    }
}

fn reads(outside: &Outside, account: AccountId, from: Utc) -> Vec<Utc> {
    outside.polls(from).into_iter().filter(|one| one.1 == account).map(|one| one.0).collect()
}

fn live_readings(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    let (a, from) = (outside.id("a"), outside.now.wall);
    outside.advance(2 * HOUR_S);
    format!("{} readings", reads(&outside, a, from).len())
}

fn readings_of_the_tool(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    outside.advance(2 * HOUR_S);
    let asked = |effect: &Effect| matches!(effect, Effect::Poll { asks, .. } if asks.tool);
    format!("through the tool: {}", outside.done.iter().any(|(_, effect)| asked(effect)))
}

fn parked_readings(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    let (b, from) = (outside.id("b"), outside.now.wall);
    outside.advance(2 * HOUR_S);
    format!("{} readings", reads(&outside, b, from).len())
}

fn codex_readings(policy: Policy, change: &Change) -> String {
    let codex = Lane { id: LaneId(2), provider: Provider::Codex, ..lane() };
    let settings = BTreeMap::from([("policy".to_owned(), json!(policy))]);
    let loaded = Loaded { lanes: vec![lane(), codex], settings, ..Loaded::default() };
    let mut outside = Outside::load(loaded, None);
    outside.seat = Some("x".to_owned());
    outside.input(Input::SeatTouched(Provider::Codex));
    let add = Request::Add { provider: Provider::Codex, label: Some("X".to_owned()) };
    let Answer::Account { account } = outside.ask(add) else { panic!("not added") };
    if let Some((key, value)) = change {
        set(&mut outside, key, value.clone());
    }
    let from = outside.now.wall;
    outside.advance(2 * HOUR_S);
    format!("{} readings", reads(&outside, account, from).len())
}

/// The other account is nothing to go to of one's own accord.
fn beside(outside: &mut Outside, live: (f64, f64, i64)) {
    let (a, b) = (outside.id("a"), outside.id("b"));
    outside.usage.insert(a, live);
    outside.usage.insert(b, (0.0, 90.0, 160));
}

fn swaps(outside: &mut Outside) -> String {
    outside.advance(2 * HOUR_S);
    format!("{} swaps", outside.swaps().len())
}

fn swaps_of_a_full_one(policy: Policy, change: &Change) -> String {
    let mut outside = pair("auto", policy, change);
    beside(&mut outside, (100.0, 10.0, 144));
    swaps(&mut outside)
}

fn swaps_of_a_critical_one(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    beside(&mut outside, (92.0, 10.0, 144));
    // At no pace that would fill it: only the line counts.
    outside.advance(2 * HOUR_S);
    set(&mut outside, "mode.claude", json!("auto"));
    swaps(&mut outside)
}

fn first_swap(outside: &mut Outside) -> String {
    let from = outside.now.wall;
    for _ in 0..2 * HOUR_S {
        outside.advance(1);
        if !outside.swaps().is_empty() {
            return format!("after {} s", outside.now.wall.seconds_since(from));
        }
    }
    "never".to_owned()
}

fn first_swap_of_a_fast_one(policy: Policy, change: &Change) -> String {
    let mut outside = pair("auto", policy, change);
    beside(&mut outside, (40.0, 10.0, 144));
    outside.burn = 2.0;
    first_swap(&mut outside)
}

fn first_swap_in_a_turn(policy: Policy, change: &Change) -> String {
    let mut outside = pair("auto", policy, change);
    outside.usage.insert(outside.id("a"), (10.0, 99.8, 144));
    outside.mid_turn = true;
    first_swap(&mut outside)
}

fn swap_to_a_paid_one(policy: Policy, change: &Change) -> String {
    let mut outside = pair("auto", policy, change);
    let (a, b) = (outside.id("a"), outside.id("b"));
    let credits = Credits { enabled: true, used_minor: Some(100.0), ..Credits::default() };
    outside.credits.insert(b, credits);
    outside.usage.insert(b, (100.0, 20.0, 20));
    outside.ask(Request::Refresh { account: None });
    // Longer than a login counts as proven: it is read again before it goes live.
    outside.advance(2 * HOUR_S);
    outside.usage.insert(a, (100.0, 10.0, 144));
    swaps(&mut outside)
}

/// The working hours as the driver expands them, in a machine's zone of UTC.
fn expand(outside: &mut Outside, learned: DemandProfile) {
    let settings = outside.core.settings();
    let zone = settings.time_zone(Tz::UTC);
    let expanded = calendar::expand(&settings.work_calendar(learned), zone, outside.now.wall);
    outside.input(Input::Calendar(expanded));
}

/// What the next decision says of each account's target and of what will expire.
fn decided(outside: &mut Outside) -> String {
    let from = outside.now.wall;
    outside.advance(HOUR_S);
    let decisions = outside.since(from).filter_map(|effect| match effect {
        Effect::Store { record, .. } => match &**record {
            Record::Decision { decision, .. } => Some(decision),
            _ => None,
        },
        _ => None,
    });
    let last = decisions.last().expect("a decision");
    let told = last.candidates.iter().map(|one| (one.account, one.target, one.stranding));
    format!("{:?}", told.collect::<Vec<_>>())
}

fn targets(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    expand(&mut outside, DemandProfile::default());
    decided(&mut outside)
}

fn targets_of_use(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    let mut hours = vec![0.0; 168];
    (9..12).for_each(|hour| hours[hour] = 1.0);
    expand(&mut outside, DemandProfile { hours, weeks: 6.0 });
    decided(&mut outside)
}

/// Which kinds of notices come through, one of each.
fn told(policy: Policy, change: &Change) -> String {
    let mut heard = Vec::new();
    for kind in NoticeKind::switches() {
        let mut outside = pair("advise", policy, change);
        expand(&mut outside, DemandProfile::default());
        let before = outside.notices.len();
        let notice = Notice { kind, ..Notice::new(Cause::default(), "Words.", "Words.") };
        outside.core.tell(notice, outside.now);
        outside.input(Input::Tick);
        heard.extend(outside.notices[before..].iter().map(|one| one.kind.name()));
    }
    heard.join(" ")
}

fn numbers_written(policy: Policy, change: &Change) -> String {
    let mut outside = pair("advise", policy, change);
    let from = outside.now.wall;
    outside.advance(600);
    let written = |effect: &&Effect| matches!(effect, Effect::Metrics { call: None, .. });
    format!("{} files", outside.since(from).filter(written).count())
}

#[test]
fn the_live_account_is_read_within_the_set_interval() {
    for policy in POLICIES {
        for seconds in [180_u32, 240, 300] {
            let change = Some(("poll_seconds".to_owned(), json!(seconds)));
            let mut outside = pair("advise", policy, &change);
            beside(&mut outside, (10.0, 10.0, 144));
            // The requests of the first hour leave the budget before anything is measured.
            outside.advance(2 * HOUR_S);
            let (a, from) = (outside.id("a"), outside.now.wall);
            outside.advance(12 * HOUR_S);
            let times = reads(&outside, a, from);
            let gaps: Vec<f64> =
                times.windows(2).map(|pair| pair[1].seconds_since(pair[0])).collect();
            let longest = gaps.iter().copied().fold(0.0, f64::max);
            assert!(longest <= f64::from(seconds), "{policy:?} {seconds}: {longest}");
            let lengths = distinct(gaps.iter().map(|gap| *gap as i64));
            // At 180 s the budget of the hour leaves no room for a jitter.
            let jitters = seconds > 180;
            assert_eq!(lengths.len() > 5, jitters, "{policy:?} {seconds}: {lengths:?}");
        }
    }
}
