//! Working hours: what the person keeps, and its expansion into UTC spans. The engine knows no time zone.
//!
//! Local times become instants one by one, so a day on which the clocks change is as long as it is.
//! A local time that occurs twice means its first occurrence; one that is skipped means the moment
//! of the change.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use sluice_engine::{Calendar, Utc};

/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;
/// Hours of a week.
const WEEK_H: usize = 168;
/// The expansion reaches so many days back and ahead.
const DAYS_BACK: u64 = 1;
const DAYS_AHEAD: u64 = 15;
/// A learned profile counts once it has seen so many weeks.
const LEARNED_WEEKS: f64 = 2.0;
/// An hour of the week counts as working when it holds this share of an even hour's work.
const LEARNED_SHARE: f64 = 0.25;
/// So many finished weeks are looked back at; older habits have faded to a tenth.
pub const LEARNED_FROM_WEEKS: i64 = 8;
/// Weight of the past when a new week is learned.
const LEARNED_KEEP: f64 = 0.75;
/// No zone has ever skipped more than a day.
const GAP_MAX_MIN: i64 = 26 * 60;

/// A span of a day in minutes after local midnight; one that does not end later than it begins
/// runs into the next day. An empty one (`from == to`) is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkSpan {
    /// First minute, 0–1439.
    pub from: u16,
    /// First minute after, 0–1440.
    pub to: u16,
}

impl WorkSpan {
    /// Minutes from beginning to end.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        if self.to >= self.from { self.to - self.from } else { DAY_MIN - self.from + self.to }
    }

    /// Both ends lie in a day.
    #[must_use]
    pub const fn valid(self) -> bool {
        self.from < DAY_MIN && self.to <= DAY_MIN
    }
}

/// The person's working hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkCalendar {
    /// Spans by weekday, Monday first.
    pub week: [Vec<WorkSpan>; 7],
    /// Days that differ: holidays (no spans) and exceptions, by local date.
    pub exceptions: BTreeMap<NaiveDate, Vec<WorkSpan>>,
    /// Use the learned profile instead of `week` once it is old enough.
    pub follow_demand: bool,
    /// What was learned.
    pub demand: DemandProfile,
}

impl WorkCalendar {
    /// The same span on each of these weekdays (Monday = 0).
    #[must_use]
    pub fn daily(span: WorkSpan, days: impl IntoIterator<Item = u8>) -> Self {
        let mut calendar = Self::default();
        for day in days {
            if let Some(spans) = calendar.week.get_mut(usize::from(day)) {
                spans.push(span);
            }
        }
        calendar
    }

    /// Working hours of an ordinary week.
    #[must_use]
    pub fn weekly_hours(&self) -> f64 {
        let learned = self.learned();
        let minutes: u32 = (0..7)
            .flat_map(|day| self.weekday(day, learned.as_ref()))
            .map(|span| u32::from(span.minutes()))
            .sum();
        f64::from(minutes) / 60.0
    }

    fn learned(&self) -> Option<[Vec<WorkSpan>; 7]> {
        self.follow_demand.then(|| self.demand.week()).flatten()
    }

    fn weekday<'a>(
        &'a self,
        day: usize,
        learned: Option<&'a [Vec<WorkSpan>; 7]>,
    ) -> impl Iterator<Item = WorkSpan> + 'a {
        learned.unwrap_or(&self.week)[day].iter().copied().filter(|span| span.valid())
    }
}

/// How much work falls into each hour of the local week, learned week by week.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DemandProfile {
    /// Work per hour of the week from Monday 00:00, in any one unit; empty before the first week.
    pub hours: Vec<f64>,
    /// Weeks that went in.
    pub weeks: f64,
}

impl DemandProfile {
    /// Hour of the local week of an instant, 0–167.
    #[must_use]
    pub fn hour_of_week(zone: Tz, at: Utc) -> usize {
        let local = utc(at).with_timezone(&zone);
        let day = local.weekday().num_days_from_monday() as usize;
        day * 24 + chrono::Timelike::hour(&local) as usize
    }

    /// Learns from work at instants of the past, in any one unit: week by week of the local
    /// calendar, the running one not yet, a week without any work (away, switched off) not at all.
    #[must_use]
    pub fn of(work: &[(Utc, f64)], zone: Tz, now: Utc) -> Self {
        let monday = |at: Utc| {
            let date = utc(at).with_timezone(&zone).date_naive();
            date - Days::new(u64::from(date.weekday().num_days_from_monday()))
        };
        let mut weeks: BTreeMap<NaiveDate, Vec<f64>> = BTreeMap::new();
        for (at, amount) in work.iter().filter(|(_, amount)| *amount > 0.0) {
            let week = weeks.entry(monday(*at)).or_insert_with(|| vec![0.0; WEEK_H]);
            week[Self::hour_of_week(zone, *at)] += amount;
        }
        let mut profile = Self::default();
        for week in weeks.range(..monday(now)).map(|(_, week)| week) {
            profile.learn(week);
        }
        profile
    }

    /// Learns one finished week: 168 finite, non-negative amounts; anything else is ignored.
    pub fn learn(&mut self, week: &[f64]) {
        let sound = |amount: &f64| amount.is_finite() && *amount >= 0.0;
        if week.len() != WEEK_H || !week.iter().all(sound) {
            return;
        }
        if self.hours.len() == WEEK_H {
            for (known, new) in self.hours.iter_mut().zip(week) {
                *known = LEARNED_KEEP * *known + (1.0 - LEARNED_KEEP) * new;
            }
        } else {
            self.hours = week.to_vec();
        }
        self.weeks += 1.0;
    }

    /// The hours that hold a good share of the work, as spans by weekday; `None` before enough
    /// weeks went in, or without any work.
    #[must_use]
    pub fn week(&self) -> Option<[Vec<WorkSpan>; 7]> {
        let total: f64 = self.hours.iter().sum();
        if self.weeks < LEARNED_WEEKS || self.hours.len() != WEEK_H || total <= 0.0 {
            return None;
        }
        let least = total / WEEK_H as f64 * LEARNED_SHARE;
        let mut week: [Vec<WorkSpan>; 7] = Default::default();
        for (hour, _) in self.hours.iter().enumerate().filter(|(_, amount)| **amount >= least) {
            let from = (hour % 24) as u16 * 60;
            let spans = &mut week[hour / 24];
            match spans.last_mut() {
                Some(last) if last.to == from => last.to = from + 60,
                Some(_) | None => spans.push(WorkSpan { from, to: from + 60 }),
            }
        }
        Some(week)
    }
}

/// The working hours around `now`, from yesterday to fifteen days ahead.
#[must_use]
pub fn expand(calendar: &WorkCalendar, zone: Tz, now: Utc) -> Calendar {
    let today = utc(now).with_timezone(&zone).date_naive();
    let first = today.checked_sub_days(Days::new(DAYS_BACK)).unwrap_or(today);
    let last = today.checked_add_days(Days::new(DAYS_AHEAD)).unwrap_or(today);
    expand_days(calendar, zone, first, last)
}

/// The working hours of the local days `first..=last`.
#[must_use]
pub fn expand_days(
    calendar: &WorkCalendar,
    zone: Tz,
    first: NaiveDate,
    last: NaiveDate,
) -> Calendar {
    let learned = calendar.learned();
    let mut spans = Vec::new();
    let mut midnights = Vec::new();
    // The day before may run into the first one.
    let before = first.pred_opt().unwrap_or(first);
    for day in before.iter_days().take_while(|day| *day <= last) {
        if day >= first {
            midnights.push(instant(zone, day.and_time(NaiveTime::MIN)));
        }
        let weekday = day.weekday().num_days_from_monday() as usize;
        let mut add = |span: WorkSpan| {
            let start = day.and_time(NaiveTime::MIN) + minutes(span.from);
            let end = start + minutes(span.minutes());
            spans.push((instant(zone, start), instant(zone, end)));
        };
        match calendar.exceptions.get(&day) {
            Some(own) => own.iter().copied().filter(|span| span.valid()).for_each(&mut add),
            None => calendar.weekday(weekday, learned.as_ref()).for_each(&mut add),
        }
    }
    midnights.sort_unstable();
    midnights.dedup();
    let begin = midnights.first().copied();
    spans.retain(|(_, end)| begin.is_none_or(|begin| *end > begin));
    Calendar { spans: merged(spans), midnights, weekly_hours: calendar.weekly_hours() }
}

fn minutes(minutes: u16) -> TimeDelta {
    TimeDelta::minutes(i64::from(minutes))
}

fn merged(mut spans: Vec<(Utc, Utc)>) -> Vec<(Utc, Utc)> {
    spans.retain(|(start, end)| start < end);
    spans.sort_unstable();
    let mut merged: Vec<(Utc, Utc)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            Some(_) | None => merged.push((start, end)),
        }
    }
    merged
}

fn utc(at: Utc) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default()
}

/// The first instant at which the local clock shows `local` or later.
fn instant(zone: Tz, local: NaiveDateTime) -> Utc {
    let found = zone.from_local_datetime(&local).earliest().or_else(|| {
        // Skipped: the change lies at most a day before the first local time that exists again.
        let after = (1..=GAP_MAX_MIN)
            .map(|ahead| local + TimeDelta::minutes(ahead))
            .find_map(|later| zone.from_local_datetime(&later).earliest())?;
        Some(first_after_gap(after, local))
    });
    found.map_or_else(
        || Utc(local.and_utc().timestamp_micros()),
        |found| Utc(found.timestamp_micros()),
    )
}

/// Every instant at which the local clock shows `local`, oldest first; the end of the gap when it
/// never does.
pub fn instants(zone: Tz, local: NaiveDateTime) -> Vec<Utc> {
    let found = zone.from_local_datetime(&local);
    let both: Vec<Utc> = [found.earliest(), found.latest()]
        .into_iter()
        .flatten()
        .map(|at| Utc(at.timestamp_micros()))
        .collect();
    if both.is_empty() { vec![instant(zone, local)] } else { both }
}

/// Walks back from an instant after the gap to the gap's end.
fn first_after_gap(mut after: DateTime<Tz>, local: NaiveDateTime) -> DateTime<Tz> {
    for step in [TimeDelta::minutes(1), TimeDelta::seconds(1)] {
        loop {
            let earlier = after - step;
            if earlier.naive_local() < local {
                break;
            }
            after = earlier;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Europe, Pacific};

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("a date")
    }

    fn at(text: &str) -> Utc {
        Utc(DateTime::parse_from_rfc3339(text).expect("an instant").timestamp_micros())
    }

    const OFFICE: WorkSpan = WorkSpan { from: 9 * 60, to: 17 * 60 };

    #[test]
    fn weekdays_become_spans_and_weekends_stay_empty() {
        let office = WorkCalendar::daily(OFFICE, 0..5);
        let week = expand_days(&office, Europe::Berlin, day(2026, 6, 8), day(2026, 6, 14));
        assert_eq!(week.spans.len(), 5);
        assert_eq!(week.spans[0], (at("2026-06-08T07:00:00Z"), at("2026-06-08T15:00:00Z")));
        assert_eq!(week.midnights.len(), 7);
        assert_eq!(week.midnights[0], at("2026-06-07T22:00:00Z"));
        assert!((week.weekly_hours - 40.0).abs() < 1e-12);
    }

    #[test]
    fn several_spans_a_day_touching_ones_merge() {
        let mut calendar = WorkCalendar::daily(WorkSpan { from: 480, to: 720 }, [0]);
        calendar.week[0].push(WorkSpan { from: 780, to: 1020 });
        calendar.week[0].push(WorkSpan { from: 1020, to: 1080 });
        let monday = expand_days(&calendar, Tz::UTC, day(2026, 6, 8), day(2026, 6, 8));
        assert_eq!(
            monday.spans,
            [
                (at("2026-06-08T08:00:00Z"), at("2026-06-08T12:00:00Z")),
                (at("2026-06-08T13:00:00Z"), at("2026-06-08T18:00:00Z")),
            ]
        );
    }

    #[test]
    fn a_span_across_midnight_belongs_to_the_day_it_begins() {
        let night = WorkCalendar::daily(WorkSpan { from: 22 * 60, to: 6 * 60 }, [4]);
        let saturday = expand_days(&night, Tz::UTC, day(2026, 6, 13), day(2026, 6, 13));
        assert_eq!(
            saturday.spans,
            [(at("2026-06-12T22:00:00Z"), at("2026-06-13T06:00:00Z"))],
            "Friday's night reaches into Saturday"
        );
        assert!((night.weekly_hours() - 8.0).abs() < 1e-12);
    }

    #[test]
    fn a_holiday_has_no_hours_and_an_exception_its_own() {
        let mut calendar = WorkCalendar::daily(OFFICE, 0..7);
        calendar.exceptions.insert(day(2026, 12, 25), Vec::new());
        calendar.exceptions.insert(day(2026, 12, 24), vec![WorkSpan { from: 540, to: 720 }]);
        let days = expand_days(&calendar, Tz::UTC, day(2026, 12, 24), day(2026, 12, 26));
        let hours = days.working_hours(at("2026-12-24T00:00:00Z"), at("2026-12-27T00:00:00Z"));
        assert!((hours - 11.0).abs() < 1e-12, "3 + 0 + 8 hours, got {hours}");
        assert!((days.weekly_hours - 56.0).abs() < 1e-12, "an ordinary week has no holiday");
    }

    #[test]
    fn days_on_which_clocks_change_have_their_true_length() {
        let all_day = WorkCalendar::daily(WorkSpan { from: 0, to: DAY_MIN }, 0..7);
        let hours = |date: NaiveDate, zone: Tz| {
            let days = expand_days(&all_day, zone, date, date);
            let next = instant(zone, date.succ_opt().expect("a day").and_time(NaiveTime::MIN));
            days.working_hours(days.midnights[0], next)
        };
        assert!((hours(day(2026, 3, 29), Europe::Berlin) - 23.0).abs() < 1e-12);
        assert!((hours(day(2026, 10, 25), Europe::Berlin) - 25.0).abs() < 1e-12);
        assert!((hours(day(2026, 3, 8), America::New_York) - 23.0).abs() < 1e-12);
        assert!((hours(day(2026, 6, 8), Europe::Berlin) - 24.0).abs() < 1e-12);
    }

    #[test]
    fn a_skipped_local_time_means_the_moment_of_the_change() {
        let early = WorkCalendar::daily(WorkSpan { from: 150, to: 300 }, 0..7);
        let days = expand_days(&early, Europe::Berlin, day(2026, 3, 29), day(2026, 3, 29));
        assert_eq!(
            days.spans.last(),
            Some(&(at("2026-03-29T01:00:00Z"), at("2026-03-29T03:00:00Z")))
        );
    }

    #[test]
    fn a_repeated_local_time_means_its_first_occurrence() {
        let early = WorkCalendar::daily(WorkSpan { from: 150, to: 300 }, 0..7);
        let days = expand_days(&early, Europe::Berlin, day(2026, 10, 25), day(2026, 10, 25));
        assert_eq!(
            days.spans.last(),
            Some(&(at("2026-10-25T00:30:00Z"), at("2026-10-25T04:00:00Z")))
        );
    }

    #[test]
    fn a_date_a_zone_skipped_whole_does_not_stop_the_expansion() {
        let all = WorkCalendar::daily(OFFICE, 0..7);
        let days = expand_days(&all, Pacific::Apia, day(2011, 12, 29), day(2011, 12, 31));
        assert_eq!(days.spans.len(), 2, "30 December 2011 did not happen in Samoa");
        assert_eq!(days.midnights.len(), 2);
    }

    #[test]
    fn the_range_is_yesterday_to_fifteen_days_ahead() {
        let all = WorkCalendar::daily(OFFICE, 0..7);
        let days = expand(&all, Europe::Berlin, at("2026-06-10T23:30:00Z"));
        assert_eq!(days.midnights.first(), Some(&at("2026-06-09T22:00:00Z")));
        assert_eq!(days.midnights.last(), Some(&at("2026-06-25T22:00:00Z")));
    }

    #[test]
    fn a_learned_week_needs_two_weeks_and_replaces_the_fixed_one() {
        let mut calendar =
            WorkCalendar { follow_demand: true, ..WorkCalendar::daily(OFFICE, 0..7) };
        let mut week = vec![0.0; WEEK_H];
        week[10] = 5.0;
        week[11] = 5.0;
        week[24 + 20] = 5.0;
        calendar.demand.learn(&week);
        assert!((calendar.weekly_hours() - 56.0).abs() < 1e-12);
        calendar.demand.learn(&[1.0]);
        assert!((calendar.demand.weeks - 1.0).abs() < 1e-12, "an odd week is ignored");
        calendar.demand.learn(&week);
        assert!((calendar.weekly_hours() - 3.0).abs() < 1e-12);
        let days = expand_days(&calendar, Tz::UTC, day(2026, 6, 8), day(2026, 6, 9));
        assert_eq!(days.spans[0], (at("2026-06-08T10:00:00Z"), at("2026-06-08T12:00:00Z")));
    }

    #[test]
    fn a_learned_week_fades_old_habits() {
        let mut profile = DemandProfile::default();
        let hour = |index: usize| {
            let mut week = vec![0.0; WEEK_H];
            week[index] = 4.0;
            week
        };
        for _ in 0..2 {
            profile.learn(&hour(9));
        }
        for _ in 0..40 {
            profile.learn(&hour(33));
        }
        let week = profile.week().expect("enough weeks");
        assert!(week[0].is_empty() && week[1] == [WorkSpan { from: 540, to: 600 }]);
    }

    #[test]
    fn the_running_week_and_weeks_away_are_not_learned_from() {
        let work = |text: &str| (at(text), 2.0);
        let now = at("2026-06-24T12:00:00Z");
        let two = [work("2026-06-01T07:30:00Z"), work("2026-06-15T07:30:00Z")];
        let profile = DemandProfile::of(&two, Europe::Berlin, now);
        assert!((profile.weeks - 2.0).abs() < 1e-12, "the week between was away");
        let week = profile.week().expect("enough weeks");
        assert_eq!(week[0], [WorkSpan { from: 540, to: 600 }], "half past nine in Berlin");
        assert!(week[1..].iter().all(Vec::is_empty));
        let running = [work("2026-06-15T07:30:00Z"), work("2026-06-23T07:30:00Z")];
        assert!((DemandProfile::of(&running, Europe::Berlin, now).weeks - 1.0).abs() < 1e-12);
        assert_eq!(DemandProfile::of(&[(now, 0.0)], Tz::UTC, now), DemandProfile::default());
    }

    #[test]
    fn hours_of_the_week_follow_the_zone() {
        let sunday_evening = at("2026-06-07T22:30:00Z");
        assert_eq!(DemandProfile::hour_of_week(Tz::UTC, sunday_evening), 6 * 24 + 22);
        assert_eq!(DemandProfile::hour_of_week(Europe::Berlin, sunday_evening), 0);
    }

    /// Working minutes by walking the local clock, five minutes at a time.
    fn walked(zone: Tz, span: WorkSpan, from: Utc, to: Utc) -> i64 {
        let mut minutes = 0;
        let mut at = from;
        while at < to {
            let local = utc(at).with_timezone(&zone);
            let minute =
                (chrono::Timelike::hour(&local) * 60 + chrono::Timelike::minute(&local)) as u16;
            let inside = if span.from < span.to {
                (span.from..span.to).contains(&minute)
            } else {
                minute >= span.from || minute < span.to
            };
            minutes += if inside { 5 } else { 0 };
            at = at.plus_seconds(300);
        }
        minutes
    }

    #[test]
    fn in_every_zone_the_spans_are_the_hours_the_local_clock_shows() {
        let spans = [OFFICE, WorkSpan { from: 22 * 60, to: 6 * 60 }];
        // The weeks around both changes of summer time.
        for (from, to) in [
            ("2026-03-05T00:00:00Z", "2026-03-11T00:00:00Z"),
            ("2026-10-23T00:00:00Z", "2026-10-27T00:00:00Z"),
        ] {
            let (from, to) = (at(from), at(to));
            for (zone, span) in
                chrono_tz::TZ_VARIANTS.iter().flat_map(|zone| spans.map(|span| (*zone, span)))
            {
                let work = WorkCalendar::daily(span, 0..7);
                let expanded = expand(&work, zone, from.plus_seconds(86_400));
                let hours = expanded.working_hours(from, to);
                let walked = walked(zone, span, from, to) as f64 / 60.0;
                assert!((hours - walked).abs() < 1e-9, "{zone}: {hours} for {walked}");
                assert!(expanded.spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{zone}");
                assert!(expanded.midnights.windows(2).all(|pair| pair[0] < pair[1]), "{zone}");
            }
        }
    }

    #[test]
    fn odd_spans_are_left_out() {
        let odd = WorkCalendar::daily(WorkSpan { from: 1500, to: 20 }, 0..7);
        assert!(odd.weekly_hours().abs() < 1e-12);
        let empty = WorkCalendar::daily(WorkSpan { from: 60, to: 60 }, 0..7);
        let days = expand_days(&empty, Tz::UTC, day(2026, 6, 8), day(2026, 6, 8));
        assert!(days.spans.is_empty());
    }
}
