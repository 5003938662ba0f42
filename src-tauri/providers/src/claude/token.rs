//! What a token answer says besides its secrets. The secrets go to custody unread.

use crate::json::Oddities;

/// The part of a successful token answer that is not secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// A successor of the refresh token came along; without one the old token stays good.
    pub rotated: bool,
    /// Seconds until the bearer ends.
    pub expires_in: Option<i64>,
    /// The answer says the login is over, although it came with a success status.
    pub dead: bool,
}

/// Reads a token answer; `None` when it is not a JSON object. Copies made on the way are the
/// parser's own and short-lived; custody reads the secrets themselves.
#[must_use]
pub fn token_facts(bytes: &[u8]) -> Option<TokenFacts> {
    let mut odd = Oddities::default();
    let document = odd.document(bytes)?;
    let map = odd.object(Some(&document), "")?;
    let there =
        |name: &str| map.get(name).and_then(|it| it.as_str()).is_some_and(|it| !it.is_empty());
    let seconds = odd.number(map.get("expires_in"), "expires_in");
    Some(TokenFacts {
        rotated: there("refresh_token"),
        expires_in: seconds.filter(|seconds| (0.0..1e10).contains(seconds)).map(|it| it as i64),
        dead: map.get("shouldLogout").and_then(|it| it.as_bool()) == Some(true),
    })
}
