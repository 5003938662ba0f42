//! What a login of Claude's tool is good for, by what its file says of it.

use super::{Login, Reading, read, text, top_level};
use crate::json;
use crate::seats::foreign::holds_text;
use crate::secret::Secret;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a login is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginKind {
    /// A subscription's, which may read its own usage.
    Subscription,
    /// A token for inference alone (`claude setup-token`): it works, and nothing tells its usage.
    InferenceOnly,
    /// An API key: no subscription.
    ApiKey,
    /// None that is known.
    None,
}

/// The scope without which the usage endpoint refuses.
const USAGE_SCOPE: &str = "user:profile";

/// What kind of login a credential file holds; total.
#[must_use]
pub fn login_kind(bytes: &Secret) -> LoginKind {
    match read(bytes) {
        Reading::Login(login) => login.kind(),
        Reading::Foreign(_) => {
            let entries = top_level(bytes).map(|(_, entries)| entries).unwrap_or_default();
            let key =
                API_KEYS.iter().any(|name| json::value(&entries, name).is_some_and(holds_text));
            if key { LoginKind::ApiKey } else { LoginKind::None }
        }
        Reading::Emptied | Reading::SignedOut | Reading::Unreadable(_) => LoginKind::None,
    }
}

/// Names under which an API key was seen where a login should be.
const API_KEYS: [&str; 3] = ["primaryApiKey", "apiKey", "ANTHROPIC_API_KEY"];

impl Login<'_> {
    /// Old files name no scopes; without a successor too it is a token made for scripts.
    fn kind(&self) -> LoginKind {
        let list = |raw: &RawValue| serde_json::from_str::<Vec<Cow<'_, str>>>(raw.get()).ok();
        let named = match self.oauth.scopes {
            Some(raw) => list(raw)
                .map(|scopes| scopes.iter().any(|scope| scope == USAGE_SCOPE))
                .or_else(|| Some(text(Some(raw))?.split_whitespace().any(|it| it == USAGE_SCOPE))),
            None => None,
        };
        match named {
            Some(true) => LoginKind::Subscription,
            None if self.refresh.is_some() => LoginKind::Subscription,
            Some(false) | None => LoginKind::InferenceOnly,
        }
    }
}
