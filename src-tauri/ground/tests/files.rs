//! Directories and files of ours against what another user may have put there, and files of others.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may")]

use rustix::fs::{FileType, Mode};
use sluice_ground::{Lasting, Standing};
use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn room() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A directory of another user: made one by root, the system's own for everybody else.
fn foreign_dir(room: &Path) -> PathBuf {
    if !rustix::process::geteuid().is_root() {
        return PathBuf::from("/usr");
    }
    let path = room.join("theirs");
    fs::create_dir(&path).unwrap();
    chown(&path, Some(65_534), Some(65_534)).unwrap();
    path
}

fn pipe(path: &Path) {
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_directory_is_made_private_with_those_above_it() {
    let room = room();
    let deep = room.path().join("a/b/c");
    assert_eq!(sluice_ground::private_dir(&deep).unwrap(), Standing::Private);
    assert_eq!((mode(&deep), mode(deep.parent().unwrap())), (0o700, 0o700));
    assert_eq!(sluice_ground::private_dir(&deep).unwrap(), Standing::Private);
}

#[test]
fn one_that_others_may_look_into_is_closed() {
    let room = room();
    for open in [0o755, 0o711, 0o750] {
        let path = room.path().join(format!("{open:o}"));
        fs::create_dir(&path).unwrap();
        set_mode(&path, open);
        assert_eq!(sluice_ground::private_dir(&path).unwrap(), Standing::Tightened);
        assert_eq!(mode(&path), 0o700);
    }
}

#[test]
fn one_that_others_may_write_to_is_refused_as_it_is() {
    let room = room();
    for open in [0o777, 0o1777, 0o770, 0o702] {
        let path = room.path().join(format!("{open:o}"));
        fs::create_dir(&path).unwrap();
        set_mode(&path, open);
        let error = sluice_ground::private_dir(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("chmod 700"), "{error}");
        assert_eq!(mode(&path), open & 0o777);
    }
}

#[test]
fn another_users_directory_is_refused() {
    let room = room();
    let theirs = foreign_dir(room.path());
    let error = sluice_ground::private_dir(&theirs).unwrap_err();
    assert!(error.to_string().contains("another user"), "{error}");
    let link = room.path().join("link");
    symlink(&theirs, &link).unwrap();
    let error = sluice_ground::private_dir(&link).unwrap_err();
    assert!(error.to_string().contains("another user"), "{error}");
}

#[test]
fn the_persons_own_link_is_followed_another_users_is_not() {
    let room = room();
    let (real, link) = (room.path().join("real"), room.path().join("link"));
    sluice_ground::private_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    assert_eq!(sluice_ground::private_dir(&link).unwrap(), Standing::Private);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::lchown(&link, Some(65_534), Some(65_534)).unwrap();
        let error = sluice_ground::private_dir(&link).unwrap_err();
        assert!(error.to_string().contains("a link that another user made"), "{error}");
    }
}

#[test]
fn no_file_of_ours_is_opened_through_a_link_or_a_second_name() {
    let room = room();
    let victim = room.path().join("victim");
    fs::write(&victim, b"mine").unwrap();
    let (link, second) = (room.path().join("link"), room.path().join("second"));
    symlink(&victim, &link).unwrap();
    fs::hard_link(&victim, &second).unwrap();
    let pipe_path = room.path().join("pipe");
    pipe(&pipe_path);
    for path in [&link, &second, &pipe_path, &room.path().to_path_buf()] {
        sluice_ground::open_lock(path).unwrap_err();
        sluice_ground::open_append(path).unwrap_err();
        sluice_ground::create_new(path).unwrap_err();
    }
    for path in [&link, &pipe_path, &room.path().to_path_buf()] {
        sluice_ground::read_own(path, 100).unwrap_err();
    }
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    sluice_ground::replace(&link, b"new", Lasting::Whole).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"mine", "a replaced link is not written through");
}

#[test]
fn a_file_of_ours_is_private_when_it_is_opened() {
    let room = room();
    let path = room.path().join("file");
    fs::write(&path, b"kept").unwrap();
    set_mode(&path, 0o644);
    sluice_ground::open_lock(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(sluice_ground::read_own(&path, 4).unwrap(), b"kept");
    let too_large = sluice_ground::read_own(&path, 3).unwrap_err();
    assert_eq!(too_large.kind(), ErrorKind::FileTooLarge);
    let new = room.path().join("new");
    sluice_ground::open_append(&new).unwrap().write_all(b"x").unwrap();
    assert_eq!(mode(&new), 0o600);
}

#[test]
fn a_replaced_file_is_whole_private_and_leaves_nothing_behind() {
    let room = room();
    let path = room.path().join("file");
    for (text, lasting) in [("one", Lasting::Synced), ("two", Lasting::Whole)] {
        sluice_ground::replace(&path, text.as_bytes(), lasting).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(mode(&path), 0o600);
    }
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1);
    let taken = room.path().join("dir");
    fs::create_dir(&taken).unwrap();
    sluice_ground::replace(&taken, b"x", Lasting::Whole).unwrap_err();
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 2);
    // Two at once do not meet on one draft.
    std::thread::scope(|scope| {
        for text in [b"x".repeat(9_000), b"y".repeat(9_000)] {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..50 {
                    sluice_ground::replace(path, &text, Lasting::Whole).unwrap();
                    let found = fs::read(path).unwrap();
                    assert!(found.len() == 9_000 && found.iter().all(|byte| *byte == found[0]));
                }
            });
        }
    });
    assert_eq!(fs::read_dir(room.path()).unwrap().count(), 2);
}

#[test]
fn a_draft_that_a_killed_process_left_goes_after_a_day() {
    let room = room();
    let old = SystemTime::now() - Duration::from_secs(86_400 + 60);
    let make = |name: &str, at: SystemTime| {
        fs::File::create(room.path().join(name)).unwrap().set_modified(at).unwrap();
    };
    let left = || {
        let names = fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<BTreeSet<_>>()
    };
    make(".file.part-aB3xyZ", old);
    make(".file.part-bbbbbb", SystemTime::now() - Duration::from_secs(82_800));
    make(".file.part-future", SystemTime::now() + Duration::from_secs(86_400 + 60));
    let kept = [".other.part-aaaaaa", ".file.part-a.part-aaaaaa", "file.part-aaaaaa", "victim"];
    kept.iter().for_each(|name| make(name, old));
    make(".file.part-toolong", old);
    fs::create_dir(room.path().join(".file.part-folder")).unwrap();
    symlink(room.path().join("victim"), room.path().join(".file.part-linked")).unwrap();
    let mut wanted = left();
    assert!(wanted.remove(".file.part-aB3xyZ") && wanted.insert("file".to_owned()));
    sluice_ground::replace(&room.path().join("file"), b"new", Lasting::Whole).unwrap();
    assert_eq!(left(), wanted);

    sluice_ground::clear_drafts(room.path(), None);
    assert!(wanted.remove(kept[0]) && wanted.remove(kept[1]));
    assert_eq!(left(), wanted);
}

#[test]
fn only_regular_files_of_others_are_read_and_no_pipe_is_waited_for() {
    let room = room();
    let (file, link) = (room.path().join("file"), room.path().join("link"));
    fs::write(&file, b"text").unwrap();
    symlink(&file, &link).unwrap();
    assert_eq!(sluice_ground::read_text(&link, 4).unwrap(), "text");
    let error = sluice_ground::read_text(&file, 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    let pipe_path = room.path().join("pipe");
    pipe(&pipe_path);
    for path in [pipe_path.as_path(), room.path(), Path::new("/dev/zero")] {
        let error = sluice_ground::read_regular(path, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}", path.display());
    }
    let missing = sluice_ground::read_regular(&room.path().join("none"), 4).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    fs::write(&file, [0xff, 0xfe]).unwrap();
    let error = sluice_ground::read_text(&file, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[test]
fn a_taken_lock_is_waited_for_no_longer_than_asked() {
    let room = room();
    let path = room.path().join("lock");
    let first = sluice_ground::open_lock(&path).unwrap();
    let second = sluice_ground::open_lock(&path).unwrap();
    sluice_ground::exclusive(&first, Duration::ZERO).unwrap();
    let error = sluice_ground::exclusive(&second, Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    drop(first);
    sluice_ground::exclusive(&second, Duration::ZERO).unwrap();
}
