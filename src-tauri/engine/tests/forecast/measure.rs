//! How forecasts of unused capacity come out on simulated weeks whose truth is known.
//!
//! A witness beside the run sees what the policy sees and nothing else, keeps a forecast book with
//! it, writes down what the book says at set times ahead of each reset, and compares when the
//! window has ended.

use sluice_engine::WindowKind;
use sluice_engine::forecast::{Book, Kind, Outlook, Scene};
use sluice_engine::{
    Account, AccountId, Calendar, Gates, Lane, LaneId, Login, Percent, Provider, Utc, Window,
    advise,
};
use sluice_lab::simulate::{
    EPOCH, Ended, Event, EventKind, Scenario, SimulateError, Witness, account, run_witnessed,
};

/// Hours before a weekly reset at which the forecast is written down.
pub const WEEKLY_H: [f64; 7] = [96.0, 72.0, 48.0, 24.0, 12.0, 6.0, 3.0];
/// The same before the end of a 5-hour window.
pub const SHORT_H: [f64; 5] = [4.0, 3.0, 2.0, 1.0, 0.5];
/// The drain advisor is judged so many hours before the reset.
const ADVISED_H: f64 = 12.0;
/// Percent about to expire that is worth a word.
pub const STRANDED: f64 = 2.0;
/// Minutes between two looks at the book.
const LOOK_MIN: i64 = 5;

/// One forecast beside what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// What was said.
    pub said: Outlook,
    /// Hours ahead.
    pub ahead_h: f64,
    /// Percent that was left in truth.
    pub unused: f64,
}

impl Outcome {
    /// Nothing was open any more: the band has no width.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.said.high - self.said.low < 1.0
    }

    /// The truth lies inside the band; readings are whole percent.
    #[must_use]
    pub fn covered(&self) -> bool {
        self.unused <= self.said.high + 0.5 && self.unused >= self.said.low - 0.5
    }
}

/// Judged announcements: of what would strand, how much was announced, and the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Drain {
    /// Weekly windows judged.
    pub weeks: usize,
    /// Of these, more than two percent were left.
    pub stranded: usize,
    /// Announced.
    pub announced: usize,
    /// Share of the announcements that came true.
    pub precision: f64,
    /// Share of the stranded weeks that were announced.
    pub recall: f64,
}

impl Measured {
    /// Adds another run's.
    pub fn extend(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.advised.extend(other.advised);
    }

    /// Share of the outcomes inside the band, and how many there were.
    #[must_use]
    pub fn coverage(&self, kind: Kind) -> (f64, usize) {
        self.share(kind, Outcome::covered)
    }

    /// The same of those that were not settled when the forecast was made.
    #[must_use]
    pub fn open_coverage(&self, kind: Kind) -> (f64, usize) {
        let open = self.outcomes.iter().filter(|one| one.said.window == kind && !one.settled());
        let (hit, count) =
            open.fold((0, 0), |(hit, count), one| (hit + usize::from(one.covered()), count + 1));
        (ratio(hit, count), count)
    }

    /// Share of the outcomes at or below p90.
    #[must_use]
    pub fn at_most_p90(&self, kind: Kind) -> (f64, usize) {
        self.share(kind, |one| one.unused <= one.said.p90 + 0.5)
    }

    /// Mean distance of p50 from the truth, percent.
    #[must_use]
    pub fn distance(&self, kind: Kind) -> f64 {
        let of = self.outcomes.iter().filter(|one| one.said.window == kind);
        let (sum, count) = of.fold((0.0, 0), |(sum, count), one| {
            (sum + (one.said.p50 - one.unused).abs(), count + 1)
        });
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// How announcements and truth agree.
    #[must_use]
    pub fn drain(&self) -> Drain {
        let count = |what: &dyn Fn(bool, bool) -> bool| {
            self.advised.iter().filter(|(said, unused)| what(*said, *unused > STRANDED)).count()
        };
        let both = count(&|said, stranded| said && stranded);
        let (announced, stranded) = (count(&|said, _| said), count(&|_, stranded| stranded));
        Drain {
            weeks: self.advised.len(),
            stranded,
            announced,
            precision: ratio(both, announced),
            recall: ratio(both, stranded),
        }
    }

    fn share(&self, kind: Kind, hit: impl Fn(&Outcome) -> bool) -> (f64, usize) {
        let of: Vec<_> = self.outcomes.iter().filter(|one| one.said.window == kind).collect();
        (ratio(of.iter().filter(|one| hit(one)).count(), of.len()), of.len())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What one run came to.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Every forecast whose window ended within the run.
    pub outcomes: Vec<Outcome>,
    /// Weekly windows that ended: whether it had been announced by twelve hours before, and percent
    /// left in truth.
    pub advised: Vec<(bool, f64)>,
}

struct Beside {
    book: Book,
    accounts: Vec<Account>,
    lanes: Vec<Lane>,
    calendar: Calendar,
    open: Vec<(usize, f64, Outlook)>,
    /// Accounts announced and the resets it was said of.
    announced: Vec<(usize, Utc)>,
    measured: Measured,
}

fn instant(minute: i64) -> Utc {
    EPOCH.plus_seconds(minute * 60)
}

impl Beside {
    fn new(scenario: &Scenario) -> Self {
        let lane = |index: usize| Lane {
            id: LaneId(index as i64 + 1),
            provider: Provider::Claude,
            active: None,
            generation: sluice_engine::Generation::default(),
            model: None,
            gates: Gates::default(),
        };
        let accounts = scenario.accounts.iter().enumerate();
        Self {
            book: Book::default(),
            accounts: accounts.map(|(index, spec)| account(index, Some(spec.weight))).collect(),
            lanes: (0..scenario.agents.len()).map(lane).collect(),
            calendar: Calendar::default(),
            open: Vec::new(),
            announced: Vec::new(),
            measured: Measured::default(),
        }
    }

    fn learn(&mut self, event: &Event) {
        let account = &mut self.accounts[event.account];
        match &event.kind {
            EventKind::Usage {
                polled_at,
                five_hour,
                five_hour_resets_at,
                seven_day,
                seven_day_resets_at,
                ..
            } => {
                account.login = Login::Valid;
                let window = |used: Option<f64>, reset: Option<i64>| Window {
                    used: used.and_then(Percent::new),
                    resets_at: reset.map(instant),
                };
                *account.usage.of_kind(&WindowKind::FiveHour) =
                    window(*five_hour, *five_hour_resets_at);
                *account.usage.of_kind(&WindowKind::SevenDay) =
                    window(Some(*seven_day), Some(*seven_day_resets_at));
                account.usage.observed_at = Some(instant(*polled_at));
                self.book.read(account);
            }
            EventKind::PollError(kind) if kind == "auth" => account.login = Login::NeedsSignIn,
            EventKind::Limit { kind: "auth", .. } => account.login = Login::NeedsSignIn,
            EventKind::Plan { weight, .. } => account.plan.weight = Some(*weight),
            EventKind::PollError(_) | EventKind::Limit { .. } | EventKind::Added => {}
        }
    }

    fn judge(&mut self, ended: &Ended) {
        let kind = if ended.weekly { Kind::SevenDay } else { Kind::FiveHour };
        let end = instant(ended.minute);
        let near = |said: &Outlook| {
            said.window == kind && said.resets_at.seconds_since(end).abs() < 1_200.0
        };
        let advised = ended.weekly && {
            let of = |said: &(usize, Utc)| {
                said.0 == ended.account && said.1.seconds_since(end).abs() < 1_200.0
            };
            let count = self.announced.iter().filter(|said| of(said)).count();
            self.announced.retain(|said| said.0 != ended.account);
            count > 0
        };
        let measured = &mut self.measured;
        self.open.retain(|(account, ahead_h, said)| {
            if *account != ended.account || said.window != kind {
                return true;
            }
            if near(said) {
                measured.outcomes.push(Outcome {
                    said: *said,
                    ahead_h: *ahead_h,
                    unused: ended.unused,
                });
            }
            false
        });
        if ended.weekly && ended.minute > 2 * 1_440 {
            measured.advised.push((advised, ended.unused));
        }
    }

    fn look(&mut self, minute: i64) {
        let now = instant(minute);
        let scene =
            Scene { accounts: &self.accounts, lanes: &self.lanes, calendar: &self.calendar, now };
        self.book.advance(&scene);
        for said in self.book.outlooks(&scene) {
            let hours = said.resets_at.seconds_since(now) / 3_600.0;
            let whose = (said.account.0 - 1) as usize;
            if hours >= ADVISED_H - 0.1 && advise::will_expire(&said, now) {
                self.announced.push((whose, said.resets_at));
            }
            let leads: &[f64] = if said.window == Kind::SevenDay { &WEEKLY_H } else { &SHORT_H };
            let due = |lead: &&f64| hours <= **lead && hours > **lead - LOOK_MIN as f64 / 60.0;
            let Some(lead) = leads.iter().find(due) else { continue };
            self.open.push((whose, *lead, said));
        }
    }
}

impl Witness for Beside {
    fn minute(&mut self, minute: i64, ended: &[Ended], events: &[Event], active: &[usize]) {
        for ended in ended {
            self.judge(ended);
        }
        for event in events {
            self.learn(event);
        }
        for (lane, account) in self.lanes.iter_mut().zip(active) {
            lane.active = Some(AccountId(*account as i64 + 1));
        }
        if minute % LOOK_MIN == 0 {
            self.look(minute);
        }
    }
}

/// Runs a policy on a scenario and judges the forecasts made beside it.
///
/// # Errors
/// As [`run_witnessed`].
pub fn measure(scenario: &Scenario, policy: &str) -> Result<Measured, SimulateError> {
    let mut beside = Beside::new(scenario);
    run_witnessed(scenario, policy, &mut beside)?;
    Ok(beside.measured)
}
