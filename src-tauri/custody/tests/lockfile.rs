//! The tool's directory locks: against our own unit of time, and against the library the tool uses.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use sluice_custody::{CustodyError, Intent, IntentId, Journal, RecordError, SagaOutcome, Step};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use support::{Home, MemJournal, a_to_b, config_text, credential};

/// The locks of a home, in the tool's order.
fn locks(home: &Home) -> [PathBuf; 4] {
    let dir = home.dir.path();
    [
        dir.join(".claude/.oauth_refresh.lock"),
        dir.join(".claude.lock"),
        dir.join(".claude/.storage-write.lock"),
        dir.join(".claude.json.lock"),
    ]
}

fn age(lock: &Path, by: Duration) {
    let dir = std::fs::File::open(lock).unwrap();
    dir.set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn a_stale_lock_is_taken_over_and_every_lock_is_given_back() {
    for (index, stale_s) in [(0, 61), (1, 61), (2, 16), (3, 11)] {
        let home = Home::with_two();
        let lock = &locks(&home)[index];
        std::fs::create_dir(lock).unwrap();
        age(lock, Duration::from_secs(stale_s));
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
        assert_eq!(home.live(), credential("b", 0));
        assert!(locks(&home).iter().all(|lock| !lock.exists()), "{index}");
    }
}

#[test]
fn a_lock_that_is_let_go_in_time_is_waited_for() {
    let home = Home::with_two();
    let lock = locks(&home)[0].clone();
    std::fs::create_dir(&lock).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(600));
            std::fs::remove_dir(&lock).unwrap();
        });
        home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap();
    });
    assert_eq!(home.live(), credential("b", 0));
}

/// Fresh, or from the future (the clock was set back): never broken, and the swap is postponed.
#[test]
fn a_fresh_lock_postpones_the_swap_within_its_bound() {
    let home = Home::with_two();
    let lock = locks(&home)[1].clone();
    std::fs::create_dir(&lock).unwrap();
    let dir = std::fs::File::open(&lock).unwrap();
    dir.set_modified(SystemTime::now() + Duration::from_secs(3_600)).unwrap();
    let started = Instant::now();
    let mut journal = MemJournal::default();
    let failure = home.custody.swap(&a_to_b(), &mut journal).unwrap_err();
    assert!(matches!(failure.cause(), CustodyError::LockTimeout { .. }), "{failure:?}");
    assert!(failure.cause().to_string().contains(".claude.lock"), "it names the lock");
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(lock.exists() && journal.intents.is_empty());
    assert_eq!(home.live(), credential("a", 0));
    assert_eq!(home.config(), config_text("a"));
    assert!(!locks(&home)[0].exists(), "the first lock is not kept while the second is taken");
}

/// A journal that does something while the swap holds the tool's locks.
struct Meanwhile<F: FnMut()>(MemJournal, F);

impl<F: FnMut()> Journal for Meanwhile<F> {
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError> {
        self.0.intent(intent)
    }
    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError> {
        if step == Step::Staged {
            (self.1)();
        }
        self.0.step(id, step)
    }
    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError> {
        self.0.settle(id, outcome)
    }
}

#[test]
fn a_lock_that_somebody_takes_from_us_ends_the_swap_before_the_exchange() {
    let home = Home::with_two();
    let lock = locks(&home)[0].clone();
    let mut journal = Meanwhile(MemJournal::default(), || {
        std::fs::remove_dir(&lock).unwrap();
        std::fs::create_dir(&lock).unwrap();
    });
    let failure = home.custody.swap(&a_to_b(), &mut journal).unwrap_err();
    assert!(matches!(failure.cause(), CustodyError::TooSlow(_)), "{failure:?}");
    assert_eq!(home.live(), credential("a", 0));
    assert!(lock.exists(), "the other's lock is not ours to give back");
    assert!(journal.0.open().is_empty());
}

const SCRIPT: &str = "
const lockfile = require('proper-lockfile');
const [dir, home] = process.argv.slice(1);
const lines = require('readline').createInterface({ input: process.stdin });
let release = null;
const say = (word) => process.stdout.write(word + '\\n');
lines.on('line', async (word) => {
  try {
    if (word === 'lock') {
      release = await lockfile.lock(dir, {
        lockfilePath: dir + '/.oauth_refresh.lock', stale: 60000, update: 5000, realpath: false });
      say('locked');
    } else if (word === 'unlock') { await release(); say('unlocked'); }
    else process.exit(0);
  } catch (error) { say(error.code); }
});
say('ready');
";

struct Other {
    node: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Other {
    fn start(modules: &Path, home: &Home) -> Self {
        let mut node = Command::new("node")
            .args(["-e", SCRIPT, "--"])
            .args([home.dir.path().join(".claude"), home.dir.path().to_path_buf()])
            .env("NODE_PATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(node.stdout.take().unwrap()).lines();
        let mut other = Self { node, lines };
        assert_eq!(other.answer(), "ready");
        other
    }

    fn answer(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn ask(&mut self, word: &str) -> String {
        writeln!(self.node.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.answer()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.node.kill());
        drop(self.node.wait());
    }
}

/// Where `proper-lockfile` is installed for this test; `None` without node.
fn modules() -> Option<PathBuf> {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: node is missing, so there is no proper-lockfile to agree with");
        return None;
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lockfile");
    let modules = place.join("node_modules");
    if !modules.join("proper-lockfile/package.json").is_file() {
        std::fs::create_dir_all(&place).unwrap();
        let installed = Command::new("npm")
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
            .arg(&place)
            .arg("proper-lockfile@4.1.2")
            .output()
            .expect("npm comes with node");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    }
    Some(modules)
}

#[test]
fn an_independent_proper_lockfile_and_we_respect_each_other() {
    let Some(modules) = modules() else { return };
    let home = Home::with_two();
    let mut other = Other::start(&modules, &home);
    // It holds, we wait and give up without a trace.
    assert_eq!(other.ask("lock"), "locked");
    let failure = home.custody.swap(&a_to_b(), &mut MemJournal::default()).unwrap_err();
    assert!(matches!(failure.cause(), CustodyError::LockTimeout { .. }), "{failure:?}");
    assert_eq!(home.live(), credential("a", 0));
    assert_eq!(other.ask("unlock"), "unlocked");
    // We hold, it is told so; afterwards it gets the lock.
    let mut said = String::new();
    let mut journal = Meanwhile(MemJournal::default(), || said = other.ask("lock"));
    home.custody.swap(&a_to_b(), &mut journal).unwrap();
    drop(journal);
    assert_eq!(said, "ELOCKED");
    assert_eq!(home.live(), credential("b", 0));
    assert_eq!(other.ask("lock"), "locked");
    assert_eq!(other.ask("unlock"), "unlocked");
}
