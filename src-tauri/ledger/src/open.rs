//! Opening the file: modes, durability, versions, and what happens when it cannot be read.

use crate::error::{Error, Result};
use crate::fold::Fold;
use crate::keep::{self, Keeper};
use crate::locks;
use crate::schema;
use crate::sqlite::{self, beside, check_one, durability, raw, within};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long an opening waits for another process that is just opening or migrating.
const OPENING: Duration = Duration::from_millis(1_500);
/// How long an opening looks for damage in history, after the small tables were checked whole.
const CHECKING: Duration = Duration::from_millis(250);
/// Tables whose loss would matter to a login; always checked whole.
const CHECKED: [&str; 6] = ["accounts", "lanes", "vintages", "swaps", "swap_steps", "settings"];

/// The open database.
#[derive(Debug)]
pub struct Ledger {
    /// First, so that the last change is in the copy before anything is closed.
    keeper: Keeper,
    /// Commits are on the disk when they return (journal, pointers, accounts, settings).
    pub(crate) durable: Connection,
    /// Commits survive our death and may lose the last moments on power loss (samples, log).
    pub(crate) history: Connection,
    pub(crate) fold: Fold,
    path: PathBuf,
    /// Held while we use the file, so that nobody puts it aside beneath us.
    _in_use: File,
}

/// An opened ledger and what there is to tell about it.
#[derive(Debug)]
pub struct Opened {
    /// The ledger.
    pub ledger: Ledger,
    /// What the person should know; empty in the usual case.
    pub notes: Vec<Note>,
}

/// Something the person should know about an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The file could not be read; it was kept under another name and a new one begun.
    StartedFresh {
        /// Where the old file is now.
        kept: PathBuf,
        /// What was wrong with it.
        why: String,
        /// Accounts brought back from the small copy beside it; `None` when there was no copy.
        restored: Option<usize>,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StartedFresh { kept, why, restored } => {
                let back = match restored {
                    Some(count) => {
                        format!("{count} accounts, lanes and settings were brought back")
                    }
                    None => "accounts have to be added again".to_owned(),
                };
                write!(
                    f,
                    "The database could not be read ({why}). The old file was kept as {}; the \
                     history in it is not shown any more; {back}. Logins are not in that file and \
                     were not touched.",
                    kept.display()
                )
            }
        }
    }
}

impl Ledger {
    /// Opens the database for the process that drives, making it where there is none: migrates an
    /// older file, refuses a newer one, keeps a damaged one under a dated name and begins a new
    /// one. Ends within 3 s.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::Busy`] and [`Error::DamagedInUse`] leave everything as it was.
    pub fn open(path: &Path) -> Result<Opened> {
        prepare_directory(path)?;
        let opening = locks::open(path, "opening")?;
        locks::exclusive(&opening, path, OPENING)?;
        let in_use = locks::open(path, "use")?;
        locks::shared(&in_use, path)?;
        let mut notes = Vec::new();
        let (durable, history) = match connect(path) {
            Ok(pair) => pair,
            Err(error) if error.is_damage() => {
                let why = match error {
                    Error::Damaged(why) => why,
                    other => other.to_string(),
                };
                let alone = in_use.unlock().is_ok() && in_use.try_lock().is_ok();
                if !alone {
                    return Err(Error::DamagedInUse { why });
                }
                let kept = put_aside(path)?;
                tracing::warn!(%why, kept = %kept.display(), "database put aside");
                let mut pair = connect(path)?;
                let restored = keep::restore(&mut pair.0, path);
                notes.push(Note::StartedFresh { kept, why, restored });
                locks::shared(&in_use, path)?;
                pair
            }
            Err(error) => return Err(error),
        };
        drop(opening);
        Ok(Opened {
            ledger: Self {
                keeper: Keeper::start(path),
                durable,
                history,
                fold: Fold::start(path),
                path: path.to_path_buf(),
                _in_use: in_use,
            },
            notes,
        })
    }

    /// Opens the database beside the driver, quickly and without repair: for `sluice run`, hooks
    /// and the command line. The file must exist and have this build's version.
    pub fn attach(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Refused("Sluice has not been started with this home yet".into()));
        }
        let directory = directory_of(path);
        sluice_ground::check_dir(directory).map_err(|error| Error::io(directory, error))?;
        check_files(path)?;
        let in_use = locks::open(path, "use")?;
        locks::shared(&in_use, path)?;
        let durable = raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found = schema::version(&durable)?;
        if found > schema::SCHEMA_VERSION {
            return Err(Error::Newer { found, known: schema::SCHEMA_VERSION });
        }
        if found < schema::SCHEMA_VERSION {
            return Err(Error::Refused("the database has to be opened by the driver first".into()));
        }
        durability(&durable, "FULL")?;
        let history = raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        durability(&history, "NORMAL")?;
        // A short visit leaves the log to the driver: folding it back would cost waits for the disk.
        for connection in [&durable, &history] {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        let fold = Fold::none();
        let keeper = Keeper::none();
        Ok(Self { keeper, durable, history, fold, path: path.to_path_buf(), _in_use: in_use })
    }

    /// A durable transaction that has the write lock from its start, so that what it reads is what
    /// it changes.
    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>> {
        sqlite::begin(&mut self.durable)
    }

    /// Waits at most this long for another process's write lock from now on; for callers that have
    /// less time than the usual 900 ms.
    pub fn set_patience(&self, wait: Duration) -> Result<()> {
        self.durable.busy_timeout(wait)?;
        Ok(self.history.busy_timeout(wait)?)
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refreshes the small copy after a change of what it holds.
    pub(crate) fn keep(&self) {
        self.keeper.committed(&self.durable, &self.path);
    }
}

fn prepare_directory(path: &Path) -> Result<()> {
    let directory = directory_of(path);
    sluice_ground::private_dir(directory).map_err(|error| Error::io(directory, error))?;
    check_files(path)
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The database and what SQLite keeps beside it are ours and readable by nobody else.
fn check_files(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let file = beside(path, suffix);
        sluice_ground::check_file(&file).map_err(|error| Error::io(&file, error))?;
    }
    Ok(())
}

/// Both connections, checked and migrated. Damage is reported, nothing is repaired here.
fn connect(path: &Path) -> Result<(Connection, Connection)> {
    let fresh = match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() == 0 => {
            return Err(Error::Damaged("the file is empty".into()));
        }
        Ok(_) => false,
        Err(_) => true,
    };
    if fresh {
        // Made by us and not by SQLite, which would take the mode from the umask.
        sluice_ground::create_new(path).map_err(|error| Error::io(path, error))?;
    }
    let mut durable = raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Until the file is known to be sound, closing it must not fold the log into it.
    durable.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let found = schema::version(&durable)?;
    if found > schema::SCHEMA_VERSION {
        return Err(Error::Newer { found, known: schema::SCHEMA_VERSION });
    }
    if !fresh {
        if found == 0 {
            return Err(Error::Damaged("it is not a database of Sluice".into()));
        }
        check(&durable)?;
        keep::compare(&durable, path)?;
    }
    durable.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    durable.pragma_update(None, "journal_mode", "WAL")?;
    durability(&durable, "FULL")?;
    schema::migrate(&mut durable, schema::SCHEMA_VERSION)?;
    let history = raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    durability(&history, "NORMAL")?;
    Ok((durable, history))
}

/// Checks the small tables whole and history as far as the time allows.
fn check(connection: &Connection) -> Result<()> {
    for table in CHECKED {
        check_one(connection, &format!("PRAGMA quick_check({table})"))?;
    }
    let whole = within(connection, CHECKING, || check_one(connection, "PRAGMA quick_check(1)"));
    match whole {
        Err(Error::Damaged(why)) => Err(Error::Damaged(why)),
        // Ran out of time, which says nothing against the file.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Renames the file and its companions to a dated name that did not exist; never deletes.
fn put_aside(path: &Path) -> Result<PathBuf> {
    let stamp = stamp(SystemTime::now());
    for n in 0..1_000 {
        let suffix = if n == 0 { String::new() } else { format!("-{n}") };
        let kept = beside(path, &format!(".damaged-{stamp}{suffix}"));
        if kept.exists() {
            continue;
        }
        fs::rename(path, &kept).map_err(|error| Error::io(path, error))?;
        // Companions go along under the same name, so that a specialist can still open the set.
        for companion in ["-wal", "-shm", "-journal"] {
            let from = beside(path, companion);
            if from.exists() {
                fs::rename(&from, beside(&kept, companion))
                    .map_err(|error| Error::io(&from, error))?;
            }
        }
        return Ok(kept);
    }
    Err(Error::Refused("there are too many damaged databases in the data directory".into()))
}

/// `20261122T013636Z`, without a calendar library: civil date from days since 1970.
fn stamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years (146,097 days).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_the_civil_date() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101T000000Z");
        assert_eq!(at(951_782_400), "20000229T000000Z");
        assert_eq!(at(1_798_761_599), "20261231T235959Z");
    }
}
