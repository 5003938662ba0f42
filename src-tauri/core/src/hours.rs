//! Hours of the day as people write them: `09:00-12:30, 13:30-18:00`, `22:00-02:00`.

use crate::calendar::WorkSpan;
use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use chrono::NaiveDate;
use serde_json::Value;

/// Spans of one day that anybody would name; more is a mistake.
const SPANS_MAX: usize = 12;
/// Days that differ; some years of holidays.
const EXCEPTIONS_MAX: usize = 500;

/// Minutes after local midnight; 24:00 is 1440. A span that does not end later than it begins runs
/// into the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// First minute.
    pub from: u16,
    /// First minute after.
    pub to: u16,
}

impl Hours {
    /// As text: `07:00-24:00`.
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

    /// One span.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let span = text.split_once('-').and_then(|(from, to)| {
            let (from, to) = (minute(from)?, minute(to)?);
            (from != to && from < 24 * 60).then_some(Self { from, to })
        });
        span.ok_or_else(|| "it must be a span like 07:00-24:00".to_owned())
    }
}

impl From<Hours> for WorkSpan {
    fn from(hours: Hours) -> Self {
        Self { from: hours.from, to: hours.to }
    }
}

/// The spans of a day as one text; no spans are the empty text.
#[must_use]
pub fn text(spans: &[Hours]) -> String {
    spans.iter().map(|span| span.to_text()).collect::<Vec<_>>().join(", ")
}

/// The spans of a day; the empty text is a day without any.
///
/// # Errors
/// What is wrong with the value, for people.
pub fn day(value: &Value) -> Result<Vec<Hours>, String> {
    let text = value.as_str().ok_or("it must be text, like 09:00-12:30, 13:30-18:00")?;
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let spans: Vec<Hours> = parts.map(Hours::parse).collect::<Result<_, _>>()?;
    if spans.len() <= SPANS_MAX {
        Ok(spans)
    } else {
        Err(format!("a day has at most {SPANS_MAX} spans"))
    }
}

/// Seven days, Monday first; `null` is no week of its own.
///
/// # Errors
/// What is wrong with the value, for people.
pub fn week(value: &Value) -> Result<Option<[Vec<Hours>; 7]>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let days = value.as_array().ok_or("it must be a list of seven days, Monday first, or null")?;
    let days: Vec<Vec<Hours>> = days.iter().map(day).collect::<Result<_, _>>()?;
    let days: Result<[Vec<Hours>; 7], _> = days.try_into();
    days.map(Some).map_err(|_| "a week has seven days, Monday first".to_owned())
}

/// Days that differ, by date.
///
/// # Errors
/// What is wrong with the value, for people.
pub fn exceptions(value: &Value) -> Result<BTreeMap<NaiveDate, Vec<Hours>>, String> {
    let wrong = "it must name dates, like {\"2026-12-25\": \"\", \"2026-12-24\": \"09:00-12:00\"}";
    let named = value.as_object().ok_or(wrong)?;
    if named.len() > EXCEPTIONS_MAX {
        return Err(format!("there are at most {EXCEPTIONS_MAX} such days"));
    }
    let dated = |(date, hours): (&String, &Value)| {
        let date: NaiveDate = date.parse().map_err(|_| format!("{date} is not a date"))?;
        Ok((date, day(hours)?))
    };
    named.iter().map(dated).collect()
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let inside = hour < 24 && minute < 60 || hour == 24 && minute == 0;
    inside.then(|| hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn several_spans_and_spans_past_midnight_survive_their_text() {
        for written in ["09:00-12:30, 13:30-18:00", "22:00-02:00", "00:00-24:00", ""] {
            assert_eq!(text(&day(&json!(written)).unwrap()), written);
        }
        assert_eq!(day(&json!(" 9:00-10:00 ,")).unwrap(), [Hours { from: 540, to: 600 }]);
    }

    #[test]
    fn no_text_breaks_the_reading() {
        for odd in [
            "9-10",
            "09:00",
            "09:00-09:00",
            "24:00-02:00",
            "24:01-25:00",
            "09:60-10:00",
            "1093:00-10:00",
            "65535:59-10:00",
            "-",
            "09:00-10:00-11:00",
            "\u{661}:00-10:00",
        ] {
            assert!(day(&json!(odd)).is_err(), "{odd}");
        }
        let many = vec!["01:00-02:00"; SPANS_MAX + 1].join(",");
        assert!(day(&json!(many)).is_err());
        assert!(day(&json!(["09:00-10:00"])).is_err());
    }

    #[test]
    fn a_week_has_seven_days_and_a_date_is_a_date() {
        let days = vec!["09:00-17:00"; 7];
        assert_eq!(week(&json!(days)).unwrap().unwrap()[6], [Hours { from: 540, to: 1020 }]);
        assert_eq!(week(&Value::Null).unwrap(), None);
        assert!(week(&json!(["09:00-17:00"])).is_err());
        assert!(week(&json!("09:00-17:00")).is_err());
        let known = exceptions(&json!({"2026-12-25": "", "2026-12-24": "09:00-12:00"})).unwrap();
        assert_eq!(known.len(), 2);
        assert!(exceptions(&json!({"2026-02-30": ""})).is_err());
        assert!(exceptions(&json!(["2026-12-25"])).is_err());
    }
}
