//! A small copy of what must not be lost with the database: who the accounts are, where the lanes
//! point, which vintages the vault holds, and the settings. Written beside the database after each
//! change, by a thread of its own so that no commit waits for it. Read only when the database had to be
//! put aside.

use crate::codec;
use crate::error::{Error, Result};
use crate::sqlite::{self, BUSY, beside};
use rusqlite::{Connection, OpenFlags, params};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

const SCHEMA: &str = "sluice/keep/1";
/// Twelve accounts take about 6 KiB; a file past this is not ours.
const SIZE_MAX: u64 = 4 << 20;

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    accounts: Vec<Account>,
    lanes: Vec<Lane>,
    vintages: Vec<(i64, i64, String, i64)>,
    settings: BTreeMap<String, Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct Account {
    id: i64,
    provider: String,
    key: String,
    label: String,
    email: Option<String>,
    organization: Option<String>,
    plan: serde_json::Value,
    enabled: bool,
    automatic: bool,
    position: i64,
    login: serde_json::Value,
    login_ends_at: Option<i64>,
    added_at: i64,
}

#[derive(Serialize, Deserialize)]
struct Lane {
    id: i64,
    provider: String,
    name: String,
    folder: Option<String>,
    active: Option<i64>,
    generation: i64,
    since: Option<i64>,
    model: Option<String>,
    automatic: bool,
    gates: serde_json::Value,
}

/// Where the copy of this database lies.
pub(crate) fn path_of(database: &Path) -> PathBuf {
    beside(database, ".keep.json")
}

/// One writer in this process: the driver and a short visit may both have something to keep.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes the copy. A failure is logged and costs nothing but the copy's freshness.
fn write(connection: &Connection, database: &Path) {
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = collect(connection).and_then(|kept| replace(&path_of(database), &kept)) {
        tracing::warn!(%error, "the copy of accounts and lanes could not be written");
    }
}

/// Keeps the copy fresh. Dropping it waits until the last change is in the copy.
#[derive(Debug)]
pub(crate) struct Keeper {
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Each change is copied at once, by whoever made it: for short visits.
    pub(crate) const fn none() -> Self {
        Self { ask: None, thread: None }
    }

    /// Starts the thread; without one the changes are copied by whoever made them.
    pub(crate) fn start(database: &Path) -> Self {
        let Ok(connection) = reader(database) else { return Self::none() };
        let (ask, asked) = sync_channel(1);
        let database = database.to_path_buf();
        let thread = std::thread::Builder::new().name("sluice-keep".to_owned());
        match thread.spawn(move || write_when_asked(&connection, &database, &asked)) {
            Ok(thread) => Self { ask: Some(ask), thread: Some(thread) },
            Err(_) => Self::none(),
        }
    }

    /// Something that the copy holds was committed.
    pub(crate) fn committed(&self, connection: &Connection, database: &Path) {
        match &self.ask {
            // One that waits already reads this commit, too.
            Some(ask) => drop(ask.try_send(())),
            None => write(connection, database),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn reader(database: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn write_when_asked(connection: &Connection, database: &Path, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        write(connection, database);
    }
}

fn collect(connection: &Connection) -> Result<Kept> {
    let accounts = connection
        .prepare_cached("SELECT * FROM accounts WHERE removed_at IS NULL ORDER BY id")?
        .query_map([], |row| {
            Ok(Account {
                id: row.get("id")?,
                provider: row.get("provider")?,
                key: row.get("key")?,
                label: row.get("label")?,
                email: row.get("email")?,
                organization: row.get("organization")?,
                plan: codec::from_json(row, "plan")?,
                enabled: row.get("enabled")?,
                automatic: row.get("automatic")?,
                position: row.get("position")?,
                login: codec::from_json(row, "login")?,
                login_ends_at: row.get("login_ends_at")?,
                added_at: row.get("added_at")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let lanes = connection
        .prepare_cached("SELECT * FROM lanes ORDER BY id")?
        .query_map([], |row| {
            Ok(Lane {
                id: row.get("id")?,
                provider: row.get("provider")?,
                name: row.get("name")?,
                folder: row.get("folder")?,
                active: row.get("active")?,
                generation: row.get("generation")?,
                since: row.get("since")?,
                model: row.get("model")?,
                automatic: row.get("automatic")?,
                gates: codec::from_json(row, "gates")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let vintages = connection
        .prepare_cached("SELECT account, vintage, fingerprint, stored_at FROM vintages")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let settings = connection
        .prepare_cached("SELECT key, value FROM settings")?
        .query_map([], |row| Ok((row.get(0)?, codec::from_json(row, "value")?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Kept { schema: SCHEMA.to_owned(), accounts, lanes, vintages, settings })
}

fn replace(path: &Path, kept: &Kept) -> Result<()> {
    sluice_ground::replace(path, codec::json(kept).as_bytes(), sluice_ground::Lasting::Synced)
        .map_err(|error| Error::io(path, error))
}

/// Fills an empty database from the copy; the number of accounts brought back, `None` when there
/// is no copy that can be understood.
pub(crate) fn restore(connection: &mut Connection, database: &Path) -> Option<usize> {
    let kept = read(&path_of(database))?;
    match fill(connection, &kept) {
        Ok(()) => Some(kept.accounts.len()),
        Err(error) => {
            tracing::warn!(%error, "the copy of accounts and lanes could not be used");
            None
        }
    }
}

/// Whether the database knows at least what its copy knows. The copy is written after each commit,
/// so a database that knows less has lost something, however sound its pages look.
pub(crate) fn compare(connection: &Connection, database: &Path) -> Result<()> {
    let now = collect(connection)?;
    let Some(kept) = read(&path_of(database)) else { return Ok(()) };
    let lost = |what: &str| Err(Error::Damaged(format!("{what} of the copy are missing or older")));
    let sound = kept.accounts.iter().all(|then| {
        connection
            .query_row(
                "SELECT 1 FROM accounts WHERE id = ?1 AND provider = ?2 AND key = ?3",
                params![then.id, then.provider, then.key],
                |_| Ok(()),
            )
            .is_ok()
    });
    if !sound {
        return lost("accounts");
    }
    let sound = kept.lanes.iter().all(|then| {
        now.lanes.iter().any(|lane| {
            lane.id == then.id
                && lane.provider == then.provider
                && (lane.generation > then.generation
                    || lane.generation == then.generation && lane.active == then.active)
        })
    });
    if !sound {
        return lost("lanes");
    }
    let sound = kept.vintages.iter().all(|(account, vintage, print, _)| {
        // A newer one or a removed account explains a missing row.
        let gone = !now.accounts.iter().any(|row| row.id == *account);
        let newest = now.vintages.iter().filter(|row| row.0 == *account).map(|row| row.1).max();
        gone || newest.is_some_and(|newest| newest > *vintage)
            || now.vintages.iter().any(|row| (row.0, row.1, &row.2) == (*account, *vintage, print))
    });
    if !sound {
        return lost("vintages");
    }
    if !kept.settings.keys().all(|key| now.settings.contains_key(key)) {
        return lost("settings");
    }
    Ok(())
}

fn read(path: &Path) -> Option<Kept> {
    let bytes = sluice_ground::read_own(path, SIZE_MAX).ok()?;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    (kept.schema == SCHEMA).then_some(kept)
}

fn fill(connection: &mut Connection, kept: &Kept) -> Result<()> {
    let tx = sqlite::begin(connection)?;
    for account in &kept.accounts {
        tx.execute(
            "INSERT INTO accounts (id, provider, key, label, email, organization, plan, enabled,
                 automatic, position, login, login_ends_at, added_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                account.id,
                account.provider,
                account.key,
                account.label,
                account.email,
                account.organization,
                codec::json(&account.plan),
                account.enabled,
                account.automatic,
                account.position,
                codec::json(&account.login),
                account.login_ends_at,
                account.added_at,
            ],
        )?;
    }
    for lane in &kept.lanes {
        // One generation further: what was launched before the loss must not move the lane now.
        tx.execute(
            "INSERT INTO lanes (id, provider, name, folder, active, generation, since, model,
                 automatic, gates) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                lane.id,
                lane.provider,
                lane.name,
                lane.folder,
                lane.active,
                lane.generation.saturating_add(1),
                lane.since,
                lane.model,
                lane.automatic,
                codec::json(&lane.gates),
            ],
        )?;
    }
    for (account, vintage, fingerprint, stored_at) in &kept.vintages {
        tx.execute(
            "INSERT INTO vintages (account, vintage, fingerprint, stored_at)
             SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM accounts WHERE id = ?1)",
            params![account, vintage, fingerprint, stored_at],
        )?;
    }
    for (key, value) in &kept.settings {
        tx.execute("INSERT INTO settings (key, value) VALUES (?1, ?2)", params![key, value.get()])?;
    }
    tx.commit()?;
    Ok(())
}
