//! One usage window: what it meters, what is used of it and when it empties. Unknown is `None`, never
//! zero.

use crate::units::{Percent, Utc};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// Seconds by which two resets may differ and still be the same one.
const SAME_RESET_S: f64 = 1_200.0;
/// Weekly over 5-hour capacity is assumed to be 10, as if this much had been seen of it, percent.
const SEEN: (f64, f64) = (150.0, 15.0);
/// And lies within these bounds.
const RATIO: (f64, f64) = (3.0, 30.0);

/// What a window meters, as the provider names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[cfg_attr(feature = "schema", ts(as = "String"))]
#[serde(from = "String", into = "String")]
pub enum WindowKind {
    /// All use of the account over some hours: the short window.
    FiveHour,
    /// All use of the account over some days: the long window.
    SevenDay,
    /// A limit of a kind that this version does not know, by its name with [`OTHER_MARK`] before it.
    Other(String),
    /// Money: a ceiling, or what is paid past the windows, by its name with [`MONEY_MARK`] before it.
    Money(String),
    /// One model or product, by the provider's name.
    Model(String),
}

/// Before the provider's name of a limit of an unknown kind.
const OTHER_MARK: &str = "other:";
/// Before the provider's name of what meters money.
const MONEY_MARK: &str = "money:";

impl WindowKind {
    /// The windows of the account as a whole, the shorter one first.
    pub const ACCOUNT_WIDE: [Self; 2] = [Self::FiveHour, Self::SevenDay];

    /// Reads the name that front ends and facts use.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "five_hour" => Self::FiveHour,
            "seven_day" => Self::SevenDay,
            other if other.starts_with(OTHER_MARK) => Self::Other(other.into()),
            money if money.starts_with(MONEY_MARK) => Self::Money(money.into()),
            model => Self::Model(model.into()),
        }
    }

    /// A limit of a kind that this version does not know, by the provider's name.
    #[must_use]
    pub fn other(name: &str) -> Self {
        Self::Other([OTHER_MARK, name].concat())
    }

    /// What meters money, by the provider's name.
    #[must_use]
    pub fn money(name: &str) -> Self {
        Self::Money([MONEY_MARK, name].concat())
    }

    /// The provider's own name.
    #[must_use]
    pub fn label(&self) -> &str {
        let name = self.name();
        let bare = match self {
            Self::Other(_) => name.strip_prefix(OTHER_MARK),
            Self::Money(_) => name.strip_prefix(MONEY_MARK),
            Self::FiveHour | Self::SevenDay | Self::Model(_) => None,
        };
        bare.unwrap_or(name)
    }

    /// One of the two windows that the account as a whole lives by.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::FiveHour | Self::SevenDay)
    }

    /// The name that front ends and facts use.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::FiveHour => "five_hour",
            Self::SevenDay => "seven_day",
            Self::Other(name) | Self::Money(name) | Self::Model(name) => name,
        }
    }

    /// The one model it concerns; `None` is the whole account.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Model(model) => Some(model),
            Self::FiveHour | Self::SevenDay | Self::Other(_) | Self::Money(_) => None,
        }
    }
}

impl From<String> for WindowKind {
    fn from(name: String) -> Self {
        Self::named(&name)
    }
}

impl From<WindowKind> for String {
    fn from(kind: WindowKind) -> Self {
        kind.name().into()
    }
}

/// How much money a window meters, in the currency's major unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(default)]
pub struct Amounts {
    /// Spent; `None` is unknown.
    pub used: Option<f64>,
    /// The ceiling; `None` is unlimited or unknown.
    pub limit: Option<f64>,
    /// ISO 4217 code where the provider sends one.
    pub currency: Option<String>,
}

impl Amounts {
    /// The share that is spent; `None` where one of both is unknown, there is no ceiling, or the two
    /// cannot belong together.
    #[must_use]
    pub fn share(&self) -> Option<Percent> {
        let (used, limit) = self.used.zip(self.limit.filter(|limit| *limit > 0.0))?;
        Percent::told(used / limit * 100.0)
    }
}

/// What is known of a window of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// The provider says that there is none: it limits nothing.
    Absent,
    /// It exists and has not begun: all its room is there.
    Closed,
    /// It runs.
    Open,
    /// Nothing was said of it.
    Unknown,
}

/// One metered span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Used share; `None` when the provider did not say.
    pub used: Option<Percent>,
    /// When the window empties; `None` when it has not started or is unknown.
    pub resets_at: Option<Utc>,
}

/// A window as it counts at an instant: what every surface shows of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Used share; 0 once its reset has passed without a newer reading, `None` is unknown.
    pub used: Option<Percent>,
    /// When it emptied, if it was not read since.
    pub emptied_at: Option<Utc>,
}

impl Window {
    /// When the window emptied, if that was after it was read at `read_at` and before `now`. A reading
    /// that is newer than the reset it names counts as it stands.
    #[must_use]
    pub fn emptied(&self, read_at: Option<Utc>, now: Utc) -> Option<Utc> {
        self.resets_at.filter(|reset| *reset <= now && read_at.is_none_or(|read| read < *reset))
    }

    /// The window as it counts at `now`, having been read at `read_at`.
    #[must_use]
    pub fn shown(&self, read_at: Option<Utc>, now: Utc) -> Shown {
        match self.emptied(read_at, now) {
            Some(at) => {
                let empty = self.used.and_then(|_| Percent::new(0.0));
                Shown { used: empty, emptied_at: Some(at) }
            }
            None => Shown { used: self.used, emptied_at: None },
        }
    }

    /// Whether it runs, if there is one.
    #[must_use]
    pub fn state(&self) -> WindowState {
        match (self.used, self.resets_at) {
            (None, None) => WindowState::Unknown,
            (Some(used), None) if used.get() <= 0.0 => WindowState::Closed,
            _ => WindowState::Open,
        }
    }

    /// A share that was said replaces the window; only the endpoint's silence about a reset means
    /// that there is none. What was not said stays.
    pub(crate) fn take(&mut self, seen: &Self, says_all: bool) {
        if seen.used.is_some() {
            self.used = seen.used;
            if says_all || seen.resets_at.is_some() {
                self.resets_at = seen.resets_at;
            }
        } else if seen.resets_at.is_some() {
            self.resets_at = seen.resets_at;
        }
    }
}

/// Whether two readings name one reset: providers' clocks wander between answers.
#[must_use]
pub fn same_reset(one: Utc, other: Utc) -> bool {
    let apart = one.seconds_since(other);
    apart < SAME_RESET_S && apart > -SAME_RESET_S
}

/// Weekly over 5-hour capacity, from how far the 5-hour window (`short`) and the week moved over
/// the same work, percent of each.
#[must_use]
pub fn capacity_ratio(short: f64, week: f64) -> f64 {
    ((SEEN.0 + short) / (SEEN.1 + week)).clamp(RATIO.0, RATIO.1)
}
