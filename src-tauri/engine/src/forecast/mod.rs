//! How much of each window will be left at its reset, and when the live one is full.
//!
//! The forecast is a plain calculation with a measured error. Expected work comes from what the pool
//! used in the same hours of past weeks, or from the work calendar where there is no past. It is given to
//! the accounts with the earliest weekly reset first, each as much as its 5-hour windows let through. The
//! outcomes of earlier forecasts say how far to trust this one.

mod cells;
mod hours;
mod prior;
mod record;
mod track;

pub use hours::Hours;
pub use record::Record;
pub use track::Track;

use crate::account::Account;
use crate::calendar::Calendar;
use crate::lane::Lane;
use crate::provider::Provider;
use crate::units::{AccountId, Utc};
use crate::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A forecast of the weekly window is made, and later judged, so many hours ahead.
const WEEK_AHEAD_H: [f64; cells::AHEAD] = [96.0, 48.0, 24.0, 12.0, 6.0];
/// The same of the 5-hour window.
const SHORT_AHEAD_H: [f64; cells::AHEAD] = [4.0, 2.0, 1.0, 0.5, 0.25];
/// Share of the pool's weekly capacity that is expected to be used where nothing is known.
const GUESS: f64 = 0.35;
/// Hours looked ahead at most.
const HOURS_MAX: i64 = 170;

/// Which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The 5-hour window.
    FiveHour,
    /// The weekly window.
    SevenDay,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::FiveHour, Self::SevenDay];

    /// The same window, where one is forecast.
    #[must_use]
    pub fn of(kind: &WindowKind) -> Option<Self> {
        Self::ALL.into_iter().find(|own| WindowKind::from(*own) == *kind)
    }
}

impl From<Kind> for WindowKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::FiveHour => Self::FiveHour,
            Kind::SevenDay => Self::SevenDay,
        }
    }
}

/// What is expected to be left of one window at its reset, percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// The account that owns the window.
    pub account: AccountId,
    /// Which window.
    pub window: Kind,
    /// When it ends.
    pub resets_at: Utc,
    /// As likely more as less is left.
    pub p50: f64,
    /// With nine in ten at most this much is left.
    pub p90: f64,
    /// With three in five at least this much is left: what is worth announcing.
    pub likely: f64,
    /// Lower end of the band that holds nine in ten outcomes.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Share of the outcomes that at least what is announced was left in.
const LIKELY: f64 = 0.6;
/// What the band holds.
const fn band(window: Kind) -> f64 {
    match window {
        // Many of these windows are used not at all or wholly, and a band that names the one or the
        // other holds more than was asked of it.
        Kind::FiveHour => 0.85,
        Kind::SevenDay => 0.9,
    }
}

/// Two errors that are rarely at their worst together: the root of their squares, within a tenth.
fn both(one: f64, other: f64) -> f64 {
    let (small, great) = if one < other { (one, other) } else { (other, one) };
    great + 0.4 * small.max(0.0)
}

/// A window that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The account that owned the window.
    pub account: AccountId,
    /// Which window.
    pub window: Kind,
    /// When it ended.
    pub resets_at: Utc,
    /// What was left of it, percent.
    pub unused: f64,
    /// What the forecast of a day before (weekly) or an hour before (5-hour) had said: p50 and p90.
    pub foreseen: Option<(f64, f64)>,
}

/// When a window is full at the present pace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOut {
    /// The live account.
    pub account: AccountId,
    /// Which window is full first.
    pub window: Kind,
    /// The instant at which it is full.
    pub at: Utc,
}

/// What one window still allows and what work there is for it, percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Way {
    /// Left now.
    room: f64,
    /// Of this, what can be used before the reset.
    most: f64,
    /// Work that is expected to come to it.
    need: f64,
    /// A lane is on it.
    live: bool,
}

impl Way {
    fn fit(&self) -> f64 {
        if self.most > 0.0 { self.need / self.most } else { 0.0 }
    }

    /// Left at the reset, when this share of what can be used is used.
    fn left(&self, share: f64) -> f64 {
        (self.room - self.most * share).clamp(0.0, 100.0)
    }
}

/// What the instant looks like.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Every account.
    pub accounts: &'a [Account],
    /// Every lane.
    pub lanes: &'a [Lane],
    /// Working hours.
    pub calendar: &'a Calendar,
    /// The instant.
    pub now: Utc,
}

impl Scene<'_> {
    fn live(&self, account: AccountId) -> bool {
        self.lanes.iter().any(|lane| lane.active == Some(account))
    }

    /// Work may come to it.
    fn workable(&self, account: &Account) -> bool {
        let login = account.login.is_usable();
        account.enabled && login && (account.automatic || self.live(account.id))
    }
}

/// Everything learned; belongs into the ledger beside the engine's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    pools: BTreeMap<Provider, Hours>,
    tracks: BTreeMap<AccountId, Track>,
    /// Pace of the work that was seen last: percent of a 5-hour window a minute times its size.
    paces: BTreeMap<Provider, f64>,
    week: Record,
    short: Record,
}

impl Book {
    /// Takes in the account's newest reading.
    pub fn read(&mut self, account: &Account) {
        let track = self.tracks.entry(account.id).or_default();
        let Some(step) = track.read(&account.usage) else { return };
        let pace = track.pace(Kind::FiveHour) * account.plan.size();
        if pace > 0.0 {
            self.paces.insert(account.provider, pace);
        }
        let pool = self.pools.entry(account.provider).or_default();
        pool.add(step.used * account.plan.size(), step.from, step.to);
    }

    /// A window of the account emptied before its reset; told before the reading that says so.
    pub fn fell(&mut self, account: AccountId, kind: Kind) {
        if let Some(track) = self.tracks.get_mut(&account) {
            track.fell(kind);
        }
    }

    /// The account's plan is another one.
    pub fn replanned(&mut self, account: AccountId) {
        if let Some(track) = self.tracks.get_mut(&account) {
            track.replanned();
        }
    }

    /// Lets time pass: windows that have ended are judged and returned, forecasts that are due are
    /// made and kept until then. Accounts that are gone are forgotten.
    pub fn advance(&mut self, scene: &Scene<'_>) -> Vec<Ended> {
        for pool in self.pools.values_mut() {
            pool.advance(scene.now);
        }
        let known = |id: &AccountId| scene.accounts.iter().any(|account| account.id == *id);
        self.tracks.retain(|id, _| known(id));
        let mut ended = Vec::new();
        for (id, track) in &mut self.tracks {
            let account = scene.accounts.iter().find(|account| account.id == *id);
            let usual = account.and_then(|account| {
                self.paces.get(&account.provider).map(|pace| pace / account.plan.size())
            });
            track.mark(scene.live(*id), usual.unwrap_or(0.0), scene.now);
            for kind in Kind::ALL {
                let Some(closed) = track.close(*id, kind, scene.now) else { continue };
                let record = if kind == Kind::SevenDay { &mut self.week } else { &mut self.short };
                for (cell, share) in closed.judged {
                    record.keep(cell, share);
                }
                ended.extend(closed.ended);
            }
        }
        self.promise(scene);
        ended
    }

    /// Keeps the forecasts that fall due now, to be judged when their windows end.
    fn promise(&mut self, scene: &Scene<'_>) {
        let due = self
            .tracks
            .iter()
            .any(|(_, track)| Kind::ALL.iter().any(|kind| track.due(*kind, scene.now).is_some()));
        if !due {
            return;
        }
        for (account, kind, way) in self.ways(scene) {
            let Some(track) = self.tracks.get(&account) else { continue };
            let Some((ahead, reset)) = track.due(kind, scene.now) else { continue };
            let cell = cells::cell(ahead, &way);
            let shares = self.record(kind).shares(kind, cell);
            let said = (way.left(shares.quantile(0.5)), way.left(shares.quantile(0.1)));
            if let Some(track) = self.tracks.get_mut(&account) {
                track.promise(kind, ahead, reset, cell, &way, said);
            }
        }
    }

    /// The forecast of every open window whose numbers are known well enough, in the order of the accounts.
    #[must_use]
    pub fn outlooks(&self, scene: &Scene<'_>) -> Vec<Outlook> {
        let ways = self.ways(scene);
        let made = ways.into_iter().filter_map(|(account, window, way)| {
            let track = self.tracks.get(&account)?;
            let (_, resets_at) = track.window(window, scene.now)?;
            if !track.fresh(window, way.live) {
                return None;
            }
            let cell = cells::cell(ahead(window, scene.now, resets_at), &way);
            let shares = self.record(window).shares(window, cell);
            let left = |share| way.left(shares.quantile(share));
            let (least, most) = shares.shortest(band(window));
            let (p50, doubt) = (left(0.5), track.doubt(window));
            let over = |most: f64| (p50 + both(most - p50, doubt)).min(100.0);
            let p90 = over(left(0.1));
            Some(Outlook {
                account,
                window,
                resets_at,
                p50,
                p90,
                likely: left(LIKELY),
                low: (p50 - both(p50 - way.left(most), doubt)).max(0.0),
                // A band that is asked for less than nine in ten may end below the ninth.
                high: over(way.left(least)).max(p90),
            })
        });
        made.collect()
    }

    /// When an account is full if work goes on at the pace of the last half hour; `None` when
    /// nothing moves, or the windows empty before.
    #[must_use]
    pub fn run_out(&self, account: AccountId, now: Utc) -> Option<RunOut> {
        let track = self.tracks.get(&account)?;
        let full = Kind::ALL.into_iter().filter_map(|window| {
            let at = track.full_at(window, now)?;
            Some(RunOut { account, window, at })
        });
        full.min_by_key(|found| found.at)
    }

    fn record(&self, kind: Kind) -> &Record {
        match kind {
            Kind::FiveHour => &self.short,
            Kind::SevenDay => &self.week,
        }
    }

    /// What every open window allows and what comes to it.
    fn ways(&self, scene: &Scene<'_>) -> Vec<(AccountId, Kind, Way)> {
        let mut ways = Vec::new();
        for provider in Provider::ALL {
            self.pool_ways(provider, scene, &mut ways);
        }
        ways
    }

    fn pool_ways(
        &self,
        provider: Provider,
        scene: &Scene<'_>,
        ways: &mut Vec<(AccountId, Kind, Way)>,
    ) {
        let mut pool: Vec<(&Account, &Track)> = scene
            .accounts
            .iter()
            .filter(|account| account.provider == provider)
            .filter_map(|account| Some((account, self.tracks.get(&account.id)?)))
            .collect();
        let ends = |track: &Track| {
            track.window(Kind::SevenDay, scene.now).map_or(Utc(i64::MAX), |(_, reset)| reset)
        };
        pool.sort_by_key(|(account, track)| (ends(track), account.id));
        let capacity: f64 = pool.iter().map(|(account, _)| 100.0 * account.plan.size()).sum();
        let guess = GUESS * capacity / hours::WEEK as f64;
        let unknown = Hours::default();
        let past = self.pools.get(&provider).unwrap_or(&unknown);
        let expected = past.expect(scene.now, HOURS_MAX, guess, scene.calendar);
        let mut given = 0.0;
        for (account, track) in pool {
            let live = scene.live(account.id);
            if let Some((used, reset)) = track.window(Kind::SevenDay, scene.now) {
                let room = (100.0 - used).max(0.0);
                let most = track.most_weekly(room, reset, scene.now);
                let need =
                    (within(&expected, scene.now, reset) - given).max(0.0) / account.plan.size();
                let way = Way { room, most, need, live };
                let way = if scene.workable(account) { way } else { Way { most: 0.0, ..way } };
                given += way.need.min(way.most) * account.plan.size();
                ways.push((account.id, Kind::SevenDay, way));
            }
            if let Some((used, reset)) = track.window(Kind::FiveHour, scene.now) {
                let room = (100.0 - used).max(0.0);
                let most = if scene.workable(account) { track.most_short(room) } else { 0.0 };
                let pace = if live { track.pace(Kind::FiveHour) } else { 0.0 };
                let need = pace * reset.seconds_since(scene.now) / 60.0;
                ways.push((account.id, Kind::FiveHour, Way { room, most, need, live }));
            }
        }
    }
}

/// Expected use in `[now, until)`, of hours counted from the one of `now` on.
fn within(expected: &[f64], now: Utc, until: Utc) -> f64 {
    let begun = now.seconds_since(Utc::from_seconds(hours::hour(now) * 3_600)) / 3_600.0;
    let mut left = (until.seconds_since(now) / 3_600.0).max(0.0);
    let mut sum = 0.0;
    for (index, hour) in expected.iter().enumerate() {
        let here = (if index == 0 { 1.0 - begun } else { 1.0 }).min(left);
        sum += hour * here;
        left -= here;
        if left <= 0.0 {
            break;
        }
    }
    sum
}

/// How far ahead a forecast of a window that ends then is, as its place in the list of leads.
fn ahead(kind: Kind, now: Utc, reset: Utc) -> usize {
    let leads = leads(kind);
    let hours = reset.seconds_since(now) / 3_600.0;
    // A forecast belongs to the lead it is nearest to from above.
    leads[1..].iter().filter(|lead| hours <= **lead * 1.4).count()
}

const fn leads(kind: Kind) -> &'static [f64; cells::AHEAD] {
    match kind {
        Kind::FiveHour => &SHORT_AHEAD_H,
        Kind::SevenDay => &WEEK_AHEAD_H,
    }
}
