//! Events that could not reach the database: one file each, replayed by the driver. A replayed
//! failure is remembered and can never cause a swap.

use crate::codec;
use crate::error::{Error, Result};
use crate::failures::FailureReport;
use crate::moves::Style;
use crate::open::Ledger;
use serde::{Deserialize, Serialize};
use sluice_engine::{Observation, Provider, Utc};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The largest event that is written or read, in bytes.
const EVENT_MAX: u64 = 64 * 1024;
/// Events replayed in one turn.
const REPLAY_MAX: usize = 256;

/// An event on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Spooled {
    /// A failure of an account.
    Failure(FailureReport),
    /// A tool ended.
    Finished {
        /// Which execution.
        execution: String,
        /// The instant of its end.
        at: Utc,
        /// Its exit code.
        exit_code: Option<i32>,
        /// How it ended, in a word.
        reason: String,
    },
    /// Numbers a tool showed in its status line.
    Observed(Observation),
    /// What was odd about what a tool told.
    Odd {
        /// Whose tool.
        provider: Provider,
        /// Each: where, as a path of field names, and what, as a word. Never a value.
        odd: Vec<(String, String)>,
    },
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Numbers for the engine.
    pub observations: Vec<Observation>,
    /// Events taken into the database.
    pub taken: usize,
    /// What was odd about what tools told: where, and what.
    pub oddities: Vec<(Provider, Vec<(String, String)>)>,
    /// Files that could not be understood; kept under another name.
    pub odd: usize,
}

/// Where events wait, beside the database.
#[must_use]
pub fn directory(database: &Path) -> PathBuf {
    database.parent().unwrap_or(Path::new(".")).join("spool")
}

/// Leaves an event for later: a new file, whole or not at all. `name` must be unique.
pub fn write(directory: &Path, name: &str, event: &Spooled) -> Result<()> {
    let text = codec::json(event);
    if text.len() as u64 > EVENT_MAX {
        return Err(Error::Refused("the event is too large to be kept".into()));
    }
    // Its parent is the data directory: another user's is refused before anything is made in it.
    for ours in directory.parent().into_iter().chain([directory]) {
        sluice_ground::private_dir(ours).map_err(|error| Error::io(ours, error))?;
    }
    let path = directory.join(format!("{name}.json"));
    sluice_ground::put(&path, text.as_bytes(), sluice_ground::Lasting::Whole)
        .map_err(|error| Error::io(&path, error))
}

/// Takes an event back that was recorded after all; the driver may have been faster.
pub fn take_back(directory: &Path, name: &str) {
    if let Err(error) = fs::remove_file(directory.join(format!("{name}.json"))) {
        tracing::debug!(%error, "the event was taken already");
    }
}

/// What became of a file that waits.
enum Found {
    Event(Box<Spooled>),
    /// Its writer took it back.
    Gone,
    /// Not an event, or no file of ours.
    Odd,
}

fn read(path: &Path) -> Found {
    match sluice_ground::read_own(path, EVENT_MAX) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map_or(Found::Odd, |event| Found::Event(Box::new(event)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Found::Gone,
        Err(_) => Found::Odd,
    }
}

impl Ledger {
    /// Takes in what waits, oldest name first, at most a few hundred events a turn. A file that
    /// cannot be understood is kept under another name.
    pub fn replay(&mut self, now: Utc) -> Result<Replayed> {
        let directory = directory(self.path());
        let mut replayed = Replayed::default();
        // Each event has a name of its own: no later one clears its draft away.
        sluice_ground::clear_drafts(&directory, None);
        let Ok(entries) = fs::read_dir(&directory) else { return Ok(replayed) };
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        files.sort();
        for path in files.into_iter().take(REPLAY_MAX) {
            match read(&path) {
                Found::Gone => continue,
                Found::Odd => {
                    replayed.odd += 1;
                    let aside = path.with_extension("odd");
                    fs::rename(&path, &aside).map_err(|error| Error::io(&path, error))?;
                    continue;
                }
                Found::Event(event) => self.take(*event, now, &mut replayed)?,
            }
            match fs::remove_file(&path) {
                Ok(()) => {}
                // Its writer took it back meanwhile; taking it in twice is once.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(&path, error)),
            }
        }
        Ok(replayed)
    }

    fn take(&mut self, event: Spooled, now: Utc, replayed: &mut Replayed) -> Result<()> {
        let taken = match event {
            Spooled::Failure(report) => {
                let late = FailureReport { late: true, ..report };
                self.report_failure(&late, Style::Pointer, now, Duration::ZERO, &mut |_| None)
                    .map(|_| ())
            }
            Spooled::Finished { execution, at, exit_code, reason } => {
                self.finish(&execution, at, exit_code, &reason).map(|_| ())
            }
            Spooled::Observed(observation) => {
                replayed.observations.push(observation);
                Ok(())
            }
            Spooled::Odd { provider, odd } => {
                replayed.oddities.push((provider, odd));
                Ok(())
            }
        };
        match taken {
            // Rows of an account or lane that no longer exist have nowhere to go.
            Ok(()) | Err(Error::NotFound(_)) => {
                replayed.taken += 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
