//! What keeps a login in its place from taking effect: keys that outrank it, addresses that its requests go
//! to instead, a file that is a link into another store. Told with a swap, because nothing else shows it.

use crate::json;
use crate::refused::Barred;
use crate::seats::foreign::holds_text;
use crate::seats::{Seats, tool_home};
use crate::whereabouts::{self, CodexConfig, codex_config, codex_layers, settings};
use serde::Serialize;
use sluice_engine::Provider;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Variables that outrank Claude Code's login, strongest first.
const CLAUDE_KEYS: [&str; 6] = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "ANTHROPIC_PROFILE",
];
/// Switches that send it to another provider; they count when they are on.
const CLAUDE_CLOUDS: [&str; 3] =
    ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"];
/// Variables that outrank Codex's login.
const CODEX_KEYS: [&str; 3] = ["CODEX_API_KEY", "OPENAI_API_KEY", "CODEX_ACCESS_TOKEN"];
/// Where the tools' requests go by themselves.
const USUAL_HOSTS: [&str; 4] =
    ["api.anthropic.com", "chatgpt.com", "chat.openai.com", "api.openai.com"];
/// Names of files in one folder of managed settings that are looked at.
const MANAGED_MAX: usize = 64;

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
    if let Some(why) = whereabouts::barred(&seats, provider) {
        found.push(Caveat::Barred { provider, why });
    }
    found.extend(from_environment(provider, around.var));
    match provider {
        Provider::Claude => claude_files(around).iter().for_each(|path| claude(path, &mut found)),
        Provider::Codex => {
            let home = tool_home(provider, around.home, around.var);
            codex(&codex_layers(&home, around.etc), &mut found);
        }
    }
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
fn outranking(
    provider: Provider,
    var: &dyn Fn(&str) -> Option<String>,
    file: Option<&Path>,
    found: &mut Vec<Caveat>,
) {
    let file = file.map(Path::to_path_buf);
    let (clouds, keys, base): (&[&str], &[&str], _) = match provider {
        Provider::Claude => (&CLAUDE_CLOUDS, &CLAUDE_KEYS, "ANTHROPIC_BASE_URL"),
        Provider::Codex => (&[], &CODEX_KEYS, "OPENAI_BASE_URL"),
    };
    let on = clouds.iter().filter(|name| var(name).is_some_and(|value| is_on(&value)));
    let set = keys.iter().filter(|name| var(name).is_some_and(|value| !value.is_empty()));
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
fn is_elsewhere(address: &str) -> bool {
    let rest = address.trim().split_once("://").map_or(address.trim(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.strip_suffix(":443").unwrap_or(host);
    !host.is_empty() && !USUAL_HOSTS.iter().any(|usual| host.eq_ignore_ascii_case(usual))
}

/// Claude Code's settings: the person's, the project's, and what the machine's owner manages.
fn claude_files(around: &Surroundings<'_>) -> Vec<PathBuf> {
    let mut files =
        vec![tool_home(Provider::Claude, around.home, around.var).join("settings.json")];
    for name in ["settings.json", "settings.local.json"] {
        files.extend(around.here.map(|here| here.join(".claude").join(name)));
    }
    let managed = around.etc.join("claude-code");
    files.push(managed.join("managed-settings.json"));
    files.extend(crate::files::listed(&managed.join("managed-settings.d"), ".json", MANAGED_MAX));
    files.dedup();
    files
}

fn claude(path: &Path, found: &mut Vec<Caveat>) {
    let Some(bytes) = settings(path) else { return };
    let text = std::str::from_utf8(bytes.expose()).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(entries) = json::entries(text) else { return };
    if json::value(&entries, "apiKeyHelper").is_some_and(holds_text) {
        let (by, file) = ("apiKeyHelper".to_owned(), Some(path.to_path_buf()));
        found.push(Caveat::Outranked { provider: Provider::Claude, by, file });
    }
    let Some(env) = json::value(&entries, "env").and_then(json::entries) else { return };
    let var = |name: &str| {
        let raw = json::value(&env, name)?;
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    };
    outranking(Provider::Claude, &var, Some(path), found);
}

fn codex(layers: &[PathBuf], found: &mut Vec<Caveat>) {
    let provider = Provider::Codex;
    let mut layered: Vec<(PathBuf, CodexConfig)> = Vec::new();
    for path in layers {
        // One that is not understood is told as what bars the login.
        layered.extend(codex_config(path).ok().flatten().map(|config| (path.clone(), config)));
    }
    let last = |of: &dyn Fn(&CodexConfig) -> Option<String>| {
        layered.iter().rev().find_map(|(path, config)| Some((of(config)?, path.clone())))
    };
    let profile = last(&|config| config.profile.clone()).map(|(name, _)| name);
    let in_profile = |config: &CodexConfig| {
        profile.as_ref().and_then(|name| config.profiles.get(name)).cloned().unwrap_or_default()
    };
    let chosen = last(&|config| in_profile(config).model_provider)
        .or_else(|| last(&|config| config.model_provider.clone()));
    let signs_in = |name: &str| {
        name == "openai"
            || layered.iter().any(|(_, config)| {
                config.model_providers.get(name).is_some_and(|one| one.requires_openai_auth)
            })
    };
    if let Some((name, file)) = chosen.filter(|(name, _)| !signs_in(name)) {
        let by = format!("model_provider = \"{}\"", one_line(&name));
        found.push(Caveat::Outranked { provider, by, file: Some(file) });
    }
    let addresses = [
        ("openai_base_url", last(&|config| config.openai_base_url.clone())),
        (
            "chatgpt_base_url",
            last(&|config| {
                in_profile(config).chatgpt_base_url.or_else(|| config.chatgpt_base_url.clone())
            }),
        ),
    ];
    for (by, named) in addresses {
        if let Some((_, file)) = named.filter(|(address, _)| is_elsewhere(address)) {
            found.push(Caveat::Redirected { provider, by: by.to_owned(), file: Some(file) });
        }
    }
}

/// A name of somebody's choice, fit for a line.
fn one_line(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(40).collect()
}
