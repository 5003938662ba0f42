//! The log of a program: to standard error, and in the driver also into files of bounded size and number.
//!
//! Nobody waits for that file: lines go through a bounded queue to a thread of its own. A disk
//! that is full, slow or read-only costs lines, which are counted, and nothing else. Own code, because
//! `tracing-appender` begins a new file by time and not by size.

use crate::clock::Since;
use crate::lock::private_dir;
use crate::meter::Metered;
use crate::paths::Paths;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Says what is logged, before `RUST_LOG` does.
const FILTER_VARIABLE: &str = "SLUICE_LOG";
/// A file that has grown to this many bytes makes room for a new one.
const FILE_MAX: u64 = 1 << 20;
/// Files kept, the one that is written included.
const FILES: usize = 4;
/// Lines that wait for the disk.
const LINES_MAX: usize = 1_024;
/// A file that could not be opened is tried again after this (real time).
const AGAIN_MS: u64 = 30_000;
/// The last lines get this long.
const FAREWELL: Duration = Duration::from_millis(500);

/// Begins logging to standard error, and to `<data>/log/<name>.log` where a name is given. What is
/// logged says `SLUICE_LOG`, else `RUST_LOG`, else `usual`. Call it once, and keep what it returns to
/// the end.
#[must_use]
pub fn begin(usual: &str, file: Option<(&Paths, &str)>) -> Option<LogFile> {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE)
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new(usual));
    let log = file.and_then(|(paths, name)| {
        LogFile::start(Shelf { directory: paths.log_dir(), name: name.to_owned() }).ok()
    });
    let kept = log.as_ref().map(|log| {
        let lines = log.lines.clone();
        fmt::layer().with_ansi(false).with_writer(Metered::new(move || lines.clone()))
    });
    let shown = fmt::layer().with_ansi(false).with_writer(Metered::new(io::stderr));
    // A second call changes nothing: the first logger stays.
    let _first = tracing_subscriber::registry().with(filter).with(shown).with(kept).try_init();
    log
}

/// A log file and the thread that writes it; dropped, it waits a moment for the last lines.
#[derive(Debug)]
pub struct LogFile {
    lines: Lines,
    ended: Receiver<()>,
}

impl LogFile {
    fn start(shelf: Shelf) -> io::Result<Self> {
        let (sender, queued) = sync_channel(LINES_MAX);
        let (end, ended) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let lines = Lines { sender, lost: Arc::clone(&lost) };
        std::thread::Builder::new().name("sluice-log".to_owned()).spawn(move || {
            Rotating::new(shelf, lost).write_all_of(&queued);
            // Nobody waiting for the end is no error.
            let _nobody = end.try_send(());
        })?;
        Ok(Self { lines, ended })
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        // The logger itself holds the queue open to the end of the process: this ends the thread.
        if self.lines.sender.try_send(Line::Last).is_ok() {
            let _late = self.ended.recv_timeout(FAREWELL);
        }
    }
}

enum Line {
    Text(Vec<u8>),
    Last,
}

/// Where lines are handed over; never fails and never waits.
#[derive(Clone, Debug)]
struct Lines {
    sender: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Line::Text(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the files stand: `name.log`, then `name.log.1`, the newest first.
#[derive(Clone, Debug)]
struct Shelf {
    directory: PathBuf,
    name: String,
}

impl Shelf {
    fn path(&self, age: usize) -> PathBuf {
        let suffix = if age == 0 { String::new() } else { format!(".{age}") };
        self.directory.join(format!("{}.log{suffix}", self.name))
    }

    fn open(&self) -> io::Result<(File, u64)> {
        private_dir(&self.directory)?;
        let file = sluice_ground::open_append(&self.path(0))?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    /// Each file takes the next older one's name; the oldest goes.
    fn rotate(&self) {
        for age in (0..FILES - 1).rev() {
            // A file that is not there has nothing to hand down.
            let _absent = std::fs::rename(self.path(age), self.path(age + 1));
        }
    }
}

/// The file as it is written.
struct Rotating {
    shelf: Shelf,
    open: Option<(File, u64)>,
    /// When it could not be opened last.
    failed: Option<Since>,
    lost: Arc<AtomicU64>,
}

impl Rotating {
    fn new(shelf: Shelf, lost: Arc<AtomicU64>) -> Self {
        Self { shelf, open: None, failed: None, lost }
    }

    fn write_all_of(&mut self, queued: &Receiver<Line>) {
        while let Ok(Line::Text(line)) = queued.recv() {
            self.write(&line);
        }
    }

    fn write(&mut self, line: &[u8]) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let note = (lost > 0).then(|| format!("{lost} lines could not be kept\n").into_bytes());
        let whole = [note.unwrap_or_default().as_slice(), line].concat();
        if self.put(&whole).is_err() {
            self.open = None;
            self.failed.get_or_insert_with(Since::now);
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.failed.as_ref().is_some_and(|failed| failed.elapsed_ms() < AGAIN_MS) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.failed = None;
        let grown = |size: u64| size + bytes.len() as u64 > FILE_MAX && size > 0;
        if self.open.as_ref().is_some_and(|(_, size)| grown(*size)) {
            self.open = None;
            self.shelf.rotate();
        }
        if self.open.is_none() {
            self.open = Some(self.shelf.open()?);
        }
        if let Some((file, size)) = &mut self.open {
            file.write_all(bytes)?;
            *size += bytes.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(directory: PathBuf) -> Shelf {
        Shelf { directory, name: "test".to_owned() }
    }

    fn read(path: PathBuf) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn lines_are_on_disk_once_it_has_ended_and_only_for_the_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let shelf = shelf(home.path().join("log"));
        let log = LogFile::start(shelf.clone()).unwrap();
        let mut lines = log.lines.clone();
        writeln!(lines, "one").unwrap();
        writeln!(lines, "two").unwrap();
        drop(log);
        assert_eq!(read(shelf.path(0)), "one\ntwo\n");
        let mode = std::fs::metadata(shelf.path(0)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        writeln!(lines, "after the end").unwrap();
    }

    #[test]
    fn the_files_are_bounded_in_size_and_number_and_the_newest_lines_stay() {
        let home = tempfile::tempdir().unwrap();
        let shelf = shelf(home.path().join("log"));
        let mut writing = Rotating::new(shelf.clone(), Arc::default());
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        for _ in 0..6_000 {
            writing.write(&line);
        }
        writing.write(b"the last\n");
        let sizes: Vec<u64> =
            (0..FILES).map(|age| std::fs::metadata(shelf.path(age)).unwrap().len()).collect();
        assert!(sizes.iter().all(|size| *size <= FILE_MAX), "{sizes:?}");
        assert!(!shelf.path(FILES).exists());
        assert_eq!(std::fs::read_dir(&shelf.directory).unwrap().count(), FILES);
        assert!(read(shelf.path(0)).ends_with("the last\n"));
        // Another start goes on where this one ended.
        let mut again = Rotating::new(shelf.clone(), Arc::default());
        again.write(b"anew\n");
        assert!(read(shelf.path(0)).ends_with("the last\nanew\n"));
    }

    #[test]
    fn a_full_disk_costs_lines_which_are_counted_once_there_is_room() {
        let home = tempfile::tempdir().unwrap();
        let shelf = shelf(home.path().join("log"));
        let mut writing = Rotating::new(shelf.clone(), Arc::default());
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        writing.open = Some((full, 0));
        for _ in 0..5 {
            writing.write(b"lost\n");
        }
        assert!(writing.open.is_none() && !shelf.path(0).exists());
        writing.failed = None;
        writing.write(b"kept\n");
        assert_eq!(read(shelf.path(0)), "5 lines could not be kept\nkept\n");
    }

    #[test]
    fn a_directory_that_cannot_be_used_costs_lines_and_nothing_is_followed_or_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let blocked = home.path().join("log");
        std::fs::write(&blocked, "mine").unwrap();
        let mut writing = Rotating::new(shelf(blocked.clone()), Arc::default());
        writing.write(b"lost\n");
        assert_eq!(read(blocked), "mine");
        let other = shelf(home.path().join("other"));
        std::fs::create_dir(&other.directory).unwrap();
        std::fs::write(home.path().join("target"), "mine").unwrap();
        std::os::unix::fs::symlink(home.path().join("target"), other.path(0)).unwrap();
        Rotating::new(other, Arc::default()).write(b"lost\n");
        assert_eq!(read(home.path().join("target")), "mine");
    }

    #[test]
    fn a_disk_that_hangs_makes_nobody_wait() {
        let (sender, queued) = sync_channel(2);
        let mut lines = Lines { sender, lost: Arc::default() };
        for _ in 0..10 {
            writeln!(lines, "a line").unwrap();
        }
        assert_eq!(lines.lost.load(Ordering::Relaxed), 8, "two wait, the others are given up");
        drop(queued);
        writeln!(lines, "nobody writes any more").unwrap();
    }
}
