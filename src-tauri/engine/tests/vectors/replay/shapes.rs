//! The recorded shapes as the engine's values.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde_json::Value;
use sluice_core::calendar::{WorkCalendar, WorkSpan, expand_days};
use sluice_engine::{
    Account, AccountId, Calendar, Gates, Generation, Lane, LaneId, Login, Memory, Percent, Plan,
    Provider, Rules, Usage, Utc, Window, World,
};

/// The zone of a vector.
pub fn zone(name: &Value) -> Result<Tz, String> {
    let name = name.as_str().unwrap_or("UTC");
    name.parse().map_err(|_| format!("unknown zone {name}"))
}

/// An instant as recorded: ISO 8601, `Z` or an offset; without one it is UTC; anything else is
/// missing.
pub fn instant(text: &Value) -> Option<Utc> {
    let text = text.as_str()?;
    if let Ok(aware) = DateTime::parse_from_rfc3339(text) {
        return Some(Utc(aware.timestamp_micros()));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
        if let Ok(aware) = DateTime::parse_from_str(text, format) {
            return Some(Utc(aware.timestamp_micros()));
        }
    }
    naive(text).map(|naive| Utc(naive.and_utc().timestamp_micros()))
}

/// A local time without zone.
pub fn naive(text: &str) -> Option<NaiveDateTime> {
    let formats =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
}

/// `now` of a vector.
pub fn now(given: &Value) -> Result<Utc, String> {
    instant(&given["now"]).ok_or_else(|| format!("now {} is no instant", given["now"]))
}

/// A number of percent.
pub fn percent(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// The working hours between `active_start` and `active_end`, the same every day; across midnight
/// there are none, as recorded. Covers every instant given, with days to spare.
pub fn calendar(given: &Value, zone: Tz, around: &[Option<Utc>]) -> Calendar {
    let start = given["active_start"].as_str().unwrap_or("06:00");
    let end = given["active_end"].as_str().unwrap_or("23:00");
    let mut work = WorkCalendar::default();
    if let (Some(from), Some(to)) = (minute(start), minute(end))
        && from < to
    {
        work = WorkCalendar::daily(WorkSpan { from, to }, 0..7);
    }
    let day = |at: Utc| {
        let at = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
        at.with_timezone(&zone).date_naive()
    };
    let first = around.iter().flatten().min().copied().unwrap_or(Utc(0));
    let last = around.iter().flatten().max().copied().unwrap_or(Utc(0));
    let first = day(first).checked_sub_days(Days::new(2)).unwrap_or_default();
    let last = day(last).checked_add_days(Days::new(2)).unwrap_or_default();
    expand_days(&work, zone, first, last)
}

fn minute(clock: &str) -> Option<u16> {
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    hour.checked_mul(60)?.checked_add(minute)
}

/// A window of a recorded account row.
pub fn window(used: &Value, resets_at: &Value) -> Window {
    Window { used: percent(used).and_then(Percent::new), resets_at: instant(resets_at) }
}

/// The plan of a recorded account row.
pub fn plan(row: &Value) -> Plan {
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    Plan {
        subscription: text("subscription_type"),
        rate_limit_tier: text("rate_limit_tier"),
        weight: None,
    }
}

/// A recorded account row; `position` is its place in the list.
pub fn account(row: &Value, position: i64) -> Account {
    let flag = |key: &str, missing: bool| match &row[key] {
        Value::Null => missing,
        Value::Bool(flag) => *flag,
        other => other.as_f64() != Some(0.0),
    };
    let login = if row["validation_status"] == "invalid" {
        Login::NeedsSignIn
    } else if row["cc_access_token"].as_str().is_none_or(str::is_empty) {
        Login::Missing
    } else if row["cc_refresh_failure_type"] == "invalid_grant" {
        Login::NeedsSignIn
    } else if row["validation_status"] == "valid" {
        Login::Valid
    } else {
        Login::Unverified
    };
    Account {
        id: AccountId(row["id"].as_i64().unwrap_or_default()),
        provider: Provider::Claude,
        plan: plan(row),
        enabled: flag("is_active", true) && !flag("is_deleted", false),
        automatic: flag("auto_swap_enabled", true),
        login,
        failures: row["consecutive_failures"].as_u64().unwrap_or(0) as u32,
        usage: Usage {
            observed_at: row["usage_cached_at"].as_i64().map(Utc::from_seconds),
            ..Usage::of(
                window(&row["cached_usage_5h"], &row["cached_5h_resets_at"]),
                window(&row["cached_usage_7d"], &row["cached_7d_resets_at"]),
            )
        },
        position,
    }
}

/// A world under the seed's rules with one lane, id 1.
pub fn world(
    given: &Value,
    accounts: Vec<Account>,
    active: Option<i64>,
    calendar: Calendar,
) -> World {
    let mut world = World { accounts, calendar, rules: Rules::seed(), ..World::default() };
    world.lanes.push(Lane {
        id: LaneId(1),
        provider: Provider::Claude,
        active: active.map(AccountId),
        generation: Generation::default(),
        model: None,
        gates: Gates::default(),
    });
    for (id, tier) in given["prev_tiers"].as_object().into_iter().flatten() {
        if let (Ok(id), Some(tier)) = (id.parse(), tier.as_u64()) {
            let memory = Memory { tier: Some(tier as u8), ..Memory::default() };
            world.memory.insert(AccountId(id), memory);
        }
    }
    world
}
