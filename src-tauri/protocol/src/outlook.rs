//! What will be left of each window, and what was: the values that front ends draw.

use crate::words::{self, percent};
use crate::{AccountView, ProviderView};
use chrono::{DateTime, FixedOffset, TimeZone as _};
use serde::{Deserialize, Serialize};
use sluice_engine::forecast::{Kind, Outlook, RunOut};
use sluice_engine::{AccountId, Utc, WindowKind};

/// What is expected to be left of a window at its reset, whole percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ForecastsView {
    /// Of the 5-hour window.
    pub five_hour: Option<ForecastView>,
    /// Of the weekly window.
    pub seven_day: Option<ForecastView>,
}

/// When the live account is full at the present pace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunOutView {
    /// The window that is full first: `five_hour` or `seven_day`.
    pub window: WindowKind,
    /// When, to the minute.
    pub at_ms: i64,
}

/// What is planned for the coming week. What each account's week will lose stands with its forecasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct WeekView {
    /// Who is meant to be live when, per provider in order; nothing under a policy that does not plan.
    pub stretches: Vec<StretchView>,
    /// Working hours, in order.
    pub work: Vec<SpanView>,
}

/// An account that is meant to be live for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct StretchView {
    /// Which.
    pub account: AccountId,
    /// From when, to a quarter of an hour.
    pub from_ms: i64,
    /// Until when.
    pub until_ms: i64,
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct SpanView {
    /// From when.
    pub from_ms: i64,
    /// Until when.
    pub until_ms: i64,
}

/// A weekly window that has ended. Shares are percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
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
        // To the minute, or every look would publish another view.
        let at_ms = (found.at.millis() + 30_000).div_euclid(60_000) * 60_000;
        Self { window: found.window.into(), at_ms }
    }
}

impl ForecastView {
    /// `about 34 %, 20 to 55 %`.
    #[must_use]
    pub fn words(&self) -> String {
        if self.high - self.low < 2.0 {
            return percent(self.p50);
        }
        format!("about {}, {:.0} to {}", percent(self.p50), self.low, percent(self.high))
    }
}

/// What lies ahead of a provider's live account, most pressing first: when it is full at the present
/// pace, and what will be left of its week. `offset` is the person's, so that the day is theirs.
#[must_use]
pub fn ahead(
    provider: &ProviderView,
    live: &AccountView,
    now_ms: i64,
    offset: FixedOffset,
) -> Vec<String> {
    let full = provider.run_out.as_ref().map(|found| {
        let what = if found.window == WindowKind::SevenDay { "week full" } else { "full" };
        if found.at_ms <= now_ms {
            return format!("{what} any moment at this pace");
        }
        let span = words::span(Utc::from_millis(now_ms), Utc::from_millis(found.at_ms));
        format!("{what} in {span} at this pace")
    });
    let week = live.forecasts.seven_day.filter(|said| said.resets_at_ms > now_ms).map(|said| {
        let left = if said.p50 < 1.0 {
            "nothing".to_owned()
        } else {
            format!("about {}", percent(said.p50))
        };
        format!("{left} unused at {} reset", day(said.resets_at_ms, now_ms, offset))
    });
    full.into_iter().chain(week).collect()
}

/// `today's`, `tomorrow's`, `Sunday's`; the date beyond the week.
fn day(at_ms: i64, now_ms: i64, offset: FixedOffset) -> String {
    let local =
        |ms: i64| -> Option<DateTime<FixedOffset>> { offset.timestamp_millis_opt(ms).single() };
    let (Some(then), Some(now)) = (local(at_ms), local(now_ms)) else {
        return "its".to_owned();
    };
    match (then.date_naive() - now.date_naive()).num_days() {
        0 => "today's".to_owned(),
        1 => "tomorrow's".to_owned(),
        2..=6 => then.format("%A's").to_string(),
        _ => then.format("the %-d %b").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_reset_is_the_persons_own() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap();
        let now = at("2026-11-22T23:30:00+01:00");
        let said =
            |text: &str| day(at(text).timestamp_millis(), now.timestamp_millis(), *now.offset());
        assert_eq!(said("2026-11-22T23:45:00+01:00"), "today's");
        assert_eq!(said("2026-11-22T23:30:00+00:00"), "tomorrow's", "half past midnight here");
        assert_eq!(said("2026-11-25T09:00:00+01:00"), "Wednesday's");
        assert_eq!(said("2026-11-29T09:00:00+01:00"), "the 29 Nov");
    }
}
