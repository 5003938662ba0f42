//! A scenario file is read, and what it has to keep to; the first breach is named.

use super::SimulateError;
use super::scenario::{AccountSpec, Scenario};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// Accounts alike and unchanging.
const PLAIN: &str = "quota-sim/1";
/// Adds [`SHAPES`] and accounts without a short window.
const SHAPED: &str = "quota-sim/2";
/// The keys of an account that the plain format does not know.
const SHAPES: [&str; 5] = ["span5", "span7", "short_changes", "plan_changes", "early_resets"];

/// As much of a file as tells its format.
#[derive(Deserialize)]
struct Keys {
    format: String,
    #[serde(default)]
    accounts: Vec<BTreeMap<String, IgnoredAny>>,
}

impl Scenario {
    /// Reads a scenario from JSON.
    ///
    /// # Errors
    /// [`SimulateError::Scenario`] with the parser's words, or as [`Self::check`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SimulateError> {
        keys(bytes).map_err(SimulateError::Scenario)?;
        let scenario: Self = serde_json::from_slice(bytes)
            .map_err(|error| SimulateError::Scenario(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Refuses what cannot be run.
    ///
    /// # Errors
    /// [`SimulateError::Scenario`] naming the first thing that is wrong.
    pub fn check(&self) -> Result<(), SimulateError> {
        whole(self).map_err(SimulateError::Scenario)
    }
}

/// Refuses a file of another format, or one that names what its format does not know.
fn keys(bytes: &[u8]) -> Result<(), String> {
    let keys: Keys = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    format(&keys.format)?;
    let named = |key: &str| keys.accounts.iter().any(|account| account.contains_key(key));
    match SHAPES.into_iter().find(|key| keys.format == PLAIN && named(key)) {
        Some(key) => Err(format!("{PLAIN} has no \"{key}\"")),
        None => Ok(()),
    }
}

fn format(name: &str) -> Result<(), String> {
    if name == PLAIN || name == SHAPED {
        return Ok(());
    }
    Err(format!("format is \"{name}\"; known are {PLAIN} and {SHAPED}"))
}

fn whole(scenario: &Scenario) -> Result<(), String> {
    format(&scenario.format)?;
    if scenario.accounts.is_empty() || scenario.observe.resolution_pct <= 0.0 {
        return Err("no accounts, or a resolution of zero".to_owned());
    }
    for spec in &scenario.accounts {
        if scenario.format == PLAIN && spec.c5.is_none() {
            return Err(format!("account {} has no c5; {PLAIN} needs one", spec.id));
        }
        account(spec, scenario.horizon_min)
            .map_err(|what| format!("account {}: {what}", spec.id))?;
    }
    for agent in &scenario.agents {
        if scenario.index(&agent.initial_account).is_none() {
            return Err(format!("agent {} starts on an unknown account", agent.id));
        }
    }
    Ok(())
}

fn account(spec: &AccountSpec, horizon: i64) -> Result<(), String> {
    for (name, span) in [("span5", spec.span5), ("span7", spec.span7)] {
        if span <= 0 {
            return Err(format!("{name} is {span}"));
        }
    }
    if spec.c5.is_none() && (spec.window5_open_at.is_some() || spec.used5_0 != 0.0) {
        return Err("without a short window, one is open or used at minute 0".to_owned());
    }
    minutes("short_changes", horizon, spec.short_changes.iter().map(|change| change.0))?;
    minutes("plan_changes", horizon, spec.plan_changes.iter().map(|change| change.minute))?;
    minutes("early_resets", horizon, spec.early_resets.iter().map(|reset| reset.minute))?;
    match spec.plan_changes.first() {
        Some(change) if change.minute <= spec.available_from => {
            Err(format!("plan_changes at {} before the account exists", change.minute))
        }
        _ => Ok(()),
    }
}

/// Strictly increasing and within the run, or it says which minute is not.
fn minutes(list: &str, horizon: i64, of: impl Iterator<Item = i64>) -> Result<(), String> {
    let mut last = 0;
    for minute in of {
        if minute < 1 || minute >= horizon {
            return Err(format!("{list} at {minute}, outside 1..{horizon}"));
        }
        if minute <= last {
            return Err(format!("{list} at {minute}, not after {last}"));
        }
        last = minute;
    }
    Ok(())
}
