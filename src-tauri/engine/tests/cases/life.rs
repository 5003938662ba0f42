//! Lives of small worlds: people who work, windows that fill and empty, reads that come late or not
//! at all, swaps that fail, clocks that jump. Everything follows from one seed.

use chrono::{DateTime, Days};
use chrono_tz::Tz;
use sluice_core::calendar::{WorkCalendar, WorkSpan, expand_days};
use sluice_engine::WindowKind;
use sluice_engine::observation::Fact;
use sluice_engine::{
    Account, AccountId, Action, Credits, Decision, Gates, Generation, Lane, LaneId, Login, Mono,
    Now, Observation, Percent, Plan, Provider, Rules, Settlement, Source, Usage, Utc, Window,
    World,
};

/// Seconds between two looks.
pub const STEP_S: i64 = 300;
const HOUR_S: i64 = 3_600;
const WEEK_S: i64 = 604_800;
/// Monday, 4 May 2026, noon.
const BEGIN: Utc = Utc::from_seconds(1_777_896_000);
/// Share of a week that a full 5-hour window burns.
const WEEK_SHARE: f64 = 0.12;

/// What the provider knows of an account.
struct Truth {
    short: f64,
    short_ends: Option<Utc>,
    week: f64,
    week_ends: Utc,
    model: Option<f64>,
    weight: f64,
    signed_out: bool,
}

/// A world and what is true in it.
pub struct Life {
    /// As the engine knows it.
    pub world: World,
    /// Both clocks.
    pub now: Utc,
    truths: Vec<Truth>,
    rng: fastrand::Rng,
}

impl Life {
    /// The life of this seed under these rules, shortly after its beginning.
    pub fn new(seed: u64, rules: Rules) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (accounts, lanes) = (rng.i64(2..8), rng.i64(1..4));
        let truths: Vec<Truth> = (0..accounts).map(|_| truth(&mut rng)).collect();
        let world = World {
            accounts: (1..).zip(&truths).map(|(id, truth)| account(&mut rng, id, truth)).collect(),
            lanes: (1..=lanes).map(|id| lane(id, id.min(accounts))).collect(),
            calendar: calendar(BEGIN),
            rules,
            ..World::default()
        };
        let mut life = Self { world, now: BEGIN, truths, rng };
        for id in 1..=accounts {
            life.read(id);
        }
        life
    }

    /// Both clocks now.
    pub fn clocks(&self) -> Now {
        Now { wall: self.now, mono: Mono(self.now.millis()) }
    }

    /// One look: the world moves on, what is due is read, every lane decides. `taken` sees the
    /// world before each decision, and the decision.
    pub fn step(&mut self, taken: &mut dyn FnMut(&World, Now, &Decision)) {
        self.now = self.now.plus_seconds(STEP_S);
        if self.now.0 % (24 * HOUR_S * 1_000_000) == 0 {
            self.world.calendar = calendar(self.now);
        }
        self.work();
        self.accident();
        for plan in self.world.polls(self.clocks()) {
            if plan.due <= self.now {
                let jitter = self.rng.f64() * 0.3 - 0.15;
                self.world.requested(plan.account, self.clocks(), jitter);
                self.answer(plan.account.0);
            }
        }
        for index in 0..self.world.lanes.len() {
            let (lane, now) = (self.world.lanes[index].id, self.clocks());
            let before = self.world.clone();
            let decision = self.world.decide(lane, now);
            taken(&before, now, &decision);
            if let Action::Swap { to } = decision.action {
                self.settle(lane, to);
            }
        }
    }

    fn settle(&mut self, lane: LaneId, to: AccountId) {
        let settlement = match self.rng.u8(0..20) {
            0 => Settlement::Failed,
            1 => Settlement::Unwritten { to },
            2 => Settlement::Stale,
            _ => Settlement::Committed { to, by_person: false },
        };
        self.world.settle(lane, settlement, self.clocks());
    }

    /// Windows end; lanes work by day, some at night, and burn what they are on.
    fn work(&mut self) {
        for truth in &mut self.truths {
            if truth.short_ends.is_some_and(|ends| ends <= self.now) {
                (truth.short, truth.short_ends) = (0.0, None);
            }
            if truth.week_ends <= self.now {
                truth.week = 0.0;
                truth.model = truth.model.map(|_| 0.0);
                truth.week_ends = truth.week_ends.plus_seconds(WEEK_S);
            }
        }
        let hour = self.now.0 / 1_000_000 / HOUR_S % 24;
        for index in 0..self.world.lanes.len() {
            let busy = (8..19).contains(&hour) || self.rng.u8(0..12) == 0;
            let pause = self.rng.u8(0..4) == 0;
            let points = self.rng.f64() * 9.0;
            let Some(active) = self.world.lanes[index].active.filter(|_| busy && !pause) else {
                continue;
            };
            self.burn(active.0, points);
        }
    }

    fn burn(&mut self, id: i64, points: f64) {
        let now = self.now;
        let truth = &mut self.truths[id as usize - 1];
        let grown = points / truth.weight;
        truth.short_ends.get_or_insert(now.plus_seconds(5 * HOUR_S));
        truth.short += grown;
        truth.week += grown * WEEK_SHARE * truth.weight;
        truth.model = truth.model.map(|used| used + grown * 0.3);
        let refused = if truth.short >= 100.0 {
            Some(("five_hour", truth.short_ends))
        } else if truth.week >= 100.0 {
            Some(("seven_day", Some(truth.week_ends)))
        } else if truth.model.is_some_and(|used| used >= 100.0) {
            Some(("Fable", None))
        } else {
            None
        };
        truth.short = truth.short.min(100.0);
        truth.week = truth.week.min(100.0);
        if let Some((window, resets_at)) = refused {
            let resets_at = resets_at.filter(|_| self.rng.bool());
            self.tell(
                id,
                Source::Hook,
                Fact::LimitHit { resets_at, window: WindowKind::named(window) },
                0,
            );
        }
    }

    /// What seldom happens.
    fn accident(&mut self) {
        let id = self.rng.i64(1..=self.world.accounts.len() as i64);
        let lane = LaneId(self.rng.i64(1..=self.world.lanes.len() as i64));
        match self.rng.u16(0..1_500) {
            0..4 => self.sign_out(id, true),
            4..12 => self.sign_out(id, false),
            12 => self.world.accounts[id as usize - 1].enabled ^= true,
            13 => self.world.accounts[id as usize - 1].automatic ^= true,
            14..17 => self.world.restarted(),
            17..20 => self.jump(),
            20 => self.world.pause(lane, self.now.plus_seconds(self.rng.i64(600..9_000))),
            21 => self.world.resume(lane),
            22..24 => {
                let settlement = Settlement::Committed { to: AccountId(id), by_person: true };
                self.world.settle(lane, settlement, self.clocks());
            }
            24 => {
                let active = self.rng.bool().then_some(AccountId(id));
                self.world.seat_changed(lane, active, self.clocks());
            }
            25 => self.tell(
                id,
                Source::Endpoint,
                Fact::Closed { window: WindowKind::named("five_hour") },
                0,
            ),
            26 => {
                let plan = Plan { subscription: Some("pro".into()), ..Plan::default() };
                self.tell(id, Source::Endpoint, Fact::Plan(plan), 0);
            }
            27..60 => self.signal(id),
            _ => {}
        }
    }

    fn sign_out(&mut self, id: i64, out: bool) {
        self.truths[id as usize - 1].signed_out = out;
        let login = if out { Login::NeedsSignIn } else { Login::Valid };
        self.tell(id, Source::Hook, Fact::Login(login), 0);
    }

    /// The machine slept, or its clock was set.
    fn jump(&mut self) {
        let seconds = self.rng.i64(-2..12) * self.rng.i64(300..2_000);
        self.now = self.now.plus_seconds(seconds.max(0));
        self.world.woke(seconds, self.clocks());
    }

    /// A local sign of use: late, partial, or from before.
    fn signal(&mut self, id: i64) {
        let truth = &self.truths[id as usize - 1];
        let mut usage = Usage::default().with(
            WindowKind::FiveHour,
            Window { used: Percent::new(truth.short.round()), resets_at: None },
        );
        if self.rng.bool() {
            usage.of_kind(&WindowKind::SevenDay).used = Percent::new(truth.week.round());
        }
        let late = self.rng.i64(-60..1_800);
        self.tell(id, Source::StatusLine, Fact::Usage(usage), late);
    }

    /// The endpoint answers, or does not.
    fn answer(&mut self, id: i64) {
        if self.truths[id as usize - 1].signed_out {
            return self.tell(id, Source::Endpoint, Fact::Login(Login::NeedsSignIn), 0);
        }
        match self.rng.u8(0..40) {
            0 => self.tell(id, Source::Endpoint, Fact::Unreachable, 0),
            1 => {
                let retry_after_s = self.rng.bool().then(|| self.rng.u64(0..900));
                self.tell(id, Source::Endpoint, Fact::Throttled { retry_after_s }, 0);
            }
            _ => self.read(id),
        }
    }

    fn read(&mut self, id: i64) {
        let truth = &self.truths[id as usize - 1];
        let share = |used: f64| Percent::new((used * 2.0).round() / 2.0);
        let ends = Some(truth.week_ends);
        let mut usage = Usage {
            credits: (id % 4 == 0).then(|| Credits { enabled: true, ..Credits::default() }),
            ..Usage::of(
                Window { used: share(truth.short), resets_at: truth.short_ends },
                Window { used: share(truth.week), resets_at: ends },
            )
        };
        if let Some(used) = truth.model {
            usage.add_model("Fable", Window { used: share(used), resets_at: ends }, used > 90.0);
        }
        let late = self.rng.i64(0..40);
        self.tell(id, Source::Endpoint, Fact::Usage(usage), late);
    }

    fn tell(&mut self, id: i64, source: Source, fact: Fact, late_s: i64) {
        let at = self.now.plus_seconds(-late_s);
        let observation = Observation { account: AccountId(id), at, source, fact };
        self.world.observe(&observation, self.clocks());
    }
}

fn truth(rng: &mut fastrand::Rng) -> Truth {
    Truth {
        short: rng.f64() * 60.0,
        short_ends: Some(BEGIN.plus_seconds(rng.i64(600..5 * HOUR_S))),
        week: rng.f64() * 100.0,
        week_ends: BEGIN.plus_seconds(rng.i64(HOUR_S..WEEK_S)),
        model: (rng.u8(0..3) == 0).then_some(20.0),
        weight: [1.0, 2.0, 4.0][rng.usize(0..3)],
        signed_out: false,
    }
}

fn account(rng: &mut fastrand::Rng, id: i64, truth: &Truth) -> Account {
    let tier = match truth.weight {
        weight if weight > 3.0 => "default_claude_max_20x",
        weight if weight > 1.0 => "default_claude_max_5x",
        _ => "default_claude_pro",
    };
    Account {
        id: AccountId(id),
        provider: if rng.u8(0..10) == 0 { Provider::Codex } else { Provider::Claude },
        plan: Plan {
            rate_limit_tier: Some(tier.into()),
            weight: (id % 3 > 0).then_some(truth.weight),
            ..Plan::default()
        },
        enabled: true,
        automatic: true,
        login: Login::Unverified,
        failures: 0,
        usage: Usage::default(),
        position: rng.i64(0..3),
    }
}

fn lane(id: i64, active: i64) -> Lane {
    Lane {
        id: LaneId(id),
        provider: Provider::Claude,
        active: Some(AccountId(active)),
        generation: Generation::default(),
        model: (id == 3).then(|| "claude-fable-5".into()),
        gates: Gates::default(),
    }
}

/// 08:00 to 19:00 on every day around `now`, in UTC.
fn calendar(now: Utc) -> sluice_engine::Calendar {
    let day = DateTime::from_timestamp_micros(now.0).unwrap().date_naive();
    let (first, last) = (day - Days::new(1), day + Days::new(15));
    expand_days(&WorkCalendar::daily(WorkSpan { from: 480, to: 1140 }, 0..7), Tz::UTC, first, last)
}
