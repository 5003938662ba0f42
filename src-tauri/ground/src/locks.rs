//! The kernel's lock of a file, with a deadline. It dies with its holder, so it needs no lease.

use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, Instant};

/// The kernel has no lock call with a deadline, hence short naps between attempts.
const NAP: Duration = Duration::from_millis(5);

/// Takes the lock for oneself, waiting at most `wait`.
///
/// # Errors
/// `WouldBlock` when another holder does not let go in time, or what the system says.
pub fn exclusive(file: &File, wait: Duration) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            // A signal interrupted the call: as good as taken for the moment.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error);
            }
            Err(_) if started.elapsed() < wait => std::thread::sleep(NAP),
            Err(_) => return Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}
