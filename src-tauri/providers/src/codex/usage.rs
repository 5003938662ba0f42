//! Usage answers of Codex, and the same numbers as its app server, logs and headers spell them.

use crate::failure::FailureClass as Class;
use crate::json::{Odd, Oddities, Oddity, under};
use crate::reading::exhausted;
use serde_json::{Map, Value};
use sluice_engine::limits::MODEL_WINDOWS_MAX;
use sluice_engine::{ModelWindow, Usage, Utc, Window};

/// Length of the short window, minutes.
const SHORT_MIN: f64 = 300.0;
/// Length of the weekly window, minutes.
const WEEK_MIN: f64 = 10_080.0;
/// Old answers said 299 and 10,079.
const TOLERANCE: f64 = 0.01;
/// Rows of further limits looked at.
const LIMITS_MAX: usize = 32;

/// A usage reading of Codex.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodexUsage {
    /// The account's windows; the weekly windows of single models stand in `models`.
    pub usage: Usage,
    /// Limits of single models, both windows.
    pub scoped: Vec<ScopedLimit>,
    /// Windows of other lengths, with their length in seconds.
    pub others: Vec<(f64, Window)>,
    /// The plan, as sent.
    pub plan: Option<String>,
    /// Credits bought in advance.
    pub credits: Option<Balance>,
    /// A monthly ceiling of this person, where a workspace sets one.
    pub monthly: Option<Window>,
    /// Resets that could be spent by hand; spending one cannot be taken back.
    pub reset_credits: Option<u64>,
    /// The provider says that a limit is reached, and which.
    pub reached: Option<String>,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
    /// The answer was a JSON object.
    pub readable: bool,
}

/// A limit of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopedLimit {
    /// Its name, as sent.
    pub name: String,
    /// The short window.
    pub five_hour: Window,
    /// The weekly window.
    pub seven_day: Window,
}

/// Credits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Balance {
    /// Without bound.
    Unlimited,
    /// So many; unknown when not said.
    Left(Option<f64>),
}

impl CodexUsage {
    /// Why the account as a whole is out at `now`, with the reset that ends it.
    #[must_use]
    pub fn limited(&self, now: Utc) -> Option<(Class, Option<Utc>)> {
        let full = |window: &Window| exhausted(window, now) == Some(true);
        if self.reached.as_deref().is_some_and(|why| why.starts_with("workspace_")) {
            return Some((Class::Billing, None));
        }
        if full(&self.usage.seven_day) {
            return Some((Class::WeeklyLimit, self.usage.seven_day.resets_at));
        }
        if full(&self.usage.five_hour) {
            return Some((Class::FiveHourLimit, self.usage.five_hour.resets_at));
        }
        self.reached.is_some().then_some((Class::LimitUnspecified, None))
    }
}

/// Reads the body of the usage endpoint, which arrived at `at`. Total.
#[must_use]
pub fn parse_usage(bytes: &[u8], at: Utc) -> CodexUsage {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    let mut reading = CodexUsage::default();
    if let Some(map) = odd.object(document.as_ref(), "") {
        reading.readable = true;
        read_answer(map, at, &mut reading, &mut odd);
    }
    reading.oddities = odd.into_vec();
    reading
}

fn read_answer(map: &Map<String, Value>, at: Utc, reading: &mut CodexUsage, odd: &mut Oddities) {
    reading.plan = odd.text(map.get("plan_type"), "plan_type");
    if let Some(limit) = odd.object(map.get("rate_limit"), "rate_limit") {
        read_windows(limit, "rate_limit", Some(at), reading, odd);
        let reached = odd.boolean(limit.get("limit_reached"), "rate_limit.limit_reached");
        if reached == Some(true) {
            reading.reached = Some("rate_limit_reached".to_owned());
        }
    }
    let kind = match map.get("rate_limit_reached_type") {
        Some(Value::Object(kind)) => kind.get("type"),
        kind => kind,
    };
    reading.reached = odd.text(kind, "rate_limit_reached_type").or(reading.reached.take());
    read_further(map.get("additional_rate_limits"), at, reading, odd);
    reading.credits = read_credits(map.get("credits"), odd);
    reading.reset_credits = reset_credits(map.get("rate_limit_reset_credits"), odd);
    let own = map.get("spend_control").and_then(|it| it.get("individual_limit"));
    reading.monthly = read_monthly(own.or(map.get("individualLimit")), odd);
}

/// Reads the windows in `limit`, told apart by their length, never by their slot. Without a length
/// a window cannot be placed.
pub(crate) fn read_windows(
    limit: &Map<String, Value>,
    path: &str,
    base: Option<Utc>,
    reading: &mut CodexUsage,
    odd: &mut Oddities,
) {
    for slot in ["primary_window", "secondary_window", "primary", "secondary"] {
        let path = under(path, slot);
        let Some(map) = odd.object(limit.get(slot), &path) else {
            continue;
        };
        let Some((minutes, window)) = read_window(map, &path, base, odd) else {
            continue;
        };
        match length(minutes) {
            Length::Short => reading.usage.five_hour = window,
            Length::Week => reading.usage.seven_day = window,
            Length::Other => {
                odd.note(&path, Odd::UnknownValue);
                reading.others.push((minutes * 60.0, window));
            }
        }
    }
}

enum Length {
    Short,
    Week,
    Other,
}

fn length(minutes: f64) -> Length {
    let near = |wanted: f64| (minutes - wanted).abs() <= wanted * TOLERANCE;
    if near(SHORT_MIN) {
        Length::Short
    } else if near(WEEK_MIN) {
        Length::Week
    } else {
        Length::Other
    }
}

/// A window and its length in minutes. `base` is the instant relative times count from.
fn read_window(
    map: &Map<String, Value>,
    path: &str,
    base: Option<Utc>,
    odd: &mut Oddities,
) -> Option<(f64, Window)> {
    let first =
        |names: &[&str]| names.iter().find_map(|name| map.get(*name).filter(|it| !it.is_null()));
    let used = odd.percent(first(&["used_percent", "usedPercent"]), &under(path, "used_percent"));
    let seconds =
        odd.number(first(&["limit_window_seconds"]), &under(path, "limit_window_seconds"));
    let minutes = odd.number(
        first(&["window_minutes", "windowDurationMins", "window_duration_mins"]),
        &under(path, "window_minutes"),
    );
    let resets_at = odd
        .instant(first(&["reset_at", "resets_at", "resetsAt", "resetAt"]), &under(path, "reset_at"))
        .or_else(|| {
            let left = first(&["resets_in_seconds", "reset_after_seconds"]);
            let left = odd.number(left, &under(path, "resets_in_seconds"))?;
            let sane = (0.0..1e9).contains(&left);
            sane.then(|| base.map(|base| base.plus_seconds(left as i64))).flatten()
        });
    let minutes = minutes.or(seconds.map(|seconds| seconds / 60.0))?;
    // Nothing of nothing, without an end: the slot is a placeholder.
    let placeholder = minutes <= 0.0;
    (!placeholder).then_some((minutes, Window { used, resets_at }))
}

fn read_further(value: Option<&Value>, at: Utc, reading: &mut CodexUsage, odd: &mut Oddities) {
    let path = "additional_rate_limits[]";
    let rows: Vec<&Value> = match value {
        None | Some(Value::Null) => return,
        Some(Value::Array(rows)) => rows.iter().collect(),
        Some(Value::Object(rows)) => rows.values().collect(),
        Some(_) => return odd.note(path, Odd::WrongType),
    };
    for row in rows.into_iter().take(LIMITS_MAX) {
        let Some(row) = odd.object(Some(row), path) else {
            continue;
        };
        let name = odd.text(row.get("limit_name"), &under(path, "limit_name"));
        let limit = odd.object(row.get("rate_limit"), &under(path, "rate_limit"));
        if let (Some(name), Some(limit)) = (name, limit) {
            add_scoped(name, limit, Some(at), reading, odd);
        }
    }
}

pub(crate) fn add_scoped(
    name: String,
    limit: &Map<String, Value>,
    base: Option<Utc>,
    reading: &mut CodexUsage,
    odd: &mut Oddities,
) {
    let mut own = CodexUsage::default();
    read_windows(limit, "additional_rate_limits[].rate_limit", base, &mut own, odd);
    let Usage { five_hour, seven_day, .. } = own.usage;
    let nothing = five_hour == Window::default() && seven_day == Window::default();
    if nothing || reading.scoped.len() >= MODEL_WINDOWS_MAX {
        return;
    }
    let window = if seven_day == Window::default() { five_hour } else { seven_day };
    reading.usage.models.push(ModelWindow { model: name.clone(), window, binding: false });
    reading.scoped.push(ScopedLimit { name, five_hour, seven_day });
}

pub(crate) fn read_credits(value: Option<&Value>, odd: &mut Oddities) -> Option<Balance> {
    let map = odd.object(value, "credits")?;
    if odd.boolean(map.get("unlimited"), "credits.unlimited") == Some(true) {
        return Some(Balance::Unlimited);
    }
    Some(Balance::Left(odd.number(map.get("balance"), "credits.balance")))
}

/// The number of resets in hand, wherever it stands.
pub(crate) fn reset_credits(value: Option<&Value>, odd: &mut Oddities) -> Option<u64> {
    let map = odd.object(value, "rate_limit_reset_credits")?;
    let count = map.get("available_count").or(map.get("availableCount"));
    let count = odd.number(count, "rate_limit_reset_credits.available_count")?;
    (0.0..1e6).contains(&count).then_some(count as u64)
}

/// Reads the answer that lists resets in hand.
#[must_use]
pub fn parse_reset_credits(bytes: &[u8]) -> Option<u64> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    reset_credits(document.as_ref(), &mut odd)
}

fn read_monthly(value: Option<&Value>, odd: &mut Oddities) -> Option<Window> {
    let path = "individual_limit";
    let map = odd.object(value, path)?;
    let mut number = |names: [&str; 2]| {
        let value = map.get(names[0]).or(map.get(names[1]));
        odd.number(value, path)
    };
    let left = number(["remaining_percent", "remainingPercent"]);
    let used = number(["used_percent", "usedPercent"]);
    let spent = number(["used", "spent"]).zip(number(["limit", "cap"]));
    let share = spent.filter(|(_, limit)| *limit > 0.0).map(|(used, limit)| used / limit * 100.0);
    let percent = used.or(left.map(|left| 100.0 - left)).or(share);
    let end = ["resets_at", "resetsAt", "reset_at"].iter().find_map(|name| map.get(*name));
    Some(Window {
        used: percent.filter(|it| *it >= 0.0).and_then(sluice_engine::Percent::new),
        resets_at: odd.instant(end, path),
    })
}
