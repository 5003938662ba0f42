//! The local socket: one JSON document per line, only for the owner of the data directory.

use crate::handle::{Handle, late};
use crate::lock::private_dir;
use crate::paths::Paths;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use sluice_protocol::{Answer, Code, Notice, Request, View, deadline, refused};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::AbortHandle;
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, Decoder, FramedRead};

/// The version of the interface. A request without one is of this version.
pub const VERSION: u64 = 1;
/// The longest request line, newline included.
pub const REQUEST_MAX: usize = 64 * 1024;
/// The longest answer line a client reads: a thousand decisions with their candidates.
pub const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// Connections served at once; one owner has a tray, a terminal or two and some hooks.
pub const CONNECTIONS_MAX: usize = 32;
/// A connection without a request for this long is closed.
const IDLE: Duration = Duration::from_secs(120);
/// A reader that takes no byte for this long is dropped.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Connecting to a socket on this machine.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// The longest an asker waits for the first answer of a driver, which may be just starting.
const ATTACH_DEADLINE: Duration = Duration::from_secs(5);

/// One line of a `Watch` stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Something changed.
    View {
        /// The whole new view.
        view: Box<View>,
    },
    /// Something to tell the person.
    Notice {
        /// The notice, as the loop made it.
        notice: Notice,
    },
}

/// Hands a bound socket to the runtime of the caller.
///
/// # Errors
/// What the runtime says.
pub fn listen(bound: std::os::unix::net::UnixListener) -> std::io::Result<UnixListener> {
    bound.set_nonblocking(true)?;
    UnixListener::from_std(bound)
}

/// Binds the socket of a data directory whose lock the caller holds.
///
/// # Errors
/// What the system says, or that something else than a socket lies there.
pub fn bind(paths: &Paths) -> std::io::Result<std::os::unix::net::UnixListener> {
    let (dir, path) = (paths.run_dir(), paths.socket());
    private_dir(&dir)?;
    // We hold the lock, so a socket left here belongs to a driver that is gone.
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(&path)?,
        Ok(_) => {
            return Err(std::io::Error::other(format!(
                "{} is not a socket; it was left as it is",
                path.display()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = std::os::unix::net::UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Whether somebody listens at the socket of this data directory.
#[must_use]
pub fn serves(paths: &Paths) -> bool {
    std::os::unix::net::UnixStream::connect(paths.socket()).is_ok()
}

/// The socket of a driver, from the moment it holds the lock: whoever connects before it serves
/// waits for it. Dropped, it is closed and taken away.
#[derive(Debug)]
pub(crate) struct Door {
    path: PathBuf,
    bound: Option<std::os::unix::net::UnixListener>,
    serving: Option<AbortHandle>,
}

impl Door {
    /// As [`bind`].
    pub(crate) fn open(paths: &Paths) -> std::io::Result<Self> {
        Ok(Self { path: paths.socket(), bound: Some(bind(paths)?), serving: None })
    }

    /// Serves on the runtime of the caller.
    pub(crate) fn serve(&mut self, handle: &Handle) -> std::io::Result<()> {
        let Some(bound) = self.bound.take() else { return Ok(()) };
        let task = tokio::spawn(serve(listen(bound)?, handle.clone()));
        self.serving = Some(task.abort_handle());
        Ok(())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
        // Ours as long as the lock is; a file that is gone already is no trouble.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Serves connections until the driver ends.
pub async fn serve(listener: UnixListener, handle: Handle) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let owner = rustix::process::geteuid().as_raw();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = handle.ended() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: wait for one instead of spinning.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        if !peer_is(&stream, owner) {
            tracing::warn!("a connection of another user was closed");
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many connections; one was closed");
            continue;
        };
        let handle = handle.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(stream, &handle).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

fn peer_is(stream: &UnixStream, owner: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner)
}

async fn converse(mut stream: UnixStream, handle: &Handle) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = Lines::of(reader, REQUEST_MAX);
    loop {
        let line = match tokio::time::timeout(IDLE, lines.next()).await {
            Err(_) | Ok(None) => return Ok(()),
            Ok(Some(Ok(line))) => line,
            Ok(Some(Err(AnyDelimiterCodecError::MaxChunkLengthExceeded))) => {
                let answer =
                    refused(Code::Invalid, "The request is longer than 64 KiB; nothing was done.");
                return write_line(&mut writer, &answer).await;
            }
            Ok(Some(Err(AnyDelimiterCodecError::Io(error)))) => return Err(error),
        };
        let asked = understand(&line);
        let answer = match asked.request {
            Ok(Request::Watch) => return stream_to(&mut writer, lines.get_mut(), handle).await,
            Ok(request) => handle.call(request).await,
            Err(answer) => answer,
        };
        let reply = Reply { v: asked.versioned.then_some(VERSION), id: asked.id, answer };
        write_line(&mut writer, &reply).await?;
    }
}

/// One line as it was asked.
struct Asked {
    request: Result<Request, Answer>,
    /// Goes back with the answer, whatever it is.
    id: Option<serde_json::Value>,
    versioned: bool,
}

/// An answer with what the request carried beside its verb.
#[derive(Serialize)]
struct Reply {
    #[serde(skip_serializing_if = "Option::is_none")]
    v: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    #[serde(flatten)]
    answer: Answer,
}

/// Reads `{"v":1,"id":…,"verb":…,…}`. A version or a verb that is not known here says so by a code
/// of its own, so that a newer caller can do without.
fn understand(line: &[u8]) -> Asked {
    let mut asked = Asked { request: Err(nonsense("it is no JSON")), id: None, versioned: false };
    let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(line) else { return asked };
    let Some(fields) = document.as_object_mut() else {
        asked.request = Err(nonsense("it is no object"));
        return asked;
    };
    asked.id = fields.remove("id").filter(|id| id.is_string() || id.is_u64());
    let version = fields.remove("v");
    asked.versioned = version.is_some();
    if version.is_some_and(|version| version.as_u64() != Some(VERSION)) {
        let text = format!("This Sluice speaks version {VERSION}; nothing was done.");
        asked.request = Err(refused(Code::Version, text));
        return asked;
    }
    asked.request = Request::deserialize(&document).map_err(|error| {
        let error = error.to_string();
        if error.starts_with("unknown variant") && !document["verb"].is_null() {
            let text = "This Sluice does not know that verb; nothing was done.";
            refused(Code::UnknownVerb, text)
        } else {
            nonsense(&error)
        }
    });
    asked
}

/// Whether a line is a request that this program knows.
#[must_use]
pub fn is_understood(line: &[u8]) -> bool {
    understand(line).request.is_ok()
}

fn nonsense(why: &str) -> Answer {
    refused(Code::Invalid, format!("The request was not understood ({why}); nothing was done."))
}

/// Tells a running driver that something was recorded beside it. Waits for nothing: when nobody
/// listens, the next regular look finds it.
pub fn nudge(paths: &Paths) {
    use std::io::Write as _;
    let told = std::os::unix::net::UnixStream::connect(paths.socket()).and_then(|mut stream| {
        stream.set_nonblocking(true)?;
        stream.write_all(b"{\"v\":1,\"verb\":\"look_at_runs\"}\n")
    });
    tracing::debug!(told = told.is_ok(), "the driver was told to look");
}

async fn stream_to(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    reader: &mut (impl AsyncRead + Unpin),
    handle: &Handle,
) -> std::io::Result<()> {
    let mut views = handle.views();
    let mut notices = handle.notices();
    views.mark_changed();
    let mut byte = [0_u8; 1];
    loop {
        tokio::select! {
            changed = views.changed() => {
                if changed.is_err() { return Ok(()); }
                let view = View::clone(&views.borrow_and_update());
                write_line(writer, &Event::View { view: Box::new(view) }).await?;
            }
            notice = notices.recv() => match notice {
                Ok(notice) => write_line(writer, &Event::Notice { notice }).await?,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "a watcher was too slow for notices");
                }
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
            // A watcher says nothing more; its end of the line closing is the only news.
            read = reader.read(&mut byte) => if read? == 0 { return Ok(()) },
            () = handle.ended() => return Ok(()),
        }
    }
}

/// Lines of a bounded length. An unfinished last one is none: its sender died over it, and half a
/// request may read like another one.
struct Lines(AnyDelimiterCodec);

impl Lines {
    /// The lines of a stream, each at most `bytes_max` long with its newline.
    fn of<R: AsyncRead>(reader: R, bytes_max: usize) -> FramedRead<R, Self> {
        let newline = || b"\n".to_vec();
        let longest = bytes_max.saturating_sub(1);
        let codec = AnyDelimiterCodec::new_with_max_length(newline(), newline(), longest);
        FramedRead::new(reader, Self(codec))
    }
}

impl Decoder for Lines {
    type Item = Bytes;
    type Error = AnyDelimiterCodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Self::Error> {
        self.0.decode(buffer)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Self::Error> {
        self.0.decode(buffer)
    }
}

fn unread(error: AnyDelimiterCodecError) -> std::io::Error {
    match error {
        AnyDelimiterCodecError::MaxChunkLengthExceeded => {
            std::io::Error::other("the answer is too long")
        }
        AnyDelimiterCodecError::Io(error) => error,
    }
}

async fn write_line(
    writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    value: &impl Serialize,
) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    line.push(b'\n');
    tokio::time::timeout(WRITE_DEADLINE, writer.write_all(&line))
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}

/// A driver in another process.
#[derive(Clone, Debug)]
pub struct Client {
    socket: Arc<PathBuf>,
    views: watch::Receiver<Arc<View>>,
    notices: broadcast::Sender<Notice>,
    away: watch::Receiver<bool>,
}

/// What is at the socket of a data directory.
#[derive(Clone, Debug)]
pub enum Found {
    /// A driver that answers.
    Driver(Client),
    /// Somebody listens and did not answer: starting, ending, or in trouble.
    Silent,
    /// No driver listens.
    Nobody,
}

impl Client {
    /// Attaches to the driver of this data directory; `None` when none answers within five seconds.
    ///
    /// With `watching` a task follows its views and notices and reconnects when the driver is
    /// started again; without it the view stays the one of this moment. Needs a tokio runtime.
    pub async fn attach(paths: &Paths, watching: bool) -> Option<Self> {
        match Self::find(paths, watching).await {
            Found::Driver(client) => Some(client),
            Found::Silent | Found::Nobody => None,
        }
    }

    /// As [`Self::attach`], telling a driver that does not answer from none.
    pub async fn find(paths: &Paths, watching: bool) -> Found {
        let socket = Arc::new(paths.socket());
        let Ok(stream) = connect(&socket).await else { return Found::Nobody };
        let asked = ask_over(stream, &Request::Status);
        let Ok(Ok(Answer::View(view))) = tokio::time::timeout(ATTACH_DEADLINE, asked).await else {
            return Found::Silent;
        };
        let (publish, views) = watch::channel(Arc::new(*view));
        let (notices, _) = broadcast::channel(64);
        let (gone, away) = watch::channel(false);
        if watching {
            tokio::spawn(follow(Arc::clone(&socket), publish, notices.clone(), gone));
        }
        Found::Driver(Self { socket, views, notices, away })
    }

    /// Resolves when the driver could not be followed any more, for the first time; at once where
    /// nothing follows it.
    pub async fn gone(&self) {
        let mut away = self.away.clone();
        // An error means that nothing follows it.
        let _nobody = away.wait_for(|away| *away).await;
    }

    /// Asks and waits for the answer; always ends.
    pub async fn call(&self, request: &Request) -> Answer {
        let asked = tokio::time::timeout(deadline(request), ask(&self.socket, request)).await;
        match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => refused(
                Code::Unreachable,
                format!(
                    "The running Sluice could not be reached ({error}); nothing is known to have changed."
                ),
            ),
            Err(_) => late(),
        }
    }

    /// The last known view and every later one.
    #[must_use]
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.views.clone()
    }

    /// Notices from now on.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

async fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    tokio::time::timeout(CONNECT_DEADLINE, UnixStream::connect(socket))
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}

async fn ask(socket: &Path, request: &Request) -> std::io::Result<Answer> {
    ask_over(connect(socket).await?, request).await
}

async fn ask_over(mut stream: UnixStream, request: &Request) -> std::io::Result<Answer> {
    write_line(&mut stream, request).await?;
    let line = Lines::of(stream, ANSWER_MAX).next().await;
    let line = line.ok_or(std::io::ErrorKind::UnexpectedEof)?.map_err(unread)?;
    serde_json::from_slice(&line).map_err(std::io::Error::other)
}

async fn follow(
    socket: Arc<PathBuf>,
    publish: watch::Sender<Arc<View>>,
    notices: broadcast::Sender<Notice>,
    gone: watch::Sender<bool>,
) {
    let mut pause = Duration::from_millis(100);
    while !publish.is_closed() {
        match follow_once(&socket, &publish, &notices).await {
            Ok(()) => pause = Duration::from_millis(100),
            Err(error) => tracing::debug!(%error, "the watched driver is away"),
        }
        gone.send_replace(true);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = publish.closed() => return,
        }
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

async fn follow_once(
    socket: &Path,
    publish: &watch::Sender<Arc<View>>,
    notices: &broadcast::Sender<Notice>,
) -> std::io::Result<()> {
    let mut stream = connect(socket).await?;
    write_line(&mut stream, &Request::Watch).await?;
    let mut lines = Lines::of(stream, ANSWER_MAX);
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = publish.closed() => return Ok(()),
        };
        let Some(line) = line.transpose().map_err(unread)? else { return Ok(()) };
        match serde_json::from_slice::<Event>(&line).map_err(std::io::Error::other)? {
            Event::View { view } => {
                publish.send_replace(Arc::new(*view));
            }
            Event::Notice { notice } => {
                // Nobody listening is no error.
                let _listeners = notices.send(notice);
            }
        }
    }
}
