//! What the tools' own locks are, by name; how they are taken stands in `lease`.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// One lock directory of a tool (`proper-lockfile`): making the directory is taking the lock, its
/// mtime is the holder's sign of life.
#[derive(Clone, Debug)]
pub(crate) struct ToolLock {
    pub(crate) path: PathBuf,
    /// A lock whose mtime is older than this belongs to nobody any more.
    pub(crate) stale_after: Duration,
}

/// The locks a tool takes before it writes its login, in its order.
pub(crate) enum Locks {
    /// Directories, which a crash leaves behind.
    Directories(Vec<ToolLock>),
    /// Files, locked by the kernel while the tool saves.
    Files(Vec<PathBuf>),
}

impl ToolLock {
    pub(crate) const fn new(path: PathBuf, stale_after_s: u64) -> Self {
        Self { path, stale_after: Duration::from_secs(stale_after_s) }
    }

    /// The lock of the configuration that names the account.
    pub(crate) fn of_config(config: &Path) -> Self {
        Self::new(with_suffix(config, ".lock"), 10)
    }
}

/// A name beside `path`: the same with `suffix`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}
