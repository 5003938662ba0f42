//! Doors to the parsers of what others wrote, for tests that feed them bytes nobody wrote. They keep
//! nothing, read no file, and hand out no secret.

use crate::json;
use crate::login::AccountKey;
use crate::parts;
use crate::refresh;
use crate::seats::found::{Found, FoundLogin};
use crate::seats::{claude, codex, tool};
use crate::secret::Secret;
use crate::vault::{Salt, Vintage};
use sluice_engine::{Provider, Utc};
use std::path::Path;
use zeroize::Zeroizing;

fn salt() -> Salt {
    Salt(Zeroizing::new(vec![7; 32]))
}

fn found(provider: Provider, bytes: &[u8]) -> Option<FoundLogin> {
    match tool(provider).examine(&Secret::new(bytes.to_vec()), &salt()) {
        Found::Login(login) => Some(login),
        Found::Stub | Found::Foreign(_) | Found::Unreadable(_) => None,
    }
}

fn vintage(provider: Provider, login: FoundLogin) -> Vintage {
    login.into_vintage(provider, AccountKey("a/b".into()), None)
}

/// Reads a credential file and places the login that is in it over another file.
///
/// # Panics
/// When what was placed is not the same login.
pub fn placed(provider: Provider, store: &[u8], live: Option<&[u8]>) {
    let Some(login) = found(provider, store) else { return };
    let before = login.fingerprint.clone();
    let kept = vintage(provider, login);
    drop(tool(provider).refresh_request(&kept));
    let live = live.map(|live| Secret::new(live.to_vec()));
    if let Some(placed) = tool(provider).compose(live.as_ref(), &kept) {
        let after = found(provider, placed.expose()).map(|login| login.fingerprint);
        assert!(after == Some(before), "the login that was placed is another");
    }
}

/// Joins the answer of a token endpoint to a login, and says what a refusal with that status means.
///
/// # Panics
/// When a login with the answer's tokens can no longer be read.
pub fn exchanged(provider: Provider, store: &[u8], answer: &[u8], status: u16, now: Utc) {
    let answer = Secret::new(answer.to_vec());
    drop(refresh::classify(status, &answer));
    let Some(login) = found(provider, store) else { return };
    let refreshable = login.refreshable;
    let kept = vintage(provider, login);
    if let Some(merged) = tool(provider).merge_reply(&kept, &answer, now) {
        let merged = found(provider, merged.expose());
        assert!(merged.is_some_and(|login| login.refreshable || !refreshable), "a token was lost");
    }
}

/// Reads the tool's global configuration and puts another identity into it.
///
/// # Panics
/// When the identity that was put in cannot be read back, or another key changed.
pub fn named(config: &[u8]) {
    let bytes = Secret::new(config.to_vec());
    let Ok((text, entries)) = claude::top_level(&bytes) else { return };
    drop(claude::read_identity(&entries));
    let _held = claude::holds_api_key(&entries);
    let block = "{\"accountUuid\":\"sluice\",\"organizationUuid\":null}";
    let Some(new) = json::splice(text, &[("oauthAccount", Some(block))]) else { return };
    let new = Secret::from(new);
    let Ok((_, after)) = claude::top_level(&new) else { panic!("the configuration was broken") };
    let named = claude::read_identity(&after).ok().flatten();
    assert!(named.is_some_and(|named| named.block == block), "the identity was not put in");
    for entry in entries.iter().filter(|entry| entry.key != "oauthAccount") {
        assert_eq!(json::value(&after, &entry.key), Some(entry.value), "another key changed");
    }
}

/// Whether the tool would use an API key that its configuration holds.
#[must_use]
pub fn holds_api_key(config: &[u8]) -> bool {
    let bytes = Secret::new(config.to_vec());
    claude::top_level(&bytes).is_ok_and(|(_, entries)| claude::holds_api_key(&entries))
}

/// Reads what this program keeps itself: a sealed login and the head of one in parts.
#[must_use]
pub fn kept(bytes: &[u8]) -> bool {
    let secret = Secret::new(bytes.to_vec());
    let head = parts::parts_of(&secret).is_ok();
    Vintage::is_one(&secret) && head
}

/// Reads the tools' settings: JSON of Claude Code, TOML of Codex.
pub fn settings(bytes: &[u8]) {
    let mut caveats = Vec::new();
    let path = Path::new("/settings");
    for provider in Provider::ALL {
        claude::settings::caveats_in(provider, bytes, path, &mut caveats);
    }
    let key = AccountKey("account/organization".to_owned());
    let _out = claude::settings::forces_other(bytes, &key);
    let _read = codex::config::is_read(bytes);
}
