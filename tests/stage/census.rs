//! Where every login is, and where no secret may be.

use super::Stage;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where each login was found.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Mail addresses of accounts with a refresh token that the provider would still take.
    pub kept: BTreeSet<String>,
    /// Mail addresses of accounts without one: lost.
    pub lost: BTreeSet<String>,
    /// Items of ours in the keychain.
    pub keychain_items: usize,
    /// Accounts with an item in the keychain.
    pub keychain_accounts: usize,
}

impl Stage {
    /// Looks for a usable login of each of these accounts in the seat, the keychain and every file of
    /// the seat's and the data directory (parked and staged ones).
    #[must_use]
    pub fn census(&self, emails: &[&str]) -> Census {
        let items = self.desktop.secrets("");
        let items: Vec<_> = items
            .into_iter()
            .filter(|item| item.attributes.values().any(|value| value.contains(self.namespace())))
            .collect();
        let mut found = BTreeSet::new();
        let mut accounts = BTreeSet::new();
        for item in &items {
            let tokens = self.refresh_tokens(&item.secret);
            accounts.extend(tokens.iter().filter_map(|token| self.owner(token)));
            found.extend(tokens);
        }
        for file in files_below(&self.tool.dir).into_iter().chain(files_below(self.data())) {
            found.extend(self.refresh_tokens(&std::fs::read(file).unwrap_or_default()));
        }
        let now = self.fake.world().clock.now();
        let usable: BTreeSet<String> = {
            let state = self.fake.world().state();
            found.retain(|token| state.tokens.usable(token, now));
            drop(state);
            found.iter().filter_map(|token| self.owner(token)).collect()
        };
        let (kept, lost) =
            emails.iter().map(|email| (*email).to_owned()).partition(|e| usable.contains(e));
        Census { kept, lost, keychain_items: items.len(), keychain_accounts: accounts.len() }
    }

    /// The keychain holds this refresh token.
    #[must_use]
    pub fn keychain_holds(&self, refresh: &str) -> bool {
        let items = self.desktop.secrets("");
        items.iter().any(|item| self.refresh_tokens(&item.secret).iter().any(|t| t == refresh))
    }

    fn owner(&self, refresh: &str) -> Option<String> {
        let state = self.fake.world().state();
        state.tokens.owner(refresh).map(|index| state.accounts[index].spec.email.clone())
    }

    fn refresh_tokens(&self, bytes: &[u8]) -> Vec<String> {
        let start = format!("sk-ant-ort01-{}", self.fake.canary());
        let text = String::from_utf8_lossy(bytes);
        let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
        text.match_indices(&start)
            .map(|(at, _)| text[at..].split(ends).next().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Every file below a directory.
#[must_use]
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(path),
                Ok(kind) if kind.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// A secret in every dress it could leave in.
pub struct Canary {
    dresses: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    /// All forms of `secret`: raw, reversed, hexadecimal, URL- and JSON-escaped, base64 (both
    /// alphabets) at each of the three offsets it may have in a longer text.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let bytes = secret.as_bytes();
        let mut dresses = vec![("raw", bytes.to_vec())];
        dresses.push(("reversed", bytes.iter().rev().copied().collect()));
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        dresses.push(("hex", hex.clone().into_bytes()));
        dresses.push(("HEX", hex.to_uppercase().into_bytes()));
        let url: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
        dresses.push(("url", url.into_bytes()));
        let utf16: Vec<u8> = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
        dresses.push(("utf-16", utf16));
        for offset in 0..3 {
            // Of a longer text only the inner characters are the secret's alone.
            let padded = [&b"xx"[..offset], bytes].concat();
            for code in [STANDARD, URL_SAFE] {
                let coded = code.encode(&padded);
                let from = if offset == 0 { 0 } else { 4 };
                let to = coded.len() / 4 * 4 - 4;
                dresses.push(("base64", coded.as_bytes()[from..to].to_vec()));
            }
        }
        Self { dresses }
    }

    /// The dress in which the secret stands in `bytes`.
    #[must_use]
    pub fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let holds = |dress: &[u8]| bytes.windows(dress.len()).any(|piece| piece == dress);
        self.dresses.iter().find(|(_, dress)| holds(dress)).map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_seen_through_every_dress() {
        let secret = "SLUICECANARY0123456789abcdef";
        let canary = Canary::new(secret);
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let url: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for dressed in [format!("a{secret}b"), hex.clone(), hex.to_uppercase(), url] {
            assert!(canary.found_in(dressed.as_bytes()).is_some(), "{dressed}");
        }
        for before in ["", "a", "ab", "abc", "token: "] {
            for after in ["", "z", "zz"] {
                let text = format!("{before}{secret}{after}");
                assert_eq!(
                    canary.found_in(STANDARD.encode(&text).as_bytes()),
                    Some("base64"),
                    "{text}"
                );
            }
        }
        let backwards: String = secret.chars().rev().collect();
        assert_eq!(canary.found_in(backwards.as_bytes()), Some("reversed"));
        assert_eq!(canary.found_in(b"nothing of the kind"), None);
        assert_eq!(canary.found_in(b"short"), None);
    }
}
