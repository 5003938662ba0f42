//! Who the plan means to have live over the coming week, kept between decisions for those who look.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use sluice_engine::{AccountId, LaneId, Stretch, Utc, World};
use sluice_protocol::{SpanView, StretchView, WeekView};

/// A plan that was told is told anew at a decision this much later, or when another account is meant.
const AGAIN_S: f64 = 900.0;
/// Older than this it is no plan any more.
const OLD_S: f64 = 6.0 * 3_600.0;
/// Stretches begin and end on a full quarter of an hour: a plan is no timetable.
const QUARTER_MS: i64 = 900_000;
/// Days ahead whose working hours are told.
const DAYS: i64 = 7;

/// A lane's plan.
#[derive(Clone, Debug)]
struct Told {
    at: Utc,
    /// The account that was live then.
    from: Option<AccountId>,
    /// The one that the plan begins with.
    first: Option<AccountId>,
    stretches: Vec<Stretch>,
}

/// The last plan of each lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weeks {
    known: BTreeMap<LaneId, Told>,
}

impl Weeks {
    /// The lane has decided to go to `to`, or to stay.
    pub(super) fn decided(&mut self, world: &World, lane: LaneId, to: Option<AccountId>, now: Utc) {
        let active = world.lanes.iter().find(|one| one.id == lane).and_then(|one| one.active);
        let (from, first) = (active, to.or(active));
        let stands = self.known.get(&lane).is_some_and(|told| {
            (told.from, told.first) == (from, first)
                && (0.0..AGAIN_S).contains(&now.seconds_since(told.at))
        });
        if !stands {
            let stretches = world.course(lane, to, now);
            self.known.insert(lane, Told { at: now, from, first, stretches });
        }
    }

    /// The plan of the lane, unless somebody else is live by now: the next decision makes a new one.
    fn of(&self, (lane, live): (LaneId, Option<AccountId>), now: Utc) -> &[Stretch] {
        let stands = |told: &&Told| {
            (told.first == live || told.from == live) && now.seconds_since(told.at) < OLD_S
        };
        self.known.get(&lane).filter(stands).map_or(&[], |told| &told.stretches)
    }

    /// The coming week of these lanes, each with the account that is live there.
    pub(crate) fn view(
        &self,
        world: &World,
        lanes: impl Iterator<Item = (LaneId, Option<AccountId>)>,
        now: Utc,
    ) -> WeekView {
        let stretches = lanes.flat_map(|lane| self.of(lane, now)).map(shown);
        let end = now.plus_seconds(DAYS * 86_400);
        let ahead = world.calendar.spans.iter().filter(|span| span.1 > now && span.0 < end);
        let work =
            |span: &(Utc, Utc)| SpanView { from_ms: span.0.millis(), until_ms: span.1.millis() };
        WeekView {
            stretches: stretches.filter(|one| one.until_ms > one.from_ms).collect(),
            work: ahead.map(work).collect(),
        }
    }
}

fn shown(stretch: &Stretch) -> StretchView {
    let quarter = |at: Utc| at.millis().div_euclid(QUARTER_MS) * QUARTER_MS;
    StretchView {
        account: stretch.account,
        from_ms: quarter(stretch.from),
        until_ms: quarter(stretch.until),
    }
}
