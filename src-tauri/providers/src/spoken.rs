//! Resets in the tools' words: `resets 3:45pm`, `resets Mon 12:00am`, `resets Feb 16, 11am
//! (Europe/Berlin)`, `try again in 2 days 3 hours`. The words are read here. The instant depends on a time
//! zone and is found in the driver.

use crate::words::reset_in_text;
use sluice_engine::Utc;

/// Where a reset is said, the most exact wording first.
const BEFORE: [&str; 9] = [
    "resets at ",
    "reset at ",
    "resets in ",
    "reset in ",
    "try again at ",
    "try again in ",
    "resets on ",
    "resets ",
    "priority until ",
];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Characters looked at after the wording.
const PART_MAX: usize = 64;
/// No window is longer than this; what says so is not understood.
const AHEAD_MAX_S: i64 = 40 * 86_400;

/// A reset as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// As an instant.
    At(Utc),
    /// So many seconds from when it was said.
    In(i64),
    /// By a clock and perhaps a calendar.
    Clock {
        /// Which day.
        day: Day,
        /// Minute of the day, 0–1439.
        minute: u16,
        /// The zone it was said in; the reader's own when none was.
        zone: Option<String>,
    },
}

/// A day as it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// None was said: the next time the clock shows that.
    Next,
    /// The next such day, Monday = 0.
    Weekday(u8),
    /// A date.
    Date {
        /// Month of the year, 1 to 12.
        month: u8,
        /// Day of the month, 1 to 31.
        day: u8,
        /// Its year, where that was said.
        year: Option<u16>,
    },
}

/// Reads when a limit is said to be over. The caller knows that the text tells of one.
#[must_use]
pub fn reset_said(text: &str) -> Option<Spoken> {
    if let Some(at) = reset_in_text(text) {
        return Some(Spoken::At(at));
    }
    let plain: String = text.chars().map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
    let lower = plain.to_ascii_lowercase();
    let (wording, at) = BEFORE.iter().find_map(|wording| Some((*wording, lower.find(wording)?)))?;
    // The zone keeps its capitals; lowering changed no length.
    let rest: String = plain.get(at + wording.len()..)?.chars().take(PART_MAX).collect();
    if wording.ends_with("in ") {
        return duration(&rest);
    }
    clock(&rest)
}

/// The words with which a text says when a limit is over: `3:45pm (Europe/Berlin)`.
#[must_use]
pub fn reset_words(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
    let lower = plain.to_ascii_lowercase();
    let (wording, at) = BEFORE.iter().find_map(|wording| Some((*wording, lower.find(wording)?)))?;
    let rest: String = plain.get(at + wording.len()..)?.chars().take(PART_MAX).collect();
    let (spoken, zone) = phrase(&rest);
    let spoken = spoken.trim().trim_end_matches(',');
    let zone = zone.map(|zone| format!(" ({zone})")).unwrap_or_default();
    (!spoken.is_empty()).then(|| crate::json::clean(&format!("{spoken}{zone}")))
}

/// A day and a time as they were said, read word by word. A phrase of which a word is not understood
/// says nothing: half a time is a wrong instant.
#[derive(Default)]
struct Phrase {
    weekday: Option<u8>,
    month: Option<u8>,
    date: Option<u8>,
    year: Option<u16>,
    minute: Option<u16>,
    zone: Option<String>,
}

fn clock(rest: &str) -> Option<Spoken> {
    let (spoken, in_brackets) = phrase(rest);
    if let Some(at) = spoken.split_whitespace().next().and_then(dated) {
        return Some(Spoken::At(at));
    }
    let words: Vec<&str> = spoken
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .collect();
    let mut said = Phrase::default();
    let mut left = words.as_slice();
    while let [word, after @ ..] = left {
        left = said.take(word, after)?;
    }
    let zone = in_brackets.or(said.zone);
    let day = match (said.month, said.date, said.weekday) {
        (Some(month), Some(day), _) => Day::Date { month, day, year: said.year },
        (None, None, Some(weekday)) if said.year.is_none() => Day::Weekday(weekday),
        (None, None, None) if said.year.is_none() => {
            return said.minute.map(|minute| Spoken::Clock { day: Day::Next, minute, zone });
        }
        _ => return None,
    };
    // A day without a time begins at midnight.
    Some(Spoken::Clock { day, minute: said.minute.unwrap_or(0), zone })
}

/// The words that belong together, and what stands in brackets behind them.
fn phrase(rest: &str) -> (String, Option<String>) {
    let plain = undotted(rest);
    let ends = |(at, c): (usize, char)| {
        let sentence = plain[at..].strip_prefix(['.', ':']);
        let over = sentence.is_some_and(|after| after.is_empty() || after.starts_with(' '));
        over || matches!(c, '(' | '\u{b7}' | '\u{2219}' | '\u{2022}' | '|' | ';' | '!' | '\n')
            || matches!(c, '\u{2013}' | '\u{2014}')
    };
    let end = plain.char_indices().find(|it| ends(*it)).map_or(plain.len(), |(at, _)| at);
    let brackets = plain[end..].strip_prefix('(').and_then(|after| after.split_once(')'));
    let zone = brackets.map(|(zone, _)| zone.trim().to_owned()).filter(|zone| !zone.is_empty());
    (plain[..end].to_owned(), zone)
}

/// `p.m.` without its dots, but with the full stop that ends a sentence after it.
fn undotted(text: &str) -> String {
    let mut plain = text.to_owned();
    for (dotted, bare) in [("a.m.", "am"), ("p.m.", "pm"), ("A.M.", "am"), ("P.M.", "pm")] {
        let Some((before, after)) = plain.split_once(dotted) else { continue };
        let over = after.strip_prefix(' ').is_some_and(|it| it.starts_with(char::is_uppercase));
        plain = format!("{before}{bare}{}{after}", if over { "." } else { "" });
    }
    plain
}

/// An instant written out whole.
fn dated(word: &str) -> Option<Utc> {
    let whole = word.contains('T') && word.contains(':');
    whole.then(|| crate::json::written_instant(word))?
}

impl Phrase {
    /// Takes in a word, with those behind it that belong to it; what is left. `None` where it is not
    /// understood, or says something again.
    fn take<'w, 's>(&mut self, word: &str, after: &'w [&'s str]) -> Option<&'w [&'s str]> {
        let lower = word.to_ascii_lowercase();
        let next = after.first().map(|next| next.to_ascii_lowercase());
        if matches!(lower.as_str(), "at" | "on" | "of" | "the") {
            return Some(after);
        }
        if let Some(found) = named(&WEEKDAYS, &lower) {
            return set(&mut self.weekday, found).then_some(after);
        }
        if let Some(month) = named(&MONTHS, &lower) {
            return set(&mut self.month, month + 1).then_some(after);
        }
        let named_zone = word.contains('/') && word.starts_with(|c: char| c.is_ascii_alphabetic());
        if matches!(lower.as_str(), "utc" | "gmt") || named_zone {
            let zone = if named_zone { word.to_owned() } else { "UTC".to_owned() };
            return set(&mut self.zone, zone).then_some(after);
        }
        // A word of its own says which half of the day: `3:45 PM`.
        let half = next.filter(|next| matches!(next.as_str(), "am" | "pm"));
        if let Some(minute) = half.and_then(|half| time_of_day(&format!("{lower}{half}"))) {
            return set(&mut self.minute, minute).then(|| &after[1..]);
        }
        if let Some(minute) = time_of_day(&lower) {
            return set(&mut self.minute, minute).then_some(after);
        }
        let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let ending = &lower[digits.len()..];
        let number: u16 = digits.parse().ok()?;
        let taken = match (number, ending) {
            (1..=31, "" | "st" | "nd" | "rd" | "th") => {
                set(&mut self.date, u8::try_from(number).ok()?)
            }
            (2000..=2199, "") => set(&mut self.year, number),
            _ => false,
        };
        taken.then_some(after)
    }
}

/// Sets what was not said before.
fn set<T>(place: &mut Option<T>, said: T) -> bool {
    place.is_none() && place.replace(said).is_none()
}

fn named(names: &[&str], word: &str) -> Option<u8> {
    // `may` and `mar` are names of months, `mary` is not: either three letters or the whole name.
    let whole = |name: &str| match name {
        "jan" => "january",
        "feb" => "february",
        "mar" => "march",
        "apr" => "april",
        "jun" => "june",
        "jul" => "july",
        "aug" => "august",
        "sep" => "september",
        "oct" => "october",
        "nov" => "november",
        "dec" => "december",
        "mon" => "monday",
        "tue" => "tuesday",
        "wed" => "wednesday",
        "thu" => "thursday",
        "fri" => "friday",
        "sat" => "saturday",
        "sun" => "sunday",
        _ => "may",
    };
    let found = names.iter().position(|name| word == *name || word == whole(name))?;
    u8::try_from(found).ok()
}

/// `3:45pm`, `9am`, `12:00am`, `15:45`.
fn time_of_day(word: &str) -> Option<u16> {
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (None, Some(digits)) => (digits, Some(720)),
        (None, None) => (word, None),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute.parse::<u16>().ok()?),
        Some(_) => return None,
        // A bare number is no time of day.
        None if half.is_some() => (digits, 0),
        None => return None,
    };
    let hour = hour.parse::<u16>().ok()?;
    let sane = minute < 60 && (half.is_none() && hour < 24 || (1..=12).contains(&hour));
    if !sane {
        return None;
    }
    Some(match half {
        Some(half) => hour % 12 * 60 + minute + half,
        None => hour * 60 + minute,
    })
}

/// `5h 0m`, `2 days 3 hours`, `45 minutes`.
fn duration(rest: &str) -> Option<Spoken> {
    let lower = phrase(rest).0.to_ascii_lowercase();
    let (mut seconds, mut number, mut any) = (0_i64, None::<i64>, false);
    let words = lower.split(|c: char| c.is_whitespace() || c == ',');
    for word in words.filter(|word| !word.is_empty() && *word != "and") {
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = word[digits..].trim_end_matches('.');
        if digits > 0 {
            // A number without its unit before this one was not understood.
            if number.is_some() {
                return None;
            }
            number = word[..digits].parse().ok();
        }
        if unit.is_empty() {
            continue;
        }
        let length = match unit {
            "d" | "day" | "days" => 86_400,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            // Half a span would end too soon.
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(length)?)?;
        any = true;
    }
    (any && number.is_none() && (0..=AHEAD_MAX_S).contains(&seconds)).then_some(Spoken::In(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(day: Day, minute: u16, zone: Option<&str>) -> Option<Spoken> {
        Some(Spoken::Clock { day, minute, zone: zone.map(str::to_owned) })
    }

    #[test]
    fn the_words_of_a_reset_are_kept_as_they_were_said() {
        for (text, words) in [
            (
                "You've hit your session limit · resets 3:45pm (Europe/Berlin)",
                "3:45pm (Europe/Berlin)",
            ),
            ("weekly limit · resets Mon 12:00am", "Mon 12:00am"),
            ("try again in 2 days 3 hours.", "2 days 3 hours"),
        ] {
            assert_eq!(reset_words(text).as_deref(), Some(words), "{text}");
        }
        assert_eq!(reset_words("nothing of the kind"), None);
    }

    #[test]
    fn every_wording_on_record_is_read() {
        let cases = [
            ("You've hit your session limit · resets 3:45pm", clock(Day::Next, 945, None)),
            (
                "You've hit your session limit · resets 10:30pm (Europe/Berlin)",
                clock(Day::Next, 1350, Some("Europe/Berlin")),
            ),
            ("weekly limit · resets Mon 12:00am", clock(Day::Weekday(0), 0, None)),
            (
                "weekly limit · resets Oct 8",
                clock(Day::Date { month: 10, day: 8, year: None }, 0, None),
            ),
            (
                "limit · resets Feb 16, 11am (Europe/Berlin)",
                clock(Day::Date { month: 2, day: 16, year: None }, 660, Some("Europe/Berlin")),
            ),
            ("5-hour limit reached ∙ resets 5am", clock(Day::Next, 300, None)),
            ("Your limit will reset at 12am (UTC).", clock(Day::Next, 0, Some("UTC"))),
            ("resets 12pm", clock(Day::Next, 720, None)),
            ("Try again at 3:45 PM.", clock(Day::Next, 945, None)),
            ("try again at 12:05 AM", clock(Day::Next, 5, None)),
            ("resets 15:45", clock(Day::Next, 945, None)),
            ("resets Jun 3rd at 9am", clock(Day::Date { month: 6, day: 3, year: None }, 540, None)),
            ("continuing at low priority until 3:45pm", clock(Day::Next, 945, None)),
            ("resets in 5h 0m", Some(Spoken::In(18_000))),
            ("Try again in 2 days 3 hours.", Some(Spoken::In(183_600))),
            ("try again in 45 minutes", Some(Spoken::In(2_700))),
            (
                "Claude AI usage limit reached|1795266000",
                Some(Spoken::At(Utc::from_seconds(1_795_266_000))),
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(reset_said(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_date_with_its_year_is_read_whole() {
        let third = |minute| clock(Day::Date { month: 12, day: 3, year: Some(2026) }, minute, None);
        for (text, wanted) in [
            ("try again at Dec 3rd, 2026 3:45 PM.", third(945)),
            ("or try again at December 3, 2026, 3:45 p.m. Visit a page.", third(945)),
            ("try again at 3 December 2026 at 15:45", third(945)),
            ("resets at 9 AM on Dec 3 2026", third(540)),
            ("try again at Dec 3rd, 2026", third(0)),
            ("resets at 2026-12-03T15:45:00Z.", Some(Spoken::At(Utc::from_seconds(1_796_312_700)))),
            (
                "resets Dec 3, 9:02pm (UTC)",
                clock(Day::Date { month: 12, day: 3, year: None }, 1_262, Some("UTC")),
            ),
        ] {
            assert_eq!(reset_said(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_half_understood_is_unknown() {
        for text in [
            "try again at Dec 3rd, 26 3:45 PM",
            "try again at Dec 3rd, 2026 quarter to four",
            "resets 3:45pm tomorrow",
            "resets tomorrow 3:45pm",
            "resets 3pm PST",
            "resets Dec 32, 3pm",
            "resets Dec, 3pm",
            "resets the 3rd, 9am",
            "resets 15:45 PM",
            "resets 3pm or 4pm",
            "resets Mon or Tue 9am",
            "resets 03/12/2026 3:45 PM",
            "try again in 2 days 3 fortnights",
            "try again in 2 days or so",
            "try again in 5",
            "try again in 2 3 hours",
        ] {
            assert_eq!(reset_said(text), None, "{text}");
        }
    }

    #[test]
    fn what_says_no_time_gives_none() {
        for text in [
            "You've hit your session limit",
            "resets soon",
            "resets 25:00",
            "resets 13pm",
            "resets 7",
            "resets Mayor",
            "resets in a while",
            "try again in 99999999999999999999 days",
            "it resets everything",
            "",
        ] {
            assert_eq!(reset_said(text), None, "{text}");
        }
    }
}
