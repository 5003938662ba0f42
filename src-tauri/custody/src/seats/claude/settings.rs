//! Claude Code's settings: what outranks its login, and whom the machine's owner lets in.

use crate::json;
use crate::login::AccountKey;
use crate::seats::caveats::{Caveat, Surroundings, outranking};
use crate::seats::foreign::holds_text;
use crate::seats::settings::{OneOrMore, settings};
use crate::seats::tool_home;
use serde::Deserialize;
use sluice_engine::Provider;
use std::path::{Path, PathBuf};

/// Where the machine's owner manages settings, below the machine's configuration.
const MANAGED: &str = "claude-code";
/// The one file there that always counts.
const MANAGED_FILE: &str = "managed-settings.json";
/// Names of files in one folder of managed settings that are looked at.
const MANAGED_MAX: usize = 64;

/// Claude Code's settings: the person's, the project's, and what the machine's owner manages.
pub(super) fn files(provider: Provider, around: &Surroundings<'_>) -> Vec<PathBuf> {
    let mut files = vec![tool_home(provider, around.home, around.var).join("settings.json")];
    for name in ["settings.json", "settings.local.json"] {
        files.extend(around.here.map(|here| here.join(super::USUAL).join(name)));
    }
    let managed = around.etc.join(MANAGED);
    files.push(managed.join(MANAGED_FILE));
    files.extend(crate::files::listed(&managed.join("managed-settings.d"), ".json", MANAGED_MAX));
    files.dedup();
    files
}

/// What of one file keeps a login from taking effect.
pub(super) fn caveats(provider: Provider, path: &Path, found: &mut Vec<Caveat>) {
    if let Some(bytes) = settings(path) {
        caveats_in(provider, bytes.expose(), path, found);
    }
}

/// The same of a file's bytes.
pub(crate) fn caveats_in(provider: Provider, bytes: &[u8], path: &Path, found: &mut Vec<Caveat>) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(entries) = json::entries(text) else { return };
    if json::value(&entries, "apiKeyHelper").is_some_and(holds_text) {
        let (by, file) = ("apiKeyHelper".to_owned(), Some(path.to_path_buf()));
        found.push(Caveat::Outranked { provider, by, file });
    }
    let Some(env) = json::value(&entries, "env").and_then(json::entries) else { return };
    let var = |name: &str| {
        let raw = json::value(&env, name)?;
        Some(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()))
    };
    outranking(provider, &var, Some(path), found);
}

/// The managed settings that ask for another organisation than the account's, if they do.
pub(super) fn keeps_out(etc: &Path, key: &AccountKey) -> Option<PathBuf> {
    let path = etc.join(MANAGED).join(MANAGED_FILE);
    forces_other(settings(&path)?.expose(), key).then_some(path)
}

/// Whether managed settings with these bytes ask for another organisation than the account's.
pub(crate) fn forces_other(bytes: &[u8], key: &AccountKey) -> bool {
    #[derive(Deserialize)]
    struct Managed {
        #[serde(rename = "forceLoginOrgUUID")]
        forced: Option<OneOrMore>,
    }
    let managed = serde_json::from_slice::<Managed>(bytes).ok();
    let asked = managed.and_then(|managed| managed.forced).zip(key.0.split_once('/'));
    asked.is_some_and(|(forced, (_, own))| !forced.is_empty() && !forced.names(own))
}
