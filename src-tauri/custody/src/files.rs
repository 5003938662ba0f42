//! The only raw file access of this crate: bounded reads, durable creation, atomic exchange.
//!
//! Everything works relative to an opened directory, so that a path cannot be bent in between.
//! A failed fsync is final: the file is discarded, never synced again. Own code instead of `tempfile`,
//! which works by path, knows no exchange and has drafts of a name that recovery could not find.

use crate::error::FileError;
use crate::refused::Unreadable;
use crate::secret::Secret;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest credential, and the largest file of ours, that is read.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;
/// So much of a file is compared at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// Longest chain of links that is followed.
const LINKS_MAX: usize = 8;
/// Interruptions of one read or write that are borne.
const INTERRUPTIONS_MAX: u32 = 16;
/// The longest line that is taken from a terminal.
const LINE_MAX: usize = 4_096;
/// Everything the group and everybody else may do.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);
/// Private to the owner.
pub(crate) const PRIVATE: Mode = Mode::from_raw_mode(0o600);

/// What a bounded read found.
pub(crate) enum Read {
    /// No such file.
    Absent,
    /// A file that is left alone.
    Unreadable(Unreadable),
    /// Its bytes.
    Bytes(Secret),
}

/// An opened directory and the name of the file in it that matters.
pub(crate) struct Place {
    dir: OwnedFd,
    /// The directory, all links resolved; for messages and for finding it again.
    pub(crate) dir_path: PathBuf,
    /// The file's own name in it, the user's link (if any) already followed.
    pub(crate) name: OsString,
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(Errno) -> FileError {
    let path = path.to_path_buf();
    move |errno| FileError { what, path, source: errno.into() }
}

fn refusal(errno: Errno) -> Unreadable {
    match errno {
        Errno::ACCESS | Errno::PERM => Unreadable::NoPermission,
        Errno::LOOP => Unreadable::DanglingLink,
        Errno::NOTDIR | Errno::ISDIR => Unreadable::NotRegular,
        _ => Unreadable::Io,
    }
}

/// Why a place cannot be worked with.
pub(crate) enum Nowhere {
    /// The directory does not exist.
    Absent,
    /// It does, and is left alone.
    Unreadable(Unreadable),
}

impl Place {
    /// Follows the user's links to the real file and opens its directory.
    ///
    /// The directory must belong to us or to root and must not be writable by everybody.
    pub(crate) fn locate(path: &Path) -> Result<Self, Nowhere> {
        let mut path = path.to_path_buf();
        for _ in 0..LINKS_MAX {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(Nowhere::Unreadable(Unreadable::NotRegular));
            };
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            let dir = match rustix::fs::open(parent, flags, Mode::empty()) {
                Ok(dir) => dir,
                Err(Errno::NOENT) => return Err(Nowhere::Absent),
                Err(errno) => return Err(Nowhere::Unreadable(refusal(errno))),
            };
            match rustix::fs::readlinkat(&dir, name, Vec::new()) {
                Ok(target) => {
                    let target = PathBuf::from(OsString::from(bytes_to_os(target.as_bytes())));
                    path = parent.join(target);
                }
                Err(Errno::INVAL | Errno::NOENT) => return Self::check(dir, parent, name),
                Err(errno) => return Err(Nowhere::Unreadable(refusal(errno))),
            }
        }
        Err(Nowhere::Unreadable(Unreadable::DanglingLink))
    }

    fn check(dir: OwnedFd, parent: &Path, name: &OsStr) -> Result<Self, Nowhere> {
        let stat = rustix::fs::fstat(&dir).map_err(|e| Nowhere::Unreadable(refusal(e)))?;
        let ours = stat.st_uid == rustix::process::geteuid().as_raw() || stat.st_uid == 0;
        if !ours {
            return Err(Nowhere::Unreadable(Unreadable::ForeignOwner));
        }
        if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) && !sticky(&stat) {
            return Err(Nowhere::Unreadable(Unreadable::WorldWritable));
        }
        Ok(Self { dir, dir_path: parent.to_path_buf(), name: name.to_os_string() })
    }

    /// Whether both are the same name in the same directory.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let id = |place: &Self| rustix::fs::fstat(&place.dir).map(|s| (s.st_dev, s.st_ino)).ok();
        self.name == other.name && id(self).is_some() && id(self) == id(other)
    }

    /// The path of one of our names in this directory, for messages.
    pub(crate) fn path(&self, name: &OsStr) -> PathBuf {
        self.dir_path.join(name)
    }

    /// Reads a file of this directory, at most 1 MiB, if it is a regular file of ours.
    pub(crate) fn read(&self, name: &OsStr) -> Read {
        self.read_up_to(name, FILE_BYTES_MAX)
    }

    /// As [`Self::read`], with a bound of its own.
    pub(crate) fn read_up_to(&self, name: &OsStr, bytes_max: usize) -> Read {
        let file = match self.open(name) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Read::Absent,
            Err(errno) => return Read::Unreadable(refusal(errno)),
        };
        match read_checked(&file, bytes_max) {
            Ok(bytes) => Read::Bytes(bytes),
            Err(why) => Read::Unreadable(why),
        }
    }

    fn open(&self, name: &OsStr) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.dir, name, flags, Mode::empty())
    }

    /// Whether a file holds exactly these bytes; compared piece by piece, so that a large one is not
    /// held a second time. One that cannot be read does not.
    pub(crate) fn holds(&self, name: &OsStr, bytes: &Secret) -> bool {
        let Ok(file) = self.open(name) else { return false };
        if check_regular(&file).is_err() {
            return false;
        }
        let mut chunk = Zeroizing::new(vec![0u8; CHUNK_BYTES]);
        let mut rest = bytes.expose();
        loop {
            match fill(&file, &mut chunk) {
                Ok(0) => return rest.is_empty(),
                Ok(count) if rest.starts_with(&chunk[..count]) => rest = &rest[count..],
                Ok(_) | Err(_) => return false,
            }
        }
    }

    /// Whether the owner may write the file; a file that is not there may be written.
    pub(crate) fn is_writable(&self, name: &OsStr) -> bool {
        let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.map_or(true, |stat| Mode::from_raw_mode(stat.st_mode).contains(Mode::WUSR))
    }

    /// When the file was last written, in milliseconds since the epoch.
    pub(crate) fn modified_ms(&self, name: &OsStr) -> Option<i64> {
        let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(
            stat.st_mtime.saturating_mul(1_000)
                + i64::try_from(stat.st_mtime_nsec).ok()? / 1_000_000,
        )
    }

    /// When the file got its present name (or any other change of its inode), milliseconds.
    pub(crate) fn changed_ms(&self, name: &OsStr) -> Option<i64> {
        let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(
            stat.st_ctime.saturating_mul(1_000)
                + i64::try_from(stat.st_ctime_nsec).ok()? / 1_000_000,
        )
    }

    /// Writes a new file, 0600 from its first moment, durable when it returns.
    /// On any failure nothing of it is left under the name.
    pub(crate) fn create(&self, name: &OsStr, bytes: &Secret) -> Result<(), FileError> {
        self.create_of(name, &[bytes.expose()])
    }

    /// As [`Self::create`], of pieces that follow each other.
    pub(crate) fn create_of(&self, name: &OsStr, pieces: &[&[u8]]) -> Result<(), FileError> {
        let path = self.path(name);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags, PRIVATE)
            .map_err(failed("creating", &path))?;
        let written = pieces
            .iter()
            .try_for_each(|piece| write_all(&file, piece))
            .map_err(failed("writing", &path))
            .and_then(|()| rustix::fs::fsync(&file).map_err(failed("saving", &path)));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
        }
        written
    }

    /// Lets two names of this directory change places, atomically.
    pub(crate) fn exchange(&self, a: &OsStr, b: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat_with(&self.dir, a, &self.dir, b, RenameFlags::EXCHANGE)
    }

    /// Gives a file another name, which must be free.
    pub(crate) fn rename_new(&self, from: &OsStr, to: &OsStr) -> Result<(), FileError> {
        let renamed =
            rustix::fs::renameat_with(&self.dir, from, &self.dir, to, RenameFlags::NOREPLACE);
        match renamed {
            Err(Errno::INVAL | Errno::NOSYS) => {
                // File systems without the flag: a link fails on a taken name just the same.
                rustix::fs::linkat(&self.dir, from, &self.dir, to, AtFlags::empty())
                    .and_then(|()| rustix::fs::unlinkat(&self.dir, from, AtFlags::empty()))
                    .map_err(failed("renaming", &self.path(from)))
            }
            other => other.map_err(failed("renaming", &self.path(from))),
        }
    }

    /// Replaces `to` by `from` after giving what `to` is a second name. For file systems that
    /// refuse the exchange: the seat is then *weak*, a foreign write in between is kept under the
    /// second name only if it went into the old file.
    pub(crate) fn replace_keeping(
        &self,
        from: &OsStr,
        to: &OsStr,
        kept: &OsStr,
    ) -> Result<(), FileError> {
        rustix::fs::linkat(&self.dir, to, &self.dir, kept, AtFlags::empty())
            .map_err(failed("keeping", &self.path(to)))?;
        rustix::fs::renameat(&self.dir, from, &self.dir, to)
            .map_err(failed("placing", &self.path(to)))
    }

    /// Replaces `to` by `from`; only for files that hold no credential.
    pub(crate) fn replace(&self, from: &OsStr, to: &OsStr) -> Result<(), FileError> {
        rustix::fs::renameat(&self.dir, from, &self.dir, to)
            .map_err(failed("placing", &self.path(to)))
    }

    /// Removes a file; one that is not there is fine.
    pub(crate) fn remove(&self, name: &OsStr) -> Result<(), FileError> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(failed("removing", &self.path(name))(errno)),
        }
    }

    /// Makes renames and removals in this directory durable.
    pub(crate) fn sync_dir(&self) -> Result<(), FileError> {
        rustix::fs::fsync(&self.dir).map_err(failed("saving", &self.dir_path))
    }

    /// Names in this directory that start with `prefix`, sorted, at most 64.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<OsString>, FileError> {
        let reading = failed("listing", &self.dir_path);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.dir).map_err(reading)? {
            let entry = entry.map_err(failed("listing", &self.dir_path))?;
            let name = entry.file_name().to_bytes();
            if name.starts_with(prefix.as_bytes()) && names.len() < 64 {
                names.push(OsString::from(bytes_to_os(name)));
            }
        }
        names.sort();
        Ok(names)
    }

    /// The permission bits of a file.
    pub(crate) fn mode(&self, name: &OsStr) -> Option<Mode> {
        let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO))
    }

    /// Only the owner may do anything with the file.
    pub(crate) fn is_private(&self, name: &OsStr) -> bool {
        self.mode(name).is_some_and(|mode| !mode.intersects(OTHERS))
    }

    /// Takes the rights of everybody else away from a file, so that what it holds stays private under
    /// whatever name it gets next. One that is not there is fine.
    pub(crate) fn close_to_others(&self, name: &OsStr) -> Result<(), FileError> {
        let path = self.path(name);
        let failed = |errno| failed("making private", &path)(errno);
        let file = match self.open(name) {
            Err(Errno::NOENT) => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        let stat = rustix::fs::fstat(&file).map_err(failed)?;
        let mode = Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | OTHERS);
        if mode.intersects(OTHERS) {
            // On the disk before the file's next name is.
            rustix::fs::fchmod(&file, mode & Mode::RWXU)
                .and_then(|()| rustix::fs::fsync(&file))
                .map_err(failed)?;
        }
        Ok(())
    }

    /// What others may do with this directory and with the file in it, where they get so far at all.
    pub(crate) fn open_to_others(&self, name: &OsStr) -> (Mode, Mode) {
        let of = |stat: Stat| Mode::from_raw_mode(stat.st_mode) & OTHERS;
        let dir = rustix::fs::fstat(&self.dir).map_or(Mode::empty(), of);
        let file = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW);
        (dir, file.map_or(Mode::empty(), of))
    }

    /// Narrows or restores the permission bits of one of our own files.
    pub(crate) fn set_mode(&self, name: &OsStr, mode: Mode) -> Result<(), FileError> {
        rustix::fs::chmodat(&self.dir, name, mode, AtFlags::empty())
            .map_err(failed("setting the mode of", &self.path(name)))
    }
}

#[cfg(unix)]
fn bytes_to_os(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

fn sticky(stat: &Stat) -> bool {
    Mode::from_raw_mode(stat.st_mode).contains(Mode::SVTX)
}

/// What a file is, if it is a plain one of ours.
fn check_regular(file: &OwnedFd) -> Result<Stat, Unreadable> {
    let stat = rustix::fs::fstat(file).map_err(refusal)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Unreadable::NotRegular);
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Unreadable::ForeignOwner);
    }
    Ok(stat)
}

fn read_checked(file: &OwnedFd, bytes_max: usize) -> Result<Secret, Unreadable> {
    let stat = check_regular(file)?;
    if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
        return Err(Unreadable::WorldWritable);
    }
    let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    if size > bytes_max {
        let (bytes, bytes_max) = (stat.st_size.unsigned_abs(), bytes_max as u64);
        return Err(Unreadable::TooLarge { bytes, bytes_max });
    }
    // One byte more than announced, to notice a file that grew; sized at once, because a vector
    // that grows leaves its earlier halves unwiped.
    let mut bytes = Zeroizing::new(vec![0u8; size + 1]);
    let filled = fill(file, &mut bytes).map_err(refusal)?;
    if filled > size {
        return Err(Unreadable::Torn);
    }
    bytes.truncate(filled);
    Ok(Secret::from(bytes))
}

/// Reads until `bytes` is full or the file ends; returns how much there was.
fn fill(file: &OwnedFd, bytes: &mut [u8]) -> Result<usize, Errno> {
    let (mut filled, mut interrupted) = (0, 0);
    while filled < bytes.len() {
        match rustix::io::read(file, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) if interrupted < INTERRUPTIONS_MAX => interrupted += 1,
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    let mut interrupted = 0;
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) if interrupted < INTERRUPTIONS_MAX => interrupted += 1,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Makes one of our own directories, 0700, or makes sure that nobody else may enter it.
pub(crate) fn own_directory(path: &Path) -> Result<(), FileError> {
    match sluice_ground::private_dir(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(FileError { what: "using", path: path.to_path_buf(), source }),
    }
}

/// Random bytes that belong to one directory: made once, read ever after.
pub(crate) fn own_random(
    dir: &Path,
    name: &str,
    count: usize,
) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let path = dir.join(name);
    let unusable = |what: &'static str| FileError {
        what,
        path: path.clone(),
        source: std::io::ErrorKind::InvalidData.into(),
    };
    let place = Place::locate(&path).map_err(|_| unusable("opening the directory of"))?;
    for _ in 0..2 {
        match place.read(&place.name) {
            Read::Bytes(bytes) if bytes.len() == count => {
                return Ok(Zeroizing::new(bytes.expose().to_vec()));
            }
            Read::Absent => {
                // Written under another name first: a crash must not leave half of it.
                // Each process has its own: several may be the first.
                let draft = OsString::from(format!("{name}.draft-{}", std::process::id()));
                place.remove(&draft)?;
                place.create(&draft, &Secret::from(random(count)?))?;
                drop(place.rename_new(&draft, &place.name));
                place.sync_dir()?;
            }
            Read::Bytes(_) | Read::Unreadable(_) => return Err(unusable("understanding")),
        }
    }
    Err(unusable("making"))
}

/// Random bytes from the system.
pub(crate) fn random(count: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let path = Path::new("/dev/urandom");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(failed("opening", path))?;
    let mut bytes = Zeroizing::new(vec![0u8; count]);
    match fill(&file, &mut bytes) {
        Ok(filled) if filled == count => Ok(bytes),
        Ok(_) => Err(failed("reading", path)(Errno::IO)),
        Err(errno) => Err(failed("reading", path)(errno)),
    }
}

/// One line typed at the terminal this process belongs to, without showing it; `None` where there is
/// no terminal or nothing was typed.
pub(crate) fn typed(prompt: &str) -> Option<Secret> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
    let terminal = rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()?;
    let shown = tcgetattr(&terminal).ok()?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    // Hidden before it is asked for: whoever types at once must not be seen.
    tcsetattr(&terminal, OptionalActions::Flush, &hidden).ok()?;
    let asked = write_all(&terminal, prompt.as_bytes());
    let mut line = Zeroizing::new(vec![0u8; LINE_MAX]);
    let read = asked.and_then(|()| rustix::io::read(&terminal, &mut line[..]));
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &shown);
    let _shown = write_all(&terminal, b"\n");
    restored.ok()?;
    line.truncate(read.ok()?);
    Some(without_end(Secret::from(line))).filter(|line| !line.is_empty())
}

/// The text without the end of its line.
pub(crate) fn without_end(text: Secret) -> Secret {
    let bytes = text.expose();
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    Secret::new(bytes[..end].to_vec())
}

/// Where a file really lies that is a link, or lies in a folder that is one; `None` for any other, and
/// for a link that leads nowhere.
pub(crate) fn link_target(path: &Path) -> Option<PathBuf> {
    let is_link = |path: &Path| rustix::fs::readlink(path, Vec::new()).is_ok();
    let linked = is_link(path) || path.parent().is_some_and(is_link);
    std::fs::canonicalize(path).ok().filter(|_| linked)
}

/// Files of a folder whose names end so, sorted, at most `max`.
pub(crate) fn listed(folder: &Path, ending: &str, max: usize) -> Vec<PathBuf> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(dir) = rustix::fs::open(folder, flags, Mode::empty()) else { return Vec::new() };
    let Ok(entries) = rustix::fs::Dir::read_from(&dir) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_bytes().to_vec());
    let mut paths: Vec<PathBuf> = names
        .filter(|name| name.ends_with(ending.as_bytes()))
        .take(max)
        .map(|name| folder.join(OsString::from(bytes_to_os(&name))))
        .collect();
    paths.sort();
    paths
}
