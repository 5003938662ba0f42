//! Choosing a candidate, leaving an account, and when to look.

use super::shapes;
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use sluice_engine::standing::Standing;
use sluice_engine::survey::Survey;
use sluice_engine::tiered::{self, Seat};
use sluice_engine::{AccountId, Burn, Refusal, Rules, Utc, World, decide, explain, poll};

/// The engine's answer; `None` when the function is not of this file.
pub fn answer(function: &str, given: &Value, zone: Tz) -> Option<Result<Value, String>> {
    Some(match function {
        "pick_best_target" => pick_best(given, zone),
        "should_swap_now" => should_swap(given, zone),
        "clamp_poll_interval" => clamp(given, zone),
        "candidate_staleness_override" => override_(given),
        _ => return None,
    })
}

/// A world of these rows and its survey.
fn surveyed(
    given: &Value,
    rows: &[&Value],
    active: Option<i64>,
    zone: Tz,
) -> Result<(World, Survey), String> {
    let now = shapes::now(given)?;
    let accounts: Vec<_> =
        rows.iter().enumerate().map(|(place, row)| shapes::account(row, place as i64)).collect();
    let mut around: Vec<Option<Utc>> = vec![Some(now)];
    around.extend(accounts.iter().map(|account| account.usage.long().resets_at));
    let calendar = shapes::calendar(given, zone, &around);
    let world = shapes::world(given, accounts, active, calendar);
    let survey = world.survey(now);
    Ok((world, survey))
}

fn rows(given: &Value) -> Vec<&Value> {
    given["accounts"].as_array().into_iter().flatten().collect()
}

fn pick_best(given: &Value, zone: Tz) -> Result<Value, String> {
    let active = given["current_id"].as_i64();
    let (world, survey) = surveyed(given, &rows(given), active, zone)?;
    let lane = &world.lanes[0];
    let selected = decide::tiered(&world, &survey, lane).best.or_else(|| {
        // Without an active account the recorded function still answers.
        let best = survey.eligible().find(|standing| Some(standing.id.0) != active);
        best.map(|standing| standing.id)
    });
    let verdicts: Vec<Value> = survey
        .standings
        .iter()
        .map(|standing| {
            let refusal = decide::lane_refusal(&world, &survey, lane, standing);
            let row = &given["accounts"][standing.slot];
            verdict(standing, refusal, row)
        })
        .collect();
    Ok(json!({"selected_id": selected.map(|id| id.0), "verdicts": verdicts}))
}

fn verdict(standing: &Standing, refusal: Refusal, row: &Value) -> Value {
    let word = match refusal {
        Refusal::Active => "is_current",
        Refusal::Disabled => "disabled_or_deleted",
        Refusal::Failing => "failures>=3",
        Refusal::NeedsSignIn if row["validation_status"] == "invalid" => "invalid",
        Refusal::NeedsSignIn => "cc_chain_dead",
        Refusal::NoCredential => "no_cc_token",
        Refusal::NotAutomatic => "auto_swap_disabled",
        Refusal::NoReset => "tier_excluded",
        Refusal::UsageUnknown => "no_7d_data",
        Refusal::NotBehind => "deficit<=0",
        Refusal::NoWeeklyHeadroom => "no_7d_headroom",
        Refusal::NoShortHeadroom => "no_5h_headroom",
        Refusal::Eligible => "candidate",
        Refusal::Skipped
        | Refusal::ModelExhausted
        | Refusal::WouldBill
        | Refusal::Blocked
        | Refusal::Stale
        | Refusal::Outranked => "not recorded",
    };
    let mut verdict = Map::new();
    verdict.insert("id".into(), json!(standing.id.0));
    verdict.insert("v".into(), json!(word));
    let depth = match refusal {
        Refusal::NoReset => 1,
        Refusal::UsageUnknown => 2,
        Refusal::NotBehind
        | Refusal::NoWeeklyHeadroom
        | Refusal::NoShortHeadroom
        | Refusal::Eligible => 3,
        _ => 0,
    };
    let numbers = [
        ("tier", json!(standing.tier)),
        ("target", json!(standing.target)),
        ("deficit", json!(standing.deficit)),
    ];
    for (name, number) in numbers.into_iter().take(depth) {
        verdict.insert(name.into(), number);
    }
    Value::Object(verdict)
}

fn should_swap(given: &Value, zone: Tz) -> Result<Value, String> {
    let mut present = vec![&given["active"]];
    present.extend(Some(&given["best"]).filter(|best| best.is_object()));
    let id = |row: &Value| row["id"].as_i64();
    let (world, survey) = surveyed(given, &present, id(&given["active"]), zone)?;
    let find = |row: &Value| id(row).and_then(|id| survey.find(AccountId(id)));
    let mut active = find(&given["active"]).ok_or("no active account")?.clone();
    let number = |key: &str, missing: f64| given[key].as_f64().unwrap_or(missing);
    active.critical = number("critical_5h", 90.0);
    let rules = Rules {
        warning: number("warning_5h", 80.0),
        check_interval_s: number("check_interval_min", 5.0) * 60.0,
        ..Rules::seed()
    };
    let seat = Seat {
        account: &world.accounts[0],
        active: &active,
        best: find(&given["best"]),
        burn: Burn { five_hour: number("burn_rate_5h_per_min", 0.0), ..Burn::default() },
        model: None,
        rules: &rules,
        now: survey.now,
    };
    let rule = tiered::departure(&seat);
    Ok(json!({
        "reason": rule.as_ref().map(explain::recorded),
        "trigger": rule.map_or("tick", |rule| rule.trigger().name()),
    }))
}

fn clamp(given: &Value, zone: Tz) -> Result<Value, String> {
    let active = given["active_id"].as_i64();
    let (_, survey) = surveyed(given, &rows(given), active, zone)?;
    let interval = given["interval_s"].as_f64().ok_or("interval_s")?;
    Ok(json!(poll::clamped(interval, &survey, active.map(AccountId), &Rules::seed())))
}

fn override_(given: &Value) -> Result<Value, String> {
    Ok(json!(poll::outdated(&shapes::account(given, 0), shapes::now(given)?)))
}
