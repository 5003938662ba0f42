//! What a whole placing swap costs on the disk, against the least the same bytes cost.

use crate::bench::{Row, timed};
use sluice_custody::{
    AccountKey, Config, Custody, Health, Intent, IntentId, ItemKey, Journal, Party, Pointers,
    RecordError, SagaOutcome, Seat, Seats, Secret, SecretStore, Step, StoreError, SwapOrder,
    VintageRef,
};
use sluice_driver::adapters::custody_over;
use sluice_driver::ports::{self, Custody as _};
use sluice_engine::{AccountId, AskedBy, Gates, Generation, LaneId, Plan, Provider, Trigger, Utc};
use sluice_ledger::{Ledger, NewAccount};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// Swaps measured.
const SWAPS: usize = 200;
/// Between two of them. Minutes pass in life; what one left to the background is no part of the next.
const REST: Duration = Duration::from_millis(10);

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

/// A journal that costs nothing.
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
fn floor(seat: &Path) {
    let durable = |name: &str, bytes: &str| {
        let draft = seat.join("draft");
        let mut file = File::create(&draft).expect("file");
        file.write_all(bytes.as_bytes()).expect("write");
        file.sync_all().expect("sync");
        fs::rename(&draft, seat.join(name)).expect("rename");
        File::open(seat).expect("dir").sync_all().expect("sync");
    };
    durable("credential", &credential("a"));
    durable("config", &config_text("a"));
}

/// A home with a seat whose login and configuration can be set.
struct Home {
    dir: PathBuf,
    seat: PathBuf,
    config: PathBuf,
}

impl Home {
    fn new(dir: PathBuf) -> Self {
        let home = dir.join("home");
        fs::create_dir_all(home.join(".claude")).expect("home");
        Self {
            seat: home.join(".claude/.credentials.json"),
            config: home.join(".claude.json"),
            dir,
        }
    }

    fn settings(&self) -> Config {
        let seat = Seat::at(Provider::Claude, &self.dir.join("home/.claude"));
        let seat = Seat { config: Some(self.config.clone()), ..seat };
        let seats = Seats::from_iter([(Provider::Claude, seat)]);
        Config { data_dir: self.dir.join("data"), namespace: "bench".into(), seats }
    }

    fn sign_in(&self, name: &str) {
        fs::write(&self.seat, credential(name)).expect("seat");
        fs::write(&self.config, config_text(name)).expect("config");
        rest(&self.seat);
    }

    /// What lies parked is looked after half a minute later, which is nobody's waiting.
    fn clear(&self) {
        for entry in fs::read_dir(self.dir.join("home/.claude")).expect("list").flatten() {
            if entry.file_name().to_string_lossy().contains("sluice-parked") {
                fs::remove_file(entry.path()).expect("parked");
            }
        }
    }

    /// How long one swap takes.
    fn time(&self, swap: impl FnOnce()) -> Duration {
        rest(&self.seat);
        std::thread::sleep(REST);
        let begun = Instant::now();
        swap();
        let taken = begun.elapsed();
        self.clear();
        taken
    }
}

/// What the seat alone costs: no journal.
fn seat_only(home: &Home) -> impl FnMut(usize) -> Duration {
    let store = Arc::new(Memory::default());
    let custody =
        Custody::open(home.settings(), store, Arc::new(Held::default())).expect("custody");
    let (a, b) = (party(1, "a"), party(2, "b"));
    for (party, name) in [(&b, "b"), (&a, "a")] {
        home.sign_in(name);
        custody.capture(Provider::Claude, party.account, &party.key).expect("capture");
    }
    move |round| {
        let (from, to) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let order = SwapOrder {
            lane: LaneId(1),
            generation: Generation(1),
            provider: Provider::Claude,
            from: Some(from.clone()),
            to: to.clone(),
        };
        home.time(|| drop(custody.swap(&order, &mut Unwritten).expect("swap")))
    }
}

/// The swap as the driver carries it out: its own custody, journal and pointers in SQLite.
fn whole(home: &Home) -> impl FnMut(usize) -> Duration {
    let opened = Ledger::open(&home.dir.join("data/sluice.db")).expect("ledger");
    let mut ledger = opened.ledger;
    let at = Utc::from_millis(1_800_000_000_000);
    let lane = ledger.default_lane(Provider::Claude).expect("lane").lane;
    let parties = ["a", "b"].map(|name| {
        let key = party(0, name).key.0;
        let new = NewAccount {
            provider: Provider::Claude,
            key: key.clone(),
            label: name.into(),
            email: None,
            organization: None,
            plan: Plan::default(),
        };
        (ledger.add_account(&new, at).expect("account").id, key)
    });
    let generation = ledger.adopt(lane.id, Some(parties[0].0), None, at).expect("lane").0;
    let store = Arc::new(Memory::default());
    let custody = custody_over(home.settings(), store, ledger).expect("custody");
    for (index, name) in [(1, "b"), (0, "a")] {
        home.sign_in(name);
        let (account, key) = &parties[index];
        custody.capture(Provider::Claude, *account, key).expect("capture");
    }
    move |round| {
        let order = ports::SwapOrder {
            lane: lane.id,
            generation: Generation(generation + round as u64),
            provider: Provider::Claude,
            from: Some(parties[round % 2].clone()),
            to: parties[(round + 1) % 2].clone(),
            trigger: Trigger::Manual,
            reason: "measured".into(),
            asked_by: AskedBy::Driver,
            decision: None,
            gates: Gates::default(),
            protect_s: None,
            at,
        };
        home.time(|| {
            let report = custody.swap(&order);
            assert!(matches!(report, ports::SwapReport::Committed { .. }), "{report:?}");
        })
    }
}

/// A whole placing swap without keychain over its floor, and the part of it that is the seat's.
/// `dir` lies on the disk to be measured. All three take turns, so that the machine's other work
/// weighs on each alike.
#[must_use]
pub fn rows(dir: &Path) -> Vec<Row> {
    let (first, second, seat) =
        (Home::new(dir.join("whole")), Home::new(dir.join("seat")), dir.join("floor"));
    fs::create_dir_all(&seat).expect("dir");
    let (mut whole, mut seat_only) = (whole(&first), seat_only(&second));
    let mut taken = [const { Vec::new() }; 3];
    for round in 0..SWAPS {
        taken[0].push(whole(round));
        taken[1].push(seat_only(round));
        std::thread::sleep(REST);
        taken[2].extend(timed(1, |_| floor(&seat)));
    }
    let [placing, alone, floor] = taken;
    let floor = Row::times("swap.floor", floor);
    vec![
        Row::times("swap.placing", placing).over(floor.p50),
        Row::times("swap.seat", alone).over(floor.p50),
        floor,
    ]
}
