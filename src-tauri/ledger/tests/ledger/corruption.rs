//! A damaged file: the start goes on within 3 s, the old file is kept, the loss is told, and what
//! points to logins comes back. Short form 100 cases; `SLUICE_LONG=1` runs 1,000.

use crate::pace::{quickest, worked};
use crate::support::{
    T0, account, commit, database, decision, intent, lane_on, open, record, sample,
};
use sluice_engine::{Generation, Trigger};
use sluice_ledger::{Error, Ledger, Note, SCHEMA_VERSION, VintageRow};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const STARTS_WITHIN: Duration = Duration::from_secs(3);

/// A home with history, closed in the middle: the WAL is still there, as after a kill.
fn template(home: &Path) {
    let live = home.join("live");
    let mut ledger = open(&live);
    let (a, b) = (account(&mut ledger, "a"), account(&mut ledger, "b"));
    let lane = lane_on(&mut ledger, a);
    for n in 0..400 {
        record(&mut ledger, &decision(T0.plus_seconds(n * 60), lane, Trigger::Tick, 6));
        ledger.record_sample(&sample(a, T0.plus_seconds(n * 60), n as f64 / 8.0)).unwrap();
    }
    drop(ledger);
    // A short visit leaves the WAL behind and has copied the accounts when its commit returns.
    let mut ledger = Ledger::attach(&database(&live)).unwrap();
    let vintage = VintageRow { account: a, vintage: 4, fingerprint: "f4".into(), stored_at: T0 };
    ledger.advance_vintage(&vintage).unwrap();
    ledger.set_setting("mode.claude", &serde_json::json!("auto")).unwrap();
    let swap = ledger.begin_swap(&intent(lane, Generation(1), Some(a), b, T0)).unwrap();
    commit(&mut ledger, swap, T0);
    for entry in fs::read_dir(&live).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), home.join(entry.file_name())).unwrap();
    }
    drop(ledger);
    fs::remove_dir_all(&live).unwrap();
}

fn copy(template: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(template).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn companion(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens, checks the clock, and returns what was put aside.
fn start(home: &Path, what: &str) -> Option<PathBuf> {
    let (opened, took) = worked(|| Ledger::open(&database(home)));
    assert!(took < STARTS_WITHIN, "{what}: {took:?} of work");
    let opened = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut ledger = opened.ledger;
    let rows = ledger.accounts().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(rows.len(), 2, "{what}: accounts are never lost");
    assert_eq!(ledger.current_vintage(rows[0].id).unwrap().unwrap().vintage, 4, "{what}");
    let lane = &ledger.lanes().unwrap()[0];
    assert_eq!(lane.lane.active, Some(rows[1].id), "{what}: the pointer");
    assert!(lane.lane.generation >= Generation(2), "{what}: the fence never goes back");
    assert_eq!(ledger.setting("mode.claude").unwrap(), Some(serde_json::json!("auto")), "{what}");
    let id = lane.lane.id;
    record(&mut ledger, &decision(T0, id, Trigger::Tick, 2));
    match opened.notes.as_slice() {
        [] => None,
        [note @ Note::StartedFresh { kept, .. }] => {
            assert!(note.to_string().contains("2 accounts"), "{note}");
            Some(kept.clone())
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn random_damage() {
    let cases = if std::env::var_os("SLUICE_LONG").is_some() { 1_000 } else { 100 };
    let root = tempfile::tempdir().unwrap();
    template(root.path());
    let whole = fs::read(database(root.path())).unwrap();
    let wal = fs::read(companion(&database(root.path()), "-wal")).unwrap();
    let (mut aside, mut slowest) = (0, Duration::ZERO);
    for seed in 0..cases {
        let mut random = fastrand::Rng::with_seed(seed);
        let home = root.path().join(format!("case-{seed}"));
        copy(root.path(), &home);
        let (mut bytes, mut log) = (whole.clone(), Some(wal.clone()));
        let what = damage(&mut random, seed, &mut bytes, &mut log);
        fs::write(database(&home), &bytes).unwrap();
        match &log {
            Some(log) => fs::write(companion(&database(&home), "-wal"), log).unwrap(),
            None => fs::remove_file(companion(&database(&home), "-wal")).unwrap(),
        }
        let begun = Instant::now();
        let kept = start(&home, &format!("seed {seed}: {what}"));
        slowest = slowest.max(begun.elapsed());
        if let Some(kept) = kept {
            aside += 1;
            assert!(fs::read(&kept).unwrap() == bytes, "seed {seed}: {what}: kept as it was");
        }
        fs::remove_dir_all(&home).unwrap();
    }
    eprintln!("{cases} damaged files: {aside} put aside, slowest start {slowest:?}");
    assert!(aside * 4 > cases, "most damage must be noticed: {aside} of {cases}");
}

fn damage(
    random: &mut fastrand::Rng,
    seed: u64,
    bytes: &mut Vec<u8>,
    log: &mut Option<Vec<u8>>,
) -> &'static str {
    match seed % 6 {
        0 => {
            bytes.truncate(4_096 * random.usize(0..bytes.len() / 4_096));
            "truncated at a page, the log kept"
        }
        1 => {
            bytes.truncate(random.usize(0..bytes.len()));
            *log = None;
            "truncated anywhere, the log missing"
        }
        2 => {
            let pages = bytes.len() / 4_096;
            for _ in 0..random.usize(1..6) {
                let at = 4_096 * random.usize(0..pages);
                bytes[at..at + 4_096].fill_with(|| random.u8(..));
            }
            "pages of noise"
        }
        3 => {
            for _ in 0..random.usize(1..64) {
                let at = random.usize(0..bytes.len());
                bytes[at] ^= 1 << random.u8(0..8);
            }
            "bits flipped"
        }
        4 => {
            let mut foreign = vec![0; random.usize(1..40_000)];
            foreign.fill_with(|| random.u8(..));
            *log = Some(foreign);
            bytes.truncate(random.usize(0..=bytes.len()));
            "a foreign log and a torn file"
        }
        _ => {
            let text = log.as_mut().unwrap();
            let at = random.usize(0..text.len());
            text.truncate(at);
            let pages = bytes.len() / 4_096;
            let at = 4_096 * random.usize(0..pages);
            bytes[at..at + 4_096].fill(0);
            "a torn log and a blank page"
        }
    }
}

#[test]
fn truncated_at_every_page() {
    let root = tempfile::tempdir().unwrap();
    template(root.path());
    let whole = fs::read(database(root.path())).unwrap();
    let steps: Vec<usize> = (0..whole.len() / 4_096).collect();
    let stride = if std::env::var_os("SLUICE_LONG").is_some() { 1 } else { steps.len() / 12 + 1 };
    for pages in steps.into_iter().step_by(stride) {
        let home = root.path().join(format!("pages-{pages}"));
        copy(root.path(), &home);
        fs::write(database(&home), &whole[..pages * 4_096]).unwrap();
        fs::remove_file(companion(&database(&home), "-wal")).unwrap();
        let kept = start(&home, &format!("{pages} pages"));
        assert!(kept.is_some(), "{pages} of {} pages must be noticed", whole.len() / 4_096);
    }
}

#[test]
fn not_a_database_at_all() {
    let root = tempfile::tempdir().unwrap();
    template(root.path());
    for (name, content) in
        [("empty", &b""[..]), ("text", b"# notes\n"), ("zeros", &[0; 8_192]), ("one", b"S")]
    {
        let home = root.path().join(name);
        copy(root.path(), &home);
        fs::write(database(&home), content).unwrap();
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(companion(&database(&home), suffix)).ok();
        }
        let kept = start(&home, name).unwrap_or_else(|| panic!("{name} must be noticed"));
        assert_eq!(fs::read(kept).unwrap(), content, "{name}");
        assert_eq!(start(&home, name), None, "{name}: the second start is an ordinary one");
    }
}

#[test]
fn the_log_of_another_database() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    template(root.path());
    template(other.path());
    fs::copy(companion(&database(other.path()), "-wal"), companion(&database(root.path()), "-wal"))
        .unwrap();
    start(root.path(), "the same history from another database");
}

#[test]
fn a_damaged_copy_of_the_accounts_is_not_trusted_and_not_destroyed() {
    let home = tempfile::tempdir().unwrap();
    template(home.path());
    let copy = companion(&database(home.path()), ".keep.json");
    fs::write(&copy, b"{\"schema\":\"sluice/keep/1\",\"accounts\":[{").unwrap();
    fs::write(database(home.path()), b"").unwrap();
    let opened = Ledger::open(&database(home.path())).unwrap();
    assert!(matches!(&opened.notes[..], [Note::StartedFresh { restored: None, .. }]));
    assert!(opened.notes[0].to_string().contains("added again"));
    assert!(copy.exists() || companion(&copy, ".damaged").exists());
}

#[test]
fn locked_by_another_process() {
    let home = tempfile::tempdir().unwrap();
    template(home.path());
    let holder = rusqlite::Connection::open(database(home.path())).unwrap();
    holder.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
    let took = quickest(3, || {
        let refused = Ledger::open(&database(home.path())).unwrap_err();
        assert!(matches!(refused, Error::Busy), "{refused}");
    });
    assert!(took < STARTS_WITHIN, "{took:?}");
    drop(holder);
    assert_eq!(start(home.path(), "after the lock was let go"), None);
}

#[test]
fn a_damaged_file_that_somebody_still_uses_is_not_moved() {
    let home = tempfile::tempdir().unwrap();
    let user = open(home.path());
    fs::write(database(home.path()), b"").unwrap();
    let refused = Ledger::open(&database(home.path())).unwrap_err();
    assert!(matches!(refused, Error::DamagedInUse { .. }), "{refused}");
    assert_eq!(fs::metadata(database(home.path())).unwrap().len(), 0);
    // Its user still has the log and folds it back when it ends.
    drop(user);
    Ledger::open(&database(home.path())).unwrap();
}

#[test]
fn a_future_schema_is_neither_damage_nor_touched() {
    let home = tempfile::tempdir().unwrap();
    template(home.path());
    let raw = rusqlite::Connection::open(database(home.path())).unwrap();
    raw.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(raw);
    let before = fs::read_dir(home.path()).unwrap().count();
    assert!(matches!(Ledger::open(&database(home.path())), Err(Error::Newer { .. })));
    assert!(fs::read_dir(home.path()).unwrap().count() <= before + 2, "nothing was put aside");
}

#[test]
fn a_checkup_measures_and_names_damage_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    template(home.path());
    drop(open(home.path()));
    let file = database(home.path());
    let ledger = Ledger::attach(&file).unwrap();
    let sound = ledger.checkup().unwrap();
    assert_eq!((sound.damage, sound.whole), (None, true));
    assert_eq!((sound.decisions, sound.oldest_decision), (400, Some(T0)));
    assert!(sound.bytes_in_use > 50_000 && sound.bytes_on_disk >= sound.bytes_in_use);
    drop(ledger);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    let found = Ledger::attach(&file).unwrap().checkup();
    assert!(found.as_ref().is_ok_and(|found| found.damage.is_some()), "{found:?}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "nothing was mended");
}
