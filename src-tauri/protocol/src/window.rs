//! An account's windows on the screen, and its provider's own refusal.

use super::{AccountView, Block, Instant};
use serde::{Deserialize, Serialize};
use sluice_engine::{Amounts, WindowKind};

/// One window on the screen, as it counts when the view was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct WindowView {
    /// Used share in percent; 0 once its reset has passed without a newer reading, `None` is unknown.
    pub used: Option<f64>,
    /// When it empties; the passed instant where it has emptied and was not read since.
    pub resets_at_ms: Option<i64>,
    /// It emptied then and was not read since: its share is a reckoning, to be shown as "about".
    #[serde(default)]
    pub emptied_at_ms: Option<i64>,
    /// When it was read.
    #[serde(default)]
    pub read_at_ms: Option<i64>,
    /// How long it runs, as far as the provider or its resets told, else as windows of its kind do; 0 is
    /// unknown.
    #[serde(default)]
    pub span_ms: i64,
}

impl WindowView {
    /// The window as it counts at `now_ms`, for who shows an older view: every surface asks here, so
    /// that all show the same.
    #[must_use]
    pub fn at(self, now_ms: i64) -> Self {
        let window = sluice_engine::Window {
            used: self.used.and_then(sluice_engine::Percent::new),
            resets_at: self.resets_at_ms.map(Instant::from_millis),
        };
        let read = self.read_at_ms.map(Instant::from_millis);
        let shown = window.shown(read, Instant::from_millis(now_ms));
        let emptied_at_ms = self.emptied_at_ms.or(shown.emptied_at.map(Instant::millis));
        Self { used: shown.used.map(sluice_engine::Percent::get), emptied_at_ms, ..self }
    }
}

/// The provider's own refusal of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct BlockedView {
    /// Why.
    pub why: Block,
    /// Until when; `None` lasts until the provider says otherwise.
    pub until_ms: Option<i64>,
}

/// One of an account's windows on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct NamedWindow {
    /// `five_hour`, `seven_day` or the provider's name of a model.
    pub kind: WindowKind,
    /// The window.
    pub window: WindowView,
    /// The money behind the share; `None` where it meters none.
    #[serde(default)]
    pub amounts: Option<Amounts>,
}

impl NamedWindow {
    /// A window without money.
    #[must_use]
    pub const fn plain(kind: WindowKind, window: WindowView) -> Self {
        Self { kind, window, amounts: None }
    }
}

/// The past of a window that is not the account's as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct OtherHistory {
    /// Which window.
    pub kind: WindowKind,
    /// Its share in each of the rows beside it, percent; `None` where it was not told.
    pub used: Vec<Option<f64>>,
}

impl AccountView {
    /// The windows of the account as a whole that are there, the shortest first. Until the provider has
    /// spoken both are expected, and unknown. Where there is none, what meters money takes their place.
    pub fn own_windows(&self) -> impl Iterator<Item = &NamedWindow> + Clone {
        let paid = !self.windows.iter().any(|named| named.kind.is_own());
        self.windows.iter().filter(move |named| {
            named.kind.is_own() || paid && matches!(named.kind, WindowKind::Money(_))
        })
    }

    /// One of its windows; `None` where the provider says that there is none.
    #[must_use]
    pub fn window(&self, kind: &WindowKind) -> Option<WindowView> {
        self.windows.iter().find(|named| named.kind == *kind).map(|named| named.window)
    }
}
