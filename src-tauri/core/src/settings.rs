//! Settings: every key, its default and its bounds. Stored by name in the ledger.

use crate::calendar::{DemandProfile, WorkCalendar, WorkSpan};
use crate::hours::{self, Hours};
use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::{Value, json};
use sluice_engine::{Calendar, Policy, Provider, Utc, World};
use sluice_protocol::{Mode, NoticeKind};

/// A setting that is a number.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Its name.
    pub key: &'static str,
    /// The least it may be.
    pub least: f64,
    /// The most it may be.
    pub most: f64,
    /// The one policy that reads it; `None`: each does.
    pub policy: Option<Policy>,
}

impl Amount {
    const fn new(key: &'static str, least: f64, most: f64) -> Self {
        Self { key, least, most, policy: None }
    }

    const fn tiered(self) -> Self {
        Self { policy: Some(Policy::Tiered), ..self }
    }
}

const CRITICAL: Amount = Amount::new("critical_percent", 50.0, 100.0).tiered();
const WARNING: Amount = Amount::new("warning_percent", 20.0, 100.0).tiered();
const POLL: Amount = Amount::new("poll_seconds", 180.0, 3600.0);
const TURN_WAIT: Amount = Amount::new("turn_wait_seconds", 0.0, 600.0);
/// More than this is taken for a slip of the hand.
const BILLING: Amount = Amount::new("billing_ceiling_minor", 0.0, 1e7);

/// Minutes of a day.
const DAY_MIN: f64 = 1_440.0;
/// Clocks are put forward or back in the first hours of a day, minutes.
const CLOCKS_CHANGED_MIN: f64 = 180.0;

/// The settings that are numbers; the window's form has the same bounds.
pub const AMOUNTS: [Amount; 5] = [CRITICAL, WARNING, POLL, TURN_WAIT, BILLING];

/// The person's choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What Sluice may do; a provider that is missing has not been chosen for.
    pub modes: BTreeMap<Provider, Mode>,
    /// The kill switch.
    pub stopped: bool,
    /// Working hours of each day of work.
    pub hours: Vec<Hours>,
    /// Days of work, Monday = 0.
    pub days: BTreeSet<u8>,
    /// Working hours of each weekday, Monday first, where they differ; instead of the two above.
    pub week: Option<[Vec<Hours>; 7]>,
    /// Holidays (no hours) and other days that differ.
    pub exceptions: BTreeMap<NaiveDate, Vec<Hours>>,
    /// Whether the hours are learned from use; `None` is as long as the person named none.
    pub learn: Option<bool>,
    /// The person named hours.
    pub named: bool,
    /// IANA time zone; empty follows the system.
    pub zone: String,
    /// 5-hour use that forces a swap, percent.
    pub critical_percent: f64,
    /// 5-hour use that counts as near, percent.
    pub warning_percent: f64,
    /// Longest time between two readings of the live account, seconds.
    pub poll_seconds: u32,
    /// A swap that is a matter of pace waits at most so long for the end of a turn, seconds.
    pub turn_wait_seconds: u32,
    /// Which policy decides.
    pub policy: Policy,
    /// Paid extra use is allowed up to so much a month, in the currency's minor unit; `None` is never.
    pub billing_ceiling_minor: Option<f64>,
    /// Switched-off kinds of notices.
    pub silent: BTreeSet<NoticeKind>,
    /// No notices in these hours, unless something needs the person.
    pub quiet: Option<Hours>,
    /// Numbers for a collector are kept in a file.
    pub metrics: bool,
    /// The tool of the live account is asked for its limits before the provider is.
    pub ask_tool: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            modes: BTreeMap::new(),
            stopped: false,
            hours: vec![Hours { from: 7 * 60, to: 24 * 60 }],
            days: (0..7).collect(),
            week: None,
            exceptions: BTreeMap::new(),
            learn: None,
            named: false,
            zone: String::new(),
            critical_percent: 90.0,
            warning_percent: 80.0,
            poll_seconds: 300,
            turn_wait_seconds: 120,
            policy: Policy::default(),
            billing_ceiling_minor: None,
            silent: NoticeKind::switches().filter(|kind| kind.is_wished()).collect(),
            quiet: None,
            metrics: false,
            ask_tool: false,
        }
    }
}

impl Settings {
    /// Takes what the ledger keeps; a value that is not understood is named and left at its default.
    #[must_use]
    pub fn from_rows(rows: &BTreeMap<String, Value>) -> (Self, Vec<String>) {
        let mut settings = Self::default();
        let mut notes = Vec::new();
        for (key, value) in rows {
            if let Err(text) = settings.set(key, value) {
                notes.push(format!("Setting {key} is kept but not used: {text}"));
            }
        }
        (settings, notes)
    }

    /// What Sluice may do for a provider; nothing is preselected but `advise`.
    #[must_use]
    pub fn mode(&self, provider: Provider) -> Mode {
        self.modes.get(&provider).copied().unwrap_or_default()
    }

    /// Whether a kind of notice is told.
    #[must_use]
    pub fn tells(&self, kind: NoticeKind) -> bool {
        !self.silent.contains(&kind)
    }

    /// Whether a provider is watched at all.
    #[must_use]
    pub fn watches(&self, provider: Provider) -> bool {
        !self.stopped && self.mode(provider) != Mode::Off
    }

    /// Whether the person's quiet hours last; local time comes from the calendar's midnights.
    #[must_use]
    pub fn is_quiet(&self, calendar: &Calendar, now: Utc) -> bool {
        let minute = local_minute(&calendar.midnights, now);
        self.quiet.zip(minute).is_some_and(|(quiet, minute)| quiet.contain(minute))
    }

    /// Carries the person's numbers into the engine's rules.
    pub(super) fn rule(&self, world: &mut World) {
        let usual = Self::default();
        // What is not shown under a policy has no effect under it either, wherever it is read.
        let lines = if self.policy == Policy::Tiered { self } else { &usual };
        let rules = &mut world.rules;
        rules.policy = self.policy;
        rules.critical = lines.critical_percent;
        rules.warning = lines.warning_percent;
        rules.check_interval_s = f64::from(self.poll_seconds);
        rules.read_within_s = Some(f64::from(self.poll_seconds));
        rules.billing_ceiling_minor = self.billing_ceiling_minor;
        for lane in &mut world.lanes {
            lane.gates.off = self.stopped || self.mode(lane.provider) == Mode::Off;
        }
    }

    /// The working hours for the expansion; `learned` is what use has shown.
    #[must_use]
    pub fn work_calendar(&self, learned: DemandProfile) -> WorkCalendar {
        let spans = |hours: &[Hours]| hours.iter().copied().map(WorkSpan::from).collect();
        let mut calendar = WorkCalendar { follow_demand: self.learns(), ..Default::default() };
        calendar.demand = learned;
        for (day, kept) in (0..).zip(&mut calendar.week) {
            *kept = match &self.week {
                Some(week) => spans(&week[usize::from(day)]),
                None if self.days.contains(&day) => spans(&self.hours),
                None => Vec::new(),
            };
        }
        let own = self.exceptions.iter().map(|(date, hours)| (*date, spans(hours)));
        calendar.exceptions = own.collect();
        calendar
    }

    /// Whether working hours are learned from use.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.learn.unwrap_or(!self.named)
    }

    /// The zone the hours are meant in: the chosen one, else that of the `machine`.
    #[must_use]
    pub fn time_zone(&self, machine: Tz) -> Tz {
        if self.zone.is_empty() { machine } else { self.zone.parse().unwrap_or(Tz::UTC) }
    }

    /// Every setting by name.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::from([
            ("stopped".to_owned(), json!(self.stopped)),
            ("work.hours".to_owned(), json!(hours::text(&self.hours))),
            (
                "work.days".to_owned(),
                json!(self.days.iter().map(|day| day + 1).collect::<Vec<_>>()),
            ),
            (
                "work.week".to_owned(),
                json!(self.week.as_ref().map(|week| week.each_ref().map(|day| hours::text(day)))),
            ),
            (
                "work.exceptions".to_owned(),
                self.exceptions
                    .iter()
                    .map(|(date, day)| (date.to_string(), json!(hours::text(day))))
                    .collect(),
            ),
            ("work.learn".to_owned(), json!(self.learns())),
            ("work.zone".to_owned(), json!(self.zone)),
            (CRITICAL.key.to_owned(), json!(self.critical_percent)),
            (WARNING.key.to_owned(), json!(self.warning_percent)),
            (POLL.key.to_owned(), json!(self.poll_seconds)),
            (TURN_WAIT.key.to_owned(), json!(self.turn_wait_seconds)),
            ("policy".to_owned(), json!(self.policy)),
            (BILLING.key.to_owned(), json!(self.billing_ceiling_minor)),
            ("quiet.hours".to_owned(), json!(self.quiet.map(Hours::to_text).unwrap_or_default())),
            ("metrics.file".to_owned(), json!(self.metrics)),
            ("ask_tool".to_owned(), json!(self.ask_tool)),
        ]);
        for provider in Provider::ALL {
            values.insert(format!("mode.{}", provider.name()), json!(self.mode(provider)));
        }
        for kind in NoticeKind::switches() {
            values.insert(format!("notify.{kind}"), json!(self.tells(kind)));
        }
        values
    }

    /// Names of the settings that do nothing under the chosen policy: they are kept, and shown only
    /// under the policy that reads them.
    #[must_use]
    pub fn idle(&self) -> Vec<&'static str> {
        let is_idle = |amount: &Amount| amount.policy.is_some_and(|only| only != self.policy);
        AMOUNTS.into_iter().filter(is_idle).map(|amount| amount.key).collect()
    }

    /// Changes one setting.
    ///
    /// # Errors
    /// What is wrong with the key or the value, for people; nothing was changed then.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "stopped" => self.stopped = truth(value)?,
            "work.hours" | "work.days" | "work.week" => self.set_work(key, value)?,
            "work.exceptions" => self.exceptions = hours::exceptions(value)?,
            "work.learn" => self.learn = Some(truth(value)?),
            "work.zone" => self.zone = zone(value)?,
            "critical_percent" => self.critical_percent = CRITICAL.take(value)?,
            "warning_percent" => self.warning_percent = WARNING.take(value)?,
            "poll_seconds" => self.poll_seconds = POLL.take(value)?.round() as u32,
            "turn_wait_seconds" => {
                self.turn_wait_seconds = TURN_WAIT.take(value)?.round() as u32;
            }
            "policy" => self.policy = choice(value)?,
            "billing_ceiling_minor" if value.is_null() => self.billing_ceiling_minor = None,
            "billing_ceiling_minor" => {
                self.billing_ceiling_minor = Some(BILLING.take(value)?);
            }
            "quiet.hours" if value.as_str() == Some("") || value.is_null() => self.quiet = None,
            "quiet.hours" => self.quiet = Some(span(value)?),
            "metrics.file" => self.metrics = truth(value)?,
            "ask_tool" => self.ask_tool = truth(value)?,
            _ => return self.set_grouped(key, value),
        }
        Ok(())
    }

    /// Hours somebody named are meant: from then on they are learned only where that is wished.
    fn set_work(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "work.hours" => {
                let hours = hours::day(value)?;
                if hours.is_empty() {
                    return Err("it must name at least one span, like 07:00-24:00".to_owned());
                }
                self.hours = hours;
            }
            "work.days" => self.days = days(value)?,
            _ => self.week = hours::week(value)?,
        }
        self.named = true;
        Ok(())
    }

    fn set_grouped(&mut self, key: &str, value: &Value) -> Result<(), String> {
        if let Some(name) = key.strip_prefix("mode.") {
            let provider = Provider::ALL.into_iter().find(|provider| provider.name() == name);
            let provider = provider.ok_or_else(|| format!("there is no provider named {name}"))?;
            self.modes.insert(provider, choice(value)?);
            return Ok(());
        }
        let word = key.strip_prefix("notify.");
        let kind = NoticeKind::switches().find(|kind| Some(kind.name()) == word);
        if let Some(kind) = kind {
            if truth(value)? {
                self.silent.remove(&kind);
            } else {
                self.silent.insert(kind);
            }
            return Ok(());
        }
        Err(format!("there is no setting named {key}"))
    }
}

fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "it must be true or false".to_owned())
}

impl Amount {
    fn take(&self, value: &Value) -> Result<f64, String> {
        let (least, most) = (self.least, self.most);
        let inside = value.as_f64().filter(|number| (least..=most).contains(number));
        inside.ok_or_else(|| format!("it must be a number from {least} to {most}"))
    }
}

fn choice<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

fn span(value: &Value) -> Result<Hours, String> {
    Hours::parse(value.as_str().ok_or("it must be text, like 22:00-07:00")?)
}

fn days(value: &Value) -> Result<BTreeSet<u8>, String> {
    let wrong = || "it must be a list of days, 1 (Monday) to 7 (Sunday)".to_owned();
    let list: Vec<u8> = serde_json::from_value(value.clone()).map_err(|_| wrong())?;
    let days: BTreeSet<u8> = list.iter().filter_map(|day| day.checked_sub(1)).collect();
    let sane = !days.is_empty() && days.len() == list.len() && days.iter().all(|day| *day < 7);
    if sane { Ok(days) } else { Err(wrong()) }
}

fn zone(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("it must be the name of a time zone, or empty")?;
    if text.is_empty() || text.parse::<Tz>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(format!("{text} is not a known time zone"))
    }
}

/// Minutes of the local day. A day that is an hour short or long has lost or gained it by then.
fn local_minute(midnights: &[Utc], now: Utc) -> Option<u16> {
    let next = midnights.partition_point(|midnight| *midnight <= now);
    let begun = midnights[next.checked_sub(1)?];
    let passed = now.seconds_since(begun) / 60.0;
    let whole = midnights.get(next).map_or(DAY_MIN, |end| end.seconds_since(begun) / 60.0);
    let shift = if passed >= CLOCKS_CHANGED_MIN { DAY_MIN - whole } else { 0.0 };
    Some((passed + shift).clamp(0.0, DAY_MIN) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_survives_its_own_text() {
        let mut settings = Settings::default();
        for (key, value) in [
            ("mode.claude", json!("auto")),
            ("stopped", json!(true)),
            ("work.hours", json!("09:30-18:00")),
            ("work.days", json!([1, 2, 3, 4, 5])),
            ("work.week", json!(["", "09:00-12:00, 13:00-18:00", "22:00-02:00", "", "", "", ""])),
            ("work.exceptions", json!({"2026-12-25": "", "2026-12-24": "09:00-12:00"})),
            ("work.learn", json!(false)),
            ("billing_ceiling_minor", json!(500.0)),
            ("work.zone", json!("Europe/Berlin")),
            ("critical_percent", json!(85)),
            ("poll_seconds", json!(240)),
            ("turn_wait_seconds", json!(30)),
            ("policy", json!("tiered")),
            ("notify.reset", json!(true)),
            ("notify.swap_done", json!(false)),
            ("quiet.hours", json!("22:00-07:00")),
            ("metrics.file", json!(true)),
            ("ask_tool", json!(true)),
        ] {
            settings.set(key, &value).unwrap();
        }
        let (again, notes) = Settings::from_rows(&settings.values());
        assert_eq!(notes, Vec::<String>::new());
        // `values` names a mode for every provider, so the second one is chosen now.
        settings.modes.insert(Provider::Codex, Mode::Advise);
        assert_eq!(again, settings);
        assert!(settings.quiet.unwrap().contain(23 * 60) && !settings.quiet.unwrap().contain(720));
    }

    #[test]
    fn a_wrong_value_changes_nothing_and_says_why() {
        for (key, value) in [
            ("mode.claude", json!("always")),
            ("mode.gemini", json!("auto")),
            ("work.hours", json!("25:00-26:00")),
            ("work.hours", json!("1093:00-10:00")),
            ("work.hours", json!("")),
            ("work.week", json!(["09:00-17:00"])),
            ("work.exceptions", json!({"tomorrow": ""})),
            ("work.learn", json!("yes")),
            ("billing_ceiling_minor", json!(-1)),
            ("billing_ceiling_minor", json!("500")),
            ("work.days", json!([])),
            ("work.days", json!([0])),
            ("work.days", json!([1, 1])),
            ("work.zone", json!("Middle/Earth")),
            ("critical_percent", json!(10)),
            ("critical_percent", json!("90")),
            ("poll_seconds", json!(1)),
            ("notify.everything", json!(true)),
            ("colour", json!("red")),
        ] {
            let mut settings = Settings::default();
            let text = settings.set(key, &value).unwrap_err();
            assert!(!text.is_empty(), "{key}");
            assert_eq!(settings, Settings::default(), "{key}");
        }
    }

    #[test]
    fn a_number_is_taken_up_to_its_bounds() {
        for Amount { key, least, most, .. } in AMOUNTS {
            let mut settings = Settings::default();
            for inside in [least, most] {
                settings.set(key, &json!(inside)).unwrap();
                assert_eq!(settings.values()[key].as_f64(), Some(inside), "{key}");
            }
            for outside in [least - 1.0, most + 1.0] {
                assert!(settings.set(key, &json!(outside)).is_err(), "{key} {outside}");
            }
        }
        for (key, value) in Settings::default().values() {
            let bounded = AMOUNTS.iter().any(|amount| amount.key == key);
            assert!(bounded || !value.is_number(), "{key}");
        }
    }

    #[test]
    fn hours_are_learned_until_somebody_names_some() {
        let mut settings = Settings::default();
        assert!(settings.learns());
        settings.set("work.days", &json!([1, 2])).unwrap();
        assert!(!settings.learns());
        settings.set("work.learn", &json!(true)).unwrap();
        settings.set("work.hours", &json!("09:00-10:00")).unwrap();
        assert!(settings.learns(), "it was wished for");
    }

    #[test]
    fn a_week_of_its_own_stands_before_the_simple_hours() {
        let mut settings = Settings::default();
        settings.set("work.hours", &json!("09:00-12:00, 13:00-17:00")).unwrap();
        settings.set("work.days", &json!([1, 7])).unwrap();
        let simple = settings.work_calendar(DemandProfile::default());
        assert!((simple.weekly_hours() - 14.0).abs() < 1e-12);
        assert_eq!(simple.week[6].len(), 2);
        let night = json!(["22:00-02:00", "", "", "", "", "", ""]);
        settings.set("work.week", &night).unwrap();
        settings.set("work.exceptions", &json!({"2026-12-25": ""})).unwrap();
        let own = settings.work_calendar(DemandProfile::default());
        assert!((own.weekly_hours() - 4.0).abs() < 1e-12);
        assert!(own.exceptions.values().all(Vec::is_empty) && own.exceptions.len() == 1);
        settings.set("work.week", &Value::Null).unwrap();
        assert_eq!(settings.work_calendar(DemandProfile::default()).week, simple.week);
    }
}
