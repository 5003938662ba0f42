//! Files of ours: no link is followed, no other user's file is used, and nobody else may read them.
//! Another program may have put anything at the path.

use crate::{OTHERS, is_ours, kind, permissions, read_bounded, refused};
use rustix::fs::{FileType, Mode, OFlags, Stat, chmod, fchmod, fstat, lstat, open};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

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
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".part-");
    // 0600 from its first moment, and gone when this fails.
    let mut staged = tempfile::Builder::new().prefix(&hidden).tempfile_in(directory)?;
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
