//! The loop: one owner of the core, one input at a time. Start and end are here, too.

use crate::adapters;
use crate::clock::{Clock, Reading, Since};
use crate::handle::{Call, Handle};
use crate::inbox::{BATCH, Inbox};
use crate::link::Link;
use crate::lock::{self, Held, LockError};
use crate::parts::Parts;
use crate::paths::Paths;
use crate::perform::{Listeners, Performer};
use crate::ports::{Loaded, PortError, Recovered};
use crate::socket::{self, Client, Door};
use crate::watchdog::{Heartbeat, Limits};
use sluice_core::{Core, Effect, Input, Options};
use sluice_protocol::{Code, View, only_looks, refused};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// Requests waiting for the loop.
const CALLS_MAX: usize = 64;
/// Results waiting for the loop.
const INPUTS_MAX: usize = 256;
/// Notices a slow reader may be behind.
const NOTICES_MAX: usize = 64;
/// Whoever needs the lock waits this long (real time) for one that starts, ends or is a command.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts: the kernel has no lock call with a deadline.
const NAP: Duration = Duration::from_millis(20);
/// Attempts to read what the ledger keeps, a second apart: without it nothing is known, not even
/// that everything was stopped.
const LOADS_MAX: u32 = 15;
/// What is under way at the end gets this long to settle.
const FAREWELL: Duration = Duration::from_secs(3);

/// How to start a driver.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who drives (`sluice daemon`, `sluice tray`); a second driver is told.
    pub role: String,
    /// Only answer requests: nothing is polled, decided or told, no socket is opened.
    pub offline: bool,
}

/// Why a driver did not start. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error("{0}")]
    Lock(LockError),
    /// The database, the keychain's surroundings or the endpoints.
    #[error("{0}")]
    Parts(PortError),
    /// The socket.
    #[error("the socket could not be opened: {0}")]
    Socket(std::io::Error),
    /// No thread or runtime.
    #[error("the system gave no thread: {0}")]
    System(std::io::Error),
    /// The demo clock's variable.
    #[error("SLUICE_DEMO_CLOCK is not <epoch ms>:<speed>: {0}")]
    Clock(String),
}

impl StartError {
    /// It passes by itself: another one is starting, ending or at its command.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Lock(LockError::Taken { .. }) => true,
            Self::Parts(trouble) => trouble.code == adapters::PASSING,
            Self::Lock(LockError::Unusable { .. })
            | Self::Socket(_)
            | Self::System(_)
            | Self::Clock(_) => false,
        }
    }
}

/// Starts a driver with the real parts on a thread of its own.
///
/// Blocks while the database is opened (at most about 3 s); does not wait for anybody.
///
/// # Errors
/// [`StartError`]; another driver of the same directory is the usual one.
pub fn start(paths: &Paths, config: Config) -> Result<Handle, StartError> {
    start_real(paths, config, false)
}

/// As [`start`], where a file vault's passphrase may be asked for at the terminal. Waits up to
/// [`PATIENCE`] for one that is ending or a command at work, not for one that drives.
///
/// # Errors
/// As [`start`].
pub fn start_asking(paths: &Paths, config: Config) -> Result<Handle, StartError> {
    let begun = Since::now();
    loop {
        match start_real(paths, config.clone(), true) {
            Err(error)
                if error.passes()
                    && u128::from(begun.elapsed_ms()) < PATIENCE.as_millis()
                    && !socket::serves(paths) =>
            {
                std::thread::sleep(NAP);
            }
            ended => return ended,
        }
    }
}

/// Takes the lock, waiting up to [`PATIENCE`] for one that is ending or a command at work, not for
/// one that drives.
pub(crate) fn claim(paths: &Paths, role: &str) -> Result<Held, LockError> {
    let begun = Since::now();
    loop {
        match lock::take(paths, role) {
            Err(LockError::Taken { .. })
                if u128::from(begun.elapsed_ms()) < PATIENCE.as_millis()
                    && !socket::serves(paths) =>
            {
                std::thread::sleep(NAP);
            }
            ended => return ended,
        }
    }
}

fn start_real(paths: &Paths, config: Config, may_ask: bool) -> Result<Handle, StartError> {
    let clock = Clock::from_env().map_err(StartError::Clock)?;
    let held = lock::take(paths, &config.role).map_err(StartError::Lock)?;
    // At once: whoever asks from now on waits for this driver's answer instead of looking alone.
    let door = match config.offline {
        true => None,
        false => Some(Door::open(paths).map_err(StartError::Socket)?),
    };
    let (parts, notes) = adapters::open(paths, clock, may_ask).map_err(StartError::Parts)?;
    let begun =
        Begun { parts, notes, clock, purpose: Purpose::of(&config), door, held: Some(held) };
    launch(begun, Limits::default())
}

/// Looks at what is kept, beside whoever drives: takes no lock, and makes, moves and sends nothing.
/// Only requests that look are answered ([`only_looks`]).
///
/// # Errors
/// [`StartError::Parts`]: the vault's key or the endpoints are not usable.
pub fn look(paths: &Paths) -> Result<Handle, StartError> {
    let clock = Clock::from_env().map_err(StartError::Clock)?;
    let (parts, notes) = adapters::open_to_look(paths, clock).map_err(StartError::Parts)?;
    let purpose = Purpose::Look;
    launch(Begun { parts, notes, clock, purpose, door: None, held: None }, Limits::default())
}

/// Starts a driver with given parts, without lock and socket: for tests and embedding.
///
/// # Errors
/// [`StartError::System`].
pub fn start_with(parts: Parts, clock: Clock, config: Config) -> Result<Handle, StartError> {
    start_watched(parts, clock, config, Limits::default())
}

/// As [`start_with`], under other limits of its watchdog: for tests that cannot wait 90 s.
///
/// # Errors
/// [`StartError::System`].
#[doc(hidden)]
pub fn start_watched(
    parts: Parts,
    clock: Clock,
    config: Config,
    limits: Limits,
) -> Result<Handle, StartError> {
    let purpose = Purpose::of(&config);
    launch(Begun { parts, notes: Vec::new(), clock, purpose, door: None, held: None }, limits)
}

/// Attaches to the running driver, or starts one here. Waits up to [`PATIENCE`] for one that is
/// starting or ending and for commands at work.
///
/// A driver of one command only (`offline`) follows nobody: the view stays the one of this moment.
///
/// # Errors
/// As [`start`].
pub async fn attach_or_start(paths: &Paths, config: Config) -> Result<Link, StartError> {
    let begun = Since::now();
    loop {
        if let Some(client) = Client::attach(paths, !config.offline).await {
            return Ok(Link::Remote(client));
        }
        let (own, wished) = (paths.clone(), config.clone());
        let started = tokio::task::spawn_blocking(move || start(&own, wished)).await;
        match started {
            Ok(Ok(handle)) => return Ok(Link::Local(handle)),
            Ok(Err(error))
                if error.passes() && u128::from(begun.elapsed_ms()) < PATIENCE.as_millis() =>
            {
                tokio::time::sleep(NAP).await;
            }
            Ok(Err(error)) => return Err(error),
            Err(error) => return Err(StartError::System(std::io::Error::other(error))),
        }
    }
}

/// Starts a driver with given parts on the runtime this is called on: for tests that pause its time
/// and wait for an end of everything.
#[doc(hidden)]
#[must_use]
pub fn start_here(parts: Parts, clock: Clock, seed: u64) -> Handle {
    let options = Options { offline: false, seed };
    let begun =
        Begun { parts, notes: Vec::new(), clock, purpose: Purpose::Drive, door: None, held: None };
    let (looping, handle, ended) = assemble(begun, options, Limits::default());
    let failed = Arc::clone(&handle.failed);
    tokio::spawn(async move {
        failed.store(!drive(looping).await, Ordering::Release);
        // Nobody waiting for the end is no error.
        let _nobody = ended.send(true);
    });
    handle
}

/// What a loop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The whole loop: polls, decisions, swaps, notices.
    Drive,
    /// One command: what it asks is done, nothing else.
    Serve,
    /// One look: nothing is done.
    Look,
}

impl Purpose {
    fn of(config: &Config) -> Self {
        if config.offline { Self::Serve } else { Self::Drive }
    }
}

/// What a loop begins with.
struct Begun {
    parts: Parts,
    notes: Vec<String>,
    clock: Clock,
    purpose: Purpose,
    door: Option<Door>,
    /// Let go last.
    held: Option<Held>,
}

struct Loop {
    parts: Parts,
    notes: Vec<String>,
    clock: Clock,
    purpose: Purpose,
    options: Options,
    calls: mpsc::Receiver<Call>,
    listeners: Listeners,
    heart: Heartbeat,
    door: Option<Door>,
}

/// A loop, the handle that reaches it, and where its end is told.
fn assemble(begun: Begun, options: Options, limits: Limits) -> (Loop, Handle, watch::Sender<bool>) {
    let (calls, asked) = mpsc::channel(CALLS_MAX);
    let (views, seen) = watch::channel(Arc::new(View::default()));
    let (notices, _) = broadcast::channel(NOTICES_MAX);
    let (ended, over) = watch::channel(false);
    let (notified, failed) = (notices.clone(), Arc::default());
    let handle = Handle { calls, views: seen, notices: notified, ended: over, failed };
    let listeners = Listeners { views: Arc::new(views), notices };
    let heart = Heartbeat::new(limits);
    let Begun { parts, notes, clock, purpose, door, held: _ } = begun;
    let looping =
        Loop { parts, notes, clock, purpose, options, calls: asked, listeners, heart, door };
    (looping, handle, ended)
}

fn launch(mut begun: Begun, limits: Limits) -> Result<Handle, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::System)?;
    let offline = begun.purpose != Purpose::Drive;
    let held = begun.held.take();
    let options = Options { offline, seed: fastrand::u64(..) };
    let (mut looping, handle, ended) = assemble(begun, options, limits);
    if let Some(door) = &mut looping.door {
        let _inside = runtime.enter();
        door.serve(&handle).map_err(StartError::Socket)?;
    }
    looping.heart.watch().map_err(StartError::System)?;
    let failed = Arc::clone(&handle.failed);
    std::thread::Builder::new()
        .name("sluice-driver".to_owned())
        .spawn(move || {
            failed.store(!runtime.block_on(drive(looping)), Ordering::Release);
            runtime.shutdown_timeout(Duration::from_millis(500));
            drop(held);
            // Nobody waiting for the end is no error.
            let _nobody = ended.send(true);
        })
        .map_err(StartError::System)?;
    Ok(handle)
}

/// Runs until it is asked to end; `false` when it could not even begin.
async fn drive(mut looping: Loop) -> bool {
    let (inputs, mut results) = mpsc::channel(INPUTS_MAX);
    let clock = looping.clock;
    let told = inputs.clone();
    let performer = Performer::new(looping.parts.clone(), inputs, looping.listeners.clone(), clock);
    let mut performer = match performer {
        Ok(performer) => performer,
        Err(error) => {
            tracing::error!(%error, "the driver could not begin");
            looping.heart.stop();
            return false;
        }
    };
    let Some((loaded, recovered, missed)) = begin(&performer, &mut looping).await else {
        looping.heart.stop();
        return false;
    };
    let purpose = looping.purpose;
    let mut last = clock.read();
    let (mut core, effects) = Core::new(loaded, &recovered, looping.options, last.now);
    carry_out(&mut performer, &core, effects, purpose);
    let mut inbox = Inbox::default();
    if missed {
        inbox.push(Input::Recovered(Err(PortError::new(
            Code::Busy,
            "The journal does not answer.",
        ))));
    }
    if let Some(runs_thread) = performer.runs_thread.clone().filter(|_| !looping.options.offline) {
        tokio::spawn(crate::runs::watch(runs_thread, told, clock));
    }
    while !performer.quit {
        looping.heart.beat();
        let wait = core.wake_at().map_or(crate::clock::SLICE, |due| clock.wait_until(due));
        tokio::select! {
            input = results.recv() => if let Some(input) = input { inbox.push(input); },
            call = looping.calls.recv(), if core.ready() => match call {
                Some(call) => {
                    if let Some(asked) = enter(&mut performer, call, purpose) {
                        inbox.push(asked);
                    }
                }
                None => break,
            },
            () = tokio::time::sleep(wait) => { inbox.push(Input::Tick); }
        }
        while inbox.len() < BATCH
            && let Ok(input) = results.try_recv()
        {
            inbox.push(input);
        }
        last = turn(&mut core, &mut performer, &mut inbox, (clock, purpose), last);
    }
    // Whoever asks from now on is not kept waiting for the end.
    looping.door = None;
    looping.calls.close();
    settle_down(&mut core, &mut performer, &mut results, clock).await;
    performer.lay_down_metrics().await;
    looping.heart.stop();
    true
}

/// One batch: each input is one mutation, its effects are begun before the next one.
fn turn(
    core: &mut Core,
    performer: &mut Performer,
    inbox: &mut Inbox,
    (clock, purpose): (Clock, Purpose),
    last: Reading,
) -> Reading {
    let reading = clock.read();
    if let Some(jump) = clock.jump(last, reading) {
        tracing::info!(?jump, "time did not pass evenly");
        let effects = core.handle(Input::Jump(jump), reading.now);
        carry_out(performer, core, effects, purpose);
    }
    while let Some(input) = inbox.pop() {
        let effects = core.handle(input, clock.now());
        carry_out(performer, core, effects, purpose);
    }
    reading
}

fn enter(performer: &mut Performer, call: Call, purpose: Purpose) -> Option<Input> {
    let Call { request, answer } = call;
    if purpose == Purpose::Look && !only_looks(&request) {
        // Whoever asked may have stopped waiting; that is theirs to know.
        let _gone =
            answer.send(refused(Code::NoDriver, "This needs a driver; nothing was changed."));
        return None;
    }
    Some(Input::Call { call: performer.enter(answer), request })
}

fn carry_out(performer: &mut Performer, core: &Core, effects: Vec<Effect>, purpose: Purpose) {
    for effect in effects.into_iter().filter(|one| purpose != Purpose::Look || one.only_looks()) {
        performer.perform(effect, core.settings());
    }
}

/// Reads what the ledger keeps and settles open swaps, before anything else and without network.
/// `None` when the ledger cannot be read: a driver that knows nothing would not even know that it
/// was stopped, so it ends, and whoever started it tries again. The last: open swaps are still to settle.
async fn begin(
    performer: &Performer,
    looping: &mut Loop,
) -> Option<(Loaded, Vec<Recovered>, bool)> {
    let recovered = match looping.purpose {
        Purpose::Look => Ok(Vec::new()),
        Purpose::Drive | Purpose::Serve => performer.recover().await,
    };
    // What could not be settled in time is settled later.
    let missed = recovered.is_err();
    let mut left = LOADS_MAX;
    let mut loaded = loop {
        match performer.load(looping.clock.now().wall).await {
            Ok(loaded) => break loaded,
            Err(trouble) if left > 1 => tracing::warn!(%trouble, "the ledger is read again"),
            Err(trouble) => {
                tracing::error!(%trouble, "the ledger could not be read; ending");
                return None;
            }
        }
        left -= 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    loaded.notes.append(&mut looping.notes);
    Some((loaded, recovered.unwrap_or_default(), missed))
}

/// A swap, capture or refresh that has begun is waited for, so that its end is written down.
async fn settle_down(
    core: &mut Core,
    performer: &mut Performer,
    results: &mut mpsc::Receiver<Input>,
    clock: Clock,
) {
    let settling = async {
        while core.is_moving() {
            let Some(input) = results.recv().await else { return };
            let effects = core.handle(input, clock.now());
            let records = effects.into_iter().filter(|effect| {
                matches!(effect, Effect::Store { .. } | Effect::Answer(..) | Effect::Publish(_))
            });
            for effect in records.collect::<Vec<_>>() {
                performer.perform(effect, core.settings());
            }
        }
        performer.flush().await;
    };
    if tokio::time::timeout(FAREWELL, settling).await.is_err() {
        tracing::warn!("something was still under way at the end; the next start settles it");
    }
}
