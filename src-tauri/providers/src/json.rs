//! Reads JSON of any shape: bounded, aware of duplicates, and never an error. What is odd is listed.

use chrono::{DateTime, NaiveDateTime};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use sluice_engine::{Percent, Utc};
use std::fmt;

mod mend;
pub mod shape;

/// Longest answer that is looked at, in bytes.
pub const BODY_MAX: usize = 256 * 1024;
/// Oddities kept per answer; a hostile answer could hold thousands.
const ODDITIES_MAX: usize = 32;
/// Longest field name or text kept from an answer, in characters.
const TEXT_MAX: usize = 120;
/// Instants outside 2000 … 2200 are mistakes.
const TIME_RANGE_S: std::ops::Range<f64> = 946_684_800.0..7_258_118_400.0;

/// What was odd about a part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Odd {
    /// The bytes are not JSON (or nested too deeply).
    NotJson,
    /// A text holds what no text can: half a character, or a raw control character.
    BadText,
    /// More than [`BODY_MAX`] bytes.
    TooLarge,
    /// A key stands twice; the last value counts.
    DuplicateKey,
    /// A field this version does not know.
    UnknownField,
    /// Such a field, and it holds a share or a reset: a window, as it seems.
    UnknownWindow,
    /// A known field with a value this version does not know.
    UnknownValue,
    /// A known field of another type than ever seen.
    WrongType,
    /// A number that cannot be.
    OutOfRange,
    /// A time that cannot be read.
    BadTime,
    /// Two parts of one answer disagree; the newer shape counts.
    Contradiction,
}

/// Something in an answer that was not as expected; the rest of the answer still counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oddity {
    /// Where, as a path of field names. Never a value: those may be private.
    pub path: String,
    /// What is unexpected there.
    pub odd: Odd,
}

impl Odd {
    /// The stable snake-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::BadText => "bad_text",
            Self::TooLarge => "too_large",
            Self::DuplicateKey => "duplicate_key",
            Self::UnknownField => "unknown_field",
            Self::UnknownWindow => "unknown_window",
            Self::UnknownValue => "unknown_value",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::BadTime => "bad_time",
            Self::Contradiction => "contradiction",
        }
    }
}

/// Collects oddities, up to a bound.
#[derive(Debug, Default)]
pub struct Oddities(Vec<Oddity>);

impl Oddities {
    /// Notes one, unless there are too many or it is known already.
    pub fn note(&mut self, path: &str, odd: Odd) {
        let oddity = Oddity { path: clean(path), odd };
        if self.0.len() < ODDITIES_MAX && !self.0.contains(&oddity) {
            self.0.push(oddity);
        }
    }

    /// Notes a field that this version does not know.
    pub(crate) fn unknown_field(&mut self, path: &str, value: &Value) {
        let odd = if shape::is_window(value) { Odd::UnknownWindow } else { Odd::UnknownField };
        self.note(path, odd);
    }

    /// What was collected.
    #[must_use]
    pub fn into_vec(self) -> Vec<Oddity> {
        self.0
    }

    /// Reads a document; `None` when it is not JSON.
    pub fn document(&mut self, bytes: &[u8]) -> Option<Value> {
        self.document_up_to(bytes, BODY_MAX)
    }

    /// As [`Self::document`], for files that may be longer than an answer.
    pub fn document_up_to(&mut self, bytes: &[u8], max: usize) -> Option<Value> {
        if bytes.len() > max {
            self.note("", Odd::TooLarge);
            return None;
        }
        // A byte order mark is no part of JSON, but some editors write one.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if let Some(value) = self.parse(bytes) {
            return Some(value);
        }
        let mended = mend::texts(bytes).and_then(|mended| self.parse(&mended));
        self.note("", if mended.is_some() { Odd::BadText } else { Odd::NotJson });
        mended
    }

    fn parse(&mut self, bytes: &[u8]) -> Option<Value> {
        let mut source = serde_json::Deserializer::from_slice(bytes);
        let value = Whole(self).deserialize(&mut source).ok()?;
        source.end().ok().map(|()| value)
    }

    /// A number, also when written as text. `None` for null and absence.
    pub fn number(&mut self, value: Option<&Value>, path: &str) -> Option<f64> {
        let number = match value? {
            Value::Null => return None,
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let finite = number.filter(|number| number.is_finite());
        if finite.is_none() {
            self.note(path, Odd::WrongType);
        }
        finite
    }

    /// A share in percent, not negative.
    pub fn percent(&mut self, value: Option<&Value>, path: &str) -> Option<Percent> {
        let share = Percent::told(self.number(value, path)?);
        if share.is_none() {
            self.note(path, Odd::OutOfRange);
        }
        share
    }

    /// A truth value. `None` for null and absence.
    pub fn boolean(&mut self, value: Option<&Value>, path: &str) -> Option<bool> {
        match value? {
            Value::Null => None,
            Value::Bool(it) => Some(*it),
            _ => {
                self.note(path, Odd::WrongType);
                None
            }
        }
    }

    /// A text, cleaned and bounded. `None` for null, absence and the empty text.
    pub fn text(&mut self, value: Option<&Value>, path: &str) -> Option<String> {
        match value? {
            Value::Null => None,
            Value::String(text) => Some(clean(text)).filter(|text| !text.is_empty()),
            _ => {
                self.note(path, Odd::WrongType);
                None
            }
        }
    }

    /// An instant: RFC 3339 with any fraction, or seconds or milliseconds since the epoch.
    pub fn instant(&mut self, value: Option<&Value>, path: &str) -> Option<Utc> {
        let instant = match value? {
            Value::Null => return None,
            Value::Number(number) => number.as_f64().and_then(epoch),
            Value::String(text) => written_instant(text.trim()),
            _ => {
                self.note(path, Odd::WrongType);
                return None;
            }
        };
        if instant.is_none() {
            self.note(path, Odd::BadTime);
        }
        instant
    }

    /// An object. `None` for null and absence.
    pub fn object<'v>(
        &mut self,
        value: Option<&'v Value>,
        path: &str,
    ) -> Option<&'v Map<String, Value>> {
        match value? {
            Value::Null => None,
            Value::Object(map) => Some(map),
            _ => {
                self.note(path, Odd::WrongType);
                None
            }
        }
    }

    /// Notes every field of `map` that is not among `known`.
    pub fn unknown_fields(&mut self, map: &Map<String, Value>, path: &str, known: &[&str]) {
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.note(&under(path, name), Odd::UnknownField);
        }
    }
}

/// `path` with `name` appended.
#[must_use]
pub fn under(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Text from outside made fit to show: bounded, and without control characters or marks that
/// reorder a line.
#[must_use]
pub fn clean(text: &str) -> String {
    let harmless = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.trim().chars().filter(harmless).take(TEXT_MAX).collect()
}

/// Seconds or milliseconds since the epoch.
fn epoch(number: f64) -> Option<Utc> {
    let seconds = if number > TIME_RANGE_S.end { number / 1_000.0 } else { number };
    TIME_RANGE_S.contains(&seconds).then_some(Utc((seconds * 1_000_000.0) as i64))
}

/// An instant written as text; without an offset it is UTC.
#[must_use]
pub fn written_instant(text: &str) -> Option<Utc> {
    if let Ok(number) = text.parse::<f64>() {
        return epoch(number);
    }
    let micros = DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_micros())
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                .map(|at| at.and_utc().timestamp_micros())
        })
        .ok()?;
    TIME_RANGE_S.contains(&(micros as f64 / 1_000_000.0)).then_some(Utc(micros))
}

/// Builds a [`Value`] and notes keys that stand twice, which `Value` itself hides.
struct Whole<'o>(&'o mut Oddities);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_f64<E: serde::de::Error>(self, it: f64) -> Result<Value, E> {
        Number::from_f64(it).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(Value::String(it.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Whole(&mut *self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Whole(&mut *self.0))?;
            if map.insert(name.clone(), value).is_some() {
                self.0.note(&name, Odd::DuplicateKey);
            }
            if map.len() > BODY_MAX {
                return Err(A::Error::custom("too many fields"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Value>, Vec<Odd>) {
        let mut odd = Oddities::default();
        let value = odd.document(text.as_bytes());
        (value, odd.into_vec().into_iter().map(|it| it.odd).collect())
    }

    #[test]
    fn what_is_not_json_is_said_and_nothing_else() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "NaN", "{\"a\":NaN}", "{} {}", "<html>", deep.as_str()] {
            assert_eq!(read(text), (None, vec![Odd::NotJson]));
        }
        assert_eq!(read(&" ".repeat(BODY_MAX + 1)).1, vec![Odd::TooLarge]);
        assert_eq!(read("\u{feff}{}").0, Some(Value::Object(Map::new())));
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_and_is_told() {
        let (value, odd) = read(r#"{"a":{"b":1,"b":2}}"#);
        assert_eq!(value.unwrap()["a"]["b"], 2);
        assert_eq!(odd, vec![Odd::DuplicateKey]);
    }

    #[test]
    fn instants_in_every_spelling() {
        let noon = Some(Utc::from_seconds(1_795_262_400));
        for text in [
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00:00.000000+00:00",
            "2026-11-21T13:00:00+01:00",
            "2026-11-21T12:00:00",
            "1795262400",
            "1795262400000",
        ] {
            assert_eq!(written_instant(text), noon, "{text}");
        }
        for text in ["", "soon", "NaN", "1e300", "0", "-1", "9999-12-31T23:59:59Z"] {
            assert_eq!(written_instant(text), None, "{text}");
        }
    }

    #[test]
    fn text_from_outside_cannot_reorder_a_line() {
        assert_eq!(clean(" Fa\u{202e}ble\n\u{0} "), "Fable");
        assert_eq!(clean(&"x".repeat(500)).len(), TEXT_MAX);
    }
}
