//! Sees at once when a tool writes its login or its configuration (Linux: inotify on the directories that
//! hold them). Elsewhere the regular looks must do. A tool may empty its file a moment after a rotation.

use sluice_core::Input;
use sluice_engine::Provider;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// A tool writes in several steps; they are one change.
const REST: Duration = Duration::from_millis(50);
/// Directories that are missing are looked for again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A file whose changes matter, and to which provider.
pub(crate) type Watched = (Provider, PathBuf);

/// Reports changes of these files until the loop ends.
pub(crate) async fn watch(files: Vec<Watched>, inputs: mpsc::Sender<Input>) {
    while !inputs.is_closed() {
        match imp::watch_once(&files, &inputs).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "changes are not seen at once for the moment"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = inputs.closed() => return,
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use super::{Duration, Input, LOOK_AGAIN, REST, Watched, mpsc};
    use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
    use sluice_engine::Provider;
    use std::collections::{BTreeMap, BTreeSet};
    use std::ffi::OsString;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::{Path, PathBuf};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// Room for a burst of events with short names.
    const BUFFER: usize = 4_096;

    struct Watches {
        descriptors: BTreeMap<i32, PathBuf>,
        missing: bool,
    }

    pub(super) async fn watch_once(
        files: &[Watched],
        inputs: &mpsc::Sender<Input>,
    ) -> std::io::Result<()> {
        let raw = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // Its successor is `unsafe`, which this crate forbids; an `OwnedFd` meets its conditions.
        #[allow(deprecated)]
        let fd = AsyncFd::try_with_interest(raw, Interest::READABLE)?;
        let mut watches = add(&fd, files);
        loop {
            // Directories that were missing, removed or replaced are found again in time.
            let again = if watches.missing { LOOK_AGAIN } else { Duration::from_secs(3_600) };
            tokio::select! {
                ready = fd.readable() => {
                    let mut guard = ready?;
                    tokio::time::sleep(REST).await;
                    let touched = read(fd.get_ref(), &mut watches, files);
                    guard.clear_ready();
                    for provider in touched? {
                        if inputs.send(Input::SeatTouched(provider)).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                () = tokio::time::sleep(again) => watches = add(&fd, files),
                () = inputs.closed() => return Ok(()),
            }
        }
    }

    fn add(fd: &AsyncFd<OwnedFd>, files: &[Watched]) -> Watches {
        let wanted = WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::ONLYDIR;
        let parents: BTreeSet<&Path> = files.iter().filter_map(|(_, path)| path.parent()).collect();
        let mut watches = Watches { descriptors: BTreeMap::new(), missing: false };
        for parent in parents {
            match inotify::add_watch(fd.get_ref(), parent, wanted) {
                Ok(descriptor) => {
                    watches.descriptors.insert(descriptor, parent.to_path_buf());
                }
                Err(_) => watches.missing = true,
            }
        }
        watches
    }

    fn read(
        fd: &OwnedFd,
        watches: &mut Watches,
        files: &[Watched],
    ) -> std::io::Result<BTreeSet<Provider>> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); BUFFER];
        let mut reader = Reader::new(fd, &mut buffer);
        let mut touched = BTreeSet::new();
        loop {
            match reader.next() {
                Ok(event) => {
                    let Some(dir) = watches.descriptors.get(&event.wd()) else { continue };
                    let Some(name) = event.file_name() else {
                        watches.missing = true;
                        continue;
                    };
                    let path =
                        dir.join(OsString::from(std::ffi::OsStr::from_bytes(name.to_bytes())));
                    touched.extend(
                        files
                            .iter()
                            .filter(|(_, file)| *file == path)
                            .map(|(provider, _)| *provider),
                    );
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(touched),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use super::{Input, Watched, mpsc};

    pub(super) async fn watch_once(
        _files: &[Watched],
        inputs: &mpsc::Sender<Input>,
    ) -> std::io::Result<()> {
        inputs.closed().await;
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_replaced_file_is_seen_and_its_neighbours_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".credentials.json");
        let (inputs, mut seen) = mpsc::channel(8);
        let watching = tokio::spawn(watch(vec![(Provider::Claude, file.clone())], inputs));
        // The watch stands once the first change of the file is reported.
        let first = async {
            loop {
                std::fs::write(&file, b"{}").unwrap();
                if tokio::time::timeout(Duration::from_millis(200), seen.recv()).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), first).await.unwrap();
        while tokio::time::timeout(Duration::from_millis(200), seen.recv()).await.is_ok() {}
        std::fs::write(dir.path().join("other"), b"x").unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(300), seen.recv()).await.is_err());
        std::fs::write(dir.path().join("new"), b"{1}").unwrap();
        std::fs::rename(dir.path().join("new"), &file).unwrap();
        let input = tokio::time::timeout(Duration::from_secs(5), seen.recv()).await.unwrap();
        assert!(matches!(input, Some(Input::SeatTouched(Provider::Claude))));
        drop(seen);
        tokio::time::timeout(Duration::from_secs(5), watching).await.unwrap().unwrap();
    }
}
