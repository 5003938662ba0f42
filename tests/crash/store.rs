//! A keychain, pointers and a journal made of plain files: what a child process that is killed at
//! any moment can leave behind, and the next one can read.

use sluice_custody::{
    Health, Intent, IntentId, ItemKey, Journal, OpenIntent, Pointers, RecordError, SagaOutcome,
    Secret, SecretStore, Step, StoreError, VintageRef,
};
use sluice_engine::AccountId;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a file so that a crash leaves the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// One file per item.
pub struct FileStore {
    /// Where.
    pub dir: PathBuf,
}

impl FileStore {
    fn path(&self, key: &ItemKey) -> PathBuf {
        self.dir.join(key.user().replace('/', "_") + ".item")
    }
}

fn failed(error: &io::Error) -> StoreError {
    StoreError::Failed(error.kind().to_string())
}

impl SecretStore for FileStore {
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError> {
        replace(&self.path(key), secret.expose()).map_err(|error| failed(&error))
    }

    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        match fs::read(self.path(key)) {
            Ok(bytes) => Ok(Some(Secret::new(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&error)),
            _ => Ok(()),
        }
    }

    fn vintages(&self, namespace: &str, account: AccountId) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(|error| failed(&error))? {
            let name = entry.map_err(|error| failed(&error))?.file_name();
            let user = name.to_string_lossy().replace('_', "/");
            let key = user.strip_suffix(".item").and_then(|user| ItemKey::parse(namespace, user));
            numbers.extend(key.filter(|key| key.account == account).map(|key| key.vintage));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn health(&self) -> Health {
        Health::Ok
    }
}

fn unkept(error: impl std::fmt::Display) -> RecordError {
    RecordError::Failed(error.to_string())
}

/// One file per account.
pub struct FilePointers {
    /// Where.
    pub dir: PathBuf,
}

impl Pointers for FilePointers {
    fn current(&self, account: AccountId) -> Result<Option<VintageRef>, RecordError> {
        match fs::read(self.dir.join(format!("{}.pointer", account.0))) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(unkept),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unkept(error)),
        }
    }

    fn advance(&self, account: AccountId, vintage: &VintageRef) -> Result<(), RecordError> {
        let path = self.dir.join(format!("{}.pointer", account.0));
        let bytes = serde_json::to_vec(vintage).map_err(unkept)?;
        replace(&path, &bytes).map_err(unkept)
    }
}

/// One line per row, appended; synced but for steps, as the ledger does it.
pub struct FileJournal {
    path: PathBuf,
    next: i64,
}

/// A row of the journal.
#[derive(serde::Serialize, serde::Deserialize)]
enum Row {
    Intent(IntentId, Box<Intent>),
    Step(IntentId, Step),
    Settled(IntentId, SagaOutcome),
}

impl FileJournal {
    /// Opens the journal and says which intents are open. A row cut off by a crash never happened.
    pub fn open(path: &Path) -> (Self, Vec<OpenIntent>) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut open: Vec<OpenIntent> = Vec::new();
        let mut next = 0;
        for row in text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok()) {
            match row {
                Row::Intent(id, intent) => {
                    next = id.0 + 1;
                    open.push(OpenIntent { id, intent: *intent, last: None });
                }
                Row::Step(id, step) => {
                    open.iter_mut().filter(|o| o.id == id).for_each(|o| o.last = Some(step));
                }
                Row::Settled(id, _) => open.retain(|o| o.id != id),
            }
        }
        (Self { path: path.to_path_buf(), next }, open)
    }

    fn append(&self, row: &Row, durably: bool) -> Result<(), RecordError> {
        let mut line = vec![b'\n'];
        line.extend(serde_json::to_vec(row).map_err(unkept)?);
        line.push(b'\n');
        let mut file =
            OpenOptions::new().append(true).create(true).open(&self.path).map_err(unkept)?;
        file.write_all(&line).map_err(unkept)?;
        if durably { file.sync_data().map_err(unkept) } else { Ok(()) }
    }
}

impl Journal for FileJournal {
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError> {
        let id = IntentId(self.next);
        self.append(&Row::Intent(id, Box::new(intent.clone())), true)?;
        self.next += 1;
        Ok(id)
    }

    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError> {
        self.append(&Row::Step(id, step), false)
    }

    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError> {
        self.append(&Row::Settled(id, outcome.clone()), true)
    }
}
