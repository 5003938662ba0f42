//! Settings: every key, its default and what it may hold. Stored by name in the ledger.

use crate::api::Mode;
use crate::calendar::{WorkCalendar, WorkSpan};
use chrono_tz::Tz;
use serde_json::{Value, json};
use sluice_engine::{Policy, Provider};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of notices a person can switch.
pub const NOTICE_KINDS: [&str; 12] = [
    "swap_done",
    "swap_failed",
    "advice",
    "sign_in",
    "keychain",
    "exhausted",
    "drain",
    "same_tier",
    "stall",
    "login_ends",
    "threshold",
    "reset",
];
/// Kinds that are off until a person switches them on.
const OFF_AT_FIRST: [&str; 2] = ["threshold", "reset"];

/// Minutes after local midnight, `from < to`; 24:00 is 1440.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// First minute.
    pub from: u16,
    /// First minute after.
    pub to: u16,
}

/// The person's choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What Sluice may do; a provider that is missing has not been chosen for.
    pub modes: BTreeMap<Provider, Mode>,
    /// The kill switch.
    pub stopped: bool,
    /// Working hours of each weekday, Monday first.
    pub hours: Hours,
    /// Days of work, Monday = 0.
    pub days: BTreeSet<u8>,
    /// IANA time zone; empty follows the system.
    pub zone: String,
    /// 5-hour use that forces a swap, percent.
    pub critical_percent: f64,
    /// 5-hour use that counts as near, percent.
    pub warning_percent: f64,
    /// Ordinary time between two reads of an account, seconds.
    pub poll_seconds: u32,
    /// Which policy decides.
    pub policy: Policy,
    /// Switched-off kinds of notices.
    pub silent: BTreeSet<String>,
    /// No notices in these hours, unless something needs the person.
    pub quiet: Option<Hours>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            modes: BTreeMap::new(),
            stopped: false,
            hours: Hours { from: 7 * 60, to: 24 * 60 },
            days: (0..7).collect(),
            zone: String::new(),
            critical_percent: 90.0,
            warning_percent: 80.0,
            poll_seconds: 300,
            policy: Policy::default(),
            silent: OFF_AT_FIRST.into_iter().map(str::to_owned).collect(),
            quiet: None,
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
    pub fn tells(&self, kind: &str) -> bool {
        !self.silent.contains(kind)
    }

    /// The working hours for the expansion.
    #[must_use]
    pub fn work_calendar(&self) -> WorkCalendar {
        let span = WorkSpan { from: self.hours.from, to: self.hours.to };
        WorkCalendar::daily(span, self.days.iter().copied())
    }

    /// The zone the hours are meant in: the chosen one, else the machine's, else UTC.
    #[must_use]
    pub fn time_zone(&self) -> Tz {
        let name = if self.zone.is_empty() {
            iana_time_zone::get_timezone().unwrap_or_default()
        } else {
            self.zone.clone()
        };
        name.parse().unwrap_or(Tz::UTC)
    }

    /// Every setting by name.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::from([
            ("stopped".to_owned(), json!(self.stopped)),
            ("work.hours".to_owned(), json!(self.hours.to_text())),
            (
                "work.days".to_owned(),
                json!(self.days.iter().map(|day| day + 1).collect::<Vec<_>>()),
            ),
            ("work.zone".to_owned(), json!(self.zone)),
            ("critical_percent".to_owned(), json!(self.critical_percent)),
            ("warning_percent".to_owned(), json!(self.warning_percent)),
            ("poll_seconds".to_owned(), json!(self.poll_seconds)),
            ("policy".to_owned(), json!(self.policy)),
            ("quiet.hours".to_owned(), json!(self.quiet.map(Hours::to_text).unwrap_or_default())),
        ]);
        for provider in Provider::ALL {
            values.insert(format!("mode.{}", provider.name()), json!(self.mode(provider)));
        }
        for kind in NOTICE_KINDS {
            values.insert(format!("notify.{kind}"), json!(self.tells(kind)));
        }
        values
    }

    /// Changes one setting.
    ///
    /// # Errors
    /// What is wrong with the key or the value, for people; nothing was changed then.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match key {
            "stopped" => self.stopped = truth(value)?,
            "work.hours" => self.hours = hours(value)?,
            "work.days" => self.days = days(value)?,
            "work.zone" => self.zone = zone(value)?,
            "critical_percent" => self.critical_percent = number(value, 50.0, 100.0)?,
            "warning_percent" => self.warning_percent = number(value, 20.0, 100.0)?,
            "poll_seconds" => self.poll_seconds = number(value, 180.0, 3600.0)?.round() as u32,
            "policy" => self.policy = choice(value)?,
            "quiet.hours" if value.as_str() == Some("") || value.is_null() => self.quiet = None,
            "quiet.hours" => self.quiet = Some(hours_over_midnight(value)?),
            _ => return self.set_grouped(key, value),
        }
        Ok(())
    }

    fn set_grouped(&mut self, key: &str, value: &Value) -> Result<(), String> {
        if let Some(name) = key.strip_prefix("mode.") {
            let provider = Provider::ALL.into_iter().find(|provider| provider.name() == name);
            let provider = provider.ok_or_else(|| format!("there is no provider named {name}"))?;
            self.modes.insert(provider, choice(value)?);
            return Ok(());
        }
        if let Some(kind) = key.strip_prefix("notify.").filter(|kind| NOTICE_KINDS.contains(kind)) {
            if truth(value)? {
                self.silent.remove(kind);
            } else {
                self.silent.insert(kind.to_owned());
            }
            return Ok(());
        }
        Err(format!("there is no setting named {key}"))
    }
}

impl Hours {
    /// `07:00-24:00`.
    #[must_use]
    pub fn to_text(self) -> String {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{}", clock(self.from), clock(self.to))
    }

    /// Whether a minute of the day lies inside; a span may pass midnight.
    #[must_use]
    pub const fn contain(self, minute: u16) -> bool {
        if self.from <= self.to {
            self.from <= minute && minute < self.to
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "it must be true or false".to_owned())
}

fn number(value: &Value, least: f64, most: f64) -> Result<f64, String> {
    let inside = value.as_f64().filter(|number| (least..=most).contains(number));
    inside.ok_or_else(|| format!("it must be a number from {least} to {most}"))
}

fn choice<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

fn hours_over_midnight(value: &Value) -> Result<Hours, String> {
    let span = value.as_str().and_then(|text| {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from)?, minute(to)?);
        (from != to).then_some(Hours { from, to })
    });
    span.ok_or_else(|| "it must be a span like 07:00-24:00".to_owned())
}

fn hours(value: &Value) -> Result<Hours, String> {
    let span = hours_over_midnight(value)?;
    if span.from < span.to {
        Ok(span)
    } else {
        Err("the span must begin before it ends".to_owned())
    }
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
            ("work.zone", json!("Europe/Berlin")),
            ("critical_percent", json!(85)),
            ("poll_seconds", json!(240)),
            ("policy", json!("tiered")),
            ("notify.reset", json!(true)),
            ("notify.swap_done", json!(false)),
            ("quiet.hours", json!("22:00-07:00")),
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
            ("work.hours", json!("18:00-09:00")),
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
}
