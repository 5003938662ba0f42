//! Codex's seat: `auth.json`, rewritten in place by the tool; its identity is inside.

use super::Unreadable;
use super::found::Found;
use crate::secret::Secret;
use crate::vault::{Salt, Vintage};
use sluice_engine::Utc;

/// The credential file's name.
pub(crate) const FILE: &str = "auth.json";

/// Reads `auth.json`; total.
pub(crate) fn examine(bytes: &Secret, salt: &Salt) -> Found {
    let _ = (bytes, salt);
    Found::Unreadable(Unreadable::NotJson)
}

/// The body of the refresh request.
pub(crate) fn refresh_request(vintage: &Vintage) -> Option<Secret> {
    let _ = vintage;
    None
}

/// `auth.json` after a refresh.
pub(crate) fn merge_reply(kept: &Vintage, body: &Secret, now: Utc) -> Option<Secret> {
    let _ = (kept, body, now);
    None
}
