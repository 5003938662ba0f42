//! The loop: one owner of the core, one input at a time, everything else a message away.

use crate::adapters;
use crate::api::View;
use crate::clock::{Clock, Reading};
use crate::core::{Core, Effect, Input, Options};
use crate::inbox::{BATCH, Inbox};
use crate::link::{Call, Handle, Link};
use crate::lock::{self, Held, LockError};
use crate::paths::Paths;
use crate::perform::{Ears, Parts, Performer};
use crate::ports::{Loaded, Recovered, Trouble};
use crate::socket::{self, Client};
use crate::watchdog::{Heart, Limits};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// Requests waiting for the loop.
const CALLS_MAX: usize = 64;
/// Results waiting for the loop.
const INPUTS_MAX: usize = 256;
/// Notices a slow reader may be behind.
const NOTICES_MAX: usize = 64;
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
    Parts(Trouble),
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

/// Starts a driver with the real parts on a thread of its own.
///
/// Blocks while the lock is taken and the database opened (at most about 3 s).
///
/// # Errors
/// [`StartError`]; another driver of the same directory is the usual one.
pub fn start(paths: &Paths, config: Config) -> Result<Handle, StartError> {
    start_real(paths, config, false)
}

/// As [`start`], where a file vault's passphrase may be asked for at the terminal.
///
/// # Errors
/// As [`start`].
pub fn start_asking(paths: &Paths, config: Config) -> Result<Handle, StartError> {
    start_real(paths, config, true)
}

fn start_real(paths: &Paths, config: Config, may_ask: bool) -> Result<Handle, StartError> {
    let clock = Clock::from_env().map_err(StartError::Clock)?;
    let held = lock::take(paths, &config.role).map_err(StartError::Lock)?;
    let (parts, notes) = adapters::open(paths, clock, may_ask).map_err(StartError::Parts)?;
    launch(parts, notes, clock, config, Some((paths.clone(), held)), Limits::default())
}

/// Starts a driver with given parts, without lock and socket: for tests and embedding.
///
/// # Errors
/// [`StartError::System`].
pub fn start_with(parts: Parts, clock: Clock, config: Config) -> Result<Handle, StartError> {
    launch(parts, Vec::new(), clock, config, None, Limits::default())
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
    launch(parts, Vec::new(), clock, config, None, limits)
}

/// Attaches to the running driver, or starts one here.
///
/// # Errors
/// As [`start`].
pub async fn attach_or_start(paths: &Paths, config: Config) -> Result<Link, StartError> {
    if let Some(client) = Client::attach(paths, true).await {
        return Ok(Link::Remote(client));
    }
    let paths = paths.clone();
    let started = tokio::task::spawn_blocking(move || start(&paths, config));
    match started.await {
        Ok(handle) => Ok(Link::Local(handle?)),
        Err(error) => Err(StartError::System(std::io::Error::other(error))),
    }
}

/// Starts a driver with given parts on the runtime this is called on: for tests that pause its time
/// and wait for an end of everything.
#[doc(hidden)]
#[must_use]
pub fn start_here(parts: Parts, clock: Clock, seed: u64) -> Handle {
    let (looping, handle, ended) =
        assemble(parts, Vec::new(), clock, Options { offline: false, seed }, Limits::default());
    tokio::spawn(async move {
        drive(looping).await;
        // Nobody waiting for the end is no error.
        let _nobody = ended.send(true);
    });
    handle
}

struct Loop {
    parts: Parts,
    notes: Vec<String>,
    clock: Clock,
    options: Options,
    calls: mpsc::Receiver<Call>,
    ears: Ears,
    heart: Heart,
}

/// A loop, the handle that reaches it, and where its end is told.
fn assemble(
    parts: Parts,
    notes: Vec<String>,
    clock: Clock,
    options: Options,
    limits: Limits,
) -> (Loop, Handle, watch::Sender<bool>) {
    let (calls, asked) = mpsc::channel(CALLS_MAX);
    let (views, seen) = watch::channel(Arc::new(View::default()));
    let (notices, _) = broadcast::channel(NOTICES_MAX);
    let (ended, over) = watch::channel(false);
    let handle = Handle { calls, views: seen, notices: notices.clone(), ended: over };
    let ears = Ears { views: Arc::new(views), notices };
    let heart = Heart::new(limits);
    let looping = Loop { parts, notes, clock, options, calls: asked, ears, heart };
    (looping, handle, ended)
}

fn launch(
    parts: Parts,
    notes: Vec<String>,
    clock: Clock,
    config: Config,
    owned: Option<(Paths, Held)>,
    limits: Limits,
) -> Result<Handle, StartError> {
    let listener = match &owned {
        Some((paths, _)) if !config.offline => {
            Some(socket::bind(paths).map_err(StartError::Socket)?)
        }
        Some(_) | None => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::System)?;
    let options = Options { offline: config.offline, seed: fastrand::u64(..) };
    let (looping, handle, ended) = assemble(parts, notes, clock, options, limits);
    looping.heart.watch().map_err(StartError::System)?;
    let served = handle.clone();
    std::thread::Builder::new()
        .name("sluice-driver".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                if let Some(listener) = listener {
                    match socket::listen(listener) {
                        Ok(listener) => drop(tokio::spawn(socket::serve(listener, served))),
                        Err(error) => tracing::error!(%error, "the socket cannot be served"),
                    }
                }
                drive(looping).await;
            });
            runtime.shutdown_timeout(Duration::from_millis(500));
            if let Some((paths, held)) = owned {
                drop(std::fs::remove_file(paths.socket()));
                drop(held);
            }
            // Nobody waiting for the end is no error.
            let _nobody = ended.send(true);
        })
        .map_err(StartError::System)?;
    Ok(handle)
}

async fn drive(mut looping: Loop) {
    let (inputs, mut results) = mpsc::channel(INPUTS_MAX);
    let clock = looping.clock;
    let told = inputs.clone();
    let performer = Performer::new(looping.parts.clone(), inputs, looping.ears.clone(), clock);
    let mut performer = match performer {
        Ok(performer) => performer,
        Err(error) => {
            tracing::error!(%error, "the driver could not begin");
            return;
        }
    };
    let (loaded, recovered) = begin(&performer, &mut looping).await;
    let mut last = clock.read();
    let (mut core, effects) = Core::new(loaded, &recovered, looping.options, last.now);
    carry_out(&mut performer, &core, effects);
    if let Some(desk) = performer.desk.clone().filter(|_| !looping.options.offline) {
        tokio::spawn(crate::flight::watch(desk, told, clock));
    }
    let mut inbox = Inbox::default();
    while !performer.quit {
        looping.heart.beat();
        let wait = core.wake_at().map_or(crate::clock::SLICE, |due| clock.wait_until(due));
        tokio::select! {
            input = results.recv() => if let Some(input) = input { inbox.push(input); },
            call = looping.calls.recv(), if core.ready() => match call {
                Some(call) => { inbox.push(enter(&mut performer, call)); }
                None => break,
            },
            () = tokio::time::sleep(wait) => { inbox.push(Input::Tick); }
        }
        while inbox.len() < BATCH
            && let Ok(input) = results.try_recv()
        {
            inbox.push(input);
        }
        last = turn(&mut core, &mut performer, &mut inbox, clock, last);
    }
    settle_down(&mut core, &mut performer, &mut results, clock).await;
    performer.lay_down_metrics().await;
    looping.heart.stop();
}

/// One batch: each input is one mutation, its effects are begun before the next one.
fn turn(
    core: &mut Core,
    performer: &mut Performer,
    inbox: &mut Inbox,
    clock: Clock,
    last: Reading,
) -> Reading {
    let reading = clock.read();
    if let Some(jump) = clock.jump(last, reading) {
        tracing::info!(?jump, "time did not pass evenly");
        let effects = core.handle(Input::Jump(jump), reading.now);
        carry_out(performer, core, effects);
    }
    while let Some(input) = inbox.pop() {
        let effects = core.handle(input, clock.now());
        carry_out(performer, core, effects);
    }
    reading
}

fn enter(performer: &mut Performer, call: Call) -> Input {
    let Call { request, answer } = call;
    Input::Call { call: performer.enter(answer), request }
}

fn carry_out(performer: &mut Performer, core: &Core, effects: Vec<Effect>) {
    for effect in effects {
        performer.perform(effect, core.settings());
    }
}

/// Reads what the ledger keeps and settles open swaps, before anything else and without network.
async fn begin(performer: &Performer, looping: &mut Loop) -> (Loaded, Vec<Recovered>) {
    let recovered = performer.recover().await;
    let mut loaded = performer.load(looping.clock.now().wall).await;
    loaded.notes.append(&mut looping.notes);
    (loaded, recovered)
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
