//! Files of ours: no link is followed, no other user's file is used, and nobody else may read them.
//! Another program may have put anything at the path.

use crate::{OTHERS, is_ours, kind, permissions, read_bounded, refused};
use rustix::fs::{FileType, Mode, OFlags, Stat, chmod, fchmod, fstat, lstat, open};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{DirEntry, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Ends the name of a draft, before what tells drafts of one file apart.
const DRAFT: &str = ".part-";
const DRAFT_RANDOM_BYTES: usize = 6;
/// A draft this old belongs to nobody: it was left over by a process that was killed.
const DRAFT_AGE_MAX: Duration = Duration::from_secs(86_400);
/// Entries of a directory looked at for such drafts.
const ENTRIES_MAX: usize = 1_000;

const LINK: &str = "it is a link; it was not followed";

/// How well a replaced file must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// On the disk before it has its name, and its name after that.
    Synced,
    /// Whole or not there; a power cut may lose it.
    Whole,
}

/// Opens the file whose kernel lock is taken, making it where there is none. Nothing in it changes.
///
/// # Errors
/// It is a link, not a regular file, another user's, has a second name, or the system refuses.
pub fn open_lock(path: &Path) -> io::Result<File> {
    open_own(path, OFlags::RDWR | OFlags::CREATE)
}

/// Opens a file that grows at its end, making it where there is none.
///
/// # Errors
/// As [`open_lock`].
pub fn open_append(path: &Path) -> io::Result<File> {
    open_own(path, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)
}

/// Opens a file of ours that must be there, for reading.
///
/// # Errors
/// As [`open_lock`].
pub fn open_own_file(path: &Path) -> io::Result<File> {
    open_own(path, OFlags::RDONLY)
}

/// Makes sure that what lies under a name of ours, if anything, is a regular file of ours that nobody
/// else may read. It is not opened: closing a file would give back the locks that this process holds
/// on it (a database's).
///
/// # Errors
/// As [`open_lock`].
pub fn check_file(path: &Path) -> io::Result<()> {
    let stat = match lstat(path) {
        Err(Errno::NOENT) => return Ok(()),
        found => found?,
    };
    check(&stat)?;
    let mode = permissions(&stat);
    if mode.intersects(OTHERS) {
        chmod(path, mode & Mode::RWXU)?;
    }
    Ok(())
}

/// Makes a file that must not be there yet, 0600 from its first moment.
///
/// # Errors
/// The name is taken, or the system refuses.
pub fn create_new(path: &Path) -> io::Result<File> {
    open_own(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
}

/// Reads a file of ours whole.
///
/// # Errors
/// As [`open_lock`], and when it holds more than `bytes_max`.
pub fn read_own(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_bounded(open_own(path, OFlags::RDONLY)?, bytes_max)
}

fn open_own(path: &Path, how: OFlags) -> io::Result<File> {
    let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open(path, flags, PRIVATE).map_err(|errno| match errno {
        Errno::LOOP => refused(LINK.to_owned()),
        other => other.into(),
    })?;
    let stat = fstat(&file)?;
    check(&stat)?;
    // A second name may have been made while others could write to the directory.
    if stat.st_nlink > 1 && how.intersects(OFlags::WRONLY | OFlags::RDWR) {
        return Err(refused("it is known by a second name; it was left as it is".to_owned()));
    }
    let mode = permissions(&stat);
    if mode.intersects(OTHERS) {
        fchmod(&file, mode & Mode::RWXU)?;
    }
    Ok(File::from(file))
}

fn check(stat: &Stat) -> io::Result<()> {
    match kind(stat) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(refused(LINK.to_owned())),
        _ => return Err(refused("it is not a regular file; it was left as it is".to_owned())),
    }
    if !is_ours(stat.st_uid) {
        let text = format!("it belongs to another user (number {})", stat.st_uid);
        return Err(refused(text));
    }
    Ok(())
}

/// Puts `bytes` in place as a whole: who reads the file sees the old or the new one, and nobody but
/// its owner can.
///
/// # Errors
/// What the system says; what stood there still does.
pub fn replace(path: &Path, bytes: &[u8], lasting: Lasting) -> io::Result<()> {
    let (directory, name) = placed(path)?;
    // Before there is one more: what is left over may be what fills the disk.
    clear_drafts(directory, Some(name));
    put(path, bytes, lasting)
}

/// As [`replace`] under a name that is used once: no draft of it can lie there, and none is looked for.
/// [`clear_drafts`] of the whole directory is for whoever takes such files in.
///
/// # Errors
/// As [`replace`].
pub fn put(path: &Path, bytes: &[u8], lasting: Lasting) -> io::Result<()> {
    let (directory, name) = placed(path)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(DRAFT);
    // 0600 from its first moment, and gone when this fails.
    let mut staged = tempfile::Builder::new()
        .prefix(&hidden)
        .rand_bytes(DRAFT_RANDOM_BYTES)
        .tempfile_in(directory)?;
    staged.write_all(bytes)?;
    if lasting == Lasting::Synced {
        staged.as_file().sync_all()?;
    }
    staged.persist(path)?;
    if lasting == Lasting::Synced {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Its directory and its name in it.
fn placed(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let here = directory.as_os_str().is_empty();
    Ok((if here { Path::new(".") } else { directory }, name))
}

/// Removes what [`replace`] and [`put`] left over in `directory` when their process was killed more than a day ago:
/// drafts of the file `name`, or of any file. The first thousand entries are looked at. What cannot be
/// read or removed stays for the next time.
pub fn clear_drafts(directory: &Path, name: Option<&OsStr>) {
    let Ok(entries) = directory.read_dir() else { return };
    for entry in entries.take(ENTRIES_MAX).flatten() {
        let found = entry.file_name();
        let of = draft_of(&found);
        if of.is_some() && name.is_none_or(|name| of == Some(name)) && is_abandoned(&entry) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// The file a draft was to become; `None` when it is no draft by its name.
fn draft_of(found: &OsStr) -> Option<&OsStr> {
    let found = found.as_bytes().strip_prefix(b".")?;
    let (rest, random) = found.split_at_checked(found.len().checked_sub(DRAFT_RANDOM_BYTES)?)?;
    let name = rest.strip_suffix(DRAFT.as_bytes())?;
    random.iter().all(u8::is_ascii_alphanumeric).then(|| OsStr::from_bytes(name))
}

/// A regular file of ours, last written more than a day ago. Under a clock that was set back nothing
/// is that old.
fn is_abandoned(entry: &DirEntry) -> bool {
    // Of the entry itself: a link is not followed.
    entry.metadata().is_ok_and(|found| {
        let age = found.modified().ok().and_then(|at| at.elapsed().ok());
        found.is_file() && is_ours(found.uid()) && age.is_some_and(|age| age > DRAFT_AGE_MAX)
    })
}
