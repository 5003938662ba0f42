//! Files of other programs: read only when they are regular, never waited for, and within a bound. A pipe
//! in their place would hold us for ever.

use crate::kind;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Opens a regular file for reading, links followed. A pipe, device or directory is refused without a
/// wait: opening one may hang or have an effect.
///
/// # Errors
/// `NotFound`, not a regular file (`InvalidInput`), or what the system says.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Without NONBLOCK the opening of a pipe waits for somebody who writes.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty())?;
    if kind(&fstat(&file)?) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(File::from(file))
}

/// Reads a regular file whole.
///
/// # Errors
/// As [`open_regular`], and `FileTooLarge` when it holds more than `bytes_max`.
pub fn read_regular(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_bounded(open_regular(path)?, bytes_max)
}

/// As [`read_regular`], for text.
///
/// # Errors
/// As [`read_regular`], and `InvalidData` when it is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    String::from_utf8(read_regular(path, bytes_max)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
}

/// The rest of an opened file. Its size is asked first, so that nothing is read of one that is too
/// large and the bytes are kept once.
///
/// # Errors
/// `FileTooLarge` when it holds more than `bytes_max`, or what the system says.
pub fn read_bounded(file: File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    if size > bytes_max {
        return Err(too_large(size, bytes_max));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default().saturating_add(1));
    // It may grow while it is read.
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(read) if read <= bytes_max => Ok(bytes),
        _ => Err(too_large(bytes_max.saturating_add(1), bytes_max)),
    }
}

fn too_large(size: u64, bytes_max: u64) -> io::Error {
    let text = format!("it holds {size} bytes, more than the {bytes_max} that are read of it");
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}
