//! What a whole placing swap costs on the disk, against the least the same bytes cost.

use crate::bench::{Row, timed};
use sluice_custody::{
    AccountKey, ClaudeSeat, Config, Custody, Health, Intent, IntentId, ItemKey, Journal, Party,
    Pointers, RecordError, SagaOutcome, Seats, Secret, SecretStore, Step, StoreError, SwapOrder,
    VintageRef,
};
use sluice_engine::{AccountId, Generation, LaneId, Provider};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Swaps measured.
const SWAPS: usize = 200;

/// A keychain that costs nothing, so that only the disk is measured.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<ItemKey, Vec<u8>>>);

impl SecretStore for Memory {
    fn put(&self, key: &ItemKey, secret: &Secret) -> Result<(), StoreError> {
        self.0.lock().expect("store").insert(key.clone(), secret.expose().to_vec());
        Ok(())
    }
    fn get(&self, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        Ok(self.0.lock().expect("store").get(key).cloned().map(Secret::new))
    }
    fn remove(&self, key: &ItemKey) -> Result<(), StoreError> {
        self.0.lock().expect("store").remove(key);
        Ok(())
    }
    fn vintages(&self, _: &str, account: AccountId) -> Result<Vec<u64>, StoreError> {
        let items = self.0.lock().expect("store");
        Ok(items.keys().filter(|key| key.account == account).map(|key| key.vintage).collect())
    }
    fn health(&self) -> Health {
        Health::Ok
    }
}

#[derive(Default)]
struct Held(Mutex<BTreeMap<AccountId, VintageRef>>);

impl Pointers for Held {
    fn current(&self, account: AccountId) -> Result<Option<VintageRef>, RecordError> {
        Ok(self.0.lock().expect("pointers").get(&account).cloned())
    }
    fn advance(&self, account: AccountId, vintage: &VintageRef) -> Result<(), RecordError> {
        self.0.lock().expect("pointers").insert(account, vintage.clone());
        Ok(())
    }
}

/// The journal is measured with the ledger; here it costs nothing.
struct Unwritten;

impl Journal for Unwritten {
    fn intent(&mut self, _: &Intent) -> Result<IntentId, RecordError> {
        Ok(IntentId(1))
    }
    fn step(&mut self, _: IntentId, _: Step) -> Result<(), RecordError> {
        Ok(())
    }
    fn settle(&mut self, _: IntentId, _: &SagaOutcome) -> Result<(), RecordError> {
        Ok(())
    }
}

fn credential(name: &str) -> String {
    let ends = 4_000_000_000_000_i64 + name.bytes().map(i64::from).sum::<i64>() * 100_000;
    format!(
        "{{\"claudeAiOauth\":{{\"accessToken\":\"sk-ant-oat01-{name}-{pad}\",\"refreshToken\":\
         \"sk-ant-ort01-{name}-{pad}\",\"expiresAt\":4000000000000,\"refreshTokenExpiresAt\":{ends},\
         \"scopes\":[\"user:profile\",\"user:inference\"],\"subscriptionType\":\"max\"}}}}",
        pad = "x".repeat(90)
    )
}

/// As large as the file is after a few months of use.
fn config_text(name: &str) -> String {
    format!(
        "{{\"history\":\"{}\",\"oauthAccount\":{{\"accountUuid\":\"u-{name}\",\
         \"organizationUuid\":\"o\"}}}}",
        "h".repeat(40_000)
    )
}

fn party(id: i64, name: &str) -> Party {
    Party { account: AccountId(id), key: AccountKey(format!("u-{name}/o")) }
}

/// A tool writes its file hours before a swap; a swap that follows another at once would wait for
/// the file to come to rest.
fn rest(path: &Path) {
    let file = File::options().append(true).open(path).expect("seat");
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("mtime");
}

/// The least that makes both files new and durable: two files and their directories synced, two
/// renames.
fn floor(dir: &Path, rounds: usize) -> Vec<Duration> {
    let seat = dir.join("floor");
    fs::create_dir_all(&seat).expect("dir");
    let (credential, config) = (credential("a"), config_text("a"));
    let durable = |name: &str, bytes: &str| {
        let draft = seat.join("draft");
        let mut file = File::create(&draft).expect("file");
        file.write_all(bytes.as_bytes()).expect("write");
        file.sync_all().expect("sync");
        fs::rename(&draft, seat.join(name)).expect("rename");
        File::open(&seat).expect("dir").sync_all().expect("sync");
    };
    timed(rounds, |_| {
        durable("credential", &credential);
        durable("config", &config);
    })
}

/// A placing swap without keychain and journal over its floor. `dir` lies on the disk to be
/// measured.
#[must_use]
pub fn rows(dir: &Path) -> Vec<Row> {
    let home = dir.join("home");
    fs::create_dir_all(home.join(".claude")).expect("home");
    let (seat, config) = (home.join(".claude/.credentials.json"), home.join(".claude.json"));
    let seats = Seats {
        claude: Some(ClaudeSeat { dir: home.join(".claude"), config: config.clone() }),
        codex: None,
    };
    let settings = Config { data_dir: dir.join("data"), namespace: "bench".into(), seats };
    let custody = Custody::open(settings, Arc::new(Memory::default()), Arc::new(Held::default()))
        .expect("custody");
    let (a, b) = (party(1, "a"), party(2, "b"));
    for (party, name) in [(&b, "b"), (&a, "a")] {
        fs::write(&seat, credential(name)).expect("seat");
        fs::write(&config, config_text(name)).expect("config");
        rest(&seat);
        custody.capture(Provider::Claude, party.account, &party.key).expect("capture");
    }
    let mut taken = Vec::with_capacity(SWAPS);
    for round in 0..SWAPS {
        let (from, to) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let order = SwapOrder {
            lane: LaneId(1),
            generation: Generation(1),
            provider: Provider::Claude,
            from: Some(from.clone()),
            to: to.clone(),
        };
        rest(&seat);
        taken.extend(timed(1, |_| drop(custody.swap(&order, &mut Unwritten).expect("swap"))));
        for entry in fs::read_dir(home.join(".claude")).expect("list").flatten() {
            if entry.file_name().to_string_lossy().contains("sluice-parked") {
                fs::remove_file(entry.path()).expect("parked");
            }
        }
    }
    let floor = Row::times("swap.floor", floor(dir, SWAPS));
    vec![Row::times("swap.placing", taken).over(floor.p50), floor]
}
