//! The tool's output on its way to where it would have gone, read as it passes.

use super::observe::{Channel, Evidence, Held, Manner};
use super::signals;
use rustix::event::{PollFd, PollFlags};
use sluice_providers::claude::signals::Numbers;
use sluice_providers::tool;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _, PipeReader, Read, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::process::Command;
use tokio::sync::{mpsc, watch};

/// The ends of the tool's channels that are read here.
pub struct Channels {
    manner: Manner,
    ends: Vec<(PipeReader, Channel, File)>,
}

/// Channels that are being passed on.
pub struct Watched {
    held: Arc<Mutex<Option<Held>>>,
    pumps: Vec<Arc<Pump>>,
    ended: mpsc::Receiver<()>,
    left: usize,
    moved: u64,
    output: Option<File>,
    /// The newest numbers that the tool told, and the last that were taken.
    numbers: (watch::Receiver<Numbers>, Numbers),
}

/// One channel's state.
#[derive(Default)]
struct Pump {
    /// It waits for the tool and not for a reader.
    reading: AtomicBool,
    /// Pieces passed on.
    moved: AtomicU64,
    over: AtomicBool,
}

impl Channels {
    /// Puts pipes in the place of the channels that are to be looked at. Where both channels go to one
    /// place they share a pipe, so that their order stays. A terminal is left alone where the tool
    /// shows its work differently elsewhere: a person sees what it says.
    ///
    /// # Errors
    /// No pipe could be made.
    pub fn attach(command: &mut Command, manner: Manner) -> std::io::Result<Self> {
        let (output, errors) = (std::io::stdout(), std::io::stderr());
        let copy = |of: &dyn AsFd| of.as_fd().try_clone_to_owned().map(File::from);
        let mut ends = Vec::new();
        let unattended = &tool(manner.provider).unattended;
        let shared = same_file(&output, &errors) && !output.is_terminal();
        if shared {
            let (reader, writer) = std::io::pipe()?;
            let on_errors = unattended.fails_on_errors && !manner.structured;
            let channel = if on_errors { Channel::Errors } else { Channel::Output };
            command.stderr(writer.try_clone()?).stdout(writer);
            ends.push((reader, channel, copy(&output)?));
            return Ok(Self { manner, ends });
        }
        if !unattended.heeds_terminal || !output.is_terminal() {
            let (reader, writer) = std::io::pipe()?;
            command.stdout(writer);
            ends.push((reader, Channel::Output, copy(&output)?));
        }
        if !errors.is_terminal() {
            let (reader, writer) = std::io::pipe()?;
            command.stderr(writer);
            ends.push((reader, Channel::Errors, copy(&errors)?));
        }
        Ok(Self { manner, ends })
    }

    /// Passes on what the tool `child` writes, each channel on a thread of its own.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn watch(self, child: Option<u32>) -> std::io::Result<Watched> {
        let held = Arc::new(Mutex::new(Some(Held::new(self.manner))));
        let (over, ended) = mpsc::channel(2);
        let (tell, numbers) = watch::channel(Numbers::default());
        let tell = Arc::new(tell);
        let (mut pumps, mut output, left) = (Vec::new(), None, self.ends.len());
        for (source, channel, out) in self.ends {
            if channel == Channel::Output {
                output = out.try_clone().ok();
            }
            let pump = Arc::new(Pump::default());
            pumps.push(Arc::clone(&pump));
            let (held, over, tell) = (Arc::clone(&held), over.clone(), Arc::clone(&tell));
            std::thread::Builder::new().name("sluice-output".to_owned()).spawn(move || {
                pump.run((source, channel, out), child, (&held, &tell));
                // Nobody waits any more.
                let _nobody = over.blocking_send(());
            })?;
        }
        Ok(Watched {
            held,
            pumps,
            ended,
            left,
            moved: 0,
            output,
            numbers: (numbers, Numbers::default()),
        })
    }
}

impl Watched {
    /// Waits until every channel has ended.
    pub async fn ended(&mut self) {
        while self.left > 0 {
            if self.ended.recv().await.is_none() {
                return;
            }
            self.left -= 1;
        }
    }

    /// Waits for the next numbers that the tool tells; `None`: it will tell no more.
    pub async fn numbers(&mut self) -> Option<Numbers> {
        self.numbers.0.changed().await.ok()?;
        self.last_numbers()
    }

    /// The newest numbers, where nobody has taken the same yet.
    pub fn last_numbers(&mut self) -> Option<Numbers> {
        let (told, taken) = &mut self.numbers;
        let newest = told.borrow_and_update();
        if *newest == *taken {
            return None;
        }
        taken.clone_from(&newest);
        Some(taken.clone())
    }

    /// Nothing came since this was asked last, and no reader is being waited for.
    pub fn is_idle(&mut self) -> bool {
        let open = || self.pumps.iter().filter(|pump| !pump.over.load(Ordering::SeqCst));
        let moved = self.pumps.iter().map(|pump| pump.moved.load(Ordering::SeqCst)).sum();
        let idle = moved == self.moved && open().all(|pump| pump.reading.load(Ordering::SeqCst));
        self.moved = moved;
        idle
    }

    /// What came of it; what was kept back is given beside.
    pub fn evidence(&self, success: bool) -> Option<(Evidence, Vec<u8>)> {
        lock(&self.held).take().map(|held| held.end(success))
    }

    /// Passes on what was kept back.
    pub fn show(&mut self, kept: &[u8]) {
        if let Some(output) = &mut self.output {
            // A closed pipe is the reader's choice.
            let _closed = write_out(output, kept);
        }
    }
}

fn lock(held: &Mutex<Option<Held>>) -> MutexGuard<'_, Option<Held>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pump {
    fn run(
        &self,
        (mut source, channel, mut out): (PipeReader, Channel, File),
        child: Option<u32>,
        (held, tell): (&Mutex<Option<Held>>, &watch::Sender<Numbers>),
    ) {
        let mut chunk = vec![0; 16 * 1024];
        loop {
            self.reading.store(true, Ordering::SeqCst);
            let count = read_some(&mut source, &mut chunk);
            self.reading.store(false, Ordering::SeqCst);
            // The run is over for everybody else: what a daemon left behind is not its.
            let passed = lock(held).as_mut().map(|held| {
                let pass = held.feed(channel, &chunk[..count]);
                (pass, held.numbers())
            });
            let Some((pass, numbers)) = passed else { break };
            if let Some(numbers) = numbers {
                tell.send_replace(numbers);
            }
            let written = write_out(&mut out, &pass);
            self.moved.fetch_add(1, Ordering::SeqCst);
            if let Err(error) = written {
                drop(source);
                if let (ErrorKind::BrokenPipe, Some(child)) = (error.kind(), child) {
                    signals::reader_gone(child);
                }
                break;
            }
            if count == 0 {
                break;
            }
        }
        self.over.store(true, Ordering::SeqCst);
    }
}

/// Both go to one place.
fn same_file(one: &impl AsFd, other: &impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Reads what there is, waiting for it also where the other end asked not to wait; 0 is the end.
pub fn read_some<T: Read + AsFd>(source: &mut T, chunk: &mut [u8]) -> usize {
    loop {
        match source.read(chunk) {
            Ok(count) => return count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut wait = [PollFd::new(source, PollFlags::IN)];
                if rustix::event::poll(&mut wait, None)
                    .is_err_and(|error| error != rustix::io::Errno::INTR)
                {
                    return 0;
                }
            }
            Err(_) => return 0,
        }
    }
}

/// Writes all of it, waiting for room also where the other end asked not to wait.
fn write_out(out: &mut File, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut wait = [PollFd::new(out, PollFlags::OUT)];
                match rustix::event::poll(&mut wait, None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
