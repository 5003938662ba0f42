//! What a policy gets to hear of it.

use crate::{first, horizon, observe, plain, play, run};
use serde_json::{Value, json};
use sluice_lab::simulate::EventKind;

fn late(world: Value, minutes: i64) -> Value {
    observe(world, json!({ "publish_delay_min": minutes }))
}

#[test]
fn an_account_without_a_short_window_answers_null() {
    let world = horizon(first(plain(), json!({ "c5": null, "used7_0": 5.0 })), 20);
    let (_, script) = run(&observe(world, json!({ "noise_pct": 0.5 })), &[4]);
    let (_, short, (long, _)) = script.readings()[0];
    assert_eq!(short, (None, None));
    assert!((long - 30.0).abs() <= 0.5);
}

#[test]
fn a_window_that_was_open_then_and_ended_since_reads_as_empty() {
    let short = |keys: Value, minute: i64| {
        let (_, script) = run(&late(first(horizon(plain(), 60), keys), 5), &[minute]);
        script.readings()[0].1
    };
    let closed = (Some(0.0), None);
    for keys in [
        json!({ "span5": 12 }),
        json!({ "short_changes": [[12, 2.0]] }),
        json!({ "early_resets": [[12, "short", "keep"]] }),
        json!({ "early_resets": [[12, "both", "restart"]] }),
    ] {
        let end = if keys["span5"].is_null() { 300 } else { 12 };
        assert_eq!(short(keys.clone(), 11), (Some(30.0), Some(end)), "{keys}: of minute 6");
        assert_eq!(short(keys.clone(), 12), closed, "{keys}: of minute 7");
        assert_eq!(short(keys.clone(), 16), closed, "{keys}: though another is open");
        assert_eq!(short(keys.clone(), 17), closed, "{keys}: of minute 12, before its use");
    }
    let change = json!({ "short_changes": [[12, 2.0]] });
    assert_eq!(short(change, 18), (Some(12.5), Some(312)), "of minute 13");
}

#[test]
fn whether_there_is_a_window_is_told_as_of_the_request() {
    let short = |keys: Value| {
        let (_, script) = run(&late(first(horizon(plain(), 60), keys), 5), &[11, 12, 18]);
        script.readings().iter().map(|reading| reading.1).collect::<Vec<_>>()
    };
    let gone = short(json!({ "short_changes": [[12, null]] }));
    assert_eq!(gone, [(Some(30.0), Some(300)), (None, None), (None, None)]);
    let come = short(json!({ "c5": null, "short_changes": [[12, 2.0]] }));
    assert_eq!(come, [(None, None), (Some(0.0), None), (Some(12.5), Some(312))]);
}

#[test]
fn the_long_share_is_of_the_capacity_and_end_of_the_request() {
    let long = |keys: Value| {
        let (_, script) = run(&late(first(horizon(plain(), 60), keys), 5), &[11, 12, 17, 18]);
        script.readings().iter().map(|reading| reading.2).collect::<Vec<_>>()
    };
    let bigger = long(json!({ "plan_changes": [[12, "ultra", 10.0, 40.0]] }));
    let expected = [(7.5, 5_000), (4.375, 5_000), (7.5, 5_000), (8.125, 5_000)];
    assert_eq!(bigger, expected, "what was used five minutes ago, of 40");
    let kept = long(json!({ "early_resets": [[12, "long", "keep"]] }));
    assert_eq!(kept, [(7.5, 5_000), (0.0, 5_000), (0.0, 5_000), (1.25, 5_000)]);
    let restarted = long(json!({ "span7": 100, "early_resets": [[12, "both", "restart"]] }));
    assert_eq!(restarted, [(7.5, 5_000), (0.0, 112), (0.0, 112), (1.25, 112)]);
    let ended = long(json!({ "span7": 100, "weekly_reset_at": 12 }));
    assert_eq!(ended, [(7.5, 12), (0.0, 112), (0.0, 112), (1.25, 112)]);
}

#[test]
fn an_early_reset_empties_the_shares_of_models() {
    let models = json!({ "opus": { "c7": 10.0, "used_0": 4.0 } });
    let keys = json!({ "models": models, "early_resets": [[12, "long", "keep"]] });
    let (_, script) = run(&late(first(horizon(plain(), 60), keys), 5), &[11, 12]);
    let model = |index: usize| match &script.heard[index].1.kind {
        EventKind::Usage { models, .. } => models[0].1,
        other => unreachable!("{other:?}"),
    };
    assert_eq!((model(0), model(1)), (40.0, 0.0));
}

#[test]
fn before_the_first_minute_the_initial_state_is_reported() {
    let keys = json!({ "used7_0": 4.0, "used5_0": 1.0, "window5_open_at": -100 });
    let (_, script) = run(&late(first(horizon(plain(), 60), keys), 5), &[0, 5, 6]);
    let expected = [
        (0, (Some(20.0), Some(200)), (20.0, 5_000)),
        (5, (Some(20.0), Some(200)), (20.0, 5_000)),
        (6, (Some(25.0), Some(200)), (21.25, 5_000)),
    ];
    assert_eq!(script.readings(), expected);
}

/// The draws were computed apart from this program.
#[test]
fn noise_is_the_formats_and_an_unopened_window_has_none() {
    let mut world = observe(horizon(plain(), 20), json!({ "noise_pct": 3.0 }));
    world["accounts"][1]["used7_0"] = 2.5.into();
    let (_, script) = play(&world, &[], &[(10, 0), (10, 1)]);
    let expected =
        [(10, (Some(50.125), Some(300)), (12.125, 5_000)), (10, (Some(0.0), None), (9.75, 6_000))];
    assert_eq!(script.readings(), expected);
}

/// The draws were computed apart from this program.
#[test]
fn answers_come_and_fail_as_the_format_draws() {
    let world =
        observe(horizon(plain(), 60), json!({ "latency_jitter_min": 3, "error_prob": 0.5 }));
    let polls: Vec<_> = (0..10).map(|step| 4 * step).collect();
    let world = crate::demand(world, json!([]));
    let (_, script) = run(&world, &polls);
    let heard: Vec<_> = script
        .heard
        .iter()
        .map(|(minute, event)| (*minute, matches!(event.kind, EventKind::PollError(_))))
        .collect();
    let late = [8, 24, 29, 35];
    let expected = [1, 8, 11, 14, 20, 24, 26, 29, 35, 38].map(|at| (at, late.contains(&at)));
    assert_eq!(heard, expected);
}

#[test]
fn a_plan_is_told_after_answers_and_arrivals() {
    let keys = json!({
        "invalid": [[20, 40]], "plan_changes": [[30, "ultra", 10.0, 40.0]],
        "short_changes": [[30, null]], "early_resets": [[31, "both", "keep"]],
    });
    let mut world = horizon(first(plain(), keys), 60);
    world["accounts"][1]["available_from"] = 30.into();
    let (_, script) = play(&crate::demand(world, json!([])), &[], &[(29, 0)]);
    let plan = EventKind::Plan { plan: "ultra".to_owned(), weight: 10.0 };
    let heard: Vec<_> = script
        .heard
        .into_iter()
        .map(|(minute, event)| (minute, event.account, event.kind))
        .collect();
    let expected = [
        (30, 0, EventKind::PollError("auth".to_owned())),
        (30, 1, EventKind::Added),
        (30, 0, plan),
    ];
    assert_eq!(heard, expected, "short changes and early resets are not told");
}

#[test]
fn a_limit_names_the_end_that_was_known_when_it_was_hit() {
    let world = first(plain(), json!({ "early_resets": [[22, "both", "restart"]] }));
    let world = observe(horizon(world, 30), json!({ "limit_signal_delay_min": 4 }));
    let (_, script) = run(&world, &[]);
    let (minute, event) = &script.heard[0];
    let limit = EventKind::Limit { agent: 0, kind: "5h", resets_at: Some(300) };
    assert_eq!((*minute, &event.kind), (25, &limit));
}
