//! One account's windows as they were read, and the forecasts that wait for their end: an outcome is known
//! only at the reset, days later.

use super::{Ended, Kind, Way, leads};
use crate::span;
use crate::units::{AccountId, Utc};
use crate::usage::Usage;
use crate::window::{Window, WindowKind, capacity_ratio, same_reset};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Readings kept for the pace.
const RECENT: usize = 16;
/// The pace is that of so many minutes.
const PACE_MIN: f64 = 30.0;
/// Where the week alone is told: its whole percents are a long time of work.
const WEEK_PACE_MIN: f64 = 120.0;
/// A pace below this is none, percent a minute.
const PACE_LEAST: f64 = 0.01;
/// A window is judged by its last reading if a lane was on it for at most so long since, minutes.
const LAST_IN_USE_MIN: f64 = 45.0;
/// And if that reading is at most this old at its end, minutes.
const LAST_AT_REST_MIN: f64 = 13.0 * 60.0;
/// Minutes of unseen work that a parked account's 5-hour window bears.
const UNSEEN_MIN: f64 = 5.0;
/// A reading that falls within its window was off by at most this, percent; by more it is another
/// thing.
const FALL_MOST: f64 = 6.0;
/// What is known of a reading's error fades by this share with each reading that does not fall.
const NOISE_FADES: f64 = 0.005;
/// Weekly leads whose forecast is remembered with the outcome: a day, or an hour, before.
const NOTED: usize = 2;

/// A window's last reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    used: f64,
    reset: Utc,
    at: Utc,
    /// Minutes a lane has been on the account since the reading.
    live_min: f64,
    /// Percent used since, if work went on at its pace.
    since: f64,
}

/// A forecast whose window has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Promise {
    ahead: usize,
    reset: Utc,
    cell: usize,
    used: f64,
    most: f64,
    p50: f64,
    p90: f64,
}

/// One account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    short: Option<Seen>,
    week: Option<Seen>,
    /// How long the 5-hour window runs, seconds; `None` before the first reading.
    short_span_s: Option<f64>,
    /// Instant, 5-hour and weekly share of the last readings within the present 5-hour window.
    recent: Vec<(Utc, f64, f64)>,
    sum_short: f64,
    sum_week: f64,
    promises: Vec<(Kind, Promise)>,
    /// When it was last noted who is live.
    marked: Option<Utc>,
    /// Whether a lane was on the account then.
    live: bool,
    /// Ends of the 5-hour and the weekly window that ended last.
    ended: [Option<Utc>; 2],
    /// How far readings are off, percent, learned from those that fell within their window.
    noise: f64,
    /// The provider says that there is no 5-hour window: the week alone tells of the work.
    lacks_short: bool,
}

/// A window that has ended: what was left, where a reading is near enough to say, and the kinds of
/// its forecasts with the share of what could be used that was used.
#[derive(Default)]
pub(super) struct Closed {
    pub ended: Option<Ended>,
    pub judged: Vec<(usize, f64)>,
}

/// What was used between two readings, percent of the week.
pub(super) struct Step {
    pub used: f64,
    pub from: Utc,
    pub to: Utc,
}

impl Seen {
    /// What was read and what was probably used since.
    fn reckoned(&self) -> f64 {
        (self.used + self.since).min(100.0).max(self.used)
    }
}

fn seen(window: &Window, at: Utc) -> Option<Seen> {
    Some(Seen { used: window.used?.get(), reset: window.resets_at?, at, live_min: 0.0, since: 0.0 })
}

fn same(a: &Seen, b: &Seen) -> bool {
    same_reset(a.reset, b.reset)
}

impl Track {
    /// Takes in a reading; `None` when it is not newer than the last one.
    pub(super) fn read(&mut self, usage: &Usage) -> Option<Step> {
        let at = usage.observed_at?;
        let last = self.recent.last().map(|last| last.0).max(self.week.map(|week| week.at));
        if last.is_some_and(|last| at <= last) {
            return None;
        }
        self.short_span_s = Some(usage.span_s(&WindowKind::FiveHour));
        // Providers go on telling of a window for a while after its end.
        let open = |seen: &Seen, ended: Option<Utc>| {
            seen.reset > at && ended.is_none_or(|ended| !same_reset(seen.reset, ended))
        };
        let short = seen(&usage.short(), at).filter(|seen| open(seen, self.ended[0]));
        let week = seen(&usage.long(), at).filter(|seen| open(seen, self.ended[1]));
        let same_short = matches!((&self.short, &short), (Some(a), Some(b)) if same(a, b));
        let same_week = matches!((&self.week, &week), (Some(a), Some(b)) if same(a, b));
        let step = match (&self.week, &week) {
            (Some(before), Some(now)) => {
                let used = if same_week { now.used - before.used } else { now.used };
                let from = if same_week { before.at } else { before.at.max(before.reset) };
                Some(Step { used: used.max(0.0), from: from.min(at), to: at })
            }
            _ => None,
        };
        if let (true, true, Some(a), Some(b)) = (same_short, same_week, &self.short, &short)
            && let Some(step) = &step
            && b.used > a.used
        {
            self.sum_short += b.used - a.used;
            self.sum_week += step.used;
        }
        let fell = |same: bool, before: &Option<Seen>, now: &Option<Seen>| match (before, now) {
            (Some(before), Some(now)) if same => (before.used - now.used).clamp(0.0, FALL_MOST),
            _ => 0.0,
        };
        let fall = fell(same_short, &self.short, &short).max(fell(same_week, &self.week, &week));
        self.noise = (self.noise * (1.0 - NOISE_FADES)).max(fall / 2.0);
        // The readings of one window go together: of the shortest there is.
        self.lacks_short = usage.lacks(&WindowKind::FiveHour);
        if !(if self.lacks_short { same_week } else { same_short }) {
            self.recent.clear();
        }
        if self.recent.len() >= RECENT {
            self.recent.remove(0);
        }
        let share = |window: &Option<Seen>| window.map_or(0.0, |seen| seen.used);
        self.recent.push((at, share(&short), share(&week)));
        // A share that falls within a window is noise of the reading; what was used stays used.
        self.short = short.map(|now| peak(self.short.filter(|_| same_short), now));
        self.week = week.map(|now| peak(self.week.filter(|_| same_week), now)).or(self.week);
        step
    }

    /// The window emptied before its reset: it did not end, so nothing of it was lost, and what was
    /// foreseen of it is void.
    pub(super) fn fell(&mut self, kind: Kind) {
        match kind {
            Kind::FiveHour => self.short = None,
            Kind::SevenDay => self.week = None,
        }
        self.promises.retain(|(of, _)| *of != kind);
        self.recent.clear();
    }

    /// The windows have other sizes than before.
    pub(super) fn replanned(&mut self) {
        (self.sum_short, self.sum_week) = (0.0, 0.0);
        self.recent.clear();
    }

    /// Notes whether a lane is on the account now. `usual` is the pace of the 5-hour window that
    /// the pool's work would have here, where its own is not known yet.
    pub(super) fn mark(&mut self, live: bool, usual: f64, now: Utc) {
        let was = core::mem::replace(&mut self.live, live);
        // It came or went somewhere in between.
        let share = (f64::from(u8::from(was)) + f64::from(u8::from(live))) / 2.0;
        let Some(since) = self.marked.replace(now).filter(|_| share > 0.0) else { return };
        let known = self.recent.len() >= 2;
        let own = [self.pace(Kind::FiveHour), self.pace(Kind::SevenDay)];
        let paces = if known { own } else { [usual, usual / self.ratio()] };
        for (seen, pace) in [&mut self.short, &mut self.week].into_iter().zip(paces) {
            let Some(seen) = seen else { continue };
            let minutes = share * (now.seconds_since(since.max(seen.at)) / 60.0).max(0.0);
            seen.live_min += minutes;
            if seen.live_min <= LAST_IN_USE_MIN {
                seen.since += pace * minutes;
            }
        }
    }

    fn seen(&self, kind: Kind) -> Option<Seen> {
        match kind {
            Kind::FiveHour => self.short,
            Kind::SevenDay => self.week,
        }
    }

    /// Used share and end of a window that is open now.
    pub(super) fn window(&self, kind: Kind, now: Utc) -> Option<(f64, Utc)> {
        let seen = self.seen(kind).filter(|seen| seen.reset > now)?;
        Some((seen.reckoned(), seen.reset))
    }

    /// How far the used share may be off, percent: what was reckoned since the reading may be twice as
    /// much or nothing, and the reading itself is not exact.
    pub(super) fn doubt(&self, kind: Kind) -> f64 {
        self.noise + self.seen(kind).map_or(0.0, |seen| seen.since)
    }

    /// Its numbers say enough for a forecast: a 5-hour window that was worked in after its last
    /// reading may hold anything.
    pub(super) fn fresh(&self, kind: Kind, live: bool) -> bool {
        let unseen = self.seen(kind).map_or(0.0, |seen| seen.live_min);
        unseen <= if live || kind == Kind::SevenDay { LAST_IN_USE_MIN } else { UNSEEN_MIN }
    }

    /// Weekly over 5-hour capacity.
    fn ratio(&self) -> f64 {
        capacity_ratio(self.sum_short, self.sum_week)
    }

    /// Percent of the week that its 5-hour windows let through until the reset.
    pub(super) fn most_weekly(&self, room: f64, reset: Utc, now: Utc) -> f64 {
        if self.lacks_short {
            return room;
        }
        let left = reset.seconds_since(now) / 60.0;
        let (first, rest) = match self.window(Kind::FiveHour, now) {
            Some((used, ends)) => {
                let after = left - ends.seconds_since(now) / 60.0;
                ((100.0 - used).max(0.0), after.max(0.0))
            }
            None => (0.0, left),
        };
        // A window that has begun can be used up before its end.
        let prior = || span::prior_s(&WindowKind::FiveHour);
        let span = self.short_span_s.unwrap_or_else(prior) / 60.0;
        let whole = (rest / span) as i64 as f64;
        let windows = whole + if rest > whole * span { 1.0 } else { 0.0 };
        ((first + 100.0 * windows) / self.ratio()).min(room)
    }

    /// Percent of the 5-hour window that the week lets through.
    pub(super) fn most_short(&self, room: f64) -> f64 {
        let week = self.week.map_or(100.0, |week| (100.0 - week.used).max(0.0));
        room.min(week * self.ratio())
    }

    /// Percent a minute over the half hour before the last reading, 0 when nothing moved.
    pub(super) fn pace(&self, kind: Kind) -> f64 {
        let value = |entry: &(Utc, f64, f64)| match kind {
            Kind::FiveHour => entry.1,
            Kind::SevenDay => entry.2,
        };
        let Some(last) = self.recent.last() else { return 0.0 };
        let span = self.pace_min() * 60.0;
        let young = |entry: &&(Utc, f64, f64)| last.0.seconds_since(entry.0) <= span;
        let first = self.recent.iter().find(young);
        // With one reading in the half hour the one before it is the other end.
        let first = first
            .filter(|first| first.0 < last.0)
            .or_else(|| self.recent.len().checked_sub(2).map(|index| &self.recent[index]));
        let Some(first) = first else { return 0.0 };
        let minutes = last.0.seconds_since(first.0).max(60.0) / 60.0;
        let pace = (value(last) - value(first)) / minutes;
        let least = if self.lacks_short { 0.0 } else { PACE_LEAST };
        if pace < least { 0.0 } else { pace }
    }

    /// The pace is that of so many minutes.
    const fn pace_min(&self) -> f64 {
        if self.lacks_short { WEEK_PACE_MIN } else { PACE_MIN }
    }

    /// When the window is full at the present pace, if that is before it empties.
    pub(super) fn full_at(&self, kind: Kind, now: Utc) -> Option<Utc> {
        let seen = self.seen(kind).filter(|seen| seen.reset > now)?;
        let pace = self.pace(kind);
        if pace <= 0.0 || now.seconds_since(seen.at) > self.pace_min() * 60.0 {
            return None;
        }
        let seconds = (100.0 - seen.used).max(0.0) / pace * 60.0;
        let at = seen.at.plus_seconds(seconds as i64).max(now);
        (at < seen.reset).then_some(at)
    }

    /// The forecast that falls due now: its lead and the window's end.
    pub(super) fn due(&self, kind: Kind, now: Utc) -> Option<(usize, Utc)> {
        let (_, reset) = self.window(kind, now)?;
        let hours = reset.seconds_since(now) / 3_600.0;
        let passed = leads(kind).iter().filter(|lead| hours <= **lead).count().checked_sub(1)?;
        let made = self.promises.iter().any(|(of, promise)| *of == kind && promise.ahead >= passed);
        (!made).then_some((passed, reset))
    }

    /// Keeps a forecast until its window has ended.
    pub(super) fn promise(
        &mut self,
        kind: Kind,
        ahead: usize,
        reset: Utc,
        cell: usize,
        way: &Way,
        (p50, p90): (f64, f64),
    ) {
        let used = 100.0 - way.room;
        let promise = Promise { ahead, reset, cell, used, most: way.most, p50, p90 };
        self.promises.push((kind, promise));
    }

    /// A window that has ended: what was left of it, where a reading is near enough to say, and how
    /// the forecasts came out.
    pub(super) fn close(&mut self, account: AccountId, kind: Kind, now: Utc) -> Option<Closed> {
        let seen = self.seen(kind)?;
        if seen.reset > now {
            return None;
        }
        let used = seen.reckoned();
        let mut promises = Vec::new();
        self.promises.retain(|(of, promise)| {
            if *of == kind {
                promises.push(*promise);
            }
            *of != kind
        });
        match kind {
            Kind::FiveHour => (self.short, self.ended[0]) = (None, Some(seen.reset)),
            Kind::SevenDay => (self.week, self.ended[1]) = (None, Some(seen.reset)),
        }
        let age = seen.reset.seconds_since(seen.at) / 60.0;
        if seen.live_min > LAST_IN_USE_MIN || age > LAST_AT_REST_MIN {
            return Some(Closed::default());
        }
        let judged = promises
            .iter()
            .filter(|promise| promise.most > 0.0)
            .map(|promise| (promise.cell, (used - promise.used).max(0.0) / promise.most));
        let judged = judged.collect();
        let noted = promises.iter().find(|promise| promise.ahead == NOTED);
        let ended = Ended {
            account,
            window: kind,
            resets_at: seen.reset,
            unused: (100.0 - used).clamp(0.0, 100.0),
            foreseen: noted.map(|promise| (promise.p50, promise.p90)),
        };
        Some(Closed { ended: Some(ended), judged })
    }
}

fn peak(before: Option<Seen>, now: Seen) -> Seen {
    let used = before.map_or(now.used, |before| before.used.max(now.used));
    Seen { used, ..now }
}
