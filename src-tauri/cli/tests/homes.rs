//! A data directory that is not the person's alone is refused before anything in it is touched.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod home;

use home::{Home, error};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A user of no rights, on every system.
const NOBODY: u32 = 65_534;
/// Every way into a data directory.
const WAYS: [&[&str]; 8] = [
    &["status"],
    &["daemon"],
    &["lane", "list"],
    &["reconcile"],
    &["vault", "keychain"],
    &["export"],
    &["run", "--", "true"],
    &["hook", "stop"],
];

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Links under every name that Sluice makes in its directory, to a file of the person's.
fn trap(home: &Home) -> (PathBuf, PathBuf) {
    let (data, victim) = (home.path().join("data"), home.path().join("victim"));
    fs::write(&victim, "mine").unwrap();
    set_mode(&victim, 0o640);
    fs::create_dir(&data).unwrap();
    for name in
        ["lock", "salt", "sluice.db", "sluice.db.use", "sluice.db.opening", "sluice.db.keep.json"]
    {
        symlink(&victim, data.join(name)).unwrap();
    }
    for name in ["log", "run", "spool", "lease", "metrics", "tray"] {
        symlink(home.path(), data.join(name)).unwrap();
    }
    (data, victim)
}

fn untouched(home: &Home, data: &Path, victim: &Path) {
    assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
    assert_eq!(fs::metadata(victim).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(data).unwrap().count(), 12);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "nothing was made through a link");
}

#[test]
fn a_home_that_others_may_write_to_is_refused_untouched() {
    let home = Home::new();
    let (data, victim) = trap(&home);
    for mode in [0o777, 0o1777, 0o770] {
        set_mode(&data, mode);
        for way in WAYS {
            let output = home.run(way);
            if way[0] == "hook" {
                assert!(output.status.success() && output.stderr.is_empty(), "a tool shows it");
            } else {
                assert_eq!(output.status.code(), Some(1), "{way:?}: {}", error(&output));
                let said = error(&output);
                assert!(said.contains("other users may write to it"), "{way:?}: {said}");
                assert!(said.contains("chmod 700"), "{way:?}: {said}");
            }
            untouched(&home, &data, &victim);
        }
    }
    // Made private by hand, the links are still no files of ours.
    set_mode(&data, 0o700);
    assert_eq!(home.run(&["status"]).status.code(), Some(1));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
}

#[test]
fn a_home_that_others_may_look_into_is_made_private() {
    let home = Home::new();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    set_mode(&data, 0o755);
    assert!(home.run(&["status"]).status.success());
    assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
    for name in ["sluice.db", "sluice.db.keep.json"] {
        let file = data.join(name);
        if file.exists() {
            set_mode(&file, 0o644);
        }
    }
    assert!(home.run(&["status"]).status.success());
    let open = fs::read_dir(&data).unwrap().flatten().filter(|entry| {
        let found = entry.metadata().unwrap();
        found.is_file() && found.mode() & 0o077 != 0
    });
    assert_eq!(open.map(|entry| entry.path()).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

fn as_nobody(home: &Home, data: &Path) -> Output {
    let ours = home.command(&["status"]);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(ours.get_program()).arg("status").env_clear();
    command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("SLUICE_HOME", data);
    command.output().unwrap()
}

/// With root a second user is a real one; without, another user's directory is the system's own.
#[test]
fn another_users_home_is_refused() {
    let home = Home::new();
    if !rustix::process::geteuid().is_root() {
        let output = home.command(&["status"]).env("SLUICE_HOME", "/usr").output().unwrap();
        assert!(error(&output).contains("another user"), "{}", error(&output));
        return;
    }
    let data = home.path().join("data");
    assert!(home.run(&["status"]).status.success());
    set_mode(home.path(), 0o755);
    let program = Path::new(env!("CARGO_BIN_EXE_sluice"));
    let reached = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program)
        .arg("--version")
        .output()
        .unwrap();
    if reached.status.success() {
        for mode in [0o755, 0o777] {
            set_mode(&data, mode);
            let output = as_nobody(&home, &data);
            let said = error(&output);
            assert!(said.contains("another user (number 0)"), "{said}");
        }
        set_mode(&data, 0o700);
    }
    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    let before = fs::read_dir(&data).unwrap().count();
    for way in &WAYS[..7] {
        let output = home.run(way);
        assert_eq!(output.status.code(), Some(1), "{way:?}");
        assert!(error(&output).contains("another user"), "{way:?}: {}", error(&output));
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), before);
}
