//! The invariants D1 to D7, L1, S1, T1, T2, W1 and W2, judged from outside the engine.
//! `tests/RELIABILITY.md` says what each means.

use sluice_engine::{
    AccountId, Login, Percent, Refusal, Trigger, Usage, Utc, Verdict, Window, WindowKind,
    WindowState,
};
use std::collections::{BTreeMap, VecDeque};

/// The names, in order.
pub const NAMES: [&str; 13] =
    ["D1", "D2", "D3", "D4", "D5", "D6", "D7", "L1", "S1", "T1", "T2", "W1", "W2"];

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

/// A window may be gone after so many whole answers in a row without it,
const GONE_FIRST: u32 = 2;
/// and is for certain after so many whole answers in a row without it,
const GONE_AFTER: u32 = 3;
/// or so long after the first of them, minutes; the clock may have been set by some.
const GONE_AFTER_MIN: i64 = 65;
/// A reading this much later than a refusal speaks against it, minutes.
const SPEAKS_AFTER_MIN: i64 = 10;
/// Shares under which no rule calls a window full, percent: of the short one, and of the week.
const ROOMY: [f64; 2] = [50.0, 70.0];
/// Refusals that call an account full.
const OF_WINDOWS: [Refusal; 3] =
    [Refusal::NoShortHeadroom, Refusal::NoWeeklyHeadroom, Refusal::Blocked];
/// Refusals that speak of a week: one that the plan does not have is behind nothing.
const OF_THE_WEEK: [Refusal; 2] = [Refusal::UsageUnknown, Refusal::NoReset];

/// What was told of one window of an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Its share by the last answer that named it, percent.
    used: f64,
    /// Its end by that answer.
    ends: Option<Utc>,
    /// The last reading said full until then.
    read_full: Option<Utc>,
    /// The true minute of the last refusal that stands, and the end of the window that refused.
    refused: Option<(i64, Utc)>,
    /// The true minute of the last refusal of all.
    refused_at: Option<i64>,
    /// It was told of, and the last answer or refusal did.
    named: bool,
    /// Whole answers in a row that left it out.
    unnamed: u32,
    /// For how long they did, minutes, and since when.
    unnamed_for: i64,
    unnamed_since: Option<i64>,
    /// The provider says that all work is paid and named no window.
    replaced: bool,
}

impl Told {
    /// Work was refused; the window ends at `until`.
    pub fn refused(&mut self, minute: i64, until: Utc) {
        self.refused = Some((minute, until));
        self.refused_at = Some(minute);
        self.spoken_of();
    }

    fn spoken_of(&mut self) {
        self.named = true;
        (self.unnamed, self.unnamed_for, self.unnamed_since) = (0, 0, None);
        self.replaced = false;
    }

    /// A reading, written at the true minute `written`, was delivered. It undoes a refusal only if
    /// it is newer and leaves room to speak of: a share next to full agrees with it.
    pub fn read(&mut self, written: i64, window: &Window) {
        self.spoken_of();
        let used = window.used.map_or(0.0, Percent::get);
        (self.used, self.ends) = (used, window.resets_at);
        self.read_full = window.resets_at.filter(|_| used >= READ_FULL);
        self.refused = self.refused.filter(|(minute, until)| {
            let same = |end: Utc| end.seconds_since(*until).abs() <= SAME_WINDOW_S;
            let agrees = used >= NEXT_TO_FULL && window.resets_at.is_some_and(same);
            written < *minute || agrees
        });
    }

    /// A whole answer left it out.
    fn left_out(&mut self, written: i64, paid: bool) {
        self.named = false;
        self.unnamed += 1;
        let since = *self.unnamed_since.get_or_insert(written);
        self.unnamed_for = written - since;
        self.replaced |= paid;
        if self.gone() || self.unnamed >= GONE_FIRST {
            (self.read_full, self.refused) = (None, None);
        }
    }

    /// It is not there for certain.
    pub fn gone(&self) -> bool {
        let long = self.unnamed >= GONE_AFTER || self.unnamed_for >= GONE_AFTER_MIN;
        long || (self.unnamed > 0 && self.replaced)
    }

    fn full(&self, wall: Utc) -> bool {
        self.read_full.max(self.refused.map(|(_, until)| until)).is_some_and(|until| wall < until)
    }

    /// Nothing that was told since the last refusal speaks of anything but room.
    fn roomy(&self, written: i64, under: f64) -> bool {
        let undone = self.refused_at.is_none_or(|at| written >= at + SPEAKS_AFTER_MIN);
        self.gone() || (self.named && self.used < under && self.refused.is_none() && undone)
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
    /// The provider refuses all work.
    pub blocked: bool,
    /// All its work is paid; what was spent, in the minor unit of its money.
    pub paid: Option<f64>,
    /// The true minute its last numbers are of.
    pub written: i64,
}

impl Known {
    /// A whole answer was taken in.
    pub fn read(&mut self, written: i64, usage: &Usage) {
        let credits = usage.credits.as_ref().filter(|credits| credits.enabled);
        if usage.windows().next().is_none() && credits.is_none() {
            // It says nothing.
            return;
        }
        self.seen = true;
        self.written = written;
        self.paid = credits.map(|credits| credits.used_minor.unwrap_or(0.0));
        self.blocked = matches!(usage.verdict, Some(Verdict::Refused { .. }));
        let told = [&mut self.short, &mut self.long];
        for (kind, told) in WindowKind::ACCOUNT_WIDE.iter().zip(told) {
            if usage.lists(kind) {
                told.read(written, &usage.window(kind));
            } else {
                told.left_out(written, self.paid.is_some());
            }
        }
    }

    /// Whether it is known to be full at `wall`.
    pub fn full(&self, wall: Utc) -> bool {
        self.short.full(wall) || self.long.full(wall)
    }

    /// Whether its last reading was full, whatever the window's end.
    pub fn read_full(&self) -> bool {
        self.short.read_full.is_some() || self.long.read_full.is_some()
    }

    /// Whether it is known to do no work at `wall`.
    pub fn dead(&self, wall: Utc) -> bool {
        self.signed_out || self.blocked || self.full(wall)
    }

    /// Whether it is known to work at `wall`, and to cost nothing.
    pub fn open(&self, wall: Utc) -> bool {
        self.seen && self.paid.is_none() && !self.dead(wall)
    }

    /// Whether it is known to work, and nothing that was told of it is next to full.
    pub fn ample(&self, wall: Utc) -> bool {
        let told = [self.short, self.long];
        self.open(wall) && told.iter().all(|told| told.gone() || told.used < NEXT_TO_FULL)
    }

    /// Whether everything that was told of it speaks of room in a window that is there.
    fn roomy(&self) -> bool {
        let told = [self.short, self.long];
        let all = told.iter().zip(ROOMY).all(|(told, under)| told.roomy(self.written, under));
        let any = told.iter().any(|told| told.named);
        all && any && self.open(Utc::from_seconds(0))
    }
}

/// W1: what the engine says of a candidate's windows. `idle`: nothing was used of it since it was read.
pub fn candidate(known: &Known, refusal: Refusal, idle: bool, wall: Utc) -> Option<&'static str> {
    match refusal {
        Refusal::NoShortHeadroom if known.short.gone() => Some("full by a short window it lacks"),
        Refusal::NoWeeklyHeadroom if known.long.gone() => Some("used up by a week it lacks"),
        one if OF_WINDOWS.contains(&one) && idle && known.roomy() => {
            Some("not chosen for its windows, which have room")
        }
        one if OF_THE_WEEK.contains(&one) && idle && known.roomy() => {
            let open = known.long.named && known.long.ends.is_some_and(|end| end > wall);
            open.then_some("not chosen for a week that is told of")
        }
        _ => None,
    }
}

/// W2: what the engine keeps of an account's windows: an absent one has no share, one that was named
/// is there, and money is kept as long as it is told of.
pub fn windows(known: &Known, usage: &Usage, wall: Utc) -> Option<&'static str> {
    let told = [known.short, known.long];
    for (kind, told) in WindowKind::ACCOUNT_WIDE.iter().zip(told) {
        let state = usage.state(kind);
        let empty =
            usage.window(kind) == Window::default() && usage.shown(kind, wall).used.is_none();
        if told.gone() && (state != WindowState::Absent || usage.lists(kind)) {
            return Some("a window that is gone is kept");
        }
        if state == WindowState::Absent && !empty {
            return Some("an absent window has a share");
        }
        if told.named && matches!(state, WindowState::Absent | WindowState::Unknown) {
            return Some("a window that was named is not there");
        }
    }
    let bills = usage.credits.as_ref().is_some_and(|credits| credits.enabled);
    (known.seen && bills != known.paid.is_some()).then_some("money is kept as nobody told it")
}

/// L1: a login is refused only where somebody was told so, and none is lost.
pub fn login(known: &Known, login: Login) -> Option<&'static str> {
    match login {
        Login::Missing => Some("a login was lost"),
        Login::NeedsSignIn if !known.signed_out => Some("a login was given up unasked"),
        _ => None,
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

/// D3: the target of an automatic swap must not be known to fail, nor to bill past the `ceiling`. One
/// never read is taken only by a lane that must leave, and only when nothing better is known.
pub fn target(
    all: &BTreeMap<AccountId, Known>,
    (from, to): (Option<AccountId>, AccountId),
    (trigger, ceiling): (Trigger, Option<f64>),
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
    if known.blocked {
        breaches.note("D3", minute, "a swap to an account that its provider refuses");
    }
    if known.paid.is_some_and(|spent| ceiling.is_none_or(|most| spent >= most)) {
        breaches.note("D3", minute, "a swap to an account that bills more than is allowed");
    }
    let better = all.iter().any(|(id, known)| Some(*id) != from && known.open(wall));
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

    fn answer(short: Option<f64>, week: Option<f64>) -> Usage {
        let told = [short, week].map(|used| used.map(window));
        let kinds = WindowKind::ACCOUNT_WIDE.into_iter().zip(told);
        kinds.fold(Usage::default(), |usage, (kind, told)| match told {
            Some(window) => usage.with(kind, window),
            None => usage,
        })
    }

    #[test]
    fn a_window_is_gone_after_three_answers_or_an_hour() {
        let mut known = Known::default();
        known.read(0, &answer(Some(100.0), Some(10.0)));
        assert!(known.dead(BEFORE));
        known.read(5, &answer(None, Some(10.0)));
        known.read(10, &answer(None, Some(10.0)));
        assert!(!known.short.gone(), "it may be there");
        known.read(15, &answer(None, Some(10.0)));
        assert!(known.short.gone() && !known.dead(BEFORE));
        assert_eq!(
            candidate(&known, Refusal::NoShortHeadroom, false, BEFORE),
            Some("full by a short window it lacks")
        );
        assert!(candidate(&known, Refusal::NoWeeklyHeadroom, true, BEFORE).is_some());
        assert!(candidate(&known, Refusal::NoWeeklyHeadroom, false, BEFORE).is_none());
        known.read(20, &answer(Some(3.0), Some(10.0)));
        assert!(!known.short.gone());
        known.read(25, &answer(None, Some(10.0)));
        known.read(90, &answer(None, Some(10.0)));
        assert!(known.short.gone());
    }

    #[test]
    fn an_answer_that_names_nothing_says_nothing() {
        let mut known = Known::default();
        known.read(0, &answer(Some(100.0), Some(10.0)));
        (1..9).for_each(|minute| known.read(minute * 60, &Usage::default()));
        assert!(!known.short.gone() && known.dead(BEFORE));
    }
}
