//! The database's own files, and what somebody else may have put in their place.

use crate::pace::PATIENCE;
use crate::support::{T0, account, database, open};
use rustix::fs::{FileType, Mode};
use sluice_ledger::spool::{self, Spooled};
use sluice_ledger::{Error, Ledger};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn event() -> Spooled {
    Spooled::Finished { execution: "x".into(), at: T0, exit_code: Some(0), reason: "done".into() }
}

#[test]
fn a_pipe_in_the_spool_keeps_nobody_waiting() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let directory = spool::directory(&database(home.path()));
    spool::write(&directory, "2", &event()).unwrap();
    let pipe = directory.join("1.json");
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
    let secret = home.path().join("elsewhere");
    fs::write(&secret, serde_json::to_string(&event()).unwrap()).unwrap();
    symlink(&secret, directory.join("3.json")).unwrap();
    fs::write(directory.join("4.json"), "x".repeat(100_000)).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let replayed = [ledger.replay(T0).unwrap(), ledger.replay(T0).unwrap()];
        tell.send(replayed).unwrap();
    });
    let [first, second] = told.recv_timeout(PATIENCE).expect("it waits for somebody who writes");
    assert_eq!((first.taken, first.odd), (1, 3), "kept aside under other names");
    assert!(directory.join("1.odd").exists() && !pipe.exists());
    assert_eq!(second, spool::Replayed::default());
}

#[test]
fn a_replay_clears_drafts_of_events_that_never_came() {
    let home = tempfile::tempdir().unwrap();
    let mut ledger = open(home.path());
    let directory = spool::directory(&database(home.path()));
    spool::write(&directory, "1", &event()).unwrap();
    let day_and_more = std::time::Duration::from_secs(86_400 + 60);
    let draft = fs::File::create(directory.join(".2.json.part-aaaaaa")).unwrap();
    draft.set_modified(std::time::SystemTime::now() - day_and_more).unwrap();
    assert_eq!(ledger.replay(T0).unwrap().taken, 1);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
}

#[test]
fn no_file_of_the_database_is_taken_through_a_link() {
    let room = tempfile::tempdir().unwrap();
    let victim = room.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    for name in ["sluice.db", "sluice.db.use", "sluice.db.opening", "sluice.db-wal"] {
        let home = room.path().join(format!("home-{name}"));
        fs::create_dir(&home).unwrap();
        symlink(&victim, home.join(name)).unwrap();
        let error = Ledger::open(&database(&home)).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert_eq!(mode(&victim), 0o644 & mode(&victim), "its rights are as they were");
}

#[test]
fn a_readable_database_becomes_private_and_an_open_home_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = database(home.path());
    let mut ledger = open(home.path());
    account(&mut ledger, "a");
    drop(ledger);
    set_mode(&path, 0o644);
    set_mode(home.path(), 0o755);
    drop(open(home.path()));
    assert_eq!((mode(&path), mode(home.path())), (0o600, 0o700));
    for refused in [0o777, 0o770] {
        set_mode(home.path(), refused);
        let texts = [
            Ledger::open(&path).unwrap_err().to_string(),
            Ledger::attach(&path).unwrap_err().to_string(),
            spool::write(&home.path().join("spool"), "1", &event()).unwrap_err().to_string(),
        ];
        for text in texts {
            assert!(text.contains("other users may write to it"), "{text}");
        }
        assert!(!home.path().join("spool").exists(), "nothing was made in it");
    }
}
