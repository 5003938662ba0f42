//! The ground under the crates that touch files: directories and files of ours, which nobody else may
//! enter or have bent, and files of others, which are read without waiting and within a bound.
//!
//! What cannot be trusted is refused before anything in it is opened, made or cut; the error says why
//! and what helps. Nothing here knows what the files mean.

mod dirs;
mod locks;
mod ours;
mod theirs;

pub use dirs::{Standing, check_dir, private_dir};
pub use locks::exclusive;
pub use ours::{
    Lasting, check_file, clear_drafts, create_new, open_append, open_lock, open_own_file, put,
    read_own, replace,
};
pub use theirs::{open_regular, read_bounded, read_regular, read_text};

use rustix::fs::{FileType, Mode, Stat};
use std::io;

/// Reading, writing and entering for the group and for everybody else.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | OTHERS)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn is_ours(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
}

fn refused(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}
