//! What the planner has learned, and how time and observations change it. It is stored, so that a restart
//! forgets nothing.

pub(crate) mod demand;
pub(crate) mod gauge;
pub(crate) mod index;
pub(crate) mod slot;
pub(crate) mod tuning;

use crate::account::{Account, Login};
use crate::fall::Fall;
use crate::lane::Lane;
use crate::limits::FULL_PERCENT;
use crate::observation::{Fact, Observation};
use crate::units::{AccountId, LaneId, Now};
use crate::usage::Usage;
use crate::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
pub use demand::History;
pub use gauge::{Anchor, Bucket, Gauge};
use gauge::{Lesson, minutes};
use index::Index;
use serde::{Deserialize, Serialize};
pub use tuning::Tuning;

/// Minutes without a look after which time counts as unwatched.
const UNWATCHED: f64 = 15.0;
/// No work uses up a whole 5-hour window in fewer minutes.
const FASTEST: f64 = 10.0;
/// A reading says how fast work is from so many minutes on.
const CALM: f64 = 2.0;
/// Minutes until work goes on after a refusal.
const STANDSTILL: f64 = 5.0;
/// Minutes a refused login is left alone.
const DEAD: f64 = 30.0;
/// Dry pools this close together are one episode, minutes.
const EPISODE: f64 = 90.0;

/// What the planner has learned of accounts, lanes and demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Beliefs about accounts.
    pub gauges: BTreeMap<AccountId, Gauge>,
    /// Beliefs about lanes.
    pub lanes: BTreeMap<LaneId, LaneBelief>,
    /// Half width of the readings' noise, percent, learned from readings that fell.
    pub noise: f64,
    /// How often the whole pool ran dry lately; halves in some days.
    pub pressure: f64,
    /// When it last counted.
    pub last_dry: Option<f64>,
    /// When an answer (or a refusal to answer) last came, per account.
    pub asked: BTreeMap<AccountId, f64>,
    /// Failed reads in a row, per account.
    pub errors: BTreeMap<AccountId, u32>,
    /// The planner's constants.
    pub tuning: Tuning,
    /// Time passed unwatched (the machine slept, or its clock was set) until then; readings from
    /// before bear no voluntary move.
    pub woke_at: Option<f64>,
    /// Believed up to this minute.
    pub clock: Option<f64>,
    /// Grows with each fact.
    #[serde(skip)]
    pub(crate) revision: u64,
    /// The pool at the last instant decided at.
    #[serde(skip)]
    pub(crate) index: Index,
}

/// What is believed of one lane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneBelief {
    /// The account it was on when last looked at.
    pub active: Option<AccountId>,
    /// Since when, minutes.
    pub since: f64,
    /// Units per minute.
    pub rate: f64,
    /// The rate before a refusal made it larger; until a reading agrees, that is a guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hurried_from: Option<f64>,
    /// The last sign of work.
    pub last_use: Option<f64>,
    /// Not planned again before.
    pub next_plan: f64,
    /// The account the last plan wanted the lane to leave, though nothing forces it.
    pub wants_off: Option<AccountId>,
    /// The last refusal of work.
    pub refused_at: Option<f64>,
    /// Work was seen to begin; plan at once.
    pub woke: bool,
    /// Account, and units the last plan saw gained by going there.
    pub values: Vec<(AccountId, f64)>,
    /// Past demand.
    pub history: History,
}

impl LaneBelief {
    /// Whether work was seen in the last `within` minutes.
    pub(crate) fn worked(&self, now: f64, within: f64) -> bool {
        self.last_use.is_some_and(|last| now - last <= within)
    }
}

impl State {
    /// Takes in one fact.
    pub fn observe(&mut self, accounts: &[Account], observation: &Observation, now: Now) {
        if matches!(observation.fact, Fact::Usage(_)) && observation.undatable(now) {
            return;
        }
        let id = observation.account;
        let now = minutes(now.wall);
        let at = minutes(observation.at).min(now);
        let Some(account) = accounts.iter().find(|account| account.id == id) else { return };
        let gauge = self.gauges.entry(id).or_insert_with(|| Gauge::new(account));
        gauge.resize(account.plan.size());
        gauge.follow(&account.usage);
        gauge.measure(&account.usage);
        self.revision += 1;
        match &observation.fact {
            Fact::Usage(_) => {
                let asked = self.asked.get(&id).copied().filter(|asked| *asked <= now);
                self.asked.insert(id, asked.map_or(at, |asked| asked.max(at)));
                self.errors.remove(&id);
            }
            Fact::Verdict(_) => {
                self.asked.insert(id, now);
            }
            Fact::Unreachable | Fact::Throttled { .. } | Fact::Login(Login::NeedsSignIn) => {
                self.asked.insert(id, now);
                *self.errors.entry(id).or_default() += 1;
            }
            _ => {}
        }
        match &observation.fact {
            Fact::Usage(usage) => self.read(id, usage, at, now),
            Fact::LimitHit { resets_at, window } => {
                self.refused(id, window, resets_at.map(minutes), now);
            }
            Fact::Login(Login::Valid) => gauge.dead_until = 0.0,
            Fact::Login(Login::Unverified) => {}
            Fact::Login(Login::NeedsSignIn | Login::Missing) => gauge.dead_until = now + DEAD,
            Fact::Closed { .. }
            | Fact::Verdict(_)
            | Fact::Unreachable
            | Fact::Throttled { .. }
            | Fact::Plan(_)
            | Fact::Resets(_) => {}
        }
    }

    /// The account's windows have other sizes than before.
    pub(crate) fn relearn(&mut self, id: AccountId) {
        if let Some(gauge) = self.gauges.get_mut(&id) {
            gauge.relearn();
        }
    }

    /// Windows of the account emptied before their reset: the next reading begins anew.
    pub(crate) fn fell(&mut self, id: AccountId, falls: &[Fall]) {
        let Some(gauge) = self.gauges.get_mut(&id) else { return };
        falls.iter().for_each(|fall| gauge.fell(&fall.kind, minutes(fall.at)));
    }

    /// Brings beliefs to `now` (minutes) before the lane at `position` decides: windows end,
    /// working lanes burn.
    pub(crate) fn advance(&mut self, lanes: &[Lane], position: usize, now: f64) {
        let gap = now - self.clock.unwrap_or(now);
        if self.clock == Some(now) {
            self.sync(&lanes[position], now);
            return;
        }
        self.clock = Some(now);
        for lane in lanes {
            self.sync(lane, now);
        }
        if gap < 0.0 {
            self.woke_at = None;
            self.rewind(now);
        }
        if !(0.0..=UNWATCHED).contains(&gap) {
            self.woke_at = Some(now);
        }
        for gauge in self.gauges.values_mut() {
            gauge.advance(now);
        }
        if gap > UNWATCHED {
            return;
        }
        for lane in lanes {
            self.burn(lane, gap.max(0.0), now);
        }
    }

    fn sync(&mut self, lane: &Lane, now: f64) {
        let belief = self.lanes.entry(lane.id).or_default();
        belief.history.advance(now);
        if belief.active != lane.active {
            let before = core::mem::replace(&mut belief.active, lane.active);
            if let Some(gauge) = before.and_then(|id| self.gauges.get_mut(&id)) {
                gauge.left = Some((lane.id, now));
            }
            belief.since = now;
            belief.woke = false;
        }
    }

    fn burn(&mut self, lane: &Lane, gap: f64, now: f64) {
        let Some(belief) = self.lanes.get(&lane.id) else { return };
        let Some(gauge) = lane.active.and_then(|id| self.gauges.get_mut(&id)) else { return };
        if belief.worked(now, 60.0) && belief.rate > 0.0 {
            gauge.burn((belief.rate * gap).min(gauge.left(now)), now);
        }
    }

    /// The wall clock was set back: nothing may lie in the future but resets.
    fn rewind(&mut self, now: f64) {
        for lane in self.lanes.values_mut() {
            lane.since = lane.since.min(now);
            lane.next_plan = lane.next_plan.min(now);
            lane.last_use = lane.last_use.filter(|at| *at <= now);
            lane.refused_at = lane.refused_at.filter(|at| *at <= now);
        }
        for gauge in self.gauges.values_mut() {
            gauge.dead_until = gauge.dead_until.min(now + DEAD);
            gauge.seen_at = gauge.seen_at.filter(|at| *at <= now);
            gauge.rewind(now);
        }
        // Whose reading cannot be dated any more is read again at once.
        let gauges = &self.gauges;
        self.asked.retain(|id, _| gauges.get(id).is_some_and(|gauge| gauge.seen_at.is_some()));
        for asked in self.asked.values_mut() {
            *asked = asked.min(now);
        }
        self.last_dry = self.last_dry.map(|at| at.min(now));
    }

    /// Pressure as it has decayed by `now`, minutes.
    pub(crate) fn pressure_at(&self, now: f64) -> f64 {
        let age = self.last_dry.map_or(0.0, |last| (now - last).max(0.0));
        halved(self.pressure, age, self.tuning.pressure_half_days * 1440.0)
    }

    /// Keeps what a plan came to.
    pub(crate) fn planned(
        &mut self,
        lane: LaneId,
        now: f64,
        next: f64,
        values: Vec<(AccountId, f64)>,
        dry: Option<bool>,
        wants_off: Option<AccountId>,
    ) {
        if dry == Some(true) && self.last_dry.is_none_or(|last| now - last >= EPISODE) {
            self.pressure = self.pressure_at(now) + 1.0;
            self.last_dry = Some(now);
        }
        if let Some(belief) = self.lanes.get_mut(&lane) {
            belief.woke = false;
            belief.next_plan = next;
            belief.wants_off = wants_off;
            if !values.is_empty() {
                belief.values = values;
            }
        }
    }

    fn read(&mut self, id: AccountId, usage: &Usage, at: f64, now: f64) {
        let Some(gauge) = self.gauges.get_mut(&id) else { return };
        // A newer one is known; what lies ahead is from before the clock was set back.
        if gauge.seen_at.is_some_and(|seen| at < seen && seen <= now) {
            return;
        }
        let users = self.lanes.values().filter(|lane| lane.active == Some(id));
        let rate: f64 = users.clone().map(|lane| lane.rate).sum();
        let count = users.count().max(1) as f64;
        let burnt = if rate > 0.0 { rate * (now - at).clamp(0.0, 15.0) } else { 0.0 };
        let slack = 0.5 + self.noise;
        let left = gauge.left.take_if(|left| left.1 <= at);
        let lesson = gauge.read(usage, at, burnt, slack);
        self.noise = (self.noise * 0.995).max(lesson.drop.min(6.0) / 2.0);
        // The growth since a reading from before a lane went away is that lane's work: who came since has
        // not worked because of it.
        let left = left.filter(|(_, at)| lesson.from < *at);
        let mut unclaimed = true;
        for lane in self.lanes.values_mut().filter(|lane| lane.active == Some(id)) {
            if left.is_some() && lane.since > lesson.from {
                continue;
            }
            unclaimed = false;
            let share = if rate > 0.0 { lane.rate / rate } else { 1.0 / count };
            lane.learn(&lesson, share, now, self.tuning.rate_tau_min);
        }
        if let Some((lane, at)) = left.filter(|_| unclaimed)
            && let Some(lane) = self.lanes.get_mut(&lane)
        {
            lane.history.add(lesson.units, lesson.from, at);
        }
    }

    fn refused(&mut self, id: AccountId, window: &WindowKind, resets_at: Option<f64>, now: f64) {
        let Some(gauge) = self.gauges.get_mut(&id) else { return };
        gauge.refused_at = Some(now);
        gauge.refused_by = Some(window.clone());
        let used = if *window == WindowKind::FiveHour { gauge.used_since_read(now) } else { None };
        match window {
            WindowKind::FiveHour => {
                gauge.short = FULL_PERCENT;
                gauge.short_ends = resets_at.or(gauge.short_ends).or(Some(now + gauge.spans().0));
                gauge.full_until = gauge.short_ends.unwrap_or(now);
            }
            WindowKind::SevenDay => {
                gauge.long = FULL_PERCENT;
                gauge.long_ends = resets_at.or(gauge.long_ends);
                gauge.full_until = gauge.long_ends.unwrap_or(now + 60.0);
            }
            WindowKind::Model(model) => {
                let named = gauge.models.iter_mut().find(|bucket| bucket.model == *model);
                if let Some(bucket) = named {
                    bucket.used = FULL_PERCENT;
                } else {
                    gauge.models.iter_mut().for_each(|bucket| bucket.used = FULL_PERCENT);
                }
                gauge.full_until = resets_at.unwrap_or(now + 60.0);
            }
            // It has no gauge of its own; it holds until it says.
            WindowKind::Other(_) | WindowKind::Money(_) => {
                gauge.full_until = resets_at.unwrap_or(now + 60.0);
            }
        }
        for lane in self.lanes.values_mut().filter(|lane| lane.active == Some(id)) {
            lane.refused_at = Some(now);
            lane.last_use = Some(now);
            lane.hurry(used, now, gauge.weight);
            lane.history.censor(now);
        }
    }
}

impl LaneBelief {
    /// A refusal came sooner than expected: `used` units since then are the least that was burnt, if
    /// the reading before was right. The next reading tells; until then it is believed as far as work
    /// can be that fast in an account of this size.
    fn hurry(&mut self, used: Option<(f64, f64)>, now: f64, weight: f64) {
        let Some((units, since)) = used else { return };
        let gap = now - since.max(self.since);
        if gap <= 0.5 {
            return;
        }
        let rate = (units / gap).min(weight / FASTEST);
        if rate > self.rate {
            let before = *self.hurried_from.get_or_insert(self.rate);
            self.hurried_from = Some(before.min(self.rate));
            self.rate = rate;
        }
    }

    /// A reading measured `fresh` units a minute: a guess that it does not bear out is taken back.
    fn calm(&mut self, fresh: f64) {
        if let Some(before) = self.hurried_from.take()
            && fresh < 0.5 * self.rate
        {
            self.rate = before.max(fresh);
        }
    }

    fn learn(&mut self, lesson: &Lesson, share: f64, now: f64, tau: f64) {
        let from = lesson.from.max(self.since);
        let gap = lesson.to - from;
        if gap < 0.5 || lesson.to <= self.since {
            return;
        }
        let units = lesson.units * share;
        let weight = gap / (gap + tau);
        // Work stands still for a while after it was refused: that says nothing of its pace.
        let still = self.refused_at.map_or(from, |at| from.max(at + STANDSTILL));
        if lesson.to - still >= CALM {
            self.calm(units / (lesson.to - still));
        }
        let idle = !self.worked(now, 20.0);
        if units > 1e-9 && (lesson.grew || !idle) {
            self.woke |= idle;
            let fresh = units / gap;
            self.rate = if idle { fresh } else { (1.0 - weight) * self.rate + weight * fresh };
            if lesson.grew {
                self.last_use = Some(lesson.to.max(self.last_use.unwrap_or(lesson.to)));
            }
            self.history.add(units, from, lesson.to);
        } else {
            let mut left = gap;
            while left > 0.0 {
                let part = left.min(1.0);
                self.rate *= 1.0 - part * 0.109;
                left -= 1.0;
            }
            if self.rate < 1e-4 {
                self.rate = 0.0;
            }
        }
    }
}

/// `value` after `age` with this half-life: whole halvings, and a straight line between them.
fn halved(value: f64, age: f64, half: f64) -> f64 {
    let (mut left, mut value) = (age, value);
    while left >= half && value > 1e-6 {
        value *= 0.5;
        left -= half;
    }
    value * (1.0 - 0.5 * (left / half).clamp(0.0, 1.0))
}
