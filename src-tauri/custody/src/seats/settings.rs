//! Settings files of the tools, as far as they decide about a login.

use crate::secret::Secret;
use serde::Deserialize;
use sluice_ground::read_regular;
use std::path::Path;

/// Configuration of the machine, set by whoever runs it.
pub(crate) const ETC: &str = "/etc";
/// Larger settings are nobody's.
pub(crate) const SETTINGS_BYTES_MAX: u64 = 4 << 20;

/// The bytes of a settings file that is there and can be read.
pub(crate) fn settings(path: &Path) -> Option<Secret> {
    read_regular(path, SETTINGS_BYTES_MAX).ok().map(Secret::new)
}

/// A name, or several.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(crate) fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::More(more) => more.iter().any(|one| one == wanted),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::One(one) => one.trim().is_empty(),
            Self::More(more) => more.is_empty(),
        }
    }
}
