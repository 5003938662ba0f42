//! The provider's state, and the person who works and uses quota.

use super::accounts::{AccountSpec, FakeAccount};
use super::asked::Turns;
use super::clock::FakeClock;
use super::faults::Fault;
use super::tokens::{Bearer, Pair, Tokens};
use serde::{Deserialize, Serialize};
use sluice_engine::{Provider, Utc};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The longest span burned in one piece, seconds: windows empty in between.
const STEP_S: f64 = 60.0;

/// When and how much the person works.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    /// First hour of the working day, UTC.
    pub from_h: f64,
    /// End of the working day, UTC.
    pub to_h: f64,
    /// Percent of the smallest plan's 5-hour window used per hour of work.
    pub per_hour: f64,
    /// Percent of the weekly window per percent of the 5-hour window.
    pub weekly_share: f64,
    /// Share of a weekday's work done on Saturday and Sunday.
    pub weekend: f64,
    /// So many times the work in one hour of each day, UTC: the hour, and how many times.
    pub burst: Option<(f64, f64)>,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            from_h: 6.0,
            to_h: 23.0,
            per_hour: 120.0,
            weekly_share: 0.12,
            weekend: 1.0,
            burst: None,
        }
    }
}

impl Work {
    /// No work at all.
    pub const NONE: Self = Self {
        from_h: 0.0,
        to_h: 0.0,
        per_hour: 0.0,
        weekly_share: 0.0,
        weekend: 0.0,
        burst: None,
    };
    /// Work around the clock.
    #[must_use]
    pub const fn steady(per_hour: f64, weekly_share: f64) -> Self {
        Self { from_h: 0.0, to_h: 24.0, per_hour, weekly_share, weekend: 1.0, burst: None }
    }

    /// Percent per hour of the smallest plan wanted at `now`.
    #[must_use]
    pub fn wanted(&self, now: Utc) -> f64 {
        let seconds = now.millis().div_euclid(1_000);
        let hour = seconds.rem_euclid(86_400) as f64 / 3_600.0;
        // 1970-01-01 was a Thursday.
        let weekend = matches!((seconds.div_euclid(86_400) + 4).rem_euclid(7), 0 | 6);
        let factor = if weekend { self.weekend } else { 1.0 };
        let burst = self.burst.filter(|(from, _)| (*from..from + 1.0).contains(&hour));
        let factor = factor * burst.map_or(1.0, |(_, times)| times);
        if (self.from_h..self.to_h).contains(&hour) { self.per_hour * factor } else { 0.0 }
    }
}

/// How the person fared, in minutes of the fake clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct WorkCounts {
    /// Work was wanted.
    pub wanted_min: f64,
    /// Work was wanted and the live account had no room.
    pub interrupted_min: f64,
    /// As above, while another account had room.
    pub avoidable_min: f64,
    /// Work was wanted and the seat held no usable login.
    pub no_login_min: f64,
    /// The tool gave up a fresh pair because its store changed while it waited for it.
    pub overtaken: u64,
}

/// Everything behind the lock.
#[derive(Debug)]
pub struct State {
    /// The subscriptions.
    pub accounts: Vec<FakeAccount>,
    /// Logins and tokens.
    pub tokens: Tokens,
    /// Faults that wait for their request.
    pub faults: Vec<Fault>,
    /// When and how much the person works.
    pub work: Work,
    /// How the person fared.
    pub counts: WorkCounts,
    /// Usage requests allowed per hour and account before 429; `None` is no bound.
    pub usage_per_hour: Option<usize>,
    /// Requests that no account could be found for.
    pub strangers: u64,
    /// Path and status of every request, in the order they were answered.
    pub served: Vec<(String, u16)>,
    /// Every `User-Agent` seen.
    pub agents: BTreeSet<String>,
    /// Turns of the tools.
    pub turns: Turns,
    worked_until: Utc,
}

/// The provider's state and clock, shared by server, tool and test.
#[derive(Debug)]
pub struct World {
    /// The clock everything here runs on.
    pub clock: FakeClock,
    state: Mutex<State>,
}

/// What a fake provider starts with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setup {
    /// The subscriptions.
    pub accounts: Vec<AccountSpec>,
    /// When and how much the person works.
    pub work: Work,
    /// Life of a bearer, seconds of the fake clock.
    pub access_life_s: i64,
    /// Life of a login, seconds of the fake clock.
    pub login_life_s: i64,
    /// Usage requests allowed per hour and account before 429.
    pub usage_per_hour: Option<usize>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            work: Work::NONE,
            access_life_s: 8 * 3_600,
            login_life_s: 28 * 86_400,
            usage_per_hour: None,
        }
    }
}

impl Setup {
    /// Accounts without any work: the state of tests that move the numbers themselves.
    #[must_use]
    pub fn of(accounts: Vec<AccountSpec>) -> Self {
        Self { accounts, ..Self::default() }
    }

    /// The demo: four accounts at different points of their week, one of them with the largest plan,
    /// which has no short window, one with a limit reset in hand, and a busy person.
    #[must_use]
    pub fn demo() -> Self {
        let account = |email: &str, plan: &str, weight, seven_day, reset_h| AccountSpec {
            plan: plan.to_owned(),
            weight,
            short_window: plan != "ultra",
            ..AccountSpec::new(email, seven_day, reset_h)
        };
        Self {
            accounts: vec![
                account("summit@example.test", "ultra", 10.0, 40.0, 150.0),
                account("meadow@example.test", "max", 5.0, 70.0, 16.0),
                account("quarry@example.test", "pro", 1.0, 40.0, 40.0),
                AccountSpec {
                    resets: Some(1),
                    resets_end_h: 60.0,
                    ..account("harbour@example.test", "max", 5.0, 55.0, 26.0)
                },
            ],
            work: Work {
                per_hour: 140.0,
                weekly_share: 0.12,
                burst: Some((14.0, 2.5)),
                ..Work::default()
            },
            ..Self::default()
        }
    }
}

impl World {
    /// A world on `clock`.
    #[must_use]
    pub fn new(clock: FakeClock, setup: Setup) -> Self {
        let now = clock.now();
        let accounts = setup.accounts.into_iter().enumerate();
        let accounts: Vec<FakeAccount> =
            accounts.map(|(index, spec)| FakeAccount::new(index, spec, now)).collect();
        let mut tokens = Tokens::new(setup.access_life_s, setup.login_life_s);
        for (index, account) in accounts.iter().enumerate() {
            if account.spec.provider == Provider::Codex {
                tokens.claim(index, account.claims());
            }
        }
        let state = State {
            accounts,
            tokens,
            faults: Vec::new(),
            work: setup.work,
            counts: WorkCounts::default(),
            usage_per_hour: setup.usage_per_hour,
            strangers: 0,
            served: Vec::new(),
            agents: BTreeSet::new(),
            turns: Turns::default(),
            worked_until: now,
        };
        Self { clock, state: Mutex::new(state) }
    }

    /// The state, with every window rolled to now.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.accounts.iter_mut().for_each(|account| account.roll(now));
        state
    }

    /// The index of the account called `email`.
    #[must_use]
    pub fn account(&self, email: &str) -> Option<usize> {
        self.state().accounts.iter().position(|account| account.spec.email == email)
    }

    /// A new login of the account called `email`.
    ///
    /// # Panics
    /// When there is no such account.
    #[must_use]
    pub fn sign_in(&self, email: &str) -> Pair {
        let account = self.account(email).expect("a known account");
        self.state().tokens.sign_in(account, self.clock.now())
    }

    /// Sets what an account has used, in percent.
    ///
    /// # Panics
    /// When there is no such account.
    pub fn set_usage(&self, email: &str, five_hour: f64, seven_day: f64) {
        let account = self.account(email).expect("a known account");
        let now = self.clock.now();
        let mut state = self.state();
        let account = &mut state.accounts[account];
        account.five_hour.used = 0.0;
        account.burn(five_hour, 0.0, now);
        account.seven_day.used = seven_day;
    }

    /// The account's plan becomes another one; see [`AccountSpec`].
    ///
    /// # Panics
    /// When there is no such account.
    pub fn change_plan(&self, email: &str, plan: &str, weight: f64, short_window: bool) {
        let account = self.account(email).expect("a known account");
        self.state().accounts[account].change_plan(plan, weight, short_window);
    }

    /// The account's windows empty before their reset; `restart`: its week begins anew.
    ///
    /// # Panics
    /// When there is no such account.
    pub fn empty_early(&self, email: &str, restart: bool) {
        let account = self.account(email).expect("a known account");
        let now = self.clock.now();
        self.state().accounts[account].empty_early(restart, now);
    }

    /// The person spends a limit reset of the account in its tool.
    ///
    /// # Panics
    /// When there is no such account, or none is left.
    pub fn spend_reset(&self, email: &str) {
        let account = self.account(email).expect("a known account");
        let now = self.clock.now();
        assert!(self.state().accounts[account].spend_reset(now), "no limit reset is left");
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Ends every fault.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// The person works up to now with whatever login `bearer` is; `None` is no login in the seat.
    pub fn work(&self, bearer: Option<&str>) {
        let now = self.clock.now();
        let mut state = self.state();
        let live = bearer.map(|bearer| state.tokens.bearer(bearer, now));
        let live = match live {
            Some(Bearer::Good(account)) => Some(account),
            _ => None,
        };
        while state.worked_until < now {
            let left = now.seconds_since(state.worked_until);
            let step = left.min(STEP_S);
            let from = state.worked_until;
            state.step(from, step, live);
            state.worked_until = Utc(from.0 + ((step * 1e6) as i64).max(1));
        }
    }
}

impl State {
    /// One step of work with the account `live`, if any.
    pub(super) fn step(&mut self, at: Utc, seconds: f64, live: Option<usize>) {
        self.accounts.iter_mut().for_each(|account| account.roll(at));
        let wanted = self.work.wanted(at);
        if wanted <= 0.0 {
            return;
        }
        let minutes = seconds / 60.0;
        self.counts.wanted_min += minutes;
        match live.filter(|live| self.accounts[*live].has_room()) {
            Some(live) => {
                let account = &mut self.accounts[live];
                let percent = wanted / account.spec.weight * seconds / 3_600.0;
                account.burn(percent, self.work.weekly_share, at);
            }
            None => {
                self.counts.interrupted_min += minutes;
                if live.is_none() {
                    self.counts.no_login_min += minutes;
                }
                if self.accounts.iter().any(FakeAccount::has_room) {
                    self.counts.avoidable_min += minutes;
                }
            }
        }
    }
}
