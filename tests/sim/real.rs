//! An account as it really is: which windows its plan has, how full they are, and what its provider
//! answers when it is asked. Times are true minutes.

use crate::faults::Change;
use fastrand::Rng;
use sluice_engine::{Block, Credits, Percent, Usage, Utc, Verdict, Window, WindowKind};

/// Minute 0: 2026-01-05T00:00:00Z, a Monday.
pub const START: Utc = Utc::from_seconds(1_767_571_200);
const HOURS_5: i64 = 300;
const WEEK: i64 = 10_080;
const MONTH: i64 = 43_200;
/// What a unit of work costs a seat that pays, in the minor unit of its money.
const PRICE: f64 = 500.0;

/// One window.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    span: i64,
    /// Units it holds.
    size: f64,
    used: f64,
    pub ends: i64,
    /// It begins with its first use; else one follows upon the other.
    rolling: bool,
}

impl Meter {
    fn pass(&mut self, minute: i64) {
        if self.rolling {
            if minute >= self.ends {
                self.used = 0.0;
            }
            return;
        }
        while minute >= self.ends {
            self.used = 0.0;
            self.ends += self.span;
        }
    }

    fn burn(&mut self, units: f64, minute: i64) {
        if minute >= self.ends {
            self.ends = minute + self.span;
        }
        self.used += units;
    }

    fn left(&self) -> f64 {
        self.size - self.used
    }

    /// Its provider empties it early; a fixed one may begin anew.
    fn empty(&mut self, anew: bool, minute: i64) {
        self.used = 0.0;
        if self.rolling {
            self.ends = minute;
        } else if anew {
            self.ends = minute + self.span;
        }
    }

    /// As the provider tells it, `wrong` percent off.
    fn told(&self, wrong: f64, minute: i64) -> Window {
        let open = minute < self.ends;
        let share = if open { 100.0 * self.used / self.size + wrong } else { 0.0 };
        Window {
            used: Percent::new(share.clamp(0.0, 100.0).round()),
            resets_at: open.then(|| stamp(self.ends)),
        }
    }
}

/// A seat without windows: its work is paid by the piece, up to a limit each month.
#[derive(Clone, Copy, Debug)]
pub struct Money {
    spent: f64,
    limit: f64,
    ends: i64,
}

/// Why work is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// The login is dead.
    Login,
    /// A window has no room, until then.
    Full(WindowKind, i64),
    /// The limit of money is reached.
    Spent,
}

/// An account as it really is.
#[derive(Clone, Debug)]
pub struct Real {
    /// Units that a 5-hour window of its plan holds, or would.
    unit: f64,
    /// Such windows in a week.
    ratio: f64,
    /// What its plan says of its size.
    pub weight: f64,
    short: Option<Meter>,
    long: Option<Meter>,
    money: Option<Money>,
    pub dead_until: i64,
    /// Until then windows come and go with each answer.
    wavers_until: i64,
    /// When a lane was last on it.
    pub held_at: i64,
}

/// What is told of an account's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Both windows.
    Usual,
    /// The week alone.
    NoShort,
    /// Money alone.
    Money,
}

impl Real {
    pub fn new(rng: &mut Rng, (unit, weight): (f64, f64), shape: Shape) -> Self {
        let ratio = 7.0 + 6.0 * rng.f64();
        let mut real = Self {
            unit,
            ratio,
            weight,
            short: None,
            long: None,
            money: None,
            dead_until: 0,
            wavers_until: 0,
            held_at: -1,
        };
        real.take_shape(shape, rng, 0);
        if let Some(long) = &mut real.long {
            long.used = unit * rng.f64() * 5.0;
        }
        real
    }

    fn take_shape(&mut self, shape: Shape, rng: &mut Rng, minute: i64) {
        let spans = usual_spans(rng);
        self.short = (shape == Shape::Usual).then_some(Meter {
            span: spans.0,
            size: self.unit,
            used: 0.0,
            ends: minute,
            rolling: true,
        });
        self.long = (shape != Shape::Money).then(|| Meter {
            span: spans.1,
            size: self.unit * self.ratio,
            used: 0.0,
            ends: minute + rng.i64(1..spans.1),
            rolling: false,
        });
        self.money = (shape == Shape::Money).then(|| Money {
            spent: 0.0,
            limit: self.unit * PRICE * (2.0 + 8.0 * rng.f64()),
            ends: minute + rng.i64(1..MONTH),
        });
    }

    pub fn pass(&mut self, minute: i64) {
        self.short.iter_mut().chain(&mut self.long).for_each(|meter| meter.pass(minute));
        if let Some(money) = self.money.as_mut().filter(|money| minute >= money.ends) {
            (money.spent, money.ends) = (0.0, minute + MONTH);
        }
    }

    /// Windows of its size that it could fill now: the least that any limit leaves.
    pub fn room(&self, minute: i64) -> f64 {
        if minute < self.dead_until {
            return 0.0;
        }
        let meters = self.short.iter().chain(&self.long).map(Meter::left);
        let paid = self.money.iter().map(|money| (money.limit - money.spent) / PRICE);
        meters.chain(paid).fold(f64::INFINITY, f64::min) / self.unit
    }

    /// Uses `units`, if there is room for them.
    pub fn burn(&mut self, units: f64, minute: i64) -> bool {
        if self.room(minute) * self.unit < units {
            return false;
        }
        let meters = self.short.iter_mut().chain(&mut self.long);
        meters.for_each(|meter| meter.burn(units, minute));
        if let Some(money) = &mut self.money {
            money.spent += PRICE * units;
        }
        true
    }

    /// Why work is refused now.
    pub fn refusal(&self, minute: i64) -> Refused {
        if minute < self.dead_until {
            return Refused::Login;
        }
        match (&self.short, &self.long) {
            (Some(short), long) if long.is_none_or(|long| short.left() <= long.left()) => {
                Refused::Full(WindowKind::FiveHour, short.ends)
            }
            (_, Some(long)) => Refused::Full(WindowKind::SevenDay, long.ends),
            _ => Refused::Spent,
        }
    }

    /// A plan becomes another one.
    pub fn change(&mut self, change: Change, rng: &mut Rng, minute: i64) {
        let shape = match (change, self.money, self.short) {
            (Change::Short, None, Some(_)) => Shape::NoShort,
            (Change::Short, ..) | (Change::Paid, Some(_), _) => Shape::Usual,
            (Change::Paid, ..) => Shape::Money,
            (Change::Size, ..) => return self.resize(rng),
        };
        let week = self.long;
        self.take_shape(shape, rng, minute);
        // The week goes on where there was one.
        if let (Some(long), Some(week)) = (&mut self.long, week) {
            *long = week;
        }
    }

    /// The same shares of larger or smaller windows.
    fn resize(&mut self, rng: &mut Rng) {
        let factor = [0.25, 0.5, 2.0, 4.0][rng.usize(0..4)];
        let factor = (self.unit * factor).clamp(0.5, 40.0) / self.unit;
        self.unit *= factor;
        self.weight *= factor;
        for meter in self.short.iter_mut().chain(&mut self.long) {
            meter.size *= factor;
            meter.used *= factor;
        }
        if let Some(money) = &mut self.money {
            money.limit *= factor;
        }
    }

    /// Its provider empties its windows early.
    pub fn empty(&mut self, anew: bool, minute: i64) {
        let meters = self.short.iter_mut().chain(&mut self.long);
        meters.for_each(|meter| meter.empty(anew, minute));
    }

    pub fn waver(&mut self, until: i64) {
        self.wavers_until = until;
    }

    /// What the provider tells at `minute`, as it is in a world where answers are sometimes wrong.
    pub fn answer(&self, rng: &mut Rng, minute: i64) -> Usage {
        // One answer in a hundred is wrong by a few percent.
        let wrong = if rng.u8(0..100) == 0 { 8.0 * rng.f64() - 4.0 } else { 0.0 };
        let wavers = minute < self.wavers_until;
        let mut usage = Usage::default();
        for (kind, meter) in WindowKind::ACCOUNT_WIDE.into_iter().zip([self.short, self.long]) {
            let silent = wavers && rng.u8(0..2) == 0;
            match meter {
                Some(meter) if !silent => usage = usage.with(kind, meter.told(wrong, minute)),
                // One that the plan does not have is named all the same, and has not begun.
                None if silent && self.money.is_none() => {
                    let closed = Window { used: Percent::new(0.0), resets_at: None };
                    usage = usage.with(kind, closed);
                }
                _ => {}
            }
        }
        if let Some(money) = &self.money {
            usage.credits = Some(Credits {
                enabled: true,
                used_minor: Some(money.spent.round()),
                limit_minor: Some(money.limit.round()),
                currency: Some("USD".to_owned()),
            });
            let spent = self.room(minute) < 0.01;
            usage.verdict = spent.then_some(Verdict::Refused { why: Block::Spending, until: None });
        }
        usage
    }
}

/// How long the windows of a plan are, minutes; most plans agree.
fn usual_spans(rng: &mut Rng) -> (i64, i64) {
    if rng.u8(0..4) > 0 {
        return (HOURS_5, WEEK);
    }
    ([60, 180, 480, 720][rng.usize(0..4)], [3, 4, 5, 10][rng.usize(0..4)] * 1_440)
}

/// A true minute as a wall clock that is right would show it.
pub fn stamp(minute: i64) -> Utc {
    START.plus_seconds(minute * 60)
}
