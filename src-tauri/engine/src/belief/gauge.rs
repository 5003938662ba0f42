//! One account as the planner believes it to be between two readings: a reading may be ten minutes old,
//! and the lane has worked since.

use super::slot::Slot;
use crate::account::Account;
use crate::limits::{FULL_PERCENT, HORIZON_SCRAP_PERCENT, NEARLY_FULL_PERCENT, READ_FULL_PERCENT};
use crate::span;
use crate::units::{LaneId, Percent, Utc};
use crate::usage::Usage;
use crate::window::{Window, WindowKind, capacity_ratio};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A reading says something of the present rate for so long, minutes.
const RECENT: f64 = 60.0;
/// A long window that a reading says has ended goes on in steps of its length at most so often: what is further
/// back is a mistake.
const TURNS_MOST: u32 = 520;
/// Ends of one window lie no further apart, minutes.
const SAME_END: f64 = 20.0;
/// So much more than the last reading said is doubtful, percent.
const RECKONED_GAP: f64 = 20.0;

/// The smallest growth of a week that a provider tells, percent.
const STEP: f64 = 1.0;
/// Without a step for so many times as long as the last one took, work has paused; and the bounds of
/// that, minutes.
const STEPS_PATIENCE: f64 = 2.5;
const PATIENCE_LEAST: f64 = 20.0;
const PATIENCE_MOST: f64 = 90.0;

/// Minutes since the epoch.
pub(crate) fn minutes(at: Utc) -> f64 {
    at.0 as f64 / 60_000_000.0
}

/// What is believed of one account. Shares are percent, times are minutes since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gauge {
    /// Nominal size of the plan: units of its 5-hour window, where it has one.
    pub weight: f64,
    /// The provider says that there is no 5-hour window: the week alone limits.
    pub lacks_short: bool,
    /// How long the 5-hour window runs, minutes; `None` where it is not known to be another than usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_span: Option<f64>,
    /// How long the week runs, minutes; the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_span: Option<f64>,
    /// The provider says that there is no week: the 5-hour window alone limits.
    pub lacks_week: bool,
    /// Used share of the 5-hour window.
    pub short: f64,
    /// Its end; `None` while closed.
    pub short_ends: Option<f64>,
    /// Used share of the week.
    pub long: f64,
    /// Its end; `None` before the first reading.
    pub long_ends: Option<f64>,
    /// The instant the last reading spoke of.
    pub seen_at: Option<f64>,
    /// That reading named a reset that had passed by then, and use: the next one will know better.
    pub unsettled: bool,
    /// Refused work until then.
    pub full_until: f64,
    /// When it last did; readings from before do not undo it.
    pub refused_at: Option<f64>,
    /// The window that did.
    pub refused_by: Option<WindowKind>,
    /// The lane that last went away from it, and when: what it used after the last reading shows up in the
    /// next one, maybe hours later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<(LaneId, f64)>,
    /// Login refused; do not try before.
    pub dead_until: f64,
    /// Weekly buckets of models.
    pub models: Vec<Bucket>,
    /// The believed shares right after the last reading, for increments.
    pub anchor: Option<Anchor>,
    /// Where the week alone is told: the reading at which its share last grew, minutes, and the share.
    pub stepped: Option<(f64, f64)>,
    /// Minutes that its last percent took.
    pub step_min: f64,
    /// Sum of increments of the 5-hour share while both windows stayed the same.
    pub sum_short: f64,
    /// Sum of the matching increments of the weekly share.
    pub sum_long: f64,
}

/// Beliefs at the instant of a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    /// Minutes since the epoch.
    pub at: f64,
    /// 5-hour share.
    pub short: f64,
    /// Its end.
    pub short_ends: Option<f64>,
    /// Weekly share.
    pub long: f64,
    /// Its end.
    pub long_ends: Option<f64>,
    /// The raw 5-hour reading.
    pub raw_short: f64,
    /// The raw weekly reading.
    pub raw_long: f64,
}

/// A weekly bucket of one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The model.
    pub model: String,
    /// Used share, percent.
    pub used: f64,
    /// Sum of increments of this bucket.
    pub sum: f64,
    /// Sum of the account's weekly increments over the same spans.
    pub sum_long: f64,
}

/// What a reading taught.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lesson {
    /// Units used since the reading before.
    pub units: f64,
    /// From when.
    pub from: f64,
    /// Until when.
    pub to: f64,
    /// The reading itself tells of work: what the belief adds is no sign of any.
    pub grew: bool,
    /// The reading fell below an earlier one of the same window by this much, percent.
    pub drop: f64,
}

impl Gauge {
    pub(crate) fn new(account: &Account) -> Self {
        Self { weight: account.plan.size(), ..Self::default() }
    }

    /// Takes over the plan's size. What was learned of another plan's windows says nothing of these.
    pub(crate) fn resize(&mut self, weight: f64) {
        if self.weight == weight {
            return;
        }
        self.weight = weight;
        self.relearn();
    }

    /// The windows have other sizes than before: what they filled by is no measure of these.
    pub(crate) fn relearn(&mut self) {
        (self.sum_short, self.sum_long) = (0.0, 0.0);
        for bucket in &mut self.models {
            (bucket.sum, bucket.sum_long) = (0.0, 0.0);
        }
    }

    /// Weekly capacity over 5-hour capacity, learned from matching increments.
    pub(crate) fn ratio(&self) -> f64 {
        capacity_ratio(self.sum_short, self.sum_long)
    }

    /// Lets time pass: ended windows are empty.
    pub(crate) fn advance(&mut self, now: f64) {
        if self.short_ends.is_some_and(|end| now >= end) {
            self.short_ends = None;
            self.short = 0.0;
        }
        if let Some(end) = self.long_ends.filter(|&end| now >= end) {
            let span = self.spans().1;
            let turns = ((now - end) / span) as i64 + 1;
            self.long_ends = Some(end + turns as f64 * span);
            self.long = 0.0;
            self.models.iter_mut().for_each(|bucket| bucket.used = 0.0);
        }
    }

    /// The clock was set back: what it had seen end may not have, so the last reading counts again.
    pub(crate) fn rewind(&mut self, now: f64) {
        self.refused_at = self.refused_at.map(|at| at.min(now));
        self.left = self.left.map(|(lane, at)| (lane, at.min(now)));
        let Some(read) = &mut self.anchor else { return };
        read.at = read.at.min(now);
        (self.short, self.short_ends) = (read.short, read.short_ends);
        (self.long, self.long_ends) = (read.long, read.long_ends);
    }

    /// What the last reading left in the 5-hour window, used up by `now`: units, and since when.
    /// `None` when that reading is old.
    pub(crate) fn used_since_read(&self, now: f64) -> Option<(f64, f64)> {
        let read = self.anchor.filter(|read| now - read.at <= RECENT)?;
        let same = read.short_ends.is_some_and(|end| now < end);
        let left = 100.0 - if same { read.short } else { 0.0 };
        Some((left.max(0.0) * self.weight / 100.0, read.at))
    }

    /// Adds `units` of work done around `now`.
    pub(crate) fn burn(&mut self, units: f64, now: f64) {
        if units <= 0.0 {
            return;
        }
        let percent = 100.0 * units / self.weight;
        let long = percent / self.ratio();
        if !self.lacks_short {
            if self.short_ends.is_none() {
                self.short_ends = Some(now + self.spans().0);
                self.short = 0.0;
            }
            self.short = (self.short + percent).min(100.0);
        }
        if !self.lacks_week {
            self.long = (self.long + long).min(100.0);
        }
        for bucket in &mut self.models {
            let share = long * bucket.share();
            bucket.used = (bucket.used + share).min(100.0);
        }
    }

    /// Units left in the 5-hour window; without one it never runs out.
    pub(crate) fn short_left(&self) -> f64 {
        if self.lacks_short {
            return f64::INFINITY;
        }
        self.weight * (100.0 - self.short).max(0.0) / 100.0
    }

    /// Units left in the week, model buckets included.
    pub(crate) fn long_left(&self) -> f64 {
        let mut percent = (100.0 - self.long).max(0.0);
        for bucket in &self.models {
            percent = percent.min((100.0 - bucket.used).max(0.0) / bucket.share().max(0.2));
        }
        self.weight * self.ratio() * percent / 100.0
    }

    /// Units that can be used now.
    pub(crate) fn left(&self, now: f64) -> f64 {
        if now < self.full_until || now < self.dead_until {
            return 0.0;
        }
        self.short_left().min(self.long_left())
    }

    /// Reckoned to be used up much further than the last reading said: the belief wants another
    /// reading before the account is given up for hours.
    pub(crate) fn doubtful(&self, now: f64) -> bool {
        let refused = now < self.full_until || now < self.dead_until;
        let read = self.anchor.map_or(0.0, |anchor| anchor.raw_short);
        !refused && self.short - read > RECKONED_GAP
    }

    /// Units left by the last reading alone, however much was reckoned since.
    pub(crate) fn read_left(&self, now: f64) -> f64 {
        if now < self.full_until || now < self.dead_until || self.read_full(now) {
            return 0.0;
        }
        let Some(read) = self.anchor else { return 0.0 };
        // An end that is not known has not come.
        let used = |share: f64, ends: Option<f64>| match ends {
            Some(end) if end <= now => 0.0,
            Some(_) | None => share,
        };
        let long = (100.0 - used(read.raw_long, read.long_ends)) * self.ratio();
        let left = if self.lacks_short {
            long
        } else {
            long.min(100.0 - used(read.raw_short, read.short_ends))
        };
        self.weight * left.max(0.0) / 100.0
    }

    /// The last reading said full of a window that has not ended: not to be gone to, however much
    /// the belief, which allows for noise, would leave.
    pub(crate) fn read_full(&self, now: f64) -> bool {
        self.short_full(now) || self.long_full(now)
    }

    /// [`Self::read_full`] of the 5-hour window.
    pub(crate) fn short_full(&self, now: f64) -> bool {
        self.anchor.is_some_and(|read| full(read.raw_short, read.short_ends, now))
    }

    /// [`Self::read_full`] of the week.
    pub(crate) fn long_full(&self, now: f64) -> bool {
        self.anchor.is_some_and(|read| full(read.raw_long, read.long_ends, now))
    }

    /// No work to speak of can be done with it at `now`, as far as is known.
    pub(crate) fn spent(&self, now: f64) -> bool {
        let open = |end: Option<f64>| end.is_none_or(|end| now < end);
        let scrap =
            |used: f64, end: Option<f64>| used >= FULL_PERCENT - HORIZON_SCRAP_PERCENT && open(end);
        now < self.full_until
            || now < self.dead_until
            || self.read_full(now)
            || scrap(self.short, self.short_ends)
            || scrap(self.long, self.long_ends)
    }

    /// The account as a rollout takes it.
    pub(crate) fn slot(&self, now: f64) -> Slot {
        let (short_span, long_span) = self.spans();
        Slot {
            short_left: self.short_left(),
            short_cap: self.weight,
            short_ends: self.short_ends.unwrap_or(f64::NEG_INFINITY),
            long_left: self.long_left(),
            long_cap: self.weight * self.ratio(),
            long_ends: self.long_ends.unwrap_or(now + long_span),
            short_span,
            long_span,
            blocked_until: self.full_until.max(self.dead_until),
        }
    }

    /// How long the 5-hour window and the week run, minutes.
    pub(super) fn spans(&self) -> (f64, f64) {
        let or_prior =
            |known: Option<f64>, kind| known.unwrap_or_else(|| span::prior_s(&kind) / 60.0);
        (
            or_prior(self.short_span, WindowKind::FiveHour),
            or_prior(self.long_span, WindowKind::SevenDay),
        )
    }

    /// Takes over how long the account's windows run.
    pub(crate) fn measure(&mut self, usage: &Usage) {
        let minutes = |kind| {
            let span_s = usage.span_s(&kind);
            (span_s != span::prior_s(&kind)).then_some(span_s / 60.0)
        };
        self.short_span = minutes(WindowKind::FiveHour);
        self.long_span = minutes(WindowKind::SevenDay);
    }

    /// The provider took windows away, or brought them back: what was believed of one that is gone
    /// limits nothing.
    pub(crate) fn follow(&mut self, usage: &Usage) {
        let (lacks_short, lacks_week) =
            (usage.lacks(&WindowKind::FiveHour), usage.lacks(&WindowKind::SevenDay));
        if lacks_short && !self.lacks_short {
            (self.short, self.short_ends, self.stepped) = (0.0, None, None);
            if let Some(read) = &mut self.anchor {
                (read.short, read.short_ends, read.raw_short) = (0.0, None, 0.0);
            }
            self.forgive(&WindowKind::FiveHour);
        }
        if lacks_week && !self.lacks_week {
            (self.long, self.long_ends, self.stepped) = (0.0, None, None);
            if let Some(read) = &mut self.anchor {
                (read.long, read.long_ends, read.raw_long) = (0.0, None, 0.0);
            }
            self.forgive(&WindowKind::SevenDay);
        }
        (self.lacks_short, self.lacks_week) = (lacks_short, lacks_week);
    }

    /// The refusal of a window that is gone, or emptied, stands no longer.
    fn forgive(&mut self, kind: &WindowKind) {
        if self.refused_by.as_ref() == Some(kind) {
            self.full_until = 0.0;
        }
    }

    /// A window emptied before its reset, by a reading of `at`: a lesson over that would take the fall for
    /// noise, or for no work at all.
    pub(crate) fn fell(&mut self, kind: &WindowKind, at: f64) {
        let refused_since = self.refused_at.is_some_and(|refused| refused >= at);
        if refused_since && self.refused_by.as_ref() == Some(kind) {
            // The reading was on its way while work was refused, which is newer.
            (self.anchor, self.stepped) = (None, None);
            return;
        }
        match kind {
            WindowKind::FiveHour => (self.short, self.short_ends) = (0.0, None),
            WindowKind::SevenDay => (self.long, self.long_ends) = (0.0, None),
            WindowKind::Model(_) | WindowKind::Other(_) | WindowKind::Money(_) => return,
        }
        (self.anchor, self.stepped) = (None, None);
        self.forgive(kind);
    }

    /// Takes in a reading that was true at `at`; `burnt` units were added by belief since then.
    pub(crate) fn read(&mut self, usage: &Usage, at: f64, burnt: f64, slack: f64) -> Lesson {
        let before = self.anchor;
        let percent = 100.0 * burnt / self.weight.max(1e-9);
        let doubted = core::mem::take(&mut self.unsettled);
        if doubted && !is_open(&usage.short()) {
            // What was kept of a window that had ended by its own words is gone now.
            (self.short, self.short_ends) = (0.0, None);
        }
        self.read_short(&usage.short(), at, percent, slack);
        self.read_long(&usage.long(), at, percent / self.ratio(), slack);
        let back = Anchor {
            at,
            short: (self.short - percent).max(0.0),
            short_ends: self.short_ends,
            long: (self.long - percent / self.ratio()).max(0.0),
            long_ends: self.long_ends,
            raw_short: raw(&usage.short(), before.map(|it| (it.raw_short, it.short_ends)), at),
            raw_long: raw(&usage.long(), before.map(|it| (it.raw_long, it.long_ends)), at),
        };
        let mut lesson = before.map(|before| self.lesson(&before, &back)).unwrap_or_default();
        lesson.grew = before.is_some_and(|before| self.grew(&before, &back, slack));
        self.read_models(usage, before, &back);
        self.anchor = Some(back);
        self.seen_at = Some(at);
        if self.refused_at.is_none_or(|refused| refused < at) && !self.stands(usage) {
            self.full_until = 0.0;
        }
        lesson
    }

    /// Whether a reading agrees with the last refusal: the window that refused is still next to
    /// full. Readings are rounded and late, the refusal was not. A model's bucket bounds what is
    /// left by itself; other work may go on.
    fn stands(&self, usage: &Usage) -> bool {
        let Some(kind) = self.refused_by.as_ref().filter(|kind| kind.model().is_none()) else {
            return false;
        };
        usage.window(kind).used.is_none_or(|used| used.get() >= NEARLY_FULL_PERCENT)
    }

    fn read_short(&mut self, window: &Window, at: f64, burnt: f64, slack: f64) {
        let Some(used) = window.used.filter(|_| !self.lacks_short) else { return };
        let Some(ends) = self.short_end(window, at) else {
            // Whatever was reckoned before it was not used; what came after may have been.
            self.short = burnt.clamp(0.0, 100.0);
            self.short_ends = (burnt > 0.0).then_some(at + self.spans().0);
            return;
        };
        let same = same_end(self.short_ends, Some(ends));
        let then = if same { (self.short - burnt).max(0.0) } else { used.get() };
        let then = then.clamp(used.get() - slack, used.get() + slack);
        self.short = (then + burnt).clamp(0.0, 100.0);
        self.short_ends = Some(ends);
    }

    /// When the 5-hour window of a reading of `at` ends; `None` when it is not open. What is used has
    /// an end also where none is told, or only one that had passed: the one that is known, at the
    /// latest a whole window from the reading.
    fn short_end(&mut self, window: &Window, at: f64) -> Option<f64> {
        let told = window.resets_at.map(minutes);
        if let Some(end) = told.filter(|end| *end > at) {
            return Some(end);
        }
        if window.used.is_none_or(|used| used.get() <= 0.0) {
            return None;
        }
        self.unsettled |= told.is_some();
        let latest = at + self.spans().0;
        let known = self.short_ends.filter(|end| *end > at && *end <= latest);
        Some(known.unwrap_or(latest))
    }

    fn read_long(&mut self, window: &Window, at: f64, burnt: f64, slack: f64) {
        let Some(used) = window.used else { return };
        let mut ends = window.resets_at.map(minutes);
        let same = match (self.long_ends, ends) {
            (Some(known), Some(said)) => (known - said).abs() < 60.0,
            _ => false,
        };
        if let Some(end) = ends.filter(|end| *end <= at) {
            // A reading that is newer than the reset it names speaks of the week after it.
            self.unsettled |= used.get() > 0.0;
            let span = self.spans().1;
            ends = (1..=TURNS_MOST).map(|turn| end + f64::from(turn) * span).find(|end| *end > at);
        }
        let then = if same { (self.long - burnt).max(0.0) } else { used.get() };
        let then = then.clamp(used.get() - slack, used.get() + slack);
        self.long = (then + burnt).clamp(0.0, 100.0);
        if ends.is_some() {
            self.long_ends = ends;
        }
    }

    fn lesson(&mut self, before: &Anchor, back: &Anchor) -> Lesson {
        let same_long = same_end(before.long_ends, back.long_ends);
        if self.lacks_short {
            return self.coarse_lesson(before, back, same_long);
        }
        let same_short = same_end(before.short_ends, back.short_ends);
        let long = if same_long { (back.long - before.long).max(0.0) } else { back.long };
        let mut lesson = Lesson { from: before.at, to: back.at, ..Lesson::default() };
        if same_short {
            let short = (back.short - before.short).max(0.0);
            if same_long {
                self.sum_short += short;
                self.sum_long += long;
            }
            lesson.units = short * self.weight / 100.0;
            lesson.drop = (before.raw_short - back.raw_short).max(0.0);
        } else if before.short_ends.is_none() {
            lesson.units = back.short * self.weight / 100.0;
        } else {
            lesson.units = (back.short.max(long * self.ratio())) * self.weight / 100.0;
        }
        lesson
    }

    /// Whether a reading shows that work was done since the one before: a share rose by more than it may be
    /// off, or another window has begun. `slack` is half a percent and the noise.
    fn grew(&self, before: &Anchor, back: &Anchor, slack: f64) -> bool {
        let noise = 2.0 * (slack - 0.5);
        let rose =
            |then: f64, now: f64, same: bool| if same { now - then > noise } else { now > 0.0 };
        rose(before.raw_short, back.raw_short, same_end(before.short_ends, back.short_ends))
            || rose(before.raw_long, back.raw_long, same_end(before.long_ends, back.long_ends))
    }

    /// The week alone tells of the work, and its whole percents are hours of it in a large plan: several
    /// readings without a step are no pause. A lesson goes from one step to the next.
    fn coarse_lesson(&mut self, before: &Anchor, back: &Anchor, same_long: bool) -> Lesson {
        let (from, then) = match self.stepped {
            Some(stepped) if same_long => stepped,
            None if same_long => (before.at, before.raw_long),
            // Another week has begun since.
            Some(_) | None => (before.at, 0.0),
        };
        let (grown, gap) = (back.raw_long - then, back.at - from);
        let drop = if same_long { (before.raw_long - back.raw_long).max(0.0) } else { 0.0 };
        let patience = (STEPS_PATIENCE * self.step_min).clamp(PATIENCE_LEAST, PATIENCE_MOST);
        if grown < STEP && same_long && gap < patience {
            self.stepped = Some((from, then));
            return Lesson { from: back.at, to: back.at, drop, ..Lesson::default() };
        }
        self.stepped = Some((back.at, back.raw_long));
        if grown >= STEP {
            self.step_min = gap / grown;
        }
        let units = grown.max(0.0) * self.ratio() * self.weight / 100.0;
        Lesson { units, from, to: back.at, drop, ..Lesson::default() }
    }

    fn read_models(&mut self, usage: &Usage, before: Option<Anchor>, back: &Anchor) {
        for (name, said) in usage.models() {
            let Some(used) = said.window.used else { continue };
            let found = self.models.iter_mut().find(|bucket| bucket.model == name);
            let Some(bucket) = found else {
                let model = name.into();
                self.models.push(Bucket { model, used: used.get(), ..Bucket::default() });
                continue;
            };
            if let Some(before) = before
                && before.long_ends == back.long_ends
                && back.long > before.long
            {
                bucket.sum += (used.get() - bucket.used.min(used.get())).max(0.0);
                bucket.sum_long += back.long - before.long;
            }
            bucket.used = used.get();
        }
    }
}

impl Bucket {
    /// Percent of this bucket per percent of the account's week.
    pub(crate) fn share(&self) -> f64 {
        (self.sum + 1.0) / (self.sum_long + 1.0)
    }
}

/// Two readings tell of one window: as far as both name an end, it is the same.
fn same_end(one: Option<f64>, other: Option<f64>) -> bool {
    one.zip(other).is_some_and(|(one, other)| (one - other).abs() < SAME_END)
}

/// What was read of a window: a reading of `at` that leaves it out says nothing of it, and what was
/// read `before`, with its end, has ended by its own words.
fn raw(window: &Window, before: Option<(f64, Option<f64>)>, at: f64) -> f64 {
    let before = before.filter(|(_, ends)| ends.is_none_or(|end| at < end));
    window.used.map(Percent::get).or(before.map(|(used, _)| used)).unwrap_or(0.0)
}

/// A share that was read as full, of a window that ends at `ends`: an end that is not known has not
/// come.
fn full(read: f64, ends: Option<f64>, now: f64) -> bool {
    read >= READ_FULL_PERCENT && ends.is_none_or(|end| now < end)
}

fn is_open(window: &Window) -> bool {
    window.resets_at.is_some() || window.used.is_none_or(|used| used.get() > 0.0)
}
