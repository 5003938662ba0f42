//! The same accounts and the same work in other hands: what a day would have been without Sluice, or with a
//! plain rule. The same physics as the world's own, without logins and without a network.

use super::accounts::FakeAccount;
use super::clock::{FakeClock, Hand};
use super::world::{Setup, State, World};
use serde::Serialize;
use sluice_engine::Utc;

/// Between two looks of a plain rule, seconds.
const LOOK_S: i64 = 60;

/// How a day went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fared {
    /// Work was wanted, minutes.
    pub wanted_min: f64,
    /// Work was wanted and the live account had no room, minutes.
    pub interrupted_min: f64,
    /// Changes of the live account.
    pub swaps: usize,
    /// What expired unused at weekly resets, in weeks of the smallest plan.
    pub unused_weeks: f64,
}

impl Fared {
    /// What the state tells, after so many swaps.
    #[must_use]
    pub fn of(state: &State, swaps: usize) -> Self {
        let unused = state.accounts.iter().map(|one| one.stranded / 100.0 * one.spec.weight);
        let (wanted_min, interrupted_min) = (state.counts.wanted_min, state.counts.interrupted_min);
        Self { wanted_min, interrupted_min, swaps, unused_weeks: unused.sum() }
    }

    /// Minutes of work that was done.
    #[must_use]
    pub fn done_min(&self) -> f64 {
        self.wanted_min - self.interrupted_min
    }
}

/// The day from `from` to `until`, begun on account `first`; `choose` says which one is live next, given
/// all of them and the live one.
#[must_use]
pub fn fare(
    setup: &Setup,
    (from, until): (Utc, Utc),
    first: usize,
    choose: impl Fn(&[FakeAccount], usize) -> usize,
) -> Fared {
    let hand = Hand::at(from);
    let world = World::new(FakeClock::by_hand(hand), setup.clone());
    let mut state = world.state();
    let (mut live, mut swaps, mut at) = (first, 0, from);
    while at < until {
        let next = choose(&state.accounts, live);
        swaps += usize::from(next != live);
        live = next;
        state.step(at, LOOK_S as f64, Some(live));
        at = at.plus_seconds(LOOK_S);
    }
    Fared::of(&state, swaps)
}

/// Stays where it is.
#[must_use]
pub fn stay(_: &[FakeAccount], live: usize) -> usize {
    live
}

/// Leaves at 90 percent of any window for whoever has used least.
#[must_use]
pub fn at_ninety(accounts: &[FakeAccount], live: usize) -> usize {
    let used = |account: &FakeAccount| account.five_hour.used.max(account.seven_day.used);
    if used(&accounts[live]) < 90.0 {
        return live;
    }
    let emptiest =
        (0..accounts.len()).min_by(|a, b| used(&accounts[*a]).total_cmp(&used(&accounts[*b])));
    emptiest.unwrap_or(live)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::AccountSpec;
    use crate::contract::world::Work;

    const DAY_S: i64 = 86_400;

    #[test]
    fn whoever_moves_on_works_longer_than_whoever_stays() {
        let accounts = ["a", "b", "c"].map(|name| AccountSpec::new(name, 0.0, 12.0)).to_vec();
        let setup = Setup { work: Work::steady(200.0, 0.1), ..Setup::of(accounts) };
        let from = Utc::from_seconds(1_795_262_400);
        let day = (from, from.plus_seconds(DAY_S));
        let (stays, moves) = (fare(&setup, day, 0, stay), fare(&setup, day, 0, at_ninety));
        assert!((stays.wanted_min - 1_440.0).abs() < 1.5, "{stays:?}");
        assert_eq!((stays.swaps, moves.wanted_min), (0, stays.wanted_min));
        assert!(moves.swaps > 2 && moves.done_min() > 1.5 * stays.done_min(), "{moves:?}");
        assert!(moves.unused_weeks < stays.unused_weeks, "{moves:?} {stays:?}");
    }
}
