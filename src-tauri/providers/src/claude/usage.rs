//! Usage answers of Claude, old and new shapes: the endpoint is undocumented and changes.

use super::resets;
use crate::json::shape::{self, Field};
use crate::json::{Odd, Oddities, Oddity, under};
use serde_json::{Map, Value};
use sluice_engine::grant::Said;
use sluice_engine::limits::FULL_PERCENT;
use sluice_engine::{Amounts, Block, Credits, Usage, Verdict, Window, WindowKind};

/// Flat weekly windows of one model or product, with the name shown for them.
const FLAT_SCOPED: [(&str, &str); 6] = [
    ("seven_day_opus", "Opus"),
    ("seven_day_sonnet", "Sonnet"),
    ("seven_day_oauth_apps", "OAuth apps"),
    ("seven_day_cowork", "Cowork"),
    ("seven_day_omelette", "Omelette"),
    ("seven_day_routines", "Routines"),
];
/// Fields known to exist that hold no window of ours.
const OTHER_FIELDS: [&str; 18] = [
    "five_hour",
    "seven_day",
    "limits",
    "model_scoped",
    "extra_usage",
    "spend",
    "seven_day_breakdown",
    "member_dashboard_available",
    "tangelo",
    "iguana_necktie",
    "omelette_promotional",
    "nimbus_quill",
    "cinder_cove",
    "amber_ladder",
    "cedar_ember",
    "juniper_tide",
    "behaviors",
    "request_id",
];
/// Fields of a row of `limits`.
const LIMIT_FIELDS: [&str; 7] =
    ["kind", "group", "percent", "severity", "resets_at", "scope", "is_active"];
/// Rows of `limits` looked at; real answers have three.
const LIMITS_MAX: usize = 64;

/// A usage answer: what it says, and what was odd about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageReply {
    /// The windows; what was not said is `None`.
    pub usage: Usage,
    /// Limit resets, where it speaks of them.
    pub resets: Option<Said>,
    /// Details of paid extra usage the engine has no need of.
    pub extra: Option<ExtraUsage>,
    /// Departures from the known shapes.
    pub oddities: Vec<Oddity>,
    /// The answer was a JSON object; an unreadable one says nothing, not even absence.
    pub readable: bool,
    /// The form of the answer, without any value.
    pub shape: Vec<Field>,
}

/// Paid extra usage as Claude tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtraUsage {
    /// Billing past the limits is on.
    pub enabled: Option<bool>,
    /// Spent, in the currency's minor unit.
    pub used_minor: Option<f64>,
    /// Ceiling in the minor unit; `None` is unlimited or unknown.
    pub limit_minor: Option<f64>,
    /// Digits between the minor and the major unit.
    pub exponent: Option<u8>,
    /// ISO 4217 code.
    pub currency: Option<String>,
    /// Why it is off, as sent.
    pub disabled_reason: Option<String>,
}

/// Reads the body of `GET /api/oauth/usage`. Total: any bytes give a value.
#[must_use]
pub fn parse_usage(bytes: &[u8]) -> UsageReply {
    let mut odd = Oddities::default();
    let document = odd.document(bytes);
    let mut reply = UsageReply::default();
    if let Some(map) = odd.object(document.as_ref(), "") {
        reply = read_usage(map, &mut odd);
    }
    reply.oddities = odd.into_vec();
    reply.shape = document.as_ref().map(shape::of).unwrap_or_default();
    reply
}

/// Reads a usage object that stands inside another document.
pub(crate) fn read_usage(map: &Map<String, Value>, odd: &mut Oddities) -> UsageReply {
    let mut usage = Usage::default();
    for kind in WindowKind::ACCOUNT_WIDE {
        if let Some(value) = said(map, kind.name()) {
            let window = flat_window(value, kind.name(), odd);
            usage = usage.with(kind, window);
        }
    }
    read_limits(map.get("limits"), &mut usage, odd);
    read_model_scoped(map.get("model_scoped"), &mut usage, odd);
    for (field, name) in FLAT_SCOPED {
        if let Some(value) = said(map, field) {
            let window = flat_window(value, field, odd);
            add_model(&mut usage, name, window, false);
        }
    }
    usage.verdict = usage.verdict.or_else(|| locked(map));
    let extra = read_extra(map, odd);
    money(map, extra.as_ref(), &mut usage, odd);
    usage.credits = extra.as_ref().map(|extra| Credits {
        enabled: extra.enabled.unwrap_or(false),
        used_minor: extra.used_minor,
        limit_minor: extra.limit_minor,
        currency: extra.currency.clone(),
    });
    for (name, value) in map {
        let flat = FLAT_SCOPED.iter().any(|(field, _)| field == name);
        if !flat && !OTHER_FIELDS.contains(&name.as_str()) {
            odd.unknown_field(name, value);
        }
    }
    let resets = resets::read(map, odd);
    UsageReply { usage, resets, extra, readable: true, ..UsageReply::default() }
}

/// A field that is there: `null` says that there is no such thing.
fn said<'v>(map: &'v Map<String, Value>, field: &str) -> Option<&'v Value> {
    map.get(field).filter(|value| !value.is_null())
}

/// A window that is named, unknown where its shape is not understood.
fn flat_window(value: &Value, path: &str, odd: &mut Oddities) -> Window {
    let Some(map) = odd.object(Some(value), path) else {
        return Window::default();
    };
    odd.unknown_fields(
        map,
        path,
        &[
            "utilization",
            "resets_at",
            "limit_dollars",
            "used_dollars",
            "remaining_dollars",
            "locked_reason",
        ],
    );
    Window {
        used: odd.percent(map.get("utilization"), &under(path, "utilization")),
        resets_at: odd.instant(map.get("resets_at"), &under(path, "resets_at")),
    }
}

/// The newer list: authoritative where it speaks, and told apart by kind, never by label.
fn read_limits(value: Option<&Value>, usage: &mut Usage, odd: &mut Oddities) {
    let rows = match value {
        None | Some(Value::Null) => return,
        Some(Value::Array(rows)) => rows,
        Some(_) => return odd.note("limits", Odd::WrongType),
    };
    let mut listed = [false; 2];
    for row in rows.iter().take(LIMITS_MAX) {
        let Some(row) = odd.object(Some(row), "limits[]") else {
            continue;
        };
        odd.unknown_fields(row, "limits[]", &LIMIT_FIELDS);
        let window = Window {
            used: odd.percent(row.get("percent"), "limits[].percent"),
            resets_at: odd.instant(row.get("resets_at"), "limits[].resets_at"),
        };
        match row.get("kind").and_then(Value::as_str) {
            Some("session") => overrule(usage, &mut listed, (WindowKind::FiveHour, window), odd),
            Some("weekly_all") => overrule(usage, &mut listed, (WindowKind::SevenDay, window), odd),
            Some("weekly_scoped") => {
                let name = scope_name(row.get("scope"), odd);
                let binding = odd.boolean(row.get("is_active"), "limits[].is_active");
                add_model(usage, &name, window, binding.unwrap_or(false));
            }
            Some(kind) => {
                odd.note("limits[].kind", Odd::UnknownValue);
                bind(row, &window, usage);
                keep_unknown(kind, row.get("scope"), window, usage, odd);
            }
            None => odd.note("limits[].kind", Odd::WrongType),
        }
    }
}

/// A row of a kind not known here is kept under the provider's name; of two with one name the fuller.
fn keep_unknown(
    kind: &str,
    scope: Option<&Value>,
    window: Window,
    usage: &mut Usage,
    odd: &mut Oddities,
) {
    let scoped = scope.filter(|scope| !scope.is_null());
    let of = scoped.map(|_| format!(" {}", scope_name(scoped, odd))).unwrap_or_default();
    let kind = WindowKind::other(&crate::json::clean(&format!("{kind}{of}")));
    let known = usage.window(&kind);
    if known != Window::default() {
        odd.note("limits[]", Odd::Contradiction);
    }
    if known.used.is_none_or(|used| window.used.is_some_and(|new| new > used)) {
        usage.add(kind, window, None);
    }
}

/// A full limit of a kind not known yet binds, unless it is one model's: no window here shows it.
fn bind(row: &Map<String, Value>, window: &Window, usage: &mut Usage) {
    let scoped = row.get("scope").is_some_and(|scope| !scope.is_null());
    if !scoped && window.used.is_some_and(|used| used.get() >= FULL_PERCENT) {
        usage.verdict = Some(Verdict::Refused { why: Block::OtherWindow, until: window.resets_at });
    }
}

/// One of the account's own windows is locked, whatever is used of it.
fn locked(map: &Map<String, Value>) -> Option<Verdict> {
    let reason = |name: &str| map.get(name)?.get("locked_reason")?.as_str();
    let mut locks = WindowKind::ACCOUNT_WIDE.iter().filter_map(|kind| reason(kind.name()));
    let locked = locks.any(|it| !it.is_empty());
    locked.then_some(Verdict::Refused { why: Block::NotAllowed, until: None })
}

/// Puts `newer` over `older`, field by field: a field that was not said leaves the other alone.
fn overrule(
    usage: &mut Usage,
    listed: &mut [bool; 2],
    (kind, newer): (WindowKind, Window),
    odd: &mut Oddities,
) {
    let twice = core::mem::replace(&mut listed[usize::from(kind == WindowKind::SevenDay)], true);
    let older = usage.of_kind(&kind);
    if twice && older.used.is_some_and(|old| newer.used.is_none_or(|new| new < old)) {
        // Two rows of one kind: the fuller counts, and that there are two is told.
        return odd.note(kind.name(), Odd::Contradiction);
    }
    if let (Some(old), Some(new)) = (older.used, newer.used)
        && (old.get() - new.get()).abs() > 1.0
    {
        odd.note(kind.name(), Odd::Contradiction);
    }
    older.used = newer.used.or(older.used);
    older.resets_at = newer.resets_at.or(older.resets_at);
}

fn scope_name(scope: Option<&Value>, odd: &mut Oddities) -> String {
    let part = |one: &str, two: &str| scope.and_then(|scope| scope.get(one)?.get(two));
    let model = odd
        .text(part("model", "display_name"), "limits[].scope.model.display_name")
        .or_else(|| odd.text(part("model", "id"), "limits[].scope.model.id"));
    let surface = || {
        let surface = scope.and_then(|scope| scope.get("surface"))?;
        surface.as_str().or_else(|| surface.get("display_name")?.as_str())
    };
    model.or_else(|| surface().map(crate::json::clean)).unwrap_or_else(|| "unnamed".to_owned())
}

/// The list Claude Code makes of the scoped windows for its own display.
fn read_model_scoped(value: Option<&Value>, usage: &mut Usage, odd: &mut Oddities) {
    let Some(Value::Array(rows)) = value else {
        return;
    };
    for row in rows.iter().take(LIMITS_MAX) {
        let Some(map) = odd.object(Some(row), "model_scoped[]") else {
            continue;
        };
        let window = Window {
            used: odd.percent(map.get("utilization"), "model_scoped[].utilization"),
            resets_at: odd.instant(map.get("resets_at"), "model_scoped[].resets_at"),
        };
        if let Some(name) = odd.text(map.get("display_name"), "model_scoped[].display_name") {
            add_model(usage, &name, window, false);
        }
    }
}

/// Adds a model's window unless a newer shape named it already.
fn add_model(usage: &mut Usage, name: &str, window: Window, binding: bool) {
    if !usage.models().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
        usage.add_model(name, window, binding);
    }
}

/// What is paid past the windows, or in their stead, as a window of its own.
fn money(
    map: &Map<String, Value>,
    extra: Option<&ExtraUsage>,
    usage: &mut Usage,
    odd: &mut Oddities,
) {
    let Some(extra) = extra.filter(|extra| extra.used_minor.is_some()) else { return };
    let major = |minor: f64| minor / 10_f64.powi(i32::from(extra.exponent.unwrap_or(2)));
    let amounts = Amounts {
        used: extra.used_minor.map(major),
        limit: extra.limit_minor.map(major),
        currency: extra.currency.clone(),
    };
    let spend = map.get("spend").and_then(Value::as_object);
    let block = map.get("extra_usage").and_then(Value::as_object);
    let told = odd.percent(block.and_then(|it| it.get("utilization")), "extra_usage.utilization");
    let told = told
        .or_else(|| odd.percent(spend.and_then(|it| it.get("percent")), "spend.percent"))
        .or_else(|| amounts.share());
    let end = spend.or(block).and_then(|it| it.get("resets_at"));
    let window = Window { used: told, resets_at: odd.instant(end, "spend.resets_at") };
    // Where money is all there is, its end is the end of work.
    let alone = usage.windows().next().is_none();
    if alone && window.used.is_some_and(|used| used.get() >= FULL_PERCENT) {
        let until = window.resets_at;
        usage.verdict.get_or_insert(Verdict::Refused { why: Block::Spending, until });
    }
    let name = if block.is_some() { "extra_usage" } else { "spend" };
    usage.add(WindowKind::money(name), window, Some(amounts));
}

fn read_extra(map: &Map<String, Value>, odd: &mut Oddities) -> Option<ExtraUsage> {
    let Some(extra) = odd.object(map.get("extra_usage"), "extra_usage") else {
        return read_spend(map, odd);
    };
    let decimals = odd.number(extra.get("decimal_places"), "extra_usage.decimal_places");
    let spend = map.get("spend").and_then(|spend| spend.get("used"));
    let exponent = decimals.or_else(|| {
        let exponent = spend.and_then(|used| used.get("exponent"));
        odd.number(exponent, "spend.used.exponent")
    });
    Some(ExtraUsage {
        enabled: odd.boolean(extra.get("is_enabled"), "extra_usage.is_enabled"),
        used_minor: odd.number(extra.get("used_credits"), "extra_usage.used_credits"),
        limit_minor: odd.number(extra.get("monthly_limit"), "extra_usage.monthly_limit"),
        exponent: exponent.and_then(places),
        currency: odd.text(extra.get("currency"), "extra_usage.currency"),
        disabled_reason: odd.text(extra.get("disabled_reason"), "extra_usage.disabled_reason"),
    })
}

/// The newer telling of the same, where the older is absent.
fn read_spend(map: &Map<String, Value>, odd: &mut Oddities) -> Option<ExtraUsage> {
    let spend = odd.object(map.get("spend"), "spend")?;
    let used = odd.object(spend.get("used"), "spend.used").cloned().unwrap_or_default();
    let limit = odd.object(spend.get("limit"), "spend.limit").cloned().unwrap_or_default();
    let exponent = odd.number(used.get("exponent"), "spend.used.exponent");
    Some(ExtraUsage {
        enabled: odd.boolean(spend.get("enabled"), "spend.enabled"),
        used_minor: odd.number(used.get("amount_minor"), "spend.used.amount_minor"),
        limit_minor: odd.number(limit.get("amount_minor"), "spend.limit.amount_minor"),
        exponent: exponent.and_then(places),
        currency: odd.text(used.get("currency"), "spend.used.currency"),
        disabled_reason: odd.text(spend.get("disabled_reason"), "spend.disabled_reason"),
    })
}

/// Digits after the point of a currency.
fn places(number: f64) -> Option<u8> {
    (0.0..=9.0).contains(&number).then_some(number as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(text: &str) -> Vec<(String, Odd)> {
        let reply = parse_usage(text.as_bytes());
        reply.oddities.into_iter().map(|oddity| (oddity.path, oddity.odd)).collect()
    }

    #[test]
    fn what_is_new_is_told_and_hides_nothing() {
        let text = r#"{
            "five_hour": {"utilization": 12, "resets_at": null, "shade": 1},
            "ten_day": {"utilization": 3},
            "limits": [
                {"kind": "fortnightly", "percent": 5},
                {"kind": "weekly_all", "percent": 40, "resets_at": "soon", "hue": 2}
            ]
        }"#;
        let reply = parse_usage(text.as_bytes());
        assert_eq!(reply.usage.short().used.map(sluice_engine::Percent::get), Some(12.0));
        assert_eq!(reply.usage.long().used.map(sluice_engine::Percent::get), Some(40.0));
        let expected = [
            ("five_hour.shade", Odd::UnknownField),
            ("limits[].kind", Odd::UnknownValue),
            ("limits[].hue", Odd::UnknownField),
            ("limits[].resets_at", Odd::BadTime),
            ("ten_day", Odd::UnknownWindow),
        ];
        assert_eq!(odd(text), expected.map(|(path, odd)| (path.to_owned(), odd)));
    }

    #[test]
    fn the_newer_list_counts_and_a_contradiction_is_told() {
        let text = r#"{
            "five_hour": {"utilization": 10, "resets_at": "2026-11-21T14:30:00Z"},
            "limits": [{"kind": "session", "percent": 60, "resets_at": null}]
        }"#;
        let five = parse_usage(text.as_bytes()).usage.short();
        assert_eq!(five.used.map(sluice_engine::Percent::get), Some(60.0));
        assert!(five.resets_at.is_some(), "what the newer list leaves out is kept");
        assert_eq!(odd(text), [("five_hour".to_owned(), Odd::Contradiction)]);
    }

    #[test]
    fn a_full_limit_of_an_unknown_kind_and_a_locked_window_bind() {
        let row = |more: &str| {
            let text = format!(
                r#"{{"five_hour":{{"utilization":12}},"limits":[{{"kind":"monthly",{more}}}]}}"#
            );
            parse_usage(text.as_bytes()).usage.verdict
        };
        let until = crate::json::written_instant("2026-12-01T00:00:00Z");
        let full = Some(Verdict::Refused { why: Block::OtherWindow, until });
        assert_eq!(row(r#""percent":100,"resets_at":"2026-12-01T00:00:00Z","scope":null"#), full);
        assert_eq!(row(r#""percent":99"#), None);
        assert_eq!(row(r#""percent":100,"scope":{"model":{"id":"fable"}}"#), None);
        let locked = r#"{"five_hour":{"utilization":12,"locked_reason":"unpaid"}}"#;
        let verdict = parse_usage(locked.as_bytes()).usage.verdict;
        assert_eq!(verdict, Some(Verdict::Refused { why: Block::NotAllowed, until: None }));
    }

    #[test]
    fn a_row_of_an_unknown_kind_is_kept_under_its_own_name() {
        let text = r#"{"five_hour":{"utilization":12},"limits":[
            {"kind":"fortnightly","percent":"37.5","resets_at":"2026-12-01T00:00:00Z","scope":null},
            {"kind":"fortnightly","percent":12,"scope":null},
            {"kind":"daily","percent":5,"scope":{"model":{"display_name":"Fable"}}}]}"#;
        let reply = parse_usage(text.as_bytes());
        let rows: Vec<_> = reply.usage.further().collect();
        let shown = |row: &sluice_engine::Metered| {
            (row.kind.label().to_owned(), row.window.used.map(sluice_engine::Percent::get))
        };
        let rows: Vec<_> = rows.into_iter().map(shown).collect();
        let wanted = [("fortnightly", 37.5), ("daily Fable", 5.0)];
        assert_eq!(rows, wanted.map(|(name, used)| (name.to_owned(), Some(used))));
        assert!(reply.oddities.iter().any(|oddity| oddity.odd == Odd::Contradiction));
    }

    #[test]
    fn money_is_a_window_with_amounts_also_as_text() {
        let spent = r#"{"five_hour":null,"seven_day":null,"spend":{
            "used":{"amount_minor":"2500","currency":"EUR","exponent":2},
            "limit":{"amount_minor":2500,"currency":"EUR","exponent":2},
            "enabled":true,"resets_at":"2026-12-01T00:00:00Z"}}"#;
        let usage = parse_usage(spent.as_bytes()).usage;
        let kind = WindowKind::money("spend");
        assert_eq!(usage.window(&kind).used.map(sluice_engine::Percent::get), Some(100.0));
        let amounts = usage.amounts(&kind).cloned().unwrap();
        assert_eq!((amounts.used, amounts.limit), (Some(25.0), Some(25.0)));
        assert_eq!(amounts.currency.as_deref(), Some("EUR"));
        let until = crate::json::written_instant("2026-12-01T00:00:00Z");
        let refused = Some(Verdict::Refused { why: Block::Spending, until });
        assert_eq!(usage.verdict, refused, "where money is all there is, its end is the end");
        let beside = spent.replace("\"five_hour\":null", "\"five_hour\":{\"utilization\":12}");
        assert_eq!(parse_usage(beside.as_bytes()).usage.verdict, None, "windows still have room");
    }

    #[test]
    fn absence_is_not_zero() {
        for text in ["{}", "[]", "null", "7", r#"{"five_hour":null,"seven_day":{}}"#] {
            let usage = parse_usage(text.as_bytes()).usage;
            assert_eq!((usage.short().used, usage.long().used), (None, None), "{text}");
            assert_eq!(usage.credits, None, "{text}");
        }
    }
}
