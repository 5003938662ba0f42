//! Usage answers of Codex, and the same numbers as its app server, logs and headers write them.

use super::resets;
use crate::failure::FailureClass as Class;
use crate::json::shape::{self, Field};
use crate::json::{Odd, Oddities, Oddity, under};
use crate::reading::{exhausted, mind_ends};
use serde_json::{Map, Value};
use sluice_engine::grant::Said;
use sluice_engine::limits::FULL_PERCENT;
use sluice_engine::limits::MODEL_WINDOWS_MAX;
use sluice_engine::{Amounts, Block, Credits, Percent, Usage, Utc, Verdict, Window, WindowKind};

/// Length of the short window, minutes.
const SHORT_MIN: f64 = 300.0;
/// Length of the weekly window, minutes.
const WEEK_MIN: f64 = 10_080.0;
/// Old answers said 299 and 10,079.
const TOLERANCE: f64 = 0.01;
/// Where the account's own windows stand in a limit.
const SLOTS: [&str; 4] = ["primary_window", "secondary_window", "primary", "secondary"];
/// Fields beside the limits that hold a share or a reset and are known.
const OTHER_FIELDS: [&str; 5] =
    ["individual_limit", "individualLimit", "spend_control", "spendControl", "credits"];
/// Rows of further limits looked at.
const LIMITS_MAX: usize = 32;

/// A usage reading of Codex.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodexUsage {
    /// The account's windows; the weekly windows of single models stand in `models`.
    pub usage: Usage,
    /// Limits of single models, both windows.
    pub scoped: Vec<ScopedLimit>,
    /// Windows of other lengths, with their length in seconds; 0 where none is told.
    pub others: Vec<(f64, Window)>,
    /// The plan, as sent.
    pub plan: Option<String>,
    /// Credits bought in advance.
    pub credits: Option<Balance>,
    /// A monthly ceiling of this person, where a workspace sets one.
    pub monthly: Option<Window>,
    /// The money behind it.
    pub amounts: Option<Amounts>,
    /// Limit resets, as far as the answer speaks of them.
    pub resets: Option<Said>,
    /// The provider says that a limit is reached, and which.
    pub reached: Option<String>,
    /// The provider says whether it allows work.
    pub allowed: Option<bool>,
    /// The provider says that a ceiling of money is reached.
    pub spent: bool,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
    /// The answer was a JSON object.
    pub readable: bool,
    /// The form of the answer, without any value.
    pub shape: Vec<Field>,
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

/// What the credit balance allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Balance {
    /// Without bound.
    Unlimited,
    /// So many; unknown when not said.
    Left(Option<f64>),
}

impl CodexUsage {
    /// Puts the provider's own word, and what is paid by the piece, where the engine looks for them.
    /// `at` is when the reading was true, where that is known.
    pub(crate) fn settle(&mut self, at: Option<Utc>) {
        self.usage.verdict = self.verdict(at);
        if let Some(monthly) = self.monthly {
            let money = Some(self.amounts.clone().unwrap_or_default());
            self.usage.add(WindowKind::money("individual_limit"), monthly, money);
        }
        for (seconds, window) in &self.others {
            self.usage.add(WindowKind::other(&span_name(*seconds)), *window, None);
        }
        self.usage.credits = self.credits.map(|balance| Credits {
            enabled: match balance {
                Balance::Unlimited => true,
                // How many are left is unknown: unknown is never zero.
                Balance::Left(left) => left.is_none_or(|left| left > 0.0),
            },
            ..Credits::default()
        });
    }

    /// What the provider itself says of the account, by the strictest of its words.
    fn verdict(&self, at: Option<Utc>) -> Option<Verdict> {
        let full = |window: &&Window| {
            let ended = window.resets_at.zip(at).is_some_and(|(end, at)| end <= at);
            !ended && window.used.is_some_and(|used| used.get() >= FULL_PERCENT)
        };
        let refused = |why, until| Some(Verdict::Refused { why, until });
        let end = |window: &Window| window.resets_at;
        let monthly = self.monthly.as_ref().filter(|window| full(window) || self.spent);
        if monthly.is_some() || self.spent {
            return refused(Block::Spending, monthly.and_then(end));
        }
        if let Some(why) = &self.reached {
            if why.starts_with("workspace_") {
                return refused(Block::Spending, None);
            }
            let own = [self.usage.short(), self.usage.long()];
            let others = self.others.iter().map(|(_, window)| window);
            // Where the windows show which limit that is, it ends with the last of them.
            let ends: Option<Vec<Utc>> = own.iter().chain(others).filter(full).map(end).collect();
            return refused(Block::Limit, ends.and_then(|ends| ends.into_iter().max()));
        }
        let others: Vec<_> =
            self.others.iter().map(|(_, window)| window).filter(full).map(end).collect();
        if !others.is_empty() {
            let ends: Option<Vec<Utc>> = others.into_iter().collect();
            return refused(Block::OtherWindow, ends.and_then(|ends| ends.into_iter().max()));
        }
        match self.allowed {
            Some(false) => refused(Block::NotAllowed, None),
            Some(true) => Some(Verdict::Allowed),
            None => None,
        }
    }

    /// Why the account as a whole is out at `now`, with the reset that ends it.
    #[must_use]
    pub fn limited(&self, now: Utc) -> Option<(Class, Option<Utc>)> {
        let full = |window: &Window| exhausted(window, now) == Some(true);
        if self.reached.as_deref().is_some_and(|why| why.starts_with("workspace_")) {
            return Some((Class::Billing, None));
        }
        let (short, long) = (self.usage.short(), self.usage.long());
        if full(&long) {
            return Some((Class::WeeklyLimit, long.resets_at));
        }
        if full(&short) {
            return Some((Class::FiveHourLimit, short.resets_at));
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
        note_windows(map, "", &OTHER_FIELDS, &mut odd);
    }
    reading.shape = document.as_ref().map(shape::of).unwrap_or_default();
    reading.oddities = odd.into_vec();
    mind_ends(&mut reading.usage, at, &mut reading.oddities);
    reading
}

fn read_answer(map: &Map<String, Value>, at: Utc, reading: &mut CodexUsage, odd: &mut Oddities) {
    reading.plan = odd.text(map.get("plan_type"), "plan_type");
    if let Some(limit) = odd.object(map.get("rate_limit"), "rate_limit") {
        read_windows(limit, "rate_limit", Some(at), reading, odd);
    }
    read_word(map, map.get("rate_limit").and_then(Value::as_object), reading, odd);
    read_further(map.get("additional_rate_limits"), at, reading, odd);
    reading.credits = read_credits(map.get("credits"), odd);
    reading.resets = resets::read(map.get("rate_limit_reset_credits"), odd);
    reading.settle(Some(at));
}

/// The provider's own word, wherever this spelling puts it: beside the windows or around them.
pub(crate) fn read_word(
    outer: &Map<String, Value>,
    limit: Option<&Map<String, Value>>,
    reading: &mut CodexUsage,
    odd: &mut Oddities,
) {
    let find = |names: &[&str]| {
        let mut places = [limit, Some(outer)].into_iter().flatten();
        places.find_map(|map| names.iter().find_map(|name| map.get(*name)))
    };
    let yes = |value: Option<&Value>, odd: &mut Oddities, path: &str| odd.boolean(value, path);
    reading.allowed = yes(find(&["allowed"]), odd, "rate_limit.allowed");
    let reached = find(&["limit_reached", "limitReached"]);
    if yes(reached, odd, "rate_limit.limit_reached") == Some(true) {
        reading.reached = Some("rate_limit_reached".to_owned());
    }
    let kind = match find(&["rate_limit_reached_type", "rateLimitReachedType"]) {
        Some(Value::Object(kind)) => kind.get("type"),
        kind => kind,
    };
    reading.reached = odd.text(kind, "rate_limit_reached_type").or(reading.reached.take());
    let control = find(&["spend_control", "spendControl"]);
    let control = odd.object(control, "spend_control");
    let spent = control.and_then(|control| control.get("reached"));
    reading.spent = yes(spent, odd, "spend_control.reached") == Some(true);
    let names = ["individual_limit", "individualLimit"];
    let own = control.and_then(|map| names.iter().find_map(|name| map.get(*name)));
    let own = own.or_else(|| find(&names));
    (reading.monthly, reading.amounts) = read_monthly(own, odd).unzip();
}

/// Notes what looks like a window and has none of these names.
fn note_windows(map: &Map<String, Value>, path: &str, known: &[&str], odd: &mut Oddities) {
    let new = map
        .iter()
        .filter(|(name, value)| !known.contains(&name.as_str()) && shape::is_window(value));
    for (name, value) in new {
        odd.unknown_field(&under(path, name), value);
    }
}

/// Reads the windows in `limit`, told apart by their length, never by their slot. Without a length
/// a window has no place of its own, but it binds when it is full.
pub(crate) fn read_windows(
    limit: &Map<String, Value>,
    path: &str,
    base: Option<Utc>,
    reading: &mut CodexUsage,
    odd: &mut Oddities,
) {
    note_windows(limit, path, &SLOTS, odd);
    for slot in SLOTS {
        let path = under(path, slot);
        let Some(map) = odd.object(limit.get(slot), &path) else {
            continue;
        };
        let Some((minutes, window)) = read_window(map, &path, base, odd) else {
            continue;
        };
        let kind = minutes.and_then(|minutes| match length(minutes) {
            Length::Short => Some(WindowKind::FiveHour),
            Length::Week => Some(WindowKind::SevenDay),
            Length::Other => None,
        });
        let seconds = minutes.unwrap_or(0.0) * 60.0;
        if let Some(kind) = kind {
            *reading.usage.of_kind(&kind) = window;
            reading.usage.say_span(&kind, seconds);
        } else {
            odd.note(&path, Odd::UnknownValue);
            reading.others.push((seconds, window));
        }
    }
}

/// A window by its length: `30-day window`, `12-hour window`.
fn span_name(seconds: f64) -> String {
    let hours = seconds / 3_600.0;
    if hours <= 0.0 {
        "window".to_owned()
    } else if hours < 48.0 {
        format!("{hours:.0}-hour window")
    } else {
        format!("{:.0}-day window", hours / 24.0)
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

/// A window and its length in minutes, where that is told. `base` is the instant relative times count from.
fn read_window(
    map: &Map<String, Value>,
    path: &str,
    base: Option<Utc>,
    odd: &mut Oddities,
) -> Option<(Option<f64>, Window)> {
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
    let minutes = minutes.or(seconds.map(|seconds| seconds / 60.0));
    // Nothing of nothing, without an end: the slot is a placeholder.
    let placeholder = minutes.map_or(used.is_none(), |minutes| minutes <= 0.0);
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
    let (five_hour, seven_day) = (own.usage.short(), own.usage.long());
    let nothing = five_hour == Window::default() && seven_day == Window::default();
    if nothing || reading.scoped.len() >= MODEL_WINDOWS_MAX {
        return;
    }
    let window = if seven_day == Window::default() { five_hour } else { seven_day };
    reading.usage.add_model(&name, window, false);
    reading.scoped.push(ScopedLimit { name, five_hour, seven_day });
}

pub(crate) fn read_credits(value: Option<&Value>, odd: &mut Oddities) -> Option<Balance> {
    let map = odd.object(value, "credits")?;
    if odd.boolean(map.get("unlimited"), "credits.unlimited") == Some(true) {
        return Some(Balance::Unlimited);
    }
    let left = odd.number(map.get("balance"), "credits.balance");
    // Whoever has none has none left, also where no number says so.
    let none = odd.boolean(map.get("has_credits").or(map.get("hasCredits")), "credits.has_credits")
        == Some(false);
    Some(Balance::Left(left.or(none.then_some(0.0))))
}

fn read_monthly(value: Option<&Value>, odd: &mut Oddities) -> Option<(Window, Amounts)> {
    let path = "individual_limit";
    let map = odd.object(value, path)?;
    let mut number = |names: [&str; 2]| {
        let value = map.get(names[0]).or(map.get(names[1]));
        odd.number(value, path)
    };
    let left = number(["remaining_percent", "remainingPercent"]);
    let used = number(["used_percent", "usedPercent"]);
    let (spent, limit) = (number(["used", "spent"]), number(["limit", "cap"]));
    let currency = odd.text(map.get("currency"), "individual_limit.currency");
    let amounts = Amounts { used: spent, limit, currency };
    let percent = used.or(left.map(|left| 100.0 - left));
    let percent = percent.and_then(Percent::told);
    let end = ["resets_at", "resetsAt", "reset_at"].iter().find_map(|name| map.get(*name));
    let window = Window { used: percent.or(amounts.share()), resets_at: odd.instant(end, path) };
    Some((window, amounts))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Utc = Utc::from_seconds(1_795_262_400);

    /// The verdict of an answer whose windows have room, with these fields changed or added.
    fn verdict(changes: &[(&str, Value)]) -> Option<Verdict> {
        let mut answer = serde_json::json!({
            "rate_limit": {
                "allowed": true, "limit_reached": false,
                "primary_window": {"used_percent": 12, "limit_window_seconds": 18_000,
                    "reset_at": 1_795_269_600},
                "secondary_window": {"used_percent": 30, "limit_window_seconds": 604_800,
                    "reset_at": 1_795_521_600},
            },
            "spend_control": {"reached": false, "individual_limit": null},
            "rate_limit_reached_type": null,
        });
        for (path, value) in changes {
            let (outer, inner) = path.rsplit_once('/').unwrap_or(("", path));
            let holder = if outer.is_empty() { &mut answer } else { &mut answer[outer] };
            holder[inner] = value.clone();
        }
        parse_usage(answer.to_string().as_bytes(), AT).usage.verdict
    }

    fn refused(why: Block, until: Option<i64>) -> Option<Verdict> {
        Some(Verdict::Refused { why, until: until.map(Utc::from_seconds) })
    }

    #[test]
    fn every_way_of_saying_no_is_the_providers_verdict() {
        let month = |used: i64, minutes: Option<i64>| {
            serde_json::json!({"used_percent": used, "limit_window_seconds": minutes.map(|it| it * 60),
                "reset_at": 1_797_000_000})
        };
        let spent = serde_json::json!({"reached": false,
            "individual_limit": {"used": "25", "limit": "25", "resets_at": 1_797_000_000}});
        for (changes, wanted) in [
            (vec![], Some(Verdict::Allowed)),
            (vec![("rate_limit/limit_reached", true.into())], refused(Block::Limit, None)),
            (vec![("rate_limit/allowed", false.into())], refused(Block::NotAllowed, None)),
            (
                vec![("rate_limit_reached_type", "rate_limit_reached".into())],
                refused(Block::Limit, None),
            ),
            (
                vec![("rate_limit_reached_type", serde_json::json!({"type": "something_new"}))],
                refused(Block::Limit, None),
            ),
            (
                vec![("rate_limit_reached_type", "workspace_owner_credits_depleted".into())],
                refused(Block::Spending, None),
            ),
            (vec![("spend_control/reached", true.into())], refused(Block::Spending, None)),
            (vec![("spend_control", spent)], refused(Block::Spending, Some(1_797_000_000))),
            (
                vec![("rate_limit/secondary_window", month(100, Some(43_200)))],
                refused(Block::OtherWindow, Some(1_797_000_000)),
            ),
            (
                vec![("rate_limit/secondary_window", month(100, None))],
                refused(Block::OtherWindow, Some(1_797_000_000)),
            ),
            (
                vec![("rate_limit/secondary_window", month(99, Some(43_200)))],
                Some(Verdict::Allowed),
            ),
            (
                vec![
                    ("rate_limit/limit_reached", true.into()),
                    ("rate_limit/secondary_window", month(100, Some(43_200))),
                ],
                refused(Block::Limit, Some(1_797_000_000)),
            ),
            (vec![("rate_limit", Value::Null)], None),
        ] {
            assert_eq!(verdict(&changes), wanted, "{changes:?}");
        }
    }

    #[test]
    fn credits_in_hand_are_paid_use() {
        let paid = |credits: Value| {
            let answer = serde_json::json!({"rate_limit": null, "credits": credits}).to_string();
            parse_usage(answer.as_bytes(), AT).usage.credits.map(|credits| credits.enabled)
        };
        for (credits, wanted) in [
            (serde_json::json!({"has_credits": true, "balance": "12.5"}), Some(true)),
            (serde_json::json!({"has_credits": true, "balance": null}), Some(true)),
            (serde_json::json!({"unlimited": true}), Some(true)),
            (serde_json::json!({"has_credits": false, "balance": null}), Some(false)),
            (serde_json::json!({"has_credits": false, "balance": "0"}), Some(false)),
            (Value::Null, None),
        ] {
            assert_eq!(paid(credits.clone()), wanted, "{credits}");
        }
    }
}
