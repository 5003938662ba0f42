//! Which programs of this user are running (Linux only): a Codex at work may be renewing its login.

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sluice_engine::provider::Spec;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a program's name and of its environment that are looked at.
const NAME_BYTES_MAX: usize = 64;
const ENVIRONMENT_BYTES_MAX: usize = 1 << 20;

/// Whether a tool is at work on one home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtWork {
    /// No such process of this user.
    Nobody,
    /// A process of the tool, by its id.
    Process(u32),
    /// This system does not show its processes.
    Unknown,
}

/// The id of a running program of this user with this name.
pub(crate) fn named(name: &str) -> Option<u32> {
    let proc = open_proc()?;
    ids(&proc)?.into_iter().find(|pid| comm(&proc, *pid).is_some_and(|found| found == *name))
}

/// Whether a tool of this user works on the home `home`; `usual` is where its home is below the
/// person's. One whose home cannot be told counts.
pub(crate) fn at_work(spec: &Spec, usual: &str, home: &Path) -> AtWork {
    let Some((proc, ids)) = open_proc().and_then(|proc| ids(&proc).map(|ids| (proc, ids))) else {
        return AtWork::Unknown;
    };
    let own = std::process::id();
    let found = ids
        .into_iter()
        .filter(|pid| *pid != own && runs(&proc, *pid, spec.program))
        .find(|pid| !works_elsewhere(&proc, *pid, (spec, usual), home));
    found.map_or(AtWork::Nobody, AtWork::Process)
}

fn open_proc() -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open("/proc", flags, Mode::empty()).ok()
}

/// Processes of this user; `None` where there is no table of them.
fn ids(proc: &OwnedFd) -> Option<Vec<u32>> {
    let own = rustix::process::geteuid().as_raw();
    let entries = rustix::fs::Dir::read_from(proc).ok()?.filter_map(Result::ok);
    let ids: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok())
        .filter(|pid: &u32| {
            let stat = rustix::fs::statat(proc, pid.to_string(), AtFlags::SYMLINK_NOFOLLOW);
            stat.is_ok_and(|stat| stat.st_uid == own)
        })
        .collect();
    // We are one of them: a table without us is none.
    ids.contains(&std::process::id()).then_some(ids)
}

fn read(proc: &OwnedFd, path: &str, bytes_max: usize) -> Option<Zeroizing<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(proc, path, flags, Mode::empty()).ok()?;
    let mut bytes = Zeroizing::new(vec![0u8; bytes_max]);
    let mut filled = 0;
    while filled < bytes_max {
        match rustix::io::read(&file, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(filled);
    Some(bytes)
}

fn comm(proc: &OwnedFd, pid: u32) -> Option<String> {
    let name = read(proc, &format!("{pid}/comm"), NAME_BYTES_MAX)?;
    Some(String::from_utf8_lossy(name.trim_ascii()).into_owned())
}

/// A tool is one program under a few names (`codex`, `codex-exec`, `codex-x86_64-…`).
fn runs(proc: &OwnedFd, pid: u32, program: &str) -> bool {
    let is_tool = |name: &str| {
        let rest = name.strip_prefix(program);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if comm(proc, pid).is_some_and(|name| is_tool(&name)) {
        return true;
    }
    let exe = rustix::fs::readlinkat(proc, format!("{pid}/exe"), Vec::new()).ok();
    exe.is_some_and(|exe| {
        let path = Path::new(OsStr::from_bytes(exe.as_bytes()));
        path.file_name().is_some_and(|name| is_tool(&name.to_string_lossy()))
    })
}

/// The process has certainly ended, or its environment names another home.
fn works_elsewhere(proc: &OwnedFd, pid: u32, (spec, usual): (&Spec, &str), home: &Path) -> bool {
    // A process that has ended and was not waited for has no program any more.
    let exe = rustix::fs::readlinkat(proc, format!("{pid}/exe"), Vec::new());
    if exe == Err(Errno::NOENT) {
        return true;
    }
    let environment = read(proc, &format!("{pid}/environ"), ENVIRONMENT_BYTES_MAX);
    let Some(environment) = environment.filter(|bytes| !bytes.is_empty()) else { return false };
    let value = |name: &str| {
        let mut entries = environment.split(|byte| *byte == 0);
        let found = entries.find_map(|entry| entry.strip_prefix(name.as_bytes()))?;
        Some(PathBuf::from(OsStr::from_bytes(found))).filter(|path| path.is_absolute())
    };
    let variable = format!("{}=", spec.home_variable);
    let named = value(&variable).or_else(|| value("HOME=").map(|home| home.join(usual)));
    named.is_some_and(|named| !is_same_directory(&named, home))
}

fn is_same_directory(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| {
        let stat = rustix::fs::statat(rustix::fs::CWD, path, AtFlags::empty()).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    one == other || (id(one).is_some() && id(one) == id(other))
}
