//! Directories that only their owner may enter: what lies in them is as private as they are.

use crate::{OTHERS, is_ours, kind, permissions, refused};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, fchmod, fstat, lstat, open};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// How a directory of ours was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Private, or made so just now because it was not there.
    Private,
    /// Ours, but others could look into it; they cannot any more.
    Tightened,
}

/// Makes a directory that only its owner may enter, with those above it that are missing, or makes
/// sure that an existing one is: ours, and written by nobody else.
///
/// # Errors
/// It belongs to another user or is reached by another user's link, others may write to it, it is no
/// directory, or the system refuses. Nothing in it was touched.
pub fn private_dir(path: &Path) -> io::Result<Standing> {
    match check_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            check_dir(path)
        }
        found => found,
    }
}

/// As [`private_dir`] for a directory that must be there already.
///
/// # Errors
/// As [`private_dir`]; `NotFound` when there is none.
pub fn check_dir(path: &Path) -> io::Result<Standing> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let dir = open_dir(path)?;
    let stat = fstat(&dir)?;
    if !is_ours(stat.st_uid) {
        return Err(refused(format!(
            "it belongs to another user (number {}), who could read or change what is kept there; \
             use a directory of your own",
            stat.st_uid
        )));
    }
    let mode = permissions(&stat);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Err(refused(format!(
            "other users may write to it (mode {:o}), so what is in it cannot be trusted; look at \
             it and make it private (`chmod 700`), or use another directory",
            mode.bits()
        )));
    }
    if !mode.intersects(OTHERS) {
        return Ok(Standing::Private);
    }
    fchmod(&dir, mode & Mode::RWXU)?;
    Ok(Standing::Tightened)
}

/// The person may have put the directory elsewhere and left a link; another user's link is not
/// followed.
fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let named = lstat(path)?;
    let is_link = kind(&named) == FileType::Symlink;
    if is_link && !is_ours(named.st_uid) && named.st_uid != 0 {
        return Err(refused(format!(
            "it is a link that another user made (number {}); use a directory of your own",
            named.st_uid
        )));
    }
    let mut flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    if !is_link {
        // What was a directory a moment ago must not have become a link.
        flags |= OFlags::NOFOLLOW;
    }
    Ok(open(path, flags, Mode::empty())?)
}
