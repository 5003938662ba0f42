//! What keeps a login in its place from taking effect: keys that outrank it, addresses that its requests go
//! to instead, a file that is a link into another store. Told with a swap, because nothing else shows it.

use super::{Seats, tool};
use crate::refused::Barred;
use serde::Serialize;
use sluice_engine::Provider;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the tools' requests go by themselves.
const USUAL_HOSTS: [&str; 4] =
    ["api.anthropic.com", "chatgpt.com", "chat.openai.com", "api.openai.com"];
/// Where a tool would be started.
pub struct Surroundings<'a> {
    /// The person's home.
    pub home: &'a Path,
    /// Configuration of the machine (`/etc`).
    pub etc: &'a Path,
    /// The folder it would be started in; `None` leaves settings of a project out.
    pub here: Option<&'a Path>,
    /// Reads an environment variable. Of keys only the names are told, never what they hold.
    pub var: &'a dyn Fn(&str) -> Option<OsString>,
}

/// Something to know about a login that is in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "caveat", rename_all = "snake_case")]
pub enum Caveat {
    /// Tools use something else than the login.
    Outranked {
        /// Whose tool.
        provider: Provider,
        /// The variable or the key of a setting.
        by: String,
        /// The settings file; `None` for the environment.
        file: Option<PathBuf>,
    },
    /// The login is sent to another address than the provider's.
    Redirected {
        /// Whose tool.
        provider: Provider,
        /// The variable or the key of a setting.
        by: String,
        /// The settings file; `None` for the environment.
        file: Option<PathBuf>,
    },
    /// The tool's file is a link: what is swapped in is written at its target.
    Linked {
        /// Whose tool.
        provider: Provider,
        /// The tool's file.
        file: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// The tool does not use the login in its file.
    Barred {
        /// Whose tool.
        provider: Provider,
        /// The tool's own reason.
        why: Barred,
    },
}

impl Caveat {
    /// Stable, for scripts.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Outranked { .. } => "outranked",
            Self::Redirected { .. } => "redirected",
            Self::Linked { .. } => "linked_login",
            Self::Barred { .. } => "barred",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn helps(&self) -> String {
        match self {
            Self::Outranked { by, file, .. } | Self::Redirected { by, file, .. } => match file {
                None => format!("Unset {by} where the tool is started."),
                Some(file) => format!("Take {by} out of {}.", file.display()),
            },
            Self::Linked { .. } => {
                "If another program keeps its logins there, let only one of the two swap; to part \
                 them, replace the link by a file and sign in again."
                    .to_owned()
            }
            Self::Barred { why, .. } => why.helps().to_owned(),
        }
    }
}

impl std::fmt::Display for Caveat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = |file: &Option<PathBuf>| match file {
            None => "is set".to_owned(),
            Some(file) => format!("is set in {}", file.display()),
        };
        match self {
            Self::Outranked { provider, by, file } => write!(
                f,
                "{by} {}: it outranks the login that Sluice swaps, which has no effect on {} there.",
                place(file),
                provider.name()
            ),
            Self::Redirected { provider, by, file } => write!(
                f,
                "{by} {}: {} sends its requests to another address than the provider's.",
                place(file),
                provider.name()
            ),
            Self::Linked { provider, file, target } => write!(
                f,
                "{} is a link to {}: what is swapped in for {} is written there.",
                file.display(),
                target.display(),
                provider.name()
            ),
            Self::Barred { provider, why } => write!(f, "{}: {why}.", provider.name()),
        }
    }
}

/// Everything to know about the login of a provider's tool, from what surrounds it. Files that cannot
/// be read say nothing here; the tool itself complains of them.
#[must_use]
pub fn caveats(provider: Provider, around: &Surroundings<'_>) -> Vec<Caveat> {
    let seats = Seats::from_env(around.home, around.var);
    let mut found = Vec::new();
    if let Some(why) = seats.barred(provider) {
        found.push(Caveat::Barred { provider, why });
    }
    found.extend(from_environment(provider, around.var));
    tool(provider).settings_caveats(around, &mut found);
    found.extend(linked(&seats, provider));
    found
}

/// The tool's file and where it leads, when it is a link.
pub(crate) fn linked(seats: &Seats, provider: Provider) -> Option<Caveat> {
    let file = seats.credential_path(provider)?;
    let target = crate::files::link_target(&file)?;
    Some(Caveat::Linked { provider, file, target })
}

fn from_environment(provider: Provider, var: &dyn Fn(&str) -> Option<OsString>) -> Vec<Caveat> {
    let text = |name: &str| var(name).map(|value| value.to_string_lossy().into_owned());
    let mut found = Vec::new();
    outranking(provider, &text, None, &mut found);
    found
}

/// What of these variables outranks or redirects; `file` is where they were found.
pub(super) fn outranking(
    provider: Provider,
    var: &dyn Fn(&str) -> Option<String>,
    file: Option<&Path>,
    found: &mut Vec<Caveat>,
) {
    let file = file.map(Path::to_path_buf);
    let facts = tool(provider).facts();
    let base = facts.address;
    let on = facts.clouds.iter().filter(|name| var(name).is_some_and(|value| is_on(&value)));
    let set = facts.keys.iter().filter(|name| var(name).is_some_and(|value| !value.is_empty()));
    found.extend(on.chain(set).map(|by| Caveat::Outranked {
        provider,
        by: (*by).to_owned(),
        file: file.clone(),
    }));
    if var(base).is_some_and(|address| is_elsewhere(&address)) {
        found.push(Caveat::Redirected { provider, by: base.to_owned(), file });
    }
}

/// A switch as the tool reads it.
fn is_on(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|on| value.trim().eq_ignore_ascii_case(on))
}

/// An address that is not the provider's own.
pub(super) fn is_elsewhere(address: &str) -> bool {
    let rest = address.trim().split_once("://").map_or(address.trim(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.strip_suffix(":443").unwrap_or(host);
    !host.is_empty() && !USUAL_HOSTS.iter().any(|usual| host.eq_ignore_ascii_case(usual))
}
