//! Limit resets on the screen: how many, what they empty, until when.

use crate::words::percent;
use serde::{Deserialize, Serialize};
use sluice_engine::Resets;
use sluice_engine::grant::Grant;
use sluice_engine::reset_plan::Counsel;
use sluice_engine::{Source, Utc, WindowKind};

/// An hour, milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// The limit resets of an account, as somebody told them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ResetsView {
    /// How many are left.
    pub left: u32,
    /// When the first of them is lost; `None` where nobody said, or none is left.
    pub ends_at_ms: Option<i64>,
    /// The same by grant, the first to end first.
    pub grants: Vec<GrantView>,
    /// Who said it.
    pub said_by: Source,
    /// When it was true.
    pub read_at_ms: i64,
    /// What to do with the first of them; `None` where nothing is worth saying.
    #[serde(default)]
    pub counsel: Option<ResetCounsel>,
}

/// What to do with a limit reset. Sluice spends none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ResetCounsel {
    /// Use it now, before [`Self::at_ms`]; else keep it until then.
    pub now: bool,
    /// Before then its use is gone; or then it is worth most.
    pub at_ms: i64,
    /// What it would empty now, or then, whole percent of the window.
    pub freed: u8,
    /// Which window.
    pub window: WindowKind,
}

impl From<Counsel> for ResetCounsel {
    fn from(found: Counsel) -> Self {
        Self {
            now: found.now,
            // To the hour, or every look would publish another view.
            at_ms: found.at.millis().div_euclid(HOUR_MS) * HOUR_MS,
            freed: found.freed.clamp(0.0, 100.0).round() as u8,
            window: found.window.into(),
        }
    }
}

impl ResetCounsel {
    /// `use it before Fri 18:00: 61 % of the week would be freed`; `clock` writes an instant for the person.
    #[must_use]
    pub fn words(&self, clock: impl Fn(i64) -> String) -> String {
        let of = if self.window == WindowKind::FiveHour { "5-hour window" } else { "week" };
        let freed = percent(f64::from(self.freed));
        let at = clock(self.at_ms);
        if self.now {
            format!("use it before {at}: {freed} of the {of} would be freed")
        } else {
            format!("keep it for {at}: about {freed} of the {of} would be freed then")
        }
    }
}

/// Limit resets that were granted together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
pub struct GrantView {
    /// How many of them are left.
    pub left: u32,
    /// They cannot be spent before then.
    pub starts_at_ms: Option<i64>,
    /// They are lost then.
    pub ends_at_ms: Option<i64>,
    /// The provider holds them back for now.
    pub paused: bool,
    /// One can be spent now, as far as anybody said.
    pub usable: bool,
    /// The windows that one empties; none: nobody said which.
    pub frees: Vec<WindowKind>,
}

impl ResetsView {
    /// What is known at `now`; `None`: nobody said.
    #[must_use]
    pub fn of(resets: &Resets, counsel: Option<Counsel>, now: Utc) -> Option<Self> {
        let told = resets.told.as_ref()?;
        let view = |grant: &Grant| GrantView {
            left: grant.left,
            starts_at_ms: grant.starts_at.map(Utc::millis),
            ends_at_ms: grant.ends_at.map(Utc::millis),
            paused: grant.paused,
            usable: grant.usable(now),
            frees: grant.frees.clone(),
        };
        Some(Self {
            left: resets.left(now)?,
            ends_at_ms: resets.first_end(now).map(Utc::millis),
            grants: resets.in_hand(now).into_iter().map(view).collect(),
            said_by: told.by,
            read_at_ms: told.read_at.millis(),
            counsel: counsel.map(Into::into),
        })
    }

    /// `2 resets, the first ends 22 Oct`; `date` writes an instant as the person's day.
    #[must_use]
    pub fn words(&self, date: impl Fn(i64) -> String) -> String {
        let count = count_words(self.left);
        match (self.ends_at_ms, self.left) {
            (None, _) | (_, 0) => count,
            (Some(end), 1) => format!("{count}, ends {}", date(end)),
            (Some(end), _) => format!("{count}, the first ends {}", date(end)),
        }
    }
}

/// `2 resets`.
#[must_use]
pub fn count_words(count: u32) -> String {
    match count {
        0 => "no resets".to_owned(),
        1 => "1 reset".to_owned(),
        count => format!("{count} resets"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_engine::grant::Said;

    const NOW: Utc = Utc::from_seconds(1_795_262_400);

    fn words(grants: Vec<Grant>) -> String {
        let mut resets = Resets::default();
        resets.take(&Said::Grants(grants), Source::Endpoint, NOW);
        let date = |ms: i64| format!("day {}", (ms - NOW.millis()) / 86_400_000);
        ResetsView::of(&resets, None, NOW).expect("it was told").words(date)
    }

    #[test]
    fn the_number_is_told_with_the_first_end() {
        let grant = |left, days: Option<i64>| Grant {
            left,
            ends_at: days.map(|days| NOW.plus_seconds(days * 86_400)),
            ..Grant::default()
        };
        assert_eq!(words(vec![]), "no resets");
        assert_eq!(words(vec![grant(1, Some(3))]), "1 reset, ends day 3");
        assert_eq!(
            words(vec![grant(1, Some(9)), grant(1, Some(3))]),
            "2 resets, the first ends day 3"
        );
        assert_eq!(words(vec![grant(2, None)]), "2 resets");
        assert_eq!(ResetsView::of(&Resets::default(), None, NOW), None, "unknown is not none");
    }

    #[test]
    fn the_counsel_names_a_time_and_what_is_freed() {
        let said = |now| {
            let (at, freed, window) = (NOW, 60.7, sluice_engine::forecast::Kind::SevenDay);
            let counsel = ResetCounsel::from(Counsel { now, at, freed, window });
            counsel.words(|_| "Fri 18:00".to_owned())
        };
        assert_eq!(said(true), "use it before Fri 18:00: 61 % of the week would be freed");
        assert_eq!(
            said(false),
            "keep it for Fri 18:00: about 61 % of the week would be freed then"
        );
    }
}
