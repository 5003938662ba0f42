//! One year: accounts that fill and empty, lanes that work, and the engine that must cope.
//!
//! True time is a minute count; the wall clock the engine sees may be wrong by `skew` seconds.

use crate::Year;
use crate::check::{self, Known, Record};
use crate::faults::{self, Change, Fault};
use crate::real::{Real, Refused, START, Shape, stamp};
use fastrand::Rng;
use sluice_engine::observation::Fact;
use sluice_engine::world::Settlement;
use sluice_engine::{
    AccountId, Action, Block, Decision, Gates, Lane, LaneId, Login, Mono, Now, Observation, Plan,
    Policy, Provider, Source, Trigger, Verdict, WindowKind, World,
};
use sluice_lab::simulate::account;
use std::collections::BTreeMap;

const YEAR: i64 = 525_600;
/// A reading says something of an account that no lane is on for so long, minutes.
const READ_LATELY: i64 = 360;

/// An answer under way; times are true minutes.
struct Letter {
    written: i64,
    arrives: i64,
    account: usize,
    /// `None` when nobody answered.
    answer: Option<Observation>,
}

struct Sim {
    rng: Rng,
    world: World,
    real: Vec<Real>,
    known: BTreeMap<AccountId, Known>,
    records: Vec<Record>,
    /// Work: until when, and how much a minute.
    work: Vec<(i64, f64)>,
    minute: i64,
    skew_s: i64,
    outage_until: i64,
    /// Readings under way.
    mail: Vec<Letter>,
    asked: Vec<bool>,
    woke_at: i64,
    fresh: Vec<bool>,
    /// Ticks in a row a lane stood on a dead account while another worked.
    stuck: Vec<u32>,
    /// Lanes that swapped for a refusal, by minute and account left.
    left: Vec<Option<(i64, AccountId)>>,
    year: Year,
}

/// Runs one year from a seed.
pub fn year(seed: u64) -> Year {
    let mut sim = Sim::new(seed);
    while sim.minute < YEAR {
        sim.step();
    }
    if std::env::var_os("SLUICE_SIM_ALL").is_some() {
        eprintln!("seed {seed} {:?} {:?}", sim.world.rules.policy, sim.year.breaches.counts);
    }
    sim.year
}

fn id(index: usize) -> AccountId {
    AccountId(index as i64 + 1)
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let accounts = rng.usize(2..6);
        let lanes = rng.usize(1..3).min(accounts - 1);
        let mut world = World::default();
        world.rules.policy = if rng.bool() { Policy::Horizon } else { Policy::Tiered };
        let weights: Vec<f64> = (0..accounts).map(|_| [1.0, 5.0, 20.0][rng.usize(0..3)]).collect();
        let honest = rng.u8(0..4) > 0;
        for (index, weight) in weights.iter().enumerate() {
            let told = rng.u8(0..10) > 0;
            world.accounts.push(account(index, told.then_some(*weight)));
        }
        for lane in 0..lanes {
            world.lanes.push(Lane {
                id: LaneId(lane as i64 + 1),
                provider: Provider::Claude,
                active: Some(id(lane)),
                generation: Default::default(),
                model: None,
                gates: Gates::default(),
            });
        }
        // Plans say how large a window is, more or less; in one world of four they say nothing.
        let real = weights.iter().map(|weight| {
            let unit = if honest { weight * (0.8 + 0.4 * rng.f64()) } else { 5.0 };
            let shape = match rng.u8(0..12) {
                0..=2 => Shape::NoShort,
                3 => Shape::Money,
                _ => Shape::Usual,
            };
            Real::new(&mut rng, (unit, *weight), shape)
        });
        let real: Vec<_> = real.collect();
        if rng.u8(0..3) == 0 {
            world.rules.billing_ceiling_minor = Some(20_000.0);
        }
        Self {
            real,
            known: (0..accounts).map(|index| (id(index), Known::default())).collect(),
            records: (0..lanes).map(|_| Record::default()).collect(),
            work: vec![(0, 0.0); lanes],
            minute: 0,
            skew_s: 0,
            outage_until: 0,
            mail: Vec::new(),
            asked: vec![false; accounts],
            woke_at: -100,
            fresh: vec![false; accounts],
            stuck: vec![0; lanes],
            left: vec![None; lanes],
            year: Year::default(),
            rng,
            world,
        }
    }

    fn now(&self) -> Now {
        Now {
            wall: START.plus_seconds(self.minute * 60 + self.skew_s),
            mono: Mono(self.minute * 60_000),
        }
    }

    fn step(&mut self) {
        let working = self.work.iter().any(|(until, _)| *until > self.minute);
        let minutes = if working { 5 } else { 30 };
        if let Some(fault) = faults::draw(&mut self.rng, self.real.len(), minutes) {
            self.suffer(fault);
        }
        self.live(minutes);
        self.deliver();
        self.decide();
        self.read();
    }

    /// Time passes: windows roll, work burns, work is refused.
    fn live(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.minute += 1;
            let minute = self.minute;
            self.real.iter_mut().for_each(|real| real.pass(minute));
            for active in self.world.lanes.iter().filter_map(|lane| lane.active) {
                self.real[(active.0 - 1) as usize].held_at = minute;
            }
            for lane in 0..self.work.len() {
                let (until, rate) = self.work[lane];
                if minute >= until {
                    self.begin_work(lane);
                    continue;
                }
                let Some(active) = self.world.lanes[lane].active else { continue };
                let served = self.real[(active.0 - 1) as usize].burn(rate, minute);
                if !served && minute % 4 == 0 {
                    self.refuse(lane, active);
                }
            }
        }
    }

    /// Sessions begin now and then, mostly by day; the heaviest fill a middling window in an hour.
    fn begin_work(&mut self, lane: usize) {
        let hour = self.minute.rem_euclid(1_440) / 60;
        let chance = if (8..20).contains(&hour) { 0.01 } else { 0.001 };
        if self.rng.f64() < chance {
            let length = self.rng.i64(10..240);
            self.work[lane] = (self.minute + length, 5.0 / self.rng.i64(60..600) as f64);
        }
    }

    /// A request was refused; parallel ones bring the same news again and again (D1).
    fn refuse(&mut self, lane: usize, active: AccountId) {
        let real = &self.real[(active.0 - 1) as usize];
        let known = self.known.entry(active).or_default();
        let fact = match real.refusal(self.minute) {
            Refused::Login => {
                known.signed_out = true;
                Fact::Login(Login::NeedsSignIn)
            }
            Refused::Full(window, ends) => {
                let short = window == WindowKind::FiveHour;
                let told = if short { &mut known.short } else { &mut known.long };
                told.refused(self.minute, stamp(ends));
                Fact::LimitHit { resets_at: Some(stamp(ends)), window }
            }
            Refused::Spent => {
                known.blocked = true;
                Fact::Verdict(Verdict::Refused { why: Block::Spending, until: None })
            }
        };
        for _ in 0..self.rng.usize(1..6) {
            let at = self.now().wall;
            let observation =
                Observation { account: active, at, source: Source::Hook, fact: fact.clone() };
            let now = self.now();
            self.world.observe(&observation, now);
            self.consider(lane);
        }
    }

    fn deliver(&mut self) {
        let minute = self.minute;
        let (due, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.mail).into_iter().partition(|mail| mail.arrives <= minute);
        self.mail = kept;
        for Letter { written, account, answer, .. } in due {
            self.asked[account] = false;
            let now = self.now();
            let Some(observation) = answer else {
                let at = now.wall;
                let fact = Fact::Unreachable;
                let account = id(account);
                self.tell(&Observation { account, at, source: Source::Endpoint, fact });
                continue;
            };
            self.note(account, written, &observation);
            self.tell(&observation);
            self.kept_rightly(account);
        }
    }

    /// W2 and L1: what the engine keeps of the account after it was told something.
    fn kept_rightly(&mut self, index: usize) {
        let (name, wall) = (id(index), self.now().wall);
        let Some(account) = self.world.accounts.iter().find(|account| account.id == name) else {
            return self.year.breaches.note("L1", self.minute, "an account was lost");
        };
        let known = &self.known[&name];
        if let Some(what) = check::windows(known, &account.usage, wall) {
            self.year.breaches.note("W2", self.minute, what);
        }
        if let Some(what) = check::login(known, account.login) {
            self.year.breaches.note("L1", self.minute, what);
        }
    }

    fn tell(&mut self, observation: &Observation) {
        let now = self.now();
        self.world.observe(observation, now);
    }

    /// What the outside learns from a reading that was delivered.
    fn note(&mut self, index: usize, written: i64, observation: &Observation) {
        let (now, account) = (self.now(), id(index));
        let kept = self.world.accounts.iter().find(|one| one.id == account);
        let last = kept.and_then(|account| account.usage.observed_at);
        // The engine drops what is older than what it has, and what nobody can date.
        let taken = !observation.undatable(now) && last.is_none_or(|last| last <= observation.at);
        let known = self.known.entry(account).or_default();
        match &observation.fact {
            Fact::Usage(usage) => {
                known.signed_out = false;
                if taken {
                    known.read(written, usage);
                    self.fresh[index] = true;
                }
                let signed = self.world.accounts.iter().find(|known| known.id == account);
                if signed.is_some_and(|account| account.login != Login::Valid) {
                    let at = observation.at;
                    let fact = Fact::Login(Login::Valid);
                    self.tell(&Observation { account, at, source: Source::Endpoint, fact });
                }
            }
            Fact::Login(Login::NeedsSignIn) => known.signed_out = true,
            _ => {}
        }
    }

    fn decide(&mut self) {
        for lane in 0..self.work.len() {
            self.same_shuffled(lane);
            self.consider(lane);
            self.lively(lane);
        }
    }

    /// D5: the order of accounts in memory does not matter.
    fn same_shuffled(&mut self, lane: usize) {
        if self.rng.u8(0..64) > 0 {
            return;
        }
        let (now, lane) = (self.now(), LaneId(lane as i64 + 1));
        let (mut here, mut there) = (self.world.clone(), self.world.clone());
        self.rng.shuffle(&mut there.accounts);
        let (one, other) = (here.decide(lane, now), there.decide(lane, now));
        let plain = |decision: &Decision| (decision.action, decision.trigger, decision.best);
        if plain(&one) != plain(&other) {
            self.year.breaches.note("D5", self.minute, "the order of accounts changed a decision");
        }
        if one != self.world.clone().decide(lane, now) {
            self.year.breaches.note("D5", self.minute, "the same world decided differently");
        }
    }

    fn consider(&mut self, lane: usize) {
        let (now, name) = (self.now(), LaneId(lane as i64 + 1));
        let decision = self.world.decide(name, now);
        if decision.candidates.is_empty() && decision.active.is_some() {
            self.year.breaches.note("D6", self.minute, "a decision without candidates");
        }
        self.windows_judged(&decision);
        let Action::Swap { to } = decision.action else { return };
        if self.rng.u8(0..50) == 0 {
            self.world.settle(name, Settlement::Failed, now);
            return;
        }
        if self.rng.u8(0..50) == 0 {
            self.stale(name, now);
            return;
        }
        self.judge(lane, &decision, to);
        self.world.settle(name, Settlement::Committed { to, by_person: false }, now);
        self.year.swaps += 1;
    }

    /// W1: a window that is not there limits nothing, and one with room is not called full.
    fn windows_judged(&mut self, decision: &Decision) {
        let minute = self.minute;
        let sure = self.skew_s == 0 && minute - self.woke_at > 240;
        let wall = self.now().wall;
        for candidate in &decision.candidates {
            let known = &self.known[&candidate.account];
            let held_at = self.real[(candidate.account.0 - 1) as usize].held_at;
            let idle = held_at < known.written && minute - known.written < READ_LATELY;
            if let Some(what) = check::candidate(known, candidate.refusal, sure && idle, wall) {
                self.year.breaches.note("W1", minute, what);
            }
        }
        let gone = decision.active.is_some_and(|active| self.known[&active].short.gone());
        if gone && decision.trigger == Trigger::BurnRate {
            self.year.breaches.note("W1", minute, "left before a window fills that it lacks");
        }
    }

    /// D7: a settlement of a lane that had changed underneath changes nothing.
    fn stale(&mut self, lane: LaneId, now: Now) {
        let before = self.world.lanes.clone();
        self.world.settle(lane, Settlement::Stale, now);
        if before != self.world.lanes {
            self.year.breaches.note("D7", self.minute, "a stale settlement changed a lane");
        }
    }

    fn judge(&mut self, lane: usize, decision: &Decision, to: AccountId) {
        let (minute, trigger, wall) = (self.minute, decision.trigger, self.now().wall);
        let breaches = &mut self.year.breaches;
        self.records[lane].judge(minute, trigger, breaches);
        let why = (trigger, self.world.rules.billing_ceiling_minor);
        check::target(&self.known, (decision.active, to), why, (minute, wall), breaches);
        // D1: one burst of failures, one swap; what the new account refuses is another burst.
        if let (Some((at, left)), Some(from)) = (self.left[lane], decision.active)
            && at == minute
            && left != from
            && self.known.get(&from).is_some_and(|known| {
                // While the clock is off nobody can tell whether the end of a full window has passed.
                let full = known.full(wall) || (self.skew_s != 0 && known.read_full());
                !full && !known.signed_out && !known.blocked && known.paid.is_none()
            })
        {
            breaches.note("D1", minute, "a second swap for one burst of failures");
        }
        self.left[lane] = decision.active.map(|from| (minute, from));
        let index = (to.0 - 1) as usize;
        if check::voluntary(trigger) && minute - self.woke_at < 120 && !self.fresh[index] {
            breaches.note("T1", minute, "a voluntary swap on a sample from before the jump");
        }
    }

    /// D4: while another account works, a lane leaves a dead one within two ticks.
    fn lively(&mut self, lane: usize) {
        let now = self.now().wall;
        let gates = &self.world.lanes[lane].gates;
        let resting = gates.paused(now)
            || gates.backoff_left(now, &self.world.rules) > 0.0
            || gates.cooldown_left(now, &self.world.rules) > 0.0;
        let active = self.world.lanes[lane].active;
        let held: Vec<_> = self.world.lanes.iter().filter_map(|lane| lane.active).collect();
        let dead = active.and_then(|id| self.known.get(&id)).is_some_and(|known| known.dead(now));
        let minute = self.minute;
        let other = self.known.iter().any(|(id, known)| {
            let real = &self.real[(id.0 - 1) as usize];
            known.ample(now) && !held.contains(id) && real.room(minute) > 0.3
        });
        let clear = !resting && self.skew_s == 0 && minute - self.woke_at > 240;
        let calm = minute > self.outage_until + 240 && clear;
        if dead && other && calm {
            self.stuck[lane] += 1;
            if self.stuck[lane] == 3 {
                self.year.breaches.note("D4", minute, "stayed on a dead account");
            }
        } else {
            self.stuck[lane] = 0;
        }
    }

    /// Sends the reads that are due; some answers are late, wrong or never come.
    fn read(&mut self) {
        let now = self.now();
        let mut sent = 0;
        for plan in self.world.polls(now) {
            let index = (plan.account.0 - 1) as usize;
            if plan.due.seconds_since(now.wall) > 8.0 * 86_400.0 {
                self.year.breaches.note("T1", self.minute, "a read planned more than a week away");
            }
            if plan.due > now.wall || self.asked[index] {
                continue;
            }
            sent += 1;
            self.asked[index] = true;
            self.world.requested(plan.account, now, 0.0);
            let late = if self.rng.u8(0..20) == 0 { self.rng.i64(1..40) } else { 0 };
            let (written, answer) = (self.minute, self.answer(index));
            let arrives = written + 1 + late;
            self.mail.push(Letter { written, arrives, account: index, answer });
        }
        if self.minute - self.woke_at <= 1 && sent > 2 {
            self.year.breaches.note("T2", self.minute, "everything read at once after waking");
        }
    }

    fn answer(&mut self, index: usize) -> Option<Observation> {
        let real = &self.real[index];
        if self.minute < self.outage_until {
            return None;
        }
        let (account, at) = (id(index), self.now().wall);
        let fact = if self.minute < real.dead_until {
            Fact::Login(Login::NeedsSignIn)
        } else {
            let mut usage = real.answer(&mut self.rng, self.minute);
            usage.observed_at = Some(at);
            Fact::Usage(usage)
        };
        Some(Observation { account, at, source: Source::Endpoint, fact })
    }

    fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Outage(minutes) => self.outage_until = self.minute + minutes,
            Fault::ClockJump(seconds) => {
                // The next correction sets it right again.
                let to = if self.skew_s == 0 { seconds } else { 0 };
                let jumped = to - self.skew_s;
                self.skew_s = to;
                self.wake(jumped);
            }
            Fault::Suspend(minutes) => {
                self.minute += minutes;
                let minute = self.minute;
                self.real.iter_mut().for_each(|real| real.pass(minute));
                self.work.iter_mut().for_each(|work| work.0 = work.0.min(minute));
                self.wake(0);
            }
            Fault::SignedOut(account, minutes) => {
                self.real[account].dead_until = self.minute + minutes;
            }
            Fault::Clobber(account) => self.taken(account, false),
            Fault::ByHand(account) => self.taken(account, true),
            Fault::Pause(minutes) => {
                let until = self.now().wall.plus_seconds(minutes * 60);
                let lanes: Vec<_> = self.world.lanes.iter().map(|lane| lane.id).collect();
                lanes.into_iter().for_each(|lane| self.world.pause(lane, until));
            }
            Fault::Restart => {
                let kept = serde_json::to_string(&self.world).unwrap();
                self.world = serde_json::from_str(&kept).unwrap();
                if serde_json::to_string(&self.world).unwrap() != kept {
                    self.year.breaches.note("S1", self.minute, "a world read back is another one");
                }
                self.world.restarted();
                self.asked.iter_mut().for_each(|asked| *asked = false);
                self.mail.clear();
            }
            Fault::Plan(account, change) => self.plan(account, change),
            Fault::Emptied(whom, anew) => {
                let minute = self.minute;
                let met = |(index, _): &(usize, &mut Real)| whom.is_none_or(|one| one == *index);
                let reals = self.real.iter_mut().enumerate().filter(met);
                reals.for_each(|(_, real)| real.empty(anew, minute));
            }
            Fault::Wavers(account, minutes) => {
                self.real[account].waver(self.minute + minutes);
            }
        }
    }

    /// A plan becomes another one; half of the time its name is read before its windows are.
    fn plan(&mut self, index: usize, change: Change) {
        self.real[index].change(change, &mut self.rng, self.minute);
        if self.rng.bool() {
            let plan = Plan { weight: Some(self.real[index].weight), ..Plan::default() };
            let (account, at) = (id(index), self.now().wall);
            let fact = Fact::Plan(plan);
            self.tell(&Observation { account, at, source: Source::Endpoint, fact });
        }
    }

    fn wake(&mut self, jumped: i64) {
        let now = self.now();
        self.world.woke(jumped, now);
        self.woke_at = self.minute;
        self.fresh.iter_mut().for_each(|fresh| *fresh = false);
    }

    /// Somebody else puts an account into a seat.
    fn taken(&mut self, account: usize, by_hand: bool) {
        let (lane, now, to) = (self.rng.usize(0..self.work.len()), self.now(), id(account));
        if self.world.lanes.iter().any(|lane| lane.active == Some(to)) {
            return;
        }
        let name = LaneId(lane as i64 + 1);
        if by_hand {
            self.world.settle(name, Settlement::Committed { to, by_person: true }, now);
        } else {
            self.world.seat_changed(name, Some(to), now);
        }
        self.records[lane].by_person(self.minute);
    }
}
