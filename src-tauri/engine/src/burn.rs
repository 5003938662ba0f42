//! How fast an account's windows fill, percent per minute.

use crate::units::Utc;
use serde::{Deserialize, Serialize};

/// From this many unchanged looks in a row on, the rates fade.
const FADE_FROM: u32 = 5;
/// What remains of a rate at each such look.
const FADE: f64 = 0.8;
/// Below this a rate is none.
const FLOOR: f64 = 0.001;

/// Burn-rate record of one account, percent per minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Burn {
    /// Rate of the 5-hour window.
    pub five_hour: f64,
    /// Rate of the weekly window.
    pub seven_day: f64,
    /// Last 5-hour value seen.
    pub last_five_hour: Option<f64>,
    /// Last weekly value seen.
    pub last_seven_day: Option<f64>,
    /// Instant of the last reading that was measured.
    pub at: Option<Utc>,
    /// Looks in a row with an unchanged value of the shorter window.
    pub unchanged: u32,
}

impl Burn {
    /// Takes in one look at the windows: measures a change, or fades the rates when nothing moves. A
    /// window that has no share, since the account has none or it is not known, has no rate.
    pub fn look(&mut self, five_hour: Option<f64>, seven_day: Option<f64>, at: Utc) {
        // The shorter window moves first.
        let moved = match five_hour {
            Some(_) => self.last_five_hour != five_hour,
            None => self.last_seven_day != seven_day || self.last_five_hour.is_some(),
        };
        if moved {
            self.unchanged = 0;
            self.measure(five_hour, seven_day, at);
            return;
        }
        self.unchanged = self.unchanged.saturating_add(1);
        if self.unchanged >= FADE_FROM {
            self.five_hour = faded(self.five_hour);
            self.seven_day = faded(self.seven_day);
        }
    }

    /// Rates between the last values and these. A first look has no rate; a clock that did not
    /// advance keeps the rates.
    pub fn measure(&mut self, five_hour: Option<f64>, seven_day: Option<f64>, at: Utc) {
        if let Some(last) = self.at {
            let minutes = at.seconds_since(last) / 60.0;
            if minutes > 0.0 {
                self.five_hour = rate(self.last_five_hour, five_hour, minutes);
                self.seven_day = rate(self.last_seven_day, seven_day, minutes);
            }
        }
        self.last_five_hour = five_hour;
        self.last_seven_day = seven_day;
        self.at = Some(at);
    }
}

fn rate(last: Option<f64>, value: Option<f64>, minutes: f64) -> f64 {
    last.zip(value).map_or(0.0, |(last, value)| ((value - last) / minutes).max(0.0))
}

fn faded(rate: f64) -> f64 {
    let rate = rate * FADE;
    if rate < FLOOR { 0.0 } else { rate }
}
