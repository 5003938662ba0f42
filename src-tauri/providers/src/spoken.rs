//! Resets as people are told them: `resets 3:45pm`, `resets Mon 12:00am`, `resets Feb 16, 11am
//! (Europe/Berlin)`, `try again in 2 days 3 hours`. What was said is read here; which instant that is
//! depends on a time zone and is found elsewhere.

use crate::words::reset_in_text;
use sluice_engine::Utc;

/// Where a reset is said, the most exact wording first.
const BEFORE: [&str; 8] = [
    "resets at ",
    "reset at ",
    "resets in ",
    "reset in ",
    "try again at ",
    "try again in ",
    "resets on ",
    "resets ",
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
    /// A date without its year.
    Date {
        /// 1–12.
        month: u8,
        /// 1–31.
        day: u8,
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

fn clock(rest: &str) -> Option<Spoken> {
    let (spoken, zone) = match rest.split_once('(') {
        Some((spoken, after)) => (spoken, after.split_once(')').map(|(zone, _)| zone.trim())),
        None => (rest, None),
    };
    let lower = spoken.to_ascii_lowercase();
    let mut words = lower
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| word.trim_end_matches(['.', '!', ';']))
        .filter(|word| !word.is_empty() && *word != "at" && *word != "on");
    let (mut day, mut minute, mut half) = (None, None, None::<u16>);
    while let Some(word) = words.next() {
        if let Some(found) = named(&WEEKDAYS, word) {
            day = Some(Day::Weekday(found));
        } else if let Some(month) = named(&MONTHS, word) {
            let number = words.next()?.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']);
            let date = number.parse().ok().filter(|number| (1..=31).contains(number))?;
            day = Some(Day::Date { month: month + 1, day: date });
        } else if matches!(word, "am" | "pm") {
            half = Some(if word == "pm" { 720 } else { 0 });
        } else if minute.is_none()
            && let Some(found) = time_of_day(word)
        {
            minute = Some(found);
        } else {
            break;
        }
    }
    // A word of its own says which half of the day: `3:45 PM`.
    let minute = match (minute, half) {
        (Some(at), Some(half)) if at < 780 => Some(at % 720 + half),
        (minute, _) => minute,
    };
    let zone = zone.filter(|zone| !zone.is_empty()).map(str::to_owned);
    match (day, minute) {
        (None, None) => None,
        // A day without a time begins at midnight.
        (Some(day), minute) => Some(Spoken::Clock { day, minute: minute.unwrap_or(0), zone }),
        (None, Some(minute)) => Some(Spoken::Clock { day: Day::Next, minute, zone }),
    }
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
    let lower = rest.to_ascii_lowercase();
    let (mut seconds, mut number, mut any) = (0_i64, None::<i64>, false);
    for word in lower.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
    {
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = word[digits..].trim_end_matches('.');
        if digits > 0 {
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
            _ => break,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(length)?)?;
        any = true;
    }
    (any && (0..=AHEAD_MAX_S).contains(&seconds)).then_some(Spoken::In(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(day: Day, minute: u16, zone: Option<&str>) -> Option<Spoken> {
        Some(Spoken::Clock { day, minute, zone: zone.map(str::to_owned) })
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
            ("weekly limit · resets Oct 8", clock(Day::Date { month: 10, day: 8 }, 0, None)),
            (
                "limit · resets Feb 16, 11am (Europe/Berlin)",
                clock(Day::Date { month: 2, day: 16 }, 660, Some("Europe/Berlin")),
            ),
            ("5-hour limit reached ∙ resets 5am", clock(Day::Next, 300, None)),
            ("Your limit will reset at 12am (UTC).", clock(Day::Next, 0, Some("UTC"))),
            ("resets 12pm", clock(Day::Next, 720, None)),
            ("Try again at 3:45 PM.", clock(Day::Next, 945, None)),
            ("try again at 12:05 AM", clock(Day::Next, 5, None)),
            ("resets 15:45", clock(Day::Next, 945, None)),
            ("resets Jun 3rd at 9am", clock(Day::Date { month: 6, day: 3 }, 540, None)),
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
