//! What is read and what is refused.

use crate::{first, plain, read};
use serde_json::{Value, json};
use sluice_lab::simulate::{Emptied, Scenario};

fn refused(world: &Value) -> String {
    Scenario::parse(world.to_string().as_bytes()).unwrap_err().to_string()
}

#[track_caller]
fn names(world: &Value, words: &[&str]) {
    let error = refused(world);
    for word in words {
        assert!(error.contains(word), "{error} does not name {word}");
    }
}

fn old(mut world: Value) -> Value {
    world["format"] = "quota-sim/1".into();
    world
}

#[test]
fn a_file_that_names_no_shape_has_the_usual_windows() {
    for world in [plain(), old(plain())] {
        let account = &read(&world).accounts[0];
        assert_eq!((account.c5, account.span5, account.span7), (Some(5.0), 300, 10_080));
        assert!(account.short_changes.is_empty() && account.plan_changes.is_empty());
        assert!(account.early_resets.is_empty());
    }
}

#[test]
fn every_shape_is_read() {
    let world = first(
        plain(),
        json!({
            "c5": null, "used5_0": 0.0, "window5_open_at": null, "span5": 180, "span7": 4320,
            "short_changes": [[1, 4.5], [399, null]],
            "plan_changes": [[7, "ultra", 10.0, 40.5]],
            "early_resets": [[3, "short", "keep"], [4, "long", "restart"], [5, "both", "keep"]],
        }),
    );
    let account = &read(&world).accounts[0];
    assert_eq!((account.c5, account.span5, account.span7), (None, 180, 4_320));
    assert_eq!(account.short_changes, [(1, Some(4.5)), (399, None)]);
    let plan = &account.plan_changes[0];
    assert_eq!((plan.minute, plan.plan.as_str()), (7, "ultra"));
    assert_eq!((plan.weight, plan.c7), (10.0, 40.5));
    let resets: Vec<_> = account
        .early_resets
        .iter()
        .map(|reset| (reset.minute, reset.windows, reset.restarts))
        .collect();
    let expected =
        [(3, Emptied::Short, false), (4, Emptied::Long, true), (5, Emptied::Both, false)];
    assert_eq!(resets, expected);
}

#[test]
fn the_first_format_knows_no_shapes() {
    for key in ["short_changes", "plan_changes", "early_resets"] {
        names(&old(first(plain(), json!({ key: [] }))), &["quota-sim/1", key]);
    }
    for (key, usual) in [("span5", 300), ("span7", 10_080)] {
        names(&old(first(plain(), json!({ key: usual }))), &["quota-sim/1", key]);
    }
    names(&old(first(plain(), json!({ "c5": null }))), &["quota-sim/1", "a1", "c5"]);
}

#[test]
fn another_format_is_named_before_anything_else() {
    names(&json!({ "format": "quota-sim/3" }), &["quota-sim/3", "quota-sim/1", "quota-sim/2"]);
    names(&json!({}), &["format"]);
}

#[test]
fn c5_may_be_null_but_not_left_out() {
    let mut world = plain();
    world["accounts"][0].as_object_mut().unwrap().remove("c5");
    names(&world, &["c5"]);
    for open in [json!({ "window5_open_at": -5 }), json!({ "used5_0": 0.5 })] {
        names(&first(first(plain(), json!({ "c5": null })), open), &["a1", "short window"]);
    }
}

#[test]
fn spans_are_whole_minutes_above_zero() {
    for key in ["span5", "span7"] {
        for span in [0, -300] {
            names(&first(plain(), json!({ key: span })), &["a1", key]);
        }
        names(&first(plain(), json!({ key: 300.0 })), &["floating point"]);
        names(&first(plain(), json!({ key: null })), &["null"]);
    }
}

#[test]
fn minutes_of_lists_rise_within_the_run() {
    let entry = |list: &str, minute: i64| match list {
        "short_changes" => json!([minute, 3.0]),
        "plan_changes" => json!([minute, "ultra", 10.0, 40.0]),
        _ => json!([minute, "both", "keep"]),
    };
    for list in ["short_changes", "plan_changes", "early_resets"] {
        let with = |minutes: &[i64]| {
            let entries: Vec<_> = minutes.iter().map(|minute| entry(list, *minute)).collect();
            first(plain(), json!({ list: entries }))
        };
        read(&with(&[1, 2, 399]));
        for minutes in [&[0][..], &[-1], &[400], &[5, 5], &[6, 5], &[5, 400]] {
            names(&with(minutes), &["a1", list]);
        }
    }
}

#[test]
fn what_stands_in_a_list_is_whole() {
    for keys in [
        json!({ "short_changes": [[5]] }),
        json!({ "short_changes": [[5.5, null]] }),
        json!({ "short_changes": [[5, "none"]] }),
        json!({ "plan_changes": [[5, "ultra", 10.0]] }),
        json!({ "plan_changes": [[5, "ultra", null, 40.0]] }),
        json!({ "early_resets": [[5, "week", "keep"]] }),
        json!({ "early_resets": [[5, "long", "later"]] }),
        json!({ "early_resets": [[5, "long"]] }),
    ] {
        refused(&first(plain(), keys));
    }
}

#[test]
fn a_plan_changes_only_after_the_account_came() {
    let plan = json!({ "plan_changes": [[50, "ultra", 10.0, 40.0]] });
    read(&first(first(plain(), plan.clone()), json!({ "available_from": 49 })));
    let late = first(first(plain(), plan), json!({ "available_from": 50 }));
    names(&late, &["a1", "plan_changes", "50"]);
}
