//! What will be left of each window, and what was: the values front ends draw.

use serde::{Deserialize, Serialize};
use sluice_engine::AccountId;
use sluice_engine::forecast::{Kind, Outlook, RunOut};

/// What is expected to be left of a window at its reset, whole percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastView {
    /// As likely more as less is left.
    pub p50: f64,
    /// With nine in ten at most this much is left.
    pub p90: f64,
    /// Nine in ten outcomes lie from here …
    pub low: f64,
    /// … to here.
    pub high: f64,
    /// When the window ends.
    pub resets_at_ms: i64,
}

/// The forecasts of an account; `None` where too little is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForecastsView {
    /// Of the 5-hour window.
    pub five_hour: Option<ForecastView>,
    /// Of the weekly window.
    pub seven_day: Option<ForecastView>,
}

/// When the live account is full at the present pace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOutView {
    /// `five_hour` or `seven_day`: the window that is full first.
    pub window: String,
    /// When, to the minute.
    pub at_ms: i64,
}

/// A weekly window that has ended. Shares are percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrandedView {
    /// Whose.
    pub account: AccountId,
    /// When it ended.
    pub resets_at_ms: i64,
    /// What was left of it.
    pub unused: f64,
    /// What had been foreseen a day before.
    pub p50: Option<f64>,
    /// At most this was foreseen with nine in ten.
    pub p90: Option<f64>,
}

fn whole(percent: f64) -> f64 {
    percent.round()
}

impl From<&Outlook> for ForecastView {
    fn from(said: &Outlook) -> Self {
        Self {
            p50: whole(said.p50),
            p90: whole(said.p90),
            low: whole(said.low),
            high: whole(said.high),
            resets_at_ms: said.resets_at.millis(),
        }
    }
}

/// The two forecasts of one account among all.
#[must_use]
pub fn of(account: AccountId, all: &[Outlook]) -> ForecastsView {
    let find = |kind: Kind| {
        all.iter().find(|said| said.account == account && said.window == kind).map(Into::into)
    };
    ForecastsView { five_hour: find(Kind::FiveHour), seven_day: find(Kind::SevenDay) }
}

impl From<RunOut> for RunOutView {
    fn from(found: RunOut) -> Self {
        let window = match found.window {
            Kind::FiveHour => "five_hour",
            Kind::SevenDay => "seven_day",
        };
        // To the minute, or every look would publish another view.
        let at_ms = (found.at.millis() + 30_000).div_euclid(60_000) * 60_000;
        Self { window: window.to_owned(), at_ms }
    }
}

impl ForecastView {
    /// `about 34 %, 20 to 55 %`.
    #[must_use]
    pub fn words(&self) -> String {
        if self.high - self.low < 2.0 {
            return format!("{:.0} %", self.p50);
        }
        format!("about {:.0} %, {:.0} to {:.0} %", self.p50, self.low, self.high)
    }
}
