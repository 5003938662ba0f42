//! What is known of an account's windows: a list, since plans differ in the windows they have and
//! providers take them away and bring them back. A window that the provider says is not there limits
//! nothing; one that nobody spoke of is unknown.

use crate::limits::MODEL_WINDOWS_MAX;
use crate::span::{self, Span};
use crate::units::Utc;
use crate::verdict::{Block, Verdict};
use crate::window::{Amounts, Shown, Window, WindowKind, WindowState, same_reset};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// A window that was there is believed gone after so many whole answers in a row without it.
const GONE_AFTER: u32 = 2;
/// So many where it came back from such an absence within [`WAVERING_S`].
const GONE_AFTER_WAVERING: u32 = 3;
/// Or after the first of those answers is so old, seconds.
const GONE_AFTER_S: f64 = 3_600.0;
/// A window that came back so lately may go and come again, seconds.
const WAVERING_S: f64 = 86_400.0;

/// Paid extra usage of an account, in the currency's minor unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Credits {
    /// Billing past the limits is switched on.
    pub enabled: bool,
    /// Spent this period.
    pub used_minor: Option<f64>,
    /// Ceiling; `None` is unlimited or unknown.
    pub limit_minor: Option<f64>,
    /// ISO 4217 code where the provider sends one.
    pub currency: Option<String>,
}

/// One window of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metered {
    /// What it meters.
    pub kind: WindowKind,
    /// What is used of it; nothing is known of one that is gone.
    pub window: Window,
    /// When somebody last spoke of it; `None` where only the reading as a whole is dated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Utc>,
    /// The provider says this window is the one that binds now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub binding: bool,
    /// The money behind the share; `None` where it meters none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amounts: Option<Amounts>,
    /// Whether whole answers name it.
    #[serde(default, skip_serializing_if = "Presence::is_plain")]
    presence: Presence,
    /// How long it runs.
    #[serde(default, skip_serializing_if = "Span::is_unknown")]
    span: Span,
}

/// Whether the whole answers of the provider still name a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Presence {
    /// A whole answer named it once.
    #[serde(skip_serializing_if = "is_default")]
    named: bool,
    /// Whole answers in a row that did not.
    #[serde(skip_serializing_if = "is_default")]
    unnamed: u32,
    /// The first of them.
    #[serde(skip_serializing_if = "is_default")]
    unnamed_since: Option<Utc>,
    /// When it was last named again after such an answer.
    #[serde(skip_serializing_if = "is_default")]
    returned_at: Option<Utc>,
    /// It is believed gone.
    #[serde(skip_serializing_if = "is_default")]
    gone: bool,
}

/// A world is stored with each decision: what says nothing takes no place.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Presence {
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Somebody spoke of the window at `at`: it is there.
    fn seen(&mut self, at: Utc, says_all: bool) {
        if self.unnamed > 0 {
            self.returned_at = Some(at);
        }
        *self = Self {
            named: self.named || says_all,
            returned_at: self.returned_at,
            ..Self::default()
        };
    }

    /// A whole answer of `at` left the window out.
    fn missed(&mut self, at: Utc) {
        self.unnamed = self.unnamed.saturating_add(1);
        let since = *self.unnamed_since.get_or_insert(at);
        let wavers = self.returned_at.is_some_and(|back| at.seconds_since(back) < WAVERING_S);
        let enough = if wavers { GONE_AFTER_WAVERING } else { GONE_AFTER };
        self.gone |= self.unnamed >= enough || at.seconds_since(since) >= GONE_AFTER_S;
    }
}

/// The windows that somebody spoke of, those of the account as a whole first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Windows {
    windows: Vec<Metered>,
    /// The provider named all its windows once: one that is not in the list is not there.
    whole: bool,
}

/// What is known of an account's windows, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Usage {
    /// The windows.
    #[serde(flatten)]
    pub list: Windows,
    /// Paid extra usage.
    pub credits: Option<Credits>,
    /// What the provider itself says; `None` when it said neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// When the numbers were true; `None` before the first observation.
    pub observed_at: Option<Utc>,
}

impl Usage {
    /// Both windows of an account as a whole, each as far as it is known.
    #[must_use]
    pub fn of(five_hour: Window, seven_day: Window) -> Self {
        let windows = WindowKind::ACCOUNT_WIDE.into_iter().zip([five_hour, seven_day]);
        windows.fold(Self::default(), |usage, (kind, window)| usage.with(kind, window))
    }

    /// The same with this window in place of what was known of it.
    #[must_use]
    pub fn with(mut self, kind: WindowKind, window: Window) -> Self {
        *self.of_kind(&kind) = window;
        self
    }

    /// Adds a model's window, as far as there is place; `binding`: the provider says it binds now.
    pub fn add_model(&mut self, model: &str, window: Window, binding: bool) {
        self.take_window(
            &Metered::new(WindowKind::Model(model.into()), window, binding),
            None,
            false,
        );
    }

    /// Adds a window of money or of an unknown kind, as far as there is place.
    pub fn add(&mut self, kind: WindowKind, window: Window, amounts: Option<Amounts>) {
        let metered = Metered::new(kind, window, false);
        self.take_window(&Metered { amounts, ..metered }, None, false);
    }

    /// The window, to be changed; an unknown one joins the list.
    pub fn of_kind(&mut self, kind: &WindowKind) -> &mut Window {
        let at = self.place(kind);
        &mut self.list.windows[at].window
    }

    /// What is known of a window; that of an absent one is as that of an unknown one, and
    /// [`Self::state`] tells them apart.
    #[must_use]
    pub fn window(&self, kind: &WindowKind) -> Window {
        self.find(kind).map(|metered| metered.window).unwrap_or_default()
    }

    /// How long the window runs, seconds: the provider's word, what its resets told, or else the prior
    /// of its kind.
    #[must_use]
    pub fn span_s(&self, kind: &WindowKind) -> f64 {
        self.find(kind).and_then(Metered::span_s).unwrap_or_else(|| span::prior_s(kind))
    }

    /// The provider says how long the window runs, seconds.
    pub fn say_span(&mut self, kind: &WindowKind, seconds: f64) {
        let at = self.place(kind);
        self.list.windows[at].span.say(seconds);
    }

    /// The shortest window of the account as a whole: `five_hour`.
    #[must_use]
    pub fn short(&self) -> Window {
        self.window(&WindowKind::FiveHour)
    }

    /// The longest window of the account as a whole: `seven_day`.
    #[must_use]
    pub fn long(&self) -> Window {
        self.window(&WindowKind::SevenDay)
    }

    /// Whether there is such a window, and whether it runs.
    #[must_use]
    pub fn state(&self, kind: &WindowKind) -> WindowState {
        match self.find(kind) {
            Some(metered) if metered.presence.gone => WindowState::Absent,
            Some(metered) => metered.window.state(),
            None if self.list.whole => WindowState::Absent,
            None => WindowState::Unknown,
        }
    }

    /// Somebody spoke of the window, and it is there.
    #[must_use]
    pub fn lists(&self, kind: &WindowKind) -> bool {
        self.find(kind).is_some_and(|metered| !metered.presence.gone)
    }

    /// The provider says that the account has no such window.
    #[must_use]
    pub fn lacks(&self, kind: &WindowKind) -> bool {
        self.state(kind) == WindowState::Absent
    }

    /// The window as it counts at `now`.
    #[must_use]
    pub fn shown(&self, kind: &WindowKind, now: Utc) -> Shown {
        self.window(kind).shown(self.read_at(kind), now)
    }

    /// The window of the account as a whole that a refusal of `at` is about, where it names none: the one
    /// that empties at `resets_at`, else the shortest that may. One that runs until another instant is
    /// not meant, and one that the account does not have is not either.
    #[must_use]
    pub fn refused_kind(&self, resets_at: Option<Utc>, at: Utc) -> WindowKind {
        let there = || WindowKind::ACCOUNT_WIDE.into_iter().filter(|kind| !self.lacks(kind));
        let until = |kind: &WindowKind| self.window(kind).resets_at.filter(|until| *until > at);
        let ends_then = |kind: &WindowKind| {
            resets_at.zip(until(kind)).map(|(said, until)| same_reset(said, until))
        };
        let mut same = there().filter(|kind| ends_then(kind) == Some(true));
        let only = same.next().filter(|_| same.next().is_none());
        only.or_else(|| there().find(|kind| ends_then(kind) != Some(false)))
            .or_else(|| there().next())
            .unwrap_or(WindowKind::SevenDay)
    }

    /// When the window emptied, if it was not read since; see [`Window::emptied`].
    #[must_use]
    pub fn emptied(&self, kind: &WindowKind, now: Utc) -> Option<Utc> {
        self.window(kind).emptied(self.read_at(kind), now)
    }

    /// When somebody last spoke of the window: a later reading of another one does not make it newer.
    #[must_use]
    pub fn read_at(&self, kind: &WindowKind) -> Option<Utc> {
        self.find(kind).and_then(|metered| metered.read_at).or(self.observed_at)
    }

    /// Every window that is there, those of the account as a whole first.
    pub fn windows(&self) -> impl Iterator<Item = &Metered> + Clone {
        self.list.windows.iter().filter(|metered| !metered.presence.gone)
    }

    /// The windows of single models.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Metered)> + Clone {
        self.windows().filter_map(|metered| Some((metered.kind.model()?, metered)))
    }

    /// The windows of unknown kinds and of money.
    pub fn further(&self) -> impl Iterator<Item = &Metered> + Clone {
        let is_further = |kind: &WindowKind| !kind.is_own() && kind.model().is_none();
        self.windows().filter(move |metered| is_further(&metered.kind))
    }

    /// The money behind a window, where it meters any.
    #[must_use]
    pub fn amounts(&self, kind: &WindowKind) -> Option<&Amounts> {
        self.find(kind)?.amounts.as_ref()
    }

    /// Why the provider refuses work of the account at `now`.
    #[must_use]
    pub fn blocked(&self, now: Utc) -> Option<Block> {
        self.verdict?.stands(now)
    }

    /// When that ends; `None` is unknown, or nothing is refused.
    #[must_use]
    pub fn blocked_until(&self) -> Option<Utc> {
        self.verdict?.ends()
    }

    /// It was read, and no window of the account as a whole was told: all work is paid by the piece,
    /// where paying is on.
    #[must_use]
    pub fn windowless(&self) -> bool {
        self.observed_at.is_some() && self.tells_no_window()
    }

    fn tells_no_window(&self) -> bool {
        self.short() == Window::default() && self.long() == Window::default()
    }

    fn bills(&self) -> bool {
        self.credits.as_ref().is_some_and(|credits| credits.enabled)
    }

    /// Takes in a newer reading that was true at `at`. `says_all`: what it leaves out is not there
    /// (the provider's endpoint); else what it leaves out has not changed.
    pub fn take(&mut self, seen: &Self, at: Utc, says_all: bool) {
        let before = self.observed_at.replace(at);
        for metered in &mut self.list.windows {
            // What this reading does not speak of is as old as it was.
            metered.read_at = metered.read_at.or(before);
        }
        for metered in &seen.list.windows {
            // A part of an answer that knows nothing of a window does not say that there is one.
            if says_all || metered.window != Window::default() || metered.amounts.is_some() {
                self.take_window(metered, Some(at), says_all);
            }
        }
        if says_all {
            self.forget_unnamed(seen, at);
        }
        if seen.credits.is_some() {
            self.credits.clone_from(&seen.credits);
        }
        if says_all || seen.verdict.is_some() {
            self.verdict = seen.verdict.map(|verdict| verdict.said(at));
        }
    }

    /// A whole answer of `at` was taken in: what it did not name goes, in time. One that names nothing
    /// at all says nothing.
    fn forget_unnamed(&mut self, seen: &Self, at: Utc) {
        if seen.list.windows.is_empty() && !seen.bills() {
            return;
        }
        self.list.whole = true;
        if seen.credits.is_none() {
            self.credits = None;
        }
        for metered in &mut self.list.windows {
            let presence = &mut metered.presence;
            // What only a refusal or a part of the answers spoke of is not the endpoint's to name.
            let is_its = presence.named || metered.kind.is_own();
            if presence.gone || !is_its || seen.find(&metered.kind).is_some() {
                continue;
            }
            presence.missed(at);
            // Where all use is paid, what the windows last said would hide it.
            presence.gone |= seen.bills() && seen.tells_no_window();
            if presence.gone {
                (metered.window, metered.binding) = (Window::default(), false);
                metered.amounts = None;
                metered.span = Span::default();
            }
        }
    }

    fn take_window(&mut self, seen: &Metered, at: Option<Utc>, says_all: bool) {
        let alike = |metered: &&Metered| !metered.kind.is_own() && same_sort(metered, seen);
        let is_new = self.find(&seen.kind).is_none();
        let many = self.list.windows.iter().filter(alike).count();
        if is_new && !seen.kind.is_own() && many >= MODEL_WINDOWS_MAX {
            return;
        }
        let place = self.place(&seen.kind);
        let metered = &mut self.list.windows[place];
        metered.window.take(&seen.window, says_all);
        metered.binding = seen.binding;
        if seen.amounts.is_some() {
            metered.amounts.clone_from(&seen.amounts);
        }
        metered.span.hear(&seen.span);
        if let Some(at) = at {
            metered.presence.seen(at, says_all);
            metered.span.see(&seen.window, at);
            if seen.window != Window::default() {
                metered.read_at = Some(at);
            }
        }
    }

    /// The provider said that the window is not open: what was known of it is void.
    pub(crate) fn close(&mut self, kind: &WindowKind) {
        match kind {
            WindowKind::FiveHour | WindowKind::SevenDay => *self.of_kind(kind) = Window::default(),
            WindowKind::Other(_) | WindowKind::Money(_) | WindowKind::Model(_) => {
                self.list.windows.retain(|metered| metered.kind != *kind);
            }
        }
    }

    /// Work was refused because this window is full: it is there, until when it says.
    pub(crate) fn refuse(&mut self, kind: &WindowKind, full: Window, at: Utc) -> Window {
        self.take_window(&Metered::new(kind.clone(), full, kind.model().is_some()), None, false);
        // With as many models as are kept, another one has no place.
        let found = self.list.windows.iter_mut().find(|metered| metered.kind == *kind);
        let Some(metered) = found else { return full };
        metered.presence.seen(at, false);
        metered.window
    }

    /// The wall clock jumped by `seconds`: readings keep their age, and none is from after `now`.
    pub(crate) fn shift(&mut self, seconds: i64, now: Utc) {
        let moved = |at: Option<Utc>| at.map(|at| at.plus_seconds(seconds).min(now));
        self.observed_at = moved(self.observed_at);
        for metered in &mut self.list.windows {
            metered.read_at = moved(metered.read_at);
            let presence = &mut metered.presence;
            presence.unnamed_since = moved(presence.unnamed_since);
            presence.returned_at = moved(presence.returned_at);
            metered.span.shift(seconds);
        }
    }

    fn find(&self, kind: &WindowKind) -> Option<&Metered> {
        self.list.windows.iter().find(|metered| metered.kind == *kind)
    }

    /// Where the window stands in the list, which it joins if it must.
    fn place(&mut self, kind: &WindowKind) -> usize {
        if let Some(at) = self.list.windows.iter().position(|metered| metered.kind == *kind) {
            return at;
        }
        let at = match kind {
            WindowKind::FiveHour => 0,
            WindowKind::SevenDay => usize::from(self.find(&WindowKind::FiveHour).is_some()),
            WindowKind::Other(_) | WindowKind::Money(_) | WindowKind::Model(_) => {
                self.list.windows.len()
            }
        };
        self.list.windows.insert(at, Metered::new(kind.clone(), Window::default(), false));
        at
    }
}

impl Metered {
    fn new(kind: WindowKind, window: Window, binding: bool) -> Self {
        let (presence, span) = (Presence::default(), Span::default());
        Self { kind, window, read_at: None, binding, amounts: None, presence, span }
    }

    /// How long it runs, seconds, as far as the provider said so or its resets told.
    #[must_use]
    pub fn span_s(&self) -> Option<f64> {
        self.span.known_s()
    }
}

/// Both are models, or neither is: what there is of one sort leaves the other its place.
fn same_sort(one: &Metered, other: &Metered) -> bool {
    one.kind.model().is_some() == other.kind.model().is_some()
}

/// As it is stored. Former versions knew two windows of the account and a list of models.
#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    windows: Vec<Metered>,
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    five_hour: Option<Window>,
    #[serde(default)]
    seven_day: Option<Window>,
    #[serde(default)]
    models: Vec<StoredModel>,
    #[serde(default)]
    credits: Option<Credits>,
    #[serde(default)]
    verdict: Option<Verdict>,
    #[serde(default)]
    observed_at: Option<Utc>,
}

#[derive(Deserialize)]
struct StoredModel {
    model: String,
    window: Window,
    #[serde(default)]
    binding: bool,
}

impl From<Stored> for Usage {
    fn from(stored: Stored) -> Self {
        let Stored { windows, whole, credits, verdict, observed_at, .. } = stored;
        let list = Windows { windows, whole };
        let mut usage = Self { list, credits, verdict, observed_at };
        let former =
            [(WindowKind::FiveHour, stored.five_hour), (WindowKind::SevenDay, stored.seven_day)];
        for (kind, window) in former {
            if let Some(window) = window.filter(|window| *window != Window::default()) {
                usage = usage.with(kind, window);
            }
        }
        for StoredModel { model, window, binding } in stored.models {
            usage.add_model(&model, window, binding);
        }
        usage
    }
}
