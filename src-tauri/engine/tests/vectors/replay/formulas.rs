//! Pure functions of numbers and instants.

use super::shapes;
use chrono_tz::Tz;
use serde_json::{Value, json};
use sluice_engine::gates::{self, Pull};
use sluice_engine::renew::{self, RenewalFailure};
use sluice_engine::target::Course;
use sluice_engine::{
    Burn, Percent, Rules, Utc, Window, WindowKind, advise, label, poll, span, target, tier,
};

/// The week that ends at `reset`: the recorded ones all last seven days.
fn week(reset: Option<Utc>) -> Course {
    Course { reset, span_s: span::prior_s(&WindowKind::SevenDay) }
}

/// The engine's answer; `None` when the function is not of this file.
pub fn answer(function: &str, given: &Value, zone: Tz) -> Option<Result<Value, String>> {
    Some(match function {
        "tier_for" => tier_for(given),
        "white_bar" => white_bar(given),
        "resets_within" => resets_within(given),
        "has_5h_headroom" => short_headroom(given),
        "effective_pct" => effective_pct(given),
        "target_t1" => Ok(target_t1(given, zone)),
        "target_deficit_stranding" => target_deficit_stranding(given, zone),
        "achievable_burn" => achievable_burn(given, zone),
        "compute_7d_deficit" => compute_deficit(given, zone),
        "burn_per_window" => Ok(json!(shapes::calendar(given, zone, &[]).burn_per_window())),
        "effective_working_hours" => working_hours(given),
        "has_viable_headroom" => Ok(weekly_headroom(given, zone)),
        "critical_threshold" => Ok(critical(given)),
        "update_burn_rate_sequence" => Ok(burn_rates(given)),
        "emergence_persistence_sequence" => persistence(given),
        "swap_backoff_remaining" => Ok(backoff(given)),
        "usage_429_backoff_s" => Ok(throttle(given)),
        "urgency_tier" => Ok(urgency(given)),
        "evaluate_stall" => Ok(stall(given)),
        "same_tier_advisory" => Ok(same_tier(given)),
        "account_label" => Ok(account_label(given)),
        "breaker_cooldown_s" => Ok(renewal_rest(given)),
        "should_refresh_primary" => Ok(renewal_due(given, "refresh_token", "expires_at")),
        "should_refresh_cc" => Ok(renewal_due(given, "cc_refresh_token", "cc_expires_at")),
        _ => return None,
    })
}

fn tier_for(given: &Value) -> Result<Value, String> {
    let reset = shapes::instant(&given["cached_7d_resets_at"]);
    let previous = given["prev_tier"].as_u64().map(|tier| tier as u8);
    Ok(json!(tier::damped(reset, shapes::now(given)?, previous)))
}

fn white_bar(given: &Value) -> Result<Value, String> {
    let reset = shapes::instant(&given["cached_7d_resets_at"]);
    Ok(json!(target::white_bar(week(reset), shapes::now(given)?)))
}

fn resets_within(given: &Value) -> Result<Value, String> {
    let minutes = given["minutes"].as_f64().unwrap_or(0.0);
    let reset = shapes::instant(&given["resets_at"]);
    Ok(json!(target::resets_within(reset, shapes::now(given)?, minutes)))
}

fn short_headroom(given: &Value) -> Result<Value, String> {
    let window = shapes::window(&given["cached_usage_5h"], &given["cached_5h_resets_at"]);
    let (limit, ahead) = (target::LANDING_LIMIT, target::RESET_LOOKAHEAD_MIN);
    Ok(json!(target::has_short_headroom(&window, shapes::now(given)?, limit, ahead)))
}

/// A share as a number or as a numeral; anything else is unknown.
fn share(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn effective_pct(given: &Value) -> Result<Value, String> {
    let reset = shapes::instant(&given["resets_at"]);
    let observed = given["cached_at"].as_i64().map(Utc::from_seconds);
    let now = shapes::now(given)?;
    let window = Window { used: share(&given["pct"]).and_then(Percent::new), resets_at: reset };
    Ok(json!(window.shown(observed, now).used))
}

fn target_t1(given: &Value, zone: Tz) -> Value {
    let reset = shapes::instant(&given["cached_7d_resets_at"]);
    let calendar = shapes::calendar(given, zone, &[reset]);
    json!(target::target(1, week(reset), reset.unwrap_or(Utc(0)), &calendar))
}

fn target_deficit_stranding(given: &Value, zone: Tz) -> Result<Value, String> {
    let now = shapes::now(given)?;
    let reset = shapes::instant(&given["cached_7d_resets_at"]);
    let used = shapes::percent(&given["cached_usage_7d"]);
    let calendar = shapes::calendar(given, zone, &[Some(now), reset]);
    let tier = tier::instant(reset, now);
    let target = |tier| target::target(tier, week(reset), now, &calendar);
    let deficit = target(tier).zip(used).map(|(target, used)| target - used);
    let achievable = target::achievable(reset, now, &calendar);
    Ok(json!({
        "tier": tier,
        "target_7d": target(tier),
        "target_for_each_tier": [target(0), target(1), target(2), target(3), target(4)],
        "deficit": deficit,
        "achievable_burn": achievable,
        "stranding": target::stranding(deficit, achievable),
    }))
}

fn achievable_burn(given: &Value, zone: Tz) -> Result<Value, String> {
    let now = shapes::now(given)?;
    let reset = shapes::instant(&given["cached_7d_resets_at"]);
    let calendar = shapes::calendar(given, zone, &[Some(now), reset]);
    Ok(json!(target::achievable(reset, now, &calendar)))
}

fn compute_deficit(given: &Value, zone: Tz) -> Result<Value, String> {
    let now = shapes::now(given)?;
    let reset = shapes::instant(&given["cached_7d_resets_at"]);
    let calendar = shapes::calendar(given, zone, &[Some(now), reset]);
    let tier = tier::instant(reset, now);
    let (Some(used), Some(target), Some(bar), Some(reset)) = (
        shapes::percent(&given["cached_usage_7d"]),
        target::target(tier, week(reset), now, &calendar),
        target::white_bar(week(reset), now),
        reset,
    ) else {
        return Ok(Value::Null);
    };
    Ok(json!({
        "tier": tier,
        "target_7d": target,
        "deficit_vs_tier_target": target - used,
        "white_bar": bar,
        "hours_to_expiry": tier::hours_to(reset, now),
        "unused_7d": 100.0 - used,
        "deficit": bar * 100.0 - used,
    }))
}

fn working_hours(given: &Value) -> Result<Value, String> {
    let instant = |key: &str| shapes::instant(&given[key]).ok_or(format!("{key} is no time"));
    let (start, end) = (instant("start_local")?, instant("end_local")?);
    let calendar = shapes::calendar(given, Tz::UTC, &[Some(start), Some(end)]);
    Ok(json!(calendar.working_hours(start, end)))
}

fn weekly_headroom(given: &Value, zone: Tz) -> Value {
    let used = shapes::percent(&given["cached_usage_7d"]);
    let burn = shapes::calendar(given, zone, &[]).burn_per_window();
    json!(target::has_weekly_headroom(used, burn))
}

fn critical(given: &Value) -> Value {
    let plan = shapes::plan(given);
    json!({
        "tier_critical": plan.critical(),
        "label": plan.tag(),
        "effective_with_setting_90": plan.critical().max(90.0),
        "effective_with_setting_70": plan.critical().max(70.0),
    })
}

fn burn_rates(given: &Value) -> Value {
    let mut burn = Burn::default();
    let looks = given.as_array().into_iter().flatten().map(|look| {
        let number = |key: &str| look[key].as_f64().unwrap_or(0.0);
        let at = Utc((number("t") * 1e6).round() as i64);
        burn.measure(Some(number("usage_5h")), Some(number("usage_7d")), at);
        json!({
            "rate_5h": burn.five_hour,
            "rate_7d": burn.seven_day,
            "last_check_time": at.seconds_since(Utc(0)),
        })
    });
    looks.collect()
}

/// How a recorded reason stands towards the emergence gate.
fn pull(reason: &Value) -> Pull {
    match reason.as_str() {
        None | Some("") => Pull::Nothing,
        Some(reason) => reading_pull(reason),
    }
}

fn reading_pull(reason: &str) -> Pull {
    let emerging =
        super::reading::rule_of(reason).is_some_and(|rule| rule.pull() == Pull::Emerging);
    if emerging { Pull::Emerging } else { Pull::Decisive }
}

fn persistence(given: &Value) -> Result<Value, String> {
    let looks = given["persistence_ticks"].as_u64().ok_or("persistence_ticks")? as u32;
    let mut streak = None;
    let steps = given["steps"].as_array().ok_or("steps")?.iter().map(|step| {
        let best = step["best_tier"].as_u64().map(|tier| tier as u8);
        let passed = gates::persisted(&mut streak, pull(&step["reason"]), best, looks);
        let reason = if passed { step["reason"].clone() } else { Value::Null };
        let (tier, count) = streak.map_or((None, 0), |(tier, count)| (Some(tier), count));
        json!({"reason": reason, "streak": {"tier": tier, "count": count}})
    });
    Ok(steps.collect())
}

fn backoff(given: &Value) -> Value {
    let failures = given["failure_count"].as_u64().unwrap_or(0) as u32;
    let elapsed = given["elapsed_s"].as_f64().unwrap_or(0.0);
    let rules = Rules::seed();
    json!(gates::backoff_left(failures, elapsed, rules.backoff_first_s, rules.backoff_cap_s))
}

fn throttle(given: &Value) -> Value {
    let consecutive = given["consecutive"].as_u64().unwrap_or(0) as u32;
    let retry_after = share(&given["retry_after"]).filter(|seconds| *seconds >= 0.0);
    json!(poll::throttle_pause_s(consecutive, retry_after.map(|seconds| seconds as u64)))
}

fn urgency(given: &Value) -> Value {
    let number = |key: &str| given[key].as_f64();
    let urgency = poll::urgency(
        number("usage_5h"),
        number("usage_7d"),
        number("burn_rate_5h_per_min").unwrap_or(0.0),
        number("critical_5h").unwrap_or(90.0),
    );
    let name = match urgency {
        poll::Urgency::Idle => "idle",
        poll::Urgency::Normal => "normal",
        poll::Urgency::Warning => "warning",
        poll::Urgency::Critical => "critical",
    };
    json!({
        "tier": name,
        "base_interval_s_0_108": poll::INTERVALS_S[urgency as usize],
        "base_interval_s_0_46_0": poll::INTERVALS_RECORDED_S[urgency as usize],
    })
}

fn stall(given: &Value) -> Value {
    json!(advise::stalled(
        given["action"] != "stay",
        given["has_best"] == true,
        given["has_other_accounts"] == true,
        given["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
        given["usage_age_s"].as_f64().unwrap_or(0.0),
        given["staleness_s"].as_f64().unwrap_or(advise::STALL_AGE_S),
    ))
}

fn same_tier(given: &Value) -> Value {
    let best = given["best_tier"].as_u64().map(|tier| (tier as u8, given["best_deficit"].as_f64()));
    json!(advise::worth_a_word(
        given["action"] != "stay",
        given["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
        best.filter(|_| given["has_best"] == true),
    ))
}

fn account_label(given: &Value) -> Value {
    let text = |key: &str| given[key].as_str();
    json!(label::label(text("email"), text("organization_name"), text("display_name")))
}

fn renewal_rest(given: &Value) -> Value {
    let failure = match given["failure_type"].as_str() {
        Some("invalid_grant") => RenewalFailure::InvalidGrant,
        Some("network_error") => RenewalFailure::Network,
        Some("not_sent") => RenewalFailure::NotSent,
        Some("reply_lost") => RenewalFailure::ReplyLost,
        Some("http_429") => RenewalFailure::Throttled,
        Some(kind) if kind.starts_with("http_5") => RenewalFailure::Server,
        Some(_) | None => RenewalFailure::Other,
    };
    json!(renew::renewal_rest_s(failure))
}

fn renewal_due(given: &Value, token: &str, expires: &str) -> Value {
    // The recorded program renewed no login of Codex.
    let renewable = given["provider"] != "codex"
        && given[token].as_str().is_some_and(|token| !token.is_empty());
    let expires = given[expires].as_i64().map(Utc::from_seconds);
    let ahead = given["buffer_s"].as_i64().unwrap_or(renew::RENEW_AHEAD_S);
    let now = Utc::from_seconds(given["now_epoch"].as_i64().unwrap_or(0));
    json!(renew::renewal_due(renewable, expires, ahead, now))
}
