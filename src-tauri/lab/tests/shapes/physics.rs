//! What really happens: a quarter of a unit a minute, and 20 minutes fill the short window.

use crate::{demand, first, horizon, plain, play, run};
use serde_json::{Value, json};

/// Two units in the first minutes, one more from 40 on; the long window ends at 50.
fn weekly(keys: Value) -> Value {
    let world = first(plain(), json!({ "weekly_reset_at": 50 }));
    demand(first(world, keys), json!([[0, 8, 0.25], [40, 44, 0.25]]))
}

#[test]
fn a_short_change_closes_the_window_and_sets_the_capacity() {
    let world = horizon(first(plain(), json!({ "short_changes": [[10, 2.0]] })), 20);
    let (log, script) = run(&world, &[]);
    assert_eq!(script.limits(), [(18, "5h", Some(310))]);
    assert_eq!(log.claimed.served, 0.25 * 18.0);
}

#[test]
fn the_same_capacity_again_closes_the_window_too() {
    let world = horizon(first(plain(), json!({ "short_changes": [[10, 5.0]] })), 32);
    let (_, script) = run(&world, &[]);
    assert_eq!(script.limits(), [(30, "5h", Some(310))]);
}

#[test]
fn without_a_short_window_only_the_long_one_binds() {
    for keys in [json!({ "c5": null }), json!({ "short_changes": [[10, null]] })] {
        let world = horizon(first(first(plain(), json!({ "c7": 8.0 })), keys), 34);
        let (log, script) = run(&world, &[]);
        assert_eq!(script.limits(), [(32, "7d", Some(5_000))]);
        assert_eq!(log.claimed.served, 8.0);
    }
}

#[test]
fn a_model_without_a_short_window_is_refused_as_such() {
    let world = first(plain(), json!({ "c5": null, "models": { "opus": { "c7": 2.0 } } }));
    let world = horizon(demand(world, json!([[0, 400, 0.25, "opus"]])), 10);
    let (_, script) = run(&world, &[]);
    assert_eq!(script.limits(), [(8, "model", Some(5_000))]);
}

#[test]
fn a_short_window_that_comes_begins_with_the_next_use() {
    let keys = json!({ "c5": null, "short_changes": [[10, 2.0]] });
    let (_, script) = run(&horizon(first(plain(), keys), 20), &[10, 11]);
    let short: Vec<_> = script.readings().iter().map(|reading| reading.1).collect();
    assert_eq!(short, [(Some(0.0), None), (Some(12.5), Some(310))]);
    assert_eq!(script.limits(), [(18, "5h", Some(310))]);
}

#[test]
fn a_short_window_lasts_its_own_span() {
    let world = horizon(first(plain(), json!({ "span5": 30 })), 60);
    let (_, script) = run(&world, &[]);
    let mut expected = vec![(20, "5h", Some(30)), (24, "5h", Some(30)), (28, "5h", Some(30))];
    // Work goes on at 32, when the pause after the last refusal is over.
    expected.extend([(52, "5h", Some(62)), (56, "5h", Some(62))]);
    assert_eq!(script.limits(), expected);
}

#[test]
fn a_long_window_lasts_its_own_span() {
    let (log, _) = run(&weekly(json!({ "span7": 100 })), &[]);
    assert_eq!(log.claimed.stranded, 17.0 + 3.0 * 20.0, "at 50, 150, 250 and 350");
    let (log, _) = run(&weekly(json!({ "span7": 100, "weekly_reset_at": -150 })), &[]);
    assert_eq!(log.claimed.stranded, 17.0 + 3.0 * 20.0, "the first end is after minute 0");
    let (log, _) = run(&weekly(json!({})), &[]);
    assert_eq!(log.claimed.stranded, 17.0);
}

#[test]
fn an_early_reset_that_keeps_the_end_strands_what_is_left_since() {
    for windows in ["long", "both"] {
        let (log, _) = run(&weekly(json!({ "early_resets": [[30, windows, "keep"]] })), &[]);
        assert_eq!(log.claimed.stranded, 19.0, "{windows}");
    }
    let (log, _) = run(&weekly(json!({ "early_resets": [[30, "short", "keep"]] })), &[]);
    assert_eq!(log.claimed.stranded, 17.0);
}

#[test]
fn an_early_reset_that_restarts_moves_the_end() {
    let keys = json!({ "span7": 100, "early_resets": [[30, "long", "restart"]] });
    let (log, _) = run(&horizon(weekly(keys.clone()), 130), &[]);
    assert_eq!(log.claimed.stranded, 0.0, "the end at 50 never comes");
    let (log, _) = run(&horizon(weekly(keys), 131), &[]);
    assert_eq!(log.claimed.stranded, 19.0);
}

#[test]
fn a_short_early_reset_never_moves_the_long_end() {
    let (log, script) = run(&weekly(json!({ "early_resets": [[30, "short", "restart"]] })), &[31]);
    assert_eq!(log.claimed.stranded, 17.0);
    assert_eq!(script.readings(), [(31, (Some(0.0), None), (10.0, 50))]);
}

#[test]
fn an_early_reset_empties_the_windows_it_names() {
    let reset = |windows: &str| {
        let keys = json!({ "c7": 25.0, "early_resets": [[10, windows, "keep"]] });
        run(&horizon(first(plain(), keys), 40), &[10]).1
    };
    assert_eq!(reset("short").readings(), [(10, (Some(0.0), None), (10.0, 5_000))]);
    assert_eq!(reset("long").readings(), [(10, (Some(50.0), Some(300)), (0.0, 5_000))]);
    assert_eq!(reset("both").readings(), [(10, (Some(0.0), None), (0.0, 5_000))]);
    assert_eq!(reset("short").limits()[0], (30, "5h", Some(310)));
    assert_eq!(reset("long").limits()[0], (20, "5h", Some(300)));
}

#[test]
fn an_early_reset_does_not_end_the_pause_after_a_refusal() {
    let world = horizon(first(plain(), json!({ "early_resets": [[21, "both", "keep"]] })), 30);
    let (log, script) = run(&world, &[]);
    assert_eq!(script.limits(), [(20, "5h", Some(300))]);
    assert_eq!(log.claimed.interrupted_min, 4.0);
    assert_eq!(log.claimed.served, 0.25 * 26.0);
}

#[test]
fn an_early_reset_empties_the_windows_of_models() {
    let models = json!({ "models": { "opus": { "c7": 2.0 } } });
    let hits = |windows: &str| {
        let world = first(plain(), models.clone());
        let world = first(world, json!({ "early_resets": [[4, windows, "keep"]] }));
        let world = demand(world, json!([[0, 400, 0.25, "opus"]]));
        run(&horizon(world, 14), &[]).1.limits()
    };
    assert_eq!(hits("long"), [(12, "model", Some(5_000))]);
    assert_eq!(hits("short"), [(8, "model", Some(5_000)), (12, "model", Some(5_000))]);
}

#[test]
fn a_plan_that_shrinks_the_long_window_leaves_no_room() {
    let keys = json!({ "weekly_reset_at": 50, "plan_changes": [[10, "pro", 1.0, 1.0]] });
    let (log, script) = run(&horizon(first(plain(), keys), 54), &[10]);
    assert_eq!(script.readings()[0].2, (100.0, 50));
    let limits = script.limits();
    assert_eq!(limits[0], (10, "7d", Some(50)));
    assert!(limits.iter().all(|limit| limit.1 == "7d"));
    assert_eq!(log.claimed.served, 2.5 + 1.0, "from the end of the window there is room again");
    assert_eq!(log.claimed.stranded, 0.0);
}

#[test]
fn a_larger_plan_keeps_what_was_used_in_units() {
    let keys = json!({ "plan_changes": [[10, "ultra", 10.0, 40.0]] });
    let (_, script) = run(&horizon(first(plain(), keys), 20), &[9, 10]);
    let long: Vec<_> = script.readings().iter().map(|reading| reading.2).collect();
    assert_eq!(long, [(11.25, 5_000), (6.25, 5_000)]);
    assert_eq!(script.readings()[1].1, (Some(50.0), Some(300)), "the short window stays");
}

#[test]
fn the_end_of_a_window_comes_before_what_changes_it() {
    let keys = json!({
        "span7": 100, "plan_changes": [[50, "ultra", 10.0, 40.0]],
        "early_resets": [[50, "both", "restart"]],
    });
    let (log, _) = run(&horizon(weekly(keys.clone()), 150), &[]);
    assert_eq!(log.claimed.stranded, 17.0, "of the capacity before");
    let (log, _) = run(&horizon(weekly(keys), 151), &[]);
    assert_eq!(log.claimed.stranded, 17.0 + 40.0);
}

#[test]
fn a_dead_login_strands_nothing_but_its_windows_change() {
    let keys = json!({
        "invalid": [[45, 60]], "plan_changes": [[46, "ultra", 10.0, 40.0]], "span7": 100,
    });
    let (log, script) = run(&horizon(weekly(keys), 151), &[]);
    assert_eq!(log.claimed.stranded, 40.0, "at 150 only");
    assert_eq!(script.heard.len(), 1, "the plan");
}

#[test]
fn a_rebuilt_cache_costs_by_the_week_without_a_short_window() {
    let used = |keys: Value| {
        let mut world = horizon(plain(), 10);
        world["accounts"][1].as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        play(&world, &[(4, 1)], &[(5, 1)]).1.readings()[0].2.0
    };
    // Half of the minute's demand and the rebuild, percent of 20 units.
    assert_eq!(used(json!({})), 100.0 * (0.125 + 0.4) / 20.0);
    assert_eq!(used(json!({ "c5": 2.0 })), 100.0 * (0.125 + 0.2) / 20.0);
    assert_eq!(used(json!({ "c5": null })), 100.0 * (0.125 + 0.2) / 20.0);
    assert_eq!(used(json!({ "c5": null, "c7": 10.0 })), 100.0 * (0.125 + 0.1) / 10.0);
}
