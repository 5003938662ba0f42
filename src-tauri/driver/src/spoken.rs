//! The instant that a tool means by `resets 3:45pm`: the next one at which the clock shows that, in the
//! zone that it names or in the person's own.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use sluice_core::calendar;
use sluice_engine::Utc;
use sluice_providers::spoken::{Day, Spoken};

/// A reset that was told a moment after it came is still this one and not tomorrow's, seconds.
const JUST_PASSED_S: i64 = 60;
/// A date this far back is meant in the next year, days.
const LAST_YEAR_DAYS: i64 = 31;
/// No window lasts longer than a week, and a little for the way; what lies further is not believed.
const AHEAD_MAX_S: f64 = 8.0 * 86_400.0;

/// A date that names its year can be believed for the longest window there is, a month's.
const DATED_MAX_S: f64 = 40.0 * 86_400.0;

/// The zone a tool of this process speaks in: that of its environment, else the machine's, else UTC.
#[must_use]
pub fn local_zone() -> Tz {
    let own = std::env::var("TZ").ok();
    let own = own.as_deref().map(|name| name.trim_start_matches(':'));
    own.and_then(|name| name.parse().ok()).unwrap_or_else(machine_zone)
}

/// The machine's zone, else UTC.
#[must_use]
pub fn machine_zone() -> Tz {
    iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

/// The instant that was meant, told at `said_at`; `None` when it cannot be one.
#[must_use]
pub fn instant(spoken: &Spoken, zone: Tz, said_at: Utc) -> Option<Utc> {
    let found = match spoken {
        Spoken::At(at) => *at,
        Spoken::In(seconds) => said_at.plus_seconds(*seconds),
        Spoken::Clock { day, minute, zone: named } => {
            let zone = match named {
                Some(name) => name.parse().ok()?,
                None => zone,
            };
            on_the_clock(*day, *minute, zone, said_at)?
        }
    };
    let dated = matches!(spoken, Spoken::Clock { day: Day::Date { year: Some(_), .. }, .. });
    let most = if dated { DATED_MAX_S } else { AHEAD_MAX_S };
    let ahead = found.seconds_since(said_at);
    (-(JUST_PASSED_S as f64)..=most).contains(&ahead).then_some(found)
}

fn on_the_clock(day: Day, minute: u16, zone: Tz, said_at: Utc) -> Option<Utc> {
    let from = said_at.plus_seconds(-JUST_PASSED_S);
    let today = DateTime::from_timestamp_micros(from.0)?.with_timezone(&zone).date_naive();
    let at = |date: NaiveDate| {
        let midnight = date.and_hms_opt(0, 0, 0)?;
        let local = midnight + TimeDelta::minutes(i64::from(minute));
        // Twice on the day the clocks go back: the one that is still to come.
        calendar::instants(zone, local).into_iter().find(|at| *at >= from)
    };
    match day {
        Day::Next => (0..=2).find_map(|ahead| at(today.checked_add_days(Days::new(ahead))?)),
        Day::Weekday(weekday) => (0..=8)
            .filter_map(|ahead| today.checked_add_days(Days::new(ahead)))
            .filter(|date| date.weekday().num_days_from_monday() == u32::from(weekday))
            .find_map(at),
        Day::Date { month, day, year: Some(year) } => {
            at(NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())?)
        }
        Day::Date { month, day, year: None } => {
            let this = NaiveDate::from_ymd_opt(today.year(), month.into(), day.into());
            let next = || NaiveDate::from_ymd_opt(today.year() + 1, month.into(), day.into());
            // The end of December is told of January.
            let passed = |date: &NaiveDate| (today - *date).num_days() > LAST_YEAR_DAYS;
            let date = this.filter(|date| !passed(date)).or_else(next)?;
            at(date)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Europe};
    use sluice_providers::spoken::reset_said;

    fn utc(text: &str) -> Utc {
        Utc(DateTime::parse_from_rfc3339(text).expect("an instant").timestamp_micros())
    }

    fn meant(text: &str, zone: Tz, said_at: &str) -> Option<Utc> {
        instant(&reset_said(text)?, zone, utc(said_at))
    }

    #[test]
    fn around_midnight_the_next_one_is_meant() {
        let berlin = Europe::Berlin;
        for (text, said_at, wanted) in [
            ("resets 3:45pm", "2026-06-10T09:00:00+02:00", "2026-06-10T15:45:00+02:00"),
            ("resets 3:45pm", "2026-06-10T15:45:30+02:00", "2026-06-10T15:45:00+02:00"),
            ("resets 3:45pm", "2026-06-10T15:46:30+02:00", "2026-06-11T15:45:00+02:00"),
            ("resets 12:10am", "2026-06-10T23:59:59+02:00", "2026-06-11T00:10:00+02:00"),
            ("resets 12am", "2026-06-10T23:59:59+02:00", "2026-06-11T00:00:00+02:00"),
            ("resets 11:50pm", "2026-06-11T00:00:10+02:00", "2026-06-11T23:50:00+02:00"),
            ("resets Mon 12:00am", "2026-06-10T09:00:00+02:00", "2026-06-15T00:00:00+02:00"),
            ("resets Mon 12:00am", "2026-06-15T00:00:30+02:00", "2026-06-15T00:00:00+02:00"),
            ("resets Mon 9am", "2026-06-15T10:00:00+02:00", "2026-06-22T09:00:00+02:00"),
        ] {
            assert_eq!(meant(text, berlin, said_at), Some(utc(wanted)), "{text} at {said_at}");
        }
    }

    #[test]
    fn clocks_that_change_are_followed() {
        let berlin = Europe::Berlin;
        for (text, said_at, wanted) in [
            // 2026-03-29: two o'clock becomes three.
            ("resets 2:30am", "2026-03-29T01:00:00+01:00", "2026-03-29T01:00:00Z"),
            ("resets 3:30am", "2026-03-29T01:00:00+01:00", "2026-03-29T03:30:00+02:00"),
            // 2026-10-25: half past two comes twice; the one still to come is meant.
            ("resets 2:30am", "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"),
            ("resets 2:30am", "2026-10-25T02:40:00+02:00", "2026-10-25T02:30:00+01:00"),
            ("resets Sun 6am", "2026-10-24T20:00:00+02:00", "2026-10-25T06:00:00+01:00"),
        ] {
            assert_eq!(meant(text, berlin, said_at), Some(utc(wanted)), "{text} at {said_at}");
        }
    }

    #[test]
    fn a_named_zone_and_the_end_of_the_year() {
        let new_york = America::New_York;
        for (text, said_at, wanted) in [
            (
                "resets 10:30pm (Europe/Berlin)",
                "2026-06-10T12:00:00-04:00",
                "2026-06-10T22:30:00+02:00",
            ),
            ("resets Jan 2", "2026-12-30T12:00:00-05:00", "2027-01-02T00:00:00-05:00"),
            ("resets Feb 16, 11am", "2026-02-12T12:00:00-05:00", "2026-02-16T11:00:00-05:00"),
            ("resets 12:30am", "2026-12-31T23:50:00-05:00", "2027-01-01T00:30:00-05:00"),
            ("resets in 5h 0m", "2026-12-31T23:00:00Z", "2027-01-01T04:00:00Z"),
            (
                "try again at Dec 3rd, 2026 3:45 PM",
                "2026-12-02T12:00:00-05:00",
                "2026-12-03T15:45:00-05:00",
            ),
            (
                "try again at Jan 3rd, 2027 9 AM",
                "2026-12-05T12:00:00-05:00",
                "2027-01-03T09:00:00-05:00",
            ),
        ] {
            assert_eq!(meant(text, new_york, said_at), Some(utc(wanted)), "{text} at {said_at}");
        }
    }

    #[test]
    fn what_cannot_be_a_reset_is_none() {
        for text in [
            "resets Nov 22",
            "resets Jun 9, 2026 9am",
            "resets 9am (Middle/Earth)",
            "Claude AI usage limit reached|1795266000",
            "try again in 30 days",
        ] {
            assert_eq!(meant(text, Tz::UTC, "2026-06-10T12:00:00Z"), None, "{text}");
        }
    }
}
