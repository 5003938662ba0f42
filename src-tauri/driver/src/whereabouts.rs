//! Where the tools look for their logins and settings, from this process's own environment. One answer for
//! the driver, `sluice doctor`, `sluice run`, the hooks and the lanes.

use crate::ports::PortError;
pub use sluice_custody::Caveat;
use sluice_custody::{Seats, Surroundings};
use sluice_engine::Provider;
use sluice_protocol::Code;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The person's home directory.
pub(crate) fn home() -> Result<PathBuf, PortError> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    home.ok_or_else(|| {
        PortError::new(
            Code::Unusable,
            "The environment names no home directory; nothing was changed.",
        )
    })
}

/// The folder that a tool keeps its settings in; `None` where no home directory is known.
#[must_use]
pub fn tool_home(provider: Provider) -> Option<PathBuf> {
    let home = home().ok()?;
    Some(sluice_custody::tool_home(provider, &home, |name| std::env::var_os(name)))
}

/// What makes a login that is in place have no effect, or another one than it seems, for tools that are
/// started from here.
///
/// `here` is the folder a tool is started in, whose project settings count; `seat` a variable that
/// points the tool at another seat.
#[must_use]
pub fn caveats(
    provider: Provider,
    here: Option<&Path>,
    seat: Option<(&str, &Path)>,
) -> Vec<Caveat> {
    let var = |name: &str| -> Option<OsString> {
        match seat {
            Some((pointed, to)) if pointed == name => Some(to.into()),
            Some(_) | None => std::env::var_os(name),
        }
    };
    let home = home().unwrap_or_else(|_| PathBuf::from("/"));
    let around = Surroundings { home: &home, etc: Path::new("/etc"), here, var: &var };
    sluice_custody::caveats(provider, &around)
}

/// Files beside the seats themselves whose change is news of a seat: where a link leads, and the
/// configuration that says where the tool looks.
pub(crate) fn deciding(seats: &Seats) -> Vec<(Provider, PathBuf)> {
    let linked = Provider::ALL.into_iter().flat_map(|provider| {
        let found = caveats(provider, None, None).into_iter();
        found.filter_map(move |caveat| match caveat {
            Caveat::Linked { target, .. } => Some((provider, target)),
            Caveat::Outranked { .. } | Caveat::Redirected { .. } | Caveat::Barred { .. } => None,
        })
    });
    linked.chain(seats.deciding()).collect()
}

/// Names of what outranks the login of tools that are started from here; never what it holds.
#[must_use]
pub fn outranking(
    provider: Provider,
    here: Option<&Path>,
    seat: Option<(&str, &Path)>,
) -> Vec<String> {
    let found = caveats(provider, here, seat).into_iter().filter_map(|caveat| match caveat {
        Caveat::Outranked { by, .. } => Some(by),
        Caveat::Redirected { .. } | Caveat::Linked { .. } | Caveat::Barred { .. } => None,
    });
    let mut names: Vec<String> = found.collect();
    names.dedup();
    names
}

/// Variables of this process that outrank a login.
#[must_use]
pub fn outranking_variables(provider: Provider) -> Vec<String> {
    let found = caveats(provider, None, None).into_iter().filter_map(|caveat| match caveat {
        Caveat::Outranked { by, file: None, .. } => Some(by),
        _ => None,
    });
    found.collect()
}
