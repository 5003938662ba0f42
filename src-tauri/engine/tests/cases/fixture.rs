//! Worlds of few words.

use chrono::{DateTime, Days};
use chrono_tz::Tz;
use sluice_core::calendar::{WorkCalendar, WorkSpan, expand_days};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::survey::Survey;
use sluice_engine::{
    Account, AccountId, Action, Calendar, Decision, Gates, Generation, Lane, LaneId, Login, Memory,
    Mono, Now, Observation, Percent, Plan, Provider, Refusal, Rules, Settlement, Source, Usage,
    Utc, Window, World,
};

pub const LANE: LaneId = LaneId(1);

/// Instant of an ISO text.
pub fn at(text: &str) -> Utc {
    Utc(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
}

/// The cases' now.
pub fn now() -> Utc {
    at("2026-05-04T12:00:00Z")
}

pub fn clocks(wall: Utc) -> Now {
    Now { wall, mono: Mono(wall.millis()) }
}

/// `hours` after `now()`, exact to the second.
pub fn in_hours(hours: f64) -> Utc {
    now().plus_seconds((hours * 3600.0).round() as i64)
}

pub fn in_minutes(minutes: f64) -> Utc {
    in_hours(minutes / 60.0)
}

/// Working hours `from`–`to` (minutes of the day) each day around the cases' now, in UTC.
pub fn calendar(from: u16, to: u16) -> Calendar {
    let day = DateTime::from_timestamp_micros(now().0).unwrap().date_naive();
    let (first, last) = (day - Days::new(8), day + Days::new(16));
    expand_days(&WorkCalendar::daily(WorkSpan { from, to }, 0..7), Tz::UTC, first, last)
}

/// 06:00 to 23:00.
pub fn ordinary() -> Calendar {
    calendar(6 * 60, 23 * 60)
}

/// The cases' default account: 5h 0, 7d 0, no resets, plan `max`, all in order.
pub fn account(id: i64) -> Account {
    let zero = Window { used: Percent::new(0.0), resets_at: None };
    Account {
        id: AccountId(id),
        provider: Provider::Claude,
        plan: Plan { subscription: Some("max".into()), ..Plan::default() },
        enabled: true,
        automatic: true,
        login: Login::Valid,
        failures: 0,
        usage: Usage { observed_at: Some(now()), ..Usage::of(zero, zero) },
        position: id,
    }
}

/// Chained changes of an account.
pub trait With: Sized {
    fn week(self, used: f64, reset: Utc) -> Self;
    fn short(self, used: f64, reset: Option<Utc>) -> Self;
    fn with(self, change: impl FnOnce(&mut Account)) -> Self;
}

impl With for Account {
    fn week(mut self, used: f64, reset: Utc) -> Self {
        *self.usage.of_kind(&WindowKind::SevenDay) =
            Window { used: Percent::new(used), resets_at: Some(reset) };
        self
    }
    fn short(mut self, used: f64, reset: Option<Utc>) -> Self {
        *self.usage.of_kind(&WindowKind::FiveHour) =
            Window { used: Percent::new(used), resets_at: reset };
        self
    }
    fn with(mut self, change: impl FnOnce(&mut Account)) -> Self {
        change(&mut self);
        self
    }
}

/// A world under these rules, account 1 active.
pub fn world(rules: Rules, accounts: Vec<Account>) -> World {
    let lane = Lane {
        id: LANE,
        provider: Provider::Claude,
        active: Some(AccountId(1)),
        generation: Generation::default(),
        model: None,
        gates: Gates::default(),
    };
    World { accounts, lanes: vec![lane], calendar: ordinary(), rules, ..World::default() }
}

pub fn seed(accounts: Vec<Account>) -> World {
    world(Rules::seed(), accounts)
}

pub fn modern(accounts: Vec<Account>) -> World {
    world(Rules::default(), accounts)
}

/// What the tests do with a world.
pub trait Play {
    fn remember(self, id: i64, tier: u8) -> Self;
    fn tick(&mut self, at: Utc) -> Decision;
    fn commit(&mut self, to: i64, by_person: bool, at: Utc);
    fn tell(&mut self, id: i64, fact: Fact, at: Utc);
    fn best(&self) -> Option<i64>;
    fn refusal(&self, id: i64) -> Refusal;
    fn gates(&mut self) -> &mut Gates;
    fn account_mut(&mut self, id: i64) -> &mut Account;
}

impl Play for World {
    fn remember(mut self, id: i64, tier: u8) -> Self {
        let memory = Memory { tier: Some(tier), ..Memory::default() };
        self.memory.insert(AccountId(id), memory);
        self
    }
    fn tick(&mut self, at: Utc) -> Decision {
        self.decide(LANE, clocks(at))
    }
    fn commit(&mut self, to: i64, by_person: bool, at: Utc) {
        let to = AccountId(to);
        self.settle(LANE, Settlement::Committed { to, by_person }, clocks(at));
    }
    fn tell(&mut self, id: i64, fact: Fact, at: Utc) {
        let observation =
            Observation { account: AccountId(id), at, source: Source::Endpoint, fact };
        self.observe(&observation, clocks(at));
    }
    /// The best candidate by pace.
    fn best(&self) -> Option<i64> {
        let survey = self.survey(now());
        let active = self.lanes[0].active;
        let best = survey.eligible().find(|standing| Some(standing.id) != active);
        best.map(|standing| standing.id.0)
    }
    fn refusal(&self, id: i64) -> Refusal {
        self.survey(now()).find(AccountId(id)).unwrap().refusal
    }
    fn gates(&mut self) -> &mut Gates {
        &mut self.lanes[0].gates
    }
    fn account_mut(&mut self, id: i64) -> &mut Account {
        self.accounts.iter_mut().find(|account| account.id == AccountId(id)).unwrap()
    }
}

/// Where the decision goes.
pub fn target(decision: &Decision) -> Option<i64> {
    match decision.action {
        Action::Swap { to } => Some(to.0),
        Action::Stay => None,
    }
}

pub fn survey(world: &World) -> Survey {
    world.survey(now())
}

pub fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-3
}
