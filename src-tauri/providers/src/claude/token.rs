//! What a token answer says besides its secrets. The secrets go to custody unread.

use crate::json::Oddities;

/// The part of a successful token answer that is not secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// A successor of the refresh token came along; without one the old token stays good.
    pub rotated: bool,
    /// Seconds until the bearer ends.
    pub expires_in: Option<i64>,
    /// The answer says the login is over, although it came with a success status.
    pub dead: bool,
    /// The account it is for, where it says so.
    pub account: Option<String>,
    /// The organisation it is for, where it says so.
    pub organization: Option<String>,
}

impl TokenFacts {
    /// The answer names another account or organisation than the one that was asked for: it must not
    /// take that one's place. What it does not say contradicts nothing.
    #[must_use]
    pub fn is_for_another(&self, account: &str, organization: &str) -> bool {
        let other = |said: &Option<String>, own: &str| {
            said.as_deref().is_some_and(|said| !own.is_empty() && said != own)
        };
        other(&self.account, account) || other(&self.organization, organization)
    }
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
        account: odd.text(map.get("account").and_then(|it| it.get("uuid")), "account.uuid"),
        organization: odd
            .text(map.get("organization").and_then(|it| it.get("uuid")), "organization.uuid"),
        dead: map.get("shouldLogout").and_then(|it| it.as_bool()) == Some(true),
    })
}
