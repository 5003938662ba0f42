//! Bounded locks. Ours are held by the kernel and end with us; the tools' own are directories and files, and
//! are honoured as the tools do.

use crate::clock::{self, Stopwatch};
use crate::error::{CustodyError, FileError};
use crate::files;
use crate::seats::locks::{Locks, ToolLock, with_suffix};
use crate::seats::{Seats, tool};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for all locks of a tool together.
pub(crate) const TOOL_WAIT_MAX: Duration = Duration::from_secs(9);
/// Longest hold of a tool's locks.
pub(crate) const TOOL_HOLD_MAX: Duration = Duration::from_secs(5);
/// A held lock's mtime is renewed at least this often.
const TOUCH_EVERY: Duration = Duration::from_secs(3);
/// Pause between two tries of a tool's lock that is taken.
const RETRY_MS: u64 = 100;

/// An exclusive lock of the kernel on a file.
pub(crate) struct KernelLock {
    _file: OwnedFd,
}

impl KernelLock {
    /// Takes the lock, waiting at most `patience`.
    pub(crate) fn take(path: &Path, what: &str, patience: Duration) -> Result<Self, CustodyError> {
        let failed = |what| move |source| FileError { what, path: path.to_path_buf(), source };
        let file = sluice_ground::open_lock(path).map_err(failed("opening"))?;
        let waiting = Stopwatch::start();
        match sluice_ground::exclusive(&file, patience) {
            Ok(()) => Ok(Self { _file: file.into() }),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let waited_ms = waiting.elapsed_ms();
                Err(CustodyError::LockTimeout { what: what.to_owned(), waited_ms })
            }
            Err(error) => Err(failed("locking")(error).into()),
        }
    }
}

struct HeldLock {
    path: PathBuf,
    sign: (i64, i64),
}

/// The nanoseconds that all signs of life of one data directory bear. A lock directory with our
/// mark that we do not hold was left by a crash of ours, and may be removed at once by whoever
/// holds the seat's kernel lock.
#[derive(Clone, Copy)]
pub(crate) struct Mark(pub(crate) u32);

/// Tool locks we hold; given back on drop.
pub(crate) struct ToolLocks {
    held: Vec<HeldLock>,
    /// Locks of the kernel on the tool's files; in the order they were taken.
    files: Vec<KernelLock>,
    mark: Mark,
    since: Stopwatch,
    touched: Stopwatch,
}

impl ToolLocks {
    /// Takes `locks` in order within `patience`. Fresh locks of others are waited for, never broken.
    pub(crate) fn take(
        locks: &[ToolLock],
        mark: Mark,
        patience: Duration,
    ) -> Result<Self, CustodyError> {
        let waiting = Stopwatch::start();
        loop {
            let since = Stopwatch::start();
            let mut taken =
                Self { held: Vec::new(), files: Vec::new(), mark, since, touched: since };
            let result = locks.iter().try_for_each(|lock| {
                taken.held.push(take_one(lock, mark)?);
                Ok(())
            });
            match result {
                Ok(()) => return Ok(taken),
                Err(Taking::Failed(error)) => return Err(error.into()),
                // Everything is given back before the next try: holding the first while waiting
                // for the second is how two programs starve each other.
                Err(Taking::Taken(path)) => {
                    drop(taken);
                    if waiting.elapsed() >= patience {
                        let what = format!("the tool's lock {}", path.display());
                        let waited_ms = waiting.elapsed_ms();
                        return Err(CustodyError::LockTimeout { what, waited_ms });
                    }
                    clock::rest(RETRY_MS);
                }
                Err(Taking::Again) if waiting.elapsed() < patience => {}
                Err(Taking::Again) => {
                    let what = "the tool's lock".to_owned();
                    return Err(CustodyError::LockTimeout {
                        what,
                        waited_ms: waiting.elapsed_ms(),
                    });
                }
            }
        }
    }

    /// Takes the kernel's locks on a tool's files, in order within `patience`. They cannot be broken,
    /// and go with whoever holds them.
    pub(crate) fn take_files(
        paths: &[PathBuf],
        mark: Mark,
        patience: Duration,
    ) -> Result<Self, CustodyError> {
        let waiting = Stopwatch::start();
        let mut files = Vec::new();
        for path in paths {
            let what = format!("the tool's lock {}", path.display());
            let left = patience.saturating_sub(waiting.elapsed());
            files.push(KernelLock::take(path, &what, left)?);
        }
        let since = Stopwatch::start();
        Ok(Self { held: Vec::new(), files, mark, since, touched: since })
    }

    /// Shows that we are alive and that the locks are still ours. Call it before each write.
    ///
    /// # Errors
    /// The hold has lasted too long, or somebody took a lock from us.
    pub(crate) fn renew(&mut self) -> Result<(), CustodyError> {
        if self.since.elapsed() > TOOL_HOLD_MAX {
            return Err(CustodyError::TooSlow("a step under the tool's lock"));
        }
        let due = self.touched.elapsed() >= TOUCH_EVERY;
        for lock in &mut self.held {
            if sign_of(&lock.path) != Ok(lock.sign) {
                return Err(CustodyError::TooSlow("somebody else took the tool's lock; a step"));
            }
            if due {
                lock.sign = touch(&lock.path, self.mark).map_err(|errno| FileError {
                    what: "renewing",
                    path: lock.path.clone(),
                    source: errno.into(),
                })?;
            }
        }
        if due {
            self.touched = Stopwatch::start();
        }
        Ok(())
    }
}

impl Drop for ToolLocks {
    /// Only locks that still bear our sign are removed: another's is not ours to give back.
    fn drop(&mut self) {
        while self.files.pop().is_some() {}
        for lock in self.held.iter().rev() {
            if sign_of(&lock.path) == Ok(lock.sign) {
                let _ = rustix::fs::rmdir(&lock.path);
            }
        }
    }
}

enum Taking {
    /// Held by somebody who shows signs of life.
    Taken(PathBuf),
    /// A dead lock was removed; the next try may get it.
    Again,
    /// The file system refuses.
    Failed(FileError),
}

/// Makes the directory under a name of ours, signs it, and moves it into place: nobody ever sees
/// a lock of ours without its mark, whenever we die.
fn take_one(lock: &ToolLock, mark: Mark) -> Result<HeldLock, Taking> {
    let failed = |errno: Errno| match errno {
        Errno::INTR => Taking::Taken(lock.path.clone()),
        errno => {
            let (what, path) = ("taking", lock.path.clone());
            Taking::Failed(FileError { what, path, source: errno.into() })
        }
    };
    let draft = with_suffix(&lock.path, ".sluice");
    match rustix::fs::mkdir(&draft, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(failed(errno)),
    }
    let discard = |errno| {
        let _ = rustix::fs::rmdir(&draft);
        failed(errno)
    };
    let sign = touch(&draft, mark).map_err(discard)?;
    let (cwd, only_new) = (rustix::fs::CWD, RenameFlags::NOREPLACE);
    match rustix::fs::renameat_with(cwd, &draft, cwd, &lock.path, only_new) {
        Ok(()) => Ok(HeldLock { path: lock.path.clone(), sign }),
        Err(Errno::EXIST) => {
            let _ = rustix::fs::rmdir(&draft);
            Err(taken(lock, mark))
        }
        Err(Errno::INVAL | Errno::NOSYS) => {
            let _ = rustix::fs::rmdir(&draft);
            take_plainly(lock, mark, failed)
        }
        Err(errno) => Err(discard(errno)),
    }
}

/// For file systems without the atomic move: made in place, signed a moment later.
fn take_plainly(
    lock: &ToolLock,
    mark: Mark,
    failed: impl FnOnce(Errno) -> Taking,
) -> Result<HeldLock, Taking> {
    match rustix::fs::mkdir(&lock.path, Mode::RWXU) {
        Ok(()) => match touch(&lock.path, mark) {
            Ok(sign) => Ok(HeldLock { path: lock.path.clone(), sign }),
            Err(errno) => {
                let _ = rustix::fs::rmdir(&lock.path);
                Err(failed(errno))
            }
        },
        Err(Errno::EXIST) => Err(taken(lock, mark)),
        Err(errno) => Err(failed(errno)),
    }
}

/// Somebody has the lock. A dead one is removed; who gets it then, the next `mkdir` decides.
fn taken(lock: &ToolLock, mark: Mark) -> Taking {
    let Ok(sign) = sign_of(&lock.path) else { return Taking::Again };
    let left_by_us = sign.1 == i64::from(mark.0);
    if (left_by_us || is_stale(sign, lock.stale_after)) && rustix::fs::rmdir(&lock.path).is_ok() {
        return Taking::Again;
    }
    Taking::Taken(lock.path.clone())
}

/// Removes locks with our mark that nobody holds: the caller holds the seat's kernel lock, and so
/// no process of ours can be alive behind them.
pub(crate) fn clear_leftovers(locks: &[ToolLock], mark: Mark) {
    for lock in locks {
        if sign_of(&lock.path).is_ok_and(|sign| sign.1 == i64::from(mark.0)) {
            let _ = rustix::fs::rmdir(&lock.path);
        }
        let _ = rustix::fs::rmdir(with_suffix(&lock.path, ".sluice"));
    }
}

/// Without a sign of life for the whole stale time. A sign from the future is fresh: the clock may
/// have been set back, and then nobody can tell.
fn is_stale((seconds, nanos): (i64, i64), stale_after: Duration) -> bool {
    let sign_us = seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000);
    let age = clock::now().0.saturating_sub(sign_us);
    u128::try_from(age).is_ok_and(|age| age > stale_after.as_micros())
}

fn sign_of(path: &Path) -> Result<(i64, i64), Errno> {
    let stat = rustix::fs::statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok((stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default()))
}

fn touch(path: &Path, mark: Mark) -> Result<(i64, i64), Errno> {
    let seconds = clock::now().0.div_euclid(1_000_000);
    let stamp = Timespec { tv_sec: seconds, tv_nsec: mark.0.into() };
    let times = Timestamps { last_access: stamp, last_modification: stamp };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    sign_of(path)
}

/// A lock of a tool that is taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenLock {
    /// Its directory.
    pub path: PathBuf,
    /// Time since its holder's last sign of life.
    pub age: Duration,
    /// Its holder gives no sign any more: the next one who wants it takes it over.
    pub stale: bool,
}

/// The locks of the seats' tools that are taken. Looks only; who holds one cannot be seen in it.
#[must_use]
pub fn taken_locks(seats: &Seats) -> Vec<TakenLock> {
    let now = clock::now();
    let taken = seats.all().flat_map(|(provider, seat)| {
        let place = files::Place::locate(&seat.login).ok();
        let dir = place.map_or_else(|| seat.dir.clone(), |place| place.dir_path.clone());
        let locks = match tool(provider).locks(seat, &dir) {
            Locks::Directories(locks) => locks,
            // The kernel does not tell.
            Locks::Files(_) => Vec::new(),
        };
        locks.into_iter().chain(seat.config.as_deref().map(ToolLock::of_config))
    });
    let taken = taken.filter_map(|lock| {
        let (seconds, _) = sign_of(&lock.path).ok()?;
        let age = now.seconds_since(sluice_engine::Utc::from_seconds(seconds)).max(0.0);
        let age = Duration::from_secs_f64(age);
        Some(TakenLock { path: lock.path, age, stale: age > lock.stale_after })
    });
    taken.collect()
}
