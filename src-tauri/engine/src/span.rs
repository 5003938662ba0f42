//! How long a window runs: the provider's word, or what its resets tell. A plan's windows are not of one
//! length for all, and some weekly ones were seen to turn after three days.

use crate::units::Utc;
use crate::window::{Window, WindowKind, WindowState, same_reset};
use serde::{Deserialize, Serialize};

/// Shorter or longer than this is no window, seconds.
const LEAST_S: f64 = 1_800.0;
/// The longest.
pub const MOST_S: f64 = 60.0 * 86_400.0;
/// The opening of a window is known well enough where it lies between two instants so near, seconds, or
/// so small a share of the window.
const NEAR_S: f64 = 600.0;
const NEAR_SHARE: f64 = 1.0 / 6.0;
/// Providers' clocks wander between answers by so much, seconds.
const WANDER_S: f64 = 180.0;
/// Windows last whole days, hours or parts of an hour: the roundest of these in reach is meant.
const ROUND_S: [f64; 5] = [86_400.0, 3_600.0, 1_800.0, 900.0, 300.0];

/// Seconds a window of this kind runs where nothing is known of it: a prior, which the provider's word and
/// what is seen overrule. The one place where windows have a length by their kind.
#[must_use]
pub const fn prior_s(kind: &WindowKind) -> f64 {
    match kind {
        WindowKind::FiveHour => 5.0 * 3_600.0,
        WindowKind::SevenDay
        | WindowKind::Model(_)
        | WindowKind::Other(_)
        | WindowKind::Money(_) => 7.0 * 86_400.0,
    }
}

/// What is known of the length of one window, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Span {
    /// The provider's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    said_s: Option<f64>,
    /// What two windows in a row agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    learned_s: Option<f64>,
    /// What the last window that began allows: at least, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<(f64, f64)>,
    /// The reset that was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<Utc>,
    /// The window was last read as not begun then.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Utc>,
}

impl Span {
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// As far as it is known, seconds.
    pub(crate) fn known_s(&self) -> Option<f64> {
        self.said_s.or(self.learned_s)
    }

    /// The provider's word; one that cannot be is not heard.
    pub(crate) fn say(&mut self, seconds: f64) {
        if (LEAST_S..=MOST_S).contains(&seconds) {
            self.said_s = Some(seconds);
        }
    }

    /// Takes over what another reading says of the same window.
    pub(crate) fn hear(&mut self, other: &Self) {
        self.said_s = other.said_s.or(self.said_s);
    }

    /// The wall clock jumped by `seconds`.
    pub(crate) fn shift(&mut self, seconds: i64) {
        self.closed_at = self.closed_at.map(|at| at.plus_seconds(seconds));
    }

    /// The window was read at `at`.
    pub(crate) fn see(&mut self, window: &Window, at: Utc) {
        if window.state() == WindowState::Closed {
            // One that ran and is shut before its end was emptied early: nothing begins with its reset.
            self.reset = self.reset.filter(|reset| *reset <= at);
            self.closed_at = Some(at);
            return;
        }
        let Some(reset) = window.resets_at.filter(|reset| *reset > at) else { return };
        let before = self.reset.replace(reset);
        if before.is_some_and(|before| same_reset(before, reset)) {
            return;
        }
        let closed = self.closed_at.take();
        // An end that has not come: it was moved, or emptied early and begun again.
        let early = before.is_some_and(|before| before > at.plus_seconds(WANDER_S as i64));
        let began = before.max(closed).filter(|_| !early && before.is_none_or(|end| end < reset));
        let Some(began) = began else {
            self.last = None;
            return;
        };
        self.learn(reset.seconds_since(at.max(began)), reset.seconds_since(began));
    }

    /// A window began that is at least and at most so long.
    fn learn(&mut self, least: f64, most: f64) {
        let near = most - least <= NEAR_S.max(NEAR_SHARE * most);
        if !near || !(LEAST_S..=MOST_S).contains(&most) {
            return;
        }
        let (least, most) = (least - WANDER_S, most + WANDER_S);
        let Some(last) = self.last.replace((least, most)) else { return };
        let (least, most) = (least.max(last.0), most.min(last.1));
        if least <= most {
            self.last = Some((least, most));
            self.learned_s = Some(roundest(least, most));
        }
    }
}

/// The roundest length between these, seconds.
fn roundest(least: f64, most: f64) -> f64 {
    let fits = |unit: &f64| {
        let whole = (most / unit) as i64 as f64 * unit;
        (whole >= least && whole > 0.0).then_some(whole)
    };
    ROUND_S.iter().find_map(fits).unwrap_or(most - WANDER_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Percent;

    fn at(minute: i64) -> Utc {
        Utc::from_seconds(1_000_000 + minute * 60)
    }

    fn read(span: &mut Span, minute: i64, used: f64, reset: Option<i64>) {
        let window = Window { used: Percent::new(used), resets_at: reset.map(at) };
        span.see(&window, at(minute));
    }

    fn hours(span: &Span) -> Option<f64> {
        span.known_s().map(|seconds| seconds / 3_600.0)
    }

    #[test]
    fn a_week_that_turns_after_three_days_is_learned() {
        let mut span = Span::default();
        for turn in 0..3 {
            read(&mut span, turn * 4_320 + 400, 10.0, Some((turn + 1) * 4_320));
            read(&mut span, turn * 4_320 + 4_000, 60.0, Some((turn + 1) * 4_320));
            assert_eq!(hours(&span), (turn == 2).then_some(72.0), "after {turn}");
        }
    }

    #[test]
    fn one_odd_turn_changes_nothing_and_two_equal_ones_do() {
        let mut span = Span::default();
        let turns = [0, 10_080, 20_160, 30_240, 33_000, 43_080, 47_400, 51_720, 56_040];
        let mut told = alloc::vec::Vec::new();
        for pair in turns.windows(2) {
            read(&mut span, pair[0] + 60, 5.0, Some(pair[1]));
            told.push(hours(&span));
        }
        let (week, three) = (Some(168.0), Some(72.0));
        assert_eq!(told, [None, None, week, week, week, week, three, three]);
    }

    #[test]
    fn a_short_window_is_learned_from_when_it_opens() {
        let mut span = Span::default();
        for day in 0..3 {
            let morning = day * 1_440 + 540;
            read(&mut span, morning - 5, 0.0, None);
            read(&mut span, morning + 3, 1.0, Some(morning + 180));
        }
        assert_eq!(hours(&span), Some(3.0));
    }

    #[test]
    fn a_daily_habit_is_not_the_length_of_a_window() {
        let mut span = Span::default();
        for day in 0..5 {
            let morning = day * 1_440 + 540;
            read(&mut span, morning + 60, 20.0, Some(morning + 300));
        }
        assert_eq!(span.known_s(), None);
    }

    #[test]
    fn early_ends_teach_nothing() {
        let mut span = Span::default();
        for turn in 0..6 {
            // Emptied a day after it began, and begun anew each time.
            read(&mut span, turn * 1_440 + 5, 1.0, Some(turn * 1_440 + 10_080));
        }
        assert_eq!(span.known_s(), None);
        let mut shut = Span::default();
        for turn in 0..4 {
            // The window is shut two hours after it opened, by whatever.
            read(&mut shut, turn * 120, 1.0, Some(turn * 120 + 295));
            read(&mut shut, turn * 120 + 115, 0.0, None);
        }
        assert_eq!(hours(&shut), Some(5.0), "what it says of its end is its length");
    }

    #[test]
    fn the_providers_word_stands_and_absurd_ones_are_not_heard() {
        let mut span = Span::default();
        for absurd in [f64::NAN, -3.0, 0.0, 1e12] {
            span.say(absurd);
            assert_eq!(span.known_s(), None, "{absurd}");
        }
        span.say(18_000.0);
        for turn in 0..4 {
            read(&mut span, turn * 180 + 1, 1.0, Some((turn + 1) * 180));
        }
        assert_eq!(hours(&span), Some(5.0));
        let mut far = Span::default();
        for turn in 1..5 {
            read(&mut far, turn, 1.0, Some(turn * 576_000));
        }
        assert_eq!(far.known_s(), None, "400 days");
    }
}
