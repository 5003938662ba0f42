//! The invariants D1 to D7, T1 and T2, judged from outside the engine. `tests/RELIABILITY.md` says what each
//! means.

use sluice_engine::{AccountId, Percent, Trigger, Utc, Window};
use std::collections::{BTreeMap, VecDeque};

/// The names, in order.
pub const NAMES: [&str; 9] = ["D1", "D2", "D3", "D4", "D5", "D6", "D7", "T1", "T2"];

/// Counts by invariant, and the first in words.
#[derive(Debug)]
pub struct Breaches {
    /// Breaches of each invariant.
    pub counts: BTreeMap<&'static str, u64>,
    /// What happened first.
    pub first: Option<String>,
}

impl Default for Breaches {
    fn default() -> Self {
        Self { counts: NAMES.iter().map(|name| (*name, 0)).collect(), first: None }
    }
}

impl Breaches {
    /// Counts one breach.
    pub fn note(&mut self, name: &'static str, minute: i64, what: &str) {
        *self.counts.entry(name).or_default() += 1;
        if std::env::var_os("SLUICE_SIM_ALL").is_some() {
            eprintln!("{name} at minute {minute}: {what}");
        }
        if self.first.is_none() {
            self.first = Some(format!("{name} at minute {minute}: {what}"));
        }
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
    }

    /// Whether anything was breached.
    pub fn any(&self) -> bool {
        self.counts.values().any(|count| *count > 0)
    }
}

/// From here on a reading says full: providers report whole percent.
const READ_FULL: f64 = 99.5;
/// A refusal outlives readings of its window from here on.
const NEXT_TO_FULL: f64 = 95.0;
/// Ends this close are one window's, seconds.
const SAME_WINDOW_S: f64 = 600.0;

/// What was told of one window of an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// The last reading said full until then.
    read_full: Option<Utc>,
    /// The true minute of the last refusal that stands, and the end of the window that refused.
    refused: Option<(i64, Utc)>,
}

impl Told {
    /// Work was refused; the window ends at `until`.
    pub fn refused(&mut self, minute: i64, until: Utc) {
        self.refused = Some((minute, until));
    }

    /// A reading, written at the true minute `written`, was delivered. It undoes a refusal only if
    /// it is newer and leaves room to speak of: a share next to full agrees with it.
    pub fn read(&mut self, written: i64, window: &Window) {
        let used = window.used.map_or(0.0, Percent::get);
        self.read_full = window.resets_at.filter(|_| used >= READ_FULL);
        self.refused = self.refused.filter(|(minute, until)| {
            let same = |end: Utc| end.seconds_since(*until).abs() <= SAME_WINDOW_S;
            let agrees = used >= NEXT_TO_FULL && window.resets_at.is_some_and(same);
            written < *minute || agrees
        });
    }

    fn full(&self, wall: Utc) -> bool {
        self.read_full.max(self.refused.map(|(_, until)| until)).is_some_and(|until| wall < until)
    }
}

/// What the outside knows of an account: only what was told to the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Told numbers at least once.
    pub seen: bool,
    /// The 5-hour window.
    pub short: Told,
    /// The week.
    pub long: Told,
    /// The login was refused.
    pub signed_out: bool,
}

impl Known {
    /// Whether it is known to be full at `wall`.
    pub fn full(&self, wall: Utc) -> bool {
        self.short.full(wall) || self.long.full(wall)
    }

    /// Whether its last reading was full, whatever the window's end.
    pub fn read_full(&self) -> bool {
        self.short.read_full.is_some() || self.long.read_full.is_some()
    }
}

/// A lane's swaps as they were committed, in true minutes.
#[derive(Debug, Default)]
pub struct Record {
    /// Automatic swaps of the last hour, with whether they were voluntary.
    recent: VecDeque<(i64, bool)>,
    last: Option<i64>,
}

/// Triggers of swaps that nothing forced.
pub fn voluntary(trigger: Trigger) -> bool {
    matches!(
        trigger,
        Trigger::PlanImproved
            | Trigger::HigherTierEmerged
            | Trigger::IntraTierPreempted
            | Trigger::BurnRate
    )
}

impl Record {
    /// A person moved the lane: residency starts anew.
    pub fn by_person(&mut self, minute: i64) {
        self.last = Some(minute);
    }

    /// Judges an automatic swap (D2).
    pub fn judge(&mut self, minute: i64, trigger: Trigger, breaches: &mut Breaches) {
        let free = voluntary(trigger);
        while self.recent.front().is_some_and(|(at, _)| minute - at >= 60) {
            self.recent.pop_front();
        }
        self.recent.push_back((minute, free));
        if free && self.last.is_some_and(|last| minute - last < 15) {
            breaches.note("D2", minute, "a voluntary swap within the residency");
        }
        if self.recent.len() > 12 {
            breaches.note("D2", minute, "more than 12 swaps in an hour");
        }
        if self.recent.iter().filter(|(_, free)| *free).count() > 4 {
            breaches.note("D2", minute, "more than 4 voluntary swaps in an hour");
        }
        self.last = Some(minute);
    }
}

/// D3: the target of an automatic swap must not be known to fail. One never read is taken only by a
/// lane that must leave, and only when nothing better is known.
pub fn target(
    all: &BTreeMap<AccountId, Known>,
    (from, to): (Option<AccountId>, AccountId),
    trigger: Trigger,
    (minute, wall): (i64, Utc),
    breaches: &mut Breaches,
) {
    let Some(known) = all.get(&to) else {
        breaches.note("D3", minute, "a swap to an account nobody knows");
        return;
    };
    if known.signed_out {
        breaches.note("D3", minute, "a swap to a signed-out account");
    }
    if known.full(wall) {
        breaches.note("D3", minute, "a swap to an account known to be full");
    }
    let better = all.iter().any(|(id, known)| {
        Some(*id) != from && known.seen && !known.signed_out && !known.full(wall)
    });
    if !known.seen && (voluntary(trigger) || better) {
        breaches.note("D3", minute, "a swap to an account never read");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Utc = Utc::from_seconds(18_000);
    const BEFORE: Utc = Utc::from_seconds(6_000);

    fn window(used: f64) -> Window {
        Window { used: Percent::new(used), resets_at: Some(END) }
    }

    #[test]
    fn only_a_newer_reading_with_room_undoes_a_refusal() {
        let after = |written: i64, used: f64| {
            let mut told = Told::default();
            told.refused(50, END);
            told.read(written, &window(used));
            told.full(BEFORE)
        };
        assert!(after(49, 40.0) && after(51, 97.0) && after(51, 100.0));
        assert!(!after(51, 94.0));
    }

    #[test]
    fn a_wrong_reading_of_one_window_outlives_no_better_one() {
        let mut known = Known::default();
        known.long.read(10, &window(100.0));
        known.short.refused(11, END);
        assert!(known.long.full(BEFORE));
        known.long.read(10, &window(97.0));
        assert!(!known.long.full(BEFORE) && known.full(BEFORE));
        assert!(!known.full(END));
    }
}
