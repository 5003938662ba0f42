//! Codex's seat: its owner is named inside, and its tool asks the provider before it takes a lock.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluice_custody::{
    AccountKey, CustodyError, Intent, IntentId, Journal, Party, RecordError, SagaOutcome,
    SeatState, Step, SwapFailure, SwapOrder, Unreadable,
};
use sluice_engine::{AccountId, Generation, LaneId, Provider};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{Home, MemJournal};

const CODEX: Provider = Provider::Codex;

/// Both locks that the tool takes before it saves, in its home.
const LOCKS: [&str; 2] = ["auth.lock", "auth.json.lock"];

/// `auth.json` of `name` after `rotation` refreshes, as the tool writes it.
fn auth(name: &str, rotation: u32) -> String {
    auth_until(name, rotation, 4_000_000_000 + u64::from(rotation))
}

/// The same with an access token that ends then, in seconds since the epoch.
fn auth_until(name: &str, rotation: u32, ends: u64) -> String {
    let token = |claims: String| format!("eyJh.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let id = token(format!(
        "{{\"email\":\"{name}@example.test\",\"https://api.openai.com/auth\":\
         {{\"chatgpt_account_id\":\"acct-{name}\",\"chatgpt_user_id\":\"user-{name}\",\
         \"chatgpt_plan_type\":\"plus\"}}}}"
    ));
    let access = token(format!("{{\"exp\":{ends},\"n\":\"at-{name}-{rotation}\"}}"));
    format!(
        "{{\n  \"auth_mode\": \"chatgpt\",\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": {{\n    \
         \"id_token\": \"{id}\",\n    \"access_token\": \"{access}\",\n    \
         \"refresh_token\": \"rt-{name}-{rotation}.\",\n    \"account_id\": \"acct-{name}\"\n  }},\n  \
         \"last_refresh\": \"2026-01-01T00:00:00Z\"\n}}"
    )
}

fn key(name: &str) -> AccountKey {
    AccountKey(format!("acct-{name}/user-{name}"))
}

fn party(id: i64, name: &str) -> Party {
    Party { account: AccountId(id), key: key(name) }
}

fn order() -> SwapOrder {
    SwapOrder {
        lane: LaneId(2),
        generation: Generation(1),
        provider: CODEX,
        from: Some(party(1, "a")),
        to: party(2, "b"),
    }
}

fn store(home: &Home) -> PathBuf {
    home.dir.path().join(".codex/auth.json")
}

/// The tool writes in place; long enough ago for the file to be at rest.
fn write(home: &Home, text: &str) {
    std::fs::write(store(home), text).unwrap();
    let file = std::fs::File::options().append(true).open(store(home)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

/// Accounts 1 (`a`) and 2 (`b`) kept, `a` live.
fn with_two() -> Home {
    let home = Home::new();
    std::fs::create_dir(home.dir.path().join(".codex")).unwrap();
    for (id, name) in [(2, "b"), (1, "a")] {
        write(&home, &auth(name, 0));
        home.custody.capture(CODEX, AccountId(id), &key(name)).unwrap();
    }
    home
}

fn names(home: &Home) -> Vec<String> {
    let entries = std::fs::read_dir(home.dir.path().join(".codex")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_leaves_is_captured_first_and_what_comes_is_the_kept_file_to_the_byte() {
    let home = with_two();
    write(&home, &auth("a", 3));
    let before = names(&home);
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    assert!(home.kept().contains("rt-a-3."), "the rotation nobody had seen is kept");
    assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), auth("b", 0));
    let SeatState::Login(login) = home.custody.inspect(CODEX) else { panic!("a login") };
    assert_eq!(login.identity.key, key("b"), "its owner is named by its id token");
    assert_eq!(login.identity.email.as_deref(), Some("b@example.test"));
    let new: Vec<_> = names(&home).into_iter().filter(|name| !before.contains(name)).collect();
    let (locks, ours): (Vec<_>, Vec<_>) = new.iter().partition(|n| LOCKS.contains(&n.as_str()));
    assert_eq!(locks.len(), 2, "the tool's own locks: {new:?}");
    assert!(ours.len() == 1 && ours[0].contains("sluice-parked"), "nothing else: {new:?}");
    assert!(!home.config_path().exists(), "it has no configuration of its own");
}

#[test]
fn a_session_that_rewrites_what_it_holds_open_loses_nothing() {
    let home = with_two();
    let mut session = std::fs::File::options().write(true).open(store(&home)).unwrap();
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    // It never follows: it refreshes the account it was started with, in place.
    session.set_len(0).unwrap();
    session.rewind().unwrap();
    session.write_all(auth("a", 1).as_bytes()).unwrap();
    drop(session);
    home.custody.settle_parked(CODEX).unwrap();
    assert!(home.kept().contains("rt-a-1."), "its rotation is in the vault");
    assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), auth("b", 0), "the seat stays");
}

#[test]
fn a_session_that_writes_the_former_account_over_the_seat_is_known_by_its_token_and_kept() {
    let home = with_two();
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    write(&home, &auth("a", 1));
    let SeatState::Login(login) = home.custody.inspect(CODEX) else { panic!("a login") };
    assert_eq!(login.identity.key, key("a"));
    home.custody.capture(CODEX, AccountId(1), &key("a")).unwrap();
    let wrong = home.custody.capture(CODEX, AccountId(2), &key("b"));
    assert!(matches!(wrong, Err(CustodyError::WrongAccount { .. })));
    assert!(home.kept().contains("rt-a-1.") && home.kept().contains("rt-b-0."));
}

#[test]
fn a_file_in_the_middle_of_its_rewriting_is_waited_for_and_never_replaced() {
    for (torn, why) in [("", Unreadable::Empty), ("{\n  \"auth_mode\": \"ch", Unreadable::Torn)] {
        let home = with_two();
        write(&home, torn);
        let refused = home.custody.swap(&order(), &mut MemJournal::default());
        let Err(SwapFailure::Refused(CustodyError::SeatUnreadable { why: found, .. })) = refused
        else {
            panic!("{torn:?}: {refused:?}")
        };
        assert_eq!(found, why);
        assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), torn);
        // The writer is done a moment later.
        let finishing = store(&home);
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            std::fs::write(finishing, auth("a", 1)).unwrap();
        });
        // On a busy machine the writer may be late; a try that begins after it must succeed.
        loop {
            let done = writer.is_finished();
            match home.custody.swap(&order(), &mut MemJournal::default()) {
                Ok(_) => break,
                Err(failure) if done => panic!("{failure:?}"),
                Err(_) => {}
            }
        }
        writer.join().unwrap();
        assert!(home.kept().contains("rt-a-1."));
    }
}

#[test]
fn another_login_an_api_key_and_a_mode_the_tool_refuses_are_left_alone() {
    let stranger = auth("stranger", 0);
    let key_only = "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-live\",\"tokens\":null}";
    let refused_mode = auth("a", 0).replace("\"chatgpt\",", "\"oauth\",");
    for (text, code) in [
        (stranger.as_str(), "wrong_account"),
        (key_only, "foreign_login"),
        (refused_mode.as_str(), "foreign_login"),
    ] {
        let home = with_two();
        write(&home, text);
        let failure = home.custody.swap(&order(), &mut MemJournal::default()).unwrap_err();
        assert_eq!(failure.cause().code(), code);
        assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), text);
        assert_eq!(names(&home), ["auth.json"]);
    }
}

/// A process that goes by the tool's name and works on `codex_home`; ended when dropped.
struct Running(Child);

impl Running {
    fn on(home: &Home, codex_home: &Path) -> Self {
        let program = home.dir.path().join("bin/codex");
        if !program.exists() {
            std::fs::create_dir(home.dir.path().join("bin")).unwrap();
            std::fs::copy("/bin/sleep", &program).unwrap();
        }
        let mut command = Command::new(program);
        let running = Self(command.arg("60").env("CODEX_HOME", codex_home).spawn().unwrap());
        // Until it has become the program it is still called as we are.
        let name = format!("/proc/{}/comm", running.0.id());
        while std::fs::read_to_string(&name).unwrap().trim() != "codex" {
            std::thread::yield_now();
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Account 1 is live, was renewed since it was kept, and ends in `seconds`.
fn with_end_in(seconds: u64) -> Home {
    let home = Home::new();
    std::fs::create_dir(home.dir.path().join(".codex")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (id, name) in [(2, "b"), (1, "a")] {
        write(&home, &auth_until(name, 0, now));
        home.custody.capture(CODEX, AccountId(id), &key(name)).unwrap();
    }
    write(&home, &auth_until("a", 1, now + seconds));
    home
}

#[test]
fn a_login_that_codex_may_be_renewing_is_not_swapped_away() {
    let home = with_end_in(280);
    let _session = Running::on(&home, &home.dir.path().join(".codex"));
    // The exchange is under way; what it brings is saved a moment later, under the tool's locks.
    let (path, locks) = (store(&home), LOCKS.map(|name| home.dir.path().join(".codex").join(name)));
    let tool = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        let held = locks.map(|lock| std::fs::File::create(lock).unwrap());
        for file in &held {
            file.lock().unwrap();
        }
        assert!(std::fs::read_to_string(&path).unwrap().contains("rt-a-1."), "still its account");
        let draft = path.with_file_name(".auth-x");
        std::fs::write(&draft, auth("a", 2)).unwrap();
        std::fs::rename(draft, path).unwrap();
    });
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
    tool.join().unwrap();
    assert!(home.kept().contains("rt-a-2."), "the new pair was captured");
    assert!(std::fs::read_to_string(store(&home)).unwrap().contains("rt-b-0."));
}

#[test]
fn a_wait_for_codex_ends_and_nothing_is_changed() {
    let home = with_end_in(280);
    let session = Running::on(&home, &home.dir.path().join(".codex"));
    let (began, mut journal) = (Instant::now(), MemJournal::default());
    let refused = home.custody.swap(&order(), &mut journal).unwrap_err();
    let took = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(12)).contains(&took), "{took:?}");
    assert!(matches!(refused.cause(), CustodyError::ToolRenews { .. }), "{refused:?}");
    assert!(journal.intents.is_empty());
    let text = refused.cause().to_string();
    assert!(text.contains(&format!("process {}", session.0.id())), "{text}");
    assert!(std::fs::read_to_string(store(&home)).unwrap().contains("rt-a-1."));
    assert!(home.kept().contains("rt-a-1."), "what is live is kept all the same");
    drop(session);
    home.custody.swap(&order(), &mut journal).unwrap();
}

#[test]
fn codex_is_waited_for_only_where_it_can_be_renewing() {
    let quickly = |home: &Home, case: &str| {
        let began = Instant::now();
        home.custody.swap(&order(), &mut MemJournal::default()).expect(case);
        assert!(began.elapsed() < Duration::from_secs(5), "{case}");
    };
    let home = with_end_in(280);
    quickly(&home, "no Codex is at work");
    let home = with_end_in(280);
    let _elsewhere = Running::on(&home, Path::new("/tmp"));
    quickly(&home, "it works on another home");
    let home = with_end_in(3_600);
    let _session = Running::on(&home, &home.dir.path().join(".codex"));
    quickly(&home, "its login is not due");
}

/// Looks, at the step before the exchange, whether the tool's locks could be taken.
struct Watching {
    inner: MemJournal,
    home: PathBuf,
    taken: Vec<bool>,
}

impl Journal for Watching {
    fn intent(&mut self, intent: &Intent) -> Result<IntentId, RecordError> {
        self.inner.intent(intent)
    }
    fn step(&mut self, id: IntentId, step: Step) -> Result<(), RecordError> {
        if step == Step::Staged {
            let free = LOCKS.map(|name| {
                let file = std::fs::File::open(self.home.join(name)).unwrap();
                file.try_lock().is_ok()
            });
            self.taken.extend(free.map(|free| !free));
        }
        self.inner.step(id, step)
    }
    fn settle(&mut self, id: IntentId, outcome: &SagaOutcome) -> Result<(), RecordError> {
        self.inner.settle(id, outcome)
    }
}

#[test]
fn both_of_codexs_locks_are_held_round_the_exchange() {
    let home = with_two();
    let dir = home.dir.path().join(".codex");
    let mut journal =
        Watching { inner: MemJournal::default(), home: dir.clone(), taken: Vec::new() };
    home.custody.swap(&order(), &mut journal).unwrap();
    assert_eq!(journal.taken, [true, true]);
    for name in LOCKS {
        let file = std::fs::File::open(dir.join(name)).unwrap();
        file.try_lock().expect("given back");
    }
}

#[test]
fn a_lock_that_codex_holds_is_waited_for_and_never_broken() {
    let home = with_two();
    let lock = std::fs::File::create(home.dir.path().join(".codex/auth.lock")).unwrap();
    lock.lock().unwrap();
    let refused = home.custody.swap(&order(), &mut MemJournal::default()).unwrap_err();
    assert!(matches!(refused.cause(), CustodyError::LockTimeout { .. }), "{refused:?}");
    assert_eq!(std::fs::read_to_string(store(&home)).unwrap(), auth("a", 0));
    drop(lock);
    home.custody.swap(&order(), &mut MemJournal::default()).unwrap();
}
