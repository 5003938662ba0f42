//! The data directory and the places in it, everything private to its owner.

use std::path::{Path, PathBuf};

/// Environment variable that names the data directory.
pub const HOME_VARIABLE: &str = "SLUICE_HOME";

/// The data directory and the places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    home: PathBuf,
}

impl Paths {
    /// A data directory given by hand.
    #[must_use]
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into() }
    }

    /// `SLUICE_HOME`, else `$XDG_DATA_HOME/sluice`, else `$HOME/.local/share/sluice`.
    ///
    /// `None` when the environment names no home at all.
    #[must_use]
    pub fn from_env() -> Option<Self> {
        let absolute = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
        };
        if let Some(home) = std::env::var_os(HOME_VARIABLE).filter(|home| !home.is_empty()) {
            return std::path::absolute(PathBuf::from(home)).ok().map(Self::at);
        }
        absolute("XDG_DATA_HOME")
            .map(|data| data.join("sluice"))
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share/sluice")))
            .map(Self::at)
    }

    /// The directory itself.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.home.join("sluice.db")
    }

    /// The file whose kernel lock says who drives.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.home.join("lock")
    }

    /// The directory of the socket (mode 0700).
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.home.join("run")
    }

    /// The socket (mode 0600).
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run_dir().join("sluice.sock")
    }

    /// Numbers for a collector, where they are wished.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.home.join("metrics").join("sluice.prom")
    }

    /// The log directory.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.home.join("log")
    }
}
