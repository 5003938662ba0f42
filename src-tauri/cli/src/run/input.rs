//! Standard input of a run that may be started a second time: the second attempt gets the same bytes, or it
//! is not made.

use super::channels::read_some;
use rustix::fs::{FileType, SeekFrom};
use std::fs::File;
use std::io::{PipeWriter, Write as _};
use std::os::fd::AsFd as _;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// As much input is kept for a second attempt, bytes.
const KEPT_MAX: usize = 4 << 20;
/// Read ahead of a tool that does not read, bytes: what a pipe holds.
const AHEAD_MAX: usize = 64 * 1024;

/// Where a run's input comes from.
pub enum Input {
    /// A terminal or the empty device: nothing is used up.
    Untouched,
    /// A file: it is wound back to where it was.
    File(u64),
    /// A pipe or socket: handed through, and kept.
    Relayed(Arc<Relay>),
    /// Something that cannot be given twice.
    Once,
}

/// Input on its way through.
pub struct Relay {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What came; without its beginning once that was too much to keep.
    kept: Vec<u8>,
    /// Bytes that were dropped from the beginning.
    dropped: usize,
    /// Bytes that the present attempt was given.
    given: usize,
    /// Which attempt is given them.
    attempt: u32,
    ended: bool,
    /// The present attempt reads no more.
    closed: bool,
    /// More came than is kept, and nobody reads it.
    lost: bool,
}

impl Input {
    /// Looks at standard input. `led`: the caller answers what the tool says, so that an old input
    /// would be another conversation.
    pub fn of_stdin(led: bool) -> Self {
        let stdin = std::io::stdin();
        let Ok(found) = rustix::fs::fstat(&stdin) else { return Self::Once };
        if led {
            return Self::Once;
        }
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => rustix::fs::tell(&stdin).map_or(Self::Once, Self::File),
            FileType::Fifo | FileType::Socket => Relay::start().map_or(Self::Once, Self::Relayed),
            FileType::CharacterDevice if is_empty_device(found.st_rdev) => Self::Untouched,
            FileType::CharacterDevice if rustix::termios::isatty(&stdin) => Self::Untouched,
            _ => Self::Once,
        }
    }

    /// What the tool is given for standard input, and where it is written to.
    ///
    /// # Errors
    /// No pipe could be made.
    pub fn stdio(&self) -> std::io::Result<(Stdio, Option<PipeWriter>)> {
        match self {
            Self::Relayed(_) => {
                let (reader, writer) = std::io::pipe()?;
                Ok((reader.into(), Some(writer)))
            }
            Self::Untouched | Self::File(_) | Self::Once => Ok((Stdio::inherit(), None)),
        }
    }

    /// The tool of an attempt was started.
    pub fn started(&self, writer: Option<PipeWriter>) {
        if let (Self::Relayed(relay), Some(writer)) = (self, writer) {
            relay.give_to(writer);
        }
    }

    /// Whether another attempt can be given the same.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Untouched | Self::File(_) => true,
            Self::Relayed(relay) => relay.is_whole(),
            Self::Once => false,
        }
    }

    /// Makes ready for another attempt; `false` when it cannot be given the same.
    pub fn rewind(&self) -> bool {
        match self {
            Self::Untouched => true,
            Self::File(at) => rustix::fs::seek(std::io::stdin(), SeekFrom::Start(*at)).is_ok(),
            Self::Relayed(relay) => relay.rewind(),
            Self::Once => false,
        }
    }
}

/// `/dev/null`, which can be read as often as one likes.
fn is_empty_device(device: u64) -> bool {
    std::fs::metadata("/dev/null")
        .is_ok_and(|null| std::os::unix::fs::MetadataExt::rdev(&null) == device)
}

impl Relay {
    fn start() -> Option<Arc<Self>> {
        let source = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        let relay = Arc::new(Self { state: Mutex::new(State::default()), changed: Condvar::new() });
        let taking = Arc::clone(&relay);
        let thread = std::thread::Builder::new().name("sluice-input".to_owned());
        // Ends with the input, or with us.
        thread.spawn(move || taking.take(source)).ok()?;
        Some(relay)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mut source: File) {
        let mut chunk = vec![0; 16 * 1024];
        loop {
            let mut state = self.lock();
            while !state.closed && state.dropped + state.kept.len() >= state.given + AHEAD_MAX {
                state = self.wait(state);
            }
            if state.closed && (state.dropped > 0 || state.kept.len() > KEPT_MAX) {
                // The source ends here, and its writer learns of it.
                state.lost = true;
                return;
            }
            drop(state);
            let count = read_some(&mut source, &mut chunk);
            let mut state = self.lock();
            state.ended = count == 0;
            state.kept.extend_from_slice(&chunk[..count]);
            state.trim();
            let over = state.ended;
            drop(state);
            self.changed.notify_all();
            if over {
                return;
            }
        }
    }

    /// Gives the tool everything from the beginning, as it comes.
    fn give_to(self: &Arc<Self>, mut stdin: PipeWriter) {
        let giving = Arc::clone(self);
        let mut state = self.lock();
        state.attempt += 1;
        let attempt = state.attempt;
        drop(state);
        std::thread::spawn(move || {
            loop {
                let mut state = giving.lock();
                while state.attempt == attempt && !state.has_more() && !state.ended {
                    state = giving.wait(state);
                }
                if state.attempt != attempt || !state.has_more() {
                    return;
                }
                let next = state.next();
                drop(state);
                let gone = stdin.write_all(&next).is_err();
                let mut state = giving.lock();
                if state.attempt != attempt {
                    return;
                }
                state.given += next.len();
                state.closed = gone;
                state.trim();
                drop(state);
                giving.changed.notify_all();
                if gone {
                    return;
                }
            }
        });
    }

    fn is_whole(&self) -> bool {
        let state = self.lock();
        state.dropped == 0 && !state.lost
    }

    fn rewind(&self) -> bool {
        let mut state = self.lock();
        if state.dropped > 0 || state.lost {
            return false;
        }
        // Whoever still gives to the attempt before stops.
        state.attempt += 1;
        state.given = 0;
        state.closed = false;
        drop(state);
        self.changed.notify_all();
        true
    }
}

impl State {
    fn has_more(&self) -> bool {
        self.dropped + self.kept.len() > self.given
    }

    fn next(&self) -> Vec<u8> {
        let from = self.given - self.dropped;
        let to = self.kept.len().min(from + AHEAD_MAX);
        self.kept[from..to].to_vec()
    }

    /// Gives up keeping it all once it is too much; what was given is dropped then.
    fn trim(&mut self) {
        if self.dropped == 0 && self.kept.len() <= KEPT_MAX {
            return;
        }
        let given = self.given - self.dropped;
        self.kept.drain(..given);
        self.dropped += given;
    }
}
