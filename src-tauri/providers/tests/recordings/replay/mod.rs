//! Replays recorded answers and files: what the program makes of each must be what its manifest
//! expects, key by key.

mod claude;
mod codex;
pub(crate) mod compare;
mod facts;

use facts::Facts;
use serde::Deserialize;
use serde_json::{Map, Value};
use sluice_engine::Utc;
use std::fs;
use std::path::Path;

/// One recording and what is expected of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Fixture {
    /// Path below the directory.
    pub file: String,
    /// What it is: `http`, `usage_response`, …
    pub kind: String,
    /// What the program should make of it.
    pub expect: Map<String, Value>,
}

#[derive(Deserialize)]
struct Manifest {
    reference_now: String,
    fixtures: Vec<Fixture>,
}

/// How a replay ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Recordings read as expected.
    pub passed: usize,
    /// What was read otherwise: file and difference.
    pub failed: Vec<(String, String)>,
}

/// A recording, in hand.
pub(crate) struct Case<'c> {
    pub(crate) name: &'c str,
    pub(crate) kind: &'c str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) now: Utc,
}

impl Case<'_> {
    /// The recording as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

/// Replays every recording a directory's `manifest.json` names.
///
/// # Errors
/// The manifest cannot be read or does not have the shape of one.
pub fn replay(directory: &Path) -> Result<Outcome, String> {
    let path = directory.join("manifest.json");
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| told(&error))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| told(&error))?;
    let now = sluice_providers::json::written_instant(&manifest.reference_now)
        .ok_or_else(|| told(&"reference_now is no instant"))?;
    let mut outcome = Outcome::default();
    for fixture in &manifest.fixtures {
        match check(directory, fixture, now) {
            Ok(()) => outcome.passed += 1,
            Err(why) => outcome.failed.push((fixture.file.clone(), why)),
        }
    }
    Ok(outcome)
}

fn check(directory: &Path, fixture: &Fixture, now: Utc) -> Result<(), String> {
    let bytes = fs::read(directory.join(&fixture.file)).map_err(|error| error.to_string())?;
    let (provider, name) = fixture.file.split_once('/').ok_or("no provider in the path")?;
    let case = Case { name, kind: &fixture.kind, bytes, now };
    let facts = read(provider, &case)?;
    compare::expect(&fixture.expect, &facts.into_map())
}

/// What the program makes of a recording.
fn read(provider: &str, case: &Case<'_>) -> Result<Facts, String> {
    let facts = match provider {
        "claude" => claude::read(case),
        "codex" => codex::read(case),
        _ => None,
    };
    facts.unwrap_or_else(|| Err(format!("nothing reads {} of {provider}", case.kind)))
}
