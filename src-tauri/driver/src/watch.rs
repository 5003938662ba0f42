//! Sees at once when a tool writes its login or its configuration, by watching the directories that hold
//! them. A tool may empty its file a moment after a rotation.

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventHandler, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use sluice_core::Input;
use sluice_engine::Provider;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// A file whose changes matter, and to which provider.
pub(crate) type Watched = (Provider, PathBuf);

/// How long the parts of the watch wait.
#[derive(Clone, Copy)]
struct Pace {
    /// A tool writes in several steps; they are one change.
    rest: Duration,
    /// Directories that are missing are looked for again this often.
    look_again: Duration,
    /// All are set anew this often: a file system that went away under one says nothing.
    set_anew: Duration,
}

const PACE: Pace = Pace {
    rest: Duration::from_millis(50),
    look_again: Duration::from_secs(60),
    set_anew: Duration::from_secs(3_600),
};

/// Reports changes of these files until the loop ends.
pub(crate) async fn watch(files: Vec<Watched>, inputs: mpsc::Sender<Input>) {
    watch_at(PACE, files, inputs).await;
}

async fn watch_at(pace: Pace, files: Vec<Watched>, inputs: mpsc::Sender<Input>) {
    while !inputs.is_closed() {
        match Watch::new(&files) {
            Ok(mut watch) => watch.report(pace, &inputs).await,
            Err(error) => tracing::debug!(%error, "changes are not seen at once for the moment"),
        }
        tokio::select! {
            () = tokio::time::sleep(pace.look_again) => {}
            () = inputs.closed() => return,
        }
    }
}

/// What was heard since it was taken last: one mark for each thing, however many events told of it.
#[derive(Default)]
struct Heard {
    touched: BTreeSet<Provider>,
    /// Directories that went away, came or changed their place.
    moved: BTreeSet<PathBuf>,
    /// The watcher itself failed.
    broken: bool,
}

/// What the watcher's own thread shares with the task that reports.
struct Shared {
    files: Vec<Watched>,
    /// Where each directory really lies, links followed: events name that path. The missing are not
    /// in it.
    places: Mutex<BTreeMap<PathBuf, PathBuf>>,
    heard: Mutex<Heard>,
    news: Notify,
}

impl Shared {
    fn places(&self) -> MutexGuard<'_, BTreeMap<PathBuf, PathBuf>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every provider with a file in this directory.
    fn all_in<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = Provider> + 'a {
        let inside = self.files.iter().filter(move |(_, file)| file.parent() == Some(dir));
        inside.map(|(provider, _)| *provider)
    }

    /// Takes note of an event; in the watcher's thread.
    fn hear(&self, event: notify::Result<notify::Event>) {
        if event.as_ref().is_ok_and(|event| {
            !(event.need_rescan() || is_change(event.kind) || is_move(event.kind))
        }) {
            return;
        }
        let mut heard = self.heard();
        match event {
            Err(error) => {
                tracing::debug!(%error, "the watch of the tools' files failed");
                heard.broken = true;
            }
            // Events were lost: anything may have changed.
            Ok(event) if event.need_rescan() => {
                heard.touched.extend(self.files.iter().map(|(provider, _)| *provider));
            }
            Ok(event) => {
                let places = self.places();
                for path in &event.paths {
                    self.hear_of(path, event.kind, &places, &mut heard);
                }
            }
        }
        if heard.broken || !heard.touched.is_empty() || !heard.moved.is_empty() {
            self.news.notify_one();
        }
    }

    fn hear_of(
        &self,
        path: &Path,
        kind: EventKind,
        places: &BTreeMap<PathBuf, PathBuf>,
        heard: &mut Heard,
    ) {
        if is_change(kind) {
            let is_it = |file: &Path| {
                file.file_name() == path.file_name()
                    && file.parent().and_then(|dir| places.get(dir)).map(PathBuf::as_path)
                        == path.parent()
            };
            let found = self.files.iter().filter(|(_, file)| is_it(file));
            heard.touched.extend(found.map(|(provider, _)| *provider));
        }
        if !is_move(kind) {
            return;
        }
        for dir in directories(&self.files) {
            if dir == path || places.get(dir).is_some_and(|place| place == path) {
                heard.touched.extend(self.all_in(dir));
                heard.moved.insert(dir.to_owned());
            }
        }
    }
}

fn directories(files: &[Watched]) -> BTreeSet<&Path> {
    files.iter().filter_map(|(_, file)| file.parent()).collect()
}

/// A file has its new content, or is gone.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Remove(_) => true,
        // Linux tells when a writer has closed its file; elsewhere only the steps before are told.
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(ModifyKind::Any | ModifyKind::Data(_)) => !cfg!(target_os = "linux"),
        _ => false,
    }
}

/// Another directory may stand under this name now, or none.
fn is_move(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_)
    )
}

/// A watcher whose thread runs. `notify` takes a thread that cannot start for one that has, and panics
/// at the first use, which ends the application.
fn watcher(handler: impl EventHandler) -> notify::Result<RecommendedWatcher> {
    // One more thread can start: almost always this finds what is wrong, and nothing is left over.
    let probe = std::thread::Builder::new().spawn(|| {})?;
    drop(probe.join());
    answering(notify::recommended_watcher(handler)?)
}

/// The watcher, if its thread answers. One whose thread does not must not even be dropped, which
/// panics, too: a file descriptor is left over then.
fn answering(watcher: RecommendedWatcher) -> notify::Result<RecommendedWatcher> {
    let mut watcher = ManuallyDrop::new(watcher);
    // Sets nothing; the one question that fails without a panic.
    watcher.configure(notify::Config::default())?;
    Ok(ManuallyDrop::into_inner(watcher))
}

struct Watch {
    shared: Arc<Shared>,
    watcher: RecommendedWatcher,
    /// A directory is not there, or cannot be watched.
    is_missing: bool,
}

impl Watch {
    fn new(files: &[Watched]) -> notify::Result<Self> {
        let shared = Arc::new(Shared {
            files: files.to_vec(),
            places: Mutex::default(),
            heard: Mutex::default(),
            news: Notify::new(),
        });
        let ear = Arc::clone(&shared);
        let watcher = watcher(move |event| ear.hear(event))?;
        let mut watch = Self { shared, watcher, is_missing: false };
        watch.set(&BTreeSet::new());
        Ok(watch)
    }

    /// Reports until nobody listens any more, or until the watcher fails.
    async fn report(&mut self, pace: Pace, inputs: &mpsc::Sender<Input>) {
        let mut again = Box::pin(tokio::time::sleep(self.wait(pace)));
        loop {
            let was_missing = self.is_missing;
            let is_due = tokio::select! {
                () = self.shared.news.notified() => false,
                () = &mut again => true,
                () = inputs.closed() => return,
            };
            if !is_due {
                tokio::time::sleep(pace.rest).await;
            }
            let heard = std::mem::take(&mut *self.shared.heard());
            if heard.broken {
                return;
            }
            let mut touched = heard.touched;
            if is_due || !heard.moved.is_empty() {
                touched.extend(self.set(&heard.moved));
            }
            // What is missing is looked for soon; other news do not put that off.
            if is_due || self.is_missing != was_missing {
                again.set(tokio::time::sleep(self.wait(pace)));
            }
            for provider in touched {
                if inputs.send(Input::SeatTouched(provider)).await.is_err() {
                    return;
                }
            }
        }
    }

    fn wait(&self, pace: Pace) -> Duration {
        if self.is_missing { pace.look_again } else { pace.set_anew }
    }

    /// Sets the watch of every directory: of one that stands already nothing changes, one that moved
    /// is watched where it is now. Returns the providers with a file in a directory that came.
    fn set(&mut self, moved: &BTreeSet<PathBuf>) -> BTreeSet<Provider> {
        let dirs = directories(&self.shared.files);
        let found: BTreeMap<PathBuf, PathBuf> =
            dirs.iter().filter_map(|dir| Some((dir.to_path_buf(), real(dir)?))).collect();
        // Known before it is watched: the first event may come at once.
        let before = std::mem::replace(&mut *self.shared.places(), found.clone());
        for (dir, place) in &before {
            if moved.contains(dir) || found.values().all(|found| found != place) {
                // A directory that is gone is not watched any more: an error says nothing new.
                drop(self.watcher.unwatch(place));
            }
        }
        let mut came = BTreeSet::new();
        self.is_missing = found.len() < dirs.len();
        for (dir, place) in found {
            if self.watcher.watch(&place, RecursiveMode::NonRecursive).is_err() {
                self.is_missing = true;
                self.shared.places().remove(&dir);
            } else if moved.contains(&dir) || before.get(&dir) != Some(&place) {
                came.extend(self.shared.all_in(&dir));
            }
        }
        came
    }
}

/// Where a directory really lies; `None` while there is none.
fn real(dir: &Path) -> Option<PathBuf> {
    dir.canonicalize().ok().filter(|place| place.is_dir())
}

#[cfg(all(test, target_os = "linux"))]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use super::*;
    use std::fs;

    /// So short that a test need not wait, and `set_anew` so long that none is saved by it.
    const QUICK: Pace = Pace {
        rest: Duration::from_millis(5),
        look_again: Duration::from_millis(50),
        set_anew: Duration::from_secs(3_600),
    };
    const LONG: Duration = Duration::from_secs(10);
    const QUIET: Duration = Duration::from_millis(300);

    struct Seen {
        inputs: mpsc::Receiver<Input>,
        watching: tokio::task::JoinHandle<()>,
        _room: tempfile::TempDir,
    }

    impl Seen {
        /// Watches, with a file whose changes show that the watch stands.
        async fn of(files: &[Watched], pace: Pace) -> Self {
            let room = tempfile::tempdir().unwrap();
            let sign = room.path().join("sign");
            let (inputs, receiver) = mpsc::channel(1_024);
            let mut all = files.to_vec();
            all.push((Provider::Codex, sign.clone()));
            let watching = tokio::spawn(watch_at(pace, all, inputs));
            let mut seen = Self { inputs: receiver, watching, _room: room };
            loop {
                fs::write(&sign, b"{}").unwrap();
                let wait = tokio::time::timeout(Duration::from_millis(100), seen.inputs.recv());
                if wait.await.is_ok() {
                    break;
                }
            }
            seen.rest().await;
            seen
        }

        /// The changes of Claude's files until nothing has been said for a while.
        async fn rest(&mut self) -> usize {
            let mut count = 0;
            while let Ok(input) = tokio::time::timeout(QUIET, self.inputs.recv()).await {
                count += usize::from(matches!(input, Some(Input::SeatTouched(Provider::Claude))));
            }
            count
        }

        async fn change(&mut self) {
            let next = async {
                while !matches!(
                    self.inputs.recv().await,
                    Some(Input::SeatTouched(Provider::Claude))
                ) {}
            };
            tokio::time::timeout(LONG, next).await.expect("a change is seen");
            self.rest().await;
        }
    }

    fn claude(file: &Path) -> [Watched; 1] {
        [(Provider::Claude, file.to_owned())]
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_replaced_file_is_seen_and_its_neighbours_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".credentials.json");
        let mut seen = Seen::of(&claude(&file), QUICK).await;
        fs::write(&file, b"{}").unwrap();
        seen.change().await;
        fs::write(dir.path().join("other"), b"x").unwrap();
        fs::read(&file).unwrap();
        assert_eq!(seen.rest().await, 0);
        fs::write(dir.path().join("new"), b"{1}").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        seen.change().await;
        fs::remove_file(&file).unwrap();
        seen.change().await;
        drop(seen.inputs);
        tokio::time::timeout(LONG, seen.watching).await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_directory_that_comes_later_is_watched() {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().join("deep/.claude");
        let file = dir.join("file");
        let mut seen = Seen::of(&claude(&file), QUICK).await;
        fs::create_dir_all(&dir).unwrap();
        fs::write(&file, b"before the watch stands").unwrap();
        seen.change().await;
        fs::write(&file, b"after").unwrap();
        seen.change().await;
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_replaced_directory_is_watched_where_it_is_now() {
        let room = tempfile::tempdir().unwrap();
        let (dir, aside) = (room.path().join(".claude"), room.path().join("aside"));
        fs::create_dir(&dir).unwrap();
        let file = dir.join("file");
        let mut seen = Seen::of(&claude(&file), QUICK).await;
        fs::rename(&dir, &aside).unwrap();
        fs::create_dir(&dir).unwrap();
        seen.change().await;
        fs::write(&file, b"new").unwrap();
        seen.change().await;
        fs::write(aside.join("file"), b"old").unwrap();
        assert_eq!(seen.rest().await, 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_lost_watch_is_set_again() {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().join(".claude");
        let file = dir.join("file");
        for _ in 0..3 {
            fs::create_dir_all(&dir).unwrap();
            let mut seen = Seen::of(&claude(&file), QUICK).await;
            fs::remove_dir_all(&dir).unwrap();
            seen.change().await;
            fs::create_dir(&dir).unwrap();
            seen.change().await;
            fs::write(&file, b"{}").unwrap();
            seen.change().await;
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_directory_that_is_a_link_is_watched_where_it_leads() {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        for name in ["one", "two"] {
            fs::create_dir(at(name)).unwrap();
        }
        std::os::unix::fs::symlink(at("one"), at("link")).unwrap();
        // The real directory is known by its own name, too, and so is what holds the link.
        let files = [
            (Provider::Claude, at("link/file")),
            (Provider::Codex, at("one/other")),
            (Provider::Codex, at("neighbour")),
        ];
        let mut seen = Seen::of(&files, QUICK).await;
        fs::write(at("one/file"), b"{}").unwrap();
        seen.change().await;
        std::os::unix::fs::symlink(at("two"), at("draft")).unwrap();
        fs::rename(at("draft"), at("link")).unwrap();
        seen.change().await;
        fs::write(at("two/file"), b"{}").unwrap();
        seen.change().await;
        fs::write(at("one/file"), b"{}").unwrap();
        assert_eq!(seen.rest().await, 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_burst_is_told_once_for_each_rest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let pace = Pace { rest: Duration::from_millis(50), ..QUICK };
        let mut seen = Seen::of(&claude(&file), pace).await;
        let (began, writing) = (std::time::Instant::now(), file.clone());
        let writer = std::thread::spawn(move || {
            for _ in 0..2_000 {
                fs::write(&writing, b"{}").unwrap();
            }
        });
        let count = seen.rest().await;
        let rests = began.elapsed().as_millis() / pace.rest.as_millis();
        writer.join().unwrap();
        assert!((1..=rests + 1).contains(&(count as u128)), "{count} in {rests} rests");
    }

    /// Set where no thread can start.
    const THREADLESS: &str = "SLUICE_TEST_THREADLESS";

    #[test]
    fn a_watcher_without_a_thread_is_an_error() {
        if std::env::var_os(THREADLESS).is_some() {
            let room = tempfile::tempdir().unwrap();
            let error = Watch::new(&claude(&room.path().join("file"))).err().expect("no thread");
            assert!(matches!(error.kind, notify::ErrorKind::Io(_)), "{error}");
            // The thread could not start although another could a moment before.
            answering(notify::recommended_watcher(|_| {}).unwrap()).unwrap_err();
            return;
        }
        // No stack of this size can be had.
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "watch::tests::a_watcher_without_a_thread_is_an_error"])
            .args(["--nocapture", "--test-threads=1"])
            .env("RUST_MIN_STACK", (1_usize << 50).to_string())
            .env(THREADLESS, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let trouble = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success() && said.contains("1 passed"), "{said}\n{trouble}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn lost_events_and_a_failed_watcher_are_noticed() {
        let files = [(Provider::Claude, "/a/b".into()), (Provider::Codex, "/c/d".into())];
        let watch = Watch::new(&files).unwrap();
        let rescan = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        watch.shared.hear(Ok(rescan));
        assert_eq!(watch.shared.heard().touched.len(), 2);
        watch.shared.hear(Err(notify::Error::generic("it broke")));
        assert!(watch.shared.heard().broken);
        tokio::time::timeout(LONG, watch.shared.news.notified()).await.unwrap();
    }
}
