//! Where a tool really looks for its login, by its own configuration: a login in the usual file may go
//! unused, or not be let in.

use crate::login::AccountKey;
use crate::refused::Barred;
use crate::seats::Seats;
use crate::secret::Secret;
use serde::Deserialize;
use sluice_engine::Provider;
use sluice_ground::read_regular;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Configuration of the machine, set by whoever runs it.
const ETC: &str = "/etc";
/// Larger settings are nobody's.
const SETTINGS_BYTES_MAX: u64 = 4 << 20;

/// What of Codex's configuration matters here; every other key is left unread.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct CodexConfig {
    cli_auth_credentials_store: Option<String>,
    forced_login_method: Option<String>,
    forced_chatgpt_workspace_id: Option<OneOrMore>,
    pub(crate) model_provider: Option<String>,
    pub(crate) profile: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, CodexProfile>,
    #[serde(default)]
    pub(crate) model_providers: BTreeMap<String, CodexProvider>,
    pub(crate) openai_base_url: Option<String>,
    pub(crate) chatgpt_base_url: Option<String>,
}

/// One `[profiles.NAME]`.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct CodexProfile {
    pub(crate) model_provider: Option<String>,
    pub(crate) chatgpt_base_url: Option<String>,
}

/// One `[model_providers.NAME]`.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct CodexProvider {
    #[serde(default)]
    pub(crate) requires_openai_auth: bool,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::More(more) => more.iter().any(|one| one == wanted),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::One(one) => one.trim().is_empty(),
            Self::More(more) => more.is_empty(),
        }
    }
}

/// Codex's configuration in the order in which a later file outranks an earlier one.
pub(crate) fn codex_layers(home: &Path, etc: &Path) -> [PathBuf; 3] {
    [etc.join("codex/config.toml"), home.join("config.toml"), etc.join("codex/managed_config.toml")]
}

/// One file of Codex's configuration; `Err` when it is there and not understood.
pub(crate) fn codex_config(path: &Path) -> Result<Option<CodexConfig>, Barred> {
    let unknown = || Barred::Unknown { config: path.to_path_buf() };
    match read_regular(path, SETTINGS_BYTES_MAX).map(Secret::new) {
        Ok(bytes) => {
            let text = std::str::from_utf8(bytes.expose()).map_err(|_| unknown())?;
            toml::from_str(text).map(Some).map_err(|_| unknown())
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(_) => Err(unknown()),
    }
}

/// Why the login in the provider's file is not the one its tool uses, if so.
pub(crate) fn barred(seats: &Seats, provider: Provider) -> Option<Barred> {
    match (provider, &seats.codex) {
        (Provider::Codex, Some(seat)) => codex_barred(&codex_layers(&seat.home, Path::new(ETC))),
        // On Linux it knows no store but its file.
        (Provider::Codex, None) | (Provider::Claude, _) => None,
    }
}

fn codex_barred(layers: &[PathBuf]) -> Option<Barred> {
    let (mut store, mut method) = (None, None);
    for path in layers {
        let found = match codex_config(path) {
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

/// The configuration that keeps this account out, if one does: the tool would sign it out or refuse
/// to start.
pub(crate) fn keeps_out(seats: &Seats, provider: Provider, key: &AccountKey) -> Option<PathBuf> {
    keeps_out_below(seats, provider, key, Path::new(ETC))
}

fn keeps_out_below(
    seats: &Seats,
    provider: Provider,
    key: &AccountKey,
    etc: &Path,
) -> Option<PathBuf> {
    let (first, last) = key.0.split_once('/')?;
    match provider {
        Provider::Codex => {
            let layers = codex_layers(&seats.codex.as_ref()?.home, etc);
            let forced = layers.into_iter().rev().find_map(|path| {
                let forced = codex_config(&path).ok()??.forced_chatgpt_workspace_id?;
                (!forced.is_empty()).then_some((path, forced))
            });
            forced.filter(|(_, forced)| !forced.names(first)).map(|(path, _)| path)
        }
        Provider::Claude => {
            let path = etc.join("claude-code/managed-settings.json");
            let forced = forced_organization(&path)?;
            (!forced.is_empty() && !forced.names(last)).then_some(path)
        }
    }
}

/// The organisation that Claude Code's managed settings ask for.
fn forced_organization(path: &Path) -> Option<OneOrMore> {
    #[derive(Deserialize)]
    struct Managed {
        #[serde(rename = "forceLoginOrgUUID")]
        forced: Option<OneOrMore>,
    }
    let managed: Managed = serde_json::from_slice(settings(path)?.expose()).ok()?;
    managed.forced
}

/// The bytes of a settings file that is there and can be read.
pub(crate) fn settings(path: &Path) -> Option<Secret> {
    read_regular(path, SETTINGS_BYTES_MAX).ok().map(Secret::new)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
mod tests {
    use super::*;
    use crate::seats::{ClaudeSeat, CodexSeat};

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
        codex_barred(&codex_layers(&dir.path().join("home"), &dir.path().join("etc")))
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
            let home = dir.path().join("home");
            let seats = Seats {
                claude: Some(ClaudeSeat { dir: home.clone(), config: home.join(".claude.json") }),
                codex: Some(CodexSeat { home }),
            };
            keeps_out_below(&seats, provider, &AccountKey(key.into()), &dir.path().join("etc"))
                .is_some()
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
