//! A home with Claude Code's files, a keychain in memory, a journal in memory.
#![allow(dead_code, reason = "each test uses a part of it")]

use sluice_custody::{
    AccountKey, Config, Custody, Health, Intent, IntentId, ItemKey, Journal, OpenIntent, Party,
    Pointers, RecordError, SagaOutcome, Seats, Secret, SecretStore, Step, StoreError, SwapOrder,
    VintageRef,
};
use sluice_engine::{AccountId, Generation, LaneId, Provider};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Far in the future, in milliseconds, and one end of a login per account.
pub const EXPIRES_MS: i64 = 4_000_000_000_000;

/// How a keychain in memory behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Ok,
    Locked,
    Absent,
    Hanging,
    /// Says yes and stores nothing.
    Forgetful,
    /// Gives back something else.
    Lying,
    Refusing,
}

pub struct MemStore {
    pub items: Mutex<BTreeMap<ItemKey, Vec<u8>>>,
    pub mood: Mutex<Mood>,
    pub calls: AtomicUsize,
}

impl Default for MemStore {
    fn default() -> Self {
        Self { items: Mutex::default(), mood: Mutex::new(Mood::Ok), calls: AtomicUsize::new(0) }
    }
}

impl MemStore {
    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn enter(&self) -> Result<Mood, StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Locked => Err(StoreError::Locked),
            Mood::Absent => Err(StoreError::Absent),
            Mood::Refusing => Err(StoreError::Refused),
            Mood::Hanging => {
                while *self.mood.lock().unwrap() == Mood::Hanging {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(StoreError::Refused)
            }
            Mood::Ok | Mood::Forgetful | Mood::Lying => Ok(mood),
        }
    }
}

impl SecretStore for MemStore {
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError> {
        if self.enter()? != Mood::Forgetful {
            self.items.lock().unwrap().insert(key.clone(), secret.expose().to_vec());
        }
        Ok(())
    }
    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        let lying = self.enter()? == Mood::Lying;
        let found = self.items.lock().unwrap().get(key).cloned();
        Ok(found.map(|mut bytes| {
            if lying {
                bytes.push(b' ');
            }
            Secret::new(bytes)
        }))
    }
    fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        self.enter()?;
        self.items.lock().unwrap().remove(key);
        Ok(())
    }
    fn vintages(&self, namespace: &str, account: AccountId) -> Result<Vec<u64>, StoreError> {
        self.enter()?;
        let items = self.items.lock().unwrap();
        let ours = items.keys().filter(|k| k.namespace == namespace && k.account == account);
        Ok(ours.map(|k| k.vintage).collect())
    }
    fn health(&self) -> Health {
        match self.enter() {
            Ok(_) => Health::Ok,
            Err(StoreError::Locked) => Health::Locked,
            Err(_) => Health::Absent,
        }
    }
}

#[derive(Default)]
pub struct MemPointers(pub Mutex<BTreeMap<AccountId, VintageRef>>);

impl Pointers for MemPointers {
    fn current(&self, account: AccountId) -> Result<Option<VintageRef>, RecordError> {
        Ok(self.0.lock().unwrap().get(&account).cloned())
    }
    fn advance(&self, account: AccountId, vintage: &VintageRef) -> Result<(), RecordError> {
        self.0.lock().unwrap().insert(account, vintage.clone());
        Ok(())
    }
}

/// A journal in memory that can be told to fail at a step.
#[derive(Default)]
pub struct MemJournal {
    pub intents: Vec<Intent>,
    pub steps: Vec<(IntentId, Step)>,
    pub settled: Vec<(IntentId, SagaOutcome)>,
    pub fail_at: Option<Step>,
    pub fail_settle: bool,
}

impl MemJournal {
    pub fn open(&self) -> Vec<OpenIntent> {
        (0..self.intents.len())
            .map(|index| IntentId(index as i64))
            .filter(|id| !self.settled.iter().any(|(settled, _)| settled == id))
            .map(|id| OpenIntent {
                id,
                intent: self.intents[id.0 as usize].clone(),
                last: self.steps.iter().rev().find(|(of, _)| *of == id).map(|(_, step)| *step),
            })
            .collect()
    }
}

impl Journal for MemJournal {
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError> {
        self.intents.push(intent.clone());
        Ok(IntentId(self.intents.len() as i64 - 1))
    }
    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError> {
        if self.fail_at == Some(step) {
            return Err(RecordError::Failed("told to fail".into()));
        }
        self.steps.push((id, step));
        Ok(())
    }
    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError> {
        if self.fail_settle {
            return Err(RecordError::Failed("told to fail".into()));
        }
        self.settled.push((id, outcome.clone()));
        Ok(())
    }
}

pub fn key(name: &str) -> AccountKey {
    AccountKey(format!("uuid-{name}/org-{name}"))
}

pub fn party(id: i64, name: &str) -> Party {
    Party { account: AccountId(id), key: key(name) }
}

/// A credential file of `name` after `rotation` refreshes.
pub fn credential(name: &str, rotation: u32) -> String {
    let expires = EXPIRES_MS + i64::from(rotation) * 1_000;
    let ends = EXPIRES_MS + name.bytes().map(i64::from).sum::<i64>() * 1_000_000;
    format!(
        "{{\n  \"claudeAiOauth\": {{\"accessToken\":\"sk-at-{name}-{rotation}\",\
         \"refreshToken\":\"sk-rt-{name}-{rotation}\",\"expiresAt\":{expires},\
         \"refreshTokenExpiresAt\":{ends},\"scopes\":[\"user:inference\"],\
         \"subscriptionType\":\"max\",\"rateLimitTier\":\"default_claude_max_20x\"}},\n  \
         \"mcpOAuth\": {{\"srv|a\": {{\"accessToken\": \"mcp\"}}}}\n}}\n"
    )
}

pub fn config_text(name: &str) -> String {
    format!(
        "{{\n  \"numStartups\": 3,\n  \"oauthAccount\": {{\"accountUuid\":\"uuid-{name}\",\
         \"organizationUuid\":\"org-{name}\",\"emailAddress\":\"{name}@example.test\"}},\n  \
         \"projects\": {{}}\n}}\n"
    )
}

/// A throw-away home with one custody over it.
pub struct Home {
    pub dir: tempfile::TempDir,
    pub store: Arc<MemStore>,
    pub pointers: Arc<MemPointers>,
    pub custody: Custody,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    pub fn new() -> Self {
        // In memory where there is such a place: thousands of homes are made.
        let memory = std::path::Path::new("/dev/shm");
        let dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(dir.path().join(".claude")).unwrap();
        let store = Arc::new(MemStore::default());
        let pointers = Arc::new(MemPointers::default());
        let custody = Self::open(dir.path().to_path_buf(), &store, &pointers);
        Self { dir, store, pointers, custody }
    }

    /// Another custody over the same home with another store.
    pub fn reopened_on(&self, store: Arc<dyn SecretStore>) -> Custody {
        let home = self.dir.path();
        let both = Seats::from_env(home, |_| None);
        let seats = both.of(Provider::Claude).map(|seat| (Provider::Claude, seat.clone()));
        let seats = seats.into_iter().collect();
        let config = Config { data_dir: home.join("data"), namespace: "sluice-test".into(), seats };
        Custody::open(config, store, self.pointers.clone()).unwrap()
    }

    fn open(home: PathBuf, store: &Arc<MemStore>, pointers: &Arc<MemPointers>) -> Custody {
        let seats = Seats::from_env(&home, |_| None);
        let config = Config { data_dir: home.join("data"), namespace: "sluice-test".into(), seats };
        Custody::open(config, store.clone(), pointers.clone()).unwrap()
    }

    /// Another custody over the same home, as after a restart.
    pub fn reopened(&self) -> Custody {
        Self::open(self.dir.path().to_path_buf(), &self.store, &self.pointers)
    }

    pub fn credential_path(&self) -> PathBuf {
        self.dir.path().join(".claude/.credentials.json")
    }

    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join(".claude.json")
    }

    /// Signs `name` in as the tool would, long enough ago for the files to be at rest.
    pub fn sign_in(&self, name: &str, rotation: u32) {
        std::fs::write(self.credential_path(), credential(name, rotation)).unwrap();
        std::fs::write(self.config_path(), config_text(name)).unwrap();
        self.age();
    }

    /// Makes the credential file look as if it had not been written for a minute.
    pub fn age(&self) {
        let file = std::fs::File::options().append(true).open(self.credential_path()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    }

    /// Accounts 1 (`a`) and 2 (`b`) captured, `a` live.
    pub fn with_two() -> Self {
        let home = Self::new();
        for (id, name) in [(2, "b"), (1, "a")] {
            home.sign_in(name, 0);
            home.custody.capture(Provider::Claude, AccountId(id), &key(name)).unwrap();
        }
        home
    }

    pub fn live(&self) -> String {
        std::fs::read_to_string(self.credential_path()).unwrap_or_default()
    }

    pub fn config(&self) -> String {
        std::fs::read_to_string(self.config_path()).unwrap_or_default()
    }

    /// Names beside the credential file that are ours.
    pub fn leftovers(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.dir.path().join(".claude"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("sluice"))
            .collect();
        names.sort();
        names
    }

    /// The keychain's items as text, for looking for tokens.
    pub fn kept(&self) -> String {
        let items = self.store.items.lock().unwrap();
        items.values().map(|bytes| String::from_utf8_lossy(bytes).into_owned() + "\n").collect()
    }
}

pub fn order(from: Option<Party>, to: Party) -> SwapOrder {
    SwapOrder { lane: LaneId(1), generation: Generation(7), provider: Provider::Claude, from, to }
}

pub fn a_to_b() -> SwapOrder {
    order(Some(party(1, "a")), party(2, "b"))
}
