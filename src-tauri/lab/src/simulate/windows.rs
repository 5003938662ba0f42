//! The windows of a simulated account: how they open, fill, end and change, and what a read sees.

use super::scenario::AccountSpec;
use std::collections::VecDeque;

/// Less than this is nothing, units.
pub(super) const EPS: f64 = 1e-9;

/// A window that ended in its own time: the truth no policy sees. One that was emptied early is not
/// told; nothing of it was lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// The minute of the reset.
    pub minute: i64,
    /// Account index.
    pub account: usize,
    /// The long one; otherwise the short one.
    pub weekly: bool,
    /// Percent of it that was left.
    pub unused: f64,
}

/// The part of an account's state a read reports.
#[derive(Clone, Debug)]
pub(super) struct Gauge {
    /// Units used of the short window.
    pub(super) used5: f64,
    /// The minute the short window opened; `None` while closed.
    pub(super) opened: Option<i64>,
    /// Units used of the long window.
    pub(super) used7: f64,
    /// Units used of each model's long window.
    pub(super) models: Vec<f64>,
}

/// What an account can serve in a minute.
pub(super) struct Offer {
    /// Units for demand; a cache rebuild is taken out already.
    pub(super) room: f64,
    /// Units that rebuild takes.
    pub(super) over: f64,
    /// The limit that binds: `5h`, `7d`, `model` or `auth`.
    pub(super) kind: &'static str,
}

/// An account as it really is.
pub(super) struct Account<'a> {
    index: usize,
    spec: &'a AccountSpec,
    /// Capacity of the short window now; `None`: it has none.
    c5: Option<f64>,
    /// Capacity of the long window now.
    c7: f64,
    buckets: Vec<(&'a str, f64)>,
    gauge: Gauge,
    next_end: i64,
    /// When a short window was last closed, by whatever.
    short_closed: Option<i64>,
    /// When the long window was last emptied, by whatever.
    long_emptied: Option<i64>,
    /// The gauge of each minute that a read can still report, oldest first.
    past: VecDeque<Gauge>,
}

impl<'a> Account<'a> {
    pub(super) fn new((index, spec): (usize, &'a AccountSpec)) -> Self {
        let models: Vec<_> = spec.models.iter().flatten().collect();
        Self {
            index,
            spec,
            c5: spec.c5,
            c7: spec.c7,
            buckets: models.iter().map(|(name, model)| (name.as_str(), model.c7)).collect(),
            gauge: Gauge {
                used5: spec.used5_0,
                opened: spec.window5_open_at,
                used7: spec.used7_0,
                models: models.iter().map(|(_, model)| model.used_0).collect(),
            },
            next_end: first_end(spec.weekly_reset_at, spec.span7),
            short_closed: None,
            long_emptied: None,
            past: VecDeque::new(),
        }
    }

    pub(super) fn valid(&self, minute: i64) -> bool {
        minute >= self.spec.available_from
            && !self.spec.invalid.iter().any(|&(from, to)| from <= minute && minute < to)
    }

    /// Capacity of the short window, units; `None` without one.
    pub(super) fn short_capacity(&self) -> Option<f64> {
        self.c5
    }

    /// Capacity of the long window, units.
    pub(super) fn long_capacity(&self) -> f64 {
        self.c7
    }

    /// The models with a window of their own, and its capacity.
    pub(super) fn buckets(&self) -> &[(&'a str, f64)] {
        &self.buckets
    }

    /// When the short window of `gauge` ends; `None` while closed.
    pub(super) fn short_end(&self, gauge: &Gauge) -> Option<i64> {
        gauge.opened.map(|opened| opened.saturating_add(self.spec.span5))
    }

    /// The next ordinary end of the long window.
    pub(super) fn long_end(&self) -> i64 {
        self.next_end
    }

    /// When a limit of this kind lifts, as far as it can be told now.
    pub(super) fn lifts(&self, kind: &str) -> Option<i64> {
        match kind {
            "5h" => self.short_end(&self.gauge),
            "auth" => None,
            _ => Some(self.next_end),
        }
    }

    /// A minute begins: windows end and change. Units stranded by that.
    pub(super) fn pass(&mut self, minute: i64, ended: &mut Vec<Ended>) -> f64 {
        let stranded = self.pass_long(minute, ended);
        self.pass_short(minute, ended);
        stranded
    }

    /// Only an ordinary end strands: what an early reset gives back was not lost.
    fn pass_long(&mut self, minute: i64, ended: &mut Vec<Ended>) -> f64 {
        let mut stranded = 0.0;
        if minute == self.next_end {
            if self.valid(minute - 1) {
                stranded = (self.c7 - self.gauge.used7).max(0.0);
                let unused = 100.0 * stranded / self.c7;
                ended.push(Ended { minute, account: self.index, weekly: true, unused });
            }
            self.empty_long(minute);
            self.next_end = minute.saturating_add(self.spec.span7);
        }
        if let Some(change) = self.spec.plan_change(minute) {
            self.c7 = change.c7;
        }
        if let Some(reset) = self.spec.early_reset(minute).filter(|reset| reset.windows.long()) {
            self.empty_long(minute);
            if reset.restarts {
                self.next_end = minute.saturating_add(self.spec.span7);
            }
        }
        stranded
    }

    fn pass_short(&mut self, minute: i64, ended: &mut Vec<Ended>) {
        if let Some(capacity) = self.c5
            && self.short_end(&self.gauge).is_some_and(|end| minute >= end)
        {
            let left = (capacity - self.gauge.used5).max(0.0);
            let unused = 100.0 * left / capacity;
            ended.push(Ended { minute, account: self.index, weekly: false, unused });
            self.close_short(minute);
        }
        if let Some(capacity) = self.spec.short_change(minute) {
            self.c5 = capacity;
            self.close_short(minute);
        }
        if self.spec.early_reset(minute).is_some_and(|reset| reset.windows.short()) {
            self.close_short(minute);
        }
    }

    fn empty_long(&mut self, minute: i64) {
        self.gauge.used7 = 0.0;
        self.gauge.models.iter_mut().for_each(|used| *used = 0.0);
        self.long_emptied = Some(minute);
    }

    fn close_short(&mut self, minute: i64) {
        self.gauge.opened = None;
        self.gauge.used5 = 0.0;
        self.short_closed = Some(minute);
    }

    /// Keeps the gauge of this minute's beginning, and of `keep` minutes in all.
    pub(super) fn remember(&mut self, keep: usize) {
        self.past.push_back(self.gauge.clone());
        if self.past.len() > keep {
            self.past.pop_front();
        }
    }

    /// What a read in `minute` reports: the oldest gauge that is kept, except that what ended since
    /// then reads as empty.
    pub(super) fn reported(&self, minute: i64) -> Gauge {
        let mut gauge = self.past.front().unwrap_or(&self.gauge).clone();
        let of = minute + 1 - self.past.len() as i64;
        if gauge.opened.is_none() || self.short_closed.is_some_and(|at| at > of) {
            gauge.opened = None;
            gauge.used5 = 0.0;
        }
        if self.long_emptied.is_some_and(|at| at > of) {
            gauge.used7 = 0.0;
            gauge.models.iter_mut().for_each(|used| *used = 0.0);
        }
        gauge
    }

    fn bucket(&self, model: Option<&str>) -> Option<usize> {
        let model = model?;
        self.buckets.iter().position(|(name, _)| *name == model)
    }

    /// Room for demand on `model`, after a cache rebuild of at most `rebuild` units where one is
    /// owed.
    pub(super) fn offer(&self, minute: i64, model: Option<&str>, rebuild: Option<f64>) -> Offer {
        if !self.valid(minute) {
            return Offer { room: 0.0, over: 0.0, kind: "auth" };
        }
        let used5 = if self.gauge.opened.is_some() { self.gauge.used5 } else { 0.0 };
        let short = self.c5.map_or(f64::INFINITY, |capacity| capacity - used5);
        let long = self.c7 - self.gauge.used7;
        let (mut room, mut kind) = if short <= long { (short, "5h") } else { (long, "7d") };
        let mut over = 0.0;
        if let Some(units) = rebuild.filter(|_| room > EPS) {
            // A tenth of the short window; without one, of a tenth of the long.
            let most = self.c5.map_or(0.1 * self.c7 / 10.0, |capacity| 0.1 * capacity);
            over = room.min(units).min(most);
            room -= over;
        }
        if let Some(bucket) = self.bucket(model) {
            let left = self.buckets[bucket].1 - self.gauge.models[bucket] - over;
            if left < room {
                room = left;
                kind = "model";
            }
        }
        Offer { room: room.max(0.0), over, kind }
    }

    /// Uses `units`; a closed short window opens.
    pub(super) fn burn(&mut self, minute: i64, model: Option<&str>, units: f64) {
        if self.c5.is_some() {
            if self.gauge.opened.is_none() {
                self.gauge.opened = Some(minute);
                self.gauge.used5 = 0.0;
            }
            self.gauge.used5 += units;
        }
        self.gauge.used7 += units;
        if let Some(bucket) = self.bucket(model) {
            self.gauge.models[bucket] += units;
        }
    }
}

/// The first of the ends `first`, `first + span`, … that is after minute 0.
fn first_end(first: i64, span: i64) -> i64 {
    if first > 0 {
        return first;
    }
    match first.rem_euclid(span) {
        0 => span,
        end => end,
    }
}
