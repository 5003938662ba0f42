//! Codex's configuration: where it really looks for its login, and what outranks it. A login in the usual
//! file may go unused, or not be let in.

use crate::login::AccountKey;
use crate::refused::Barred;
use crate::seats::caveats::{Caveat, is_elsewhere};
use crate::seats::settings::{OneOrMore, SETTINGS_BYTES_MAX};
use crate::secret::Secret;
use serde::Deserialize;
use sluice_engine::Provider;
use sluice_ground::read_regular;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The configuration's name.
pub(super) const FILE: &str = "config.toml";

/// What of Codex's configuration matters here; every other key is left unread.
#[derive(Clone, Default, Deserialize)]
struct Config {
    cli_auth_credentials_store: Option<String>,
    forced_login_method: Option<String>,
    forced_chatgpt_workspace_id: Option<OneOrMore>,
    model_provider: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
    #[serde(default)]
    model_providers: BTreeMap<String, ModelProvider>,
    openai_base_url: Option<String>,
    chatgpt_base_url: Option<String>,
}

/// One `[profiles.NAME]`.
#[derive(Clone, Default, Deserialize)]
struct Profile {
    model_provider: Option<String>,
    chatgpt_base_url: Option<String>,
}

/// One `[model_providers.NAME]`.
#[derive(Clone, Default, Deserialize)]
struct ModelProvider {
    #[serde(default)]
    requires_openai_auth: bool,
}

/// Codex's configuration in the order in which a later file outranks an earlier one.
pub(super) fn layers(home: &Path, etc: &Path) -> [PathBuf; 3] {
    let machine = etc.join("codex");
    [machine.join(FILE), home.join(FILE), machine.join("managed_config.toml")]
}

/// One file of Codex's configuration; `Err` when it is there and not understood.
fn config(path: &Path) -> Result<Option<Config>, Barred> {
    let unknown = || Barred::Unknown { config: path.to_path_buf() };
    match read_regular(path, SETTINGS_BYTES_MAX).map(Secret::new) {
        Ok(bytes) => parse(bytes.expose()).map(Some).ok_or_else(unknown),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(_) => Err(unknown()),
    }
}

fn parse(bytes: &[u8]) -> Option<Config> {
    toml::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

/// Whether a configuration with these bytes is understood.
pub(crate) fn is_read(bytes: &[u8]) -> bool {
    parse(bytes).is_some()
}

/// Why the login in the file is not the one the tool uses, if so.
pub(super) fn barred(layers: &[PathBuf]) -> Option<Barred> {
    let (mut store, mut method) = (None, None);
    for path in layers {
        let found = match config(path) {
            Ok(found) => found.unwrap_or_default(),
            Err(unknown) => return Some(unknown),
        };
        let named = |value: Option<String>| value.map(|value| (value, path.clone()));
        store = named(found.cli_auth_credentials_store).or(store);
        method = named(found.forced_login_method).or(method);
    }
    let method = method.filter(|(method, _)| method == "api");
    if let Some((_, config)) = method {
        return Some(Barred::KeysOnly { config });
    }
    let (store, config) = store?;
    match store.as_str() {
        "file" => None,
        // `auto` asks the keyring first, and moves the login there at its next renewal.
        "keyring" | "auto" => Some(Barred::Keyring { config }),
        "ephemeral" => Some(Barred::Memory { config }),
        _ => Some(Barred::Unknown { config }),
    }
}

/// The configuration that asks for another workspace than the account's, if one does.
pub(super) fn keeps_out(layers: &[PathBuf], key: &AccountKey) -> Option<PathBuf> {
    let (workspace, _) = key.0.split_once('/')?;
    let forced = layers.iter().rev().find_map(|path| {
        let forced = config(path).ok()??.forced_chatgpt_workspace_id?;
        (!forced.is_empty()).then_some((path, forced))
    });
    forced.filter(|(_, forced)| !forced.names(workspace)).map(|(path, _)| path.clone())
}

/// What of it keeps a login from taking effect.
pub(super) fn caveats(provider: Provider, layers: &[PathBuf], found: &mut Vec<Caveat>) {
    let mut layered: Vec<(PathBuf, Config)> = Vec::new();
    for path in layers {
        // One that is not understood is told as what bars the login.
        layered.extend(config(path).ok().flatten().map(|config| (path.clone(), config)));
    }
    let last = |of: &dyn Fn(&Config) -> Option<String>| {
        layered.iter().rev().find_map(|(path, config)| Some((of(config)?, path.clone())))
    };
    let profile = last(&|config| config.profile.clone()).map(|(name, _)| name);
    let in_profile = |config: &Config| {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::*;
    use crate::seats::{Seat, tool};

    fn dir_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn found(files: &[(&str, &str)]) -> Option<Barred> {
        let dir = dir_with(files);
        barred(&layers(&dir.path().join("home"), &dir.path().join("etc")))
    }

    #[test]
    fn the_store_that_the_configuration_names_decides() {
        let user = "home/config.toml";
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[(user, "model = \"x\"\n[features]\na = true\n")]), None);
        assert_eq!(found(&[(user, "cli_auth_credentials_store = \"file\"")]), None);
        for store in ["keyring", "auto"] {
            let text = format!("# mine\ncli_auth_credentials_store = '{store}' # kept there\n");
            assert!(matches!(found(&[(user, &text)]), Some(Barred::Keyring { .. })), "{store}");
        }
        let memory = found(&[(user, "cli_auth_credentials_store = \"ephemeral\"")]);
        assert!(matches!(memory, Some(Barred::Memory { .. })));
        let later = found(&[(user, "cli_auth_credentials_store = \"vault\"")]);
        assert!(matches!(later, Some(Barred::Unknown { .. })), "a store that nobody knows yet");
        let torn = found(&[(user, "cli_auth_credentials_store = \"key")]);
        assert!(matches!(torn, Some(Barred::Unknown { .. })));
        let inside = found(&[(user, "[other]\ncli_auth_credentials_store = \"keyring\"\n")]);
        assert_eq!(inside, None, "the key of another table");
        let keys = found(&[(user, "forced_login_method = \"api\"")]);
        assert!(matches!(keys, Some(Barred::KeysOnly { .. })));
    }

    #[test]
    fn the_machines_configuration_and_the_persons_are_layered() {
        let keyring = "cli_auth_credentials_store = \"keyring\"";
        let file = "cli_auth_credentials_store = \"file\"";
        let system = ("etc/codex/config.toml", keyring);
        assert!(matches!(found(&[system]), Some(Barred::Keyring { .. })));
        assert_eq!(found(&[system, ("home/config.toml", file)]), None);
        let managed = ("etc/codex/managed_config.toml", keyring);
        let told = found(&[("home/config.toml", file), managed]).unwrap();
        assert!(told.to_string().contains("managed_config.toml"), "{told}");
    }

    #[test]
    fn an_account_of_another_workspace_is_known_to_be_kept_out() {
        let out = |files: &[(&str, &str)], provider, key: &str| {
            let dir = dir_with(files);
            let seat = Seat::at(provider, &dir.path().join("home"));
            let etc = dir.path().join("etc");
            tool(provider).keeps_out(&seat, &AccountKey(key.into()), &etc).is_some()
        };
        let forced = [("home/config.toml", "forced_chatgpt_workspace_id = \"w1\"")];
        assert!(!out(&forced, Provider::Codex, "w1/u"));
        assert!(out(&forced, Provider::Codex, "w2/u"));
        let several = [("home/config.toml", "forced_chatgpt_workspace_id = [\"w1\", \"w2\"]")];
        assert!(!out(&several, Provider::Codex, "w2/u"));
        assert!(!out(&[], Provider::Codex, "w2/u"));
        let managed =
            [("etc/claude-code/managed-settings.json", "{\"forceLoginOrgUUID\":\"org-a\"}")];
        assert!(!out(&managed, Provider::Claude, "uuid/org-a"));
        assert!(out(&managed, Provider::Claude, "uuid/org-b"));
    }
}
